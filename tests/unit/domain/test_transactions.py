"""Which pairs, moves and signs of transactions are allowed?"""

from decimal import Decimal
from itertools import product

import pytest

from bursar.domain.transactions import (
    ALLOWED_SUBTYPES,
    TransactionStatus,
    TransactionSubtype,
    TransactionType,
    has_expected_sign,
)

PENDING, SETTLED, FAILED, CANCELLED = TransactionStatus


def test_every_type_has_subtypes_and_every_subtype_one_type() -> None:
    assert sorted(ALLOWED_SUBTYPES) == sorted(TransactionType.values())
    listed = [subtype for subtypes in ALLOWED_SUBTYPES.values() for subtype in subtypes]
    assert sorted(listed) == sorted(TransactionSubtype.values())


@pytest.mark.parametrize(
    ("kind", "subtype"),
    [
        ("trade", "buy"),
        ("trade", "spinoff"),
        ("transfer", "direct_deposit"),
        ("income", "return_of_capital"),
        ("fee", "interest_charge"),
        ("payment", "direct_debit"),
        ("other", "other"),
        ("other", "journal"),
    ],
)
def test_pair_is_allowed(kind: str, subtype: str) -> None:
    assert subtype in ALLOWED_SUBTYPES[kind]


@pytest.mark.parametrize(
    ("kind", "subtype"), [("trade", "dividend"), ("payment", "buy"), ("income", "interest_charge"), ("fee", "other")]
)
def test_pair_is_not_allowed(kind: str, subtype: str) -> None:
    assert subtype not in ALLOWED_SUBTYPES[kind]


def test_fallbacks_make_an_allowed_pair() -> None:
    kind, subtype = TransactionType("no such type"), TransactionSubtype("no such subtype")

    assert subtype in ALLOWED_SUBTYPES[kind]


def test_status_moves_forward_only() -> None:
    moves = {(before, after) for before, after in product(TransactionStatus, repeat=2) if before.may_become(after)}

    assert moves - {(status, status) for status in TransactionStatus} == {
        (PENDING, SETTLED),
        (PENDING, FAILED),
        (PENDING, CANCELLED),
        (SETTLED, CANCELLED),
    }
    assert all((status, status) in moves for status in TransactionStatus)


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("posted executed completed complete booked valid SETTLED", SETTLED),
        ("processing in_progress hold Pending", PENDING),
        ("rejected error failed", FAILED),
        ("canceled voided invalid cancelled", CANCELLED),
    ],
)
def test_words_of_institutions_for_a_status_are_known(words: str, status: TransactionStatus) -> None:
    assert {TransactionStatus(word) for word in words.split()} == {status}


def test_unknown_status_is_an_error_and_not_a_guess() -> None:
    with pytest.raises(ValueError, match="floating"):
        TransactionStatus("floating")


MUST_NOT_BE_POSITIVE = (
    "buy buy_to_cover account_fee commission margin_interest other_fee interest_charge tax_withheld "
    "foreign_transaction_fee withdrawal wire_out purchase"
).split()
MUST_NOT_BE_NEGATIVE = "sell short_sell dividend deposit wire_in".split()


@pytest.mark.parametrize("subtype", TransactionSubtype.values())
def test_sign_is_checked_where_the_subtype_tells_it_and_zero_is_always_right(subtype: str) -> None:
    assert has_expected_sign(subtype, Decimal("0.01")) == (subtype not in MUST_NOT_BE_POSITIVE)
    assert has_expected_sign(subtype, Decimal("-0.01")) == (subtype not in MUST_NOT_BE_NEGATIVE)
    assert has_expected_sign(subtype, Decimal(0))


def test_every_fee_leaves_the_account() -> None:
    assert set(MUST_NOT_BE_POSITIVE) >= ALLOWED_SUBTYPES["fee"]
