"""Who is still unpaired while the rows of a reading meet what the ledger knows?

The state and the book-keeping of one run; the rules that use it are in `identity` and `cross_source`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from bursar.domain.evidence import Decision, DuplicateDecision, Evidence, EvidenceOrigin, IdTrust, Reading
from bursar.domain.fingerprints import MarkedRows
from bursar.domain.transactions import ProviderTransactionData

PENDING_MATCH_DAYS = 10
"""A posted row without a link may replace a pending row of the same amount that is at most this much older."""

UNTRUSTED_ID_CONTENTS = 3
"""An id with this many different contents in one reading is a constant, not an id."""

_STATED = timedelta(days=45)
"""How long before its first row a file's stated period may begin: some state one that says nothing, such as 1970."""

_ORDER = {EvidenceOrigin.OWN: 0, EvidenceOrigin.ENDED: 1, EvidenceOrigin.OTHER: 2, EvidenceOrigin.FILE: 3}


def _last_resort(evidence: Evidence) -> tuple[int, bool, bool]:
    return _ORDER[evidence.origin], evidence.is_withdrawn, evidence.is_superseded


class Pairing:
    """The state of one decision run: who is still unpaired on either side."""

    def __init__(self, marked: MarkedRows, stored: Iterable[Evidence], reading: Reading) -> None:
        self.rows = marked.rows
        self.prints = marked.fingerprints
        self.hashes = marked.content_hashes
        self.reading = reading
        self.trust = reading.trust
        self.decisions: list[Decision | None] = [None] * len(self.rows)
        self.stored = list(stored)
        self.taken: set[int] = set()
        """`id()` of the evidence already paired with a row of this run."""
        self.claims: dict[UUID, int] = {}
        """Rows of the ledger already paired, and with which row of the reading."""
        self.keys: set[str] = set()
        """Keys that exist, stored or given in this run."""
        self.by_id: dict[str, list[Evidence]] = defaultdict(list)
        self.by_print: dict[bytes, list[Evidence]] = defaultdict(list)
        self.own_words: dict[UUID, Evidence] = {}
        """Row of the ledger -> this source's living word about it, a settled one before a pending one."""
        self.own_rows: set[UUID] = set()
        """Rows of the ledger that this source has ever told of."""
        self.foreign: list[Evidence] = []
        """What other living sources say."""
        self._settled_as: dict[UUID, set[tuple[date, Decimal]]] = defaultdict(set)
        """Row of the ledger -> the days and amounts with which others have settled it."""
        self._settled_at: dict[tuple[date, Decimal], list[Evidence]] = defaultdict(list)
        """Day and amount -> what others have settled."""
        self._pending_at: dict[UUID, set[UUID | str]] = defaultdict(set)
        """Row of the ledger -> the other sources that still announce it."""
        for evidence in self.stored:
            if evidence.origin is EvidenceOrigin.OWN:
                self._index_own(evidence)
            elif evidence.origin is not EvidenceOrigin.ENDED:
                self.foreign.append(evidence)
                if evidence.is_living:
                    self._index_foreign(evidence)
            if evidence.fingerprint is not None:
                self.by_print[evidence.fingerprint].append(evidence)
        self.contents: dict[str, set[bytes]] = defaultdict(set)
        """Id -> the different contents that carry it in this reading."""
        self.first: dict[tuple[str, bytes], int] = {}
        for index, row in enumerate(self.rows):
            if row.provider_transaction_id is not None:
                self.contents[row.provider_transaction_id].add(self.prints[index])
                self.first.setdefault((row.provider_transaction_id, self.prints[index]), index)
        self.whole_after = self._whole_after()
        """The day after which a file that is known by contents holds whole days; None for other readings."""
        self.last = max((row.transaction_date for row in self.rows), default=date.min)
        self.has_new_ids = self._has_new_ids()
        """True for a file whose ids provably are others than those of the files before it."""
        self.led = {
            evidence.transaction_id
            for evidence in self.foreign
            if reading.is_file
            and evidence.origin is EvidenceOrigin.OTHER
            and evidence.is_living
            and not evidence.is_pending
        }
        """Rows that an API tells of as settled: a file does not reword them."""

    def _whole_after(self) -> date | None:
        """Return the day with which a file begins: of that day it may hold a part ("since the last download")."""
        if not (self.rows and self.reading.is_file) or self.reading.trust is IdTrust.STABLE:
            return None
        first, stated = min(row.transaction_date for row in self.rows), self.reading.stated_since
        is_credible = stated is not None and timedelta(0) <= first - stated <= _STATED
        return stated if is_credible else first

    def _has_new_ids(self) -> bool:
        """Return whether a bank gives its rows new ids in every file, though within a file they look like ids.

        If of what earlier files told of the days that this one holds as a whole no id is there, while most of the
        amounts are, then the ids are new and the rows are not.
        """
        if not self.contents:
            return False
        known = [
            evidence
            for evidence in self.own_words.values()
            if evidence.provider_transaction_id is not None
            and not evidence.is_pending
            and self.is_in_whole_day(evidence)
        ]
        if any(evidence.provider_transaction_id in self.contents for evidence in known):
            return False
        told = Counter((evidence.transaction_date, evidence.amount) for evidence in known)
        listed = Counter((row.transaction_date, row.amount) for row in self.rows)
        return bool(known) and 2 * (told & listed).total() >= len(known)

    def _index_own(self, evidence: Evidence) -> None:
        self.keys.add(evidence.key)
        self.own_rows.add(evidence.transaction_id)
        if evidence.provider_transaction_id is not None:
            self.by_id[evidence.provider_transaction_id].append(evidence)
        if evidence.is_living and not self.is_removed(evidence):
            known = self.own_words.get(evidence.transaction_id)
            if known is None or known.is_pending:
                self.own_words[evidence.transaction_id] = evidence

    def _index_foreign(self, evidence: Evidence) -> None:
        if evidence.is_pending:
            self._pending_at[evidence.transaction_id].add(evidence.source)
        else:
            place = evidence.transaction_date, evidence.amount
            self._settled_as[evidence.transaction_id].add(place)
            self._settled_at[place].append(evidence)

    def is_left_out(self, evidence: Evidence) -> bool:
        """True for a word that no row of this file has taken, though the file holds the whole of its day."""
        return id(evidence) not in self.taken and self.is_in_whole_day(evidence)

    def is_in_whole_day(self, evidence: Evidence) -> bool:
        """True for a word of a day that this file holds as a whole."""
        return self.whole_after is not None and self.whole_after < evidence.transaction_date <= self.last

    def is_removed(self, evidence: Evidence) -> bool:
        """True for a word that the source takes back in this same reading."""
        if not self.reading.removed:
            return False
        return evidence.key in self.reading.removed or evidence.provider_transaction_id in self.reading.removed

    def settle(
        self,
        index: int,
        kind: DuplicateDecision,
        evidence: Evidence | None,
        *,
        key: str | None = None,
        warning: str | None = None,
        replaces: Evidence | None = None,
    ) -> None:
        """Decide on a row: it is the row that the evidence is about, or (None) one of its own.

        Args:
            index: of the row in the reading.
            kind: what it is; a word that is older than what is known meanwhile becomes a mere repeat.
            evidence: of any source.
            key: under which this source's evidence is kept; None for the key of the evidence.
            warning: for a person.
            replaces: the own evidence whose place it takes, where that is another one than `evidence`.
        """
        adds = False
        if evidence is not None:
            self.taken.add(id(evidence))
            self.claims[evidence.transaction_id] = index
            is_stale = not evidence.is_living and self.reading.is_older_than(evidence.ended_at)
            if kind is DuplicateDecision.UPDATED and is_stale:
                kind, key = DuplicateDecision.DUPLICATE, evidence.key
            elif kind is DuplicateDecision.UPDATED and self._speaks_after(index, evidence):
                kind, adds = DuplicateDecision.DUPLICATE, True
            key = key or evidence.key
        elif key is None:
            key = self.free_key(index)
        self.keys.add(key)
        self.decisions[index] = Decision(
            row=self.rows[index],
            kind=kind,
            key=key,
            fingerprint=self.prints[index],
            content_hash=self.hashes[index],
            transaction_id=evidence.transaction_id if evidence is not None else None,
            replaces=replaces or evidence,
            adds_evidence=adds,
            warning=warning,
        )

    def _speaks_after(self, index: int, evidence: Evidence) -> bool:
        """True when another source has gone further: it has settled the row, or tells of it again and again."""
        if self.is_pending(self.rows[index]) and evidence.is_pending:
            return evidence.row_is_settled
        return evidence.transaction_id in self.led

    def settle_known_elsewhere(self, index: int, evidence: Evidence) -> None:
        """Another source told the row first: it stays as it is, and gains this source's word."""
        key = self.free_key(index)
        self.taken.add(id(evidence))
        self.claims[evidence.transaction_id] = index
        is_stale = not evidence.is_living and self.reading.is_older_than(evidence.ended_at)
        if not is_stale:
            self.keys.add(key)
        self.decisions[index] = Decision(
            row=self.rows[index],
            kind=DuplicateDecision.DUPLICATE,
            key=key,
            fingerprint=self.prints[index],
            content_hash=self.hashes[index],
            transaction_id=evidence.transaction_id,
            adds_evidence=not is_stale,
        )

    def repeat(self, index: int, evidence: Evidence | None, key: str) -> None:
        """Decide that a row says nothing that is not known."""
        self.decisions[index] = Decision(
            row=self.rows[index],
            kind=DuplicateDecision.DUPLICATE,
            key=evidence.key if evidence else key,
            fingerprint=self.prints[index],
            content_hash=self.hashes[index],
            transaction_id=evidence.transaction_id if evidence else None,
        )

    def settle_new(self, index: int) -> None:
        """Nobody knows the row; when its id belongs to another row already, both stay and a person is told."""
        row = self.rows[index]
        key = self.free_key(index)
        if self.is_pending(row) and self.reading.is_older_than(self.reading.listed_at):
            self.repeat(index, None, key)  # a younger list of pending rows lacks it: it has come to nothing
            return
        name = row.provider_transaction_id
        reused = name is not None and key != name and self.trust is not IdTrust.NONE
        kind = DuplicateDecision.ID_REUSED if reused else DuplicateDecision.NEW
        self.settle(index, kind, None, key=key, warning="id_reused" if reused else None)

    def repeat_or_edit(self, index: int, evidence: Evidence) -> DuplicateDecision:
        """Return whether a row of known content says anything that is to be written."""
        changed = evidence.content_hash != self.hashes[index] or evidence.is_withdrawn
        edited = changed and not evidence.is_superseded
        return DuplicateDecision.UPDATED if edited else DuplicateDecision.DUPLICATE

    def unpaired(self, evidences: Sequence[Evidence]) -> Sequence[Evidence]:
        """Return the evidence that no row of this run has taken yet, live before withdrawn."""
        free = [evidence for evidence in evidences if id(evidence) not in self.taken]
        return sorted(free, key=_last_resort) if len(free) > 1 else free

    def fitting(self, index: int, evidences: Sequence[Evidence]) -> Sequence[Evidence]:
        """Return what is unpaired, and of several that are alike first those of which nobody else tells otherwise."""
        free, row = self.unpaired(evidences), self.rows[index]
        if len(free) < 2 or not self._settled_as:
            return free
        return sorted(free, key=lambda one: (_last_resort(one), self.is_settled_otherwise(one, row)))

    def unpaired_content(self, index: int) -> Iterable[Evidence]:
        """Return evidence of equal content whose row of the ledger no row of this run has taken yet."""
        for evidence in self.fitting(index, self.by_print.get(self.prints[index], ())):
            if evidence.transaction_id not in self.claims:
                yield evidence

    def only_one(self, candidates: Sequence[Evidence]) -> Evidence | None:
        """Return the one candidate; of several only when they are equal in everything, because then any will do."""
        if len({evidence.fingerprint or evidence.key for evidence in candidates}) != 1:
            return None
        return candidates[0]

    def may_post(self, evidence: Evidence, on: date, amount: Decimal) -> bool:
        """True when a row of that day and amount may be what became of a pending row that nobody links it to."""
        days = (on - evidence.transaction_date).days
        return evidence.amount == amount and 0 <= days <= PENDING_MATCH_DAYS

    def is_settled_otherwise(self, evidence: Evidence, row: ProviderTransactionData) -> bool:
        """True when others have settled what was announced, on a day or with an amount that is not this row's."""
        places = self._settled_as.get(evidence.transaction_id)
        return places is not None and (row.transaction_date, row.amount) not in places

    def post(self, index: int, announced: Evidence, key: str) -> None:
        """Let a row be what became of an announced one.

        Where another source still announces that one, and has itself settled just this row elsewhere, they are two; so
        are they where the announced one has been settled otherwise, and this row just so.
        """
        row = self.rows[index]
        still = self._pending_at.get(announced.transaction_id, set[UUID | str]())
        is_other = self.is_settled_otherwise(announced, row)
        for evidence in self._settled_at.get((row.transaction_date, row.amount), ()) if still or is_other else ():
            other = evidence.transaction_id
            claim = self.claims.get(other)
            is_free = claim is None and other not in self.own_words
            is_swapped = claim is not None and self._may_swap(claim)
            if other == announced.transaction_id or not (is_free or is_swapped):
                continue
            if is_other or evidence.source in still:
                self.taken.add(id(announced))
                self.own_words.pop(announced.transaction_id, None)
                fresh = key if key != announced.key else self.free_key(index)
                self.settle(index, DuplicateDecision.UPDATED, evidence, key=fresh, replaces=announced)
                if claim is not None:
                    self._swap(claim, announced)
                return
        self.settle(index, DuplicateDecision.UPDATED, announced, key=key)

    def _may_swap(self, claim: int) -> bool:
        """True for an announced row of this reading that stands where another source has settled an equal one."""
        decision = self.decisions[claim]
        word = decision.replaces if decision is not None else None
        return self.is_pending(self.rows[claim]) and word is not None and word.origin is EvidenceOrigin.OWN

    def _swap(self, claim: int, announced: Evidence) -> None:
        """Let an announced row stand where the one that has posted stood: the other source has them the other way."""
        decision = self.decisions[claim]
        place = replace(announced, origin=EvidenceOrigin.OTHER)
        word = decision.replaces if decision is not None else None
        self.settle(claim, DuplicateDecision.UPDATED, place, key=self.free_key(claim), replaces=word)

    def vanished(self) -> list[Evidence]:
        """Return what this source, or an ended one of its connection, told and what the listing lacks."""
        span = self.reading.listing
        if span is None or not span.is_read:
            return []
        return [
            evidence
            for evidence in self.stored
            if evidence.is_living
            and id(evidence) not in self.taken
            and (evidence.origin is EvidenceOrigin.OWN or evidence.source in self.reading.ended_here)
            and span.holds(evidence)
            and not self.reading.is_older_than(evidence.told_at)
        ]

    def free_key(self, index: int) -> str:
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

    def is_constant(self, name: str) -> bool:
        """True for a text that stands where an id should be, on every row."""
        return len(self.contents.get(name, ())) >= UNTRUSTED_ID_CONTENTS

    def is_listed(self, row: ProviderTransactionData) -> bool:
        """True for a row of which the reading holds all that are like it."""
        span = self.reading.listing
        if span is None or (span.pending_only and not self.is_pending(row)):
            return False
        return span.since <= row.transaction_date and (span.until is None or row.transaction_date <= span.until)

    @staticmethod
    def is_pending(row: ProviderTransactionData) -> bool:
        """True for a row that is announced only."""
        return row.status == "pending"
