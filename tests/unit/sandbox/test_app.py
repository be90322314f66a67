"""The sandbox application without a socket: mounting, pace and in-process faults."""

from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any

import httpx2
import pytest

from bursar.providers.plaid.sandbox import SANDBOX, PlaidFace
from bursar.sandbox.app import create_app
from bursar.sandbox.faults import FaultKind
from bursar.sandbox.world import World

HEADERS = {"PLAID-CLIENT-ID": SANDBOX.client_id, "PLAID-SECRET": SANDBOX.secret}
PUBLIC_TOKEN = {"institution_id": "ins_109508", "initial_products": ["transactions"]}


@pytest.fixture
def world() -> World:
    return World(1, start=date(2026, 3, 2), history_days=5)


@pytest.fixture
async def client(world: World) -> AsyncIterator[httpx2.AsyncClient]:
    app = create_app(world, control_token="t", faces=[SANDBOX])
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://sandbox") as client:
        yield client


async def test_faces_are_served_under_their_slug(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/")).json()["faces"] == ["plaid"]
    answer = await client.post("/plaid/sandbox/public_token/create", json=PUBLIC_TOKEN, headers=HEADERS)
    assert answer.json()["public_token"].startswith("public-sandbox-")
    assert (await client.post("/teller/accounts")).status_code == 404


async def test_reset_without_a_socket_raises_in_the_caller(client: httpx2.AsyncClient, world: World) -> None:
    world.faults.add(FaultKind.RESET, path="/plaid")
    with pytest.raises(ConnectionResetError):
        await client.post("/plaid/item/get", json={}, headers=HEADERS)
    assert world.requests.list_all()[-1].status is None


async def test_same_requests_to_the_same_world_give_the_same_bytes() -> None:
    bodies = []
    for _ in range(2):
        world = World(6, start=date(2026, 3, 2), history_days=5)
        app = create_app(world, control_token="t", faces=[PlaidFace()])
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://sandbox") as client:
            answer = await client.post("/plaid/sandbox/public_token/create", json=PUBLIC_TOKEN, headers=HEADERS)
            bodies.append(answer.content)
    assert bodies[0] == bodies[1]


async def test_pace_lets_the_world_follow_a_stopwatch() -> None:
    world = World(1, start=date(2026, 3, 2), history_days=5)
    started_at, reading = world.now, [100.0]
    app = create_app(world, control_token="t", faces=[SANDBOX], pace=60, stopwatch=lambda: reading[0])
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://sandbox") as client:
        await client.get("/")
        assert world.now == started_at
        reading[0] += 90
        await client.get("/")
    assert world.now == started_at + timedelta(minutes=90)


async def test_app_advances_the_world_and_its_faces(world: World) -> None:
    app = create_app(world, control_token="t", faces=[SANDBOX])
    before = world.now
    await app.advance(timedelta(days=2))
    assert world.now == before + timedelta(days=2)


def test_control_plane_without_a_token_is_refused(world: World) -> None:
    with pytest.raises(ValueError, match="token"):
        create_app(world, control_token="", faces=[])


async def test_history_arrives_in_two_parts_when_the_face_says_so() -> None:
    world = World(1, start=date(2026, 3, 2), history_days=80)
    app = create_app(world, control_token="t", faces=[PlaidFace(history_delay=timedelta(hours=6))])
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://sandbox") as client:

        async def post(path: str, body: dict[str, Any]) -> dict[str, Any]:
            return (await client.post(f"/plaid{path}", json=body, headers=HEADERS)).json()

        public_token = (await post("/sandbox/public_token/create", PUBLIC_TOKEN))["public_token"]
        access_token = (await post("/item/public_token/exchange", {"public_token": public_token}))["access_token"]
        request = {"access_token": access_token, "count": 500}
        recent = await post("/transactions/sync", request)
        await app.advance(timedelta(hours=6))
        older = await post("/transactions/sync", {**request, "cursor": recent["next_cursor"]})
    assert recent["transactions_update_status"] == "INITIAL_UPDATE_COMPLETE"
    assert older["transactions_update_status"] == "HISTORICAL_UPDATE_COMPLETE"
    assert min(row["date"] for row in recent["added"]) >= "2026-01-31" > min(row["date"] for row in older["added"])
    ids = {row["transaction_id"] for page in (recent, older) for row in page["added"]}
    ids -= {row["transaction_id"] for page in (recent, older) for row in page["removed"]}
    kinds = ("checking", "savings", "credit-card", "loan")
    assert len(ids) == sum(len(world.truth(f"hudson-first-river-{kind}").rows) for kind in kinds)


async def test_login_ends_by_itself_when_the_face_says_so(world: World) -> None:
    face = PlaidFace(login_lifetime=timedelta(days=30))
    app = create_app(world, control_token="t", faces=[face])
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://sandbox") as client:

        async def post(path: str, body: dict[str, object]) -> dict[str, object]:
            return (await client.post(f"/plaid{path}", json=body, headers=HEADERS)).json()

        public_token = (await post("/sandbox/public_token/create", PUBLIC_TOKEN))["public_token"]
        access_token = (await post("/item/public_token/exchange", {"public_token": public_token}))["access_token"]
        await app.advance(timedelta(days=29))
        assert "accounts" in await post("/accounts/get", {"access_token": access_token})
        await app.advance(timedelta(days=1))
        refusal = await post("/accounts/get", {"access_token": access_token})
        assert refusal["error_code"] == "ITEM_LOGIN_REQUIRED"
