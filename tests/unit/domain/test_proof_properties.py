"""Does the balance proof hold for every ledger, every moment of reading and every loss?"""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from random import Random
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from bursar.domain.accounts import AccountType
from bursar.domain.proof import BalanceProof, ProofStatus, prove_balances
from bursar.domain.proof_bounds import ProofObservation, ProofRow

EPOCH = datetime(2026, 1, 5, tzinfo=UTC)
AMOUNTS = st.integers(-50_000, 50_000).map(lambda cents: Decimal(cents).scaleb(-2))


def prove(observations: list[ProofObservation], rows: list[ProofRow]) -> BalanceProof:
    return prove_balances(observations, rows, account_type=AccountType.CHECKING)


@dataclass(frozen=True)
class Bank:
    """The truth: when each row was posted, and how far the institution's clock is from UTC."""

    opening: Decimal
    postings: list[tuple[datetime, Decimal]]
    zone: timedelta
    readings: list[tuple[datetime, bool]]

    def balance(self, instant: datetime) -> Decimal:
        return sum((amount for posted, amount in self.postings if posted <= instant), self.opening)

    def observations(self) -> list[ProofObservation]:
        return [
            ProofObservation(
                observed_at=instant,
                on=(instant + self.zone).date() if is_stated else instant.date(),
                date_is_stated=is_stated,
                balance=self.balance(instant),
            )
            for instant, is_stated in self.readings
        ]

    def rows(self) -> list[ProofRow]:
        """Every row as the first reading after its posting sees it."""
        instants = sorted(instant for instant, _ in self.readings)
        return [
            ProofRow(
                transaction_id=UUID(int=index),
                on=(posted + self.zone).date(),
                amount=amount,
                first_seen_at=next((instant for instant in instants if instant >= posted), EPOCH + timedelta(days=99)),
            )
            for index, (posted, amount) in enumerate(self.postings)
        ]


MOMENTS = st.integers(0, 12 * 24 * 12).map(lambda steps: EPOCH + timedelta(minutes=5 * steps))
BANKS = st.builds(
    Bank,
    opening=AMOUNTS,
    postings=st.lists(st.tuples(MOMENTS, AMOUNTS), max_size=40),
    zone=st.integers(-23, 23).map(lambda halves: timedelta(minutes=30 * halves)),
    readings=st.lists(st.tuples(MOMENTS, st.booleans()), max_size=15),
)


@given(BANKS)
def test_true_balances_at_any_moment_never_raise_an_alarm(bank: Bank) -> None:
    proof = prove(bank.observations(), bank.rows())

    assert proof.gaps == ()
    assert proof.status in {ProofStatus.PROVEN, ProofStatus.UNPROVEN}


@given(BANKS, st.randoms(use_true_random=False))
def test_order_of_inputs_does_not_matter(bank: Bank, random: Random) -> None:
    observations, rows = bank.observations(), bank.rows()
    expected = prove(observations, rows[1:])
    random.shuffle(observations)
    kept = rows[1:]
    random.shuffle(kept)

    assert prove(observations, kept) == expected


@dataclass(frozen=True)
class Statements:
    """A ledger whose balances are stated for the end of days."""

    rows: list[ProofRow]
    observations: list[ProofObservation]


@st.composite
def statements(draw: st.DrawFn, *, quiet: bool = False) -> Statements:
    """Draw a ledger; when quiet, no row is booked on the day of a statement and one at least stands between two."""
    start = date(2026, 1, 5)
    days = sorted(draw(st.sets(st.integers(-1, 31).map(lambda day: 2 * day), min_size=2, max_size=8)))
    booking_days = st.integers(0, 30).map(lambda day: 2 * day + 1) if quiet else st.integers(0, 60)
    offsets = draw(st.lists(st.tuples(booking_days, AMOUNTS.filter(bool)), min_size=1, max_size=30))
    if quiet:
        offsets.append((draw(st.integers(days[0] // 2, days[-1] // 2 - 1)) * 2 + 1, draw(AMOUNTS.filter(bool))))
    rows = [
        ProofRow(
            transaction_id=UUID(int=index),
            on=start + timedelta(days=offset),
            amount=amount,
            first_seen_at=EPOCH + timedelta(days=90, minutes=draw(st.integers(0, 3))),
        )
        for index, (offset, amount) in enumerate(offsets)
    ]
    observations = [
        ProofObservation(
            observed_at=EPOCH + timedelta(days=day, hours=23),
            on=start + timedelta(days=day),
            date_is_stated=True,
            balance=sum((row.amount for row in rows if row.on <= start + timedelta(days=day)), Decimal(1000)),
        )
        for day in days
    ]
    return Statements(rows, observations)


def between(ledger: Statements) -> list[int]:
    """Return the rows that stand between two statements."""
    first, last = ledger.observations[0].on, ledger.observations[-1].on
    return [index for index, row in enumerate(ledger.rows) if first < row.on < last]


@given(statements(quiet=True), st.data())
def test_lost_row_is_a_gap_of_exactly_its_amount_until_it_comes_back(ledger: Statements, data: st.DataObject) -> None:
    lost = data.draw(st.sampled_from(between(ledger)))
    rows = [row for index, row in enumerate(ledger.rows) if index != lost]

    proof = prove(ledger.observations, rows)

    (gap,) = proof.gaps
    assert gap.amount == ledger.rows[lost].amount
    assert gap.start_on < ledger.rows[lost].on < gap.end_on
    assert proof.status_on(ledger.rows[lost].on) is ProofStatus.GAP
    late = replace(ledger.rows[lost], first_seen_at=EPOCH + timedelta(days=400))
    assert prove(ledger.observations, [*rows, late]).status is ProofStatus.PROVEN


@given(statements(quiet=True), st.data())
def test_doubled_row_is_a_gap_of_exactly_its_amount_taken_back(ledger: Statements, data: st.DataObject) -> None:
    doubled = ledger.rows[data.draw(st.sampled_from(between(ledger)))]

    proof = prove(ledger.observations, [*ledger.rows, replace(doubled, transaction_id=UUID(int=10**6))])

    (gap,) = proof.gaps
    assert gap.amount == -doubled.amount
    assert gap.start_on < doubled.on < gap.end_on


@given(statements())
def test_figures_of_a_proof_add_up(ledger: Statements) -> None:
    proof = prove(ledger.observations, ledger.rows[1:])

    for segment in proof.segments:
        assert segment.opening + segment.rows_total + segment.gap == segment.closing
    assert proof.implied_opening is not None
    assert proof.tail is not None
    total = sum((row.amount for row in ledger.rows[1:]), Decimal(0))
    gaps = sum((gap.amount for gap in proof.gaps), Decimal(0))
    assert proof.implied_opening + total + gaps == proof.tail.computed_balance
    for before, after in pairwise(proof.days):
        assert after.start_on == before.end_on + timedelta(days=1)
        assert before.status is not after.status
