"""How do the rows of the world's accounts become transfers?

A row is one side of a transfer: what leaves an account has it as the source, what enters has it as the destination, and
somebody outside is at the other end. A transfer between two accounts of one login that is the same on both sides is one
transfer with both ends, as inside Sequence. Nothing ever disappears: what never settles is cancelled, and what the bank
takes back has failed.
"""

from collections import defaultdict
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Protocol

from bursar.providers.sequence.sandbox.blemishes import Blemishes
from bursar.providers.sequence.sandbox.calendars import at_local, local_date
from bursar.providers.sequence.sandbox.listing import newest_first
from bursar.providers.sequence.sandbox.records import (
    Direction,
    ExternalEntity,
    Leg,
    Merchant,
    Participant,
    Place,
    Simple,
    Status,
    Transfer,
)
from bursar.sandbox.ledger import Event, EventKind, Purpose, Row, RowState
from bursar.sandbox.people import Account
from bursar.sandbox.world import World

MADE_HERE = ".sequence."
"""Stands in the world id of a row that was paid through Sequence itself."""

_MERCHANTS = frozenset({Purpose.GROCERIES, Purpose.COFFEE, Purpose.RESTAURANT, Purpose.FUEL, Purpose.SHOPPING})
_INCOMING = {Purpose.SALARY: "DIRECT_DEPOSIT", Purpose.INTEREST: "MONEY_IN"}


class Naming(Protocol):
    """Gives out ids, and remembers what they stand for."""

    def uuid(self, kind: str, *parts: str) -> str:
        """An id that belongs to its parts."""
        ...

    @property
    def rows(self) -> dict[tuple[str, str], str]:
        """Id of a place and of a transfer -> the world's row on that side."""
        ...


@dataclass(frozen=True, slots=True)
class _Side:
    """A row as one side of a transfer, and what has become of it."""

    row: Row
    status: Status
    changed_at: datetime


@dataclass(slots=True)
class _Told:
    """What an account's log says at an instant: the rows it shows or has shown, and when each last changed."""

    changed_at: dict[str, datetime]
    gone: dict[str, tuple[Row, Status]]


def list_transfers(
    world: World, accounts: Sequence[Account], places: Mapping[str, Place], mint: Naming, *, at: datetime
) -> list[Transfer]:
    """The transfers of a login as they were at an instant, newest first.

    Args:
        world: the world.
        accounts: all accounts of the login that Sequence can show.
        places: those that it shows now, by the account's id in the world.
        mint: makes the ids.
        at: as of when.
    """
    blemishes = Blemishes(world.view)
    sides = [side for account in accounts for side in _sides(world, account, blemishes, at)]
    renderer = _Renderer(world, places, mint, blemishes)
    return newest_first([one for pair in _pairs(sides, accounts, blemishes) if (one := renderer.render(*pair))])


def _sides(world: World, account: Account, blemishes: Blemishes, at: datetime) -> Iterator[_Side]:
    truth = world.truth(account.account_id, at if at < world.now else None)
    told = _read_log(world.get_log(account.account_id).events_after(0), at)
    for row in truth.rows:
        status = Status.COMPLETE
        if row.state is RowState.PENDING:
            status = Status.PENDING if blemishes.is_handed_over(row.world_id) else Status.PROCESSING
        yield _Side(row, status, told.changed_at[row.world_id])
    for row, status in told.gone.values():
        yield _Side(row, status, told.changed_at[row.world_id])


def _read_log(events: Sequence[Event], at: datetime) -> _Told:
    told = _Told({}, {})
    held: set[str] = set()
    for event in events:
        if event.at > at:
            break
        world_id = event.row.world_id
        told.changed_at[world_id] = event.at
        if event.kind is EventKind.HELD:
            held.add(world_id)
        elif event.kind is EventKind.SURFACED:
            held.discard(world_id)
        elif event.kind is EventKind.CANCELLED:
            told.gone[world_id] = event.row, Status.CANCELLED
        elif event.kind is EventKind.REMOVED and world_id not in held:
            told.gone[world_id] = event.row, Status.FAILED
        elif event.kind is EventKind.RESTORED:
            told.gone.pop(world_id, None)
    return told


