"""The vendor's own client as a witness: of our simulator's answers, and of our client's requests."""

import json
from collections.abc import Iterator
from copy import deepcopy
from datetime import timedelta
from typing import Any

import plaid
import pytest
from plaid.api.plaid_api import PlaidApi
from plaid.model.accounts_balance_get_request import AccountsBalanceGetRequest
from plaid.model.accounts_get_request import AccountsGetRequest
from plaid.model.auth_get_request import AuthGetRequest
from plaid.model.country_code import CountryCode
from plaid.model.identity_get_request import IdentityGetRequest
from plaid.model.institutions_get_by_id_request import InstitutionsGetByIdRequest
from plaid.model.institutions_get_request import InstitutionsGetRequest
from plaid.model.institutions_search_request import InstitutionsSearchRequest
from plaid.model.investments_holdings_get_request import InvestmentsHoldingsGetRequest
from plaid.model.investments_transactions_get_request import InvestmentsTransactionsGetRequest
from plaid.model.item_access_token_invalidate_request import ItemAccessTokenInvalidateRequest
from plaid.model.item_get_request import ItemGetRequest
from plaid.model.item_public_token_exchange_request import ItemPublicTokenExchangeRequest
from plaid.model.item_remove_request import ItemRemoveRequest
from plaid.model.item_webhook_update_request import ItemWebhookUpdateRequest
from plaid.model.liabilities_get_request import LiabilitiesGetRequest
from plaid.model.link_token_create_request import LinkTokenCreateRequest
from plaid.model.link_token_create_request_user import LinkTokenCreateRequestUser
from plaid.model.products import Products
from plaid.model.sandbox_item_fire_webhook_request import SandboxItemFireWebhookRequest
from plaid.model.sandbox_item_reset_login_request import SandboxItemResetLoginRequest
from plaid.model.transactions_get_request import TransactionsGetRequest
from plaid.model.transactions_refresh_request import TransactionsRefreshRequest
from plaid.model.transactions_sync_request import TransactionsSyncRequest
from plaid.model_utils import validate_and_convert_types
from tests.contract.sandbox_plaid.conftest import FIRST_PLATYPUS, Stage
from tests.contract.sandbox_plaid.flow import Said, run_flow


def link_request(**extra: Any) -> LinkTokenCreateRequest:
    return LinkTokenCreateRequest(
        client_name="Bursar tests",
        language="en",
        country_codes=[CountryCode("US")],
        user=LinkTokenCreateRequestUser(client_user_id="user-1"),
        **extra,
    )


def finish_link(stage: Stage, request: LinkTokenCreateRequest) -> str:
    link = stage.api.link_token_create(request)
    asked = {"link_token": link.link_token, "institution_id": FIRST_PLATYPUS}
    return stage.control.post("/control/faces/plaid/complete_link", json=asked).json()["public_token"]


def test_whole_life_of_an_item(stage: Stage) -> None:
    """Every step in one go, with the type checks of the vendor's models on."""
    api, today = stage.api, stage.world.now.date()
    wished = [Products(name) for name in ("auth", "identity", "investments", "liabilities")]
    public_token = finish_link(
        stage,
        link_request(products=[Products("transactions")], optional_products=wished, webhook="http://127.0.0.1:9/"),
    )
    exchanged = api.item_public_token_exchange(ItemPublicTokenExchangeRequest(public_token=public_token))
    token, since = exchanged.access_token, today - timedelta(days=60)

    accounts = {one.account_id for one in api.accounts_get(AccountsGetRequest(access_token=token)).accounts}
    assert len(accounts) == 5
    assert {
        one.account_id for one in api.accounts_balance_get(AccountsBalanceGetRequest(access_token=token)).accounts
    } == (accounts)
    owners = api.identity_get(IdentityGetRequest(access_token=token)).accounts
    assert all(len(one.owners) == 2 for one in owners)
    assert api.auth_get(AuthGetRequest(access_token=token)).numbers.ach
    debts = api.liabilities_get(LiabilitiesGetRequest(access_token=token)).liabilities
    assert (len(debts.credit), len(debts.student)) == (1, 1)
    held = api.investments_holdings_get(InvestmentsHoldingsGetRequest(access_token=token))
    assert {one.account_id for one in held.holdings} < accounts
    moved = InvestmentsTransactionsGetRequest(access_token=token, start_date=since, end_date=today)
    assert api.investments_transactions_get(moved).total_investment_transactions
    synced = api.transactions_sync(TransactionsSyncRequest(access_token=token, count=500))
    listed = api.transactions_get(TransactionsGetRequest(access_token=token, start_date=since, end_date=today))
    assert {one.transaction_id for one in listed.transactions} <= {one.transaction_id for one in synced.added}
    assert api.transactions_refresh(TransactionsRefreshRequest(access_token=token)).request_id

    countries = [CountryCode("US")]
    page = api.institutions_get(InstitutionsGetRequest(count=3, offset=0, country_codes=countries))
    assert len(page.institutions) == 3
    one = InstitutionsGetByIdRequest(institution_id=FIRST_PLATYPUS, country_codes=countries)
    assert api.institutions_get_by_id(one).institution.institution_id == FIRST_PLATYPUS
    search = InstitutionsSearchRequest(query="platypus", country_codes=countries, products=[Products("transactions")])
    assert api.institutions_search(search).institutions

    item = api.item_webhook_update(
        ItemWebhookUpdateRequest(access_token=token, webhook="http://127.0.0.1:9/other")
    ).item
    assert (item.item_id, item.webhook) == (exchanged.item_id, "http://127.0.0.1:9/other")
    fired = SandboxItemFireWebhookRequest(access_token=token, webhook_code="SYNC_UPDATES_AVAILABLE")
    assert api.sandbox_item_fire_webhook(fired).webhook_fired
    assert api.sandbox_item_reset_login(SandboxItemResetLoginRequest(access_token=token)).reset_login
    with pytest.raises(plaid.ApiException):
        api.accounts_get(AccountsGetRequest(access_token=token))
    assert api.item_get(ItemGetRequest(access_token=token)).item.error.error_code == "ITEM_LOGIN_REQUIRED"
    # Update mode: the same token works again, and nothing is exchanged.
    finish_link(stage, link_request(access_token=token))
    assert len(api.accounts_get(AccountsGetRequest(access_token=token)).accounts) == 5

    rotated = api.item_access_token_invalidate(ItemAccessTokenInvalidateRequest(access_token=token)).new_access_token
    assert api.item_remove(ItemRemoveRequest(access_token=rotated)).request_id
    with pytest.raises(plaid.ApiException) as refused:
        api.item_get(ItemGetRequest(access_token=rotated))
    assert json.loads(refused.value.body)["error_code"] in {"ITEM_NOT_FOUND", "INVALID_ACCESS_TOKEN"}


