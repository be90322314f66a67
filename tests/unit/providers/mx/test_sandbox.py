"""Does the simulated MX behave as the wire contract says? Asked without any client of ours."""

import re
from base64 import b64encode
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx2
import pytest

from bursar.sandbox.faults import FaultKind
from bursar.sandbox.people import AccountKind

GUID = re.compile(
    r"(USR|MBR|ACT|TRN|HOL|INS|CRD|ACO|ACN)-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
)
HEADERS = {
    "authorization": "Basic " + b64encode(b"sandbox-client-id:sandbox-api-key-mx").decode(),
    "accept-version": "v20250224",
}


class Caller:
    """Speaks to the simulator with nothing but HTTP."""

    def __init__(self, bench: Any) -> None:
        self.bench = bench
        self.http = httpx2.AsyncClient()

    async def __call__(self, method: str, path: str, body: Any = None, **options: Any) -> httpx2.Response:
        headers = options.pop("headers", HEADERS)
        return await self.http.request(method, self.bench.url + path, json=body, headers=headers, **options)

    async def get(self, path: str, **query: Any) -> Any:
        answer = await self("GET", path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
async def open_caller(simulate):
    from contextlib import AsyncExitStack

    async with AsyncExitStack() as stack:

        async def run(**settings: Any) -> Caller:
            caller = Caller(await stack.enter_async_context(simulate(**settings)))
            stack.push_async_callback(caller.http.aclose)
            return caller

        yield run


@pytest.fixture
async def caller(open_caller) -> Caller:
    return await open_caller()


async def make_member(caller: Caller, password: str = "pass_good", user: str | None = None) -> tuple[str, str]:
    if user is None:
        user = (await caller("POST", "/users", {"user": {"id": "u-1"}})).json()["user"]["guid"]
    fields = (await caller.get("/institutions/mxbank/credentials"))["credentials"]
    typed = {"username": "user_good", "password": password}
    made = await caller(
        "POST",
        f"/users/{user}/members",
        {
            "member": {
                "institution_code": "mxbank",
                "credentials": [{"guid": one["guid"], "value": typed[one["field_name"]]} for one in fields],
            }
        },
    )
    assert made.status_code == 202, made.text
    return user, made.json()["member"]["guid"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({**HEADERS, "authorization": "Basic eA=="}, 401),
        ({"authorization": HEADERS["authorization"]}, 406),
        ({**HEADERS, "accept-version": "v20111101"}, 406),
    ],
)
async def test_credentials_come_before_the_version(caller, headers, status):
    answer = await caller("GET", "/users", headers=headers)
    assert answer.status_code == status
    assert set(answer.json()["error"]) == {"status", "type", "message"}


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/nowhere", None, 404),
        ("PATCH", "/users", None, 405),
        ("GET", "/users/USR-nobody", None, 404),
        ("GET", "/institutions/nobody", None, 404),
        ("POST", "/users", {"user": "u"}, 400),
        ("POST", "/users", [], 400),
        ("GET", "/users?page=one", None, 400),
        ("GET", "/users?page=0", None, 400),
    ],
)
async def test_wrong_request_is_refused(caller, method, path, body, status):
    assert (await caller(method, path, body)).status_code == status


async def test_user_lives_from_post_to_delete(caller):
    made = (await caller("POST", "/users", {"user": {"id": "u-1", "email": "a@example.test"}})).json()["user"]
    assert GUID.fullmatch(made["guid"])
    assert (await caller("POST", "/users", {"user": {"id": "u-1"}})).status_code == 409
    assert (await caller.get("/users/u-1"))["user"] == made
    changed = await caller("PUT", f"/users/{made['guid']}", {"user": {"is_disabled": True}})
    assert changed.json()["user"]["is_disabled"] is True
    assert (await caller("GET", "/users/u-1/members")).status_code == 403
    assert (await caller.get("/users"))["pagination"]["total_entries"] == 1
    assert (await caller("DELETE", "/users/u-1")).status_code == 204
    assert (await caller("GET", "/users/u-1")).status_code == 404


async def test_member_goes_through_its_states(open_caller):
    caller = await open_caller(job_duration=timedelta(seconds=10))
    user, member = await make_member(caller, "challenge")
    at = f"/users/{user}/members/{member}"

    async def status() -> Any:
        return (await caller.get(f"{at}/status"))["member"]

    first = await status()
    assert (first["connection_status"], first["is_being_aggregated"]) == ("CREATED", True)
    assert first["has_processed_accounts"] is False
    assert (await caller.get(f"{at}/accounts"))["accounts"] == []
    assert (await caller("GET", f"{at}/challenges")).status_code == 204
    caller.bench.world.advance(timedelta(seconds=10))
    assert (await status())["connection_status"] == "CHALLENGED"
    (challenge,) = (await caller.get(f"{at}/challenges"))["challenges"]
    answered = {"member": {"challenges": [{"guid": challenge["guid"], "value": "correct"}]}}
    assert (await caller("PUT", f"{at}/resume", answered)).status_code == 202
    assert (await status())["connection_status"] == "RESUMED"
    assert (await caller("PUT", f"{at}/resume", answered)).status_code == 422
    caller.bench.world.advance(timedelta(seconds=10))
    last = await status()
    assert (last["connection_status"], last["has_processed_transactions"]) == ("CONNECTED", True)
    assert len((await caller.get(f"{at}/accounts"))["accounts"]) == 5


