"""How does a batch from a provider or a file become rows of the ledger? (There is one way to write.)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from bursar.domain.evidence import Span
from bursar.domain.sync import (
    RecordCounts,
    RecordKind,
    RejectedRecord,
    RejectReason,
    SyncBatch,
    SyncReport,
    TransactionListing,
)
from bursar.domain.transactions import ProviderTransactionData
from bursar.faultpoints import FaultPoint, reach
from bursar.services.ingest_accounts import ResolvedAccount, resolve_accounts
from bursar.services.ingest_removals import remove_stranded, remove_transactions, withdraw
from bursar.services.ingest_target import IngestTarget
from bursar.services.ingest_transactions import RowsOfAccount, write_transactions
from bursar.services.proof import mark_touched
from bursar.services.snapshots import write_snapshots
from bursar.storage import account_sources, accounts, connections, holdings, sync_runs
from bursar.storage.holdings import ListingWrite
from bursar.storage.unit_of_work import Transaction


async def apply_batch(
    tx: Transaction, tenant_id: UUID, target: IngestTarget, batch: SyncBatch, at: datetime
) -> SyncReport:
    """Write a batch in the caller's transaction: accounts, rows, removals, positions, balances, rejects, cursor.

    The cursor is stored with the rows it stands for, and only when every record of the batch could be read: a
    rejected record is read again by the next run.
    """
    report = SyncReport(warnings=list(batch.warnings), rejected=list(batch.rejected))
    resolved = await resolve_accounts(tx, tenant_id, target, batch, report, at)
    await accounts.lock_accounts(tx, tenant_id, sorted({account.account_id for account in resolved.values()}))
    groups = _group(batch, resolved, report)
    as_of = None if batch.as_of is None else min(batch.as_of, at)
    vanished = await write_transactions(tx, tenant_id, groups, target=target, as_of=as_of, at=at, report=report)
    await remove_transactions(tx, tenant_id, batch.removed, resolved=resolved, target=target, at=at, report=report)
    await withdraw(tx, tenant_id, vanished, target=target, at=at, report=report)
    read = [group.account for group in groups if group.rows or group.listing is not None]
    await remove_stranded(tx, tenant_id, read, target=target, at=at, report=report)
    if target.is_file:
        listed = [group.account.source_id for group in groups if group.listing is not None]
        await account_sources.record_listings(tx, tenant_id, listed, as_of or at)
    await _write_holdings(tx, tenant_id, target, batch, resolved, report, at)
    await write_snapshots(tx, tenant_id, target, batch, resolved, report, at)
    await mark_touched(tx, tenant_id, sorted({each.account_id for each in resolved.values()}), report, at)
    await _keep_rejected(tx, tenant_id, target, batch, report, at)
    await reach(FaultPoint.SYNC_ROWS_WRITTEN)
    if batch.cursor is not None and not report.rejected:
        await connections.store_cursor(tx, tenant_id, target.connection_id, batch.cursor)
    return report


def _group(batch: SyncBatch, resolved: Mapping[str, ResolvedAccount], report: SyncReport) -> list[RowsOfAccount]:
    """Return the rows by account; a row of an account that nobody listed is a rejected record."""
    rows: dict[str, list[ProviderTransactionData]] = defaultdict(list)
    for index, row in enumerate(batch.transactions):
        if row.provider_account_id in resolved:
            rows[row.provider_account_id].append(row)
        else:
            report.rejected.append(_homeless(RecordKind.TRANSACTION, index, row.provider_transaction_id))
    listings = {one.provider_account_id: one for one in batch.listings if one.provider_account_id in resolved}
    removed: dict[str | None, set[str]] = defaultdict(set)
    for gone in batch.removed:
        removed[gone.provider_account_id].add(gone.provider_transaction_id)
    unread: dict[str | None, set[str]] = defaultdict(set)
    for one in batch.rejected:
        if one.kind is RecordKind.TRANSACTION:
            unread[one.provider_account_id].update([one.provider_id] if one.provider_id else ())
    return [
        RowsOfAccount(
            resolved[name],
            rows[name],
            _span(listings.get(name), rows[name], is_read=unread.keys().isdisjoint({name, None})),
            batch.stated_since.get(name),
            frozenset(removed[name] | removed[None]),
            frozenset(unread.get(name, set()) | unread.get(None, set())),
        )
        for name in dict.fromkeys([*rows, *listings])
    ]


def _span(listing: TransactionListing | None, rows: Sequence[ProviderTransactionData], *, is_read: bool) -> Span | None:
    """Return the days that a listing holds; None when it does not say from when on, and has no row to tell it."""
    if listing is None:
        return None
    since = listing.since or min((row.transaction_date for row in rows), default=None)
    if since is None:
        return None
    return Span(since=since, until=listing.until, pending_only=listing.pending_only, is_read=is_read)


async def _write_holdings(
    tx: Transaction,
    tenant_id: UUID,
    target: IngestTarget,
    batch: SyncBatch,
    resolved: Mapping[str, ResolvedAccount],
    report: SyncReport,
    at: datetime,
) -> None:
    writes: list[ListingWrite] = []
    for index, listing in enumerate(batch.holdings):
        account = resolved.get(listing.provider_account_id)
        if account is None:
            report.rejected.append(_homeless(RecordKind.HOLDING, index, None))
            continue
        if not account.leads(is_file=target.is_file):
            # Providers name positions each in their own way: two tellers would close each other's.
            report.holdings.unchanged += len(listing.holdings)
            continue
        writes.append(ListingWrite(account.account_id, listing.holdings, listing.complete, listing.as_of))
    if writes:
        counts = await holdings.merge_listings(tx, tenant_id, writes, at=at)
        report.holdings.add(
            RecordCounts(
                created=counts.created, updated=counts.updated, unchanged=counts.unchanged, closed=counts.closed
            )
        )


async def _keep_rejected(
    tx: Transaction, tenant_id: UUID, target: IngestTarget, batch: SyncBatch, report: SyncReport, at: datetime
) -> None:
    """Keep what could not be read, count it with its noun, and close what was read at last."""
    counts = {
        RecordKind.ACCOUNT: report.accounts,
        RecordKind.TRANSACTION: report.transactions,
        RecordKind.HOLDING: report.holdings,
        RecordKind.BALANCE: report.balances,
    }
    for record in report.rejected:
        counts[record.kind].rejected += 1
    homeless = {record.provider_id for record in report.rejected}
    read_ids = [
        row.provider_transaction_id
        for row in batch.transactions
        if row.provider_transaction_id and row.provider_transaction_id not in homeless
    ]
    if read_ids:
        await sync_runs.resolve_rejected(tx, tenant_id, read_ids, connection_id=target.connection_id, at=at)
    if report.rejected:
        await sync_runs.insert_rejected(
            tx,
            tenant_id,
            report.rejected,
            connection_id=target.connection_id,
            sync_run_id=target.sync_run_id,
            at=at,
        )


def _homeless(kind: RecordKind, index: int, provider_id: str | None) -> RejectedRecord:
    return RejectedRecord(
        kind=kind, index=index, reason=RejectReason.INCONSISTENT, field="account_id", provider_id=provider_id
    )
