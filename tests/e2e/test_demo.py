"""The first minute with Bursar."""

import os
import re
import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import httpx2

BURSAR = str(Path(sys.executable).with_name("bursar"))


def test_demo_shows_a_proven_ledger_and_leaves_nothing_behind(environment, short_folder):
    done = subprocess.run(
        [BURSAR, "demo", "--once"],
        env=environment | {"TMPDIR": str(short_folder)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "First reading: succeeded" in done.stdout
    assert re.search(r"File: (\d+) transactions read, imported: \1 new\.", done.stdout)
    for heading in ("Accounts", "transactions", "What changed in a week", "Do the rows explain"):
        assert heading in done.stdout
    bistro = next(line for line in done.stdout.splitlines() if "-48.20" in line)
    assert "posted, amount changed" in bistro
    assert "-57.84" in bistro
    assert re.search(r"removed +\S+ -?[\d.]+ USD", done.stdout)
    proofs = done.stdout.partition("Do the rows explain")[2]
    assert len(re.findall(r" proven ", proofs)) == 4
    assert " gap " not in proofs
    assert "only one balance is stated so far" in proofs
    assert "its value moves with prices" in proofs
    assert "the worker reads 24 months" in done.stderr
    assert list(short_folder.glob("bursar-demo-*")) == []
    assert str(short_folder) not in _running()


def test_demo_serves_until_ctrl_c_and_then_stops_everything(served, short_folder):
    demo = served("demo", TMPDIR=str(short_folder))
    words = demo.line_with("The server stays at ").split()
    address, token = words[0].rstrip(";"), words[-1]
    demo.line_with("Stop with Ctrl-C")
    answer = httpx2.get(f"{address}/accounts", headers={"Authorization": f"Bearer {token}"})
    accounts = answer.json()["data"]
    assert len(accounts) == 6
    assert all(Decimal(account["balance"]) for account in accounts)
    assert httpx2.get(f"{address}/accounts").status_code == 401
    assert demo.stop(signal.SIGINT) == 0
    assert list(short_folder.glob("bursar-demo-*")) == []
    assert str(short_folder) not in _running()


def test_demo_that_cannot_start_says_at_which_step(run, short_folder):
    (short_folder / "master.keys").write_text("not a key\n")
    (short_folder / "master.keys").chmod(0o600)
    done = run("demo", "--once", "--home", str(short_folder))
    assert done.code == 1
    assert "failed at this step: start the database" in done.err
    assert "master key" in done.err
    assert "Accounts" not in done.out


def _running() -> str:
    """Return the command lines of all processes."""
    if Path("/proc/self/cmdline").exists():
        texts = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                texts.append(path.read_text(errors="replace").replace("\0", " "))
            except OSError:
                continue
        return "\n".join(text for text in texts if str(os.getpid()) not in text)
    return subprocess.run(["ps", "-axo", "command"], capture_output=True, text=True, check=True).stdout