async def test_wrong_password_and_wrong_answer_are_told_by_the_state(caller):
    user, denied = await make_member(caller, "wrong")
    assert (await caller.get(f"/users/{user}/members/{denied}"))["member"]["connection_status"] == "DENIED"
    await caller("DELETE", f"/users/{user}/members/{denied}")
    _, asked = await make_member(caller, "challenge", user)
    at = f"/users/{user}/members/{asked}"
    (challenge,) = (await caller.get(f"{at}/challenges"))["challenges"]
    await caller("PUT", f"{at}/resume", {"member": {"challenges": [{"guid": challenge["guid"], "value": "no"}]}})
    assert (await caller.get(f"{at}/status"))["member"]["connection_status"] == "REJECTED"


async def test_jobs_run_one_at_a_time_on_the_clock_of_the_world(open_caller):
    caller = await open_caller(job_duration=timedelta(seconds=10))
    user, member = await make_member(caller)
    at = f"/users/{user}/members/{member}"
    caller.bench.world.advance(timedelta(seconds=10))

    async def running() -> bool:
        return (await caller.get(f"{at}/status"))["member"]["is_being_aggregated"]

    # Within three hours of the last one it is answered in the same way, and nothing happens.
    assert (await caller("POST", f"{at}/aggregate")).status_code == 202
    assert not await running()
    caller.bench.world.advance(timedelta(hours=3))
    assert (await caller("POST", f"{at}/aggregate")).status_code == 202
    assert await running()
    assert (await caller("POST", f"{at}/aggregate")).status_code == 202
    assert (await caller("POST", f"{at}/verify")).status_code == 409
    assert (await caller("POST", f"{at}/dance")).status_code == 404
    caller.bench.world.advance(timedelta(seconds=10))
    assert not await running()


async def test_owners_and_numbers_come_after_their_jobs_only(caller):
    user, member = await make_member(caller)
    at = f"/users/{user}/members/{member}"
    for listing, job in (("account_owners", "identify"), ("account_numbers", "verify")):
        assert (await caller.get(f"{at}/{listing}"))[listing] == []
        await caller("POST", f"{at}/{job}")
        assert (await caller.get(f"{at}/{listing}"))[listing]
    numbers = (await caller.get(f"{at}/account_numbers"))["account_numbers"]
    world = caller.bench.world
    known = {one.number for one in world.accounts.values() if one.kind in (AccountKind.CHECKING, AccountKind.SAVINGS)}
    assert {one["account_number"] for one in numbers} <= known


async def test_debts_are_positive_and_amounts_have_no_sign(caller):
    user, member = await make_member(caller)
    world = caller.bench.world
    accounts = (await caller.get(f"/users/{user}/members/{member}/accounts"))["accounts"]
    for one in accounts:
        assert GUID.fullmatch(one["guid"])
        account = world.accounts[caller.bench.server.trace_account(one["guid"])]
        truth = world.balance(account.account_id)
        truth += sum((position.value for position in world.positions(account.account_id)), Decimal(0))
        owed = account.kind in (AccountKind.CREDIT_CARD, AccountKind.LOAN)
        assert Decimal(str(one["balance"])) == (-truth if owed else truth)
        assert one["account_number"].endswith(account.mask)
        assert account.number not in one["account_number"]
    rows = (await caller.get(f"/users/{user}/transactions", from_date=0, records_per_page=1000))["transactions"]
    assert {one["type"] for one in rows} == {"CREDIT", "DEBIT"}
    assert all(one["amount"] >= 0 for one in rows)
    assert {one["guid"] for one in rows if not GUID.fullmatch(one["guid"])} == set()


async def test_quantity_is_a_text_and_other_numbers_are_numbers(caller):
    user, member = await make_member(caller)
    (brokerage,) = [
        one
        for one in (await caller.get(f"/users/{user}/accounts"))["accounts"]
        if one["type"] == "INVESTMENT"
    ]  # fmt: skip
    held = (await caller.get(f"/users/{user}/accounts/{brokerage['guid']}/investment_holdings"))["investment_holdings"]
    assert held == (await caller.get(f"/users/{user}/members/{member}/investment_holdings"))["investment_holdings"]
    assert all(isinstance(one["quantity"], str) for one in held)
    assert all(isinstance(one["market_value"], float | int) for one in held)


