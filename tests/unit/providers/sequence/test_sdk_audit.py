"""Does the record keep every event, whole, and no secret?"""

import json
import os
import stat
import subprocess
import sys
from datetime import datetime, timedelta

import pytest

from bursar.providers.sequence import AuditLog


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / ".audit.jsonl"


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_event_has_its_time_and_only_what_was_given(path):
    AuditLog(path).log("transfer_requested", user_id=12345, amount_cents=0, note="", source="s")
    (event,) = lines(path)
    at = datetime.fromisoformat(event.pop("timestamp"))
    assert at.utcoffset() == timedelta(0)
    assert event == {"event_type": "transfer_requested", "user_id": 12345, "amount_cents": 0, "source": "s", "note": ""}


def test_all_members_are_written(path):
    given = {
        "user_id": "u",
        "user_name": "Zoë",
        "transfer_id": "t",
        "amount_cents": 5000,
        "source": "s",
        "destination": "d",
        "note": "Top up groceries",
        "error": "TransferError: Insufficient funds",
    }
    AuditLog(path).log("transfer_failed", **given)
    (event,) = lines(path)
    assert {name: event[name] for name in given} == given
    assert "Zoë" in path.read_text(encoding="utf-8")


def test_default_path_and_rights(data_dir):
    log = AuditLog()
    assert log.path == data_dir / ".audit.jsonl"
    log.log("x")
    assert stat.S_IMODE(log.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700


def test_file_that_everybody_could_read_is_tightened(path):
    AuditLog(path).log("x")
    path.chmod(0o644)
    AuditLog(path).log("y")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(lines(path)) == 2


def test_secrets_in_note_and_error_are_masked_and_both_are_cut(path):
    secret = "Bearer abc eyJhbGciOiJSUzI1NiJ9.e30.c2ln v1.refresh-token-text 4111111111111111 "
    AuditLog(path).log("transfer_failed", note=secret + "n" * 2000, error=secret + "e" * 2000)
    (event,) = lines(path)
    for name in ("note", "error"):
        assert len(event[name]) <= 500
        for part in ("abc", "eyJ", "refresh-token-text", "4111111111111111"):
            assert part not in event[name]


@pytest.mark.parametrize(
    ("arguments", "culprit"),
    [({"event_type": None}, "event_type"), ({"event_type": " "}, "event_type"), ({"user_id": object()}, "user_id")],
    ids=["no-type", "blank-type", "no-text-user"],
)
def test_event_that_says_nothing_is_refused_and_not_written(path, arguments, culprit):
    with pytest.raises(ValueError, match=f"^{culprit} must"):
        AuditLog(path).log(**({"event_type": "transfer_failed"} | arguments))
    assert not path.exists()


def test_exception_may_be_given_as_it_is(path):
    AuditLog(path).log("transfer_failed", error=ValueError("eyJhbGciOi.canary.x of a person"))
    assert json.loads(path.read_text())["error"] == "ValueError: *** of a person"


def test_line_that_a_crash_cut_short_spoils_itself_only(path):
    AuditLog(path).log("first")
    with path.open("ab") as file:
        file.write(b'{"timestamp": "2025-01-15T')
    AuditLog(path).log("second")
    told = path.read_text().splitlines()
    assert len(told) == 3
    assert [json.loads(told[at])["event_type"] for at in (0, 2)] == ["first", "second"]


def test_line_break_in_a_member_does_not_break_the_line(path):
    AuditLog(path).log("x", user_name="a\nb", source="lone \ud800 surrogate")
    assert len(path.read_bytes().splitlines()) == 1
    assert lines(path)[0]["user_name"] == "a\nb"


def test_record_that_cannot_be_written_raises(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError):
        AuditLog(tmp_path / "file" / ".audit.jsonl").log("x")


# Twenty processes that begin at once: each is forked from one that has imported everything.
WRITERS = """
import os, sys
from bursar.providers.sequence import AuditLog
gate, go = os.pipe()
children = []
for user in range(20):
    child = os.fork()
    if child == 0:
        os.close(go)
        os.read(gate, 1)
        log = AuditLog(sys.argv[1])
        for number in range(25):
            log.log("transfer_requested", user_id=user, amount_cents=number, note="n" * 400)
        os._exit(0)
    children.append(child)
os.close(go)
assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * 20
"""


def test_twenty_processes_leave_every_line_whole(path):
    subprocess.run([sys.executable, "-c", WRITERS, str(path)], env=dict(os.environ), check=True)
    written = [(event["user_id"], event["amount_cents"]) for event in lines(path)]
    assert sorted(written) == [(user, number) for user in range(20) for number in range(25)]
