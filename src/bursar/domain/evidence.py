"""What has a source said about a row, what is an id worth, and what may an incoming row turn out to be?"""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from bursar.domain.transactions import ProviderTransactionData
from bursar.domain.vocabulary import Vocabulary


class IdTrust(Vocabulary):
    """What an equal transaction id means at a source."""

    STABLE = "stable"
    """Equal id, same row: a different amount or date is an edit by the institution."""
    CONTENT = "content"
    """Ids are reused and renumbered: an equal id counts only when the content agrees."""
    NONE = "none"
    """Ids mean nothing from one reading to the next: only the content, counted, tells rows apart."""


class DuplicateDecision(Vocabulary):
    """What an incoming row turned out to be."""

    NEW = "new"
    DUPLICATE = "duplicate"
    UPDATED = "updated"
    ID_REUSED = "id_reused"
    CORRECTION = "correction"
    DELETION = "deletion"


class EvidenceOrigin(Vocabulary):
    """Where stored evidence comes from, seen from the source that is read now."""

    OWN = "own"
    """From this source: ids are comparable."""
    ENDED = "ended"
    """From a source of the same account that has ended: ids changed with a new consent."""
    FILE = "file"
    """From files of the same account: what they say was true when they were made."""
    OTHER = "other"
    """From another living source of the same account that is asked again and again: an API, another login."""


# Not frozen: a frozen dataclass takes three times as long to make, and a large import makes one of each a row.
@dataclass(slots=True, kw_only=True)
class Evidence:
    """What a source once said about a row of the ledger; not to be changed once made."""

    key: str
    """The source's id, made unique where the source reuses it; unique within the account's source."""
    provider_transaction_id: str | None
    """The source's id as sent; None when it gave none."""
    fingerprint: bytes | None
    """Of the content when last seen; None when the id is known only from a correction that names it."""
    content_hash: bytes
    transaction_id: UUID
    amount: Decimal
    """As this source told it last; the row may stand otherwise, once another source has told of it, too."""
    transaction_date: date
    """As this source told it last."""
    is_pending: bool
    is_withdrawn: bool = False
    """True once the source has taken the row back."""
    is_superseded: bool = False
    """True once later evidence speaks for the same row: a posted one for a pending one, a new number."""
    origin: EvidenceOrigin = EvidenceOrigin.OWN
    source: UUID | str = ""
    """Which source said it; a row of the ledger has at most one living word of each."""
    told_at: datetime | None = None
    """When the word was true (UTC); None: unknown, long ago."""
    ended_at: datetime | None = None
    """When it was withdrawn or superseded (UTC); None while it lives."""
    row_is_settled: bool = False
    """True when the row of the ledger stands as settled by now, whoever said so."""

    @property
    def is_living(self) -> bool:
        """True while nothing has taken the word's place."""
        return not (self.is_withdrawn or self.is_superseded)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Days of which a reading lists every row."""

    since: date
    until: date | None = None
    pending_only: bool = False
    is_read: bool = True
    """False when some of the listed rows could not be read: a row that is missing has not been taken back."""

    def holds(self, evidence: Evidence) -> bool:
        """True for a word that the reading would repeat if it still held."""
        if self.pending_only and not evidence.is_pending:
            return False
        day = evidence.transaction_date
        return self.since <= day and (self.until is None or day <= self.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What is known of one source's reading of one account, beside its rows."""

    trust: IdTrust
    """What an equal id means at the source."""
    is_file: bool = False
    as_of: datetime | None = None
    """When the source's words were true; None: now."""
    listing: Span | None = None
    """The days of which every row is here; None when there may be others."""
    stated_since: date | None = None
    """The first day of the period that a file states; None when it states none."""
    removed: frozenset[str] = frozenset()
    """Ids that the source takes back in the same breath."""
    unread: frozenset[str] = frozenset()
    """Ids of rows that are there and could not be read."""
    ended_here: frozenset[UUID | str] = frozenset()
    """Ended sources of the same connection: what they told, this source tells now."""
    listed_at: datetime | None = None
    """When the newest listing of pending rows of this source was true; an older one brings no pending row."""

    def is_older_than(self, instant: datetime | None) -> bool:
        """True when something that happened at the instant was not known to the source yet."""
        return self.as_of is not None and instant is not None and self.as_of < instant


@dataclass(slots=True, kw_only=True)
class Decision:
    """What to do with one incoming row; not to be changed once made."""

    row: ProviderTransactionData
    kind: DuplicateDecision
    key: str
    """Under which the evidence is kept from now on."""
    fingerprint: bytes
    content_hash: bytes
    transaction_id: UUID | None
    """The stored row that it is; None for a new one."""
    replaces: Evidence | None = None
    """The evidence whose place this row takes: the same id with new content, a pending row, another number."""
    adds_evidence: bool = False
    """True for a repeat that another source vouched for until now: this source's evidence is to be kept, too."""
    warning: str | None = None
    """A stable code when a person should look at it: `id_reused`, `id_renumbered`, `correction_unknown`."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a reading comes down to."""

    decisions: list[Decision]
    """One for each row, in the order of the rows."""
    vanished: list[Evidence]
    """What the source told before and its listing lacks: to be taken back."""
    moved: list[tuple[Evidence, UUID]] = field(default_factory=list[tuple[Evidence, UUID]])
    """What the source told before, and the other row of the ledger that it turns out to be about."""
    merged: list[tuple[UUID, UUID]] = field(default_factory=list[tuple[UUID, UUID]])
    """(from, to): two rows of the ledger that turn out to be one: another source told it before this one settled."""
