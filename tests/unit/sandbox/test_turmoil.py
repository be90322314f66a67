"""The turbulent world: small, the same for the same arguments, and full of what its view has shares of."""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from bursar.sandbox.clock import VirtualClock
from bursar.sandbox.ledger import Event, EventKind, Purpose, Row
from bursar.sandbox.people import CURRENCY_DECIMALS, AccountKind
from bursar.sandbox.turmoil import AFTERMATH, build_turmoil
from bursar.sandbox.view import View
from bursar.sandbox.world import World

START, DAYS = date(2026, 3, 2), 45
ROW_FAULTS = ("A4", "A5", "A6", "A8", "A9", "A10", "A11", "A11x", "A12")
ALL = {**dict.fromkeys(ROW_FAULTS, 0.1), "B8": 0.3, "B10": 0.3}
SEEDS = range(25)


def lived(
    seed: int,
    shares: dict[str, float] | None = None,
    *,
    days: int = DAYS,
    tenants: int = 3,
    step: timedelta = timedelta(days=1),
) -> World:
    world = build_turmoil(seed, tenants=tenants, start=START, days=days, view=View(seed, shares))
    end = datetime.combine(START + timedelta(days=days), time(), tzinfo=UTC) + AFTERMATH
    while world.now < end:
        world.advance(min(step, end - world.now))
    return world


@pytest.fixture(scope="module")
def worlds() -> list[World]:
    """Worlds with every fault, lived to their end; tests only read them."""
    return [lived(seed, ALL) for seed in SEEDS]


def lives(world: World) -> dict[str, list[Event]]:
    """Every row's events by its world id."""
    by_row: dict[str, list[Event]] = {}
    for event in world.events_after(0):
        by_row.setdefault(event.row.world_id, []).append(event)
    return by_row


def kinds(events: list[Event]) -> list[EventKind]:
    return [event.kind for event in events]


def test_same_arguments_give_the_same_world_whatever_the_steps_of_the_clock() -> None:
    for seed in range(4):
        daily, hourly, once = (
            lived(seed, ALL, days=20, step=step) for step in (timedelta(days=1), timedelta(hours=7), timedelta(days=99))
        )
        assert daily.events_after(0) == hourly.events_after(0) == once.events_after(0)
        assert daily.view.hits == hourly.view.hits == once.view.hits
        for login in daily.logins:
            for day in range(60):
                at = daily.started_at + timedelta(days=day)
                assert daily.shown_accounts(login, at) == once.shown_accounts(login, at)
    assert lived(1, ALL).events_after(0) != lived(2, ALL).events_after(0)


def test_fewer_tenants_and_days_leave_the_rest_as_it_was() -> None:
    shares = {name: share for name, share in ALL.items() if name != "B8"}
    large, small = lived(5, shares, tenants=3, days=60), lived(5, shares, tenants=1, days=30)
    present = small.started_at + timedelta(days=20)

    def told(world: World) -> list[tuple[datetime, EventKind, Row]]:
        events = world.events_after(0, [account.account_id for account in small.accounts.values()])
        return [(event.at, event.kind, event.row) for event in events if event.at <= present]

    assert told(small)
    assert told(small) == told(large)


@pytest.mark.parametrize("dropped", ROW_FAULTS)
def test_a_fault_that_is_dropped_leaves_other_rows_as_they_were(dropped: str) -> None:
    def steps(shares: dict[str, float]) -> dict[str, list[tuple[EventKind, Row]]]:
        by_row = lives(lived(7, shares))
        return {world_id: [(event.kind, event.row) for event in events] for world_id, events in by_row.items()}

    everything, fewer = steps(ALL), steps({name: share for name, share in ALL.items() if name != dropped})
    changed = {world_id for world_id in everything if everything[world_id] != fewer.get(world_id)}
    assert 0 < len(changed) < len(everything) / 4
    # Only a twin exists because of a fault.
    assert all(world_id.endswith("t") for world_id in everything.keys() ^ fewer.keys())


def test_accounts_stay_as_they_are_whoever_is_replaced_or_hidden() -> None:
    for seed in range(10):
        everything, fewer = (lived(seed, shares, days=20) for shares in (ALL, {}))
        kept = {key: account for key, account in everything.accounts.items() if account.replaces is None}
        assert kept == fewer.accounts


