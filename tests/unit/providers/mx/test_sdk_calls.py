"""Does the client ask as MX documents it, and read every page of what comes back?"""

import pickle
from base64 import b64encode
from datetime import UTC, date, datetime
from decimal import Decimal
from urllib.parse import parse_qs

import httpx2
import pytest

from bursar.providers.mx import MXClient, MXError
from bursar.providers.mx.sdk import errors


def path(shapes, tail: str, method: str = "GET") -> str:
    return f"{method} /users/{shapes.user}/members/{shapes.member}{tail}"


def query(request: httpx2.Request) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(request.url.query.decode()).items()}


async def test_every_call_carries_the_credentials_and_the_version(client, wire, shapes):
    wire.answers[path(shapes, "/accounts")] = shapes.page("accounts", [shapes.account()])
    (account,) = await client.list_accounts(shapes.user, member=shapes.member)
    (request,) = wire.requests
    assert request.headers["authorization"] == "Basic " + b64encode(b"client-id:api-key-canary").decode()
    assert request.headers["accept-version"] == "v20250224"
    assert request.headers["accept"] == "application/json"
    assert str(request.url).startswith("https://int-api.mx.com/users/")
    assert (account.balance, account.imported_at) == (Decimal("1204.37"), datetime(2026, 7, 14, 9, 30, 11, tzinfo=UTC))


async def test_production_has_another_host(make_client, wire, shapes):
    wire.answers[path(shapes, "/accounts")] = shapes.page("accounts", [])
    await make_client(environment="production").list_accounts(shapes.user, member=shapes.member)
    assert wire.requests[0].url.host == "api.mx.com"
    with pytest.raises(ValueError, match="integration or production"):
        make_client(environment="sandbox")


@pytest.mark.parametrize("digits", ["0.1", "1234567.89", "12345678901234567.89", "1e2"])
async def test_amounts_keep_the_digits_of_the_text(client, wire, shapes, digits):
    body = shapes.page("transactions", [shapes.transaction()])
    text = httpx2.Response(200, json=body).content.replace(b"38.64", digits.encode())
    wire.answers[path(shapes, "/transactions")] = text
    (row,) = await client.list_transactions(shapes.user, member=shapes.member)
    assert row.amount == Decimal(digits)


async def test_quantity_is_a_text_and_exact(client, wire, shapes):
    holding = {"guid": "HOL-1", "account_guid": "ACT-1", "quantity": "0.000000000000000001", "market_value": 12.10}
    wire.answers[f"GET /users/{shapes.user}/investment_holdings"] = shapes.page("investment_holdings", [holding])
    (found,) = await client.list_holdings(shapes.user)
    assert found.quantity == Decimal("0.000000000000000001")


async def test_every_page_is_read_in_order(client, wire, shapes):
    rows = [shapes.transaction(number) for number in range(5)]
    wire.answers[path(shapes, "/transactions")] = lambda request: shapes.page(
        "transactions",
        rows[2 * (int(query(request)["page"]) - 1) :][:2],
        number=int(query(request)["page"]),
        pages=3,
        total=5,
    )
    found = await client.list_transactions(shapes.user, member=shapes.member)
    assert [row.guid for row in found] == [f"TRN-{number}" for number in range(5)]
    assert [query(request)["records_per_page"] for request in wire.requests] == ["500"] * 3


async def test_listing_that_moves_while_it_is_read_is_read_again(client, wire, shapes):
    rows = [shapes.transaction(number) for number in range(4)]
    wire.answers[path(shapes, "/transactions")] = [
        shapes.page("transactions", rows[:2], pages=2, total=3),
        shapes.page("transactions", rows[2:], number=2, pages=2, total=4),
        shapes.page("transactions", rows[:2], pages=2, total=4),
        shapes.page("transactions", rows[2:], number=2, pages=2, total=4),
    ]
    found = await client.list_transactions(shapes.user, member=shapes.member)
    assert [row.guid for row in found] == ["TRN-0", "TRN-1", "TRN-2", "TRN-3"]


@pytest.mark.parametrize(
    "second",
    [
        {"number": 1, "pages": 2, "total": 4},
        {"number": 2, "pages": 3, "total": 4},
        {"number": 2, "pages": 2, "total": 5},
    ],
    ids=["the_first_again", "another_count_of_pages", "another_total"],
)
async def test_pages_that_never_fit_together_are_an_error(client, wire, shapes, second):
    first = shapes.page("transactions", [shapes.transaction(0), shapes.transaction(1)], pages=2, total=4)
    other = shapes.page("transactions", [shapes.transaction(2), shapes.transaction(3)], **second)
    wire.answers[path(shapes, "/transactions")] = lambda request: first if query(request)["page"] == "1" else other
    with pytest.raises(errors.MXDataChangedError):
        await client.list_transactions(shapes.user, member=shapes.member)
    assert len(wire.requests) == 12


