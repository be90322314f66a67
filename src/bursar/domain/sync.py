"""What travels from a provider or a file into the ledger, and what is reported about it?"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as attribute
from datetime import date, datetime
from typing import Generic, TypeVar
from uuid import UUID

from bursar.domain.accounts import ProviderAccountData
from bursar.domain.balances import BalanceObservation
from bursar.domain.holdings import HoldingsListing
from bursar.domain.transactions import ProviderTransactionData, RemovedTransaction
from bursar.domain.vocabulary import Vocabulary

T = TypeVar("T")

SyncCursor = Mapping[str, str]
"""What a provider needs to go on from here: opaque to everyone else, JSON-safe, without secrets."""


class SyncTrigger(Vocabulary):
    """Why a run was started."""

    INITIAL = "initial"
    MANUAL = "manual"
    SCHEDULED = "scheduled"
    WEBHOOK = "webhook"
    IMPORT = "import"


class SyncStatus(Vocabulary):
    """Where a run stands; `partial` means that something in it could not be read or failed."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"


class RejectReason(Vocabulary):
    """Why a record could not be taken into the ledger."""

    MISSING_FIELD = "missing_field"
    BAD_NUMBER = "bad_number"
    BAD_DATE = "bad_date"
    UNKNOWN_CURRENCY = "unknown_currency"
    INCONSISTENT = "inconsistent"
    UNSUPPORTED = "unsupported"
    TOO_LARGE = "too_large"


class RecordKind(Vocabulary):
    """Which noun a record is about."""

    ACCOUNT = "account"
    TRANSACTION = "transaction"
    HOLDING = "holding"
    BALANCE = "balance"


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedRecord:
    """A record that was present and could not be read: stored, counted, shown; its run ends as `partial`."""

    kind: RecordKind
    index: int
    """Position in its source, from 0."""
    reason: RejectReason
    field: str
    """Path of the offending field in the source's own words, such as `transactions.3.amount` or `STMTTRN.TRNAMT`."""
    provider_id: str | None = None
    provider_account_id: str | None = attribute(default=None, repr=False)
    line: int | None = None
    """Line in a file, from 1; None for APIs."""
    redacted_excerpt: str = ""
    """At most 200 characters, redacted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataWarning:
    """Something that was taken as it is and that a person should know."""

    code: str
    """Lower snake case, stable: `unmapped_value`, `sign_mismatch`, `charset_mismatch`."""
    message: str
    """For people; no values from the source that could be private."""
    field: str | None = None
    provider_id: str | None = None
    line: int | None = None
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionListing:
    """That a batch holds every row of an account that its source lists in a span of days, pending ones included.

    What the ledger has from this source for those days and the batch lacks was taken back by the institution, unless
    the batch has rows that could not be read: one of them may be the row that is missing, and nothing is taken back. A
    row that is taken back by mistake comes back under its id with the next listing that has it.
    """

    provider_account_id: str = attribute(repr=False)
    since: date | None
    """First booking date of the span; None: from the account's oldest row in the batch on. With None an account without
    any row is left alone, because a listing that a fault has emptied looks the same; with a date an empty listing takes
    everything back, so give a date only where the source would answer with an error rather than with nothing."""
    until: date | None = None
    """Last booking date of the span; None: no end."""
    pending_only: bool = False
    """True for a list of pending rows alone: it says nothing of settled ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncBatch:
    """What is applied to the ledger in one transaction, the cursor included.

    Rows are domain records already. Within a batch an id occurs once in `transactions`, or in `removed`, not in both:
    the source of the batch has let the later word win.
    """

    accounts: Sequence[ProviderAccountData] = ()
    accounts_complete: bool = False
    """True when `accounts` is all of them: an account that is missing is then marked as missing (never deleted)."""
    transactions: Sequence[ProviderTransactionData] = ()
    listings: Sequence[TransactionListing] = ()
    """Which accounts and days `transactions` is complete for; of each such account the whole span is in one batch."""
    removed: Sequence[RemovedTransaction] = ()
    holdings: Sequence[HoldingsListing] = ()
    balances: Sequence[BalanceObservation] = ()
    rejected: Sequence[RejectedRecord] = ()
    warnings: Sequence[DataWarning] = ()
    cursor: SyncCursor | None = None
    """Stored with these rows; None leaves the stored cursor as it is. Never stored when `rejected` is not empty."""
    as_of: datetime | None = None
    """When the source's words were true (UTC), such as the making of a file; None: now. Older words do not overrule
    what another source has said since."""
    stated_since: Mapping[str, date] = attribute(default_factory=dict[str, date], repr=False)
    """Account -> first day of the period for which a file says that it has the rows of the account."""


class RecordBatch(list[T], Generic[T]):
    """A list of records that also says what could not be read and whether it is all there is."""

    def __init__(
        self,
        records: Iterable[T] = (),
        *,
        rejected: Iterable[RejectedRecord] = (),
        closed: Iterable[str] = (),
        complete: bool = True,
        next_cursor: str | None = None,
        warnings: Iterable[DataWarning] = (),
    ) -> None:
        super().__init__(records)
        self.rejected = list(rejected)
        self.closed = list(closed)
        """Ids of positions that the source lists with quantity zero."""
        self.complete = complete
        """False when the source may hold records that are not in this list."""
        self.next_cursor = next_cursor
        self.warnings = list(warnings)


@dataclass(slots=True, kw_only=True)
class RecordCounts:
    """How many records of one noun a run created, changed, left alone, closed or could not read; exact."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    closed: int = 0
    rejected: int = 0

    def add(self, other: "RecordCounts") -> None:
        """Add another batch's counts to these."""
        self.created += other.created
        self.updated += other.updated
        self.unchanged += other.unchanged
        self.closed += other.closed
        self.rejected += other.rejected

    def to_dict(self) -> dict[str, int]:
        """Return the five counts by name."""
        return {
            "created": self.created,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "closed": self.closed,
            "rejected": self.rejected,
        }


@dataclass(slots=True, kw_only=True)
class SyncReport:
    """What one or more applied batches did to the ledger."""

    accounts: RecordCounts = attribute(default_factory=RecordCounts)
    transactions: RecordCounts = attribute(default_factory=RecordCounts)
    holdings: RecordCounts = attribute(default_factory=RecordCounts)
    balances: RecordCounts = attribute(default_factory=RecordCounts)
    warnings: list[DataWarning] = attribute(default_factory=list[DataWarning])
    rejected: list[RejectedRecord] = attribute(default_factory=list[RejectedRecord])
    taken_back: int = 0
    """How many of the closed rows no record of the batch was about: they were missing, or named as removed."""

    def add(self, other: "SyncReport") -> None:
        """Add another batch's report to this one."""
        self.accounts.add(other.accounts)
        self.transactions.add(other.transactions)
        self.holdings.add(other.holdings)
        self.balances.add(other.balances)
        self.warnings.extend(other.warnings)
        self.rejected.extend(other.rejected)
        self.taken_back += other.taken_back

    def status(self) -> SyncStatus:
        """Return `partial` when anything was rejected, else `succeeded`."""
        return SyncStatus.PARTIAL if self.rejected else SyncStatus.SUCCEEDED


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncRun:
    """The record of one run: why it started, what it did, how it ended."""

    id: UUID
    connection_id: UUID
    trigger: SyncTrigger
    status: SyncStatus
    started_at: datetime
    finished_at: datetime | None
    counts: Mapping[str, Mapping[str, int]]
    """Noun -> created, updated, unchanged, closed, rejected."""
    warnings: Sequence[Mapping[str, object]]
    error_code: str | None
    error_message: str | None
    next_allowed_at: datetime | None
