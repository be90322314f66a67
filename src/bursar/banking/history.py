"""What did accounts hold, day by day, and where is it going?

One snapshot per account and day: a second one of the same day replaces the first. Amounts of two currencies are never
added: sums come per currency, and a series of one account in two currencies is an error.
"""

import asyncio
import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from typing import Literal

from pydantic import ValidationError

from bursar.banking.balance_store import BalanceHistory, BalanceStore, SQLiteBalanceStore
from bursar.banking.exceptions import BankingProviderError, InvalidInputError
from bursar.banking.face import Banking
from bursar.banking.filters import read_day
from bursar.domain.money import CurrencyMismatchError

__all__ = [
    "AverageBalance",
    "BalanceHistory",
    "BalanceStore",
    "BalanceTrend",
    "NetWorth",
    "SQLiteBalanceStore",
    "TrackingReport",
    "average_daily_balance",
    "get_balance_history",
    "get_trend",
    "net_worth_by_day",
    "track_balance",
    "track_logins",
]

Day = datetime.date | str
_EXACT_DIGITS = 60
"""Sums of amounts are exact: none has half as many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceTrend:
    """How a series went from its first to its last snapshot."""

    first: BalanceHistory
    last: BalanceHistory
    direction: Literal["increasing", "decreasing", "unchanged"]
    change: Decimal
    change_percent: Decimal | None
    """Of the size of the first balance: a debt that halves is +50; None when the first balance is zero."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AverageBalance:
    """The mean of the balances at the ends of days."""

    balance: Decimal
    """With up to 28 digits; round it where it is shown."""
    currency: str
    days: int
    """Days that count: from the first snapshot on; a day without one has the balance of the day before."""
    days_unknown: int
    """Days before the first snapshot, which do not count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetWorth:
    """What several accounts held together on a day, by currency; debts count negative."""

    date: datetime.date
    totals: Mapping[str, Decimal]
    complete: bool
    """False when an account has no snapshot on this day or before it."""


@dataclass(slots=True, kw_only=True)
class TrackingReport:
    """What one recording of many logins did."""

    recorded: int = 0
    unknown: int = 0
    """Accounts whose balance the provider did not tell."""
    failed: list[tuple[str, BankingProviderError]] = field(default_factory=list[tuple[str, BankingProviderError]])
    """Owner and reason, for each login that could not be read; the others were."""


def track_balance(
    account_id: str,
    balance: Decimal | int | float | str,
    date: Day,
    currency: str,
    *,
    owner: str = "",
    store: BalanceStore | None = None,
) -> BalanceHistory:
    """Keep what an account held on a day; replaces the snapshot of that day.

    ```python
    track_balance(account_id="acc_123", balance="5432.10", date=date.today(), currency="USD")
    ```

    Args:
        account_id: as the provider names it.
        balance: in the holder's sign; a float counts as it is written.
        date: a day of the bank's calendar.
        currency: ISO 4217.
        owner: whose it is, where one store serves several people; nobody else can read it.
        store: the file that `BURSAR_BALANCE_HISTORY` names when None.

    Raises:
        InvalidInputError: one of them is not acceptable.
    """
    day = read_day(date, "date")
    try:
        snapshot = BalanceHistory.model_validate(
            {"account_id": account_id, "balance": balance, "date": day, "currency": currency}
        )
    except ValidationError as error:
        fields = ", ".join(str(each["loc"][0]) for each in error.errors(include_input=False) if each["loc"])
        raise InvalidInputError(f"Not a snapshot of a balance: {fields} cannot be read.", field=fields) from None
    _store(store).put(owner, [snapshot])
    return snapshot


def get_balance_history(
    account_id: str,
    start_date: Day | None = None,
    end_date: Day | None = None,
    *,
    owner: str = "",
    store: BalanceStore | None = None,
) -> list[BalanceHistory]:
    """Return the snapshots of an account, both days inclusive, the oldest first; empty for what is not the owner's.

    ```python
    for snapshot in get_balance_history("acc_123", date(2025, 1, 1), date(2025, 1, 31)):
        print(f"{snapshot.date}: {snapshot.balance} {snapshot.currency}")
    ```

    Raises:
        InvalidInputError: a day is no date, or they are reversed.
    """
    start = None if start_date is None else read_day(start_date, "start_date")
    end = None if end_date is None else read_day(end_date, "end_date")
    if start is not None and end is not None and start > end:
        raise InvalidInputError(
            f"The start date {start} is after the end date {end}: exchange them.", field="start_date"
        )
    return _store(store).find(owner, account_id, start, end)


async def track_logins(
    banking: Banking,
    logins: Iterable[tuple[str, str]],
    date: Day,
    *,
    store: BalanceStore | None = None,
) -> TrackingReport:
    """Keep today's balance of every account of many logins, for a daily job; one that fails stops none of the others.

    ```python
    report = await track_logins(banking, [("user_123", access_token)], date.today())
    print(f"{report.recorded} balances kept, {len(report.failed)} logins failed")
    ```

    Args:
        banking: reads the logins, one after the other.
        logins: pairs of owner and access token.
        date: the day in the users' calendar; the same day again replaces.
        store: as in `track_balance`.
    """
    day = read_day(date, "date")
    kept = _store(store)
    report = TrackingReport()
    for owner, access_token in logins:
        try:
            balances = await banking.get_balances(access_token)
        except BankingProviderError as error:
            report.failed.append((owner, error))
            continue
        snapshots = [
            BalanceHistory(account_id=one.account_id, balance=one.current, date=day, currency=one.currency)
            for one in balances
            if one.current is not None
        ]
        await asyncio.to_thread(kept.put, owner, snapshots)
        report.recorded += len(snapshots)
        report.unknown += len(balances) - len(snapshots)
    return report


def get_trend(history: Sequence[BalanceHistory]) -> BalanceTrend | None:
    """Return how a series of one account went; None for an empty one.

    ```python
    trend = get_trend(get_balance_history("acc_123"))
    if trend is not None:
        print(f"{trend.direction}: {trend.change} ({trend.change_percent} %)")
    ```

    Raises:
        CurrencyMismatchError: the series has two currencies.
    """
    if not history:
        return None
    _one_currency(history)
    ordered = sorted(history, key=lambda one: one.date)
    first, last = ordered[0], ordered[-1]
    with localcontext(prec=_EXACT_DIGITS):
        change = last.balance - first.balance
    return BalanceTrend(
        first=first,
        last=last,
        direction="increasing" if change > 0 else "decreasing" if change < 0 else "unchanged",
        change=change,
        change_percent=change / abs(first.balance) * 100 if first.balance else None,
    )


def average_daily_balance(
    history: Sequence[BalanceHistory], start_date: Day | None = None, end_date: Day | None = None
) -> AverageBalance | None:
    """Return the mean balance of the days from start to end, both inclusive; None when no day of them is known.

    ```python
    average = average_daily_balance(get_balance_history("acc_123"), "2025-01-01", "2025-01-31")
    ```

    Without dates, from the first snapshot to the last. A snapshot from before the start counts until the next one.

    Raises:
        CurrencyMismatchError: the series has two currencies.
        InvalidInputError: the days are reversed.
    """
    if not history:
        return None
    currency = _one_currency(history)
    days = _days(history, start_date, end_date)
    known = [balance for balance in _carried(history, days) if balance is not None]
    if not known:
        return None
    with localcontext(prec=_EXACT_DIGITS):
        total = sum(known, Decimal(0))
    return AverageBalance(
        balance=total / len(known),
        currency=currency,
        days=len(known),
        days_unknown=len(days) - len(known),
    )


def net_worth_by_day(
    histories: Iterable[Sequence[BalanceHistory]], start_date: Day | None = None, end_date: Day | None = None
) -> list[NetWorth]:
    """Return what accounts held together, one entry for each day, by currency; see `NetWorth`.

    Args:
        histories: one series for each account.
        start_date: the first snapshot's day when it is left out.
        end_date: the last snapshot's day when it is left out.
    """
    series = [history for history in histories if history]
    if not series:
        return []
    days = _days([one for history in series for one in history], start_date, end_date)
    totals: list[dict[str, Decimal]] = [{} for _ in days]
    complete = [True] * len(days)
    for history in series:
        currency = _one_currency(history)
        for index, balance in enumerate(_carried(history, days)):
            if balance is None:
                complete[index] = False
            else:
                with localcontext(prec=_EXACT_DIGITS):
                    totals[index][currency] = totals[index].get(currency, Decimal(0)) + balance
    return [
        NetWorth(date=day, totals=total, complete=whole)
        for day, total, whole in zip(days, totals, complete, strict=True)
    ]


def _days(history: Sequence[BalanceHistory], start_date: Day | None, end_date: Day | None) -> list[datetime.date]:
    known = [one.date for one in history]
    start = min(known) if start_date is None else read_day(start_date, "start_date")
    end = max(known) if end_date is None else read_day(end_date, "end_date")
    if start > end:
        raise InvalidInputError(
            f"The start date {start} is after the end date {end}: exchange them.", field="start_date"
        )
    return [start + datetime.timedelta(days=number) for number in range((end - start).days + 1)]


def _carried(history: Sequence[BalanceHistory], days: Sequence[datetime.date]) -> list[Decimal | None]:
    """The balance at the end of each day; None before the first snapshot."""
    ordered = sorted(history, key=lambda one: one.date)
    carried: list[Decimal | None] = []
    held: Decimal | None = None
    position = 0
    for day in days:
        while position < len(ordered) and ordered[position].date <= day:
            held = ordered[position].balance
            position += 1
        carried.append(held)
    return carried


def _one_currency(history: Sequence[BalanceHistory]) -> str:
    currencies = sorted({one.currency for one in history})
    if len(currencies) > 1:
        raise CurrencyMismatchError(
            f"one series in {' and '.join(currencies)}: convert it first, at a rate you can name"
        )
    return currencies[0]


def _store(store: BalanceStore | None) -> BalanceStore:
    return store if store is not None else SQLiteBalanceStore.from_env()
