from datetime import UTC, date, datetime
from decimal import Decimal

import httpx2
import pytest

from bursar.providers.plaid import PlaidClient
from bursar.providers.plaid.sdk import errors
from bursar.providers.plaid.sdk.sandbox_calls import SandboxTransaction
from bursar.transport.redaction import Secret


async def test_credentials_and_version_travel_as_headers(client, wire, shapes) -> None:
    wire.answers["/item/get"] = {"item": shapes.item, "status": None}
    answer = await client.get_item("access-1")
    assert answer.item.institution_id == "ins_109508"
    headers = wire.headers[0]
    assert headers["plaid-client-id"] == "client-id-canary"
    assert headers["plaid-secret"] == "secret-canary"
    assert headers["plaid-version"] == "2020-09-14"
    assert wire.calls == [("/item/get", {"access_token": "access-1"})]


async def test_token_answers_do_not_show_themselves(client, wire) -> None:
    wire.answers["/item/public_token/exchange"] = {"access_token": "access-sandbox-canary", "item_id": "it-1"}
    exchanged = await client.exchange_public_token(Secret("public-sandbox-1"))
    assert exchanged.access_token.reveal() == "access-sandbox-canary"
    assert "canary" not in repr(exchanged)
    assert "canary" not in repr(client)
    assert wire.calls[0][1] == {"public_token": "public-sandbox-1"}


@pytest.mark.parametrize("status", [500, 503, 429])
async def test_public_token_is_never_sent_twice(client, wire, shapes, status) -> None:
    wire.answers["/item/public_token/exchange"] = shapes.refusal("API_ERROR", "INTERNAL_SERVER_ERROR", status)
    with pytest.raises(errors.PlaidError):
        await client.exchange_public_token("public-1")
    assert len(wire.calls) == 1


async def test_reading_call_is_repeated_after_a_server_error(client, wire, shapes) -> None:
    wire.answers["/accounts/get"] = [
        shapes.refusal("API_ERROR", "INTERNAL_SERVER_ERROR", 500),
        {"accounts": [shapes.account()], "item": shapes.item},
    ]
    answer = await client.get_accounts("access-1")
    assert [account.account_id for account in answer.accounts] == ["acc-1"]
    assert len(wire.calls) == 2


async def test_link_token_for_a_new_user_asks_for_products(client, wire) -> None:
    wire.answers["/link/token/create"] = {"link_token": "link-1", "expiration": "2026-07-14T18:20:31Z"}
    link = await client.create_link_token(user_id="u-1", days_requested=730)
    assert link.expiration == datetime(2026, 7, 14, 18, 20, 31, tzinfo=UTC)
    body = wire.calls[0][1]
    assert body["products"] == ["transactions"]
    assert body["user"] == {"client_user_id": "u-1"}
    assert body["transactions"] == {"days_requested": 730}
    assert None not in body.values()


async def test_link_token_in_update_mode_leaves_products_out(client, wire) -> None:
    wire.answers["/link/token/create"] = {"link_token": "link-1", "expiration": "2026-07-14T18:20:31Z"}
    await client.create_link_token(user_id="u-1", access_token="access-1", account_selection=True)
    body = wire.calls[0][1]
    assert body["access_token"] == "access-1"
    assert body["update"] == {"account_selection_enabled": True}
    assert "products" not in body


async def test_webhook_can_be_taken_away(client, wire, shapes) -> None:
    wire.answers["/item/webhook/update"] = {"item": shapes.item}
    await client.update_item_webhook("access-1", None)
    assert wire.calls[0][1] == {"access_token": "access-1", "webhook": None}


async def test_live_balances_are_asked_for_once_because_each_call_is_billed(client, wire, shapes) -> None:
    wire.answers["/accounts/balance/get"] = shapes.refusal("API_ERROR", "INTERNAL_SERVER_ERROR", 500)
    with pytest.raises(errors.PlaidServerError):
        await client.get_live_balances("access-1", min_last_updated_at=shapes.now)
    assert len(wire.calls) == 1
    assert wire.calls[0][1]["options"] == {"min_last_updated_datetime": "2026-11-21T12:00:00+00:00"}


async def test_made_up_transactions_keep_their_digits(client, wire) -> None:
    sent: list[bytes] = []

    def keep(request: httpx2.Request) -> httpx2.Response:
        sent.append(request.content)
        return httpx2.Response(200, json={"request_id": "r"})

    async with httpx2.AsyncClient(transport=httpx2.MockTransport(keep)) as http:
        plaid = PlaidClient("id", "secret", http_client=http)
        row = SandboxTransaction(date(2026, 11, 20), date(2026, 11, 21), Decimal("10.10"), "Coffee")
        await plaid.create_sandbox_transactions("access-1", [row])
    assert b'"amount":10.10' in sent[0]


