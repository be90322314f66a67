"""Does the daily limit hold when many processes ask at once, and when some are killed?"""

import json
import os
import subprocess
import sys

import pytest

from bursar.providers.sequence import DailyLimitTracker

# Twenty processes that begin at once: each is forked from one that has imported everything. The exit status counts.
RESERVE = """
import os, sys
from bursar.providers.sequence import DailyLimitTracker, LimitExceededError
gate, go = os.pipe()
children = []
for _ in range(20):
    child = os.fork()
    if child == 0:
        os.close(go)
        os.read(gate, 1)
        tracker = DailyLimitTracker(sys.argv[1], 10_000, tz="UTC")
        allowed = 0
        for _ in range(10):
            try:
                tracker.reserve(300).commit("t")
                allowed += 1
            except LimitExceededError:
                pass
        os._exit(allowed)
    children.append(child)
os.close(go)
print(*(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children))
"""

RESERVE_FOR_EVER = """
import sys
from bursar.providers.sequence import DailyLimitTracker
tracker = DailyLimitTracker(sys.argv[1], 10**9, tz="UTC")
print("ready", flush=True)
while True:
    reservation = tracker.reserve(1)
    print(reservation.reservation_id, flush=True)
    reservation.commit("t")
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / ".daily_limits.json"


def start(program, path):
    return subprocess.Popen(
        [sys.executable, "-c", program, str(path)],
        stdout=subprocess.PIPE,
        text=True,
        env=dict(os.environ),
    )


def entries_of(path):
    days = json.loads(path.read_text())
    return [entry for users in days.values() for entries in users.values() for entry in entries]


def test_twenty_processes_reserving_at_once_never_exceed_the_limit(path):
    with start(RESERVE, path) as process:
        allowed = [int(number) for number in process.communicate()[0].split()]
    assert len(allowed) == 20
    entries = entries_of(path)
    assert sum(allowed) == len(entries) == 33
    assert sum(entry["amount_cents"] for entry in entries) == 9_900


def test_killed_processes_lose_nothing_that_they_had_reserved(path):
    reserved: set[str] = set()
    for _ in range(6):
        with start(RESERVE_FOR_EVER, path) as process:
            assert process.stdout.readline() == "ready\n"
            reserved.update(process.stdout.readline().strip() for _ in range(5))
            process.kill()
            # What it had said before it died is in the pipe.
            reserved.update(line.strip() for line in process.stdout if line.endswith("\n"))
    kept = {entry["reservation_id"] for entry in entries_of(path)}
    assert reserved <= kept
    # The next one is not stopped by a lock or half a file of a dead one.
    tracker = DailyLimitTracker(path, 10**9, tz="UTC", strict=True)
    assert tracker.check(0)[1] == 10**9 - len(kept)
