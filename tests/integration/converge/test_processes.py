"""Real worker processes are killed, databases restart and change and are restored: a handful of seeds end in truth."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from bursar.converge import runner
from bursar.converge.board import Board, Victim
from bursar.converge.coverage import cells_to_hit
from bursar.converge.database import open_database, open_server
from bursar.converge.plan import Limits, draw_plan, every_fault
from bursar.converge.processes import draw_cells
from bursar.converge.stage import Stage
from bursar.converge.tiers import open_tier
from bursar.faultpoints import FaultPoint

# The wheel's dependency warns about XDG_RUNTIME_DIR on machines without one.
pytestmark = pytest.mark.filterwarnings("ignore:XDG_RUNTIME_DIR")

SMALL = {"days": 30, "tenants": 2, "logins": 2}


@asynccontextmanager
async def _stage(tier, tmp_path) -> AsyncGenerator[Stage]:
    with open_server() as server, open_database(server) as url:
        async with open_tier(tier, url, tmp_path) as stage:
            yield stage


def _told(verdict) -> list[str]:
    return [f"{one.invariant}: {one.detail}" for one in verdict.divergences]


async def test_killed_workers_change_nothing_of_the_ledger(tmp_path):
    limits = Limits(faults=frozenset({"D2"}), tier=2, **SMALL)
    kills = 0
    async with _stage(2, tmp_path) as stage:
        for seed in (2, 9, 11):
            verdict = await runner.judge(stage, seed, limits)
            assert _told(verdict) == []
            assert verdict.row_count
            kills += sum(count for (code, _, _), count in verdict.struck.items() if code == "D2")
    assert kills


async def test_worker_that_was_overtaken_takes_no_job_from_its_heir(tmp_path):
    limits = Limits(faults=frozenset({"D5", "D8"}), tier=2, **SMALL)
    struck = 0
    async with _stage(2, tmp_path) as stage:
        for seed in (37, 40, 43):
            verdict = await runner.judge(stage, seed, limits)
            assert _told(verdict) == []
            struck += sum(count for (code, _, _), count in verdict.struck.items() if code == "D8")
    assert struck


@pytest.mark.slow
async def test_ledger_outlives_restarts_changes_and_a_restored_backup(tmp_path):
    limits = Limits(faults=frozenset({"D2", "D3", "D9"}), tier=3, **SMALL)
    struck = set()
    async with _stage(3, tmp_path) as stage:
        for seed in range(1, 9):
            verdict = await runner.judge(stage, seed, limits)
            assert _told(verdict) == [], seed
            struck |= {code for code, _, _ in verdict.struck}
    assert {"D2", "D3", "D9"} <= struck


def test_trap_strikes_the_nth_who_passes_and_nobody_after(tmp_path):
    board, other = Board(tmp_path / "board"), Board(tmp_path / "board")
    victim = Victim(tenant_id=uuid4(), connection_id=uuid4(), run_id=uuid4())
    board.set_trap(0, "D2", FaultPoint.SYNC_FETCHED, 2)
    assert other.pass_by(FaultPoint.SYNC_OPENED, victim) is None
    assert other.pass_by(FaultPoint.SYNC_FETCHED, victim) is None
    assert board.sprung() == []
    struck = other.pass_by(FaultPoint.SYNC_FETCHED, victim)
    assert struck is not None
    assert (struck.code, struck.nth) == ("D2", 2)
    assert other.pass_by(FaultPoint.SYNC_FETCHED, victim) is None
    (told,) = board.sprung()
    assert (told.tenant_id, told.connection_id, told.run_id) == (
        victim.tenant_id,
        victim.connection_id,
        victim.run_id,
    )
    assert told.process_id == os.getpid()
    board.clear_traps()
    assert board.sprung() == []


def test_board_tells_other_processes_the_time_with_the_error_of_each_clock(tmp_path):
    board = Board(tmp_path / "board")
    now = datetime(2024, 2, 29, 12, 0, 0, 123456, tzinfo=UTC)
    board.set_time(now)
    board.set_skew(3, timedelta(hours=-26))
    script = (
        "import sys; from pathlib import Path; from bursar.converge.board import Board; "
        "board = Board(Path(sys.argv[1])); print(board.time_of(1).isoformat(), board.time_of(3).isoformat())"
    )
    found = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "board")], capture_output=True, text=True, check=True
    )
    assert found.stdout.split() == [now.isoformat(), (now - timedelta(hours=26)).isoformat()]


def test_lock_of_a_process_that_is_killed_in_the_middle_is_free(tmp_path):
    script = (
        "import sys, time; from pathlib import Path; from bursar.converge.board import Board\n"
        "with Board(Path(sys.argv[1]))._alone(): print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "board")], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        os.kill(holder.pid, signal.SIGKILL)
    Board(tmp_path / "board").set_trap(0, "D2", FaultPoint.SYNC_OPENED, 1)


def test_dearer_tiers_add_their_faults_and_cells():
    assert every_fault(2) - every_fault(1) == {"D2"}
    assert every_fault(3) - every_fault(2) == {"D3", "D9"}
    drawn = [draw_plan(seed, Limits(tier=2, faults=every_fault(2)), {}).faults for seed in range(50)]
    assert 25 < sum("D2" in faults for faults in drawn) < 50
    cells = cells_to_hit({}, [], every_fault(3), 3)
    assert {("D3", "", ""), ("D9", "", "")} <= set(cells)


def test_every_place_of_a_run_can_kill_its_worker():
    places = {point for code, point in draw_cells(frozenset({"D2", "D5"})) if code == "D2"}
    assert places == {point for point in FaultPoint if point.value.startswith("sync.")}


def test_replay_line_names_the_tier():
    limits = Limits(tier=2, faults=every_fault(2))
    assert runner.replay_line(7, limits, "abc") == "bursar converge --seed 7 --tier 2  # at commit abc"
    assert runner.unpack(runner.pack(limits)) == limits
