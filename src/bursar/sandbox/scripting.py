"""How does a test make something happen in the world right now?"""

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Protocol

from bursar.sandbox.fates import Action
from bursar.sandbox.ledger import AccountLog, EventKind, ImpossibleEventError, Purpose, Row, RowState
from bursar.sandbox.people import CURRENCY_DECIMALS, Account


class ScriptedWorld(Protocol):
    """The part of the world that a script acts on."""

    accounts: dict[str, Account]

    @property
    def now(self) -> datetime:
        """The present instant."""
        ...

    def at(self, instant: datetime, action: Action) -> None:
        """Runs `action(instant)` when the world gets there."""
        ...

    def record(self, instant: datetime, kind: EventKind, row: Row) -> object:
        """Appends an event to the row's account."""
        ...

    def find_row(self, account_id: str, world_id: str) -> Row | None:
        """The row as it is at present."""
        ...

    def get_log(self, account_id: str) -> AccountLog:
        """The event log of an account."""
        ...


class Script:
    """Extra events at the present virtual instant; each method returns or takes the row's world id.

    Amounts are in the holder's sign. An amount with more decimals than its currency has raises `ValueError`, an unknown
    account or row `KeyError`, and an event that the row's state does not allow `ImpossibleEventError`.
    """

    def __init__(self, world: ScriptedWorld) -> None:
        self._world = world
        self._row_count = 0

    def add_pending(
        self,
        account_id: str,
        amount: Decimal,
        description: str,
        *,
        booked_on: date | None = None,
        purpose: Purpose = Purpose.OTHER,
        counterparty: str | None = None,
    ) -> str:
        """Lists a pending row; nothing settles it but another script."""
        row = self._new_row(
            account_id, amount, description, booked_on=booked_on, purpose=purpose, counterparty=counterparty
        )
        self._world.record(self._world.now, EventKind.PENDING, replace(row, state=RowState.PENDING))
        return row.world_id

    def add_settled(
        self,
        account_id: str,
        amount: Decimal,
        description: str,
        *,
        booked_on: date | None = None,
        purpose: Purpose = Purpose.OTHER,
        counterparty: str | None = None,
    ) -> str:
        """Books and lists a row at once; with an older `booked_on` it is back-dated."""
        row = self._new_row(
            account_id, amount, description, booked_on=booked_on, purpose=purpose, counterparty=counterparty
        )
        self._world.record(self._world.now, EventKind.POSTED, row)
        return row.world_id

    def add_late(
        self,
        account_id: str,
        amount: Decimal,
        description: str,
        *,
        booked_on: date | None = None,
        listed_after: timedelta | None = None,
        purpose: Purpose = Purpose.OTHER,
        counterparty: str | None = None,
    ) -> str:
        """Books a row that counts in the balance now and is listed later: after a span, or by `surface`."""
        row = self._new_row(
            account_id, amount, description, booked_on=booked_on, purpose=purpose, counterparty=counterparty
        )
        self._world.record(self._world.now, EventKind.HELD, row)
        if listed_after is not None:
            surfaces_at = self._world.now + listed_after
            self._world.at(surfaces_at, lambda at: self._surface_if_held(row, at))
        return row.world_id

    def surface(self, world_id: str) -> None:
        """Lists a late row."""
        self._world.record(self._world.now, EventKind.SURFACED, self.get_row(world_id))

    def post(
        self,
        world_id: str,
        *,
        amount: Decimal | None = None,
        booked_on: date | None = None,
        description: str | None = None,
    ) -> None:
        """Settles a pending row, changed as told."""
        row = self._changed(self.get_row(world_id), amount, booked_on, description)
        self._world.record(self._world.now, EventKind.POSTED, replace(row, state=RowState.SETTLED))

    def cancel(self, world_id: str) -> None:
        """Takes a pending row off the list for good."""
        self._world.record(self._world.now, EventKind.CANCELLED, self.get_row(world_id))

    def modify(
        self,
        world_id: str,
        *,
        amount: Decimal | None = None,
        booked_on: date | None = None,
        description: str | None = None,
    ) -> None:
        """Changes a listed row without changing its state."""
        row = self._changed(self.get_row(world_id), amount, booked_on, description)
        self._world.record(self._world.now, EventKind.MODIFIED, row)

    def remove(self, world_id: str) -> None:
        """Withdraws a settled row."""
        self._world.record(self._world.now, EventKind.REMOVED, self.get_row(world_id))

    def restore(self, world_id: str) -> None:
        """Books a removed row again, as it was when it was withdrawn."""
        account_id = world_id.partition(".")[0]
        for event in reversed(self._world.get_log(account_id).events_after(0)):
            if event.row.world_id == world_id:
                self._world.record(self._world.now, EventKind.RESTORED, event.row)
                return
        raise KeyError(world_id)

    def get_row(self, world_id: str) -> Row:
        """Any row of the world by its id, scripted or not, as it is at present."""
        account_id = world_id.partition(".")[0]
        row = self._world.find_row(account_id, world_id)
        if row is None:
            raise KeyError(world_id)
        return row

    def _new_row(
        self,
        account_id: str,
        amount: Decimal,
        description: str,
        *,
        booked_on: date | None,
        purpose: Purpose,
        counterparty: str | None,
    ) -> Row:
        account = self._world.accounts[account_id]
        self._row_count += 1
        today = account.bank.local_date(self._world.now)
        return Row(
            world_id=f"{account_id}.script.{self._row_count}",
            account_id=account_id,
            state=RowState.SETTLED,
            amount=_exact(amount, account.currency),
            currency=account.currency,
            booked_on=booked_on or today,
            occurred_at=self._world.now,
            authorized_on=min(booked_on or today, today),
            description=description,
            purpose=purpose,
            counterparty=counterparty,
        )

    def _changed(self, row: Row, amount: Decimal | None, booked_on: date | None, description: str | None) -> Row:
        return replace(
            row,
            amount=row.amount if amount is None else _exact(amount, row.currency),
            booked_on=booked_on or row.booked_on,
            description=row.description if description is None else description,
        )

    def _surface_if_held(self, row: Row, at: datetime) -> None:
        try:
            self._world.record(at, EventKind.SURFACED, row)
        except ImpossibleEventError:
            return  # It was surfaced by hand before.


def _exact(amount: Decimal, currency: str) -> Decimal:
    exponent = Decimal(1).scaleb(-CURRENCY_DECIMALS[currency])
    exact = amount.quantize(exponent)
    if exact != amount:
        raise ValueError(f"{amount} has more decimals than {currency}")
    return exact