async def test_row_that_comes_twice_or_is_missing_means_to_read_again(client, wire, shapes):
    twice = [shapes.transaction(0), shapes.transaction(0)]
    wire.answers[path(shapes, "/transactions")] = [
        shapes.page("transactions", twice),
        shapes.page("transactions", twice[:1], total=2),
        shapes.page("transactions", [shapes.transaction(0), shapes.transaction(1)]),
    ]
    assert len(await client.list_transactions(shapes.user, member=shapes.member)) == 2


async def test_broken_row_costs_only_itself_and_names_its_place_in_the_whole(client, wire, shapes):
    broken = shapes.transaction(2, amount="1,234.50")
    pages = [
        shapes.page("transactions", [shapes.transaction(0), shapes.transaction(1)], pages=2, total=4),
        shapes.page("transactions", [broken, shapes.transaction(3)], number=2, pages=2, total=4),
    ]
    wire.answers[path(shapes, "/transactions")] = pages
    found = await client.list_transactions(shapes.user, member=shapes.member)
    assert [row.guid for row in found] == ["TRN-0", "TRN-1", "TRN-3"]
    (rejected,) = found.rejected
    assert (rejected.index, rejected.path) == (2, "transactions.2.amount")
    assert "1,234" not in repr(rejected)


async def test_filters_are_unix_seconds(client, wire, shapes):
    wire.answers[f"GET /users/{shapes.user}/accounts/ACT-1/transactions"] = shapes.page("transactions", [])
    await client.list_transactions(
        shapes.user,
        account="ACT-1",
        from_date=date(2026, 1, 31),
        to_date="2026-02-01",
        from_updated_at=datetime(2026, 1, 31, 1, 2, 3, tzinfo=UTC),
        includes=("merchants", "classifications"),
    )
    asked = query(wire.requests[0])
    assert (asked["from_date"], asked["to_date"]) == ("1769817600", "1769904000")
    assert (asked["from_updated_at"], asked["includes"]) == ("1769821323", "merchants,classifications")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"from_date": "2026-02-30"}, "write it as 2026-01-31"),
        ({"from_date": "31.01.2026"}, "write it as 2026-01-31"),
        ({"from_updated_at": datetime(2026, 1, 1)}, "has no zone"),  # noqa: DTZ001 - what is refused
        ({"from_date": date(2026, 2, 1), "to_date": date(2026, 1, 1)}, "from_date is after to_date"),
        ({"member": "MBR-1", "account": "ACT-1"}, "not both"),
        ({"account": ".."}, "no id at all"),
        ({"account": ""}, "no id at all"),
    ],
)
async def test_senseless_argument_is_refused_before_anything_is_sent(client, wire, shapes, arguments, says):
    with pytest.raises(errors.MXArgumentError, match=says):
        await client.list_transactions(shapes.user, **arguments)
    assert wire.requests == []


async def test_id_cannot_leave_its_place_in_the_path(client, wire, shapes):
    wire.answers[f"GET /users/{shapes.user}"] = {"user": {"guid": shapes.user}}
    with pytest.raises(KeyError, match=r"/users/%2Fusers|/users//users"):
        await client.get_user(f"/users/{shapes.user}?x=1#y")
    assert b"%2Fusers%2F" in wire.requests[0].url.raw_path
    assert b"%3Fx%3D1%23y" in wire.requests[0].url.raw_path


async def test_user_is_made_once_and_a_lost_answer_is_not_repeated(client, wire):
    wire.answers["POST /users"] = httpx2.Response(502)
    with pytest.raises(errors.MXServerError):
        await client.create_user(id="u-1")
    assert len(wire.requests) == 1
    assert wire.bodies() == [{"user": {"id": "u-1"}}]


async def test_widget_asks_for_repair_of_a_member(client, wire, shapes):
    wire.answers[f"POST /users/{shapes.user}/widget_urls"] = {
        "widget_url": {
            "type": "connect_widget",
            "url": "https://int-widgets.example/md/connect/abc-canary",
            "user_id": "u",
        }
    }
    widget = await client.request_widget_url(
        shapes.user, current_member_guid=shapes.member, update_credentials=True, products=("transactions",)
    )
    assert widget.url.reveal() == "https://int-widgets.example/md/connect/abc-canary"
    assert "canary" not in repr(widget)
    assert wire.bodies() == [
        {
            "widget_url": {
                "widget_type": "connect_widget",
                "mode": "aggregation",
                "data_request": {"products": ["transactions"]},
                "current_member_guid": shapes.member,
                "update_credentials": True,
                "ui_message_version": 4,
            }
        }
    ]


async def test_job_is_polled_less_and_less_often_until_it_is_done(client, wire, still, shapes):
    wire.answers[path(shapes, "/aggregate", "POST")] = httpx2.Response(202, json=shapes.status("PENDING"))
    running = shapes.status("PENDING", is_being_aggregated=True)
    wire.answers[path(shapes, "/status")] = [running, running, running, shapes.status()]
    done = await client.run_job(shapes.user, shapes.member, "aggregate")
    assert done.is_connected
    assert still.slept == [2.0, 3.0, 4.5]


