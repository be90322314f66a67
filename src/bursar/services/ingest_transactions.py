"""How do many rows of a source become rows of the ledger: once each, under ids that stay?"""

import gc
from collections import defaultdict
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from bursar.domain.evidence import Decision, DuplicateDecision, EvidenceOrigin, IdTrust
from bursar.domain.fingerprints import MarkedRows, mark_rows
from bursar.domain.identity import decide
from bursar.domain.ids import new_ids
from bursar.domain.sync import DataWarning, RecordCounts, SyncReport
from bursar.domain.transactions import ProviderTransactionData, RemovedTransaction
from bursar.services.ingest_accounts import ResolvedAccount
from bursar.storage import source_records, transactions
from bursar.storage.source_records import EvidenceQuery, EvidenceWrite
from bursar.storage.transactions import NewRow, RowWrite
from bursar.storage.unit_of_work import Transaction

_NEW = frozenset({DuplicateDecision.NEW, DuplicateDecision.ID_REUSED})
_CHANGED = frozenset({DuplicateDecision.UPDATED, DuplicateDecision.CORRECTION})

_WARNINGS = {
    "id_reused": "The institution used one id for different rows; all of them were kept.",
    "id_renumbered": "The institution gave rows new ids; they were recognised by their content.",
    "correction_unknown": "A correction refers to a row that the ledger does not hold.",
    "conflict": "The institution changed the amount or the date of settled rows; both versions are in the history.",
    "status_refused": "The institution took settled rows back to an earlier state; their status was kept.",
    "currency_differs": "Rows are in another currency than their account; they are kept and left out of its proof.",
}


@dataclass(frozen=True, slots=True)
class RowsOfAccount:
    """What a batch says of one account."""

    account: ResolvedAccount
    rows: Sequence[ProviderTransactionData]


@dataclass(slots=True)
class _Plan:
    """What the decisions come down to."""

    added: list[NewRow]
    changed: list[RowWrite]
    cancelled: list[UUID]
    words: list[EvidenceWrite]
    """What sources have said about rows that are there already."""
    warned: dict[str, int]


def _plan(decisions: Sequence[tuple[ResolvedAccount, Decision]]) -> _Plan:
    plan = _Plan([], [], [], [], defaultdict(int))
    ids = iter(new_ids(sum(1 for _, decision in decisions if decision.kind in _NEW)))
    for account, decision in decisions:
        if decision.warning:
            plan.warned[decision.warning] += 1
        if decision.row.currency != account.currency:
            plan.warned["currency_differs"] += 1
        if decision.kind in _NEW:
            transaction_id = next(ids)
            plan.added.append(
                NewRow(
                    transaction_id,
                    account.account_id,
                    decision.row,
                    account.source_id,
                    decision.key,
                    decision.fingerprint,
                    decision.content_hash,
                )
            )
            if decision.warning == "correction_unknown":
                plan.words.append(_dealt_with(account, decision, transaction_id))
            continue
        transaction_id = decision.transaction_id
        if transaction_id is None:
            continue
        if decision.kind in _CHANGED:
            plan.changed.append(RowWrite(transaction_id, account.account_id, decision.row))
        elif decision.kind is DuplicateDecision.DELETION:
            plan.cancelled.append(transaction_id)
        elif not decision.adds_evidence:
            continue
        plan.words.append(_evidence(account, decision, transaction_id))
    return plan


async def write_transactions(
    tx: Transaction,
    tenant_id: UUID,
    groups: Sequence[RowsOfAccount],
    *,
    id_trust: IdTrust,
    sync_run_id: UUID,
    at: datetime,
    report: SyncReport,
) -> None:
    """Decide for each row what it is, then write all new rows, all changes and all evidence in one statement each."""
    if not any(group.rows for group in groups):
        return
    marked = [(group.account, mark_rows(group.rows)) for group in groups]
    known = [(account, rows) for account, rows in marked if not account.is_new]
    evidence = await source_records.list_evidence(tx, tenant_id, _query(known, id_trust))
    with _no_collection():
        decisions = [
            (account, decision)
            for account, rows in marked
            for decision in decide(rows, evidence.get(account.account_id, ()), id_trust)
        ]
        plan = _plan(decisions)
    warned = plan.warned
    counts = RecordCounts()
    if plan.added:
        counts.created = await transactions.insert_transactions(
            tx, tenant_id, plan.added, sync_run_id=sync_run_id, at=at
        )
    if plan.changed:
        outcome = await transactions.update_transactions(tx, tenant_id, plan.changed, sync_run_id=sync_run_id, at=at)
        counts.updated = outcome.updated_count
        warned["conflict"] += len(outcome.conflict_ids)
        warned["status_refused"] += len(outcome.refused_ids)
    if plan.cancelled:
        counts.closed = await transactions.cancel_transactions(
            tx, tenant_id, plan.cancelled, sync_run_id=sync_run_id, at=at
        )
    if plan.words:
        await source_records.upsert_evidence(tx, tenant_id, plan.words, at=at)
    counts.unchanged = len(decisions) - counts.created - counts.updated - counts.closed
    report.transactions.add(counts)
    report.warnings.extend(
        DataWarning(code=code, message=_WARNINGS[code], count=count) for code, count in warned.items() if count
    )


