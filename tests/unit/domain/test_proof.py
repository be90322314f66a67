"""Do the balances of an account prove its rows, without false alarms and without missing a gap?"""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from uuid import UUID

import pytest

from bursar.domain.accounts import AccountType
from bursar.domain.proof import (
    FETCH_MARGIN_DAYS,
    BalanceProof,
    ProofReason,
    ProofStatus,
    prove_balances,
)
from bursar.domain.proof_bounds import ProofObservation, ProofRow
from bursar.domain.proof_choice import SUBSET_ROWS

_numbers = count(1)
START = date(2026, 3, 2)


def day(number: int) -> date:
    return START + timedelta(days=number)


def at(number: int, hour: int = 12) -> datetime:
    return datetime(START.year, START.month, START.day, tzinfo=UTC) + timedelta(days=number, hours=hour)


def row(on: int, amount: str, *, seen: datetime | None = None) -> ProofRow:
    return ProofRow(
        transaction_id=UUID(int=next(_numbers)), on=day(on), amount=Decimal(amount), first_seen_at=seen or at(on, 20)
    )


def stated(on: int, balance: str, *, hour: int = 23) -> ProofObservation:
    return ProofObservation(observed_at=at(on, hour), on=day(on), date_is_stated=True, balance=Decimal(balance))


def read(on: int, balance: str, *, hour: int = 12) -> ProofObservation:
    return ProofObservation(observed_at=at(on, hour), on=day(on), date_is_stated=False, balance=Decimal(balance))


def prove(
    observations: list[ProofObservation], rows: list[ProofRow], kind: AccountType = AccountType.CHECKING
) -> BalanceProof:
    return prove_balances(observations, rows, account_type=kind)


def test_rows_between_two_balances_that_add_up_are_proven() -> None:
    proof = prove([stated(0, "100.00"), stated(10, "70.50")], [row(3, "-40.00"), row(7, "10.50")])

    assert proof.status is ProofStatus.PROVEN
    assert proof.reason is None
    assert proof.gaps == ()
    (segment,) = proof.segments
    assert (segment.opening, segment.rows_total, segment.closing) == (
        Decimal("100.00"),
        Decimal("-29.50"),
        Decimal("70.50"),
    )
    assert segment.is_proven


def test_missing_row_is_a_gap_with_its_amount_its_dates_and_a_window_to_read_again() -> None:
    proof = prove(
        [stated(0, "100"), stated(10, "60"), stated(20, "75"), stated(30, "80")],
        [row(5, "-40"), row(12, "30"), row(25, "5")],
    )

    (gap,) = proof.gaps
    assert proof.status is ProofStatus.GAP
    assert (gap.start_on, gap.end_on, gap.amount) == (day(10), day(20), Decimal(-15))
    assert gap.suggested_fetch_start == day(10 - FETCH_MARGIN_DAYS)
    assert gap.suggested_fetch_end == day(20 + FETCH_MARGIN_DAYS)


def test_days_outside_balances_are_unproven_and_days_of_a_gap_are_marked() -> None:
    proof = prove(
        [stated(10, "100"), stated(12, "90"), stated(14, "50"), stated(16, "50")],
        [row(1, "7"), row(11, "-10"), row(18, "3")],
    )

    assert [(days.start_on, days.end_on, days.status) for days in proof.days] == [
        (day(1), day(9), ProofStatus.UNPROVEN),
        (day(10), day(11), ProofStatus.PROVEN),
        (day(12), day(14), ProofStatus.GAP),
        (day(15), day(16), ProofStatus.PROVEN),
        (day(17), day(18), ProofStatus.UNPROVEN),
    ]
    assert proof.status_on(day(13)) is ProofStatus.GAP
    assert proof.status_on(day(11)) is ProofStatus.PROVEN
    assert proof.status_on(day(400)) is ProofStatus.UNPROVEN


def test_first_balance_implies_what_stood_before_the_oldest_row() -> None:
    proof = prove([stated(5, "120"), stated(6, "120")], [row(1, "50"), row(4, "-30")])

    assert proof.implied_opening == Decimal(100)


