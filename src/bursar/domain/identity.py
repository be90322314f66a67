"""Is this incoming row one that the ledger already holds?

Ids of institutions are evidence, not identity: they are reused, renumbered, missing, and change when a pending row
posts. Each incoming row is paired with at most one stored piece of evidence and the other way round, rule by rule,
each rule over all rows before the next one; what stays unpaired is new, and what a listing lacks was taken back.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date
from decimal import Decimal

from bursar.domain.cross_source import CrossSource
from bursar.domain.evidence import DuplicateDecision, Evidence, EvidenceOrigin, IdTrust, Reading, Verdict
from bursar.domain.fingerprints import MarkedRows
from bursar.domain.pairing import Pairing
from bursar.domain.transactions import ProviderTransactionData

_Rule = Callable[[int, ProviderTransactionData], None]


def decide(marked: MarkedRows, stored: Iterable[Evidence], reading: Reading) -> Verdict:
    """Pair the rows of one account with its evidence; one decision a row, in the order of the rows.

    Args:
        marked: what one source says now, of one account. Deletions come as rows with `correction="delete"`.
        stored: the evidence of the account that shares an id (`MarkedRows.ids`) or a day with any of the rows or lies
            in the listing's span, withdrawn evidence included; all live pending evidence; and whatever else is said
            about the same rows of the ledger.
        reading: who says it, of when, and whether it is all.
    """
    pairing = _OwnRules(marked, stored, reading)
    across = CrossSource(pairing)
    unpaired = list(range(len(marked.rows)))
    for rule in [*pairing.rules(), *across.rules()]:
        for index in unpaired:
            if pairing.decisions[index] is None:
                rule(index, marked.rows[index])
        unpaired = [index for index in unpaired if pairing.decisions[index] is None]
    for index, decision in enumerate(pairing.decisions):
        if decision is None:
            pairing.settle_new(index)
    vanished = pairing.vanished()
    across.absorb(vanished)
    return Verdict([one for one in pairing.decisions if one is not None], vanished, across.moved, across.merged)


class _OwnRules(Pairing):
    """What a source's ids and contents say about its own rows, and about those of the consents before it.

    Each rule settles the row at `index` or leaves it for the next rule.
    """

    def __init__(self, marked: MarkedRows, stored: Iterable[Evidence], reading: Reading) -> None:
        super().__init__(marked, stored, reading)
        self.pending: list[Evidence] = []
        """Living pending evidence that a posted row without a link may replace."""
        self.orphans: dict[tuple[date, Decimal], list[Evidence]] = defaultdict(list)
        """Living evidence of ended sources by date and amount."""
        self.listed: dict[tuple[date, Decimal, bool], list[Evidence]] = defaultdict(list)
        """Living evidence of this source in the listing's span, by date, amount and state."""
        self.filed: dict[tuple[date, Decimal, bool], list[Evidence]] = defaultdict(list)
        """Living evidence of earlier files for the days that this one holds as a whole, by date, amount and state."""
        self.posted_here = {
            row.pending_transaction_id for row in self.rows if row.pending_transaction_id and not self.is_pending(row)
        }
        """Ids of announced rows of which this same reading tells what became of them."""
        span = reading.listing
        for evidence in self.stored:
            is_ended = evidence.origin is EvidenceOrigin.ENDED
            if not evidence.is_living or not (is_ended or evidence.origin is EvidenceOrigin.OWN):
                continue
            place = evidence.transaction_date, evidence.amount
            is_unread = evidence.provider_transaction_id in reading.unread
            is_listed = span is not None and not is_ended and not is_unread and span.holds(evidence)
            if is_ended:
                self.orphans[place].append(evidence)
            elif self.is_in_whole_day(evidence):
                self.filed[*place, evidence.is_pending].append(evidence)
            if is_listed:
                self.listed[*place, evidence.is_pending].append(evidence)
            # Where ids are stable, a pending row is replaced by link or by id; only one that is gone cannot be.
            is_gone = is_ended or is_listed or self.is_removed(evidence)
            if evidence.is_pending and (reading.trust is not IdTrust.STABLE or is_gone):
                self.pending.append(evidence)

    def rules(self) -> list[_Rule]:
        """Return the rules that can find anything here, in their order."""
        content, none = self.trust is IdTrust.CONTENT, self.trust is IdTrust.NONE
        stable = self.trust is IdTrust.STABLE
        counts = (none or any(row.provider_transaction_id is None for row in self.rows)) and bool(self.by_print)
        rules: list[tuple[_Rule, bool]] = [
            (self._corrections, any(row.correction is not None for row in self.rows)),
            (self._repeat_in_reading, content),
            (self._posted_in_reading, stable and bool(self.posted_here)),
            (self._same_id, stable and bool(self.by_id)),
            (self._same_id_same_content, content and bool(self.by_id)),
            (self._known_from_correction, content and bool(self.by_id)),
            (self._same_id_posted, content and bool(self.by_id)),
            (self._linked_pending, not none and bool(self.by_id)),
            (self._renumbered, content and bool(self.by_print)),
            (self._same_id_other_text, content and bool(self.by_id)),
            (self._counted_alike, counts),
            (self._counted_posted, counts),
            (self._counted, counts),
            (self._listed_again, bool(self.listed)),
            (self._listed_reworded, bool(self.listed) and not (stable and self._is_read())),
            (self._filed_again, self.has_new_ids),
            (self._filed_reworded, bool(self.filed)),
            (self._orphan, bool(self.orphans)),
            (self._orphan_reworded, bool(self.orphans)),
            (self._unlinked_pending, bool(self.pending)),
            (self._same_id_posted_otherwise, content and bool(self.by_id)),
        ]
        return [rule for rule, can_find in rules if can_find]

    def _posted_in_reading(self, index: int, row: ProviderTransactionData) -> None:
        """An announced row beside the one that it has become: the bank is slow to take it off its list."""
        name = row.provider_transaction_id
        if name is not None and name in self.posted_here and self.is_pending(row):
            self.repeat(index, next(iter(self.by_id.get(name, ())), None), name)

    def _same_id(self, index: int, row: ProviderTransactionData) -> None:
        """An id that means the row: equal content is a repeat, other content an edit."""
        for evidence in self.unpaired(self.by_id.get(row.provider_transaction_id or "", ())):
            overtaken = evidence.is_superseded and self.is_pending(row)
            if overtaken and self.is_listed(row):
                continue  # it is announced today: what seemed to have come of it was another row
            unchanged = evidence.content_hash == self.hashes[index] and not evidence.is_withdrawn
            kind = DuplicateDecision.DUPLICATE if overtaken or unchanged else DuplicateDecision.UPDATED
            self.settle(index, kind, evidence)
            return

    def _linked_pending(self, index: int, row: ProviderTransactionData) -> None:
        """A posted row that names the pending row it replaces, wherever that one stands by now."""
        for evidence in self.unpaired(self.by_id.get(row.pending_transaction_id or "", ())):
            word = self.own_words.get(evidence.transaction_id)
            is_posted = evidence.is_superseded and word is not None and not word.is_pending
            if evidence.is_pending and not is_posted:
                self.post(index, evidence, self.free_key(index))
                return

    def _repeat_in_reading(self, index: int, row: ProviderTransactionData) -> None:
        """The same id with the same content twice in one file is one row, unless the id is a constant."""
        name = row.provider_transaction_id
        if name is None or self.is_constant(name):
            return
        if self.first[name, self.prints[index]] < index:
            known = self.by_id.get(name, ())
            self.repeat(index, next((e for e in known if e.fingerprint == self.prints[index]), None), name)

    def _same_id_same_content(self, index: int, row: ProviderTransactionData) -> None:
        for evidence in self.unpaired(self.by_id.get(row.provider_transaction_id or "", ())):
            if self._is_overtaken(evidence, row):
                continue
            if evidence.fingerprint == self.prints[index] and self.is_pending(row) >= evidence.is_pending:
                self.settle(index, self.repeat_or_edit(index, evidence), evidence)
                return

    def _is_overtaken(self, evidence: Evidence, row: ProviderTransactionData) -> bool:
        """True when a listing of today uses the id for another row: what has posted does not stand as pending."""
        is_past = evidence.is_superseded or (self.is_pending(row) and not evidence.is_pending)
        return is_past and self.is_listed(row)

    def _known_from_correction(self, index: int, row: ProviderTransactionData) -> None:
        """The original of a row that a correction replaced before the original was ever seen."""
        for evidence in self.unpaired(self.by_id.get(row.provider_transaction_id or "", ())):
            if evidence.fingerprint is None:
                self.taken.add(id(evidence))
                self.repeat(index, evidence, evidence.key)
                return

    def _same_id_posted(self, index: int, row: ProviderTransactionData) -> None:
        for evidence in self._announced(row):
            if self.may_post(evidence, row.transaction_date, row.amount):
                self.post(index, evidence, evidence.key)
                return

    def _same_id_posted_otherwise(self, index: int, row: ProviderTransactionData) -> None:
        """A tip, or another day: believed only once no other row of the reading fits better."""
        for evidence in self._announced(row):
            if not evidence.is_withdrawn:
                self.post(index, evidence, evidence.key)
                return

    def _announced(self, row: ProviderTransactionData) -> Iterable[Evidence]:
        """Yield what a settled row's own id has announced as pending."""
        if self.is_pending(row):
            return
        for evidence in self.unpaired(self.by_id.get(row.provider_transaction_id or "", ())):
            if evidence.is_pending and not evidence.is_superseded and not self.is_settled_otherwise(evidence, row):
                yield evidence

    def _renumbered(self, index: int, row: ProviderTransactionData) -> None:
        """Equal content under another id, where one of the two ids has provably moved to other content."""
        name = row.provider_transaction_id
        if name is None:
            return
        own_id_moved = any(evidence.fingerprint != self.prints[index] for evidence in self.by_id.get(name, ()))
        for evidence in self.unpaired_content(index):
            other = evidence.provider_transaction_id
            if evidence.origin is not EvidenceOrigin.OWN or evidence.is_superseded or other is None or other == name:
                continue
            if evidence.is_pending != self.is_pending(row):
                continue
            if own_id_moved or self.contents.get(other, set[bytes]()) - {self.prints[index]}:
                key, warning = self.free_key(index), "id_renumbered"
                self.settle(index, DuplicateDecision.UPDATED, evidence, key=key, warning=warning)
                return

    def _same_id_other_text(self, index: int, row: ProviderTransactionData) -> None:
        if row.provider_transaction_id is None or self.is_constant(row.provider_transaction_id):
            return
        for evidence in self.unpaired(self.by_id.get(row.provider_transaction_id, ())):
            same_event = evidence.transaction_date == row.transaction_date and evidence.amount == row.amount
            if same_event and not evidence.is_superseded and not self._is_overtaken(evidence, row):
                self.settle(index, DuplicateDecision.UPDATED, evidence)
                return

    def _counted_alike(self, index: int, row: ProviderTransactionData) -> None:
        """Rows without an id are counted: the n-th equal row is the n-th that the account already holds."""
        for evidence in self._countable(index, row):
            if evidence.is_living and evidence.is_pending == self.is_pending(row):
                self._count(index, evidence)
                return

    def _counted_posted(self, index: int, row: ProviderTransactionData) -> None:
        """What was pending when it was told first may be settled by now, under the same day and text."""
        for evidence in self._countable(index, row):
            if evidence.is_living and evidence.is_pending:
                self._count(index, evidence)
                return

    def _counted(self, index: int, row: ProviderTransactionData) -> None:
        """What was taken back and is told again, and in an older file what has become of a row since."""
        for evidence in self._countable(index, row):
            if evidence.is_pending or not self.is_pending(row):
                # In a listing of today, what resembles a row that has posted since is another row.
                if not (evidence.is_superseded and self.is_listed(row)):
                    self._count(index, evidence)
                    return
            elif not (evidence.is_withdrawn or self.is_listed(row)):
                self.settle(index, DuplicateDecision.DUPLICATE, evidence)
                return

    def _countable(self, index: int, row: ProviderTransactionData) -> Iterable[Evidence]:
        if row.provider_transaction_id is not None and self.trust is not IdTrust.NONE:
            return
        for evidence in self.unpaired_content(index):
            if evidence.is_pending and not self.is_pending(row) and self.is_settled_otherwise(evidence, row):
                continue
            is_own = evidence.origin is EvidenceOrigin.OWN
            if is_own or (evidence.origin is EvidenceOrigin.ENDED and evidence.transaction_id not in self.own_words):
                yield evidence

    def _count(self, index: int, evidence: Evidence) -> None:
        if evidence.origin is EvidenceOrigin.OWN:
            self.settle(index, self.repeat_or_edit(index, evidence), evidence)
        else:
            self.settle(index, DuplicateDecision.UPDATED, evidence, key=self.free_key(index))

    def _listed_again(self, index: int, row: ProviderTransactionData) -> None:
        """Equal content under an id that no row of the listing has any more: the id has changed, the row has not.

        An id that is worth nothing stays as it was first seen, or it would be written anew with every reading.
        """
        place = row.transaction_date, row.amount, self.is_pending(row)
        for evidence in self.unpaired(self.listed.get(place, ())):
            if evidence.fingerprint == self.prints[index] and evidence.transaction_id not in self.claims:
                if self.trust is IdTrust.STABLE:
                    self.settle(index, DuplicateDecision.UPDATED, evidence, key=self.free_key(index))
                else:
                    self.settle(index, self.repeat_or_edit(index, evidence), evidence)
                return

    def _listed_reworded(self, index: int, row: ProviderTransactionData) -> None:
        """The same for a row whose text has changed, too: one of its day, amount and state that is left over."""
        place = row.transaction_date, row.amount, self.is_pending(row)
        for evidence in self.fitting(index, self.listed.get(place, ())):
            if evidence.transaction_id not in self.claims:
                key = self.free_key(index) if self.trust is IdTrust.STABLE else None
                self.settle(index, DuplicateDecision.UPDATED, evidence, key=key)
                return

    def _is_read(self) -> bool:
        """True when every row of the listing could be read: then what it lacks was taken back."""
        return self.reading.listing is not None and self.reading.listing.is_read

    def _filed_again(self, index: int, row: ProviderTransactionData) -> None:
        """Equal content in a file whose ids are all new: the day that it begins with included, it is the same row."""
        for evidence in self.unpaired_content(index):
            is_own = evidence.origin is EvidenceOrigin.OWN and evidence.is_living
            if is_own and evidence.is_pending == self.is_pending(row):
                self._renumber(index, evidence)
                return

    def _filed_reworded(self, index: int, row: ProviderTransactionData) -> None:
        """Ids or texts have changed since earlier files: a day that is told as a whole has no other rows than these."""
        place = row.transaction_date, row.amount, self.is_pending(row)
        for evidence in self.fitting(index, self.filed.get(place, ())):
            if evidence.transaction_id in self.claims:
                continue
            if self.has_new_ids:
                self._renumber(index, evidence)
                return
            # Of two ids each means its own row, unless it is missing, stands for several or has moved to another row.
            name, other = row.provider_transaction_id, evidence.provider_transaction_id
            if name is None or other is None or name == other or other in self.contents:
                self.settle(index, DuplicateDecision.UPDATED, evidence)
                return

    def _renumber(self, index: int, evidence: Evidence) -> None:
        """Keep the new id beside the old one: either file may be imported once more."""
        key = self.free_key(index)
        self.settle(index, DuplicateDecision.UPDATED, evidence, key=key, warning="id_renumbered")

    def _orphan(self, index: int, _row: ProviderTransactionData) -> None:
        """A new id for content that an ended source of the same account held: the ids changed, the row did not."""
        for evidence in self.unpaired_content(index):
            is_left = evidence.origin is EvidenceOrigin.ENDED and not evidence.is_superseded
            if is_left and self._is_ownerless(evidence):
                self._take_over(index, evidence)
                return

    def _orphan_reworded(self, index: int, row: ProviderTransactionData) -> None:
        """The same for a row whose text has changed, too: one of its day and amount that the ended source left over."""
        for evidence in self.unpaired(self.orphans.get((row.transaction_date, row.amount), ())):
            is_free = evidence.transaction_id not in self.claims and self._is_ownerless(evidence)
            if is_free and evidence.is_pending == self.is_pending(row):
                self._take_over(index, evidence)
                return

    def _is_ownerless(self, evidence: Evidence) -> bool:
        """True for a row of which this source has not told, or told otherwise in a file before the bank changed it."""
        word = self.own_words.get(evidence.transaction_id)
        return word is None or (not word.is_pending and self.is_left_out(word))

    def _take_over(self, index: int, evidence: Evidence) -> None:
        word = self.own_words.get(evidence.transaction_id)
        self.settle(index, DuplicateDecision.UPDATED, evidence, key=self.free_key(index), replaces=word)
        if word is not None:
            self.taken.add(id(word))

    def _unlinked_pending(self, index: int, row: ProviderTransactionData) -> None:
        """A posted row without a link replaces the one pending row of its amount shortly before it, if only one is."""
        if self.is_pending(row):
            return
        evidence = self.only_one(
            [
                evidence
                for evidence in self.unpaired(self.pending)
                if evidence.transaction_id not in self.claims
                and not self.is_settled_otherwise(evidence, row)
                and self.may_post(evidence, row.transaction_date, row.amount)
            ]
        )
        if evidence is not None:
            self.post(index, evidence, self.free_key(index))

    def _corrections(self, index: int, row: ProviderTransactionData) -> None:
        if row.correction is None:
            return
        own = [e for e in self.by_id.get(row.provider_transaction_id or "", ()) if e.fingerprint == self.prints[index]]
        target = next(iter(self.unpaired(self.by_id.get(row.corrects_transaction_id or "", ()))), None)
        if own:
            self.settle(index, DuplicateDecision.DUPLICATE, own[0])
        elif row.correction == "delete":
            warning = None if target is not None else "correction_unknown"
            key = self.free_key(index)
            self.settle(index, DuplicateDecision.DELETION, target, key=key, warning=warning)
        elif target is not None:
            self.settle(index, DuplicateDecision.CORRECTION, target, key=self.free_key(index))
        else:
            self.settle(index, DuplicateDecision.NEW, None, warning="correction_unknown")
