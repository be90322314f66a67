"""What happened on one account, and what was true at a given instant?"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum


class RowState(StrEnum):
    """Whether a row is only announced or counts in the ledger balance."""

    PENDING = "pending"
    SETTLED = "settled"


class Purpose(StrEnum):
    """Why the money moved; faces translate it into their provider's categories."""

    SALARY = "salary"
    RENT = "rent"
    UTILITIES = "utilities"
    SUBSCRIPTION = "subscription"
    GROCERIES = "groceries"
    COFFEE = "coffee"
    RESTAURANT = "restaurant"
    FUEL = "fuel"
    SHOPPING = "shopping"
    CASH = "cash"
    CARD_PAYMENT = "card_payment"
    TRANSFER = "transfer"
    INTEREST = "interest"
    FEE = "fee"
    LOAN_PAYMENT = "loan_payment"
    BUY = "buy"
    SELL = "sell"
    DIVIDEND = "dividend"
    OTHER = "other"


class EventKind(StrEnum):
    """One step in the life of a row."""

    PENDING = "pending"
    """A pending row appears in the list."""
    POSTED = "posted"
    """The row is settled: new in the list, or taking the place of its pending self."""
    CANCELLED = "cancelled"
    """A pending row leaves the list without ever settling."""
    MODIFIED = "modified"
    """A row changes its text, date or amount; its state stays, and a held row stays unlisted."""
    REMOVED = "removed"
    """The bank withdraws a settled row, listed or held; from now on it does not count."""
    RESTORED = "restored"
    """A withdrawn row is back in the list as it was and counts again; its id is the provider's decision."""
    HELD = "held"
    """The bank has booked a row and counts it in the balance, but does not list it yet."""
    SURFACED = "surfaced"
    """A held row appears in the list, with the booking date it always had."""


@dataclass(frozen=True, slots=True)
class Trade:
    """The security side of a brokerage row; `quantity` is positive when the holder gains units."""

    symbol: str
    quantity: Decimal
    price: Decimal
    fees: Decimal


@dataclass(frozen=True, slots=True)
class Row:
    """One row of an account at one moment of its life.

    `world_id` names the economic event for ever: it stays the same from pending to settled and is never shown to a
    provider. `amount` is in the holder's sign (positive enters the account) and carries its currency's own decimals.
    `booked_on` and `authorized_on` are dates in the bank's zone. `reference` is shared by both legs of a transfer
    between own accounts.
    """

    world_id: str
    account_id: str
    state: RowState
    amount: Decimal
    currency: str
    booked_on: date
    occurred_at: datetime
    authorized_on: date
    description: str
    purpose: Purpose
    counterparty: str | None = None
    reference: str | None = None
    trade: Trade | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """A step and the row as it is after it (for `CANCELLED` and `REMOVED`: as it was before).

    `sequence` counts over the whole world, so the events of several accounts merge into one order.
    """

    sequence: int
    at: datetime
    kind: EventKind
    row: Row


@dataclass(frozen=True, slots=True)
class Truth:
    """What the bank itself would say about one account at one instant.

    `rows` is what the bank lists (pending and settled, by booking date then world id). `balance` is the ledger balance:
    opening balance plus every settled row, counted from the instant of its `POSTED` event until its `REMOVED` event and
    again from its `RESTORED` event.
    A late row counts from its `HELD` event (its booking) although the list shows it only from `SURFACED` on; until then
    it is in `unlisted`, and `gap` says by how much the listed rows fail to explain the balance. Pending rows never
    count. For a brokerage account the balance is the cash; its positions are not in here.
    """

    account_id: str
    at: datetime
    currency: str
    opening_balance: Decimal
    balance: Decimal
    rows: tuple[Row, ...]
    unlisted: tuple[Row, ...]

    @property
    def gap(self) -> Decimal:
        """Sum of the rows that count but are not listed yet; zero when the account can be proven."""
        return sum((row.amount for row in self.unlisted), Decimal(0))

    @property
    def settled(self) -> tuple[Row, ...]:
        """The listed rows that count in the balance."""
        return tuple(row for row in self.rows if row.state is RowState.SETTLED)

    @property
    def pending(self) -> tuple[Row, ...]:
        """The listed rows that do not count yet."""
        return tuple(row for row in self.rows if row.state is RowState.PENDING)


class ImpossibleEventError(Exception):
    """An event that the present state of its row does not allow, such as settling a row twice."""


