"""Is a row that this source tells for the first time one that another source of the account has told before?

A file beside an API, two APIs, two logins: they share no ids. Rows of equal day, amount and state are counted against
each other, one to one, first those of equal text; nothing that lies days apart is merged, but for a pending row that
one source still announces and another has settled. Only rows that this source has not vouched for are open to it.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from uuid import UUID

from bursar.domain.evidence import Decision, DuplicateDecision, Evidence, EvidenceOrigin
from bursar.domain.pairing import Pairing
from bursar.domain.transactions import ProviderTransactionData

_LATE_DAYS = 10
"""How much later than a pending row the other source may have settled it."""

_OLDER = frozenset({EvidenceOrigin.FILE, EvidenceOrigin.ENDED})
"""Who does not say it again with every reading."""


@dataclass(frozen=True, slots=True)
class _Told:
    """A row of the ledger that this source tells of: in this reading, or before and still."""

    transaction_id: UUID
    index: int | None = None
    """Of the row in the reading; None where the reading does not repeat the word."""
    word: Evidence | None = None
    """What it told before; None where the reading tells it."""


class CrossSource:
    """The rules across sources, on what the source's own rules have left unpaired."""

    def __init__(self, pairing: Pairing) -> None:
        self._pairing = pairing
        self._by_sum: dict[tuple[date, Decimal, bool], list[Evidence]] = defaultdict(list)
        """What other sources say, by day, amount and state."""
        self._settled: dict[Decimal, list[Evidence]] = defaultdict(list)
        self._pending: dict[Decimal, list[Evidence]] = defaultdict(list)
        self._words: dict[UUID, list[Evidence]] = defaultdict(list)
        """Row of the ledger -> every living word about it."""
        self._left: dict[tuple[date, Decimal], list[Evidence]] = defaultdict(list)
        """What ended sources have left over of settled rows, by day and amount."""
        self.moved: list[tuple[Evidence, UUID]] = []
        """Words of this source that the reading does not repeat, and the row of the ledger that they are about."""
        self.merged: list[tuple[UUID, UUID]] = []
        """(from, to): two rows of the ledger that are one."""
        is_shared = bool(pairing.foreign) or any(one.origin is EvidenceOrigin.ENDED for one in pairing.stored)
        for evidence in pairing.stored if is_shared else ():
            if evidence.is_living:
                self._words[evidence.transaction_id].append(evidence)
                if evidence.origin is EvidenceOrigin.ENDED and not evidence.is_pending:
                    self._left[evidence.transaction_date, evidence.amount].append(evidence)
        for evidence in pairing.foreign:
            self._by_sum[evidence.transaction_date, evidence.amount, evidence.is_pending].append(evidence)
            if evidence.is_living:
                by_amount = self._pending if evidence.is_pending else self._settled
                by_amount[evidence.amount].append(evidence)

    def rules(self) -> list[Callable[[int, ProviderTransactionData], None]]:
        """Return the rules in their order; none when the account has one source."""
        if not self._by_sum:
            return []
        return [self._same_text, self._same_sum, self._settles_elsewhere, self._settled_elsewhere]

    def absorb(self, vanished: list[Evidence]) -> None:
        """Find rows of the ledger that only others tell of, beside equal ones that only this source tells of.

        A row has become equal to another by posting or by moving; or one of several equal rows is gone, and each source
        has let go of another one of them. Counted against each other they are one.
        """
        pairing = self._pairing
        if not (self._by_sum or self._left):
            return
        gone = {evidence.transaction_id for evidence in vanished}
        self._uncross(gone)
        for index, decision in enumerate(pairing.decisions):
            if decision is None or decision.transaction_id is None:
                continue
            if pairing.claims.get(decision.transaction_id) != index:
                continue
            other = self._double_of(index, decision, decision.transaction_id, gone)
            if other is None:
                other = self._left_double_of(decision, decision.transaction_id)
            if other is not None:
                pairing.claims[other] = index
                self.merged.append((other, decision.transaction_id))
                # A file that told of both was made before one of them was gone, and so has an ended source.
                told_by = {word.source for word in self._words[decision.transaction_id]}
                vanished.extend(word for word in self._words[other] if word.origin in _OLDER and word.source in told_by)

    def _uncross(self, gone: set[UUID]) -> None:
        """Let rows change places where another source has them the other way round.

        Of two rows that were equal when each source told them first, one has moved or got another amount since: this
        source tells of the first at place 1 and of a second at place 2, the other of the first at place 2 and of a
        third at place 1. They are two rows, not three; and where the third is the second, each is what the other
        source says it is.
        """
        pairing = self._pairing
        at: dict[tuple[date, Decimal], list[_Told]] = defaultdict(list)
        crossed: list[tuple[int, UUID, Evidence]] = []
        for index, decision in enumerate(pairing.decisions):
            if decision is None or pairing.is_pending(decision.row):
                continue
            row, told = decision.row, decision.transaction_id
            if told is None or pairing.claims.get(told) != index:
                continue
            at[row.transaction_date, row.amount].append(_Told(told, index))
            crossed.extend(
                (index, told, word)
                for word in self._words.get(told, ())
                if _is_asked(word) and not word.is_pending and not _is_at(word, row)
            )
        if crossed:
            for told, word in pairing.own_words.items():
                if not word.is_pending and id(word) not in pairing.taken and told not in gone:
                    at[word.transaction_date, word.amount].append(_Told(told, word=word))
        for index, first, word in crossed:
            decision = pairing.decisions[index]
            if decision is not None and decision.transaction_id == first:
                here = [one for one in at[word.transaction_date, word.amount] if self._is_told(one, first)]
                if not self._swap(index, decision, word, here):
                    self._change_places(index, decision, word, here)

    def _is_told(self, one: _Told, first: UUID) -> bool:
        """Whether a row still is another one than the first, after what has changed places before."""
        if one.transaction_id == first or any(word is one.word for word, _ in self.moved):
            return False
        decision = self._pairing.decisions[one.index] if one.index is not None else None
        return one.index is None or (decision is not None and decision.transaction_id == one.transaction_id)

    def _swap(self, index: int, decision: Decision, word: Evidence, here: Sequence[_Told]) -> bool:
        """Let two rows change places with each other."""
        pairing, first = self._pairing, word.transaction_id
        there = {one.transaction_id for one in self._settled_by(word.source, decision.row)}
        second = next((one for one in here if one.transaction_id in there), None)
        if second is None:
            return False
        pairing.decisions[index] = self._about(decision, second.transaction_id)
        pairing.claims[second.transaction_id] = index
        beside = pairing.decisions[second.index] if second.index is not None else None
        if second.index is not None and beside is not None:
            pairing.decisions[second.index] = self._about(beside, first)
            pairing.claims[first] = second.index
        elif second.word is not None:
            self.moved.append((second.word, first))
        return True

    def _change_places(self, index: int, decision: Decision, word: Evidence, here: Sequence[_Told]) -> None:
        pairing, first = self._pairing, word.transaction_id
        third = next(
            (
                evidence.transaction_id
                for evidence in self._settled_by(word.source, decision.row)
                if evidence.transaction_id not in pairing.claims and evidence.transaction_id not in pairing.own_words
            ),
            None,
        )
        second = next((one for one in here if not self._others(first) & self._others(one.transaction_id)), None)
        if third is None or second is None:
            return
        pairing.decisions[index] = self._about(decision, third)
        beside = pairing.decisions[second.index] if second.index is not None else None
        if second.index is not None and beside is not None:
            pairing.decisions[second.index] = self._about(beside, first)
        self.merged.append((second.transaction_id, first))
        claim = second.index if second.index is not None else index
        pairing.claims.update({third: index, first: claim, second.transaction_id: claim})

    def _settled_by(self, source: UUID | str, row: ProviderTransactionData) -> Iterable[Evidence]:
        """Yield what a source tells as settled of the day and with the amount of a row."""
        for evidence in self._by_sum.get((row.transaction_date, row.amount, False), ()):
            if evidence.source == source and evidence.is_living:
                yield evidence

    def _about(self, decision: Decision, transaction_id: UUID) -> Decision:
        """Return the same word about another row of the ledger; what an API leads, a file does not reword."""
        is_led = transaction_id in self._pairing.led
        kind = DuplicateDecision.DUPLICATE if is_led else DuplicateDecision.UPDATED
        return replace(decision, kind=kind, transaction_id=transaction_id, adds_evidence=is_led)

    def _same_text(self, index: int, row: ProviderTransactionData) -> None:
        """Equal content: the n-th such row of one source is the n-th of the other."""
        for evidence in self._equals(index, row):
            if evidence.fingerprint == self._pairing.prints[index]:
                self._join(index, evidence)
                return

    def _same_sum(self, index: int, row: ProviderTransactionData) -> None:
        """Equal day, amount and state: sources word the same row differently."""
        for evidence in self._equals(index, row):
            if evidence.origin is EvidenceOrigin.FILE or evidence.is_living or self._is_stale(evidence):
                self._join(index, evidence)
                return

    def _settles_elsewhere(self, index: int, row: ProviderTransactionData) -> None:
        """A settled row that only others have told of, and only as pending: the one of its amount shortly before it."""
        if self._pairing.is_pending(row):
            return
        candidates = [
            evidence
            for evidence in self._free(self._pending.get(row.amount, ()))
            if not evidence.row_is_settled and self._pairing.may_post(evidence, row.transaction_date, row.amount)
        ]
        evidence = self._pairing.only_one(candidates)
        if evidence is not None:
            key = self._pairing.free_key(index)
            self._pairing.settle(index, DuplicateDecision.UPDATED, evidence, key=key)

    def _settled_elsewhere(self, index: int, row: ProviderTransactionData) -> None:
        """A pending row that others have told of as settled already: this source is late, and will settle it, too."""
        if not self._pairing.is_pending(row):
            return
        candidates = [
            evidence
            for evidence in self._free(self._settled.get(row.amount, ()))
            if 0 <= (evidence.transaction_date - row.transaction_date).days <= _LATE_DAYS
        ]
        evidence = self._pairing.only_one(candidates)
        if evidence is not None:
            self._pairing.settle_known_elsewhere(index, evidence)

    def _equals(self, index: int, row: ProviderTransactionData) -> Iterable[Evidence]:
        """Yield what others say of that day, amount and state, about rows that are open to this source."""
        is_pending = self._pairing.is_pending(row)
        for evidence in self._pairing.unpaired(self._by_sum.get((row.transaction_date, row.amount, is_pending), ())):
            if evidence.is_superseded and not self._is_stale(evidence):
                continue
            if self._is_open(evidence.transaction_id, is_pending=is_pending):
                yield evidence

    def _is_stale(self, evidence: Evidence) -> bool:
        return self._pairing.reading.is_older_than(evidence.ended_at)

    def _is_open(self, transaction_id: UUID, *, is_pending: bool) -> bool:
        """True for a row that this source has not told of; a settled row also finds one that it has announced.

        So is one that a file has told of otherwise, and that this file lacks: the bank has moved it since.
        """
        claim = self._pairing.claims.get(transaction_id)
        if claim is not None and (is_pending or not self._pairing.is_pending(self._pairing.rows[claim])):
            return False
        word = self._pairing.own_words.get(transaction_id)
        return word is None or (word.is_pending and not is_pending) or self._pairing.is_left_out(word)

    def _free(self, evidences: Sequence[Evidence]) -> list[Evidence]:
        """Return one word each of the rows that this source has never told of."""
        pairing = self._pairing
        by_row: dict[UUID, Evidence] = {}
        for evidence in pairing.unpaired(evidences):
            row = evidence.transaction_id
            if row not in pairing.claims and row not in pairing.own_rows:
                by_row.setdefault(row, evidence)
        return list(by_row.values())

    def _join(self, index: int, evidence: Evidence) -> None:
        """Let the row be the one that the other source told; what this source had only announced of it is over."""
        pairing = self._pairing
        announced = pairing.own_words.get(evidence.transaction_id)
        claim = pairing.claims.get(evidence.transaction_id)
        claimed = pairing.decisions[claim] if claim is not None else None
        if claimed is not None and claimed.replaces is not None:
            announced = claimed.replaces if claimed.replaces.origin is EvidenceOrigin.OWN else None
        if announced is not None:
            pairing.taken.add(id(evidence))
            key = pairing.free_key(index)
            pairing.settle(index, DuplicateDecision.UPDATED, evidence, key=key, replaces=announced)
            pairing.taken.add(id(announced))
        elif evidence.is_withdrawn:
            pairing.settle(index, DuplicateDecision.UPDATED, evidence, key=pairing.free_key(index))
        else:
            pairing.settle_known_elsewhere(index, evidence)
        if claim is not None:
            # Both are listed, so the pending row is another one, or will vanish soon: it goes on by itself.
            pairing.settle(claim, DuplicateDecision.NEW, None, key=pairing.free_key(claim))

    def _double_of(self, index: int, decision: Decision, transaction_id: UUID, gone: set[UUID]) -> UUID | None:
        row, pairing = decision.row, self._pairing
        place = row.transaction_date, row.amount, pairing.is_pending(row)
        others = self._others(transaction_id)
        for evidence in sorted(
            self._by_sum.get(place, ()), key=lambda evidence: evidence.fingerprint != pairing.prints[index]
        ):
            double = evidence.transaction_id
            if not evidence.is_living or double == transaction_id or double in pairing.claims:
                continue
            if double in pairing.own_words and double not in gone:
                continue
            if not others & self._others(double):
                return double
        return None

    def _left_double_of(self, decision: Decision, transaction_id: UUID) -> UUID | None:
        """Return the row that an ended source has told where this source's own row has just posted or moved to.

        It had told it before this source did, and had not recognised what this source had announced.
        """
        row, pairing, before = decision.row, self._pairing, decision.replaces
        if before is None or before.origin is not EvidenceOrigin.OWN or pairing.is_pending(row):
            return None
        if pairing.reading.is_file or not (before.is_pending or not _is_at(before, row)):
            return None
        tellers = {word.source for word in self._words[transaction_id]}
        for evidence in self._left.get((row.transaction_date, row.amount), ()):
            double = evidence.transaction_id
            is_open = double not in pairing.claims and double not in pairing.own_words
            if is_open and evidence.source not in tellers and not any(map(_is_asked, self._words[double])):
                return double
        return None

    def _others(self, transaction_id: UUID) -> set[UUID | str]:
        """Return who else tells of a row; what is older counts only among files, because an API that is asked knows."""
        asked_only = not self._pairing.reading.is_file
        return {
            word.source
            for word in self._words[transaction_id]
            if word.origin is not EvidenceOrigin.OWN and not (asked_only and word.origin in _OLDER)
        }


def _is_asked(word: Evidence) -> bool:
    """True for a word of another living source."""
    return word.origin is not EvidenceOrigin.OWN and word.origin is not EvidenceOrigin.ENDED


def _is_at(word: Evidence, row: ProviderTransactionData) -> bool:
    return (word.transaction_date, word.amount) == (row.transaction_date, row.amount)
