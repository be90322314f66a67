"""Rows that several readings or sources tell in different ways, and that are one."""

from dataclasses import replace
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


class TestEqualRowsOfWhichOneHasMovedSince:
    """Sources that tell only what has changed: the row that stayed is not told again."""

    @pytest.mark.parametrize("amount", ["-3.50", "-4.50"])
    @pytest.mark.parametrize("moved", ["a1", "a2"])
    def test_two_rows_that_two_sources_have_crosswise(self, moved, amount) -> None:
        ledger = MemoryLedger(IdTrust.STABLE)
        ledger.take([row("a1"), row("a2")], source="one")
        ledger.take([row("b1"), row("b2")], source="two")
        before = {one.id for one in ledger.live()}
        there = amount != "-3.50", DAY if amount == "-3.50" else LATE
        ledger.take([row("b1", there[1], amount)], source="two")
        ledger.take([row(moved, there[1], amount)], source="one")
        places = sorted((one.content.transaction_date, one.content.amount) for one in ledger.live())
        assert places == sorted([(LATE, Decimal("-3.50")), (there[1], Decimal(amount))])
        assert {one.id for one in ledger.live()} == before
        assert {len({w.transaction_id for w in ledger.words() if w.source == name}) for name in ("one", "two")} == {2}

    @pytest.mark.parametrize("moved", ["a1", "a2"])
    def test_third_row_that_another_source_told_where_it_has_moved(self, moved) -> None:
        ledger = MemoryLedger(IdTrust.STABLE)
        ledger.take([row("a1"), row("a2")], source="one")
        ledger.take([row("b1", DAY), row("b2")], source="two")
        ledger.take([row(moved, DAY)], source="one")
        assert sorted(one.content.transaction_date for one in ledger.live()) == [DAY, LATE]

    def test_three_sources_agree_in_the_end_and_write_no_more(self) -> None:
        ledger = MemoryLedger(IdTrust.STABLE)
        names, whole = ("one", "two", "three"), Span(since=EARLY)
        for name in names:
            ledger.take([row(f"{name}1"), row(f"{name}2")], source=name, listing=whole)
        then = {"one": ("one2", "one1"), "two": ("two1", "two2"), "three": ("three1", "three2")}
        for name in ("two", "one", "three"):
            ledger.take([row(then[name][0], DAY), row(then[name][1])], source=name, listing=whole)
        writes = ledger.writes
        for name in names * 2:
            ledger.take([row(then[name][0], DAY), row(then[name][1])], source=name, listing=whole)
        assert ledger.writes == writes
        assert sorted(one.content.transaction_date for one in ledger.live()) == [DAY, LATE]


class TestRowThatAnEndedSourceToldWhereThisOnePosts:
    @pytest.fixture
    def ledger(self) -> MemoryLedger:
        """This source announced a row; the other one told it as posted, with a tip, and has ended since."""
        ledger = MemoryLedger(IdTrust.STABLE)
        ledger.take([replace(row("a1"), status="pending")], source="one")
        ledger.take([row("b1", DAY, "-4.20")], source="two")
        ledger.end("two")
        return ledger

    def posted(self) -> ProviderTransactionData:
        return replace(row("a2", DAY, "-4.20"), pending_transaction_id="a1")

    def test_they_are_one(self, ledger) -> None:
        (announced, _) = ledger.live()
        ledger.take([self.posted()], removed=["a1"], source="one")
        assert [(one.id, one.content.amount) for one in ledger.live()] == [(announced.id, Decimal("-4.20"))]

    def test_row_that_this_source_tells_as_well_is_another_one(self, ledger) -> None:
        ledger.take([row("a0", DAY, "-4.20")], source="one")
        ledger.take([self.posted()], removed=["a1"], source="one")
        assert [one.content.amount for one in ledger.live()] == [Decimal("-4.20")] * 2

    def test_row_that_a_living_source_tells_beside_it_is_another_one(self) -> None:
        ledger = MemoryLedger(IdTrust.STABLE)
        ledger.take([row("a1")], source="one")
        ledger.take([row("b2", DAY, "-4.20")], source="two")
        ledger.take([row("c1"), row("c2", DAY, "-4.20")], source="three")
        ledger.end("two")
        ledger.take([row("a1", DAY, "-4.20")], source="one")
        assert [one.content.amount for one in ledger.live()] == [Decimal("-4.20")] * 2

    def test_ended_source_that_told_of_both_knew_two(self) -> None:
        ledger = MemoryLedger(IdTrust.STABLE)
        ledger.take([replace(row("a1"), status="pending")], source="one")
        ledger.take([replace(row("b1"), status="pending"), row("b2", DAY, "-4.20")], source="two")
        ledger.end("two")
        ledger.take([self.posted()], removed=["a1"], source="one")
        assert [one.content.amount for one in ledger.live()] == [Decimal("-4.20")] * 2


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