@dataclass(slots=True)
class _Book:
    """The state that events add up to."""

    balance: Decimal
    listed: dict[str, Row] = field(default_factory=dict[str, Row])
    unlisted: dict[str, Row] = field(default_factory=dict[str, Row])
    withdrawn: dict[str, Row] = field(default_factory=dict[str, Row])

    def apply(self, kind: EventKind, row: Row) -> None:
        is_held = row.world_id in self.unlisted
        place = self.unlisted if is_held else self.listed
        before = place.get(row.world_id)
        if not self._allows(kind, before, row, is_held=is_held):
            raise ImpossibleEventError(f"{kind} is impossible for {row.world_id} in state {before and before.state}")
        if kind is EventKind.PENDING:
            self.listed[row.world_id] = row
        elif kind is EventKind.POSTED:
            self.listed[row.world_id] = row
            self.balance += row.amount
        elif kind is EventKind.CANCELLED:
            del self.listed[row.world_id]
        elif kind is EventKind.MODIFIED:
            place[row.world_id] = row
            if before is not None and row.state is RowState.SETTLED:
                self.balance += row.amount - before.amount
        elif kind is EventKind.REMOVED:
            del place[row.world_id]
            self.withdrawn[row.world_id] = row
            self.balance -= row.amount
        elif kind is EventKind.RESTORED:
            self.listed[row.world_id] = self.withdrawn.pop(row.world_id)
            self.balance += row.amount
        elif kind is EventKind.HELD:
            self.unlisted[row.world_id] = row
            self.balance += row.amount
        else:
            del self.unlisted[row.world_id]
            self.listed[row.world_id] = row

    def lists(self) -> tuple[tuple[Row, ...], tuple[Row, ...]]:
        """The listed and the unlisted rows in the order of a list."""
        listed, unlisted = (sorted(rows.values(), key=_list_order) for rows in (self.listed, self.unlisted))
        return tuple(listed), tuple(unlisted)

    def _allows(self, kind: EventKind, before: Row | None, row: Row, *, is_held: bool) -> bool:
        if kind is EventKind.SURFACED:
            return is_held and before == row
        if kind is EventKind.RESTORED:
            return before is None and self.withdrawn.get(row.world_id) == row
        if kind is EventKind.PENDING:
            return before is None and row.state is RowState.PENDING
        if kind is EventKind.HELD:
            return before is None and row.state is RowState.SETTLED
        if kind is EventKind.POSTED:
            return row.state is RowState.SETTLED and (before is None or before.state is RowState.PENDING)
        if kind is EventKind.MODIFIED:
            return before is not None and before.state is row.state
        state = RowState.PENDING if kind is EventKind.CANCELLED else RowState.SETTLED
        return before == row and row.state is state


class AccountLog:
    """The append-only history of one account, from which any instant can be replayed."""

    def __init__(self, account_id: str, currency: str, opening_balance: Decimal) -> None:
        """`opening_balance` is in the holder's sign: what is owed is negative."""
        self.account_id = account_id
        self.currency = currency
        self.opening_balance = opening_balance
        self._events: list[Event] = []
        self._book = _Book(opening_balance)
        self._lists: tuple[tuple[Row, ...], tuple[Row, ...]] | None = None

    def append(self, event: Event) -> None:
        """Adds the newest event; raises `ImpossibleEventError` and changes nothing when its row does not allow it."""
        if self._events and (event.at < self._events[-1].at or event.sequence <= self._events[-1].sequence):
            raise ImpossibleEventError("an event may not be older than the newest one")
        self._book.apply(event.kind, event.row)
        self._events.append(event)
        self._lists = None

    def events_after(self, sequence: int) -> Sequence[Event]:
        """The events with a higher world-wide sequence number, oldest first; 0 gives the whole log."""
        return self._events[bisect_right(self._events, sequence, key=lambda event: event.sequence) :]

    def find_row(self, world_id: str) -> Row | None:
        """The row as listed or held at present; None when it does not exist or is gone."""
        return self._book.listed.get(world_id) or self._book.unlisted.get(world_id)

    def is_held(self, world_id: str) -> bool:
        """Whether the row counts in the balance without being listed."""
        return world_id in self._book.unlisted

    @property
    def balance(self) -> Decimal:
        """The present ledger balance."""
        return self._book.balance

    @property
    def pending_total(self) -> Decimal:
        """Sum of the rows that are pending at present."""
        listed = self._book.listed.values()
        return sum((row.amount for row in listed if row.state is RowState.PENDING), Decimal(0))

    def truth(self, at: datetime) -> Truth:
        """What was true at `at`, events of that very instant included."""
        book = self._book
        if self._events and at < self._events[-1].at:
            book = _Book(self.opening_balance)
            for event in self._events[: bisect_right(self._events, at, key=lambda event: event.at)]:
                book.apply(event.kind, event.row)
            rows, unlisted = book.lists()
        else:
            # The present is asked for many times between two events.
            self._lists = self._lists or book.lists()
            rows, unlisted = self._lists
        return Truth(
            account_id=self.account_id,
            at=at,
            currency=self.currency,
            opening_balance=self.opening_balance,
            balance=book.balance,
            rows=rows,
            unlisted=unlisted,
        )


def _list_order(row: Row) -> tuple[date, str]:
    return row.booked_on, row.world_id
