"""Does the client speak as Finicity documents, and tell its failures apart?"""

import asyncio
import hashlib
import hmac
import json
import pickle
from datetime import UTC, datetime
from decimal import Decimal

import httpx2
import pytest
from tests.unit.providers.finicity.conftest import TOKEN_PATH, account, page, transaction

from bursar.providers.finicity import (
    FinicityAggregationError,
    FinicityArgumentError,
    FinicityAuthError,
    FinicityClient,
    FinicityConfigError,
    FinicityLoginError,
    FinicityNotFoundError,
    FinicityPartnerError,
    FinicityRateLimitError,
    FinicityResponseError,
    FinicityServerError,
    FinicitySyncClient,
    FinicityUnsupportedError,
    LoginState,
    WebhookRejectedError,
    state_of,
)

ACCOUNTS = "/aggregation/v1/customers/7005061234/accounts"
ROWS = "/aggregation/v3/customers/7005061234/transactions"
FROM, TO = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)
pytestmark = pytest.mark.asyncio


def refusal(status, body):
    return httpx2.Response(status, json=body)


async def test_twenty_calls_at_once_ask_for_one_token_and_show_it(client, fake):
    fake.answers[ACCOUNTS] = {"accounts": [account()]}
    await asyncio.gather(*(client.get_accounts("7005061234") for _ in range(20)))
    assert fake.paths().count(TOKEN_PATH) == 1
    assert {request.headers["Finicity-App-Token"] for request in fake.requests[1:]} == {"token-1"}
    assert fake.requests[0].headers["Finicity-App-Key"] == "app-key-1"
    assert "Finicity-App-Token" not in fake.requests[0].headers
    assert fake.body(0) == {"partnerId": "partner-1", "partnerSecret": "partner-secret-1"}


async def test_token_is_renewed_after_ninety_minutes_of_the_clock_that_only_moves_forward(client, fake, time):
    fake.answers[ACCOUNTS] = {"accounts": []}
    for minutes, tokens in ((0, 1), (89, 1), (91, 2)):
        time.monotonic_s = minutes * 60.0
        await client.get_accounts("7005061234")
        assert fake.paths().count(TOKEN_PATH) == tokens


async def test_refused_token_is_renewed_once_and_the_call_repeated(client, fake):
    fake.answers[TOKEN_PATH] = [{"token": "old"}, {"token": "new"}]
    expired = refusal(401, {"code": 10023, "message": "no longer valid"})
    fake.answers[ACCOUNTS] = lambda request: (
        {"accounts": []} if request.headers["Finicity-App-Token"] == "new" else expired
    )
    await client.get_accounts("7005061234")
    assert fake.paths() == [TOKEN_PATH, ACCOUNTS, TOKEN_PATH, ACCOUNTS]


async def test_token_refused_twice_is_the_operators_matter(client, fake):
    fake.answers[ACCOUNTS] = httpx2.Response(401, text="Invalid (Finicity-App-Token)")
    with pytest.raises(FinicityAuthError):
        await client.get_accounts("7005061234")
    assert fake.paths().count(ACCOUNTS) == 2


async def test_refused_partner_is_asked_for_once_and_never_again(client, fake):
    fake.answers[TOKEN_PATH] = refusal(401, {"code": 10001, "message": "partner-secret-1 is wrong"})
    for _ in range(7):
        with pytest.raises(FinicityPartnerError) as caught:
            await client.get_accounts("7005061234")
        assert "partner-secret-1" not in str(caught.value) + repr(caught.value) + caught.value.body_excerpt
    assert fake.paths() == [TOKEN_PATH]


@pytest.mark.parametrize(
    ("status", "body", "error_class", "code"),
    [
        (400, {"code": "10106", "message": "x"}, FinicityUnsupportedError, "10106"),
        (404, {"code": 14001, "message": "x"}, FinicityNotFoundError, "14001"),
        (429, {"code": "x"}, FinicityRateLimitError, "x"),
        (500, {"code": "103", "message": "x"}, FinicityLoginError, "103"),
        (500, {"code": 900, "message": "x"}, FinicityAggregationError, "900"),
        (500, {"code": 10500, "message": "x"}, FinicityServerError, "10500"),
        (503, {"Errors": {"Error": [{"ReasonCode": "SYSTEM_ERROR"}]}}, FinicityServerError, "SYSTEM_ERROR"),
    ],
)
async def test_error_of_either_shape_has_its_class_and_code(client, fake, status, body, error_class, code):
    fake.answers[ACCOUNTS] = refusal(status, body)
    with pytest.raises(error_class) as caught:
        await client.get_accounts("7005061234")
    assert (type(caught.value), caught.value.code) == (error_class, code)
    assert "7005061234" not in str(caught.value)


