"""Linking, items, institutions, accounts and the other products, as the vendor's own client sees them."""

from datetime import date
from decimal import Decimal
from typing import Any

import plaid
import pytest
from plaid.model.accounts_balance_get_request import AccountsBalanceGetRequest
from plaid.model.accounts_get_request import AccountsGetRequest
from plaid.model.accounts_get_request_options import AccountsGetRequestOptions
from plaid.model.auth_get_request import AuthGetRequest
from plaid.model.country_code import CountryCode
from plaid.model.identity_get_request import IdentityGetRequest
from plaid.model.institutions_get_by_id_request import InstitutionsGetByIdRequest
from plaid.model.institutions_get_by_id_request_options import InstitutionsGetByIdRequestOptions
from plaid.model.institutions_get_request import InstitutionsGetRequest
from plaid.model.institutions_search_request import InstitutionsSearchRequest
from plaid.model.investments_holdings_get_request import InvestmentsHoldingsGetRequest
from plaid.model.investments_transactions_get_request import InvestmentsTransactionsGetRequest
from plaid.model.item_access_token_invalidate_request import ItemAccessTokenInvalidateRequest
from plaid.model.item_get_request import ItemGetRequest
from plaid.model.item_public_token_exchange_request import ItemPublicTokenExchangeRequest
from plaid.model.item_remove_request import ItemRemoveRequest
from plaid.model.liabilities_get_request import LiabilitiesGetRequest
from plaid.model.link_token_create_request import LinkTokenCreateRequest
from plaid.model.link_token_create_request_update import LinkTokenCreateRequestUpdate
from plaid.model.link_token_create_request_user import LinkTokenCreateRequestUser
from plaid.model.products import Products
from plaid.model.sandbox_item_reset_login_request import SandboxItemResetLoginRequest
from plaid.model.sandbox_public_token_create_request import SandboxPublicTokenCreateRequest
from tests.contract.sandbox_plaid.conftest import FIRST_PLATYPUS, Stage, client_for

CHECKING = "hudson-first-river-checking"
CARD = "hudson-first-river-credit-card"
LOAN = "hudson-first-river-loan"
BROKERAGE = "hudson-first-river-brokerage"


def code_of(refused: pytest.ExceptionInfo[plaid.ApiException]) -> str:
    import json

    body = json.loads(refused.value.body)
    assert body["request_id"]
    return body["error_code"]


def exact(number: float) -> Decimal:
    """The vendor's client reads floats; the shortest text of one is what stood on the wire."""
    return Decimal(str(number))


def link_token_request(**extra: Any) -> LinkTokenCreateRequest:
    return LinkTokenCreateRequest(
        client_name="Bursar tests",
        language="en",
        country_codes=[CountryCode("US")],
        user=LinkTokenCreateRequestUser(client_user_id="user-1"),
        **extra,
    )


def test_link_session_for_a_new_item_ends_in_an_access_token(stage: Stage) -> None:
    link = stage.api.link_token_create(link_token_request(products=[Products("transactions")]))
    finished = stage.control.post(
        "/control/faces/plaid/complete_link",
        json={"link_token": link.link_token, "institution_id": FIRST_PLATYPUS},
    )
    exchanged = stage.api.item_public_token_exchange(
        ItemPublicTokenExchangeRequest(public_token=finished.json()["public_token"])
    )
    item = stage.api.item_get(ItemGetRequest(access_token=exchanged.access_token))
    assert link.link_token.startswith("link-sandbox-")
    assert (link.expiration - stage.world.now).total_seconds() == 4 * 3600
    assert item.item.item_id == exchanged.item_id
    assert item.item.institution_id == FIRST_PLATYPUS


