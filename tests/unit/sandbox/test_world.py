"""The world: the same for the same seed, alive, and true in its arithmetic."""

from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from bursar.sandbox.clock import VirtualClock
from bursar.sandbox.ledger import Event, EventKind, Purpose, RowState
from bursar.sandbox.people import CURRENCY_DECIMALS, AccountKind, Lifestyle
from bursar.sandbox.world import World

START = date(2026, 3, 2)


def log_of(world: World) -> list[Event]:
    return world.events_after(0)


@pytest.fixture(scope="module")
def two_years() -> World:
    """Two years of history and a month of life; tests only read it."""
    world = World(5, start=START)
    world.advance(timedelta(days=31))
    return world


def test_same_seed_gives_the_same_log_and_another_seed_another_one() -> None:
    first, again, other = (World(seed, start=START, history_days=60) for seed in (1, 1, 2))
    for world in (first, again, other):
        world.advance(timedelta(days=10))
    assert log_of(first) == log_of(again)
    assert first.accounts == again.accounts
    assert log_of(first) != log_of(other)


def test_life_does_not_depend_on_the_size_of_the_steps() -> None:
    at_once, hour_by_hour = (World(3, start=START, history_days=30) for _ in range(2))
    at_once.advance(timedelta(days=12))
    for _ in range(12 * 24):
        hour_by_hour.advance(timedelta(hours=1))
    assert log_of(at_once) == log_of(hour_by_hour)


def test_a_day_brings_the_same_whenever_the_world_was_started() -> None:
    early = World(4, start=START, history_days=40)
    early.advance(timedelta(days=20))
    late = World(4, start=START + timedelta(days=20), history_days=60)
    family = [account_id for account_id in early.accounts if not account_id.startswith("quiet")]

    def lived(world: World) -> list[tuple[object, ...]]:
        # Sequence numbers count the quiet household too, whose life depends on the start.
        return [(event.at, event.kind, event.row) for event in world.events_after(0, family)]

    assert lived(early) == lived(late)


def test_shared_clock_drives_the_world() -> None:
    world = World(1, start=START, history_days=10)
    clock = VirtualClock(world.now)
    other = World(1, start=date(1999, 1, 1), history_days=10, clock=clock)
    clock.advance(timedelta(days=9))
    world.advance(timedelta(days=9))
    assert log_of(other) == log_of(world)


def test_balance_is_opening_plus_settled_plus_unlisted_at_any_instant(two_years: World) -> None:
    instants = [two_years.now - timedelta(days=days, hours=days % 24) for days in (0, 1, 13, 90, 365, 729)]
    for account_id in two_years.accounts:
        for at in instants:
            truth = two_years.truth(account_id, at)
            settled = sum((row.amount for row in truth.settled), Decimal(0))
            assert truth.opening_balance + settled + truth.gap == truth.balance


def test_everything_that_can_happen_to_a_row_happens(two_years: World) -> None:
    kinds = Counter(event.kind for event in log_of(two_years))
    # Nobody withdraws by mistake in these families; a script does, and a turbulent world.
    assert set(kinds) == set(EventKind) - {EventKind.RESTORED}
    purposes = {event.row.purpose for event in log_of(two_years)}
    assert purposes == set(Purpose) - {Purpose.OTHER}
    changed_on_posting = moved_on_posting = 0
    pending = {}
    for event in log_of(two_years):
        if event.kind is EventKind.PENDING:
            pending[event.row.world_id] = event.row
        elif event.kind is EventKind.POSTED and event.row.world_id in pending:
            before = pending[event.row.world_id]
            changed_on_posting += before.amount != event.row.amount
            moved_on_posting += before.booked_on != event.row.booked_on
    assert changed_on_posting > 20
    assert moved_on_posting > 20


def test_there_are_twin_rows_equal_in_everything_but_their_world_id(two_years: World) -> None:
    looks = Counter(
        (row.account_id, row.amount, row.booked_on, row.occurred_at, row.description)
        for account_id in two_years.accounts
        for row in two_years.truth(account_id).rows
    )
    assert max(looks.values()) == 2


