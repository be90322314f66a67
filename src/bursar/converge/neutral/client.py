"""How does a call reach the neutral provider, and how are its pages read to the end?"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from bursar.converge.neutral.failures import CURSOR_UNKNOWN, DATA_CHANGED, PAGE_UNKNOWN, classify
from bursar.converge.neutral.wire import (
    Account,
    AccountsEnvelope,
    ChangesEnvelope,
    Exchanged,
    Gone,
    Holding,
    HoldingsEnvelope,
    Link,
    ListEnvelope,
    Login,
    Model,
    Row,
    Rows,
    WindowEnvelope,
    decode_rows,
)
from bursar.transport.auth import HeaderAuth
from bursar.transport.client import HttpClient, Response
from bursar.transport.errors import Problem, TransportError, UnavailableError
from bursar.transport.pages import iter_pages
from bursar.transport.redaction import Secret
from bursar.transport.retry import NEVER_REPEAT, RetryPolicy
from bursar.transport.timing import Timing
from bursar.transport.wire import AsyncWire

EnvelopeT = TypeVar("EnvelopeT", bound=Model)

MAX_RESTARTS = 5
# A 429 without a wait comes from a window of a minute: repeating within the call would only spend the next one.
_RETRY = RetryPolicy(rate_limit_wait_s=60.0)


@dataclass(frozen=True, slots=True)
class Changes:
    """One page of a feed."""

    positive: str
    added: Rows[Row]
    modified: Rows[Row]
    removed: Rows[Gone]
    next_cursor: str
    has_more: bool


@dataclass(frozen=True, slots=True)
class Listing:
    """A list of one account's rows; `positive` says which way its amounts are positive."""

    positive: str
    rows: Rows[Row]


@dataclass(frozen=True, slots=True)
class Holdings:
    """The positions of one account."""

    envelope: HoldingsEnvelope
    rows: Rows[Holding]


