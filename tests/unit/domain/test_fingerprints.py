"""Which differences make another row, and which make an edit?"""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bursar.domain.fingerprints import canonical_decimal, content_hash, fingerprint, fold_text, mark_rows
from bursar.domain.transactions import ProviderTransactionData

ROW = ProviderTransactionData(
    provider_account_id="account",
    provider_transaction_id="id-1",
    transaction_type="payment",
    subtype="purchase",
    amount=Decimal("-3.50"),
    currency="USD",
    transaction_date=date(2026, 3, 2),
    description="Coffee  Shop",
)


@pytest.mark.parametrize(
    "change",
    [
        {"amount": Decimal("-3.5")},
        {"description": " COFFEE shop "},
        {"description": "Ｃoffee Shop"},
        {"provider_transaction_id": "id-2"},
        {"status": "pending"},
        {"category_hint": "food"},
        {"memo": "a second text"},
        {"raw_data": {"any": "thing"}},
    ],
)
def test_rows_that_a_person_would_call_equal_have_one_fingerprint(change) -> None:
    assert fingerprint(replace(ROW, **change)) == fingerprint(ROW)


@pytest.mark.parametrize(
    "change",
    [
        {"amount": Decimal("3.50")},
        {"amount": Decimal("-3.51")},
        {"currency": "EUR"},
        {"transaction_date": date(2026, 3, 3)},
        {"description": "Coffee Shop 2"},
        {"check_number": "1002"},
        {"identity_text": "COFFEE"},
    ],
)
def test_rows_that_a_person_would_tell_apart_have_different_fingerprints(change) -> None:
    assert fingerprint(replace(ROW, **change)) != fingerprint(ROW)


def test_identity_text_stands_in_for_the_description() -> None:
    told = replace(ROW, identity_text="COFFEE SHOP")
    assert fingerprint(told) == fingerprint(ROW)
    assert fingerprint(replace(told, description="shown differently")) == fingerprint(told)


@pytest.mark.parametrize(
    "change",
    [
        {"status": "pending"},
        {"memo": "x"},
        {"category_hint": "food"},
        {"settlement_date": date(2026, 3, 3)},
        {"amount": Decimal("-3.51")},
        {"fees": Decimal("0.10")},
    ],
)
def test_anything_that_the_ledger_keeps_changes_the_content_hash(change) -> None:
    assert content_hash(replace(ROW, **change)) != content_hash(ROW)


@pytest.mark.parametrize(
    "change",
    [
        {"provider_transaction_id": "x"},
        {"pending_transaction_id": "p"},
        {"raw_data": {"a": 1}},
        {"amount": Decimal("-3.500")},
        {"provider_account_id": "other"},
    ],
)
def test_what_the_ledger_does_not_keep_of_a_row_leaves_the_content_hash(change) -> None:
    assert content_hash(replace(ROW, **change)) == content_hash(ROW)


def test_unknown_is_not_zero_in_the_content_hash() -> None:
    assert content_hash(replace(ROW, fees=Decimal(0))) != content_hash(ROW)


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30))
def test_canonical_text_is_equal_for_equal_numbers_only(number) -> None:
    text = canonical_decimal(number)
    assert Decimal(text) == number
    assert "E" not in text
    assert text != "-0"
    assert canonical_decimal(Decimal(f"{number:f}" + ("0" if "." in f"{number:f}" else ".0"))) == text


@given(st.text())
def test_folding_twice_changes_nothing_more(text) -> None:
    assert fold_text(fold_text(text)) == fold_text(text)


def test_marks_name_every_id_that_may_concern_the_rows() -> None:
    rows = [replace(ROW, pending_transaction_id="p"), replace(ROW, provider_transaction_id=None),
            replace(ROW, provider_transaction_id="id-2", corrects_transaction_id="c")]  # fmt: skip
    marked = mark_rows(rows)
    assert marked.ids() == ["id-1", "p", "id-2", "c"]
    assert len(marked.fingerprints) == len(marked.content_hashes) == 3