async def test_refresh_is_never_repeated(client, fake):
    path = "/aggregation/v2/customers/7005061234/institutionLogins/600/accounts"
    fake.answers[path] = refusal(500, {"code": "185"})
    with pytest.raises(FinicityLoginError) as caught:
        await client.refresh_accounts("7005061234", "600")
    assert (caught.value.aggregation_code, fake.paths().count(path)) == (185, 1)


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        (TO, FROM, "exchange"),
        (datetime(2026, 1, 1), TO, "time zone"),  # noqa: DTZ001 - what is refused
        ("2026-01-01", TO, "datetime"),
    ],
)
async def test_bad_span_is_told_before_anything_is_sent(client, fake, first, last, words):
    with pytest.raises(FinicityArgumentError, match=words):
        await client.get_transactions("7005061234", first, last)
    assert fake.requests == []


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.add_customer("abc"),
        lambda client: client.get_accounts("  "),
        lambda client: client.get_accounts(".."),
        lambda client: client.get_live_balance("1", "2", cache_interval_min=1441),
        lambda client: client.get_transactions_page("1", FROM, TO, limit=1001),
        lambda client: client.get_transactions_page("1", FROM, TO, start=0),
        lambda client: client.search_institutions("x", limit=0),
        lambda client: client.subscribe_txpush("1", "2", "http://plain.example"),
    ],
)
async def test_argument_out_of_bounds_is_told_before_anything_is_sent(client, fake, call):
    with pytest.raises(FinicityArgumentError):
        await call(client)
    assert fake.requests == []


async def test_rows_of_all_pages_come_once_with_exact_digits_and_ids(client, fake):
    first = [transaction(number, amount=0) for number in range(2)]
    body = json.dumps(page(first, 3, more=True)).replace('"amount": 0', '"amount": 12345678901234567.89')
    fake.answers[ROWS] = [httpx2.Response(200, text=body), page([transaction(7)], 3)]
    listing = await client.get_transactions("7005061234", FROM, TO)
    assert [row.id for row in listing.transactions] == [f"1000000000000000{number}" for number in (0, 1, 7)]
    assert listing.transactions[0].amount == Decimal("12345678901234567.89")
    queries = [dict(request.url.params) for request in fake.requests[1:]]
    assert [query["start"] for query in queries] == ["1", "3"]
    assert queries[0] | {"start": ""} == {
        "fromDate": "1767225600",
        "toDate": "1793491200",
        "start": "",
        "limit": "1000",
        "sort": "asc",
        "includePending": "true",
    }


async def test_listing_that_moves_while_it_is_read_is_read_again(client, fake, time):
    fake.answers[ROWS] = [
        page([transaction(1), transaction(2)], 3, more=True),
        page([transaction(2)], 3),
        page([transaction(0), transaction(1)], 4, more=True),
        page([transaction(2), transaction(3)], 4),
    ]
    listing = await client.get_transactions("7005061234", FROM, TO)
    assert [row.id[-1] for row in listing.transactions] == ["0", "1", "2", "3"]
    assert len(time.slept) == 1


async def test_listing_that_never_stands_still_is_an_error(client, fake):
    fake.answers[ROWS] = page([transaction(1)], 2, more=True)
    with pytest.raises(FinicityServerError):
        await client.get_transactions("7005061234", FROM, TO)


@pytest.mark.parametrize(
    "body",
    [page([transaction()], 2), page([], 1, more=True), page([transaction()], 1) | {"displaying": 2}],
    ids=["ends early", "empty page", "other count"],
)
async def test_page_that_contradicts_itself_is_an_error(client, fake, body):
    fake.answers[ROWS] = body
    with pytest.raises(FinicityResponseError):
        await client.get_transactions("7005061234", FROM, TO)