def test_rows_after_the_last_balance_are_a_computed_tail() -> None:
    proof = prove([stated(0, "10"), stated(1, "10")], [row(2, "2.50"), row(3, "-1")])

    assert proof.tail is not None
    assert (proof.tail.start_on, proof.tail.row_count) == (day(1), 2)
    assert (proof.tail.rows_total, proof.tail.computed_balance) == (Decimal("1.50"), Decimal("11.50"))


@pytest.mark.parametrize("kind", [AccountType.BROKERAGE, AccountType.ROTH_IRA, AccountType.CRYPTO])
def test_account_whose_value_moves_by_prices_is_not_applicable(kind: AccountType) -> None:
    proof = prove([stated(0, "100"), stated(1, "117")], [], kind)

    assert proof.status is ProofStatus.NOT_APPLICABLE
    assert proof.reason is ProofReason.VALUE_MOVES_BY_PRICES
    assert proof.status_on(day(0)) is ProofStatus.NOT_APPLICABLE


def test_single_balance_proves_nothing_and_says_why() -> None:
    proof = prove([stated(4, "50")], [row(2, "20"), row(6, "1")])

    assert proof.status is ProofStatus.UNPROVEN
    assert proof.reason is ProofReason.TOO_FEW_BALANCES
    assert proof.implied_opening == Decimal(30)
    assert proof.tail is not None
    assert proof.tail.computed_balance == Decimal(51)
    assert [days.status for days in proof.days] == [ProofStatus.UNPROVEN]


def test_account_without_balances_is_unproven_without_figures() -> None:
    proof = prove([], [row(2, "20")])

    assert proof.status is ProofStatus.UNPROVEN
    assert (proof.implied_opening, proof.tail) == (None, None)
    assert prove([], []).days == ()


def test_repeated_balance_of_one_day_counts_once() -> None:
    proof = prove([read(3, "50", hour=8), read(3, "50", hour=18)], [])

    assert proof.status is ProofStatus.UNPROVEN
    assert prove([read(3, "50"), read(4, "50")], []).status is ProofStatus.PROVEN


def test_balance_read_between_the_rows_of_its_day_raises_no_alarm() -> None:
    rows = [row(5, "-10", seen=at(5, 9)), row(5, "-20", seen=at(5, 15)), row(5, "-30", seen=at(5, 21))]

    for balance in ("100", "90", "70", "40"):
        proof = prove([stated(0, "100"), stated(5, balance, hour=16), stated(9, "40")], rows)
        assert proof.status is ProofStatus.PROVEN, balance


def test_balance_whose_date_is_derived_may_be_a_day_off_but_not_two() -> None:
    rows = [row(5, "-10", seen=at(5, 3))]

    assert prove([read(3, "100"), read(4, "90"), read(9, "90")], rows).status is ProofStatus.PROVEN
    assert prove([stated(3, "100"), stated(4, "90"), stated(9, "90")], rows).status is ProofStatus.GAP
    assert prove([read(2, "100"), read(3, "90"), read(9, "90")], rows).status is ProofStatus.GAP


def test_statement_of_a_day_and_a_reading_before_its_end_may_stand_in_either_order() -> None:
    # Read at one in the night UTC, when the institution's day was not over; its statement of that day has the last row.
    observations = [stated(2, "100"), read(5, "100", hour=1), stated(4, "90")]

    assert prove(observations, [row(4, "-10", seen=at(6))]).status is ProofStatus.PROVEN


def test_readings_whose_dates_and_instants_disagree_may_stand_in_either_order() -> None:
    earlier = replace(read(6, "100"), observed_at=at(5, 20))
    later = replace(read(5, "90"), observed_at=at(5, 23))

    assert prove([stated(0, "100"), earlier, later], [row(5, "-10")]).status is ProofStatus.PROVEN