async def test_pages_have_25_rows_and_at_most_1000(caller):
    user, member = await make_member(caller)
    at = f"/users/{user}/members/{member}/transactions"
    account = next(one for one in caller.bench.world.accounts.values() if one.kind is AccountKind.CHECKING)
    for number in range(60):
        caller.bench.world.script.add_settled(account.account_id, Decimal(-number - 1), "ONE OF MANY")
    first = await caller.get(at)
    assert len(first["transactions"]) == first["pagination"]["per_page"] == 25
    total = first["pagination"]["total_entries"]
    assert first["pagination"] == {
        "current_page": 1, "per_page": 25, "total_entries": total, "total_pages": -(-total // 25),
    }  # fmt: skip
    assert (await caller.get(at, records_per_page=5000))["pagination"]["per_page"] == 1000
    assert (await caller.get(at, records_per_page=1))["pagination"]["per_page"] == 10
    guids = [
        row["guid"]
        for page in range(1, first["pagination"]["total_pages"] + 1)
        for row in (await caller.get(at, page=page))["transactions"]
    ]
    assert len(guids) == len(set(guids)) == total
    assert (await caller.get("/institutions", name="bank", records_per_page=1000))["pagination"]["per_page"] == 100


async def test_filters_bound_the_day_and_the_instant_of_the_last_change(caller):
    user, member = await make_member(caller)
    at = f"/users/{user}/members/{member}/transactions"
    world = caller.bench.world
    everything = await caller.get(at, from_date=0, records_per_page=1000)
    world.advance(timedelta(minutes=1))
    await caller.get(at, from_date=0)
    world.advance(timedelta(minutes=1))
    changed = next(
        row for row in world.truth(next(iter(world.logins[0].accounts)).account_id).settled if row.trade is None
    )
    world.script.modify(changed.world_id, description="CHANGED")
    since = int(world.now.timestamp())
    found = await caller.get(at, from_date=0, from_updated_at=since)
    assert [row["original_description"] for row in found["transactions"]] == ["CHANGED"]
    day = everything["transactions"][0]["date"]
    stamp = int(datetime.fromisoformat(f"{day}T00:00:00+00:00").timestamp())
    on_day = await caller.get(at, from_date=stamp, to_date=stamp, records_per_page=1000)
    assert {row["date"] for row in on_day["transactions"]} == {day}


async def test_data_that_changes_between_pages_is_told_by_the_totals(caller):
    user, member = await make_member(caller)
    at = f"/users/{user}/members/{member}/transactions"
    caller.bench.world.faults.add(FaultKind.MUTATE_BETWEEN_PAGES, path=f"/mx{at}", page=1)
    first = await caller.get(at, records_per_page=10)
    second = await caller.get(at, records_per_page=10, page=2)
    assert second["pagination"]["total_entries"] == first["pagination"]["total_entries"] + 1


async def test_bank_that_is_down_or_not_read_yet_shows_in_the_state(caller):
    user, member = await make_member(caller)
    at = f"/users/{user}/members/{member}/status"
    caller.bench.world.faults.add(FaultKind.INSTITUTION_DOWN, path="/mx", times=1)
    assert (await caller.get(at))["member"]["connection_status"] == "FAILED"
    caller.bench.world.faults.add(FaultKind.NOT_READY, path="/mx", times=1)
    assert (await caller.get(at))["member"]["has_processed_accounts"] is False
    assert (await caller.get(at))["member"]["connection_status"] == "CONNECTED"


async def test_member_belongs_to_its_user_alone(caller):
    user, member = await make_member(caller)
    other = (await caller("POST", "/users", {"user": {"id": "u-2"}})).json()["user"]["guid"]
    for tail in ("", "/status", "/accounts", "/transactions", "/account_owners"):
        assert (await caller("GET", f"/users/{other}/members/{member}{tail}")).status_code == 404
    account = (await caller.get(f"/users/{user}/accounts"))["accounts"][0]["guid"]
    assert (await caller("GET", f"/users/{other}/accounts/{account}/transactions")).status_code == 404


async def test_same_seed_gives_the_same_guids(open_caller):
    guids = []
    for _ in range(2):
        caller = await open_caller()
        user, member = await make_member(caller)
        listed = await caller.get(f"/users/{user}/members/{member}/transactions")
        guids.append([user, member, *(row["guid"] for row in listed["transactions"])])
    assert guids[0] == guids[1]


@pytest.mark.parametrize(
    ("action", "arguments", "error"),
    [
        ("dance", {}, KeyError),
        ("set_status", {"member_guid": "MBR-nobody", "status": "EXPIRED"}, KeyError),
        ("subscribe", {}, KeyError),
    ],
)
async def test_unknown_action_is_a_key_error(caller, action, arguments, error):
    with pytest.raises(error):
        caller.bench.server.act(action, arguments)
