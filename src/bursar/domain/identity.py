"""Is this incoming row one that the ledger already holds?

Ids of institutions are evidence, not identity: they are reused, renumbered, missing, and change when a pending row
posts. Each incoming row is paired with at most one stored piece of evidence and the other way round, rule by rule,
each rule over all rows before the next one; what stays unpaired is new.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from bursar.domain.fingerprints import MarkedRows
from bursar.domain.transactions import ProviderTransactionData
from bursar.domain.vocabulary import Vocabulary

PENDING_MATCH_DAYS = 10
"""A posted row without a link may replace a pending row of the same amount that is at most this much older."""

UNTRUSTED_ID_CONTENTS = 3
"""An id with this many different contents in one reading is a constant, not an id."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a source once said about a row of the ledger."""

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
    """True once the source has taken the row back, or replaced it by a posted one."""
    is_orphan: bool = False
    """True when it comes from a source of the account that has ended (ids changed with a new consent)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to do with one incoming row."""

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
    warning: str | None = None
    """A stable code when a person should look at it: `id_reused`, `id_renumbered`, `correction_unknown`."""


def decide(marked: MarkedRows, stored: Iterable[Evidence], trust: IdTrust) -> list[Decision]:
    """Pair the rows of one account with its evidence; one decision a row, in the order of the rows.

    Args:
        marked: what one source says now, of one account. Deletions come as rows with `correction="delete"`.
        stored: the evidence of the account that shares an id (`MarkedRows.ids`) or a fingerprint with any of the
            rows, withdrawn evidence included, and all live pending evidence.
        trust: what an equal id means at this source.
    """
    return _Pairing(marked, stored, trust).run()


_Rule = Callable[[int, ProviderTransactionData], None]


def _is_withdrawn(evidence: Evidence) -> bool:
    return evidence.is_withdrawn


