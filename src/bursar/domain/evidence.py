"""What has a source said about a row, what is an id worth, and what may an incoming row turn out to be?"""

from dataclasses import dataclass
from datetime import date
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
    OTHER = "other"
    """From another living source of the same account: a file beside an API."""


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
    transaction_date: date
    is_pending: bool
    is_withdrawn: bool = False
    """True once the source has taken the row back."""
    is_superseded: bool = False
    """True once later evidence speaks for the same row: a posted one for a pending one, a new number."""
    origin: EvidenceOrigin = EvidenceOrigin.OWN


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
