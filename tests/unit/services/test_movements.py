"""What moved a ledger balance, and when: rows as they first counted, and each change of what they count."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

from bursar.domain.accounts import AccountType
from bursar.domain.proof import BalanceProof, ProofStatus, prove_balances
from bursar.domain.proof_bounds import ProofObservation
from bursar.services.proof import to_movements
from bursar.storage.balances import RowChange, RowStanding

MONDAY = datetime(2026, 11, 2, 12, tzinfo=UTC)
WEEK = timedelta(days=7)


def proof(balances: list[str], standings: list[RowStanding], changes: list[RowChange]) -> BalanceProof:
    """Prove weekly balances, the first of them on Monday, against rows and their changes."""
    return prove_balances(
        [
            ProofObservation(
                observed_at=MONDAY + week * WEEK,
                on=(MONDAY + week * WEEK).date(),
                date_is_stated=False,
                balance=Decimal(balance),
            )
            for week, balance in enumerate(balances)
        ],
        to_movements(standings, changes),
        account_type=AccountType.CHECKING,
    )


def change(row: UUID, weeks: int, before: str, after: str, *, on: date = date(2026, 10, 30)) -> RowChange:
    return RowChange(row, MONDAY + weeks * WEEK, on, Decimal(before), on, Decimal(after))


def test_a_row_that_was_pending_counts_after_the_balance_that_was_read_meanwhile() -> None:
    row = uuid4()
    standing = RowStanding(row, date(2026, 10, 30), Decimal("-3.66"), MONDAY)
    assert proof(["100", "96.34"], [standing], [change(row, 1, "0", "-3.66")]).status is ProofStatus.PROVEN
    assert proof(["100", "100"], [standing], [change(row, 1, "0", "-3.66")]).gaps[0].amount == Decimal("3.66")


def test_an_amount_that_the_bank_changed_counts_as_it_was_in_older_balances() -> None:
    row = uuid4()
    standing = RowStanding(row, date(2026, 11, 5), Decimal("-11.00"), MONDAY + WEEK)
    assert (
        proof(["100", "90", "89"], [standing], [change(row, 2, "-10.00", "-11.00", on=date(2026, 11, 5))]).status
        is ProofStatus.PROVEN
    )


def test_a_settled_row_that_the_bank_took_back_counted_until_then() -> None:
    row = uuid4()
    standing = RowStanding(row, date(2026, 11, 5), Decimal(0), MONDAY + WEEK)
    history = [change(row, 2, "-10.00", "0", on=date(2026, 11, 5))]
    assert proof(["100", "90", "100"], [standing], history).status is ProofStatus.PROVEN
    # An old list may have told of it when it was gone: then no balance held it. But none held a part of it.
    assert proof(["100", "100", "100"], [standing], history).status is ProofStatus.PROVEN
    assert proof(["100", "95", "100"], [standing], history).status is ProofStatus.GAP


def test_a_pending_row_that_never_settles_moves_nothing() -> None:
    assert to_movements([RowStanding(uuid4(), date(2026, 11, 5), Decimal(0), MONDAY)], []) == []
