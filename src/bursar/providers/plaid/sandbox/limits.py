"""Has an endpoint been called too often within a minute of the virtual clock?"""

from collections import defaultdict, deque
from dataclasses import dataclass
from datetime import datetime, timedelta

from bursar.providers.plaid.sandbox.problems import PlaidProblemError

_WINDOW = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Limit:
    """Calls a minute in the sandbox environment; None where an endpoint has no item."""

    per_item: int | None
    per_client: int
    item_code: str
    client_code: str


def _same(per_item: int | None, per_client: int, code: str) -> Limit:
    return Limit(per_item, per_client, code, code)


LIMITS = {
    "/accounts/get": _same(100, 5_000, "ACCOUNTS_LIMIT"),
    "/accounts/balance/get": Limit(25, 100, "BALANCE_LIMIT", "ACCOUNTS_BALANCE_GET_LIMIT"),
    "/auth/get": _same(100, 500, "AUTH_LIMIT"),
    "/identity/get": _same(100, 1_000, "IDENTITY_LIMIT"),
    "/item/get": _same(40, 5_000, "ITEM_GET_LIMIT"),
    "/item/remove": _same(100, 500, "RATE_LIMIT"),
    "/transactions/get": _same(80, 1_000, "TRANSACTIONS_LIMIT"),
    "/transactions/sync": _same(50, 1_000, "TRANSACTIONS_SYNC_LIMIT"),
    "/transactions/refresh": _same(2, 100, "RATE_LIMIT"),
    "/investments/holdings/get": _same(100, 1_000, "INVESTMENT_HOLDINGS_GET_LIMIT"),
    "/investments/transactions/get": _same(100, 1_000, "INVESTMENT_TRANSACTIONS_LIMIT"),
    "/liabilities/get": _same(10, 1_000, "RATE_LIMIT"),
    "/institutions/get": _same(None, 10, "INSTITUTIONS_GET_LIMIT"),
    "/institutions/get_by_id": _same(None, 400, "INSTITUTIONS_GET_BY_ID_LIMIT"),
    "/sandbox/transactions/create": _same(2, 50, "RATE_LIMIT"),
}
"""The published limits of the sandbox environment; an endpoint that is not listed has none here.

Source: https://plaid.com/docs/errors/rate-limit-exceeded/
"""


class LimitBook:
    """Counts calls in a sliding minute; a refused call does not count."""

    def __init__(self) -> None:
        self._calls: defaultdict[tuple[str, str], deque[datetime]] = defaultdict(deque)

    def spend(self, path: str, item_key: str | None, now: datetime) -> None:
        """Counts one call; raises the 429 problem of the endpoint when the minute is full."""
        limit = LIMITS.get(path)
        if limit is None:
            return
        client_calls = self._recent((path, ""), now)
        if len(client_calls) >= limit.per_client:
            raise _refusal(limit.client_code)
        if limit.per_item is not None and item_key is not None:
            item_calls = self._recent((path, item_key), now)
            if len(item_calls) >= limit.per_item:
                raise _refusal(limit.item_code)
            item_calls.append(now)
        client_calls.append(now)

    def _recent(self, key: tuple[str, str], now: datetime) -> deque[datetime]:
        calls = self._calls[key]
        while calls and calls[0] <= now - _WINDOW:
            calls.popleft()
        return calls


def _refusal(code: str) -> PlaidProblemError:
    return PlaidProblemError("RATE_LIMIT_EXCEEDED", code, "rate limit exceeded; try again later", status=429)
