"""How long does a tenant keep what is about people, and what has a run destroyed?"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from bursar.domain.vocabulary import Vocabulary

MAX_DAYS = 36_500


class RetentionSubject(Vocabulary):
    """What can be forgotten by age; without a policy it is kept until it is erased."""

    IDENTITY = "identity"
    """Who owns an account: deleted so many days after it was stored as it stands."""
    TRANSACTION_TEXTS = "transaction_texts"
    """Description, counterparty, memo and cheque number of a row, in every place that has them: forgotten so many days
    after its booking date. Amounts, dates and the proof stay. Pending rows wait until they settle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionPolicy:
    """One tenant's rule for one subject."""

    subject: RetentionSubject
    keep_days: int
    """1 to 36500."""
    changed_by: UUID | None
    changed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionCounts:
    """What is older than a policy allows."""

    account_count: int = 0
    """Accounts whose owners are forgotten."""
    row_count: int = 0
    """Rows whose texts are forgotten."""
    raw_count: int = 0
    """What sources said of these rows, word for word."""
    change_count: int = 0
    """Entries of the feed of changes, and marks of removed rows, that repeat a text."""
    excerpt_count: int = 0
    """Excerpts of records that could not be read."""

    def plus(self, other: "RetentionCounts") -> "RetentionCounts":
        """Return the sum."""
        return RetentionCounts(
            account_count=self.account_count + other.account_count,
            row_count=self.row_count + other.row_count,
            raw_count=self.raw_count + other.raw_count,
            change_count=self.change_count + other.change_count,
            excerpt_count=self.excerpt_count + other.excerpt_count,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionRun:
    """One application of all policies of a tenant, or a preview of it."""

    id: UUID
    is_dry_run: bool
    """True: counted, nothing destroyed."""
    finished_at: datetime
    policies: tuple[RetentionPolicy, ...]
    """Those that were applied; empty: everything is kept."""
    counts: RetentionCounts


def first_day_to_keep(policy: RetentionPolicy, now: datetime) -> date:
    """Return the first booking date (UTC calendar) whose rows are kept: what is before it is forgotten."""
    return now.date() - timedelta(days=policy.keep_days)