def _pairs(
    sides: Sequence[_Side], accounts: Sequence[Account], blemishes: Blemishes
) -> Iterator[tuple[_Side, _Side | None]]:
    """Each side alone, or with the other side of the same transfer: first what leaves, then what enters."""
    replaced = {one.replaces for one in accounts if one.replaces} | {one.account_id for one in accounts if one.replaces}
    groups: dict[str, list[_Side]] = defaultdict(list)
    for side in sides:
        groups[side.row.reference or side.row.world_id].append(side)
    for group in groups.values():
        first, *others = sorted(group, key=lambda side: (side.row.amount, side.row.world_id))
        if len(others) == 1 and _mirror(first, others[0]) and _stay_together(group, replaced, blemishes):
            yield first, others[0]
        else:
            yield from ((side, None) for side in group)


def _stay_together(group: Sequence[_Side], replaced: Container[str], blemishes: Blemishes) -> bool:
    """Whether nothing can happen to one side alone, which would tear the transfer apart and change that id."""
    return all(
        side.row.account_id not in replaced
        and (MADE_HERE in side.row.world_id or blemishes.is_steady(side.row.world_id))
        for side in group
    )


def _mirror(leaving: _Side, entering: _Side) -> bool:
    one, other = leaving.row, entering.row
    return (
        one.account_id != other.account_id
        and one.amount < 0
        and one.amount == -other.amount
        and one.booked_on == other.booked_on
        and leaving.status is entering.status
    )


class _Renderer:
    """Makes transfers of sides."""

    def __init__(self, world: World, places: Mapping[str, Place], mint: Naming, blemishes: Blemishes) -> None:
        self._world = world
        self._places = places
        self._mint = mint
        self._blemishes = blemishes

    def render(self, side: _Side, other: _Side | None) -> Transfer | None:
        """The transfer of one side, or of both; None when the login shows neither account."""
        row = side.row
        transfer_id = self._mint.uuid("transfer", row.world_id)
        here = self._places.get(row.account_id)
        there = self._places.get(other.row.account_id) if other else None
        if here is None and there is None:
            return None
        for place, told in ((here, side), (there, other)):
            if place is not None and told is not None:
                self._mint.rows[place.place_id, transfer_id] = told.row.world_id
        leaves = row.amount <= 0
        near: Participant = here or self._outsider(other.row if other else row)
        far: Participant = there or self._outsider(row)
        changed_at = max(side.changed_at, other.changed_at) if other else side.changed_at
        created_at = _created_at(row)
        transfer = Transfer(
            transfer_id=transfer_id,
            type="ONE_TIME_TRANSFER" if other else "MONEY_IN" if not leaves else "ACH",
            status=side.status,
            error_reason="PAYMENT_FAILED" if side.status is Status.FAILED else None,
            created_at=created_at,
            updated_at=max(changed_at, created_at),
            cents=abs(int(row.amount.scaleb(2))),
            source=near if leaves else far,
            destination=far if leaves else near,
            direction=_direction(here is not None and there is not None, leaves=leaves if here else not leaves),
            activity_type=_activity_type(row, is_internal=here is not None and there is not None),
            description=self._blemishes.reword(row.world_id, row.description, self._world.now),
            details=Simple(Leg(side.status, created_at, changed_at if side.status is Status.COMPLETE else None)),
        )
        self._blemishes.vary_transfer(row.world_id, transfer)
        return transfer

    def _outsider(self, row: Row) -> Participant:
        """Who is at the other end of a row."""
        name = row.counterparty or row.description
        if row.purpose in _MERCHANTS:
            return Merchant(self._mint.uuid("merchant", name), name)
        return ExternalEntity(name)


def _created_at(row: Row) -> datetime:
    """When it happened, on the day on which it is booked: where these differ, about noon of that day in New York."""
    if local_date(row.occurred_at) == row.booked_on:
        return row.occurred_at
    return at_local(row.booked_on, time(12)) + timedelta(minutes=row.occurred_at.minute)


def _direction(is_internal: bool, *, leaves: bool) -> Direction:
    if is_internal:
        return Direction.INTERNAL
    return Direction.OUTGOING if leaves else Direction.INCOMING


def _activity_type(row: Row, *, is_internal: bool) -> str:
    if is_internal:
        return "ONE_TIME_TRANSFER"
    return "ACH" if row.amount <= 0 else _INCOMING.get(row.purpose, "MONEY_IN")
