"""Is no alarm raised for what may have come and gone between two readings, and one for what stays missing?"""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from uuid import UUID, uuid4

from bursar.domain.accounts import AccountType
from bursar.domain.proof import BalanceProof, ProofStatus, prove_balances
from bursar.domain.proof_bounds import ProofObservation, ProofRow

START = datetime(2026, 3, 2, 12, tzinfo=UTC)


def at(day: float) -> datetime:
    return START + timedelta(days=day)


def read(day: float, balance: str) -> ProofObservation:
    moment = at(day)
    return ProofObservation(
        observed_at=moment, on=moment.date(), date_is_stated=True, balance=Decimal(balance), read_at=moment
    )


def row(on: float, amount: str, seen: float) -> ProofRow:
    return ProofRow(transaction_id=uuid4(), on=at(on).date(), amount=Decimal(amount), first_seen_at=at(seen))


def prove(observations: list[ProofObservation], rows: list[ProofRow]) -> BalanceProof:
    return prove_balances(observations, rows, account_type=AccountType.CHECKING)


def test_balances_that_their_neighbours_pass_over_make_no_gap_and_lasting_ones_do() -> None:
    apart = [read(day, "93") for day in (20, 30, 40)]

    assert prove([read(0, "100"), read(10, "100"), *apart, read(50, "100")], []).status is ProofStatus.PROVEN
    (gap,) = prove([read(0, "100"), read(10, "100"), *apart], []).gaps
    assert gap.amount == Decimal(-7)
    longer = [*apart, read(45, "93")]
    assert len(prove([read(0, "100"), read(10, "100"), *longer, read(50, "100")], []).gaps) == 2


def test_balance_of_a_failed_reading_makes_no_gap_by_itself() -> None:
    first = read(0, "80")
    later = [read(10, "100"), read(20, "90")]
    rows = [row(15, "-10", 20)]

    assert prove([first, *later], rows).status is ProofStatus.GAP
    assert prove([replace(first, is_alone=True), *later], rows).status is ProofStatus.PROVEN


def test_removal_that_is_taken_back_may_never_have_happened() -> None:
    listed = row(5, "-10", 10)
    removed = replace(listed, amount=Decimal(10), first_seen_at=at(20), outside_since=at(10), taken_back_at=at(30))
    returned = replace(listed, first_seen_at=at(30), outside_since=at(10))
    rows = [listed, removed, returned]

    for between in ("90", "100"):
        balances = [read(0, "100"), read(10, "90"), *(read(20 + day, between) for day in range(5)), read(30, "90")]
        assert prove(balances, rows).status is ProofStatus.PROVEN, between


def test_balance_older_than_its_reading_may_lack_rows_that_the_reading_brought() -> None:
    old = replace(read(10, "100"), observed_at=at(9), on=at(9).date())
    before = [read(0, "100"), read(1, "100")]

    assert prove([*before, old], [row(5, "-40", 10)]).status is ProofStatus.PROVEN
    assert prove([*before, replace(old, balance=Decimal(70))], [row(5, "-40", 10)]).status is ProofStatus.GAP


def test_row_missing_among_many_is_told_with_its_amount() -> None:
    random = Random(1)
    posted = sorted((random.random() * 100, random.randint(-9000, 9000)) for _ in range(10_000))
    rows: list[ProofRow] = []
    balances: list[ProofObservation] = []
    balance, place, lost = 0, 0, len(posted) // 2
    for day in range(1, 101):
        while place < len(posted) and posted[place][0] <= day:
            balance += posted[place][1]
            if place != lost:
                rows.append(replace(row(posted[place][0], str(posted[place][1]), day), transaction_id=UUID(int=place)))
            place += 1
        balances.append(read(day, str(balance)))

    (gap,) = prove(balances, rows).gaps

    assert gap.amount == posted[lost][1]
    assert gap.start_on <= at(posted[lost][0]).date() <= gap.end_on
    assert gap.start_on >= date(2026, 3, 2)