def test_size_is_what_one_seed_can_afford(worlds: list[World]) -> None:
    counts = [len(lives(world)) for world in worlds]
    assert 100 <= sum(counts) / len(counts) <= 250
    assert max(counts) <= 320


def test_every_fault_hits_and_is_counted(worlds: list[World]) -> None:
    hits = sum((world.view.hits for world in worlds), Counter[tuple[str, str]]())
    assert {fault for fault, _ in hits} == {*ALL, "transfer", "fx_transfer", "backdated", "twins"}
    assert {place for _, place in hits} == {"world"}


def test_without_shares_rows_are_only_announced_and_settled() -> None:
    for seed in range(5):
        world = lived(seed)
        told = {tuple(kinds(events)) for events in lives(world).values()}
        assert told <= {(EventKind.POSTED,), (EventKind.PENDING, EventKind.POSTED)}
        assert not any(account.replaces for account in world.accounts.values())


def test_cast_is_marked_unique_and_varied(worlds: list[World]) -> None:
    for world in worlds:
        assert [home.key for home in world.households] == ["t0", "t1", "t2"]
        numbers = [account.number for account in world.accounts.values()]
        assert len(set(numbers)) == len(numbers)
        for home in world.households:
            marker = f"w{world.seed}{home.key}"
            assert all(login.username == f"user_{home.key}" for login in home.logins)
            assert all(marker in account.name for account in home.accounts)
            assert all(marker in person.email for person in home.people)
            assert 1 <= len(home.logins) == len({login.bank for login in home.logins}) <= 2
            masks = [account.mask for account in home.accounts]
            assert len(set(masks)) == len(masks)
            for login in home.logins:
                assert 1 <= sum(account.replaces is None for account in login.accounts) <= 3
                assert world.find_login(login.bank.key, login.username) is login
    accounts = [account for world in worlds for account in world.accounts.values()]
    assert {account.currency for account in accounts} == set(CURRENCY_DECIMALS)
    assert {account.kind for account in accounts} == set(AccountKind)


def test_amounts_have_their_currencys_decimals(worlds: list[World]) -> None:
    for world in worlds:
        for event in world.events_after(0):
            assert event.row.amount.as_tuple().exponent == -CURRENCY_DECIMALS[event.row.currency], event.row
            assert event.row.booked_on >= min(account.opened_at.date() for account in world.accounts.values())
        for account in world.accounts.values():
            assert account.opening_balance.as_tuple().exponent == -CURRENCY_DECIMALS[account.currency]


def test_life_ends_and_fates_run_out(worlds: list[World]) -> None:
    last_day = START + timedelta(days=DAYS)
    for world in worlds:
        begun = {events[0].row.occurred_at.date() for events in lives(world).values()}
        assert max(begun) <= last_day + timedelta(days=2)  # An arrival follows its departure by a day.
        assert min(begun) < START
        head = world.head
        world.advance(timedelta(days=200))
        assert world.head == head


def test_balance_is_explained_at_any_instant(worlds: list[World]) -> None:
    for world in worlds[:8]:
        for account_id in world.accounts:
            for day in (0, 9, 30, 60, 89):
                truth = world.truth(account_id, world.started_at + timedelta(days=day))
                settled = sum((row.amount for row in truth.settled), Decimal(0))
                assert truth.opening_balance + settled + truth.gap == truth.balance


def test_posting_changes_amounts_and_dates() -> None:
    amounts: Counter[bool] = Counter()
    moves: set[int] = set()
    for seed in SEEDS:
        for events in lives(lived(seed, {"A4": 0.5, "A5": 0.5})).values():
            for before, after in pairwise(events):
                if after.kind is EventKind.POSTED:
                    if before.row.amount != after.row.amount:
                        amounts[after.row.amount == 0] += 1
                    moves.add((after.row.booked_on - before.row.booked_on).days)
                    assert after.row.booked_on <= after.at.date() + timedelta(days=1)
    assert amounts[True] > 20 < amounts[False]
    assert (min(moves), max(moves)) == (-10, 10)