def test_statements_read_weeks_later_in_the_wrong_order_raise_no_alarm() -> None:
    rows = [row(5, "-10", seen=at(5, 9)), row(5, "-20", seen=at(5, 15))]
    closing = replace(stated(5, "70"), observed_at=at(30, 1))
    morning = replace(stated(5, "90"), observed_at=at(30, 2))

    assert prove([stated(0, "100"), closing, morning], rows).status is ProofStatus.PROVEN


def test_younger_balance_of_a_day_does_not_stand_before_an_older_one() -> None:
    rows = [row(5, "-10", seen=at(5, 9)), row(5, "-20", seen=at(5, 15))]

    assert prove([stated(0, "100"), stated(5, "70", hour=12), stated(5, "90", hour=18)], rows).gaps != ()


def test_late_row_closes_the_gap_that_its_absence_made() -> None:
    observations = [stated(0, "100"), stated(10, "60"), stated(20, "60")]
    late = row(4, "-25", seen=at(30))

    assert prove(observations, [row(5, "-15")]).gaps[0].amount == Decimal(-25)
    assert prove(observations, [row(5, "-15"), late]).status is ProofStatus.PROVEN


def test_late_row_of_a_day_read_at_noon_is_explained_once_the_next_balance_agrees() -> None:
    # Posted in the morning, delivered a week later; the other row of the day was posted after noon and seen at once.
    late, prompt = row(5, "-25", seen=at(12)), row(5, "-40", seen=at(5, 18))
    noon, later = stated(5, "75", hour=12), stated(5, "75", hour=14)
    wrong = stated(5, "76", hour=14)

    assert prove([stated(0, "100"), noon, later, stated(9, "35")], [late, prompt]).status is ProofStatus.PROVEN
    assert prove([stated(0, "100"), noon, wrong, stated(9, "35")], [late, prompt]).status is ProofStatus.GAP


def test_balance_out_of_line_among_too_many_rows_stays_a_gap() -> None:
    rows = [row(5, f"-{2**power}", seen=at(5, 18)) for power in range(SUBSET_ROWS + 1)]

    def out_of_line(entries: list[ProofRow]) -> BalanceProof:
        """Prove a noon balance that only the last row explains."""
        closing = 1000 + sum(entry.amount for entry in entries)
        noon = stated(5, str(1000 + entries[-1].amount), hour=12)
        return prove([stated(0, "1000"), noon, stated(9, str(closing))], entries)

    assert out_of_line(rows[:SUBSET_ROWS]).status is ProofStatus.PROVEN
    assert out_of_line(rows).status is ProofStatus.GAP


def test_position_that_makes_the_smallest_gap_is_chosen_when_none_closes() -> None:
    rows = [row(5, "-10", seen=at(5, 9)), row(5, "-20", seen=at(5, 15))]

    proof = prove([stated(0, "100"), stated(5, "68", hour=12)], rows)

    assert [gap.amount for gap in proof.gaps] == [Decimal(-2)]


def test_first_sighting_decides_between_positions_that_explain_equally_well() -> None:
    rows = [row(5, "-10", seen=at(5, 9)), row(5, "-20", seen=at(5, 15))]

    proof = prove([stated(5, "70", hour=12)], rows)

    assert proof.implied_opening == Decimal(80)
    assert proof.tail is not None
    assert proof.tail.rows_total == Decimal(-20)


def test_amounts_of_any_scale_are_exact() -> None:
    tiny = "0.000000000000000001"
    rows = [row(1, tiny), row(2, "99999999999999999999.99")]

    proof = prove([stated(0, "0"), stated(3, "99999999999999999999.990000000000000001")], rows)
    off = prove([stated(0, "0"), stated(3, "99999999999999999999.99")], rows)

    assert proof.status is ProofStatus.PROVEN
    assert off.gaps[0].amount == Decimal("-" + tiny)


def test_day_with_more_rows_than_positions_tried_is_still_answered() -> None:
    rows = [row(5, "-1", seen=at(5, 6)) for _ in range(2500)]

    proof = prove([stated(0, "5000"), stated(5, "2500", hour=12), stated(9, "2500")], rows)

    assert proof.status is ProofStatus.PROVEN
