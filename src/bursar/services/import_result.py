"""What did an import do, in figures that add up and in one sentence?"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from bursar.domain.ids import new_id
from bursar.domain.sync import DataWarning, RejectedRecord, SyncReport
from bursar.ports.importer import StatementFile


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportResult:
    """What an import did: rows read = imported + updated + skipped + rejected (+ cancelled by corrections)."""

    provider_slug: str
    import_batch_id: UUID
    connection_id: UUID
    sync_run_id: UUID
    format_name: str
    accounts_imported: int
    accounts_updated: int
    transactions_read: int
    transactions_imported: int
    transactions_updated: int
    transactions_skipped: int
    transactions_cancelled: int
    transactions_rejected: int
    holdings_imported: int
    balances_imported: int
    rejected: tuple[RejectedRecord, ...]
    warnings: tuple[DataWarning, ...]
    period_start: date | None
    period_end: date | None
    replayed: bool
    """True when the file said nothing that the ledger did not know."""
    dry_run: bool
    message: str
    transactions_removed: int = 0
    """Pending rows of earlier files that this file's list of pending rows no longer has; no rows of the file."""


def to_result(
    file: StatementFile, report: SyncReport, connection_id: UUID, run_id: UUID, *, dry_run: bool
) -> ImportResult:
    """Return what an import did, from what ingesting its batch reported."""
    rows = report.transactions
    changed = rows.created + rows.updated + rows.closed + report.accounts.created + report.balances.created
    replayed = not changed and not rows.rejected
    return ImportResult(
        provider_slug=file.provider_slug,
        import_batch_id=new_id(),
        connection_id=connection_id,
        sync_run_id=run_id,
        format_name=file.format_name,
        accounts_imported=report.accounts.created,
        accounts_updated=report.accounts.updated,
        transactions_read=file.rows_read,
        transactions_imported=rows.created,
        transactions_updated=rows.updated,
        transactions_skipped=rows.unchanged,
        transactions_cancelled=rows.closed - report.taken_back,
        transactions_rejected=rows.rejected,
        holdings_imported=report.holdings.created + report.holdings.updated,
        balances_imported=report.balances.created,
        # In a file the account's id is its real number: it goes no further than here.
        rejected=tuple(replace(record, provider_account_id=None) for record in report.rejected),
        warnings=tuple(report.warnings),
        period_start=file.period_start,
        period_end=file.period_end,
        replayed=replayed,
        dry_run=dry_run,
        message=_message(file, report, replayed=replayed, dry_run=dry_run),
        transactions_removed=report.taken_back,
    )


def _message(file: StatementFile, report: SyncReport, *, replayed: bool, dry_run: bool) -> str:
    rows = report.transactions
    if replayed and file.rows_read:
        return f"All {file.rows_read} transactions were known already; nothing was changed."
    if not file.rows_read:
        count = len(file.batch.accounts)
        return f"The file holds {count} account{'' if count == 1 else 's'} and no transactions."
    parts = [
        f"{count} {word}"
        for count, word in (
            (rows.created, "new"),
            (rows.updated, "changed"),
            (rows.unchanged, "known already"),
            (rows.closed - report.taken_back, "cancelled"),
            (rows.rejected, "not readable"),
        )
        if count
    ]
    would = "would be imported" if dry_run else "imported"
    return f"{file.rows_read} transactions read, {would}: {', '.join(parts)}."


def to_stored(result: ImportResult) -> Mapping[str, object]:
    """Return the result as it is kept with the import."""
    return {
        "accounts_imported": result.accounts_imported,
        "accounts_updated": result.accounts_updated,
        "transactions_read": result.transactions_read,
        "transactions_imported": result.transactions_imported,
        "transactions_updated": result.transactions_updated,
        "transactions_skipped": result.transactions_skipped,
        "transactions_cancelled": result.transactions_cancelled,
        "transactions_rejected": result.transactions_rejected,
        "transactions_removed": result.transactions_removed,
        "holdings_imported": result.holdings_imported,
        "replayed": result.replayed,
        "message": result.message,
        "warnings": [to_plain(warning) for warning in result.warnings],
    }


def to_plain(warning: DataWarning) -> dict[str, object]:
    """Return a warning as JSON holds it."""
    return {
        "code": warning.code,
        "message": warning.message,
        "field": warning.field,
        "line": warning.line,
        "count": warning.count,
    }