@contextmanager
def _no_collection() -> Generator[None]:
    """Keep the cycle collector from walking a large batch again and again while it is being built.

    Nothing in a batch refers back to it, so there is nothing to collect; half of the time of a large import went there.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


async def remove_transactions(
    tx: Transaction,
    tenant_id: UUID,
    removed: Sequence[RemovedTransaction],
    *,
    source_ids: Sequence[UUID],
    sync_run_id: UUID,
    at: datetime,
    report: SyncReport,
) -> None:
    """Take back what a source takes back; a row that other evidence vouches for stays."""
    if not removed:
        return
    unvouched = await source_records.withdraw_evidence(
        tx, tenant_id, source_ids=source_ids, keys=[row.provider_transaction_id for row in removed], at=at
    )
    if unvouched:
        report.transactions.closed += await transactions.remove_transactions(
            tx, tenant_id, unvouched, sync_run_id=sync_run_id, at=at
        )


async def remove_unlisted(
    tx: Transaction,
    tenant_id: UUID,
    groups: Sequence[RowsOfAccount],
    *,
    sync_run_id: UUID,
    at: datetime,
    report: SyncReport,
) -> None:
    """Take back what a complete listing lacks: rows that vanished while nobody could tell (a lost cursor).

    Only rows from the listing's oldest day on: an institution that shortens its history removes nothing by it. An
    account without any listed row is left alone, because a listing that was emptied by a fault looks the same.
    """
    for group in groups:
        unlisted = await source_records.list_unlisted_keys(
            tx,
            tenant_id,
            account_id=group.account.account_id,
            source_id=group.account.source_id,
            listed=[row.provider_transaction_id for row in group.rows if row.provider_transaction_id],
            since=min(row.transaction_date for row in group.rows),
        )
        await _withdraw(tx, tenant_id, unlisted, sync_run_id=sync_run_id, at=at, report=report)


async def remove_stranded(
    tx: Transaction,
    tenant_id: UUID,
    accounts: Sequence[ResolvedAccount],
    *,
    sync_run_id: UUID,
    at: datetime,
    report: SyncReport,
) -> None:
    """Take back pending rows of ended sources that the account's new source does not tell.

    Nobody would ever settle or withdraw them: what posted meanwhile came under a new id, and would count twice.
    """
    account_ids = [account.account_id for account in accounts if account.has_ended_sources]
    if not account_ids:
        return
    stranded = await source_records.list_stranded_keys(tx, tenant_id, account_ids=account_ids)
    await _withdraw(tx, tenant_id, stranded, sync_run_id=sync_run_id, at=at, report=report)


async def _withdraw(
    tx: Transaction,
    tenant_id: UUID,
    words: Sequence[tuple[UUID, str]],
    *,
    sync_run_id: UUID,
    at: datetime,
    report: SyncReport,
) -> None:
    """Take back evidence by (source, key), and the rows that nothing vouches for then."""
    for source_id in {source_id for source_id, _ in words}:
        await remove_transactions(
            tx,
            tenant_id,
            [RemovedTransaction(provider_transaction_id=key) for other, key in words if other == source_id],
            source_ids=[source_id],
            sync_run_id=sync_run_id,
            at=at,
            report=report,
        )


def _query(marked: Sequence[tuple[ResolvedAccount, MarkedRows]], id_trust: IdTrust) -> EvidenceQuery:
    ids: list[str] = []
    fingerprints: list[bytes] = []
    for account, rows in marked:
        ids.extend(rows.ids())
        by_content = id_trust is not IdTrust.STABLE or account.has_ended_sources
        for row, fingerprint in zip(rows.rows, rows.fingerprints, strict=True):
            if by_content or row.provider_transaction_id is None:
                fingerprints.append(fingerprint)
    return EvidenceQuery(
        account_ids=[account.account_id for account, _ in marked],
        source_ids=[account.source_id for account, _ in marked],
        ids=ids,
        fingerprints=fingerprints,
        with_pending=id_trust is IdTrust.CONTENT,
        with_ended=any(account.has_ended_sources for account, _ in marked),
    )


def _evidence(account: ResolvedAccount, decision: Decision, transaction_id: UUID) -> EvidenceWrite:
    """Return what to keep of the source's word: under its key, and what it replaces."""
    replaced = decision.replaces
    superseded = (
        replaced.key
        if replaced is not None
        and decision.kind is DuplicateDecision.UPDATED
        and (replaced.key != decision.key or replaced.origin is not EvidenceOrigin.OWN)
        else None
    )
    row = decision.row
    return EvidenceWrite(
        source_id=account.source_id,
        key=decision.key,
        account_id=account.account_id,
        transaction_id=transaction_id,
        provider_transaction_id=row.provider_transaction_id,
        fingerprint=decision.fingerprint,
        content_hash=decision.content_hash,
        is_pending=row.status == "pending",
        supersedes_key=superseded,
        raw=row.raw_data,
    )


def _dealt_with(account: ResolvedAccount, decision: Decision, transaction_id: UUID) -> EvidenceWrite:
    """Return evidence for a row that a correction names and that has not been seen: should it come, it is known."""
    corrected = decision.row.corrects_transaction_id or ""
    return EvidenceWrite(
        source_id=account.source_id,
        key=corrected,
        account_id=account.account_id,
        transaction_id=transaction_id,
        provider_transaction_id=corrected,
        fingerprint=None,
        content_hash=b"",
        is_pending=False,
    )
