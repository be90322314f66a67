"""What is special about reading a feed, a window, and a list?"""

from datetime import date, timedelta
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bursar.converge.neutral.readings import (
    FULL_EVERY_DAYS,
    FULL_EVERY_READINGS,
    HISTORY_DAYS,
    OVERLAP_DAYS,
    Place,
)
from bursar.domain.reading import ReadQuota
from bursar.ports.errors import ProviderRateLimitError, ProviderUnavailableError
from bursar.sandbox.faults import FaultKind
from bursar.sandbox.ledger import RowState
from bursar.sandbox.neutral import Quota
from bursar.sandbox.view import IdPolicy

DAY = date(2026, 3, 2)
days = st.integers(-400, 400).map(lambda number: DAY + timedelta(days=number))


async def test_feed_goes_on_from_its_cursor_and_says_what_went(open_bench) -> None:
    bench = await open_bench("neutral_feed")
    (banking, *_) = await bench.read()
    assert {one.provider_account_id for one in banking.listings} == {
        one.provider_account_id for one in banking.accounts
    }
    world_id = next(name for name, rows in bench.true().items() if rows)
    row_id = bench.world.script.add_settled(world_id, _amount(bench, world_id), "SHORT LIVED")
    (banking, *_) = await bench.read()
    assert [row.description for row in banking.transactions] == ["SHORT LIVED"]
    assert not banking.listings
    bench.world.script.remove(row_id)
    (banking, *_) = await bench.read()
    assert [bench.server.trace_transaction(*_named(gone)) for gone in banking.removed] == [row_id]
    assert bench.told() == bench.true()


async def test_feed_whose_cursor_is_refused_is_read_from_its_beginning_and_says_to_be_whole(open_bench) -> None:
    bench = await open_bench("neutral_feed")
    await bench.read()
    bench.book.cursor = {"feed": "of-another-time"}
    (banking, *_) = await bench.read()
    assert [warning.code for warning in banking.warnings] == ["full_resync"]
    assert len(banking.listings) == len(banking.accounts)
    assert bench.told() == bench.true()


async def test_feed_that_never_stands_still_is_given_up(open_bench) -> None:
    bench = await open_bench("neutral_feed", shares={"C10": 1.0}, page_size=20)
    with pytest.raises(ProviderUnavailableError) as caught:
        await bench.read()
    assert caught.value.code == "data_changing"
    assert bench.book.rows == {}
    bench.world.view.stop()
    await bench.read()
    assert bench.told() == bench.true()


async def test_window_is_whole_first_then_overlaps_and_is_whole_again_after_a_week(open_bench) -> None:
    bench = await open_bench("neutral_window")
    await bench.read()
    today = bench.world.now.date()
    assert _first_days(bench) == {today - timedelta(days=HISTORY_DAYS)}
    for number in range(1, 9):
        bench.calls.clear()
        bench.world.advance(timedelta(days=1))
        today = bench.world.now.date()
        await bench.read()
        whole = number == FULL_EVERY_DAYS
        # The window begins before the last reading, which was yesterday.
        expected = timedelta(days=HISTORY_DAYS) if whole else timedelta(days=OVERLAP_DAYS + 1)
        assert _first_days(bench) == {today - expected}
    assert bench.told() == bench.true()


async def test_account_that_comes_later_is_read_from_its_beginning(open_bench) -> None:
    bench = await open_bench("neutral_window")
    await bench.read()
    hidden = bench.login.accounts[0].account_id
    since = bench.world.now + timedelta(hours=1)
    bench.world.hide(hidden, since, since + timedelta(days=1))
    bench.world.advance(timedelta(hours=2))
    await bench.read()
    bench.world.advance(timedelta(days=2))
    bench.calls.clear()
    await bench.read()
    assert max(_first_days(bench)) - min(_first_days(bench)) > timedelta(days=600)
    assert bench.told() == bench.true()


async def test_pages_that_come_twice_are_asked_for_again(open_bench) -> None:
    bench = await open_bench("neutral_window", policy=IdPolicy.BLANK, shares={"C9": 0.3, "B6": 0.9}, page_size=10)
    for _ in range(10):
        try:
            await bench.read()
        except ProviderUnavailableError as error:
            assert error.code == "data_changing"
        else:
            break
        bench.world.advance(timedelta(minutes=1))
    assert bench.world.view.hits["C9", "neutral_window"]
    assert bench.told() == bench.true()


async def test_list_says_which_days_it_is_whole_for(open_bench) -> None:
    bench = await open_bench("neutral_list")
    accounts, *rest = await bench.read()
    assert accounts.accounts_complete
    assert not accounts.transactions
    since = bench.world.now.date() - timedelta(days=HISTORY_DAYS)
    assert [(batch.listings[0].since, batch.listings[0].until) for batch in rest] == [(since, None)] * len(rest)
    assert {row.status for batch in rest for row in batch.transactions} == {"settled", "pending"}
    assert all(batch.cursor is None for batch in rest)


