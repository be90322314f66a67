"""Rows that several readings or sources tell in different ways, and that are one."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from bursar.domain.evidence import IdTrust, Span
from bursar.domain.transactions import ProviderTransactionData
from bursar.testing import MemoryLedger

EARLY, DAY, LATE = date(2026, 3, 1), date(2026, 3, 4), date(2026, 3, 6)
UNREAD = Span(since=EARLY, is_read=False)


def row(name: str | None, on: date = LATE, amount: str = "-3.50", text: str = "COFFEE") -> ProviderTransactionData:
    return ProviderTransactionData(
        provider_account_id="account",
        provider_transaction_id=name,
        transaction_type="payment",
        subtype="purchase",
        amount=Decimal(amount),
        currency="USD",
        transaction_date=on,
        description=text,
    )


def kinds(decisions: list[Any]) -> list[str]:
    return [decision.kind.value for decision in decisions]


class TestListingWithAnUnreadRow:
    @pytest.fixture
    def ledger(self) -> MemoryLedger:
        ledger = MemoryLedger(IdTrust.STABLE)
        ledger.take([row("a"), row("b", amount="-9.00")], listing=Span(since=EARLY))
        return ledger

    @pytest.mark.parametrize("text", ["COFFEE", "COFFEE CORRECTED"])
    def test_new_ids_are_the_old_rows_and_nothing_is_taken_back(self, ledger, text) -> None:
        (known, _) = ledger.live()
        (decision,) = ledger.take([row("c", text=text)], listing=UNREAD)
        assert decision.transaction_id == known.id
        assert sorted(one.content.amount for one in ledger.live()) == [Decimal("-9.00"), Decimal("-3.50")]

    def test_row_that_is_there_unread_is_not_another_one(self, ledger) -> None:
        assert kinds(ledger.take([row("c")], listing=UNREAD, unread=["a"])) == ["new"]
        assert len(ledger.live()) == 3

    def test_next_whole_listing_takes_back_what_it_lacks(self, ledger) -> None:
        ledger.take([row("c")], listing=UNREAD)
        ledger.take([row("c")], listing=Span(since=EARLY))
        assert [one.content.amount for one in ledger.live()] == [Decimal("-3.50")]


@pytest.mark.parametrize("moved", ["a1", "a2"])
def test_equal_rows_that_two_sources_have_the_other_way_round_change_places(moved) -> None:
    ledger = MemoryLedger(IdTrust.STABLE)
    other = {"a1": "a2", "a2": "a1"}[moved]
    first, second = [row("b1", DAY), row("b2")], [row(moved, DAY), row(other)]
    ledger.take([row("a1"), row("a2")], source="one")
    ledger.take(first, source="two")
    ledger.take(second, source="one")
    assert sorted(one.content.transaction_date for one in ledger.live()) == [DAY, LATE]
    writes = ledger.writes
    ledger.take(first, source="two")
    ledger.take(second, source="one")
    assert ledger.writes == writes


def test_of_equal_rows_of_a_file_that_one_is_taken_which_nobody_tells_otherwise() -> None:
    ledger = MemoryLedger(IdTrust.STABLE)
    start, file = row(None, EARLY, "-1.00"), {"source": "file", "trust": IdTrust.NONE, "is_file": True}
    ledger.take([start, row(None), row(None)], **file)
    ledger.take([row("a0", EARLY, "-1.00"), row("a1"), row("a2")], source="bank")
    ledger.take([row("a1", DAY), row("a2", text="COFFEE CORRECTED")], source="bank")
    ledger.take([start, row(None, DAY), row(None, text="COFFEE CORRECTED")], **file)
    assert sorted(one.content.transaction_date for one in ledger.live()) == [EARLY, DAY, LATE]


def test_changed_row_of_an_ended_source_is_the_one_that_the_file_told_before() -> None:
    ledger = MemoryLedger(IdTrust.STABLE)
    file = {"source": "file", "trust": IdTrust.CONTENT, "is_file": True}
    ledger.take([row("f0", EARLY, "-1.00"), row("f1")], **file)
    ledger.take([row("a0", EARLY, "-1.00"), row("a1")], source="bank")
    ledger.take([row("a1", amount="-3.60")], source="bank")
    ledger.end("bank")
    ledger.take([row("f0", EARLY, "-1.00"), row("f1", amount="-3.60")], **file)
    assert sorted(one.content.amount for one in ledger.live()) == [Decimal("-3.60"), Decimal("-1.00")]


def test_id_that_stands_at_an_equal_row_now_does_not_hold_its_old_one() -> None:
    ledger = MemoryLedger(IdTrust.CONTENT)
    start = row("f0", EARLY, "-1.00")
    ledger.take([start, row("f1"), row("f2", text="03/06 COFFEE")], is_file=True)
    ledger.take([start, row("f1", text="COFFEE CORRECTED"), row("f2")], is_file=True)
    assert sorted(one.content.description for one in ledger.live()) == ["COFFEE", "COFFEE", "COFFEE CORRECTED"]
