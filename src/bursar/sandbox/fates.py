"""What becomes of a row after the bank first hears of it?"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Protocol

from bursar.sandbox.ledger import EventKind, Purpose, Row, RowState
from bursar.sandbox.people import CURRENCY_DECIMALS, Bank


class Stage(Protocol):
    """Where fates are played out: the world, seen by those who make things happen in it."""

    def at(self, instant: datetime, action: "Action") -> None:
        """Runs `action(instant)` when the clock gets there; actions of one instant run in the order given."""
        ...

    def record(self, instant: datetime, kind: EventKind, row: Row) -> object:
        """Appends an event to the row's account."""
        ...

    def find_row(self, account_id: str, world_id: str) -> Row | None:
        """The row as it is at present."""
        ...


class Action(Protocol):
    """Something that happens at its instant."""

    def __call__(self, instant: datetime, /) -> object:
        """Makes it happen."""
        ...


@dataclass(frozen=True, slots=True)
class Fate:
    """The decisions about one row, drawn once, so that twin rows can share them.

    A span of None means that the step never comes. All spans count from the row's first event except
    `removed_after` and the two for changes, which count from its settlement.
    """

    pending: bool
    settles_after: timedelta | None
    booked_when_settled: bool
    factor: Decimal
    preauthorized: bool
    hidden_for: timedelta | None
    removed_after: timedelta | None
    reworded_after: timedelta | None
    corrected_after: timedelta | None


def draw_card_fate(rng: Random, purpose: Purpose) -> Fate:
    """The fate of a card or debit purchase: mostly pending first; tips and fuel change the amount."""
    roll = rng.random()
    pending = rng.random() < 0.9
    vanishes = pending and roll < 0.025
    tipped = purpose is Purpose.RESTAURANT and rng.random() < 0.6
    return Fate(
        pending=pending,
        settles_after=None if vanishes else timedelta(days=rng.randint(1, 3), minutes=rng.randint(0, 240)),
        booked_when_settled=rng.random() < 0.5,
        factor=Decimal("1.18") if tipped else Decimal(1),
        preauthorized=purpose is Purpose.FUEL,
        hidden_for=timedelta(days=rng.randint(2, 25)) if not pending and roll > 0.9 else None,
        **_draw_aftermath(rng),
    )


def draw_booking_fate(rng: Random) -> Fate:
    """The fate of a direct booking such as salary or rent: settled at once, now and then listed late."""
    hidden = rng.random() < 0.015
    return Fate(
        pending=False,
        settles_after=None,
        booked_when_settled=False,
        factor=Decimal(1),
        preauthorized=False,
        hidden_for=timedelta(days=rng.randint(2, 25)) if hidden else None,
        removed_after=None,
        reworded_after=None,
        corrected_after=None,
    )


def _draw_aftermath(rng: Random) -> dict[str, timedelta | None]:
    roll = rng.random()
    span = timedelta(days=rng.randint(1, 9), hours=rng.randint(0, 23))
    return {
        "removed_after": span if roll < 0.008 else None,
        "reworded_after": span if 0.008 <= roll < 0.025 else None,
        "corrected_after": span if 0.025 <= roll < 0.028 else None,
    }


def play(stage: Stage, bank: Bank, row: Row, fate: Fate) -> None:
    """Schedules the whole life of a settled-looking `row` that begins at `row.occurred_at`."""
    if not fate.pending:
        stage.at(row.occurred_at, lambda at: _settle_directly(stage, row, fate, at))
        return
    announced = replace(row, state=RowState.PENDING)
    if fate.preauthorized:
        announced = replace(announced, amount=_one_unit(row))
    stage.at(row.occurred_at, lambda at: stage.record(at, EventKind.PENDING, announced))
    if fate.settles_after is None:
        stage.at(row.occurred_at + timedelta(days=5), lambda at: _cancel(stage, announced, at))
    else:
        stage.at(row.occurred_at + fate.settles_after, lambda at: _post(stage, bank, row, fate, at))


def _settle_directly(stage: Stage, row: Row, fate: Fate, at: datetime) -> None:
    if fate.hidden_for is None:
        stage.record(at, EventKind.POSTED, row)
        _schedule_aftermath(stage, row, fate, at)
        return
    stage.record(at, EventKind.HELD, row)
    stage.at(at + fate.hidden_for, lambda later: _surface(stage, row, fate, later))


def _surface(stage: Stage, row: Row, fate: Fate, at: datetime) -> None:
    stage.record(at, EventKind.SURFACED, row)
    _schedule_aftermath(stage, row, fate, at)


def _cancel(stage: Stage, announced: Row, at: datetime) -> None:
    present = stage.find_row(announced.account_id, announced.world_id)
    if present is not None and present.state is RowState.PENDING:
        stage.record(at, EventKind.CANCELLED, present)


def _post(stage: Stage, bank: Bank, row: Row, fate: Fate, at: datetime) -> None:
    present = stage.find_row(row.account_id, row.world_id)
    if present is None or present.state is RowState.SETTLED:
        return  # A script was faster.
    exponent = Decimal(1).scaleb(-CURRENCY_DECIMALS[row.currency])
    settled = replace(
        row,
        amount=(row.amount * fate.factor).quantize(exponent),
        booked_on=bank.local_date(at) if fate.booked_when_settled else row.booked_on,
    )
    stage.record(at, EventKind.POSTED, settled)
    _schedule_aftermath(stage, settled, fate, at)


def _schedule_aftermath(stage: Stage, row: Row, fate: Fate, at: datetime) -> None:
    if fate.removed_after is not None:
        stage.at(at + fate.removed_after, lambda later: _remove(stage, row, later))
    if fate.reworded_after is not None:
        stage.at(at + fate.reworded_after, lambda later: _reword(stage, row, later))
    if fate.corrected_after is not None:
        stage.at(at + fate.corrected_after, lambda later: _correct(stage, row, later))


def _remove(stage: Stage, row: Row, at: datetime) -> None:
    present = stage.find_row(row.account_id, row.world_id)
    if present is not None:
        stage.record(at, EventKind.REMOVED, present)


def _reword(stage: Stage, row: Row, at: datetime) -> None:
    present = stage.find_row(row.account_id, row.world_id)
    if present is not None:
        text = f"{present.description} {present.booked_on:%m/%d}"
        stage.record(at, EventKind.MODIFIED, replace(present, description=text))


def _correct(stage: Stage, row: Row, at: datetime) -> None:
    present = stage.find_row(row.account_id, row.world_id)
    if present is not None:
        stage.record(at, EventKind.MODIFIED, replace(present, amount=present.amount + _one_unit(present)))


def _one_unit(row: Row) -> Decimal:
    """One whole unit of the row's currency (a pre-authorisation) in the row's direction, with its decimals."""
    unit = Decimal(100 if CURRENCY_DECIMALS[row.currency] == 0 else 1)
    return unit.copy_sign(row.amount).quantize(Decimal(1).scaleb(-CURRENCY_DECIMALS[row.currency]))
