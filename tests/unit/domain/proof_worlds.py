"""What does a bank do to one account, and what does a reader who comes by now and then see of it? (Pure, in memory.)

`World` is the truth: the sandbox's own account log, lived through at random. `Reader` keeps what a ledger keeps: rows
as they were first seen, each change with the moment at which it was seen, and the balances that were stated.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from random import Random
from uuid import UUID

from bursar.domain.proof_bounds import ProofObservation, ProofRow
from bursar.sandbox.ledger import AccountLog, Event, EventKind, Purpose, Row, RowState, Truth
from bursar.services.proof import to_movements
from bursar.storage.balances import RowChange, RowStanding

EPOCH = datetime(2026, 1, 5, tzinfo=UTC)
DAYS = 40
AFTERMATH = 5
"""Days at the end on which nothing is booked, so that all that was late is listed and read."""


class Exemption(Enum):
    """What cannot be decided from what a reader sees, whatever the method."""

    CHANGED_UNSEEN = "changed_unseen"
    """A late row changed, or was taken back, after balances had counted it and before anybody saw it listed."""
    BEFORE_THE_FIRST = "before_the_first"
    """A late row is dated before the first balance, was booked after it, and was listed later still."""
    EQUAL_AMOUNTS = "equal_amounts"
    """A row that is never listed has the amount of one that is: either may be the one that a balance holds."""


@dataclass
class World:
    """One account with a life of its own."""

    random: Random
    zone: timedelta
    log: AccountLog = field(default_factory=lambda: AccountLog("a", "USD", Decimal(1000)))
    names: int = 0
    never: set[str] = field(default_factory=set[str])
    """Rows that count and are never listed."""
    agenda: list[tuple[datetime, int, EventKind, Row]] = field(
        default_factory=list[tuple[datetime, int, EventKind, Row]]
    )

    def live(self, *, hidden: int) -> None:
        for _ in range(self.random.randint(3, 45)):
            self._plan(hidden=False)
        for _ in range(hidden):
            self._plan(hidden=True)
        for sequence, (at, _, kind, row) in enumerate(sorted(self.agenda, key=lambda each: each[:2]), 1):
            self.log.append(Event(sequence, at, kind, row))

    def _moment(self, after: datetime | None = None) -> datetime:
        end = EPOCH + timedelta(days=DAYS - AFTERMATH)
        start = after or EPOCH
        span = max((end - start).total_seconds(), 120)
        return start + timedelta(seconds=self.random.randrange(60, int(span)))

    def _soon(self, after: datetime, days: float) -> datetime:
        end = EPOCH + timedelta(days=DAYS - AFTERMATH)
        return min(after + timedelta(seconds=self.random.randint(60, int(days * 86400))), end)

    def _add(self, at: datetime, kind: EventKind, row: Row) -> None:
        self.agenda.append((at, len(self.agenda), kind, row))

    def _plan(self, *, hidden: bool) -> None:
        random = self.random
        self.names += 1
        at = self._moment()
        day = (at + self.zone).date()
        row = Row(
            world_id=f"r{self.names}",
            account_id="a",
            state=RowState.SETTLED,
            amount=Decimal(random.choice([random.randint(-90_000, 90_000), random.choice([-500, -1000, 2500])]) or 1)
            / 100,
            currency="USD",
            booked_on=day,
            occurred_at=at,
            authorized_on=day,
            description="",
            purpose=Purpose.OTHER,
        )
        if hidden:
            self.never.add(row.world_id)
            self._add(at, EventKind.HELD, row)
            return
        fate = random.random()
        if fate < 0.25:
            self._add(at, EventKind.PENDING, replace(row, state=RowState.PENDING))
            later = self._soon(at, 8)
            if random.random() < 0.15:
                self._add(later, EventKind.CANCELLED, replace(row, state=RowState.PENDING))
                return
            if random.random() < 0.4:
                row = replace(row, amount=row.amount + random.randint(-300, 300) / Decimal(100))
            if random.random() < 0.5:
                row = replace(row, booked_on=(later + self.zone).date())
            self._add(later, EventKind.POSTED, row)
            at = later
        elif fate < 0.40:
            if random.random() < 0.3:
                row = replace(row, booked_on=day - timedelta(days=random.randint(1, 3)))
            self._add(at, EventKind.HELD, row)
            at = self._soon(at, 20)
            self._add(at, EventKind.SURFACED, row)
        elif fate < 0.55:
            row = replace(row, booked_on=day - timedelta(days=random.randint(1, 20)))
            self._add(at, EventKind.POSTED, row)
        else:
            self._add(at, EventKind.POSTED, row)
        self._later(at, row)

    def _later(self, at: datetime, row: Row) -> None:
        fate = self.random.random()
        if fate < 0.08:
            self._add(self._soon(at, 15), EventKind.REMOVED, row)
        elif fate < 0.2:
            changed = replace(row, amount=row.amount + self.random.randint(-300, 300) / Decimal(100))
            if self.random.random() < 0.4:
                moved = row.booked_on + timedelta(days=self.random.randint(-3, 3))
                changed = replace(changed, booked_on=min(moved, (at + self.zone).date()))
            self._add(self._soon(at, 15), EventKind.MODIFIED, changed)


@dataclass
class Reader:
    """Who reads an account now and then, and keeps what a ledger keeps."""

    world: World
    dates_stated: bool
    observations: list[ProofObservation] = field(default_factory=list[ProofObservation])
    standings: dict[str, RowStanding] = field(default_factory=dict[str, RowStanding])
    changes: list[RowChange] = field(default_factory=list[RowChange])
    listed: dict[str, Row] = field(default_factory=dict[str, Row])
    read_at: list[datetime] = field(default_factory=list[datetime])

    def read(self, at: datetime, *, balance_lag: timedelta = timedelta(0), row_lag: timedelta = timedelta(0)) -> None:
        self.read_at.append(at)
        self._see_rows(self.world.log.truth(at - row_lag), at)
        on = (at + self.world.zone).date()
        balance = self.world.log.truth(at - balance_lag).balance
        newest = next((seen for seen in reversed(self.observations) if seen.observed_at.date() == at.date()), None)
        if newest is not None and (newest.balance, newest.on) == (balance, on):
            return
        self.observations.append(
            ProofObservation(
                observed_at=at,
                on=on,
                date_is_stated=self.dates_stated,
                balance=balance,
                observation_id=UUID(int=len(self.observations)),
                read_at=at,
            )
        )

    def _see_rows(self, truth: Truth, at: datetime) -> None:
        now = {row.world_id: row for row in truth.rows}
        for name, row in now.items():
            counted = _counted(row)
            if name not in self.standings:
                self.standings[name] = RowStanding(UUID(int=int(name[1:])), row.booked_on, counted, at)
                continue
            before = self.listed.get(name)
            if before != row:
                self._change(name, at, before, row)
        for name in self.listed.keys() - now.keys():
            self._change(name, at, self.listed[name], None)
        self.listed = now

    def _change(self, name: str, at: datetime, before: Row | None, after: Row | None) -> None:
        standing = self.standings[name]
        old_on: date = before.booked_on if before is not None else standing.on
        new_on = after.booked_on if after is not None else old_on
        counted = _counted(after)
        self.changes.append(RowChange(standing.transaction_id, at, old_on, _counted(before), new_on, counted))
        self.standings[name] = RowStanding(standing.transaction_id, new_on, counted, standing.created_at)

    def rows(self) -> list[ProofRow]:
        return to_movements(list(self.standings.values()), self.changes)

    def exemptions(self) -> set[Exemption]:
        """What happened to this reader that nobody could decide."""
        found: set[Exemption] = set()
        held: dict[str, Event] = {}
        amounts = {event.row.amount for event in self.world.log.events_after(0) if not self._is_hidden(event)}
        if any(self._is_hidden(event) and event.row.amount in amounts for event in self.world.log.events_after(0)):
            found.add(Exemption.EQUAL_AMOUNTS)
        for event in self.world.log.events_after(0):
            name = event.row.world_id
            if event.kind is EventKind.HELD:
                held[name] = event
                first = self.observations[0]
                if event.row.booked_on <= first.on + timedelta(days=1) and event.at > first.observed_at:
                    found.add(Exemption.BEFORE_THE_FIRST)
            elif name in held and event.kind in (EventKind.MODIFIED, EventKind.REMOVED):
                seen = self.standings.get(name)
                was_counted = any(held[name].at <= at < event.at for at in self.read_at)
                if was_counted and (seen is None or seen.created_at >= event.at):
                    found.add(Exemption.CHANGED_UNSEEN)
        return found

    def _is_hidden(self, event: Event) -> bool:
        return event.row.world_id in self.world.never


def _counted(row: Row | None) -> Decimal:
    return row.amount if row is not None and row.state is RowState.SETTLED else Decimal(0)


@dataclass(frozen=True)
class ExpectedGap:
    """A row that counts and is never listed, between two balances that show it."""

    amount: Decimal
    on: date


def expected_gaps(reader: Reader) -> list[ExpectedGap]:
    """Return what a proof has to find at the end: the hidden rows that were booked after the first balance was read."""
    first = reader.read_at[0]
    return [
        ExpectedGap(event.row.amount, event.row.booked_on)
        for event in reader.world.log.events_after(0)
        if event.row.world_id in reader.world.never and event.at > first
    ]


def make_reader(seed: int, *, hidden: int = 0, lag_hours: float = 0, rows_lag: bool = False) -> Reader:
    """Return a reader who has seen a whole random world."""
    random = Random(seed)
    world = World(random, timedelta(minutes=30 * random.randint(-23, 27)))
    world.live(hidden=hidden)
    reader = Reader(world, random.random() < 0.5)
    moments = [EPOCH + timedelta(seconds=random.randrange(DAYS * 86400)) for _ in range(random.randint(2, 40))]
    end = EPOCH + timedelta(days=DAYS)
    for at in sorted(moments):
        lag = timedelta(hours=lag_hours * random.random()) if random.random() < 0.5 else timedelta(0)
        if rows_lag:
            reader.read(at, row_lag=lag)
        else:
            reader.read(at, balance_lag=lag)
    for extra in range(3):
        reader.read(end + timedelta(days=extra))
    return reader
