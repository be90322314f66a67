"""What would the ledger of one account hold after these readings? (The rules of identity, without a database.)."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

from bursar.domain.evidence import Decision, DuplicateDecision, Evidence, EvidenceOrigin, IdTrust, Reading, Span
from bursar.domain.fingerprints import mark_rows
from bursar.domain.identity import decide
from bursar.domain.transactions import ProviderTransactionData, TransactionStatus


@dataclass(frozen=True, slots=True)
class MemoryRow:
    """A row of the ledger as it stands."""

    id: UUID
    content: ProviderTransactionData
    is_removed: bool = False


class MemoryLedger:
    """One account, kept as the platform keeps it: rows under our ids, and per source the evidence that points at them.

    For the tests of importers and of the rules themselves: `take` does for a reading what an import or a sync does.
    """

    def __init__(self, trust: IdTrust) -> None:
        self.trust = trust
        self.rows: dict[UUID, MemoryRow] = {}
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        """Moves on by a minute with each reading."""
        self.writes = 0
        """How many times a row or a word about one was written."""
        self._evidence: dict[tuple[str, str], Evidence] = {}
        self._ended: set[str] = set()
        self._files: set[str] = set()

    def take(
        self,
        rows: Sequence[ProviderTransactionData],
        *,
        removed: Iterable[str] = (),
        source: str = "source",
        trust: IdTrust | None = None,
        is_file: bool = False,
        listing: Span | None = None,
        unread: Iterable[str] = (),
        as_of: datetime | None = None,
    ) -> list[Decision]:
        """Take one reading of one source; return what each row turned out to be.

        Args:
            rows: in the order of the source.
            removed: ids that the source takes back.
            source: readings of one name have comparable ids.
            trust: of this source, where it is not the ledger's.
            is_file: True for a file: an API that tells otherwise since knows better.
            listing: of which days the rows are all that there are.
            unread: ids of rows that are there and could not be read.
            as_of: when the words were true; None: now.
        """
        self.now += timedelta(minutes=1)
        if is_file:
            self._files.add(source)
        gone = frozenset(removed)
        verdict = decide(
            mark_rows(rows),
            self._seen_from(source),
            Reading(
                trust=trust or self.trust,
                is_file=is_file,
                as_of=as_of,
                listing=listing,
                removed=gone,
                unread=frozenset(unread),
                ended_here=frozenset(self._ended),
            ),
        )
        for decision in verdict.decisions:
            self._apply(decision, source, as_of or self.now)
        for word, transaction_id in verdict.moved:
            self.writes += 1
            place = str(word.source), word.key
            self._evidence[place] = replace(self._evidence[place], transaction_id=transaction_id)
        for double, transaction_id in verdict.merged:
            self._merge(double, transaction_id)
        named = {
            place
            for place, evidence in self._evidence.items()
            if place[0] == source and (place[1] in gone or evidence.provider_transaction_id in gone)
        }
        self._withdraw(named | {(str(one.source), one.key) for one in verdict.vanished}, overrules=not is_file)
        return verdict.decisions

    def end(self, source: str) -> None:
        """End a source: a new consent gives the account's rows new ids."""
        self._ended.add(source)

    def live(self) -> list[MemoryRow]:
        """Return the rows that are not removed."""
        return [row for row in self.rows.values() if not row.is_removed]

    def words(self) -> list[Evidence]:
        """Return everything that any source has said."""
        return list(self._evidence.values())

    def multiset(self) -> Counter[tuple[date, Decimal]]:
        """Return how often each (date, amount) is in the ledger."""
        return Counter((row.content.transaction_date, row.content.amount) for row in self.live())

    def _seen_from(self, source: str) -> list[Evidence]:
        found: list[Evidence] = []
        for place, evidence in sorted(self._evidence.items()):
            row = self.rows[evidence.transaction_id]
            is_settled = row.content.status != "pending" and not row.is_removed
            found.append(replace(evidence, origin=self._origin(place[0], source), row_is_settled=is_settled))
        return found

    def _origin(self, owner: str, source: str) -> EvidenceOrigin:
        if owner == source:
            return EvidenceOrigin.OWN
        if owner in self._ended:
            return EvidenceOrigin.ENDED
        return EvidenceOrigin.FILE if owner in self._files else EvidenceOrigin.OTHER

    def _apply(self, decision: Decision, source: str, told_at: datetime) -> None:
        transaction_id = decision.transaction_id
        if decision.kind in {DuplicateDecision.NEW, DuplicateDecision.ID_REUSED}:
            transaction_id = uuid4()
            self.rows[transaction_id] = MemoryRow(transaction_id, decision.row)
        elif transaction_id is None:
            return
        elif decision.kind in {DuplicateDecision.UPDATED, DuplicateDecision.CORRECTION}:
            self._update(transaction_id, decision.row)
        elif decision.kind is DuplicateDecision.DELETION:
            content = replace(self.rows[transaction_id].content, status=TransactionStatus.CANCELLED.value)
            self.rows[transaction_id] = MemoryRow(transaction_id, content)
        elif not decision.adds_evidence:
            return
        self.writes += 1
        self._keep(decision, transaction_id, source, told_at)

    def _merge(self, double: UUID, into: UUID) -> None:
        self.writes += 1
        for place, evidence in self._evidence.items():
            if evidence.transaction_id == double:
                self._evidence[place] = replace(evidence, transaction_id=into)
        self.rows[double] = replace(self.rows[double], is_removed=True)

    def _update(self, transaction_id: UUID, row: ProviderTransactionData) -> None:
        stored = self.rows[transaction_id]
        status = TransactionStatus(stored.content.status)
        if not stored.is_removed and not status.may_become(TransactionStatus(row.status)):
            row = replace(row, status=status.value)
        self.rows[transaction_id] = MemoryRow(transaction_id, row)

    def _keep(self, decision: Decision, transaction_id: UUID, source: str, told_at: datetime) -> None:
        replaced = decision.replaces
        if replaced is not None and replaced.origin in {EvidenceOrigin.OWN, EvidenceOrigin.ENDED}:
            place = (str(replaced.source), replaced.key)
            is_update = decision.kind is DuplicateDecision.UPDATED or decision.adds_evidence
            if is_update and place != (source, decision.key) and not self._evidence[place].is_superseded:
                self._evidence[place] = replace(self._evidence[place], is_superseded=True, ended_at=self.now)
        known = self._evidence.get((source, decision.key))
        self._evidence[source, decision.key] = Evidence(
            key=decision.key,
            provider_transaction_id=decision.row.provider_transaction_id,
            fingerprint=decision.fingerprint,
            content_hash=decision.content_hash,
            transaction_id=transaction_id,
            amount=decision.row.amount,
            transaction_date=decision.row.transaction_date,
            is_pending=decision.row.status == "pending",
            is_superseded=known is not None and known.is_superseded,
            source=source,
            told_at=told_at,
            ended_at=known.ended_at if known is not None and known.is_superseded else None,
        )
        corrected = decision.row.corrects_transaction_id
        if decision.warning == "correction_unknown" and corrected:
            self._evidence[source, corrected] = replace(
                self._evidence[source, decision.key],
                key=corrected,
                provider_transaction_id=corrected,
                fingerprint=None,
                content_hash=b"",
                is_pending=False,
            )

    def _withdraw(self, places: set[tuple[str, str]], *, overrules: bool) -> None:
        settled: dict[UUID, bool] = {}
        for place in sorted(places):
            evidence = self._evidence[place]
            if not evidence.is_withdrawn:
                self.writes += 1
                self._evidence[place] = replace(evidence, is_withdrawn=True, ended_at=evidence.ended_at or self.now)
                if not evidence.is_superseded:
                    known = settled.get(evidence.transaction_id, False)
                    settled[evidence.transaction_id] = known or not evidence.is_pending
        for transaction_id, was_settled in settled.items():
            words = [p for p, e in self._evidence.items() if e.transaction_id == transaction_id and e.is_living]
            if any(self._holds(place, was_settled=was_settled, overrules=overrules) for place in words):
                continue
            self.rows[transaction_id] = replace(self.rows[transaction_id], is_removed=True)
            for place in words:
                self._evidence[place] = replace(self._evidence[place], is_withdrawn=True, ended_at=self.now)

    def _holds(self, place: tuple[str, str], *, was_settled: bool, overrules: bool) -> bool:
        is_asked = place[0] not in self._files and place[0] not in self._ended
        return not overrules or is_asked or not (was_settled or self._evidence[place].is_pending)