@pytest.mark.parametrize(
    ("institution", "products"),
    [(FIRST_PLATYPUS, ["investments", "liabilities", "transactions"]), ("ins_109509", ["transactions"])],
)
def test_optional_products_come_when_an_account_has_them(stage: Stage, institution: str, products: list) -> None:
    wished = [Products("investments"), Products("liabilities")]
    request = link_token_request(products=[Products("transactions")], optional_products=wished)
    finished = stage.control.post(
        "/control/faces/plaid/complete_link",
        json={"link_token": stage.api.link_token_create(request).link_token, "institution_id": institution},
    )
    exchange = ItemPublicTokenExchangeRequest(public_token=finished.json()["public_token"])
    token = stage.api.item_public_token_exchange(exchange).access_token
    item = stage.api.item_get(ItemGetRequest(access_token=token)).item
    assert [product.value for product in item.billed_products] == products
    again = {"link_token": "link-sandbox-nobody", "institution_id": institution}
    assert stage.control.post("/control/faces/plaid/complete_link", json=again).status_code == 409


def test_public_token_works_once_and_for_half_an_hour(stage: Stage) -> None:
    request = SandboxPublicTokenCreateRequest(institution_id=FIRST_PLATYPUS, initial_products=[Products("auth")])
    used = stage.api.sandbox_public_token_create(request).public_token
    stage.api.item_public_token_exchange(ItemPublicTokenExchangeRequest(public_token=used))
    late = stage.api.sandbox_public_token_create(request).public_token
    stage.advance(hours=0.6)
    for token in (used, late):
        with pytest.raises(plaid.ApiException) as refused:
            stage.api.item_public_token_exchange(ItemPublicTokenExchangeRequest(public_token=token))
        assert code_of(refused) == "INVALID_PUBLIC_TOKEN"


def test_accounts_carry_plaids_signs_and_the_worlds_balances(stage: Stage) -> None:
    token = stage.link()
    stage.advance(days=3)
    found = stage.api.accounts_get(AccountsGetRequest(access_token=token)).accounts
    by_subtype = {account.subtype.value: account for account in found}
    checking, card = stage.world.truth(CHECKING), stage.world.truth(CARD)
    pending = sum(row.amount for row in checking.pending)
    assert exact(by_subtype["checking"].balances.current) == checking.balance
    assert exact(by_subtype["checking"].balances.available) == checking.balance + pending
    assert exact(by_subtype["credit card"].balances.current) == -card.balance
    limit = exact(by_subtype["credit card"].balances.limit)
    pending = sum(row.amount for row in card.pending)
    assert exact(by_subtype["credit card"].balances.available) == limit + card.balance + pending
    assert exact(by_subtype["student"].balances.current) == -stage.world.truth(LOAN).balance > 0
    invested = sum(position.value for position in stage.world.positions(BROKERAGE))
    assert exact(by_subtype["brokerage"].balances.current) == stage.world.balance(BROKERAGE) + invested


def test_balance_of_one_account_is_asked_for_by_its_id(stage: Stage) -> None:
    token = stage.link("ins_900002")
    accounts = stage.api.accounts_balance_get(AccountsBalanceGetRequest(access_token=token)).accounts
    yen = next(account for account in accounts if account.subtype.value == "checking")
    options = AccountsGetRequestOptions(account_ids=[yen.account_id])
    alone = stage.api.accounts_get(AccountsGetRequest(access_token=token, options=options)).accounts
    assert [account.account_id for account in alone] == [yen.account_id]
    assert alone[0].balances.iso_currency_code == "JPY"
    assert exact(alone[0].balances.current) == stage.world.balance("asakusa-sumida-checking")


def test_linking_again_gives_other_account_ids(stage: Stage) -> None:
    ids = [
        {account.account_id for account in stage.api.accounts_get(AccountsGetRequest(access_token=token)).accounts}
        for token in (stage.link(), stage.link())
    ]
    assert not ids[0] & ids[1]


def test_numbers_leave_without_passing_through_float(stage: Stage) -> None:
    token = stage.link()
    text = stage.raw("/accounts/get", {"access_token": token}).text
    assert f'"current":{stage.world.balance(CHECKING)}' in text


