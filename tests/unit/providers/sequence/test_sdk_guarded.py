"""Does money move in the one safe order, and is every end booked and on record?"""

import asyncio
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from bursar.providers.sequence import (
    AsyncGuardedTransfers,
    AsyncSequenceClient,
    AuditLog,
    DailyLimitTracker,
    GuardedTransfers,
    LimitExceededError,
    Order,
    Pace,
    SequenceError,
    TransferError,
    TransferOutcome,
    TransferOutcomeUnknownError,
)

P = "7d3f1c52-5a0b-4b7e-9a61-2f60c1d4"
ORG, KYC, SOURCE, DESTINATION = f"{P}0001", f"{P}0002", f"{P}0101", f"{P}0102"
QUICK = Pace(0.0, 0.0)


def order(cents=500, **changes):
    return Order(
        **{"kyc_id": KYC, "source_id": SOURCE, "destination_id": DESTINATION, "amount_cents": cents, **changes}
    )


@pytest.fixture
def limits(data_dir):
    return DailyLimitTracker(max_daily_cents=1_000, strict=True)


@pytest.fixture
def audit():
    return AuditLog()


@pytest.fixture
def guarded(make_client, limits, audit):
    return GuardedTransfers(make_client(), limits=limits, audit=audit)


@pytest.mark.parametrize("limit", [-1, True, 1.5, "5"])
def test_limit_of_one_transfer_that_is_none_is_refused(make_client, limit):
    with pytest.raises(ValueError, match="max_transfer_cents"):
        GuardedTransfers(make_client(), max_transfer_cents=limit)


def events(audit):
    if not audit.path.exists():
        return []
    return [json.loads(line) for line in audit.path.read_text().splitlines()]


def kinds(audit):
    return [event["event_type"].removeprefix("transfer_") for event in events(audit)]


def states(limits):
    if not limits.path.exists():
        return []
    days = json.loads(limits.path.read_text())
    return [entry.get("state") for users in days.values() for entries in users.values() for entry in entries]