def test_pending_rows_vanish() -> None:
    told = {tuple(kinds(events)) for seed in range(5) for events in lives(lived(seed, {"A6": 1})).values()}
    assert told == {(EventKind.PENDING, EventKind.CANCELLED), (EventKind.POSTED,)}


def test_removed_rows_return_as_they_were() -> None:
    returned = 0
    for seed in range(5):
        world = lived(seed, {"A9": 0.5})
        for events in lives(world).values():
            if events[-1].kind is EventKind.RESTORED:
                returned += 1
                assert events[-2].kind is EventKind.REMOVED
                assert events[-1].row == events[-2].row
                assert events[-1].at - events[-2].at >= timedelta(hours=12)
                assert events[-1].row in world.truth(events[-1].row.account_id).rows
    assert returned > 20


def test_late_rows_are_listed_within_45_days_and_some_change_before() -> None:
    before_listing: Counter[EventKind] = Counter()
    for seed in SEEDS:
        for events in lives(lived(seed, {"A11": 0.5, "A8": 0.3, "A10": 0.5})).values():
            if events[0].kind is not EventKind.HELD:
                continue
            before_listing[events[1].kind] += 1
            listed = [event for event in events if event.kind is EventKind.SURFACED]
            assert len(listed) == (events[1].kind is not EventKind.REMOVED)
            assert all(timedelta(days=1) <= event.at - events[0].at <= timedelta(days=45) for event in listed)
    assert min(before_listing[kind] for kind in (EventKind.SURFACED, EventKind.REMOVED, EventKind.MODIFIED)) > 5


def test_rows_that_are_never_listed_leave_a_gap() -> None:
    gaps = 0
    for seed in range(8):
        world = lived(seed, {"A11x": 0.2})
        for account_id in world.accounts:
            truth = world.truth(account_id)
            never = [events for events in lives(world).values() if kinds(events) == [EventKind.HELD]]
            assert truth.unlisted == tuple(
                sorted(
                    (events[0].row for events in never if events[0].row.account_id == account_id),
                    key=lambda row: (row.booked_on, row.world_id),
                )
            )
            gaps += truth.gap != 0
    assert gaps > 8


def test_changes_after_sixty_days_concern_amount_text_and_date() -> None:
    changed: Counter[str] = Counter()
    for seed in SEEDS:
        for events in lives(lived(seed, {"A10": 0.5}, tenants=2)).values():
            for before, after in pairwise(events):
                if after.kind is EventKind.MODIFIED:
                    assert after.at - before.at > timedelta(days=60)
                    fields = ("amount", "description", "booked_on")
                    changed += Counter(name for name in fields if getattr(before.row, name) != getattr(after.row, name))
    assert set(changed) == {"amount", "description", "booked_on"}


def test_twins_are_equal_in_everything_until_one_is_removed() -> None:
    twins = 0
    for seed in range(6):
        by_row = lives(lived(seed, {"A12": 0.4}))
        for world_id, events in by_row.items():
            original = by_row.get(world_id.removesuffix("t"))
            if not world_id.endswith("t") or original is None:
                continue
            twins += 1
            assert events[-1].kind is EventKind.REMOVED
            assert [(event.at, event.kind) for event in events[:-1]] == [(event.at, event.kind) for event in original]
            assert looks(events[-2].row) == looks(original[-1].row)
    assert twins > 30


def looks(row: Row) -> tuple[object, ...]:
    return (row.account_id, row.state, row.amount, row.booked_on, row.occurred_at, row.description, row.counterparty)


def test_twins_of_ordinary_life_both_stay() -> None:
    equal = 0
    for seed in range(20):
        world = lived(seed)
        for account_id in world.accounts:
            counts = Counter(looks(row) for row in world.truth(account_id).rows)
            equal += sum(count == 2 for count in counts.values())
    assert equal > 20


def test_own_transfers_have_two_legs_also_between_currencies(worlds: list[World]) -> None:
    currencies: Counter[bool] = Counter()
    for world in worlds:
        first = {world_id: events[0].row for world_id, events in lives(world).items()}
        for row in first.values():
            out = first.get(row.reference or "")
            if row.purpose is Purpose.TRANSFER and out is not None:
                currencies[out.currency == row.currency] += 1
                assert out.amount < 0 < row.amount
                if out.currency == row.currency:
                    assert out.amount == -row.amount
    assert currencies[True] > 50 < currencies[False]