async def test_quota_is_told_with_its_end_and_whoever_does_not_listen_is_noted(open_bench) -> None:
    quota = Quota()
    bench = await open_bench("neutral_list", quota=quota)
    for _ in range(quota.reads):
        await bench.read()
        bench.world.advance(timedelta(hours=1))
    assert bench.server.violations == ()
    with pytest.raises(ProviderRateLimitError) as caught:
        await bench.read()
    assert caught.value.retry_after == timedelta(hours=20)
    assert [one.kind for one in bench.server.violations] == ["over_quota"]
    with pytest.raises(ProviderRateLimitError):
        await bench.read()
    assert [one.kind for one in bench.server.violations] == ["over_quota", "over_quota", "too_early"]
    bench.world.advance(timedelta(hours=20))
    await bench.read()
    assert len(bench.server.violations) == 3
    assert bench.told() == bench.true()


async def test_published_quota_keeps_a_run_inside_the_simulated_one(open_bench) -> None:
    from bursar.converge.neutral import NEUTRAL_SPECS

    published = NEUTRAL_SPECS[2].quota
    assert published == ReadQuota(reads=Quota().reads, window=timedelta(hours=25))
    assert published.window > Quota().per


async def test_bank_that_does_not_answer_is_waited_for(open_bench) -> None:
    bench = await open_bench("neutral_list")
    bench.world.faults.add(FaultKind.INSTITUTION_DOWN, times=None, bank=bench.login.bank.key)
    with pytest.raises(ProviderUnavailableError) as caught:
        await bench.read()
    assert caught.value.code == "institution_down"


@pytest.mark.parametrize("slug", ["neutral_feed", "neutral_window", "neutral_list"])
async def test_amounts_are_the_banks_whichever_way_is_positive(open_bench, slug) -> None:
    bench = await open_bench(slug, shares={"A14": 1.0, "A15": 1.0, "A18": 1.0})
    batches = await bench.read()
    assert bench.told() == bench.true()
    balances = {
        bench.server.trace_account(one.provider_account_id): one.balance for batch in batches for one in batch.accounts
    }
    for account in bench.login.accounts:
        held = sum(one.value for one in bench.world.positions(account.account_id))
        assert balances[account.account_id] == bench.world.balance(account.account_id) + held


async def test_positions_that_are_missing_close_nothing(open_bench) -> None:
    bench = await open_bench("neutral_feed", shares={"A17": 1.0})
    listings = [listing for batch in await bench.read() for listing in batch.holdings]
    assert listings
    assert not any(listing.complete for listing in listings)
    bench.world.view.stop()
    listings = [listing for batch in await bench.read() for listing in batch.holdings]
    world_id = bench.server.trace_account(listings[0].provider_account_id)
    assert listings[0].complete
    assert {(one.symbol, one.quantity, one.market_value) for one in listings[0].holdings} == {
        (one.symbol, one.quantity, one.value) for one in bench.world.positions(world_id)
    }


async def test_posted_row_names_its_pending_one_unless_the_link_is_missing(open_bench) -> None:
    for shares, is_linked in (({}, True), ({"A2": 1.0}, False)):
        bench = await open_bench("neutral_feed", shares=shares)
        await bench.read()
        world_id = next(iter(bench.true()))
        row_id = bench.world.script.add_pending(world_id, _amount(bench, world_id), "A CARD")
        (pending,) = (await bench.read())[0].transactions
        bench.world.script.post(row_id)
        (batch, *_) = await bench.read()
        (posted,) = batch.transactions
        assert posted.provider_transaction_id != pending.provider_transaction_id
        linked = pending.provider_transaction_id if is_linked else None
        assert posted.pending_transaction_id == linked
        assert [gone.provider_transaction_id for gone in batch.removed] == [pending.provider_transaction_id]


@given(read_on=days, full_on=days, readings=st.integers(0, 20), today=days)
def test_place_is_kept_while_the_last_whole_reading_is_fresh(read_on, full_on, readings, today) -> None:
    place = Place.parse(Place(read_on, full_on, readings).to_text(), today)
    is_fresh = 0 <= (today - full_on).days < FULL_EVERY_DAYS and readings < FULL_EVERY_READINGS - 1
    assert (place is not None) == is_fresh
    if place is not None:
        assert place.since == min(read_on, today) - timedelta(days=OVERLAP_DAYS)
        after = Place.after(place, today)
        assert (after.full_on, after.readings) == (full_on, readings + 1)


@given(text=st.text(max_size=30))
def test_place_that_cannot_be_read_leads_to_a_whole_reading(text) -> None:
    place = Place.parse(text, DAY)
    assert place is None or Place.parse(place.to_text(), DAY) == place


def _first_days(bench) -> set[date]:
    queries = [parse_qs(call.url.query.decode()) for call in bench.calls if call.url.path.endswith("/transactions")]
    return {date.fromisoformat(query["from"][0]) for query in queries}


def _amount(bench, world_id):
    row = next(row for row in bench.world.truth(world_id).rows if row.state is RowState.SETTLED)
    return row.amount


def _named(gone) -> tuple[str, str]:
    return gone.provider_account_id, gone.provider_transaction_id