def log_of(*numbers, seconds=1.0, cents=500):
    created_at = (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()
    edges = [
        {
            "cursor": number,
            "node": {
                "id": number,
                "createdAt": created_at,
                "amount": {"cents": cents},
                "source": {"__typename": "Pod", "id": SOURCE},
                "destination": {"__typename": "Pod", "id": DESTINATION},
            },
        }
        for number in numbers
    ]
    page = {"endCursor": None, "hasNextPage": False}
    return {"organization": {"id": ORG, "transferReferences": {"pageInfo": page, "edges": edges}}}


def test_transfer_that_is_made_is_booked_recorded_and_learns_its_id(guarded, wire, example, limits, audit):
    wire.say(example("transfer"), log_of("t-1"))
    result = guarded.send(order(user_id=7, user_name="alex", note="groceries"))
    assert (result.transfer_id, result.is_recorded) == ("t-1", True)
    assert result.answer == example("transfer")["forKYC"]["createPayment"]["ok"]
    assert kinds(audit) == ["requested", "completed"]
    told = events(audit)[1]
    assert (told["transfer_id"], told["amount_cents"], told["user_id"], told["note"]) == ("t-1", 500, 7, "groceries")
    assert states(limits) == ["recorded"]
    assert limits.check(0, user_id=7) == (True, 500)


@pytest.mark.parametrize("found", [(), ("a", "b")])
def test_id_that_cannot_be_told_stays_unknown(guarded, wire, example, limits, found):
    wire.say(example("transfer"), log_of(*found))
    assert guarded.send(order()).transfer_id is None
    assert states(limits) == ["recorded"]


def test_log_that_cannot_be_read_does_not_undo_a_transfer(guarded, wire, said, example, limits, audit):
    wire.say(example("transfer"), said(500, b""))
    assert guarded.send(order()).transfer_id is None
    assert (kinds(audit), states(limits)) == (["requested", "completed"], ["recorded"])


def test_amount_is_booked_and_on_record_before_the_money_moves(guarded, wire, said, example, limits, audit):
    seen = []

    def answer(_):
        seen.append((kinds(audit), states(limits)))
        return said(body={"data": example("transfer")})

    wire.say(answer, log_of("t"))
    guarded.send(order())
    assert seen == [(["requested"], ["reserved"])]


def test_clear_refusal_gives_the_amount_back(guarded, wire, example, limits, audit):
    wire.say(example("refused"))
    with pytest.raises(TransferError, match="Insufficient funds"):
        guarded.send(order())
    assert (kinds(audit), states(limits)) == (["requested", "failed"], [])
    assert events(audit)[1]["error"] == "TransferError: Transfer failed: Insufficient funds"


@pytest.mark.parametrize("status", [401, 403, 429, 400])
def test_whatever_was_not_carried_out_gives_the_amount_back(guarded, wire, said, limits, audit, status):
    wire.say(said(status, b""))
    with pytest.raises(SequenceError):
        guarded.send(order())
    assert (kinds(audit), states(limits)) == (["requested", "failed"], [])


@pytest.mark.parametrize("status", [500, 200])
def test_unknown_outcome_keeps_the_amount_booked(guarded, wire, said, limits, audit, status):
    wire.say(said(status, b""))
    with pytest.raises(TransferOutcomeUnknownError):
        guarded.send(order())
    assert (kinds(audit), states(limits)) == (["requested", "outcome_unknown"], ["unknown"])
    assert limits.check(0) == (True, 500)
    assert wire.operations == ["CreatePayment"]


def test_daily_limit_rejects_before_anything_is_sent_and_on_record(guarded, wire, limits, audit):
    with pytest.raises(LimitExceededError):
        guarded.send(order(1_001))
    assert (kinds(audit), states(limits), wire.asked) == (["rejected"], [], [])


def test_limit_of_one_transfer_is_the_first_to_ask(make_client, wire, limits, audit):
    guarded = GuardedTransfers(make_client(), limits=limits, audit=audit, max_transfer_cents=400)
    with pytest.raises(LimitExceededError, match=r"more than one transfer may move: \$4\.00"):
        guarded.send(order())
    assert (kinds(audit), states(limits), wire.asked) == (["rejected"], [], [])


def test_request_that_cannot_be_put_on_record_is_not_sent(make_client, wire, limits, tmp_path):
    (tmp_path / "file").write_text("")
    guarded = GuardedTransfers(make_client(), limits=limits, audit=AuditLog(tmp_path / "file" / "audit"))
    with pytest.raises(OSError):
        guarded.send(order())
    assert (wire.asked, states(limits)) == ([], [])


def test_record_that_is_lost_after_the_money_moved_does_not_look_like_a_failure(
    make_client, wire, said, example, limits, audit, caplog
):
    def answer(_):
        audit.path.unlink()
        audit.path.mkdir()
        return said(body={"data": example("transfer")})

    wire.say(answer)
    guarded = GuardedTransfers(make_client(), limits=limits, audit=audit, learns_ids=False)
    assert guarded.send(order()).is_recorded is False
    assert "could not be written" in caplog.text
    assert states(limits) == ["recorded"]


@pytest.mark.parametrize(
    "changes", [{"amount_cents": 0}, {"amount_cents": True}, {"source_type": "BOGUS"}, {"destination_id": SOURCE}]
)
def test_wrong_order_cannot_be_made(changes):
    with pytest.raises(ValueError):
        order(**changes)


# --- settling ---


def unknown(guarded, wire, said):
    wire.say(said(500, b""))
    with pytest.raises(TransferOutcomeUnknownError) as caught:
        guarded.send(order())
    return caught.value


def test_transfer_that_turns_out_to_have_happened_is_booked(guarded, wire, said, limits, audit):
    error = unknown(guarded, wire, said)
    wire.say(log_of("t-1"))
    assert guarded.settle(ORG, error).outcome is TransferOutcome.HAPPENED
    assert kinds(audit) == ["requested", "outcome_unknown", "completed"]
    assert (events(audit)[2]["transfer_id"], states(limits)) == ("t-1", ["recorded"])
    with pytest.raises(ValueError, match="no open transfer"):
        guarded.settle(ORG, error)


def test_transfer_that_turns_out_not_to_have_happened_gives_the_amount_back(guarded, wire, said, still, limits, audit):
    error = unknown(guarded, wire, said)
    wire.say(log_of())
    # The client's clock stands in the past: to it, nothing has had time to happen.
    assert guarded.settle(ORG, error).outcome is TransferOutcome.CANNOT_TELL
    assert states(limits) == ["unknown"]
    still.passed_s += (datetime.now(UTC) - still.now()).total_seconds() + 600
    assert guarded.settle(ORG, error).outcome is TransferOutcome.DID_NOT_HAPPEN
    assert kinds(audit) == ["requested", "outcome_unknown", "failed"]
    assert states(limits) == []


# --- asynchronous, interrupted, killed ---


async def test_async_transfers_keep_the_same_order(wire, example, limits, audit):
    wire.say(example("transfer"), log_of("t-1"))
    async with AsyncSequenceClient("t", app_url=wire.url, pace=QUICK) as client:
        guarded = AsyncGuardedTransfers(client, limits=limits, audit=audit)
        assert (await guarded.send(order())).transfer_id == "t-1"
        wire.say(example("refused"))
        with pytest.raises(TransferError):
            await guarded.send(order())
    assert kinds(audit) == ["requested", "completed", "requested", "failed"]
    assert states(limits) == ["recorded"]


async def test_cancelled_transfer_has_an_unknown_outcome(wire, said, limits, audit):
    wire.say(said(delay_s=5.0))
    async with AsyncSequenceClient("t", app_url=wire.url, pace=QUICK) as client:
        guarded = AsyncGuardedTransfers(client, limits=limits, audit=audit)
        sending = asyncio.ensure_future(guarded.send(order()))
        assert await asyncio.to_thread(wire.arrived.wait, 5)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
    assert (kinds(audit), states(limits)) == (["requested", "outcome_unknown"], ["unknown"])


async def test_async_settling_books_what_the_log_says(wire, said, limits, audit):
    wire.say(said(500, b""), log_of("t-1"))
    async with AsyncSequenceClient("t", app_url=wire.url, pace=QUICK) as client:
        guarded = AsyncGuardedTransfers(client, limits=limits, audit=audit)
        with pytest.raises(TransferOutcomeUnknownError) as caught:
            await guarded.send(order())
        assert (await guarded.settle(ORG, caught.value)).transfer_id == "t-1"
    assert states(limits) == ["recorded"]


SENDER = """
import sys
from bursar.providers.sequence import *
guarded = GuardedTransfers(SequenceClient("t", app_url=sys.argv[1]), limits=DailyLimitTracker(max_daily_cents=1_000))
guarded.send(Order("kyc", "source", "destination", 600))
"""


def test_process_that_is_killed_while_the_money_moves_leaves_the_amount_booked(wire, said, limits, audit):
    wire.say(said(delay_s=5.0))
    with subprocess.Popen([sys.executable, "-c", SENDER, wire.url], env=dict(os.environ)) as sender:
        assert wire.arrived.wait(20)
        sender.kill()
    assert (kinds(audit), states(limits)) == (["requested"], ["reserved"])
    assert limits.check(401) == (False, 400)
