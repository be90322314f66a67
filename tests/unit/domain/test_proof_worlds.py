"""Does the proof end without a false alarm, and with each hidden row's gap, after any life of an account?

Balances are read at random moments; rows are pending, late, back-dated, changed and taken back; many amounts are equal.
Worlds are numbered, so the shares below are exact for this code: a worse method fails, a better one may lower them.
"""

import sys
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from proof_worlds import Exemption, Reader, expected_gaps, make_reader

from bursar.domain.accounts import AccountType
from bursar.domain.proof import BalanceProof, prove_balances

WORLDS = 200


def prove(reader: Reader) -> BalanceProof:
    return prove_balances(reader.observations, reader.rows(), account_type=AccountType.CHECKING)


def decidable(**arguments) -> list[Reader]:
    readers = [make_reader(seed, **arguments) for seed in range(WORLDS)]
    return [reader for reader in readers if not reader.exemptions()]


@pytest.mark.parametrize(
    ("arguments", "alarms"),
    [
        ({}, 0),
        ({"lag_hours": 6}, 0.03),
        ({"lag_hours": 26}, 0.12),
        ({"lag_hours": 6, "rows_lag": True}, 0.09),
    ],
    ids=["balances with rows", "balances hours behind", "balances a day behind", "rows hours behind"],
)
def test_world_without_hidden_rows_ends_without_a_gap(arguments, alarms) -> None:
    readers = decidable(**arguments)

    alarmed = [reader for reader in readers if prove(reader).gaps]

    assert len(readers) > WORLDS / 2
    assert len(alarmed) <= alarms * len(readers)


def test_hidden_row_is_told_and_nearly_always_with_its_amount_and_day() -> None:
    readers = [reader for reader in decidable(hidden=1) if expected_gaps(reader)]
    exact = 0
    for reader in readers:
        (expected,) = expected_gaps(reader)
        gaps = prove(reader).gaps
        assert gaps, "a hidden row is never taken for proven"
        total = sum((gap.amount for gap in gaps), Decimal(0))
        # A balance whose day is not stated may be of the day before or after.
        day = timedelta(days=1)
        exact += total == expected.amount and any(gap.start_on - day <= expected.on <= gap.end_on + day for gap in gaps)

    assert len(readers) > WORLDS / 5
    assert exact >= 0.88 * len(readers)


def test_worlds_hold_every_exemption_that_is_claimed() -> None:
    found = set[Exemption]().union(*(make_reader(seed, hidden=1).exemptions() for seed in range(WORLDS)))

    assert found == set(Exemption)