def test_replaced_account_and_its_successor_overlap_for_ten_days() -> None:
    overlaps = gone = 0
    for seed in SEEDS:
        world = lived(seed, {"B8": 0.5, "A8": 0.1, "A11": 0.05})
        by_row = lives(world)
        for login in world.logins:
            for successor in (account for account in login.accounts if account.replaces is not None):
                replaced = world.accounts[successor.replaces or ""]
                assert replaced.number != successor.number
                assert (
                    world.balance(successor.account_id)
                    == sum((row.amount for row in world.truth(successor.account_id).settled), Decimal(0))
                    + world.truth(successor.account_id).gap
                )
                start, end = successor.opened_at, successor.opened_at + timedelta(days=10)
                for world_id, events in by_row.items():
                    if events[0].row.account_id == replaced.account_id:
                        assert events[0].at < end
                        twin = by_row.get(world_id.replace(replaced.account_id, successor.account_id))
                        assert (twin is not None) == (events[0].at >= start)
                        assert twin is None or kinds(twin) == kinds(events)
                        overlaps += twin is not None
                before = world.shown_accounts(login, start - timedelta(seconds=1))
                assert successor not in before
                assert {replaced, successor} <= set(world.shown_accounts(login, end))
                if replaced not in world.shown_accounts(login):
                    gone += 1
                    log = world.get_log(replaced.account_id).events_after(0)
                    assert replaced in world.shown_accounts(login, log[-1].at + timedelta(days=6)) or not log
    assert overlaps > 20
    assert gone > 5


def test_hidden_account_returns(worlds: list[World]) -> None:
    absences = 0
    for world in worlds:
        for login in world.logins:
            seen = [
                {
                    account.account_id
                    for account in world.shown_accounts(login, world.started_at + timedelta(hours=hour))
                }
                for hour in range(0, 24 * 40, 6)
            ]
            originals = {account.account_id for account in login.accounts if account.replaces is None}
            absences += any(originals - shown for shown in seen)
            assert originals <= seen[0]
    assert sum(world.view.hits["B10", "world"] for world in worlds) >= absences > 5


def test_brokerages_hold_what_they_bought_at_moving_prices(worlds: list[World]) -> None:
    held = 0
    for world in worlds:
        for account in world.accounts.values():
            positions = world.positions(account.account_id)
            assert account.kind is AccountKind.BROKERAGE or not positions
            assert all(position.quantity > 0 and position.cost > 0 for position in positions)
            held += len(positions)
            for position in positions:
                prices = {world.market.price(position.symbol, START + timedelta(days=day)) for day in range(30)}
                assert len(prices) > 5
    assert held > 20


def test_clock_must_be_on_the_first_day_and_is_shared() -> None:
    clock = VirtualClock(datetime(2026, 3, 2, 8, tzinfo=UTC))
    world = build_turmoil(1, tenants=1, start=START, days=9, view=View(1), clock=clock)
    clock.advance(timedelta(days=3))
    assert world.now == clock.now()
    with pytest.raises(ValueError, match="not on"):
        build_turmoil(1, tenants=1, start=START, days=9, view=View(1), clock=clock)


def test_a_script_that_was_faster_does_not_stop_the_world() -> None:
    world = build_turmoil(3, tenants=3, start=START, days=30, view=View(3, {"A8": 0.5}))
    for account_id in world.accounts:
        for row in world.truth(account_id).pending:
            world.script.post(row.world_id, description="SCRIPTED")
        for row in world.truth(account_id).settled:
            world.script.modify(row.world_id, description="SCRIPTED")
    world.advance(timedelta(days=80))
    assert any(row.description == "SCRIPTED" for account_id in world.accounts for row in world.truth(account_id).rows)


def test_banks_and_currencies_can_be_narrowed() -> None:
    for seed in range(6):
        world = build_turmoil(
            seed, tenants=2, start=START, days=10, view=View(seed), banks=["goldcoast"], currencies=["EUR"]
        )
        assert {login.bank.key for login in world.logins} == {"goldcoast"}
        assert {account.currency for account in world.accounts.values()} == {"EUR"}
