"""What would the ledger of one account hold after these readings? (The rules of identity, without a database.)."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from uuid import UUID, uuid4

from bursar.domain.evidence import Decision, DuplicateDecision, Evidence, EvidenceOrigin, IdTrust
from bursar.domain.fingerprints import MarkedRows, mark_rows
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
        self._evidence: dict[tuple[str, str], Evidence] = {}
        self._ended: set[str] = set()

    def take(
        self,
        rows: Sequence[ProviderTransactionData],
        *,
        removed: Iterable[str] = (),
        source: str = "source",
    ) -> list[Decision]:
        """Take one reading of one source; return what each row turned out to be.

        Args:
            rows: in the order of the source.
            removed: ids that the source takes back.
            source: readings of one name have comparable ids.
        """
        marked = mark_rows(rows)
        decisions = decide(marked, self._concerned(marked, source), self.trust)
        for decision in decisions:
            self._apply(decision, source)
        self._withdraw(source, set(removed))
        return decisions

    def end(self, source: str) -> None:
        """End a source: a new consent gives the account's rows new ids."""
        self._ended.add(source)

    def live(self) -> list[MemoryRow]:
        """Return the rows that are not removed."""
        return [row for row in self.rows.values() if not row.is_removed]

    def multiset(self) -> Counter[tuple[date, Decimal]]:
        """Return how often each (date, amount) is in the ledger."""
        return Counter((row.content.transaction_date, row.content.amount) for row in self.live())

    def _concerned(self, marked: MarkedRows, source: str) -> list[Evidence]:
        ids, prints = set(marked.ids()), set(marked.fingerprints)
        found: list[Evidence] = []
        for (owner, key), evidence in self._evidence.items():
            origin = EvidenceOrigin.OWN
            if owner != source:
                origin = EvidenceOrigin.ENDED if owner in self._ended else EvidenceOrigin.OTHER
            is_named = owner == source and (key in ids or evidence.provider_transaction_id in ids)
            is_live = not (evidence.is_withdrawn or evidence.is_superseded)
            is_pending = evidence.is_pending and is_live and self.trust is IdTrust.CONTENT
            if is_named or is_pending or evidence.fingerprint in prints:
                row = self.rows[evidence.transaction_id].content
                found.append(replace(evidence, origin=origin, amount=row.amount, transaction_date=row.transaction_date))
        return found

    def _apply(self, decision: Decision, source: str) -> None:
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
        self._keep(decision, transaction_id, source)

    def _update(self, transaction_id: UUID, row: ProviderTransactionData) -> None:
        stored = self.rows[transaction_id]
        status = TransactionStatus(stored.content.status)
        if not stored.is_removed and not status.may_become(TransactionStatus(row.status)):
            row = replace(row, status=status.value)
        self.rows[transaction_id] = MemoryRow(transaction_id, row)

    def _keep(self, decision: Decision, transaction_id: UUID, source: str) -> None:
        replaced = decision.replaces
        if replaced is not None and decision.kind is DuplicateDecision.UPDATED:
            for place, evidence in self._evidence.items():
                is_replaced = evidence.key == replaced.key and evidence.transaction_id == transaction_id
                if is_replaced and place != (source, decision.key):
                    self._evidence[place] = replace(evidence, is_superseded=True)
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

    def _withdraw(self, source: str, keys: set[str]) -> None:
        concerned: set[UUID] = set()
        for place, evidence in self._evidence.items():
            if place[0] == source and place[1] in keys and not evidence.is_withdrawn:
                self._evidence[place] = replace(evidence, is_withdrawn=True)
                concerned.add(evidence.transaction_id)
        for transaction_id in concerned:
            vouched = any(
                evidence.transaction_id == transaction_id and not (evidence.is_withdrawn or evidence.is_superseded)
                for evidence in self._evidence.values()
            )
            if not vouched:
                self.rows[transaction_id] = replace(self.rows[transaction_id], is_removed=True)