def test_unknown_token_and_wrong_secret_are_status_400(stage: Stage) -> None:
    with pytest.raises(plaid.ApiException) as refused:
        stage.api.accounts_get(AccountsGetRequest(access_token="access-sandbox-nobody"))
    assert (refused.value.status, code_of(refused)) == (400, "INVALID_ACCESS_TOKEN")
    stranger = client_for(stage.url, secret="wrong")
    with pytest.raises(plaid.ApiException) as refused:
        stranger.accounts_get(AccountsGetRequest(access_token=stage.link()))
    stranger.api_client.close()
    assert (refused.value.status, code_of(refused)) == (400, "INVALID_API_KEYS")


def test_rotated_token_is_dead_and_removed_item_is_gone(stage: Stage) -> None:
    old = stage.link()
    new = stage.api.item_access_token_invalidate(ItemAccessTokenInvalidateRequest(access_token=old)).new_access_token
    with pytest.raises(plaid.ApiException) as refused:
        stage.api.item_get(ItemGetRequest(access_token=old))
    assert code_of(refused) == "INVALID_ACCESS_TOKEN"
    stage.api.item_remove(ItemRemoveRequest(access_token=new))
    with pytest.raises(plaid.ApiException) as refused:
        stage.api.item_get(ItemGetRequest(access_token=new))
    assert code_of(refused) == "ITEM_NOT_FOUND"


def test_reset_login_blocks_data_until_update_mode_repairs_it(stage: Stage) -> None:
    token = stage.link()
    stage.api.sandbox_item_reset_login(SandboxItemResetLoginRequest(access_token=token))
    with pytest.raises(plaid.ApiException) as refused:
        stage.api.accounts_get(AccountsGetRequest(access_token=token))
    assert code_of(refused) == "ITEM_LOGIN_REQUIRED"
    assert stage.api.item_get(ItemGetRequest(access_token=token)).item.error.error_code == "ITEM_LOGIN_REQUIRED"
    link = stage.api.link_token_create(link_token_request(access_token=token))
    stage.control.post("/control/faces/plaid/complete_link", json={"link_token": link.link_token}).raise_for_status()
    assert stage.api.accounts_get(AccountsGetRequest(access_token=token)).accounts
    assert stage.api.item_get(ItemGetRequest(access_token=token)).item.error is None


def test_user_chooses_accounts_where_the_link_token_allows_it(stage: Stage) -> None:
    def complete(link_token: str, names: list[str]) -> int:
        asked = {"link_token": link_token, "accounts": ",".join(names)}
        return stage.control.post("/control/faces/plaid/complete_link", json=asked).status_code

    token = stage.link()
    every = [one.name for one in stage.api.accounts_get(AccountsGetRequest(access_token=token)).accounts]
    plain = stage.api.link_token_create(link_token_request(access_token=token))
    assert complete(plain.link_token, every[:1]) == 409
    for chosen in (every[:1], every[1:], every):
        update = LinkTokenCreateRequestUpdate(account_selection_enabled=True)
        link = stage.api.link_token_create(link_token_request(access_token=token, update=update))
        assert complete(link.link_token, chosen) == 200
        shared = stage.api.accounts_get(AccountsGetRequest(access_token=token)).accounts
        assert [one.name for one in shared] == chosen
    link = stage.api.link_token_create(link_token_request(access_token=token, update=update))
    assert complete(link.link_token, ["No Such Account"]) == 404


def test_institutions_are_listed_searched_and_shown(stage: Stage) -> None:
    us = [CountryCode("US")]
    listed = stage.api.institutions_get(InstitutionsGetRequest(count=3, offset=1, country_codes=us))
    options = InstitutionsGetByIdRequestOptions(include_status=True, include_optional_metadata=True)
    shown = stage.api.institutions_get_by_id(
        InstitutionsGetByIdRequest(institution_id="ins_132361", country_codes=us, options=options)
    )
    found = stage.api.institutions_search(InstitutionsSearchRequest(query="platypus oauth", country_codes=us))
    assert (len(listed.institutions), listed.total > 3) == (3, True)
    assert shown.institution.status.item_logins.status == "DOWN"
    assert [one.institution_id for one in found.institutions] == ["ins_127287"]
    british = InstitutionsGetByIdRequest(institution_id="ins_117650", country_codes=us)
    with pytest.raises(plaid.ApiException) as refused:
        stage.api.institutions_get_by_id(british)
    assert code_of(refused) == "INVALID_INSTITUTION"


