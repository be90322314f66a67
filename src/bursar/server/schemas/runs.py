"""What of runs, imports and what they could not read goes over the wire?"""

from collections.abc import Mapping
from datetime import date
from typing import Self, cast
from uuid import UUID

from bursar.domain.sync import DataWarning, RejectedRecord, SyncRun
from bursar.server.schemas.base import Instant, Out
from bursar.services.imports import FileFormat, ImportResult


class CountsOut(Out):
    """Exact numbers of records."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    closed: int = 0
    rejected: int = 0


class WarningOut(Out):
    """Something that was taken as it is and that a person should know."""

    code: str
    message: str
    field: str | None = None
    line: int | None = None
    count: int = 1

    @classmethod
    def of(cls, warning: DataWarning) -> Self:
        """Return the wire form."""
        return cls(
            code=warning.code, message=warning.message, field=warning.field, line=warning.line, count=warning.count
        )


class RunErrorOut(Out):
    """Why a run failed."""

    code: str
    message: str


class SyncRunOut(Out):
    """A run: why it started, what it did, how it ended."""

    id: UUID
    sync_run_id: UUID
    connection_id: UUID
    trigger: str
    status: str
    accounts: CountsOut
    transactions: CountsOut
    holdings: CountsOut
    balances: CountsOut
    warnings: list[WarningOut]
    error: RunErrorOut | None
    started_at: Instant
    finished_at: Instant | None
    next_allowed_at: Instant | None

    @classmethod
    def of(cls, run: SyncRun) -> Self:
        """Return the wire form."""
        return cls(
            id=run.id,
            sync_run_id=run.id,
            connection_id=run.connection_id,
            trigger=run.trigger.value,
            status=run.status.value,
            accounts=_counts(run, "accounts"),
            transactions=_counts(run, "transactions"),
            holdings=_counts(run, "holdings"),
            balances=_counts(run, "balances"),
            warnings=[WarningOut.model_validate(warning) for warning in run.warnings],
            error=RunErrorOut(code=run.error_code, message=run.error_message or "") if run.error_code else None,
            started_at=run.started_at,
            finished_at=run.finished_at,
            next_allowed_at=run.next_allowed_at,
        )


def _counts(run: SyncRun, noun: str) -> CountsOut:
    return CountsOut.model_validate(run.counts.get(noun, {}))


class FormatOut(Out):
    """A file format that can be imported."""

    slug: str
    display_name: str
    extensions: list[str]
    media_types: list[str]
    max_bytes: int
    carries_account_identity: bool

    @classmethod
    def of(cls, known: FileFormat) -> Self:
        """Return the wire form."""
        return cls(
            slug=known.slug,
            display_name=known.display_name,
            extensions=list(known.extensions),
            media_types=list(known.media_types),
            max_bytes=known.max_bytes,
            carries_account_identity=known.carries_account_identity,
        )


class RejectOut(Out):
    """A record of a file that could not be read."""

    kind: str
    index: int
    reason: str
    field: str
    line: int | None
    excerpt: str

    @classmethod
    def of(cls, record: RejectedRecord) -> Self:
        """Return the wire form."""
        return cls(
            kind=record.kind.value,
            index=record.index,
            reason=record.reason.value,
            field=record.field,
            line=record.line,
            excerpt=record.redacted_excerpt,
        )


class PeriodOut(Out):
    """The days that a statement covers, both inclusive; null where the file does not say."""

    start_date: date | None
    end_date: date | None


class ImportCountsOut(Out):
    """What an import did, in numbers."""

    accounts_imported: int
    accounts_updated: int
    transactions_read: int
    transactions_imported: int
    transactions_updated: int
    transactions_skipped: int
    transactions_cancelled: int
    transactions_rejected: int
    holdings_imported: int
    replayed: bool
    """True when the file said nothing new."""
    message: str
    warnings: list[WarningOut]


class ImportResultOut(ImportCountsOut):
    """The answer to an upload."""

    provider_slug: str
    import_batch_id: UUID | None
    """Null after a dry run."""
    connection_id: UUID | None
    """Null after a dry run that would have made it."""
    format_name: str
    balances_imported: int
    rejected: list[RejectOut]
    statement_period: PeriodOut
    dry_run: bool

    @classmethod
    def of(cls, result: ImportResult) -> Self:
        """Return the wire form."""
        return cls(
            provider_slug=result.provider_slug,
            import_batch_id=None if result.dry_run else result.import_batch_id,
            connection_id=None if result.dry_run else result.connection_id,
            format_name=result.format_name,
            accounts_imported=result.accounts_imported,
            accounts_updated=result.accounts_updated,
            transactions_read=result.transactions_read,
            transactions_imported=result.transactions_imported,
            transactions_updated=result.transactions_updated,
            transactions_skipped=result.transactions_skipped,
            transactions_cancelled=result.transactions_cancelled,
            transactions_rejected=result.transactions_rejected,
            holdings_imported=result.holdings_imported,
            balances_imported=result.balances_imported,
            rejected=[RejectOut.of(record) for record in result.rejected],
            warnings=[WarningOut.of(warning) for warning in result.warnings],
            statement_period=PeriodOut(start_date=result.period_start, end_date=result.period_end),
            replayed=result.replayed,
            dry_run=result.dry_run,
            message=result.message,
        )


class ImportOut(ImportCountsOut):
    """An import of the past."""

    id: UUID
    import_batch_id: UUID
    connection_id: UUID
    provider_slug: str
    file_name: str
    file_size: int
    format_name: str
    statement_period: PeriodOut
    created_at: Instant

    @classmethod
    def of(cls, stored: Mapping[str, object]) -> Self:
        """Return the wire form of a stored import."""
        counts = cast("Mapping[str, object]", stored["result"])
        return cls.model_validate(
            {
                **counts,
                **{name: stored[name] for name in _STORED},
                "import_batch_id": stored["id"],
                "statement_period": PeriodOut.model_validate(
                    {"start_date": stored["period_start"], "end_date": stored["period_end"]}
                ),
            }
        )


_STORED = ("id", "connection_id", "provider_slug", "file_name", "file_size", "format_name", "created_at")


class RejectedRecordOut(Out):
    """A record that could not be read and is still open."""

    id: UUID
    connection_id: UUID
    sync_run_id: UUID | None
    kind: str
    reason: str
    field: str
    provider_id: str | None
    line: int | None
    excerpt: str
    first_seen_at: Instant
