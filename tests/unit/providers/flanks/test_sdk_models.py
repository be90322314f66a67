"""Do models keep every digit, every unknown word and every secret?"""

import copy
import json
import pickle
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bursar.providers.flanks import FlanksModel
from bursar.providers.flanks.sdk.aggregation_v1 import (
    AccountTransaction,
    Card,
    Identity,
    InvestmentTransaction,
    Portfolio,
)
from bursar.providers.flanks.sdk.aggregation_v2 import Product, ProductQuery, Transaction, TransactionQuery
from bursar.providers.flanks.sdk.connect import Session, SessionConfig, SessionErrorCode, SessionQuery, SessionStatus
from bursar.providers.flanks.sdk.credentials import Credential, CredentialStatus
from bursar.transport import json as exact_json

PORTFOLIO = {
    "_id": " pf_1 ", "name": " Cartera Global ", "type": "MIX", "currency": "EUR", "balance": Decimal("152340.87"),
    "refValores": "0049-001", "refAccounts": ["ES45"], "owners": ["Ana Ruiz"], "added": {"later": True},
}  # fmt: skip


def test_members_have_the_names_of_the_design() -> None:
    assert [one.value for one in SessionStatus] == [
        "Waiting:ProvideCredentials", "Waiting:Challenge", "Processing:ProvideCredentials", "Processing:Challenge",
        "Finished:OK", "Finished:Error",
    ]  # fmt: skip
    assert {one.name for one in SessionErrorCode} == {
        "INVALID_CREDENTIALS", "INVALID_CHALLENGE", "UNSUPPORTED_CHALLENGE",
        "USER_INTERACTION_NEEDED", "INTERNAL_ERROR",
    }  # fmt: skip
    assert FlanksModel.model_config["extra"] == "ignore"
    assert FlanksModel.model_config["frozen"] is True
    assert FlanksModel.model_config["str_strip_whitespace"] is True


def test_unknown_word_is_kept() -> None:
    session = Session.model_validate({"session_id": "s", "status": "Paused:ByUser", "error_code": "NewOne"})
    assert (session.status, str(session.status), session.status.value) == ("Paused:ByUser",) * 3
    assert not session.status.is_known
    assert not session.status.is_finished
    assert session.error_code == "NewOne"
    assert session.status not in list(SessionStatus)
    assert json.loads(session.model_dump_json())["status"] == "Paused:ByUser"
    assert SessionStatus("Finished:OK") is SessionStatus.FINISHED_OK
    assert pickle.loads(pickle.dumps(session)) == session


def test_missing_word_is_an_unknown_one() -> None:
    assert not Session.model_validate({"session_id": "s", "status": None}).status.is_known


def test_object_stays_reachable_as_it_came_and_cannot_be_changed() -> None:
    portfolio = Portfolio.model_validate(PORTFOLIO)
    assert portfolio.raw == PORTFOLIO
    assert not hasattr(portfolio, "added")
    with pytest.raises(TypeError):
        portfolio.raw["x"] = 1
    with pytest.raises(ValidationError):
        portfolio.name = "x"
    with pytest.raises(TypeError):
        Product.model_validate({"product_id": "p", "product_type": "Card", "labels": {"a": "b"}}).labels["a"] = "c"
    assert Portfolio(portfolio_id="x").raw == {}


def test_model_can_be_hashed_copied_and_pickled() -> None:
    portfolio = Portfolio.model_validate(PORTFOLIO)
    for twin in (copy.copy(portfolio), copy.deepcopy(portfolio), pickle.loads(pickle.dumps(portfolio))):
        assert twin == portfolio
        assert hash(twin) == hash(portfolio)
        assert twin.raw == PORTFOLIO
    changed = portfolio.model_copy(update={"name": "x"})
    assert (changed.name, portfolio.name) == ("x", "Cartera Global")


def test_only_display_texts_are_stripped() -> None:
    portfolio = Portfolio.model_validate(PORTFOLIO)
    assert (portfolio.portfolio_id, portfolio.name) == (" pf_1 ", "Cartera Global")
    assert Credential(credentials_token=" a ").credentials_token == " a "


def test_secret_is_masked_and_still_equal() -> None:
    credential = Credential.model_validate({"credentials_token": "cred-canary"})
    assert "canary" not in f"{credential!r} {credential}"
    assert credential.credentials_token == "cred-canary"
    assert f"{credential.credentials_token}" == "cred-canary"
    assert exact_json.encode({"token": credential.credentials_token}) == b'{"token":"cred-canary"}'
    with pytest.raises(TypeError):
        pickle.dumps(credential)
    status = CredentialStatus.model_validate({"pending": False, "blocked": True, "reset_token": "rst-canary"})
    assert "canary" not in repr(status)