@pytest.mark.parametrize(
    ("institution", "code"),
    [("ins_132361", "INSTITUTION_DOWN"), ("ins_133402", "INSTITUTION_NO_LONGER_SUPPORTED")],
)
def test_unhealthy_institution_refuses_to_link(stage: Stage, institution: str, code: str) -> None:
    with pytest.raises(plaid.ApiException) as refused:
        stage.link(institution)
    assert code_of(refused) == code


def test_wrong_password_is_refused(stage: Stage) -> None:
    with pytest.raises(plaid.ApiException) as refused:
        stage.link(override_password="guess")
    assert code_of(refused) == "INVALID_CREDENTIALS"


def test_identity_numbers_and_liabilities_describe_the_same_people(stage: Stage) -> None:
    token = stage.link(products=("transactions", "identity", "auth", "liabilities"))
    owners = stage.api.identity_get(IdentityGetRequest(access_token=token)).accounts[0].owners
    numbers = stage.api.auth_get(AuthGetRequest(access_token=token)).numbers
    owed = stage.api.liabilities_get(LiabilitiesGetRequest(access_token=token)).liabilities
    people = [person.name for person in stage.world.accounts[CHECKING].holders]
    assert [owner.names[0] for owner in owners] == people
    assert stage.world.accounts[CHECKING].number in {number.account for number in numbers.ach}
    assert exact(owed.credit[0].last_statement_balance) == -stage.world.balance(CARD)
    assert owed.student[0].is_overdue is False
    assert owed.mortgage is None


def test_british_numbers_are_bacs_and_a_valid_iban(stage: Stage) -> None:
    token = stage.link("ins_117650", products=("auth",))
    numbers = stage.api.auth_get(AuthGetRequest(access_token=token)).numbers
    iban = numbers.international[0].iban
    rearranged = "".join(str(int(letter, 36)) for letter in iban[4:] + iban[:4])
    assert (len(numbers.ach), len(numbers.bacs)) == (0, 2)
    assert (len(iban), int(rearranged) % 97) == (22, 1)


def test_holdings_equal_the_worlds_positions_and_cash(stage: Stage) -> None:
    token = stage.link(products=("investments",))
    answer = stage.api.investments_holdings_get(InvestmentsHoldingsGetRequest(access_token=token))
    symbols = {security.security_id: security.ticker_symbol for security in answer.securities}
    told = {symbols[holding.security_id]: exact(holding.quantity) for holding in answer.holdings}
    held = {position.symbol: position.quantity for position in stage.world.positions(BROKERAGE)}
    assert told == {**held, "CUR:USD": stage.world.balance(BROKERAGE)}


def test_investment_transactions_page_through_the_worlds_rows(stage: Stage) -> None:
    token = stage.link(products=("investments",))
    request = InvestmentsTransactionsGetRequest(
        access_token=token, start_date=date(2025, 1, 1), end_date=date(2026, 12, 31)
    )
    answer = stage.api.investments_transactions_get(request)
    rows = stage.world.truth(BROKERAGE).settled
    assert answer.total_investment_transactions == len(rows)
    assert sum(exact(row.amount) for row in answer.investment_transactions) == -sum(row.amount for row in rows)
    bought = [row for row in answer.investment_transactions if row.type.value == "buy"]
    assert bought
    assert all(row.quantity > 0 and row.amount > 0 for row in bought)


def test_item_without_investments_says_so(stage: Stage) -> None:
    token = stage.link("ins_117650")
    with pytest.raises(plaid.ApiException) as refused:
        stage.api.investments_holdings_get(InvestmentsHoldingsGetRequest(access_token=token))
    assert code_of(refused) == "NO_INVESTMENT_ACCOUNTS"
