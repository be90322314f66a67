"""Is a gap kept under one id from the run that finds it to the run that closes it, and is nothing else written?"""

from decimal import Decimal

import pytest

from bursar.domain.result import Success

ACCOUNT = "quiet-goldcoast-checking"
PROOF_TABLES = {
    "balance_gaps": "SELECT id, changed_at FROM balance_gaps ORDER BY id",
    "outbox": "SELECT id FROM outbox ORDER BY id",
}


@pytest.fixture
async def quiet(bank):
    """A connection to an account on which only scripts book."""
    connected = await bank.connect(institution_id="ins_109509", username="user_transactions_dynamic")
    await bank.sync(connected)
    return connected


async def gaps(bank, *, is_open=None):
    listed, total = await bank.platform.proof.list_gaps(bank.tenant_id, is_open=is_open, limit=100)
    assert len(listed) == total
    return listed


def events(bank):
    return [
        (row["type"], row["data"].get("before", {}).get("amount"), row["data"]["after"]["amount"])
        for row in bank.query("SELECT type, data FROM outbox WHERE type LIKE 'balance_gap.%%' ORDER BY id")
    ]


def written(bank):
    return {name: bank.query(statement) for name, statement in PROOF_TABLES.items()}


async def test_gap_has_one_id_until_its_row_closes_it(bank, quiet) -> None:
    bank.live(days=2)
    world_id = bank.world.script.add_late(ACCOUNT, Decimal("-77.00"), "LISTED LATER")
    bank.live(days=4)
    run = await bank.sync(quiet)
    (found,) = await gaps(bank, is_open=True)
    assert (found.amount, found.closed_at, found.closed_by) == (Decimal("-77.00"), None, None)
    assert found.closing_balance - found.opening_balance == Decimal("-77.00")
    assert found.suggested_fetch_start < found.start_on <= found.end_on < found.suggested_fetch_end
    assert found.account_id == (await bank.account(ACCOUNT)).id
    assert events(bank) == [("balance_gap.found", None, "-77.00")]
    assert bank.query("SELECT DISTINCT sync_run_id FROM outbox WHERE subject_id = %(id)s", id=found.id) == [
        {"sync_run_id": run.id}
    ]

    bank.world.script.surface(world_id)
    await bank.sync(quiet)

    assert await gaps(bank, is_open=True) == []
    (closed,) = await gaps(bank)
    assert (closed.id, closed.closed_by) == (found.id, "explained")
    assert closed.closed_at is not None
    assert events(bank)[1:] == [("balance_gap.closed", "-77.00", "-77.00")]
    assert await bank.platform.proof.get_gap(bank.tenant_id, found.id) == Success(closed)


async def test_amount_of_a_gap_changes_under_its_id(bank, quiet) -> None:
    bank.live(days=2)
    first = bank.world.script.add_late(ACCOUNT, Decimal("-77.00"), "LISTED LATER")
    bank.world.script.add_late(ACCOUNT, Decimal("-5.00"), "LISTED NEVER")
    bank.live(days=4)
    await bank.sync(quiet)
    (found,) = await gaps(bank)
    bank.world.script.surface(first)

    await bank.sync(quiet)

    (changed,) = await gaps(bank, is_open=True)
    assert (changed.id, changed.amount) == (found.id, Decimal("-5.00"))
    assert (changed.found_at, changed.changed_at) == (found.found_at, bank.world.now)
    assert events(bank) == [
        ("balance_gap.found", None, "-82.00"),
        ("balance_gap.changed", "-82.00", "-5.00"),
    ]


async def test_unchanged_bank_writes_nothing_and_is_still_warned_of(bank, quiet) -> None:
    bank.live(days=2)
    bank.world.script.add_late(ACCOUNT, Decimal("-77.00"), "LISTED NEVER")
    bank.live(days=4)
    await bank.sync(quiet)
    before = written(bank), bank.versions()
    assert bank.query("SELECT * FROM proofs_due") == []

    run = await bank.sync(quiet)

    assert (written(bank), bank.versions()) == before
    assert "balance_gap" in {warning["code"] for warning in run.warnings}
    assert bank.query("SELECT * FROM proofs_due") == []


async def test_new_balance_of_a_quiet_day_writes_no_gap_again(bank, quiet) -> None:
    bank.live(days=2)
    bank.world.script.add_late(ACCOUNT, Decimal("-77.00"), "LISTED NEVER")
    bank.live(days=4)
    await bank.sync(quiet)
    before = written(bank)["balance_gaps"]
    bank.live(days=3)
    bank.world.script.add_settled(ACCOUNT, Decimal(-10), "BOOKED")
    bank.live(days=1)

    await bank.sync(quiet)

    assert written(bank)["balance_gaps"] == before
    assert len(events(bank)) == 1


async def test_proof_that_a_broken_run_left_out_is_made_up_for_by_the_next(bank, quiet) -> None:
    bank.live(days=2)
    bank.world.script.add_late(ACCOUNT, Decimal("-77.00"), "LISTED NEVER")
    bank.live(days=4)

    async def die(_):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await bank.platform.sync.sync_now(bank.tenant_id, quiet.id, on_progress=die)
    assert await gaps(bank) == []
    assert len(bank.query("SELECT * FROM proofs_due")) > 0

    await bank.sync(quiet)

    assert [gap.amount for gap in await gaps(bank)] == [Decimal("-77.00")]
    assert bank.query("SELECT * FROM proofs_due") == []