def test_connection_id_is_a_credential_s_token_and_masked_like_one() -> None:
    """The two names of one value: either opens the data of an end user."""
    given = {"connection_id": "cred-canary"}
    for one in (
        Session.model_validate({"session_id": "s", "status": "Finished:OK", **given}),
        Product.model_validate({"product_id": "p", "product_type": "Account", **given}),
        SessionConfig(connector_id="x", **given),
        SessionQuery(connection_id_in=["cred-canary"]),
        ProductQuery(connection_id_in=["cred-canary"]),
        TransactionQuery(connection_id_in=["cred-canary"]),
    ):
        assert "canary" not in f"{one!r} {one}"
        with pytest.raises(TypeError):
            pickle.dumps(one)
        assert "cred-canary" in one.model_dump_json()


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**15), max_value=10**15, places=4))
def test_amount_has_the_digits_of_the_text(amount: Decimal) -> None:
    row = exact_json.decode_object(exact_json.encode({"transaction_id": "t", "amount": amount}))
    assert Transaction.model_validate(row).amount == amount
    assert Transaction.model_validate({"transaction_id": "t", "amount": str(amount)}).amount == amount


def test_json_text_is_read_without_a_float_in_between() -> None:
    text = '{"transaction_id": "t", "amount": 12345678901234567.89}'
    for given_as in (text, text.encode()):
        assert Transaction.model_validate_json(given_as).amount == Decimal("12345678901234567.89")
    assert Transaction.model_validate_json(text).raw["transaction_id"] == "t"
    assert Transaction.model_validate_json(Transaction.model_validate_json(text).model_dump_json()).amount == Decimal(
        "12345678901234567.89"
    )


@pytest.mark.parametrize("bad", ["NaN", "Infinity", "", "1,234.50", "1_000", "null", "0x10", True, [], "1e400"])
def test_what_is_no_number_is_refused(bad) -> None:
    with pytest.raises(ValidationError):
        Transaction.model_validate({"transaction_id": "t", "amount": bad})


def test_date_falls_back_to_the_value_date() -> None:
    for row in (
        {"_id": "t", "operationDate": None, "valueDate": "2026-01-12"},
        {"transaction_id": "t", "value_date": "2026-01-12"},
    ):
        movement = AccountTransaction.model_validate(row)
        assert (movement.date, movement.value_date) == (date(2026, 1, 12), date(2026, 1, 12))
        assert movement.raw == row
    both = AccountTransaction.model_validate({"_id": "t", "operationDate": "2026-01-11", "valueDate": "2026-01-12"})
    assert (both.date, both.value_date) == (date(2026, 1, 11), date(2026, 1, 12))


def test_either_spelling_is_read() -> None:
    assert InvestmentTransaction.model_validate({"_id": "t", "refValos": "1"}).ref_valores == "1"
    assert InvestmentTransaction.model_validate({"_id": "t", "refValores": "1"}).ref_valores == "1"
    assert Card.model_validate({"_id": "c", "availableBalance": "5.00"}).available_balance == Decimal("5.00")
    assert Card.model_validate({"card_id": "c", "available_balance": 5}).available_balance == 5
    assert Card(card_id="c", masked_number="*1").masked_number == "*1"


def test_contact_is_found_wherever_it_stands() -> None:
    nested = Identity.model_validate({"name": "Ana", "contactInfo": {"email": "a@b.c", "phone": None}, "address": "x"})
    flat = Identity.model_validate({"name": "Ana", "email": "a@b.c"})
    assert nested.email == flat.email == "a@b.c"
    assert nested.address == "x"
    assert Identity.model_validate({"address": {"street": "S"}}).address == {"street": "S"}


@pytest.mark.parametrize("transactions", ["transaction", "transactions"])
def test_flags_of_a_credential(transactions) -> None:
    status = CredentialStatus.model_validate(
        {
            "pending": False,
            "blocked": False,
            "errored": {"product": {"account": True}, transactions: {"card": True}},
            "created": {"product": {"auth": True}, transactions: None},
            "last_update": "2026-01-15",
        }
    )
    assert status.has_errors
    assert (status.is_errored("account"), status.is_errored("transaction.card"), status.is_errored("card")) == (
        True, True, False,
    )  # fmt: skip
    assert (status.is_created("auth"), status.is_created("product.holders")) == (True, False)
    assert status.last_update == date(2026, 1, 15)
    with pytest.raises(ValueError, match="kind"):
        status.is_created("acount")


@pytest.mark.parametrize("pending", [True, False])
def test_flags_of_a_flat_credential(pending) -> None:
    status = CredentialStatus.model_validate(
        {
            "pending": pending,
            "blocked": False,
            "errored": True,
            "created": "2026-01-01T10:00:00+00:00",
            "last_update": "2026-01-15T06:30:00+00:00",
        }
    )
    assert status.has_errors
    assert status.is_errored("card")
    assert status.is_created("card") is not pending
    assert status.last_update == date(2026, 1, 15)
