"""Scripted events: any order of them keeps the ledger true and its log tells every reader the same."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from bursar.sandbox.ledger import EventKind, ImpossibleEventError, Row, RowState
from bursar.sandbox.world import World

START = date(2026, 3, 2)
ACCOUNT = "hudson-first-river-checking"
YEN = "asakusa-sumida-checking"

amounts = st.integers(min_value=-500_00, max_value=500_00).map(lambda cents: Decimal(cents).scaleb(-2))


class ScriptMachine(RuleBasedStateMachine):
    """Plays random scripts and keeps its own books beside the world's."""

    @initialize(seed=st.integers(0, 5))
    def build(self, seed: int) -> None:
        self.world = World(seed, start=START, history_days=3, families=1)
        self.script = self.world.script
        self.opening = self.world.truth(ACCOUNT)
        self.pending: dict[str, Decimal] = {}
        self.settled: dict[str, Decimal] = {}
        self.held: dict[str, Decimal] = {}
        self.withdrawn: dict[str, Decimal] = {}
        # A reader of the log from the beginning, told only what happened.
        self.heard = 0
        self.copy: dict[str, Row] = {}

    @rule(amount=amounts)
    def add_pending(self, amount: Decimal) -> None:
        self.pending[self.script.add_pending(ACCOUNT, amount, "P")] = amount

    @rule(amount=amounts)
    def add_settled(self, amount: Decimal) -> None:
        self.settled[self.script.add_settled(ACCOUNT, amount, "S")] = amount

    @rule(amount=amounts)
    def add_late(self, amount: Decimal) -> None:
        self.held[self.script.add_late(ACCOUNT, amount, "L")] = amount

    @rule(data=st.data(), amount=st.none() | amounts)
    def post(self, data: st.DataObject, amount: Decimal | None) -> None:
        if self.pending:
            world_id = data.draw(st.sampled_from(sorted(self.pending)))
            before = self.pending.pop(world_id)
            self.script.post(world_id, amount=amount)
            self.settled[world_id] = before if amount is None else amount

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        if self.pending:
            world_id = data.draw(st.sampled_from(sorted(self.pending)))
            del self.pending[world_id]
            self.script.cancel(world_id)

    @rule(data=st.data())
    def surface(self, data: st.DataObject) -> None:
        if self.held:
            world_id = data.draw(st.sampled_from(sorted(self.held)))
            self.settled[world_id] = self.held.pop(world_id)
            self.script.surface(world_id)

    @rule(data=st.data(), amount=amounts)
    def modify(self, data: st.DataObject, amount: Decimal) -> None:
        known = {**self.pending, **self.settled, **self.held}
        if known:
            world_id = data.draw(st.sampled_from(sorted(known)))
            for rows in (self.pending, self.settled, self.held):
                if world_id in rows:
                    rows[world_id] = amount
            self.script.modify(world_id, amount=amount, description="CHANGED")

    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        counted = {**self.settled, **self.held}
        if counted:
            world_id = data.draw(st.sampled_from(sorted(counted)))
            self.script.remove(world_id)
            self.withdrawn[world_id] = counted[world_id]
            self.settled.pop(world_id, None)
            self.held.pop(world_id, None)

    @rule(data=st.data())
    def restore(self, data: st.DataObject) -> None:
        if self.withdrawn:
            world_id = data.draw(st.sampled_from(sorted(self.withdrawn)))
            self.script.restore(world_id)
            self.settled[world_id] = self.withdrawn.pop(world_id)

    @rule(hours=st.integers(0, 40))
    def advance(self, hours: int) -> None:
        before = self.world.truth(ACCOUNT)
        self.world.advance(timedelta(hours=hours))
        assert self.world.truth(ACCOUNT, before.at) == before or hours == 0

    @rule()
    def refuse_the_impossible(self) -> None:
        for world_id in self.settled:
            for impossible in (self.script.cancel, self.script.post, self.script.surface, self.script.restore):
                with pytest.raises(ImpossibleEventError):
                    impossible(world_id)
        for world_id in self.pending:
            for impossible in (self.script.remove, self.script.surface, self.script.restore):
                with pytest.raises(ImpossibleEventError):
                    impossible(world_id)

    @invariant()
    def ledger_adds_up(self) -> None:
        truth = self.world.truth(ACCOUNT)
        assert truth.opening_balance + sum(row.amount for row in truth.settled) + truth.gap == truth.balance
        scripted = {row.world_id: row for row in truth.rows if ".script." in row.world_id}
        assert {key: row.amount for key, row in scripted.items() if row.state is RowState.PENDING} == self.pending
        assert {key: row.amount for key, row in scripted.items() if row.state is RowState.SETTLED} == self.settled
        unlisted = {row.world_id: row.amount for row in truth.unlisted if ".script." in row.world_id}
        assert unlisted == self.held

    @invariant()
    def reader_of_changes_knows_the_truth(self) -> None:
        for event in self.world.events_after(self.heard, [ACCOUNT]):
            self.heard, world_id = event.sequence, event.row.world_id
            if event.kind in {EventKind.CANCELLED, EventKind.REMOVED}:
                # A row may be withdrawn before it was ever listed.
                assert self.copy.pop(world_id, event.row) == event.row
            elif event.kind in {EventKind.SURFACED, EventKind.RESTORED}:
                assert world_id not in self.copy
                self.copy[world_id] = event.row
            elif event.kind in {EventKind.PENDING, EventKind.POSTED} or world_id in self.copy:
                self.copy[world_id] = event.row
        assert {row.world_id: row for row in self.world.truth(ACCOUNT).rows} == self.copy


ScriptMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
test_any_script_keeps_the_ledger_true = ScriptMachine.TestCase


def test_late_row_is_listed_when_its_time_has_come_or_by_hand() -> None:
    world = World(1, start=START, history_days=2)
    later = timedelta(days=3)
    on_time = world.script.add_late(ACCOUNT, Decimal("-1.00"), "A", listed_after=later)
    by_hand = world.script.add_late(ACCOUNT, Decimal("-2.00"), "B", listed_after=later)
    world.script.surface(by_hand)
    assert world.get_log(ACCOUNT).is_held(on_time)
    assert not world.get_log(ACCOUNT).is_held(by_hand)
    world.advance(later)
    listed = {row.world_id for row in world.truth(ACCOUNT).rows}
    assert {on_time, by_hand} <= listed


def test_amount_must_fit_the_currency_and_names_must_exist() -> None:
    world = World(1, start=START, history_days=2)
    assert world.script.get_row(world.script.add_settled(YEN, Decimal(-500), "X")).amount == Decimal(-500)
    with pytest.raises(ValueError, match="decimals"):
        world.script.add_settled(YEN, Decimal("-500.5"), "X")
    with pytest.raises(KeyError):
        world.script.add_settled("nobody", Decimal(1), "X")
    with pytest.raises(KeyError):
        world.script.remove(f"{ACCOUNT}.script.99")
    with pytest.raises(KeyError):
        world.script.restore(f"{ACCOUNT}.script.99")


def test_script_does_not_disturb_the_life_around_it() -> None:
    plain, scripted = (World(2, start=START, history_days=5) for _ in range(2))
    scripted.script.add_settled(ACCOUNT, Decimal("-1.00"), "X")
    for world in (plain, scripted):
        world.advance(timedelta(days=10))

    def life(world: World) -> list[tuple[str, Decimal]]:
        return [(e.row.world_id, e.row.amount) for e in world.events_after(0) if ".script." not in e.row.world_id]

    assert life(plain) == life(scripted)