async def test_broken_row_costs_only_itself(client, fake):
    fake.answers[ROWS] = page([transaction(1), transaction(2, amount="many"), transaction(3)])
    listing = await client.get_transactions("7005061234", FROM, TO)
    assert [row.id[-1] for row in listing.transactions] == ["1", "3"]
    (broken,) = listing.rejected
    assert (broken.path, broken.index) == ("transactions.1.amount", 1)
    assert "many" not in repr(broken)


async def test_connect_events_are_believed_when_signed_and_only_then(client):
    body = json.dumps(
        {
            "customerId": "7005061234",
            "eventType": "added",
            "eventId": "e-1",
            "payload": {"accounts": [{"institutionLoginId": 600}, {"institutionLoginId": 600}]},
        }
    ).encode()
    signature = hmac.new(b"partner-secret-1", body, hashlib.sha256).hexdigest()
    event = client.read_connect_event({"X-FINICITY-signature": signature.upper()}, body)
    assert (event.event_id, event.login_ids) == ("e-1", ("600",))
    for headers, sent in (
        ({}, body),
        ({"X-Finicity-Signature": signature}, body + b" "),
        ({"X-Finicity-Signature": "é" * 64}, body),
        ({"X-Finicity-Signature": hmac.new(b"partner-secret-1", b"[]", hashlib.sha256).hexdigest()}, b"[]"),
    ):
        with pytest.raises(WebhookRejectedError):
            client.read_connect_event(headers, sent)
    with pytest.raises(TypeError):
        client.read_connect_event({"X-Finicity-Signature": signature}, body.decode())


async def test_secrets_are_never_shown_and_never_pickled(client, fake):
    fake.answers["/connect/v2/generate"] = {"link": "https://connect.example/?token=hidden"}
    fake.answers["/aggregation/v1/customers/1/accounts/2/details"] = {
        "routingNumber": "021000089",
        "realAccountNumber": "40011122233",
    }
    link = await client.generate_link("1", webhook="https://ours.example/hook", webhook_data={"a": "b"})
    numbers = await client.get_ach_numbers("1", "2")
    shown = repr(client) + repr(link) + repr(numbers)
    assert not [word for word in ("partner-secret-1", "app-key-1", "hidden", "40011122233") if word in shown]
    assert numbers.real_account_number.reveal() == "40011122233"
    assert fake.body(1) == {
        "partnerId": "partner-1",
        "customerId": "1",
        "webhook": "https://ours.example/hook",
        "webhookContentType": "application/json",
        "webhookData": {"a": "b"},
        "singleUseUrl": True,
    }
    with pytest.raises(TypeError):
        pickle.dumps(client)


async def test_missing_settings_are_named_and_never_shown():
    with pytest.raises(FinicityConfigError, match="FINICITY_PARTNER_SECRET and FINICITY_APP_KEY"):
        FinicityClient.from_env({"FINICITY_PARTNER_ID": "p"})
    with pytest.raises(FinicityConfigError, match="test or production"):
        FinicityClient("p", "s", "k", environment="live")


async def test_status_codes_say_whose_turn_it_is():
    states = {code: state_of(code) for code in (None, 0, 103, 331, 948, 946, 169, 106, 931)}
    needs, passes = LoginState.NEEDS_USER, LoginState.TRANSIENT
    assert list(states.values()) == [
        LoginState.ACTIVE,
        LoginState.ACTIVE,
        needs,
        needs,
        needs,
        LoginState.ACCOUNT_GONE,
        LoginState.DUPLICATE,
        passes,
        passes,
    ]


async def test_blocking_client_does_the_same(fake, time):
    fake.answers[ACCOUNTS] = {"accounts": [account()]}
    fake.answers[ROWS] = page([transaction()])

    def work():
        http = httpx2.AsyncClient(transport=httpx2.MockTransport(fake.handle))
        with FinicitySyncClient(
            FinicityClient("p", "partner-secret-1", "k", http_client=http, timing=time.timing())
        ) as finicity:
            accounts = finicity.get_accounts("7005061234").accounts
            rows = finicity.get_transactions("7005061234", FROM, TO).transactions
            assert "partner-secret-1" not in repr(finicity)
        with pytest.raises(FinicityConfigError):
            finicity.get_accounts("7005061234")
        return [one.balance for one in accounts], len(rows)

    assert await asyncio.to_thread(work) == ([Decimal("401.26")], 1)