class NeutralClient:
    """The provider's API, one method a question.

    Args:
        base_url: scheme, host, and the prefix that the provider is served under.
        secret: this deployment's.
        name: for logs.
        http_client: an open client to use; its owner closes it.
        timing: clock, sleep and dice.
    """

    def __init__(
        self, base_url: str, secret: str, *, name: str, timing: Timing, http_client: AsyncWire | None = None
    ) -> None:
        self._http = HttpClient(
            base_url,
            name=name,
            auth=HeaderAuth({"X-Api-Secret": Secret(secret)}),
            classify=classify,
            retry=_RETRY,
            timing=timing,
            client=http_client,
        )

    async def start_consent(self, user_reference: str) -> Link:
        """Make a link token; harmless to repeat, because one that nobody follows does nothing."""
        response = await self._http.send(
            "POST", "/consents", json_body={"user_reference": user_reference}, idempotent=True
        )
        return self._decode(response, Link)

    async def exchange(self, code: str) -> Exchanged:
        """Exchange a single-use code; sent once."""
        response = await self._http.send(
            "POST", "/consents/exchange", json_body={"code": code}, idempotent=False, retry=NEVER_REPEAT
        )
        return self._decode(response, Exchanged)

    async def get_login(self, token: str) -> Login:
        """Say whose consent it is."""
        return self._decode(await self._get(token, "/login"), Login)

    async def end_consent(self, token: str) -> None:
        """Give the consent back."""
        await self._http.send("DELETE", "/login", headers={"X-Access-Token": token})

    async def get_accounts(self, token: str) -> Rows[Account]:
        """Read every account."""
        response = await self._get(token, "/accounts")
        envelope = self._decode(response, AccountsEnvelope)
        return decode_rows(self._http, response, envelope.accounts, Account, "accounts")

    async def get_holdings(self, token: str, account_id: str) -> Holdings:
        """Read an account's positions."""
        response = await self._get(token, "/holdings", {"account": account_id})
        envelope = self._decode(response, HoldingsEnvelope)
        self._check_account(response, envelope.account_id, account_id)
        return Holdings(envelope, decode_rows(self._http, response, envelope.holdings, Holding, "holdings"))

    async def get_changes(self, token: str, cursor: str | None) -> list[Changes]:
        """Read every page of what changed since a cursor (None: everything there is).

        An update is worth nothing without its last page: when the data changes meanwhile, all of it is read again.

        Raises:
            TransportError: with the code `cursor_unknown` when only the beginning helps.
        """

        async def fetch(at: str) -> Changes:
            response = await self._get(token, "/changes", {"cursor": at} if at else None)
            page = self._decode(response, ChangesEnvelope)
            return Changes(
                page.positive,
                decode_rows(self._http, response, page.added, Row, "added"),
                decode_rows(self._http, response, page.modified, Row, "modified"),
                decode_rows(self._http, response, page.removed, Gone, "removed"),
                page.next_cursor,
                page.has_more,
            )

        restarts = 0
        while True:
            try:
                return [
                    page
                    async for page in iter_pages(
                        fetch, lambda page: page.next_cursor if page.has_more else None, first=cursor or ""
                    )
                ]
            except TransportError as error:
                if error.code != DATA_CHANGED or restarts == MAX_RESTARTS:
                    raise
                restarts += 1

    async def get_window(
        self, token: str, account_id: str, since: date | None, until: date | None
    ) -> tuple[Listing, ...]:
        """Read every page of an account's rows between two days, both inclusive; None is open.

        Pages can come twice or shift while they are read, and nothing says so but the counts: pages that do not add up
        to one listing are read again.

        Raises:
            TransportError: with the code `data_changed` when they never did.
        """
        for _ in range(MAX_RESTARTS + 1):
            pages = await self._read_window(token, account_id, since, until)
            if pages is not None:
                return pages
        raise contradiction()

    async def get_list(self, token: str, account_id: str) -> tuple[Listing, ...]:
        """Read all booked and all pending rows of an account; sent once, because each attempt spends a read."""
        response = await self._get(token, "/transactions", {"account": account_id}, retry=NEVER_REPEAT)
        envelope = self._decode(response, ListEnvelope)
        self._check_account(response, envelope.account_id, account_id)
        return (
            Listing(envelope.booked_positive, decode_rows(self._http, response, envelope.booked, Row, "booked")),
            Listing(envelope.pending_positive, decode_rows(self._http, response, envelope.pending, Row, "pending")),
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    def __repr__(self) -> str:
        return f"NeutralClient({self._http.base_url!r})"

    async def _read_window(
        self, token: str, account_id: str, since: date | None, until: date | None
    ) -> tuple[Listing, ...] | None:
        """The pages of one listing; None when they are not one."""
        span = {"account": account_id}
        span |= {"from": since.isoformat()} if since is not None else {}
        span |= {"to": until.isoformat()} if until is not None else {}
        read_count = 0

        async def fetch(page: str) -> tuple[WindowEnvelope, Rows[Row]]:
            nonlocal read_count
            response = await self._get(token, "/transactions", {**span, "page": page} if page else span)
            envelope = self._decode(response, WindowEnvelope)
            self._check_account(response, envelope.account_id, account_id)
            rows = decode_rows(self._http, response, envelope.transactions, Row, "transactions", at=read_count)
            read_count += rows.count
            return envelope, rows

        try:
            pages = [page async for page in iter_pages(fetch, lambda page: page[0].next_page, first="")]
        except TransportError as error:
            if error.code == PAGE_UNKNOWN:
                return None
            raise
        numbers = [envelope.page for envelope, _ in pages]
        totals = {envelope.total for envelope, _ in pages}
        if numbers != list(range(1, len(pages) + 1)) or totals != {read_count}:
            return None
        return tuple(Listing(envelope.positive, rows) for envelope, rows in pages)

    async def _get(
        self, token: str, path: str, params: Mapping[str, str] | None = None, *, retry: RetryPolicy | None = None
    ) -> Response:
        return await self._http.send("GET", path, params=params, headers={"X-Access-Token": token}, retry=retry)

    def _decode(self, response: Response, type_: type[EnvelopeT]) -> EnvelopeT:
        return self._http.decode(response, type_)

    def _check_account(self, response: Response, told: str, asked: str) -> None:
        if told != asked:
            raise classify(_problem(response, "the answer is about another account"))


def _problem(response: Response, reason: str) -> Problem:
    return Problem(
        "payload",
        response.method,
        response.path,
        reason,
        status=response.status,
        headers=response.headers,
        body=response.body,
        attempts=response.attempts,
        secrets=response.secrets,
    )


def contradiction() -> TransportError:
    """The error for answers that contradict each other, because the data changed between them: try again later."""
    return UnavailableError("the answers of one reading contradict each other", status=200, code=DATA_CHANGED)


def is_cursor_unknown(error: TransportError) -> bool:
    """Whether the provider does not know the place that was asked for: only the beginning helps."""
    return error.code == CURSOR_UNKNOWN
