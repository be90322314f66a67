"""Do files, in pieces, in any order and again, add up to the account?"""

from collections import Counter
from datetime import timedelta
from io import BytesIO
from random import Random

import pytest

from bursar.domain.failures import FileRefused
from bursar.domain.result import Failure, Success
from bursar.importers.ofx.sandbox import write_ofx, write_qfx
from bursar.services.imports import ImportRequest

CHECKING = "hudson-first-river-checking"
CARD = "hudson-first-river-credit-card"


async def send(bank, content: bytes, **options):
    return await bank.platform.imports.import_file(
        bank.tenant_id, bank.user_id, ImportRequest(stream=BytesIO(content), file_name="statement.qfx", **options)
    )


async def take(bank, content: bytes, **options):
    outcome = await send(bank, content, **options)
    assert isinstance(outcome, Success), outcome
    result = outcome.value
    assert result.transactions_read == (
        result.transactions_imported
        + result.transactions_updated
        + result.transactions_skipped
        + result.transactions_cancelled
        + result.transactions_rejected
    )
    return result


def whole(bank, account_id: str, writer=write_qfx) -> bytes:
    return writer(bank.world, account_id, bank.world.started_at.date() - timedelta(days=60), bank.world.now.date())


def windows(bank, account_id: str, *, days: int = 20, step: int = 9, writer=write_qfx) -> list[bytes]:
    """Overlapping statements that together are the whole account."""
    start, end = bank.world.started_at.date() - timedelta(days=60), bank.world.now.date()
    found = []
    while start <= end:
        found.append(writer(bank.world, account_id, start, start + timedelta(days=days)))
        start += timedelta(days=step)
    return found


async def assert_whole(bank, account_id: str) -> None:
    rows = Counter((row.transaction_date, row.amount) for row in await bank.rows())
    truth = bank.world.truth(account_id).settled
    assert rows == Counter((row.booked_on, row.amount) for row in truth)
    (account,) = await bank.accounts()
    assert account.balance == bank.world.balance(account_id)


@pytest.mark.parametrize("seed", range(4))
async def test_overlapping_files_in_any_order_are_the_whole_account(bank, seed) -> None:
    files = windows(bank, CHECKING)
    Random(seed).shuffle(files)
    for content in files:
        await take(bank, content)
    await assert_whole(bank, CHECKING)
    result = await take(bank, whole(bank, CHECKING))
    assert (result.transactions_imported, result.transactions_updated) == (0, 0)
    await assert_whole(bank, CHECKING)


async def test_same_file_twice_is_the_same_as_once(bank) -> None:
    first = await take(bank, whole(bank, CARD))
    assert first.transactions_imported > 20
    before = bank.versions()
    second = await take(bank, whole(bank, CARD))
    assert (second.replayed, second.transactions_skipped) == (True, first.transactions_imported)
    assert bank.versions() == before


async def test_other_dialect_of_the_same_statement_adds_nothing(bank) -> None:
    await take(bank, whole(bank, CHECKING))
    result = await take(bank, whole(bank, CHECKING, write_ofx))
    assert result.transactions_imported == 0
    await assert_whole(bank, CHECKING)


async def test_statements_of_a_living_account_follow_it(bank) -> None:
    for _ in range(6):
        await take(bank, whole(bank, CHECKING))
        await assert_whole(bank, CHECKING)
        bank.live(days=6)


@pytest.mark.parametrize("part", [0.2, 0.5, 0.9])
async def test_truncated_file_is_refused_and_changes_nothing(bank, part) -> None:
    content = whole(bank, CHECKING)
    await take(bank, windows(bank, CHECKING)[0])
    before = bank.versions()
    outcome = await send(bank, content[: int(len(content) * part)])
    assert isinstance(outcome, Failure)
    assert isinstance(outcome.error, FileRefused)
    assert bank.versions() == before


async def test_file_over_the_limit_is_refused(bank) -> None:
    content = whole(bank, CHECKING)
    outcome = await send(bank, content + b" " * (bank.platform.imports.limits.max_bytes - len(content) + 1))
    assert isinstance(outcome, Failure)
    assert isinstance(outcome.error, FileRefused)
    assert outcome.error.code == "file_too_large"
    await take(bank, content + b" " * (bank.platform.imports.limits.max_bytes - len(content)))


@pytest.mark.parametrize(
    "content", [b"", b"<html></html>", b"%PDF-1.7", b"\x1f\x8b\x08\x00", b"OFXHEADER:100\n\n<OFX>"]
)
async def test_file_that_is_no_statement_is_refused_and_changes_nothing(bank, content) -> None:
    before = bank.versions()
    outcome = await send(bank, content)
    assert isinstance(outcome, Failure)
    assert isinstance(outcome.error, FileRefused)
    assert bank.versions() == before
    assert bank.query("SELECT * FROM imports") == []


async def test_dry_run_tells_what_would_happen_and_stores_nothing(bank) -> None:
    before = bank.versions()
    would = await take(bank, whole(bank, CHECKING), dry_run=True)
    assert would.dry_run
    assert bank.versions() == before
    assert bank.query("SELECT * FROM imports") == []
    assert bank.query("SELECT * FROM sync_runs") == []
    assert bank.query("SELECT * FROM connections") == []
    did = await take(bank, whole(bank, CHECKING))
    assert did.transactions_imported == would.transactions_imported > 0