def test_kinds_currencies_and_zones_are_varied(two_years: World) -> None:
    accounts = two_years.accounts.values()
    assert {account.kind for account in accounts} == set(AccountKind)
    assert {account.currency for account in accounts} == {"USD", "GBP", "EUR", "JPY"}
    assert {account.bank.country for account in accounts} == {"US", "GB", "DE", "JP"}
    assert {home.lifestyle for home in two_years.households} == {Lifestyle.FAMILY, Lifestyle.QUIET}


def test_amounts_carry_their_currencys_own_decimals(two_years: World) -> None:
    for event in log_of(two_years):
        assert event.row.amount.as_tuple().exponent == -CURRENCY_DECIMALS[event.row.currency], event.row


def test_booking_date_of_a_direct_row_is_the_banks_date_not_the_utc_date(two_years: World) -> None:
    tokyo = two_years.accounts["asakusa-sumida-checking"]
    salaries = [row for row in two_years.truth(tokyo.account_id).rows if row.purpose is Purpose.SALARY]
    assert {row.booked_on.day for row in salaries} == {25}
    assert {row.occurred_at.date().day for row in salaries} == {24}


def test_own_transfers_have_two_legs_that_cancel_out(two_years: World) -> None:
    rows = {row.world_id: row for one in two_years.accounts for row in two_years.truth(one).settled}
    arrivals = [row for row in rows.values() if row.reference is not None]
    purposes = {row.purpose for row in arrivals}
    assert purposes == {Purpose.TRANSFER, Purpose.CARD_PAYMENT, Purpose.LOAN_PAYMENT}
    for arrival in arrivals:
        departure = rows.get(arrival.reference)
        if departure is not None:  # It may be late.
            assert departure.amount == -arrival.amount
            assert departure.account_id != arrival.account_id


def test_owed_balances_are_negative_and_purchases_on_cards_too(two_years: World) -> None:
    assert two_years.balance("hudson-first-river-loan") < 0
    card = two_years.truth("hudson-first-river-credit-card", two_years.now - timedelta(days=20))
    assert card.balance < 0
    bought = [row for row in card.rows if row.purpose is Purpose.GROCERIES]
    assert bought
    assert all(row.amount < 0 for row in bought)


def test_positions_add_up_to_the_trades_and_have_a_price(two_years: World) -> None:
    account_id = "hudson-first-river-brokerage"
    truth = two_years.truth(account_id)
    for position in two_years.positions(account_id):
        trades = [row.trade for row in truth.settled + truth.unlisted if row.trade]
        assert position.quantity == sum(trade.quantity for trade in trades if trade.symbol == position.symbol)
        assert position.price == two_years.market.price(position.symbol, position.price_on) > 0
        assert position.cost > 0
    assert two_years.positions("hudson-first-river-checking") == ()


def test_prices_do_not_depend_on_who_asks_first() -> None:
    forward, backward = (World(9, start=START, history_days=30) for _ in range(2))
    days = [START - timedelta(days=offset) for offset in range(20)]
    told = [forward.market.price("BWTM", day) for day in days]
    assert told == [backward.market.price("BWTM", day) for day in reversed(days)][::-1]
    assert any(before != after for before, after in pairwise(told))


def test_quiet_household_waits_for_scripts(two_years: World) -> None:
    truth = two_years.truth("quiet-first-river-checking")
    assert 40 <= len(truth.rows) <= 60
    assert truth.pending
    since_start = [
        event
        for event in two_years.events_after(0, ["quiet-first-river-checking"])
        if event.at > two_years.started_at and event.kind is not EventKind.SURFACED
    ]
    assert since_start == []


def test_future_is_unknown_and_families_are_limited() -> None:
    world = World(1, start=START, history_days=5, families=1)
    assert not any(account_id.startswith("camden") for account_id in world.accounts)
    with pytest.raises(ValueError, match="future"):
        world.truth("hudson-first-river-checking", world.now + timedelta(seconds=1))
    with pytest.raises(ValueError, match="families"):
        World(1, start=START, families=99)


def test_every_seed_marks_its_people() -> None:
    people = [person for home in World(77, start=START, history_days=1).households for person in home.people]
    assert all(".w77@" in person.email for person in people)


def test_pending_rows_never_count(two_years: World) -> None:
    for account_id in two_years.accounts:
        for row in two_years.truth(account_id).pending:
            assert row.state is RowState.PENDING
            assert two_years.get_log(account_id).find_row(row.world_id) == row