@pytest.fixture(scope="module")
def said() -> Said:
    return run_flow()


def models() -> dict[str, tuple[Any, Any]]:
    """The vendor's models of each endpoint's request and answer, by path."""
    endpoints = [one for one in vars(PlaidApi(plaid.ApiClient())).values() if hasattr(one, "settings")]
    found = {}
    for endpoint in endpoints:
        for name in endpoint.params_map["required"]:
            (request,) = endpoint.openapi_types[name]
            (answer,) = endpoint.settings["response_type"] or (None,)
            found[endpoint.settings["endpoint_path"]] = (request, answer)
    return found


MODELS = models()


def read_as(model: Any, value: Any) -> Any:
    """Read a JSON value as one of the vendor's models, types checked."""
    # It changes what it is given.
    return validate_and_convert_types(
        deepcopy(value),
        (model,),
        ["received"],
        True,
        True,
        configuration=plaid.Configuration(discard_unknown_keys=False),
    )


def unknown_members(read: Any, value: Any, place: str) -> Iterator[str]:
    """Members that the vendor's model takes without knowing them."""
    if isinstance(value, list):
        for one, sent in zip(getattr(read, "value", read), value, strict=True):
            yield from unknown_members(one, sent, f"{place}[]")
    elif isinstance(value, dict) and hasattr(read, "attribute_map"):
        known = {wire: name for name, wire in read.attribute_map.items()}
        for name, sent in value.items():
            if name not in known:
                yield f"{place}.{name}"
            elif sent is not None:
                yield from unknown_members(getattr(read, known[name]), sent, f"{place}.{name}")


def test_our_requests_are_what_the_vendors_models_describe(said: Said) -> None:
    assert len(said.paths()) == 24
    unknown = set()
    for exchange in said.exchanges:
        model = MODELS[exchange.path][0]
        unknown |= set(unknown_members(read_as(model, exchange.request), exchange.request, exchange.path))
    assert unknown == set()


def test_our_simulators_answers_are_what_the_vendors_models_describe(said: Said) -> None:
    unknown = set()
    for exchange in said.exchanges:
        if exchange.status == 200:
            # Not deeper than the answer's own members: some of the vendor's composed models cannot be looked into.
            read = read_as(MODELS[exchange.path][1], exchange.answer)
            unknown |= {(exchange.path, name) for name in exchange.answer if name not in read.attribute_map.values()}
    assert unknown == set()
    assert {exchange.status for exchange in said.exchanges} == {200, 400}


def test_what_is_wrong_would_be_noticed(said: Said) -> None:
    exchange = next(one for one in said.exchanges if one.path == "/accounts/get" and one.status == 200)
    broken = deepcopy(exchange.answer)
    broken["accounts"][0]["balances"]["current"] = "12.30"
    with pytest.raises(plaid.ApiTypeError):
        read_as(MODELS[exchange.path][1], broken)
    added = {**exchange.request, "acount_ids": []}
    read = read_as(MODELS[exchange.path][0], added)
    assert set(unknown_members(read, added, "$")) == {"$.acount_ids"}
