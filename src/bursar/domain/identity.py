"""Is this incoming row one that the ledger already holds?

Ids of institutions are evidence, not identity: they are reused, renumbered, missing, and change when a pending row
posts. Each incoming row is paired with at most one stored piece of evidence and the other way round, rule by rule,
each rule over all rows before the next one; what stays unpaired is new.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date
from decimal import Decimal
from uuid import UUID

from bursar.domain.evidence import Decision, DuplicateDecision, Evidence, EvidenceOrigin, IdTrust
from bursar.domain.fingerprints import MarkedRows
from bursar.domain.transactions import ProviderTransactionData

PENDING_MATCH_DAYS = 10
"""A posted row without a link may replace a pending row of the same amount that is at most this much older."""

UNTRUSTED_ID_CONTENTS = 3
"""An id with this many different contents in one reading is a constant, not an id."""


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


def _last_resort(evidence: Evidence) -> tuple[bool, bool, bool]:
    return evidence.origin is not EvidenceOrigin.OWN, evidence.is_withdrawn, evidence.is_superseded


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
        self.taken_rows: set[UUID] = set()
        """Rows of the ledger already paired: equal content finds no second row through other evidence of the first."""
        self.keys: set[str] = set()
        """Keys that exist, stored or given in this run."""
        self.by_id: dict[str, list[Evidence]] = defaultdict(list)
        self.by_print: dict[bytes, list[Evidence]] = defaultdict(list)
        for evidence in self.stored:
            if evidence.origin is EvidenceOrigin.OWN:
                self.keys.add(evidence.key)
                if evidence.provider_transaction_id is not None:
                    self.by_id[evidence.provider_transaction_id].append(evidence)
            if evidence.fingerprint is not None:
                self.by_print[evidence.fingerprint].append(evidence)
        living = [e for e in self.stored if not (e.is_withdrawn or e.is_superseded)]
        # Where ids are stable, a pending row is replaced by link or by id; only one whose source has ended cannot be.
        by_id_only = self.trust is IdTrust.STABLE
        self.pending = [e for e in living if e.is_pending and (not by_id_only or e.origin is EvidenceOrigin.ENDED)]
        self.orphans: dict[tuple[date, Decimal], list[Evidence]] = defaultdict(list)
        """Living evidence of ended sources by date and amount."""
        for evidence in living:
            if evidence.origin is EvidenceOrigin.ENDED:
                self.orphans[evidence.transaction_date, evidence.amount].append(evidence)
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

    def _rules(self) -> list[_Rule]:
        """Return the rules that can find anything here, in their order."""
        no_ids = any(row.provider_transaction_id is None for row in self.rows)
        rules: list[tuple[_Rule, bool]] = [
            (self._corrections, any(row.correction is not None for row in self.rows)),
            (self._repeat_in_reading, self.trust is IdTrust.CONTENT),
            (self._same_id, self.trust is IdTrust.STABLE and bool(self.by_id)),
            (self._same_id_same_content, self.trust is IdTrust.CONTENT and bool(self.by_id)),
            (self._known_from_correction, self.trust is IdTrust.CONTENT and bool(self.by_id)),
            (self._same_id_posted, self.trust is IdTrust.CONTENT and bool(self.by_id)),
            (self._linked_pending, self.trust is not IdTrust.NONE and bool(self.by_id)),
            (self._renumbered, self.trust is IdTrust.CONTENT and bool(self.by_print)),
            (self._same_id_other_text, self.trust is IdTrust.CONTENT and bool(self.by_id)),
            (self._without_id, (no_ids or self.trust is IdTrust.NONE) and bool(self.by_print)),
            (self._orphan, bool(self.orphans)),
            (self._orphan_reworded, bool(self.orphans)),
            (self._unlinked_pending, bool(self.pending)),
        ]
        return [rule for rule, can_find in rules if can_find]

    # Rules. Each settles the row at `index` or leaves it for the next rule.

    def _same_id(self, index: int, row: ProviderTransactionData) -> None:
        """An id that means the row: equal content is a repeat, other content an edit."""
        for evidence in self._unpaired(self.by_id.get(row.provider_transaction_id or "", ())):
            overtaken = evidence.is_superseded and self._is_pending(row)
            unchanged = evidence.content_hash == self.hashes[index] and not evidence.is_withdrawn
            kind = DuplicateDecision.DUPLICATE if overtaken or unchanged else DuplicateDecision.UPDATED
            self._settle(index, kind, evidence)
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
                self._settle(index, self._repeat_or_edit(index, evidence), evidence)
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
        for evidence in self._unpaired_content(index):
            other = evidence.provider_transaction_id
            if evidence.origin is not EvidenceOrigin.OWN or evidence.is_superseded or other is None or other == name:
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
            same_event = evidence.transaction_date == row.transaction_date and evidence.amount == row.amount
            if same_event and not evidence.is_superseded:
                self._settle(index, DuplicateDecision.UPDATED, evidence)
                return

    def _without_id(self, index: int, row: ProviderTransactionData) -> None:
        """Rows without an id are counted: the n-th equal row is the n-th that the account already holds."""
        if row.provider_transaction_id is not None and self.trust is not IdTrust.NONE:
            return
        for evidence in self._unpaired_content(index):
            if evidence.origin is EvidenceOrigin.OWN:
                self._settle(index, self._repeat_or_edit(index, evidence), evidence)
            elif evidence.origin is EvidenceOrigin.ENDED:
                self._settle(index, DuplicateDecision.UPDATED, evidence, key=self._free_key(index))
            else:
                self._settle_known_elsewhere(index, evidence)
            return

    def _orphan(self, index: int, _row: ProviderTransactionData) -> None:
        """A new id for content that an ended source of the same account held: the ids changed, the row did not."""
        for evidence in self._unpaired_content(index):
            if evidence.origin is EvidenceOrigin.ENDED and not evidence.is_superseded:
                self._settle(index, DuplicateDecision.UPDATED, evidence, key=self._free_key(index))
                return

    def _orphan_reworded(self, index: int, row: ProviderTransactionData) -> None:
        """The same for a row whose text has changed, too: one of its day and amount that the ended source left over."""
        for evidence in self._unpaired(self.orphans.get((row.transaction_date, row.amount), ())):
            if evidence.transaction_id not in self.taken_rows and evidence.is_pending == self._is_pending(row):
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
        if own:
            self._settle(index, DuplicateDecision.DUPLICATE, own[0])
        elif row.correction == "delete":
            warning = None if target is not None else "correction_unknown"
            key = self._free_key(index)
            self._settle(index, DuplicateDecision.DELETION, target, key=key, warning=warning)
        elif target is not None:
            self._settle(index, DuplicateDecision.CORRECTION, target, key=self._free_key(index))
        else:
            self._settle(index, DuplicateDecision.NEW, None, warning="correction_unknown")

    def _repeat_or_edit(self, index: int, evidence: Evidence) -> DuplicateDecision:
        changed = evidence.content_hash != self.hashes[index] or evidence.is_withdrawn
        edited = changed and not evidence.is_superseded
        return DuplicateDecision.UPDATED if edited else DuplicateDecision.DUPLICATE

    def _settle_known_elsewhere(self, index: int, evidence: Evidence) -> None:
        """Another source told the row first: it stays as it is, and gains this source's word."""
        key = self._free_key(index)
        self.taken.add(id(evidence))
        self.taken_rows.add(evidence.transaction_id)
        self.keys.add(key)
        self.decisions[index] = Decision(
            row=self.rows[index],
            kind=DuplicateDecision.DUPLICATE,
            key=key,
            fingerprint=self.prints[index],
            content_hash=self.hashes[index],
            transaction_id=evidence.transaction_id,
            adds_evidence=True,
        )

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
            self.taken_rows.add(evidence.transaction_id)
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
        return sorted(free, key=_last_resort) if len(free) > 1 else free

    def _unpaired_content(self, index: int) -> Iterable[Evidence]:
        """Return evidence of equal content whose row of the ledger no row of this run has taken yet."""
        for evidence in self._unpaired(self.by_print.get(self.prints[index], ())):
            if evidence.transaction_id not in self.taken_rows:
                yield evidence

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
