"""Does every kind of account have its place, and does no number show?"""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bursar.domain.accounts import AccountType, ProviderAccountData, mask_account_number

CATEGORIES = {
    "banking": "checking savings money_market cd prepaid",
    "credit": "credit_card line_of_credit loan mortgage",
    "other": "other",
    "investment": "brokerage traditional_ira roth_ira sep_ira simple_ira rollover_ira 401k roth_401k 403b hsa pension "
    "education_529 trust custodial crypto",
}
RETIREMENT = "traditional_ira roth_ira sep_ira simple_ira rollover_ira 401k roth_401k 403b hsa pension".split()


def test_every_kind_is_in_exactly_one_category() -> None:
    assert sorted(" ".join(CATEGORIES.values()).split()) == sorted(AccountType.values())
    for category, words in CATEGORIES.items():
        assert {AccountType(word).category for word in words.split()} == {category}


@pytest.mark.parametrize("kind", list(AccountType))
def test_predicates_agree_with_the_category(kind: AccountType) -> None:
    answers = {"investment": kind.is_investment(), "banking": kind.is_bank(), "credit": kind.is_credit()}

    assert [name for name, answer in answers.items() if answer] == [kind.category] * (kind is not AccountType.OTHER)
    assert kind.is_retirement() == (kind.value in RETIREMENT)
    assert kind.category_sign() == (-1 if kind.category == "credit" else 1)


@pytest.mark.parametrize(("alias", "value"), [("IRA", "traditional_ira"), ("529", "education_529"), ("401K", "401k")])
def test_other_names_of_kinds_are_known(alias: str, value: str) -> None:
    assert AccountType(alias).value == value


@pytest.mark.parametrize(
    ("number", "masked"),
    [
        ("1234567890", "******7890"),
        ("12345", "*2345"),
        ("1234", "****"),
        ("1", "****"),
        ("", "****"),
        ("   ", "****"),
        (" 1234567890 ", "******7890"),
        ("DE89370400440532013000", "******************3000"),
    ],
)
def test_number_is_masked_but_for_its_last_four(number: str, masked: str) -> None:
    assert mask_account_number(number) == masked


@given(st.text(max_size=40))
def test_mask_never_shows_more_than_four_characters(number: str) -> None:
    masked = mask_account_number(number)
    shown = masked.lstrip("*")

    assert len(shown) <= 4
    assert len(masked) >= 4
    if len(number.strip()) <= 4:
        assert masked == "****"


def test_account_record_does_not_show_its_identifiers() -> None:
    account = ProviderAccountData(
        provider_account_id="12345678901",
        account_number_masked="*******8901",
        name="Everyday",
        account_type="checking",
        currency="USD",
        balance=Decimal("1.00"),
        persistent_id="persistent-98765",
        raw_data={"number": "12345678901"},
    )

    assert "12345678901" not in repr(account)
    assert "persistent-98765" not in repr(account)
