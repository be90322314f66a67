"""Each rule of identity by its name, on the smallest case that needs it."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from bursar.domain.evidence import DuplicateDecision, EvidenceOrigin, IdTrust
from bursar.domain.transactions import ProviderTransactionData
from bursar.testing import MemoryLedger

DAY = date(2026, 3, 2)


def row(
    name: str | None = "id-1", amount: str = "-3.50", text: str = "COFFEE", **members: Any
) -> ProviderTransactionData:
    return ProviderTransactionData(
        provider_account_id="account",
        provider_transaction_id=name,
        transaction_type="payment",
        subtype="purchase",
        amount=Decimal(amount),
        currency="USD",
        transaction_date=members.pop("on", DAY),
        description=text,
        **members,
    )


def kinds(decisions: list[Any]) -> list[str]:
    return [decision.kind.value for decision in decisions]


@pytest.fixture
def stable() -> MemoryLedger:
    return MemoryLedger(IdTrust.STABLE)


@pytest.fixture
def content() -> MemoryLedger:
    return MemoryLedger(IdTrust.CONTENT)


@pytest.fixture
def none() -> MemoryLedger:
    return MemoryLedger(IdTrust.NONE)


class TestStableIds:
    def test_same_id_same_content_is_a_duplicate(self, stable) -> None:
        stable.take([row()])
        assert kinds(stable.take([row()])) == ["duplicate"]

    def test_same_id_other_content_is_an_edit_of_the_row(self, stable) -> None:
        stable.take([row()])
        (before,) = stable.live()
        assert kinds(stable.take([row(amount="-4.00", on=DAY + timedelta(days=1))])) == ["updated"]
        (after,) = stable.live()
        assert (after.id, after.content.amount) == (before.id, Decimal("-4.00"))

    def test_other_ids_with_equal_content_are_two_rows(self, stable) -> None:
        assert kinds(stable.take([row("a"), row("b")])) == ["new", "new"]
        assert kinds(stable.take([row("c")])) == ["new"]

    def test_linked_pending_row_posts_under_its_id(self, stable) -> None:
        stable.take([row("p", status="pending")])
        (before,) = stable.live()
        posted = row("s", "-4.20", "COFFEE AND TIP", pending_transaction_id="p", on=DAY + timedelta(days=2))
        assert kinds(stable.take([posted], removed=["p"])) == ["updated"]
        (after,) = stable.live()
        assert (after.id, after.content) == (before.id, posted)

    def test_pending_row_that_was_removed_before_it_posts_comes_back_under_its_id(self, stable) -> None:
        stable.take([row("p", status="pending")])
        (before,) = stable.live()
        stable.take([], removed=["p"])
        assert stable.live() == []
        stable.take([row("s", pending_transaction_id="p")])
        assert [one.id for one in stable.live()] == [before.id]

    def test_pending_row_told_again_after_it_posted_changes_nothing(self, stable) -> None:
        pending, posted = row("p", status="pending"), row("s", pending_transaction_id="p")
        stable.take([pending])
        stable.take([posted], removed=["p"])
        before = stable.live()
        assert kinds(stable.take([pending])) == ["duplicate"]
        stable.take([], removed=["p"])
        assert stable.live() == before

    def test_settled_row_does_not_become_pending_again(self, stable) -> None:
        stable.take([row()])
        stable.take([row(status="pending")])
        assert [one.content.status for one in stable.live()] == ["settled"]

    def test_removed_row_that_is_told_again_is_the_same_row(self, stable) -> None:
        stable.take([row()])
        (before,) = stable.live()
        stable.take([], removed=["id-1"])
        assert stable.live() == []
        assert kinds(stable.take([row()])) == ["updated"]
        assert [one.id for one in stable.live()] == [before.id]

    def test_new_consent_with_new_ids_finds_the_rows_by_content(self, stable) -> None:
        stable.take([row("a"), row("b"), row("c", "-9.00")])
        before = {one.id for one in stable.live()}
        stable.end("source")
        assert kinds(stable.take([row("x"), row("y"), row("z", "-9.00")], source="new consent")) == ["updated"] * 3
        assert {one.id for one in stable.live()} == before

    def test_row_that_only_the_new_consent_tells_is_new(self, stable) -> None:
        stable.take([row("a")])
        stable.end("source")
        assert sorted(kinds(stable.take([row("x"), row("y")], source="new consent"))) == ["new", "updated"]


class TestIdsThatCountWithTheirContent:
    def test_same_id_same_content_is_a_duplicate(self, content) -> None:
        content.take([row()])
        assert kinds(content.take([row()])) == ["duplicate"]

    def test_exact_repeat_inside_one_file_is_one_row(self, content) -> None:
        assert kinds(content.take([row(), row()])) == ["new", "duplicate"]
        assert kinds(content.take([row(), row()])) == ["duplicate", "duplicate"]
        assert len(content.live()) == 1

    def test_same_id_other_amount_is_another_row_and_a_person_is_told(self, content) -> None:
        content.take([row()])
        (decision,) = content.take([row(amount="-0.10", text="FOREIGN FEE")])
        assert (decision.kind, decision.warning) == (DuplicateDecision.ID_REUSED, "id_reused")
        assert decision.key.startswith("id-1~")
        assert len(content.live()) == 2

    def test_rows_that_share_an_id_are_duplicates_the_next_time(self, content) -> None:
        pair = [row(), row(amount="-0.10", text="FOREIGN FEE")]
        content.take(pair)
        assert kinds(content.take(pair)) == ["duplicate", "duplicate"]
        assert kinds(content.take(pair[::-1])) == ["duplicate", "duplicate"]

    def test_same_id_same_day_and_amount_with_other_text_is_an_edited_text(self, content) -> None:
        content.take([row(text="COFFEE SHO")])
        assert kinds(content.take([row(text="COFFEE SHOP BERLIN")])) == ["updated"]
        assert [one.content.description for one in content.live()] == ["COFFEE SHOP BERLIN"]

    def test_pending_row_posts_under_the_same_id(self, content) -> None:
        content.take([row(status="pending")])
        (before,) = content.live()
        assert kinds(content.take([row(amount="-4.00", on=DAY + timedelta(days=1))])) == ["updated"]
        assert [one.id for one in content.live()] == [before.id]

    def test_unlinked_pending_row_posts_when_only_one_fits(self, content) -> None:
        content.take([row("p", status="pending")])
        (before,) = content.live()
        assert kinds(content.take([row("s", text="COFFEE SHOP", on=DAY + timedelta(days=3))])) == ["updated"]
        assert [one.id for one in content.live()] == [before.id]

    @pytest.mark.parametrize("days", [-1, 11])
    def test_unlinked_pending_row_of_another_time_is_left_alone(self, content, days) -> None:
        content.take([row("p", status="pending")])
        assert kinds(content.take([row("s", text="SHOP", on=DAY + timedelta(days=days))])) == ["new"]

    def test_two_pending_rows_that_fit_are_never_guessed_between(self, content) -> None:
        content.take([row("p", status="pending", text="A"), row("q", status="pending", text="B")])
        assert kinds(content.take([row("s", text="C", on=DAY + timedelta(days=3))])) == ["new"]

    def test_renumbered_rows_are_recognised_and_told(self, content) -> None:
        content.take([row("1", "-1.00", "A"), row("2", "-2.00", "B")])
        before = {one.content.amount: one.id for one in content.live()}
        later = [row("1", "-3.00", "EARLIER THAT DAY"), row("2", "-1.00", "A"), row("3", "-2.00", "B")]
        decisions = content.take(later)
        assert kinds(decisions) == ["id_reused", "updated", "updated"]
        assert {decision.warning for decision in decisions[1:]} == {"id_renumbered"}
        after = {one.content.amount: one.id for one in content.live()}
        assert {amount: after[amount] for amount in before} == before
        assert kinds(content.take(later)) == ["duplicate"] * 3

    def test_rows_without_an_id_are_counted(self, content) -> None:
        assert kinds(content.take([row(None), row(None)])) == ["new", "new"]
        assert kinds(content.take([row(None), row(None), row(None)])) == ["duplicate", "duplicate", "new"]
        assert len(content.live()) == 3

    def test_row_without_an_id_is_the_one_that_was_told_with_an_id(self, content) -> None:
        content.take([row("a")])
        assert kinds(content.take([row(None)])) == ["duplicate"]

    def test_row_with_two_numbers_is_counted_once(self, content) -> None:
        content.take([row("a")])
        assert kinds(content.take([row("a", "-9.00", "OTHER"), row("b")])) == ["id_reused", "updated"]
        assert kinds(content.take([row(None), row(None)])) == ["duplicate", "new"]

    def test_constant_id_tells_nothing(self, content) -> None:
        rows = [row("0000", f"-{n}.00", f"TEXT {n}") for n in range(1, 5)]
        content.take(rows)
        assert len(content.live()) == 4
        assert kinds(content.take(rows)) == ["duplicate"] * 4
        assert kinds(content.take(rows[::-1])) == ["duplicate"] * 4

    def test_correction_replaces_the_row_that_it_names(self, content) -> None:
        content.take([row("a", "-10.00")])
        (before,) = content.live()
        fix = row("b", "-12.00", corrects_transaction_id="a", correction="replace")
        assert kinds(content.take([fix])) == ["correction"]
        assert [(one.id, one.content.amount) for one in content.live()] == [(before.id, Decimal("-12.00"))]
        assert kinds(content.take([fix])) == ["duplicate"]

    def test_deletion_cancels_the_row_that_it_names(self, content) -> None:
        content.take([row("a", "-10.00")])
        gone = row("b", "-10.00", corrects_transaction_id="a", correction="delete")
        assert kinds(content.take([gone])) == ["deletion"]
        assert [one.content.status for one in content.live()] == ["cancelled"]

    def test_correction_of_an_unknown_row_is_kept_and_told(self, content) -> None:
        fix = row("b", "-12.00", corrects_transaction_id="a", correction="replace")
        (decision,) = content.take([fix])
        assert (decision.kind, decision.warning) == (DuplicateDecision.NEW, "correction_unknown")

    def test_original_that_arrives_after_its_correction_adds_nothing(self, content) -> None:
        content.take([row("b", "-12.00", corrects_transaction_id="a", correction="replace")])
        assert kinds(content.take([row("a", "-10.00")])) == ["duplicate"]
        assert [one.content.amount for one in content.live()] == [Decimal("-12.00")]

    def test_corrected_original_in_an_older_file_changes_nothing(self, content) -> None:
        original = row("a", "-10.00")
        content.take([original])
        content.take([row("b", "-12.00", corrects_transaction_id="a", correction="replace")])
        before = content.live()
        assert kinds(content.take([original])) == ["duplicate"]
        assert content.live() == before


class TestIdsThatMeanNothing:
    def test_rows_are_counted_by_content_whatever_their_ids(self, none) -> None:
        assert kinds(none.take([row("a"), row("b")])) == ["new", "new"]
        assert kinds(none.take([row("x"), row("y")])) == ["duplicate", "duplicate"]
        assert kinds(none.take([row("x"), row("y"), row("z")])) == ["duplicate", "duplicate", "new"]


class TestFilesOfWholeDays:
    """A file holds all of a day, but for the one that it begins with."""

    def test_rows_whose_ids_are_new_in_every_file_are_the_same_rows(self, content) -> None:
        days = [DAY, DAY + timedelta(days=1), DAY + timedelta(days=2)]
        content.take([row(f"a{day}", on=day) for day in days], is_file=True)
        before = [each.id for each in content.live()]
        second = content.take([row(f"b{day}", on=day) for day in days], is_file=True)
        assert {(one.kind.value, one.warning) for one in second} == {("updated", "id_renumbered")}
        assert [each.id for each in content.live()] == before
        assert kinds(content.take([row(f"b{day}", on=day) for day in days], is_file=True)) == ["duplicate"] * 3
        assert kinds(content.take([row(f"a{day}", on=day) for day in days], is_file=True)) == ["duplicate"] * 3

    def test_second_coffee_of_the_day_that_a_file_begins_with_is_a_second_coffee(self, content) -> None:
        content.take([row("a")], is_file=True)
        assert kinds(content.take([row("b"), row("c", "-9.00", on=DAY + timedelta(days=1))], is_file=True)) == [
            "new",
            "new",
        ]

    def test_one_known_id_shows_that_a_file_keeps_its_ids(self, content) -> None:
        later = DAY + timedelta(days=1)
        content.take([row("a"), row("b", on=later), row("c", "-9.00", on=later)], is_file=True)
        decisions = content.take([row("a"), row("x", on=later), row("c", "-9.00", on=later)], is_file=True)
        assert kinds(decisions) == ["duplicate", "new", "duplicate"]

    def test_row_without_an_id_in_other_words_is_the_one_of_its_day_and_amount(self, content) -> None:
        later = DAY + timedelta(days=1)
        content.take([row(None, "-1.00"), row(None, text="COFFEE SHOP", on=later)], is_file=True)
        decisions = content.take([row(None, "-1.00"), row(None, text="03/03 COFFEE SHOP", on=later)], is_file=True)
        assert kinds(decisions) == ["duplicate", "updated"]

    def test_row_that_an_api_tells_of_where_its_bank_has_moved_it_is_not_doubled_by_a_file(self, content) -> None:
        first, second, third = (DAY + timedelta(days=days) for days in (0, 1, 2))
        content.take([row(None, "-1.00", on=first), row(None, on=third)], is_file=True, source="file")
        content.take([row("api", on=third)], source="api", trust=IdTrust.STABLE)
        content.take([row("api", on=second)], source="api", trust=IdTrust.STABLE)
        content.take(
            [row(None, "-1.00", on=first), row(None, on=second), row(None, "-2.00", on=third)],
            is_file=True,
            source="file",
        )
        assert sorted((each.content.transaction_date, each.content.amount) for each in content.live()) == [
            (first, Decimal("-1.00")),
            (second, Decimal("-3.50")),
            (third, Decimal("-2.00")),
        ]


class TestOtherSources:
    def test_row_of_another_living_source_is_the_same_row_whatever_its_id(self, content) -> None:
        content.take([row("api")], source="api")
        (decision,) = content.take([row("file")], source="file")
        assert (decision.kind, decision.adds_evidence) == (DuplicateDecision.DUPLICATE, True)
        assert kinds(content.take([row("file"), row("second")], source="file")) == ["duplicate", "new"]

    def test_row_without_an_id_gains_the_word_of_the_second_source(self, content) -> None:
        content.take([row("api")], source="api")
        (decision,) = content.take([row(None)], source="file")
        assert (decision.kind, decision.adds_evidence) == (DuplicateDecision.DUPLICATE, True)
        content.take([], removed=["api"], source="api")
        assert len(content.live()) == 1

    def test_origins_are_these(self) -> None:
        assert EvidenceOrigin.values() == ["own", "ended", "file", "other"]
