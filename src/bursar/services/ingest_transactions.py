"""How do many rows of a source become rows of the ledger: once each, under ids that stay?"""

import gc
from collections import defaultdict
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from bursar.domain.evidence import Decision, DuplicateDecision, Evidence, EvidenceOrigin, IdTrust, Reading, Span
from bursar.domain.fingerprints import MarkedRows, mark_rows
from bursar.domain.identity import decide
from bursar.domain.ids import new_ids
from bursar.domain.pairing import PENDING_MATCH_DAYS
from bursar.domain.sync import DataWarning, RecordCounts, SyncReport
from bursar.domain.transactions import ProviderTransactionData
from bursar.services.ingest_accounts import ResolvedAccount
from bursar.services.ingest_target import IngestTarget
from bursar.storage import merges, source_records, transactions
from bursar.storage.source_records import EvidenceQuery, EvidenceWrite, ListedDays
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
    listing: Span | None = None
    """The days of which these are all rows; None when there may be others."""
    stated_since: date | None = None
    """From when on a file says that it has the rows."""
    removed: frozenset[str] = frozenset()
    """Ids that the source takes back in the same batch."""
    unread: frozenset[str] = frozenset()
    """Ids of rows of the batch that could not be read."""


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
    target: IngestTarget,
    as_of: datetime | None,
    at: datetime,
    report: SyncReport,
) -> list[tuple[UUID, str]]:
    """Decide for each row what it is, then write all new rows, all changes and all evidence in one statement each.

    Returns the words, by (source, key), that the listings among the groups lack.
    """
    if not any(group.rows or group.listing for group in groups):
        return []
    sync_run_id, told_at = target.sync_run_id, as_of or at
    marked = [(group, mark_rows(group.rows)) for group in groups]
    query = _query([(group, rows) for group, rows in marked if not group.account.is_new], target.id_trust)
    evidence = await source_records.list_evidence(tx, tenant_id, query)
    decisions: list[tuple[ResolvedAccount, Decision]] = []
    vanished: list[Evidence] = []
    moved: list[tuple[Evidence, UUID]] = []
    merged: list[tuple[UUID, UUID]] = []
    with _no_collection():
        for group, rows in marked:
            account = group.account
            verdict = decide(rows, evidence.get(account.account_id, ()), _reading(group, target, as_of))
            decisions.extend((account, decision) for decision in verdict.decisions)
            vanished.extend(verdict.vanished)
            moved.extend(verdict.moved)
            merged.extend(verdict.merged)
        plan = _plan(decisions)
    warned = plan.warned
    counts = RecordCounts()
    if plan.added:
        counts.created = await transactions.insert_transactions(
            tx, tenant_id, plan.added, sync_run_id=sync_run_id, at=at, told_at=told_at
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
        await source_records.upsert_evidence(tx, tenant_id, plan.words, at=at, told_at=told_at)
    if moved:
        words = [(word.source, word.key, to) for word, to in moved if isinstance(word.source, UUID)]
        await merges.move_words(tx, tenant_id, words)
    if merged:
        doubles = [double for double, _ in merged]
        await merges.move_evidence(tx, tenant_id, merged)
        await transactions.remove_transactions(tx, tenant_id, doubles, sync_run_id=sync_run_id, at=at, is_merged=True)
    counts.unchanged = len(decisions) - counts.created - counts.updated - counts.closed
    report.transactions.add(counts)
    report.warnings.extend(
        DataWarning(code=code, message=_WARNINGS[code], count=count) for code, count in warned.items() if count
    )
    return [(evidence.source, evidence.key) for evidence in vanished if isinstance(evidence.source, UUID)]


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


def _reading(group: RowsOfAccount, target: IngestTarget, as_of: datetime | None) -> Reading:
    account = group.account
    return Reading(
        trust=target.id_trust,
        is_file=target.is_file,
        as_of=as_of,
        listing=group.listing,
        stated_since=group.stated_since,
        removed=group.removed,
        unread=group.unread,
        ended_here=account.ended_here,
        listed_at=account.listed_at,
    )


def _query(marked: Sequence[tuple[RowsOfAccount, MarkedRows]], id_trust: IdTrust) -> EvidenceQuery:
    ids: list[str] = []
    days: set[date] = set()
    origins: dict[UUID, EvidenceOrigin] = {}
    shared: set[UUID] = set()
    for group, rows in marked:
        account = group.account
        ids.extend(rows.ids())
        origins.update(account.origins)
        is_shared = any(origin is not EvidenceOrigin.ENDED for origin in account.origins.values())
        if is_shared:
            shared.add(account.account_id)
        by_content = id_trust is not IdTrust.STABLE or bool(account.origins)
        for row in rows.rows:
            if by_content or row.provider_transaction_id is None:
                days.add(row.transaction_date)
                if is_shared and row.status == "pending":
                    # Another source may have settled it by now, on a later day.
                    days.update(row.transaction_date + timedelta(days=after) for after in range(PENDING_MATCH_DAYS + 1))
    return EvidenceQuery(
        account_ids=[group.account.account_id for group, _ in marked],
        source_ids=[group.account.source_id for group, _ in marked],
        origins=origins,
        ids=ids,
        days=sorted(days),
        listed=[
            ListedDays(account_id=group.account.account_id, since=group.listing.since, until=group.listing.until)
            for group, _ in marked
            if group.listing is not None
        ],
        with_pending=id_trust is not IdTrust.STABLE or bool(shared),
        shared_account_ids=sorted(shared),
    )


def _evidence(account: ResolvedAccount, decision: Decision, transaction_id: UUID) -> EvidenceWrite:
    """Return what to keep of the source's word: under its key, and what it replaces."""
    replaced = decision.replaces
    supersedes = None
    if replaced is not None and isinstance(replaced.source, UUID):
        # Another living source keeps its word beside this one's.
        is_ours = replaced.origin is EvidenceOrigin.OWN or replaced.origin is EvidenceOrigin.ENDED
        if is_ours and (decision.kind is DuplicateDecision.UPDATED or decision.adds_evidence):
            supersedes = (replaced.source, replaced.key)
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
        booked_on=row.transaction_date,
        amount=row.amount,
        supersedes=supersedes,
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
        booked_on=decision.row.transaction_date,
        amount=decision.row.amount,
    )