async def test_identity_and_numbers_are_read_without_showing_them(client, wire, shapes) -> None:
    owner = {"names": ["A & B"], "phone_numbers": [], "emails": [], "addresses": []}
    wire.answers["/identity/get"] = {"accounts": [shapes.account(owners=[owner])], "item": shapes.item}
    wire.answers["/auth/get"] = {
        "accounts": [shapes.account()],
        "numbers": {
            "ach": [{"account_id": "acc-1", "account": "9900009606", "routing": "011401533", "wire_routing": None}],
            "eft": [],
            "international": [],
            "bacs": [],
        },
        "item": shapes.item,
    }
    identity = await client.get_identity("access-1")
    numbers = (await client.get_auth("access-1")).numbers
    assert identity.accounts[0].owners[0].names == ("A & B",)
    assert "A & B" not in repr(identity)
    assert numbers.ach[0].account.reveal() == "9900009606"
    assert "9900009606" not in repr(numbers)


async def test_liabilities_keep_their_rates_exact(client, wire, shapes) -> None:
    credit = {"account_id": "acc-1", "aprs": [{"apr_percentage": 15.24, "apr_type": "purchase_apr"}]}
    wire.answers["/liabilities/get"] = {
        "accounts": [shapes.account()],
        "item": shapes.item,
        "liabilities": {"credit": [credit], "mortgage": None, "student": None},
    }
    answer = await client.get_liabilities("access-1")
    assert answer.liabilities.credit is not None
    assert answer.liabilities.credit[0].aprs[0].apr_percentage == Decimal("15.24")


async def test_institutions_are_listed_found_and_read(client, wire) -> None:
    bank = {
        "institution_id": "ins_109508",
        "name": "First Platypus Bank",
        "products": ["transactions"],
        "country_codes": ["US"],
        "routing_numbers": [],
        "oauth": False,
        "connection_availability": "SUPPORTED",
    }
    wire.answers["/institutions/get"] = {"institutions": [bank], "total": 1}
    wire.answers["/institutions/get_by_id"] = {"institution": bank}
    wire.answers["/institutions/search"] = {"institutions": [bank]}
    assert (await client.list_institutions()).total == 1
    assert (await client.get_institution("ins_109508")).institution.name == "First Platypus Bank"
    assert len((await client.search_institutions("platy")).institutions) == 1


async def test_sandbox_only_calls_return_what_plaid_answers(client, wire) -> None:
    wire.answers["/sandbox/public_token/create"] = {"public_token": "public-1"}
    wire.answers["/sandbox/item/fire_webhook"] = {"webhook_fired": True}
    wire.answers["/sandbox/item/reset_login"] = {"reset_login": True}
    assert (await client.create_sandbox_public_token("ins_109508")).public_token == Secret("public-1")
    assert (await client.fire_sandbox_webhook("access-1", "DEFAULT_UPDATE")).webhook_fired
    assert (await client.reset_sandbox_login("access-1")).reset_login


def test_client_from_environment_needs_its_credentials() -> None:
    with pytest.raises(ValueError, match="PLAID_SECRET"):
        PlaidClient.from_env({"PLAID_CLIENT_ID": "x"})


def test_client_from_environment_takes_host_and_environment() -> None:
    client = PlaidClient.from_env(
        {
            "PLAID_CLIENT_ID": "x",
            "PLAID_SECRET": "canary",
            "PLAID_ENV": "production",
            "PLAID_BASE_URL": "http://127.0.0.1:1234/plaid",
        }
    )
    assert repr(client) == "PlaidClient(environment='production', base_url='http://127.0.0.1:1234/plaid')"


def test_retired_environment_warns_and_means_production() -> None:
    with pytest.warns(UserWarning, match="retired"):
        client = PlaidClient("x", "y", environment="development")
    assert client.environment == "production"


def test_unknown_environment_is_refused() -> None:
    with pytest.raises(ValueError, match="sandbox or production"):
        PlaidClient("x", "y", environment="staging")


async def test_path_prefix_reaches_every_endpoint(make_client, wire, shapes) -> None:
    wire.answers["/plaid/item/get"] = {"item": shapes.item}
    await make_client(base_url="http://127.0.0.1:1234/plaid").get_item("access-1")
    assert wire.paths() == ["/plaid/item/get"]
