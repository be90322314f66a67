"""Do the rows explain the balances, and is a row that went missing told with its amount?"""

from decimal import Decimal

import pytest

from bursar.domain.proof import ProofStatus
from bursar.domain.result import Success
from bursar.domain.sync import SyncStatus

ACCOUNT = "quiet-goldcoast-checking"


@pytest.fixture
async def quiet(bank):
    """A connection to an account on which only scripts book."""
    connected = await bank.connect(institution_id="ins_109509", username="user_transactions_dynamic")
    await bank.sync(connected)
    return connected


async def prove(bank):
    account = await bank.account(ACCOUNT)
    found = await bank.platform.proof.prove(bank.tenant_id, account.id)
    assert isinstance(found, Success)
    return found.value.proof


async def test_rows_between_two_syncs_explain_the_balances(bank, quiet) -> None:
    for day in range(5):
        bank.live(days=4)
        bank.world.script.add_settled(ACCOUNT, Decimal(-10 - day), f"BOOKED {day}")
        bank.live(days=1)
        run = await bank.sync(quiet)
        assert "balance_gap" not in {warning["code"] for warning in run.warnings}
    proof = await prove(bank)
    assert proof.status is ProofStatus.PROVEN
    assert proof.gaps == ()
    assert len(proof.segments) >= 5
    assert proof.implied_opening == bank.world.accounts[ACCOUNT].opening_balance


async def test_row_that_vanished_from_the_ledger_is_exactly_the_gap(bank, quiet) -> None:
    for day in range(5):
        bank.live(days=4)
        bank.world.script.add_settled(ACCOUNT, Decimal(-10 - day), f"BOOKED {day}")
        bank.live(days=3)
        await bank.sync(quiet)
    victim = await bank.row("BOOKED 2")
    bank.query("DELETE FROM source_records WHERE transaction_id = %(id)s RETURNING 1", id=victim.id)
    bank.query("DELETE FROM transactions WHERE id = %(id)s RETURNING 1", id=victim.id)
    proof = await prove(bank)
    assert proof.status is ProofStatus.GAP
    (gap,) = proof.gaps
    assert gap.amount == Decimal(-12)
    assert gap.start_on <= victim.transaction_date <= gap.end_on
    assert gap.suggested_fetch_start <= gap.start_on


async def test_gap_is_told_by_the_next_run_and_closed_by_the_row(bank, quiet) -> None:
    bank.live(days=2)
    world_id = bank.world.script.add_late(ACCOUNT, Decimal("-77.00"), "LISTED LATER")
    bank.live(days=4)
    run = await bank.sync(quiet)
    assert run.status is SyncStatus.SUCCEEDED
    assert "balance_gap" in {warning["code"] for warning in run.warnings}
    (gap,) = (await prove(bank)).gaps
    assert gap.amount == Decimal("-77.00")
    bank.world.script.surface(world_id)
    run = await bank.sync(quiet)
    assert "balance_gap" not in {warning["code"] for warning in run.warnings}
    assert (await prove(bank)).status is ProofStatus.PROVEN
