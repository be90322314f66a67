"""What does a source take back, and which rows leave the ledger with that?"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from bursar.domain.evidence import IdTrust
from bursar.domain.sync import DataWarning, SyncReport
from bursar.domain.transactions import RemovedTransaction
from bursar.services.ingest_accounts import ResolvedAccount
from bursar.services.ingest_target import IngestTarget
from bursar.storage import merges, source_records, transactions
from bursar.storage.unit_of_work import Transaction


async def remove_transactions(
    tx: Transaction,
    tenant_id: UUID,
    removed: Sequence[RemovedTransaction],
    *,
    resolved: Mapping[str, ResolvedAccount],
    target: IngestTarget,
    at: datetime,
    report: SyncReport,
) -> None:
    """Take back what a source takes back by its ids; a row that another living source vouches for stays.

    An id counts in the account that the source names. Where it names none and several accounts have such a row,
    nothing is taken back and a person is told: the wrong row would be gone.
    """
    if not removed:
        return
    known = await source_records.list_words(
        tx,
        tenant_id,
        source_ids=[account.source_id for account in resolved.values()],
        ids=[row.provider_transaction_id for row in removed],
    )
    by_name: dict[str, list[tuple[UUID, str]]] = {}
    for source_id, key, name in known:
        # Where ids mean nothing more than their content, only the very key is meant.
        names = {key, name} if target.id_trust is IdTrust.STABLE and name else {key}
        for one in names:
            by_name.setdefault(one, []).append((source_id, key))
    words: list[tuple[UUID, str]] = []
    ambiguous = 0
    for row in removed:
        found = by_name.get(row.provider_transaction_id, [])
        if row.provider_account_id is not None:
            account = resolved.get(row.provider_account_id)
            found = [word for word in found if account is not None and word[0] == account.source_id]
        elif len({source_id for source_id, _ in found}) > 1:
            ambiguous += 1
            continue
        words.extend(found)
    if ambiguous:
        message = "The institution took back rows by ids that several accounts use; they were kept."
        report.warnings.append(DataWarning(code="removal_ambiguous", message=message, count=ambiguous))
    await withdraw(tx, tenant_id, words, target=target, at=at, report=report)


async def remove_stranded(
    tx: Transaction,
    tenant_id: UUID,
    accounts: Sequence[ResolvedAccount],
    *,
    target: IngestTarget,
    at: datetime,
    report: SyncReport,
) -> None:
    """Take back what ended sources have left behind and the account's living source, now read, knows better.

    Nobody would ever settle or withdraw their pending rows: what posted meanwhile came under a new id, and would count
    twice. Nor would anybody let go of a settled one that a living source has taken back while they still held it. A
    file is no such source: it holds settled rows, of a time before.
    """
    account_ids = [account.account_id for account in accounts if account.has_ended_sources]
    if not account_ids or target.is_file:
        return
    stranded = await source_records.list_stranded_keys(tx, tenant_id, account_ids=account_ids)
    await withdraw(tx, tenant_id, stranded, target=target, at=at, report=report)


async def withdraw(
    tx: Transaction,
    tenant_id: UUID,
    words: Sequence[tuple[UUID, str]],
    *,
    target: IngestTarget,
    at: datetime,
    report: SyncReport,
) -> None:
    """Take back evidence by (source, key), and the rows that nothing holds then."""
    if not words:
        return
    unheld = await source_records.withdraw_evidence(tx, tenant_id, words, overrules=not target.is_file, at=at)
    crossed = await merges.list_crossed(tx, tenant_id, words)
    if crossed:
        await merges.move_evidence(tx, tenant_id, crossed)
        doubles = [double for double, _ in crossed]
        count = await transactions.remove_transactions(
            tx, tenant_id, doubles, sync_run_id=target.sync_run_id, at=at, is_merged=True
        )
        report.transactions.closed += count
        report.taken_back += count
    if unheld:
        count = await transactions.remove_transactions(tx, tenant_id, unheld, sync_run_id=target.sync_run_id, at=at)
        report.transactions.closed += count
        report.taken_back += count