async def test_job_waits_for_another_one_that_is_running(client, wire, shapes):
    accepted = httpx2.Response(202, json=shapes.status())
    wire.answers[path(shapes, "/identify", "POST")] = [httpx2.Response(409, json={}), accepted]
    wire.answers[path(shapes, "/status")] = [shapes.status(is_being_aggregated=True), shapes.status()]
    assert (await client.run_job(shapes.user, shapes.member, "identify")).is_connected
    assert [request.method for request in wire.requests].count("POST") == 2


async def test_job_that_never_ends_is_left_alone_after_five_minutes(client, wire, still, shapes):
    wire.answers[path(shapes, "/status")] = shapes.status(is_being_aggregated=True)
    with pytest.raises(errors.MXJobTimeoutError):
        await client.wait_until_done(shapes.user, shapes.member)
    assert 250 < sum(still.slept) <= 300


async def test_member_that_needs_its_user_is_not_waited_for(client, wire, still, shapes):
    wire.answers[path(shapes, "/status")] = shapes.status("CHALLENGED", is_being_aggregated=True)
    assert (await client.wait_until_done(shapes.user, shapes.member)).needs_user
    assert still.slept == []


async def test_unknown_job_is_refused_with_the_names_of_all(client, wire, shapes):
    with pytest.raises(errors.MXArgumentError, match="aggregate, check_balance"):
        await client.start_job(shapes.user, shapes.member, "dance")
    assert wire.requests == []


async def test_no_challenges_is_an_empty_list(client, wire, shapes):
    wire.answers[path(shapes, "/challenges")] = httpx2.Response(204)
    assert await client.list_challenges(shapes.user, shapes.member) == []


async def test_client_comes_from_the_environment_and_names_what_is_missing(client):
    with pytest.raises(ValueError, match="set MX_CLIENT_ID and MX_API_KEY"):
        MXClient.from_env({})
    made = MXClient.from_env({"MX_CLIENT_ID": "id", "MX_API_KEY": "canary", "MX_ENVIRONMENT": "production"})
    assert repr(made) == "MXClient(environment='production', base_url='https://api.mx.com')"
    with pytest.raises(TypeError):
        pickle.dumps(made)


STATUSES = {
    400: errors.MXRequestError,
    401: errors.MXCredentialsError,
    403: errors.MXForbiddenError,
    404: errors.MXNotFoundError,
    405: errors.MXResponseError,
    406: errors.MXVersionError,
    409: errors.MXConflictError,
    422: errors.MXRequestError,
    429: errors.MXRateLimitError,
    500: errors.MXServerError,
    502: errors.MXServerError,
    503: errors.MXServerError,
    504: errors.MXServerError,
}


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"error": {"message": "no", "type": "some_word"}}', "some_word"),
        (b'{"errors": ["no"], "error_code": "some_word"}', "some_word"),
        (b'{"error": "no"}', None),
        (b"plain text", None),
        (b"", None),
    ],
)
async def test_status_decides_and_any_body_is_read(client, wire, shapes, status, body, code):
    wire.answers[f"GET /users/{shapes.user}"] = httpx2.Response(status, content=body)
    with pytest.raises(MXError) as caught:
        await client.get_user(shapes.user)
    assert type(caught.value) is STATUSES[status]
    assert (caught.value.status, caught.value.code) == (status, code)
    assert shapes.user not in str(caught.value)


async def test_page_of_a_firewall_is_an_outage(client, wire, shapes):
    wire.answers[f"GET /users/{shapes.user}"] = httpx2.Response(403, html="<html>blocked</html>")
    with pytest.raises(errors.MXServerError):
        await client.get_user(shapes.user)


async def test_answer_that_quotes_the_request_shows_no_secret(client, wire, shapes):
    def echo(request: httpx2.Request) -> httpx2.Response:
        word = request.headers["authorization"].removeprefix("Basic ")
        return httpx2.Response(400, json={"error": {"type": word, "message": f"api-key-canary {word} {request.url}"}})

    wire.answers[f"GET /users/{shapes.user}"] = echo
    with pytest.raises(MXError) as caught:
        await client.get_user(shapes.user)
    said = f"{caught.value!r} {caught.value} {caught.value.code} {caught.value.body_excerpt}"
    assert "canary" not in said
    assert b64encode(b"client-id:api-key-canary").decode() not in said
    assert shapes.user not in said


async def test_rate_limit_names_a_minute_when_mx_names_nothing(client, wire, still, shapes):
    wire.answers[f"GET /users/{shapes.user}"] = httpx2.Response(429)
    with pytest.raises(errors.MXRateLimitError) as caught:
        await client.get_user(shapes.user)
    assert (caught.value.retry_at - still.now()).total_seconds() == 60
    assert len(wire.requests) == 1