class _Pairing:
    """The state of one decision run: who is still unpaired on either side."""

    def __init__(self, marked: MarkedRows, stored: Iterable[Evidence], trust: IdTrust) -> None:
        self.rows = marked.rows
        self.prints = marked.fingerprints
        self.hashes = marked.content_hashes
        self.trust = trust
        self.decisions: list[Decision | None] = [None] * len(self.rows)
        self.stored = list(stored)
        self.taken: set[int] = set()
        """`id()` of the evidence already paired with a row of this run."""
        self.keys: set[str] = set()
        """Keys that exist, stored or given in this run."""
        self.by_id: dict[str, list[Evidence]] = defaultdict(list)
        self.by_print: dict[bytes, list[Evidence]] = defaultdict(list)
        for evidence in self.stored:
            if not evidence.is_orphan:
                self.keys.add(evidence.key)
                if evidence.provider_transaction_id is not None:
                    self.by_id[evidence.provider_transaction_id].append(evidence)
            if evidence.fingerprint is not None:
                self.by_print[evidence.fingerprint].append(evidence)
        self.pending = [evidence for evidence in self.stored if evidence.is_pending and not evidence.is_withdrawn]
        self.contents: dict[str, set[bytes]] = defaultdict(set)
        """Id -> the different contents that carry it in this reading."""
        self.first: dict[tuple[str, bytes], int] = {}
        for index, row in enumerate(self.rows):
            if row.provider_transaction_id is not None:
                self.contents[row.provider_transaction_id].add(self.prints[index])
                self.first.setdefault((row.provider_transaction_id, self.prints[index]), index)

    def run(self) -> list[Decision]:
        unpaired = range(len(self.rows))
        for rule in self._rules():
            for index in unpaired:
                rule(index, self.rows[index])
            unpaired = [index for index in unpaired if self.decisions[index] is None]
        for index in unpaired:
            self._settle_new(index)
        return [decision for decision in self.decisions if decision is not None]

    def _rules(self) -> tuple[_Rule, ...]:
        if self.trust is IdTrust.STABLE:
            return (self._correction, self._same_id, self._linked_pending, self._without_id, self._orphan)
        if self.trust is IdTrust.CONTENT:
            return (
                self._correction,
                self._repeat_in_reading,
                self._same_id_same_content,
                self._known_from_correction,
                self._same_id_posted,
                self._linked_pending,
                self._renumbered,
                self._same_id_other_text,
                self._without_id,
                self._orphan,
                self._unlinked_pending,
            )
        return (self._without_id,)

    # Rules. Each settles the row at `index` or leaves it for the next rule.

    def _same_id(self, index: int, row: ProviderTransactionData) -> None:
        """An id that means the row: equal content is a repeat, other content an edit."""
        for evidence in self._unpaired(self.by_id.get(row.provider_transaction_id or "", ())):
            unchanged = evidence.content_hash == self.hashes[index] and not evidence.is_withdrawn
            self._settle(index, DuplicateDecision.DUPLICATE if unchanged else DuplicateDecision.UPDATED, evidence)
            return

    def _linked_pending(self, index: int, row: ProviderTransactionData) -> None:
        """A posted row that names the pending row it replaces, wherever that one stands by now."""
        for evidence in self._unpaired(self.by_id.get(row.pending_transaction_id or "", ())):
            if evidence.is_pending:
                self._settle(index, DuplicateDecision.UPDATED, evidence, key=self._free_key(index))
                return

    def _repeat_in_reading(self, index: int, row: ProviderTransactionData) -> None:
        """The same id with the same content twice in one file is one row, unless the id is a constant."""
        name = row.provider_transaction_id
        if name is None or self._is_constant(name):
            return
        if self.first[name, self.prints[index]] < index:
            known = self.by_id.get(name, ())
            evidence = next((e for e in known if e.fingerprint == self.prints[index]), None)
            self.decisions[index] = Decision(
                row=row,
                kind=DuplicateDecision.DUPLICATE,
                key=evidence.key if evidence else name,
                fingerprint=self.prints[index],
                content_hash=self.hashes[index],
                transaction_id=evidence.transaction_id if evidence else None,
            )

    def _same_id_same_content(self, index: int, row: ProviderTransactionData) -> None:
        for evidence in self._unpaired(self.by_id.get(row.provider_transaction_id or "", ())):
            if evidence.fingerprint == self.prints[index] and self._is_pending(row) >= evidence.is_pending:
                changed = evidence.content_hash != self.hashes[index] or evidence.is_withdrawn
                self._settle(index, DuplicateDecision.UPDATED if changed else DuplicateDecision.DUPLICATE, evidence)
                return

    def _known_from_correction(self, index: int, row: ProviderTransactionData) -> None:
        """The original of a row that a correction replaced before the original was ever seen."""
        for evidence in self._unpaired(self.by_id.get(row.provider_transaction_id or "", ())):
            if evidence.fingerprint is None:
                self.taken.add(id(evidence))
                self.decisions[index] = Decision(
                    row=row,
                    kind=DuplicateDecision.DUPLICATE,
                    key=evidence.key,
                    fingerprint=self.prints[index],
                    content_hash=self.hashes[index],
                    transaction_id=evidence.transaction_id,
                )
                return

    def _same_id_posted(self, index: int, row: ProviderTransactionData) -> None:
        if self._is_pending(row):
            return
        for evidence in self._unpaired(self.by_id.get(row.provider_transaction_id or "", ())):
            if evidence.is_pending:
                self._settle(index, DuplicateDecision.UPDATED, evidence)
                return

    def _renumbered(self, index: int, row: ProviderTransactionData) -> None:
        """Equal content under another id, where one of the two ids has provably moved to other content."""
        name = row.provider_transaction_id
        if name is None:
            return
        own_id_moved = any(evidence.fingerprint != self.prints[index] for evidence in self.by_id.get(name, ()))
        for evidence in self._unpaired(self.by_print.get(self.prints[index], ())):
            other = evidence.provider_transaction_id
            if evidence.is_orphan or other is None or other == name:
                continue
            if own_id_moved or self.contents.get(other, set[bytes]()) - {self.prints[index]}:
                self._settle(
                    index, DuplicateDecision.UPDATED, evidence, key=self._free_key(index), warning="id_renumbered"
                )
                return

    def _same_id_other_text(self, index: int, row: ProviderTransactionData) -> None:
        if row.provider_transaction_id is None or self._is_constant(row.provider_transaction_id):
            return
        for evidence in self._unpaired(self.by_id.get(row.provider_transaction_id, ())):
            if evidence.transaction_date == row.transaction_date and evidence.amount == row.amount:
                self._settle(index, DuplicateDecision.UPDATED, evidence)
                return

    def _without_id(self, index: int, row: ProviderTransactionData) -> None:
        """Rows without an id are counted: the n-th equal row is the n-th that the account already holds."""
        if row.provider_transaction_id is not None and self.trust is not IdTrust.NONE:
            return
        for evidence in self._unpaired(self.by_print.get(self.prints[index], ())):
            changed = evidence.content_hash != self.hashes[index] or evidence.is_withdrawn or evidence.is_orphan
            self._settle(
                index,
                DuplicateDecision.UPDATED if changed else DuplicateDecision.DUPLICATE,
                evidence,
                key=self._free_key(index) if evidence.is_orphan else None,
            )
            return

    def _orphan(self, index: int, _row: ProviderTransactionData) -> None:
        """A new id for content that an ended source of the same account held: the ids changed, the row did not."""
        for evidence in self._unpaired(self.by_print.get(self.prints[index], ())):
            if evidence.is_orphan:
                self._settle(index, DuplicateDecision.UPDATED, evidence, key=self._free_key(index))
                return

    def _unlinked_pending(self, index: int, row: ProviderTransactionData) -> None:
        """A posted row without a link replaces the one pending row of its amount shortly before it, if only one is."""
        if self._is_pending(row):
            return
        candidates = [
            evidence
            for evidence in self._unpaired(self.pending)
            if evidence.amount == row.amount
            and 0 <= (row.transaction_date - evidence.transaction_date).days <= PENDING_MATCH_DAYS
        ]
        if len(candidates) == 1:
            self._settle(index, DuplicateDecision.UPDATED, candidates[0], key=self._free_key(index))

    def _corrections(self, index: int, row: ProviderTransactionData) -> None:
        if row.correction is None:
            return
        own = [e for e in self.by_id.get(row.provider_transaction_id or "", ()) if e.fingerprint == self.prints[index]]
        target = next(iter(self._unpaired(self.by_id.get(row.corrects_transaction_id or "", ()))), None)
        if row.correction == "delete":
            warning = None if target is not None else "correction_unknown"
            self._settle(index, DuplicateDecision.DELETION, target, warning=warning)
        elif own:
            self._settle(index, DuplicateDecision.DUPLICATE, own[0])
        elif target is not None:
            self._settle(index, DuplicateDecision.CORRECTION, target, key=self._free_key(index))
        else:
            self._settle(index, DuplicateDecision.NEW, None, warning="correction_unknown")

    def _settle_new(self, index: int) -> None:
        """Nobody knows the row; when its id belongs to another row already, both stay and a person is told."""
        key = self._free_key(index)
        name = self.rows[index].provider_transaction_id
        reused = name is not None and key != name and self.trust is not IdTrust.NONE
        kind = DuplicateDecision.ID_REUSED if reused else DuplicateDecision.NEW
        self._settle(index, kind, None, key=key, warning="id_reused" if reused else None)

    # The book-keeping of the rules.

    def _settle(
        self,
        index: int,
        kind: DuplicateDecision,
        evidence: Evidence | None,
        *,
        key: str | None = None,
        warning: str | None = None,
    ) -> None:
        if evidence is not None:
            self.taken.add(id(evidence))
            key = key or evidence.key
        elif key is None:
            key = self._free_key(index)
        self.keys.add(key)
        self.decisions[index] = Decision(
            row=self.rows[index],
            kind=kind,
            key=key,
            fingerprint=self.prints[index],
            content_hash=self.hashes[index],
            transaction_id=evidence.transaction_id if evidence is not None else None,
            replaces=evidence,
            warning=warning,
        )

    def _unpaired(self, evidences: Iterable[Evidence]) -> Iterable[Evidence]:
        """Return the evidence that no row of this run has taken yet, live before withdrawn."""
        free = [evidence for evidence in evidences if id(evidence) not in self.taken]
        return sorted(free, key=_is_withdrawn) if len(free) > 1 else free

    def _free_key(self, index: int) -> str:
        """Return a key that is not in use: the id itself, or the id (or `synthetic`) with the content's mark."""
        name = self.rows[index].provider_transaction_id
        mark = self.prints[index].hex()
        if name is not None and self.trust is not IdTrust.NONE:
            if name not in self.keys:
                return name
            base = f"{name}~{mark[:8]}"
            if base not in self.keys:
                return base
        else:
            base = f"synthetic:{mark[:16]}"
        number = 1
        while f"{base}:{number}" in self.keys:
            number += 1
        return f"{base}:{number}"

    def _is_constant(self, name: str) -> bool:
        return len(self.contents.get(name, ())) >= UNTRUSTED_ID_CONTENTS

    @staticmethod
    def _is_pending(row: ProviderTransactionData) -> bool:
        return row.status == "pending"
