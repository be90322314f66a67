"""Does every style of reading end with the world's truth, whatever the ids are worth and whatever goes wrong?"""

from datetime import timedelta

import pytest

from bursar.converge.catalogue import FAULTS, Layer
from bursar.ports.errors import ProviderUnavailableError
from bursar.sandbox.neutral import NEUTRAL_TRAITS
from bursar.sandbox.view import IdPolicy

CASES = [(slug, policy) for slug, traits in NEUTRAL_TRAITS.items() for policy in traits.policies]
EVERY_FAULT = {code: 0.25 for code, fault in FAULTS.items() if fault.layer in (Layer.WORLD, Layer.FACE)}


@pytest.mark.parametrize(("slug", "policy"), CASES)
async def test_calm_world_is_read_as_it_is(open_bench, slug, policy) -> None:
    bench = await open_bench(slug, policy=policy)
    batches = await bench.read()
    assert bench.told() == bench.true()
    assert not [record for batch in batches for record in batch.rejected]
    for account in [account for batch in batches for account in batch.accounts]:
        world_id = bench.server.trace_account(account.provider_account_id)
        positions = bench.world.positions(world_id)
        assert account.balance == bench.world.balance(world_id) + sum(one.value for one in positions)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("slug", "policy"), CASES)
async def test_every_fault_at_once_ends_with_the_truth_when_they_stop(open_bench, slug, policy, seed) -> None:
    bench = await open_bench(slug, seed=seed, policy=policy, shares=EVERY_FAULT, turmoil=True, days=25, page_size=4)
    for number in range(40):
        bench.world.advance(timedelta(hours=17))
        try:
            batches = await bench.read()
        except ProviderUnavailableError:
            continue  # the data kept changing; the next reading goes on
        assert not [record for batch in batches for record in batch.rejected]
        if number in (15, 30):
            await bench.connect(bench.credentials)
    bench.world.view.stop()
    bench.world.advance(timedelta(days=50))
    await bench.read()
    # What was told of an account under an id that is no more is nobody's word any more.
    living = {account.provider_account_id for account in await bench.adapter.fetch_accounts(bench.credentials)}
    bench.book.rows = {name: rows for name, rows in bench.book.rows.items() if name in living}
    assert bench.told() == bench.true()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("slug", "policy"),
    [
        ("neutral_feed", IdPolicy.STABLE),
        ("neutral_feed", IdPolicy.PER_ACCOUNT),
        ("neutral_window", IdPolicy.SAME_WHEN_POSTED),
        ("neutral_window", IdPolicy.REUSED),
        ("neutral_window", IdPolicy.BLANK),
    ],
)
async def test_id_that_says_which_row_is_meant_is_traced_to_that_row(open_bench, slug, policy, seed) -> None:
    bench = await open_bench(slug, seed=seed, policy=policy, shares=EVERY_FAULT, turmoil=True)
    bench.world.view.stop()
    traced = 0
    for _ in range(6):
        bench.world.advance(timedelta(days=3))
        for row in [row for batch in await bench.read() for row in batch.transactions]:
            world_id = bench.server.trace_transaction(row.provider_account_id, row.provider_transaction_id or "")
            if world_id is None:
                assert policy in (IdPolicy.REUSED, IdPolicy.BLANK)
                continue
            traced += 1
            account_id = bench.server.trace_account(row.provider_account_id)
            known = bench.world.find_row(account_id, world_id)
            assert known is not None
            if known.state.value == row.status:
                assert (known.amount, known.booked_on) == (row.amount, row.transaction_date)
    assert traced


@pytest.mark.parametrize("policy", [IdPolicy.PER_REQUEST, IdPolicy.POSITIONAL])
async def test_id_that_means_nothing_is_traced_to_nothing(open_bench, policy) -> None:
    bench = await open_bench("neutral_list", policy=policy)
    rows = [row for batch in await bench.read() for row in batch.transactions]
    assert rows
    for row in rows:
        assert bench.server.trace_transaction(row.provider_account_id, row.provider_transaction_id) is None


async def test_ids_of_each_policy_are_what_their_name_says(open_bench) -> None:
    async def ids(slug, policy, **shares):
        bench = await open_bench(slug, policy=policy, shares=shares)
        return [
            [(row.provider_account_id, row.provider_transaction_id) for batch in batches for row in batch.transactions]
            for batches in (await bench.read(), await bench.read())
        ]

    first, second = await ids("neutral_list", IdPolicy.PER_REQUEST)
    assert not set(first) & set(second)
    first, second = await ids("neutral_list", IdPolicy.POSITIONAL)
    assert first == second
    assert len({name for _, name in first}) < len(first)
    first, _ = await ids("neutral_window", IdPolicy.BLANK, B6=0.3)
    assert None in {name for _, name in first}
    first, _ = await ids("neutral_window", IdPolicy.REUSED, B5=0.3)
    assert len(set(first)) < len(first)
    first, _ = await ids("neutral_feed", IdPolicy.PER_ACCOUNT)
    assert len(set(first)) == len(first)
    assert len({name for _, name in first}) < len(first)


@pytest.mark.parametrize("slug", list(NEUTRAL_TRAITS))
async def test_every_fault_that_a_face_is_not_immune_to_is_shown(open_bench, slug) -> None:
    traits = NEUTRAL_TRAITS[slug]
    shown = set()
    for number, policy in enumerate(traits.policies):
        for seed in range(8):
            bench = await open_bench(
                slug, seed=10 * number + seed, policy=policy, shares=EVERY_FAULT, turmoil=True, page_size=4
            )
            for step in range(8):
                bench.world.advance(timedelta(hours=20))
                if step % 4 == 3:
                    await bench.connect(bench.credentials)
                try:
                    await bench.read()
                except ProviderUnavailableError:
                    continue
            shown |= {fault for (fault, place), _ in bench.world.view.hits.items() if place == slug}
    own = {code for code, fault in FAULTS.items() if fault.layer is Layer.FACE} - traits.immune.keys()
    assert own - shown == set()
