"""A few seeds of the convergence test with every run of the tests; hundreds of them run by their own command."""

from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bursar.converge import runner
from bursar.converge.catalogue import FAULTS, NOT_YET
from bursar.converge.coverage import cells_to_hit, missing_cells
from bursar.converge.database import open_database, open_server
from bursar.converge.mutants import MUTANTS, Mutant, check
from bursar.converge.plan import Limits, draw_plan, every_fault
from bursar.converge.regressions import REGRESSIONS
from bursar.converge.stage import Stage, find_channels, full_registry
from bursar.converge.tiers import open_tier

# The wheel's dependency warns about XDG_RUNTIME_DIR on machines without one.
pytestmark = pytest.mark.filterwarnings("ignore:XDG_RUNTIME_DIR")


@asynccontextmanager
async def _stage(tmp_path: Path) -> AsyncGenerator[Stage]:
    with open_server() as server, open_database(server) as url:
        async with open_tier(1, url, tmp_path) as stage:
            yield stage


PROVEN_SEEDS = range(1, 9)
PLAIN = frozenset({"A4", "A5", "A6", "A8", "A9", "A10", "A11", "A12", "B8", "B10", "D1", "D4", "D5", "D8", "E6"})


def _told(verdict) -> list[str]:
    return [f"{one.invariant}: {one.detail}" for one in verdict.divergences]


async def test_first_seeds_converge(tmp_path):
    rows = 0
    async with _stage(tmp_path) as stage:
        for seed in range(1, 13):
            verdict = await runner.judge(stage, seed, Limits())
            assert _told(verdict) == [], seed
            rows += verdict.row_count
    assert rows > 500


async def test_proof_gives_no_false_alarm_where_one_source_tells(tmp_path):
    limits = Limits(faults=PLAIN, channels=("plaid",))
    async with _stage(tmp_path) as stage:
        for seed in PROVEN_SEEDS:
            assert _told(await runner.judge(stage, seed, limits)) == [], seed


async def test_what_was_found_once_stays_mended(tmp_path):
    async with _stage(tmp_path) as stage:
        for name, (seed, limits) in REGRESSIONS.items():
            assert _told(await runner.judge(stage, seed, limits)) == [], name


async def test_seed_does_the_same_again_whatever_ran_before(tmp_path):
    async with _stage(tmp_path) as stage:
        first = await runner.judge(stage, 5, Limits())
        await runner.judge(stage, 6, Limits())
        again = await runner.judge(stage, 5, Limits())
    assert (first.trace_mark, first.trace) == (again.trace_mark, again.trace)


async def test_calm_world_has_no_fault_and_no_exemption(tmp_path):
    async with _stage(tmp_path) as stage:
        verdict = await runner.judge(stage, 3, Limits(faults=frozenset()))
    assert _told(verdict) == []
    assert not verdict.exemptions
    assert verdict.row_count > 20


def test_leaving_faults_out_changes_no_other_decision():
    policies = {slug: channel.traits.policies for slug, channel in find_channels(full_registry()).items()}
    for seed in range(200):
        whole = draw_plan(seed, Limits(), policies)
        half = draw_plan(seed, Limits(faults=frozenset(sorted(FAULTS)[::2])), policies)
        assert half.faults <= whole.faults
        assert (half.start, half.days, half.tenants) == (whole.start, whole.days, whole.tenants)
        assert all(whole.shares[code] == share for code, share in half.shares.items() if code in whole.shares)


def test_every_fault_of_the_first_tier_has_a_cell_that_must_be_hit():
    registry = full_registry()
    cells = cells_to_hit(find_channels(registry), registry.importers, every_fault(1))
    assert {code for code, _, _ in cells} == every_fault(1)
    assert missing_cells(cells, Counter()) == cells
    assert not FAULTS.keys() & NOT_YET.keys()


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_deliberate_fault_fits_the_code(mutant: Mutant):
    check(mutant)


def test_there_are_thirty_deliberate_faults():
    assert len(MUTANTS) >= 30
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


def test_replay_line_repeats_the_limits():
    limits = Limits(faults=frozenset({"A8", "D1"}), channels=("plaid",), days=30)
    assert runner.unpack(runner.pack(limits)) == limits
    line = runner.replay_line(7, limits, "abc1234")
    assert line == "bursar converge --seed 7 --faults A8,D1 --providers plaid --days 30  # at commit abc1234"
