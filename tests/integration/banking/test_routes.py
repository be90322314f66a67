"""The banking routes of a bare FastAPI application, over real HTTP."""

import asyncio
import logging
import socket
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest
from fastapi import Depends, FastAPI, HTTPException, Request

from bursar.banking import add_banking
from bursar.sandbox.faults import FaultKind


@pytest.fixture
def app(banking) -> FastAPI:
    app = FastAPI()
    assert add_banking(app, banking, rate_limit=None) is banking
    return app


@pytest.fixture
async def client(app, token, serve):
    return await serve(app, token)


async def test_provider_is_returned_and_kept_in_the_state_of_the_application(app, banking) -> None:
    assert app.state.banking_provider is banking


async def test_accounts_balances_and_transactions_have_the_promised_envelopes(client) -> None:
    accounts = (await client.get("/banking/accounts")).json()
    assert accounts.keys() == {"accounts", "meta"}
    assert accounts["meta"] == {"complete": True, "rejected": 0}
    assert len(accounts["accounts"]) == 5
    assert all(isinstance(one["balance"], str) for one in accounts["accounts"])
    balances = (await client.get("/banking/balances")).json()["balances"]
    assert {one["account_id"] for one in balances} == {one["id"] for one in accounts["accounts"]}
    answer = (await client.get("/banking/transactions?start_date=2026-02-01&end_date=2026-02-28&page_size=20")).json()
    assert answer.keys() == {"transactions", "count", "meta"}
    assert answer["count"] == len(answer["transactions"]) == 20
    assert answer["meta"]["total"] > 50
    assert answer["meta"] | {"total": 0} == {
        "total": 0,
        "page": 1,
        "page_size": 20,
        "total_pages": -(-answer["meta"]["total"] // 20),
        "complete": True,
        "rejected": 0,
    }
    assert all(isinstance(one["amount"], str) for one in answer["transactions"])


async def test_everything_is_asked_for_page_by_page_without_asking_the_bank_again(client, bank) -> None:
    window = "start_date=2026-02-01&end_date=2026-02-28"
    first = (await client.get(f"/banking/transactions?{window}")).json()
    assert (first["meta"]["page"], first["meta"]["page_size"]) == (1, 50)
    asked = len(bank.paths())
    rows = first["transactions"]
    for page in range(2, first["meta"]["total_pages"] + 2):
        rows += (await client.get(f"/banking/transactions?{window}&page={page}")).json()["transactions"]
    assert len({row["id"] for row in rows}) == len(rows) == first["meta"]["total"]
    assert len(bank.paths()) == asked


async def test_every_filter_of_the_address_holds(client) -> None:
    rows = (await client.get("/banking/transactions?start_date=2026-01-02&page_size=200")).json()["transactions"]

    async def found(query: str) -> list[dict]:
        answer = await client.get(f"/banking/transactions?start_date=2026-01-02&page_size=200&{query}")
        assert answer.status_code == 200, answer.text
        return answer.json()["transactions"]

    size = lambda row: abs(Decimal(row["amount"]))  # noqa: E731 - read as a key
    assert await found("min_amount=10.00&max_amount=100.00") == [row for row in rows if 10 <= size(row) <= 100]
    corner = await found("merchant_name=corner")
    assert corner
    assert corner == [row for row in rows if "corner" in (row["merchant_name"] or "").lower()]
    food = await found("category=Food%20%26%20Drink")
    assert food
    assert food == [row for row in rows if row["category"] == "Food & Drink"]
    assert await found("category=Food%20%26%20Drink&category=income") == [
        row for row in rows if row["category"] in ("Food & Drink", "Income")
    ]
    assert await found("category=No%20Such%20Thing") == []
    account = rows[0]["account_id"]
    assert await found(f"account_id={account}") == [row for row in rows if row["account_id"] == account]
    assert await found("exclude_pending=true") == [row for row in rows if not row["pending"]]
    assert [size(row) for row in await found("sort_by=amount&sort_order=desc")] == sorted(map(size, rows), reverse=True)
    assert await found("merchant=corner&order=asc") == await found("merchant_name=corner&sort_order=asc")
    everything = await found(
        f"min_amount=10&max_amount=100&merchant_name=corner&category=food_and_drink&account_id={account}"
        "&exclude_pending=true&sort_by=date&sort_order=desc&page=1&end_date=2026-03-02"
    )
    assert everything == [row for row in corner if row["account_id"] == account and 10 <= size(row) <= 100]


async def test_without_days_the_last_thirty_are_told(client, bank) -> None:
    rows = (await client.get("/banking/transactions?page_size=200")).json()["transactions"]
    assert min(row["date"] for row in rows) >= "2026-01-31"
    assert rows[0]["date"] >= "2026-03-01"


NO_SENSE = [
    "start_date=2026-02-30",
    "start_date=20260201",
    "start_date=1767225600",
    "start_date=2026-02-28&end_date=2026-02-01",
    "start_date=2027-01-01",
    "page=0",
    "page_size=201",
    "page_size=0",
    "sort_by=colour",
    "sort_order=up",
    "min_amount=-1",
    "min_amount=NaN",
    "min_amount=ten",
    "min_amount=10&max_amount=5",
    "exclude_pending=perhaps",
    "merchant=a&merchant_name=b",
]


async def test_parameters_that_make_no_sense_are_422_before_anything_is_sent(client, bank) -> None:
    asked = len(bank.paths())
    for query in NO_SENSE:
        answer = await client.get(f"/banking/transactions?{query}")
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input"), query
    assert len(bank.paths()) == asked


async def test_unknown_account_is_404(client) -> None:
    answer = await client.get("/banking/transactions?account_id=nobody")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


DATA = [
    ("GET", "/accounts"),
    ("POST", "/accounts/refresh"),
    ("GET", "/transactions"),
    ("POST", "/transactions/refresh"),
    ("GET", "/balances"),
    ("POST", "/balances/refresh"),
    ("GET", "/identity"),
    ("GET", "/balance-history?account_id=a"),
    ("GET", "/accounts/a/history"),
    ("DELETE", "/item"),
]


async def test_every_route_with_data_wants_a_bearer_token(app, serve, bank) -> None:
    client = await serve(app)
    for header in (None, "Bearer", "Basic dXNlcjpwYXNz", "access-sandbox-1"):
        for method, path in DATA:
            answer = await client.request(
                method, f"/banking{path}", headers={"Authorization": header} if header else {}
            )
            assert answer.status_code == 401, (header, path)
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert "Authorization: Bearer" in answer.json()["detail"]
    assert bank.paths() == []


async def test_secret_in_an_address_is_refused_with_an_explanation(client, bank) -> None:
    asked = len(bank.paths())
    for method, path in [*DATA, ("POST", "/link"), ("POST", "/exchange"), ("POST", "/webhooks/plaid")]:
        for name in ("access_token", "ACCESS_TOKEN", "public_token", "client_secret", "token"):
            joined = "&" if "?" in path else "?"
            answer = await client.request(method, f"/banking{path}{joined}{name}=token-canary")
            assert (answer.status_code, answer.json()["code"]) == (400, "secret_in_query"), (path, name)
            assert "Authorization: Bearer" in answer.json()["detail"]
            assert "canary" not in answer.text
    assert len(bank.paths()) == asked


async def test_access_log_of_the_server_masks_a_token_in_an_address(banking, token, caplog) -> None:
    import httpx2
    import uvicorn

    app = FastAPI()
    add_banking(app, banking)

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", access_log=True))
    with caplog.at_level(logging.INFO, "uvicorn.access"):
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:  # noqa: ASYNC110 - the server has no event to wait for
            await asyncio.sleep(0.01)
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with httpx2.AsyncClient(base_url=address, verify=False) as client:
            assert (await client.get(f"/banking/accounts?access_token={token}&page=1")).status_code == 400
        server.should_exit = True
        await serving
    lines = [record.getMessage() for record in caplog.records if record.name == "uvicorn.access"]
    assert any("/banking/accounts?access_token=***&page=1" in line for line in lines)
    assert not any(token in line for line in lines)


async def test_answers_stay_out_of_caches_on_the_way(client) -> None:
    for path in ("/accounts", "/transactions", "/balances"):
        assert (await client.get(f"/banking{path}")).headers["cache-control"] == "no-store"


async def test_answers_are_kept_and_refreshed_when_asked(client, bank) -> None:
    for path, question in [("accounts", "/accounts/get"), ("balances", "/accounts/get")]:
        first = await client.get(f"/banking/{path}")
        asked = bank.paths().count(question)
        assert (await client.get(f"/banking/{path}")).json() == first.json()
        assert bank.paths().count(question) == asked
        assert (await client.post(f"/banking/{path}/refresh")).json() == first.json()
        assert bank.paths().count(question) == asked + 1
    await client.get("/banking/transactions")
    asked = bank.paths().count("/transactions/get")
    await client.get("/banking/transactions?category=income")
    assert bank.paths().count("/transactions/get") == asked
    assert (await client.post("/banking/transactions/refresh?category=income")).json()["count"] >= 0
    assert bank.paths().count("/transactions/get") > asked


async def test_one_user_does_not_get_what_is_kept_for_another(client, bank, banking) -> None:
    mine = (await client.get("/banking/accounts")).json()
    other = await bank.link(banking)
    theirs = (await client.get("/banking/accounts", headers=client.as_user(other))).json()
    assert {one["id"] for one in mine["accounts"]}.isdisjoint(one["id"] for one in theirs["accounts"])


async def test_user_links_a_bank_from_the_beginning_to_the_end(app, serve, bank) -> None:
    client = await serve(app)
    link = (await client.post("/banking/link", json={"user_id": "user_123"})).json()
    assert (link["provider"], link["kind"], link["needs"]) == ("plaid", "link_token", ["public_token"])
    public_token = bank.sign_in(link["link_token"])
    brought = {"user_id": "user_123", "link_session": link["link_session"], "public_token": public_token}
    answer = await client.post("/banking/exchange", json=brought)
    assert answer.headers["cache-control"] == "no-store"
    item = answer.json()
    assert item["institution_name"] == "First Platypus Bank"
    accounts = await client.get("/banking/accounts", headers=client.as_user(item["access_token"]))
    assert len(accounts.json()["accounts"]) == 5
    again = await client.post("/banking/exchange", json=brought)
    assert (again.status_code, again.json()["code"]) == (401, "link_expired")
    assert public_token not in again.text


BODIES = [
    ("/link", {}),
    ("/link", {"user_id": ""}),
    ("/link", {"user_id": "u", "options": {"products": "assets"}}),
    ("/link", {"user_id": "u", "webhook_url": "https://elsewhere.example"}),
    ("/link", []),
    ("/exchange", {"user_id": "u", "link_session": "s", "public_token": 5}),
    ("/exchange", {"user_id": "u", "link_session": "s", "public_token": "canary", "more": {"nested": "canary"}}),
    ("/exchange", {"user_id": "u", "public_token": "canary"}),
    ("/exchange", {"link_session": "s", "public_token": "canary"}),
    ("/exchange", {}),
]


async def test_bodies_that_make_no_sense_are_422_and_not_repeated(client) -> None:
    for path, body in BODIES:
        answer = await client.post(f"/banking{path}", json=body)
        assert answer.status_code == 422, body
        assert "canary" not in answer.text


async def test_login_that_must_sign_in_again_is_409_and_renewed_by_link(client, bank, token) -> None:
    bank.break_item(token, "ITEM_LOGIN_REQUIRED")
    answer = await client.get("/banking/accounts")
    assert (answer.status_code, answer.json()["code"]) == (409, "login_required")
    link = (await client.post("/banking/link", json={"user_id": "user_123", "update": True})).json()
    assert link["needs"] == []
    bank.sign_in(link["link_token"])
    assert (await client.get("/banking/accounts")).status_code == 200


async def test_renewal_without_a_token_is_401(app, serve) -> None:
    client = await serve(app)
    assert (await client.post("/banking/link", json={"user_id": "u", "update": True})).status_code == 401


async def test_dead_token_is_401(client) -> None:
    headers = client.as_user("access-sandbox-00000000-0000-4000-8000-000000000000")
    answer = await client.get("/banking/accounts", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'


async def test_failures_of_the_provider_have_one_answer_on_every_route(client, bank) -> None:
    for path in ("/accounts", "/transactions", "/balances", "/balance-history?account_id=a"):
        await has_one_answer(client, bank, path)
        bank.world.faults.clear()


async def has_one_answer(client, bank, path: str) -> None:
    bank.fault(FaultKind.STATUS, "/accounts/get", status=429, times=None)
    throttled = await client.get(f"/banking{path}")
    assert (throttled.status_code, throttled.json()["retryable"]) == (503, True)
    assert int(throttled.headers["retry-after"]) > 0
    bank.world.faults.clear()
    bank.fault(FaultKind.STATUS, "/accounts/get", status=503, times=None)
    assert (await client.get(f"/banking{path}")).status_code == 503
    bank.world.faults.clear()
    with bank.saying("/accounts/get", b'{"accounts": "private-canary"}', 200):
        broken = await client.get(f"/banking{path}")
    assert (broken.status_code, broken.json()["code"]) == (502, "unexpected_payload")
    assert "canary" not in broken.text


async def test_removed_login_is_forgotten(client, bank) -> None:
    assert (await client.get("/banking/accounts")).status_code == 200
    assert (await client.delete("/banking/item")).status_code == 204
    assert "/item/remove" in bank.paths()
    assert (await client.get("/banking/accounts")).status_code == 401


async def test_hundred_requests_a_minute_and_then_a_wait(banking, token, serve) -> None:
    app = FastAPI()
    add_banking(app, banking)
    client = await serve(app, token)
    answers = [(await client.get("/banking/balances")).status_code for _ in range(110)]
    assert answers[:100] == [200] * 100
    assert 429 in answers
    refused = await client.get("/banking/balances")
    while refused.status_code != 429:
        refused = await client.get("/banking/balances")
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert refused.json()["code"] == "rate_limited"
    assert (await client.post("/banking/webhooks/nobody")).status_code == 404  # what providers send is not counted


async def test_application_with_users_keeps_the_token_to_itself(banking, token, serve) -> None:
    app = FastAPI()
    vault = {"ada": token, "ben": None}

    async def token_of(request: Request) -> str | None:
        user = request.headers.get("x-user", "")
        if user not in vault:
            raise HTTPException(403, "who are you?")
        return vault[user]

    add_banking(app, banking, token_resolver=token_of)
    client = await serve(app)
    assert (await client.get("/banking/accounts", headers={"x-user": "ada"})).status_code == 200
    nobody = await client.get("/banking/accounts", headers={"x-user": "ben"})
    assert (nobody.status_code, nobody.json()["detail"]) == (404, "No bank connected")
    assert (await client.get("/banking/accounts")).status_code == 403


async def test_routes_can_be_guarded_by_the_application(banking, token, serve) -> None:
    def only_ada(request: Request) -> None:
        if request.headers.get("x-user") != "ada":
            raise HTTPException(403)

    app = FastAPI()
    add_banking(app, banking, dependencies=[Depends(only_ada)])
    client = await serve(app, token)
    assert (await client.post("/banking/link", json={"user_id": "u"})).status_code == 403
    assert (await client.post("/banking/link", json={"user_id": "u"}, headers={"x-user": "ada"})).status_code == 200


SIX = [
    ("post", "/link"),
    ("post", "/exchange"),
    ("get", "/accounts"),
    ("get", "/transactions"),
    ("get", "/balances"),
    ("get", "/identity"),
    ("get", "/balance-history"),
    ("get", "/accounts/{account_id}/history"),
    ("post", "/accounts/refresh"),
    ("delete", "/item"),
    ("post", "/webhooks/{provider}"),
]


@pytest.mark.parametrize("prefix", ["/banking", "/api/v1/bank", ""])
async def test_docs_and_schema_are_under_the_prefix_and_typed(banking, serve, prefix) -> None:
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url="/whole.json")
    add_banking(app, banking, prefix=prefix)
    client = await serve(app)
    schema = (await client.get(f"{prefix}/openapi.json")).json()
    for method, path in SIX:
        operation = schema["paths"][f"{prefix}{path}"][method]
        if method != "delete":
            assert "$ref" in operation["responses"]["200"]["content"]["application/json"]["schema"]
        named = {one["name"] for one in operation.get("parameters", ())}
        assert not any("token" in name for name in named)
    listing = schema["paths"][f"{prefix}/transactions"]["get"]
    assert {one["name"] for one in listing["parameters"]} == {
        *("start_date", "end_date", "min_amount", "max_amount", "merchant_name", "category", "account_id"),
        *("exclude_pending", "sort_by", "sort_order", "page", "page_size"),
    }
    assert listing["security"] == [{"HTTPBearer": []}]
    row = schema["components"]["schemas"]["Transaction"]["properties"]
    assert row["amount"]["type"] == "string"
    page = (await client.get(f"{prefix}/docs")).text
    assert all(f"{prefix}{path}" in page for _, path in SIX)
    assert "<script" not in page
    whole = (await client.get("/whole.json")).json()["paths"]
    assert f"{prefix}/accounts" in whole
    assert f"{prefix}/docs" not in whole


@pytest.mark.parametrize("prefix", ["banking", "/banking/", "/"])
def test_prefix_that_is_none_is_refused(banking, prefix) -> None:
    with pytest.raises(ValueError, match="begins with a slash"):
        add_banking(FastAPI(), banking, prefix=prefix)


def test_application_without_credentials_does_not_start(monkeypatch) -> None:
    for name in ("TELLER_CERTIFICATE_PATH", "TELLER_CERT_PATH", "TELLER_CERTIFICATE", "PLAID_CLIENT_ID"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ValueError, match="No banking provider credentials found"):
        add_banking(FastAPI())


async def test_own_provider_is_closed_with_the_application_and_its_lifespan_is_kept(bank, monkeypatch) -> None:
    for name, value in bank.environ.items():
        monkeypatch.setenv(name, value)
    told: list[str] = []

    @asynccontextmanager
    async def lifespan(app: FastAPI):
        told.append("begin")
        yield {"mark": 1}
        told.append("end")

    app = FastAPI(lifespan=lifespan)
    banking = add_banking(app)
    assert banking.provider == "plaid"
    async with app.router.lifespan_context(app) as state:
        assert state == {"mark": 1}
        token = await bank.link(banking)
        assert len(await banking.get_accounts(token)) == 5
        assert banking._engine._running is not None
    assert told == ["begin", "end"]
    assert banking._engine._running is None


async def test_callers_at_once_cost_one_reading(client, bank) -> None:
    asked = bank.paths().count("/accounts/get")
    answers = await asyncio.gather(*(client.get("/banking/accounts") for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert bank.paths().count("/accounts/get") - asked == 1
