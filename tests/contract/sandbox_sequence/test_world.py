"""Does Sequence in front of the simulated world tell that world's truth, and nothing else?"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import httpx2
import pytest
from tests.contract.sandbox_sequence.conftest import PAYMENT, TRANSFERS

from bursar.converge.catalogue import FAULTS, Layer
from bursar.providers.sequence.sandbox import SANDBOX, TRAITS, SequenceFace
from bursar.providers.sequence.sandbox.otp import code_at
from bursar.sandbox.app import SandboxApp, create_app
from bursar.sandbox.faults import FaultKind
from bursar.sandbox.ledger import RowState
from bursar.sandbox.people import Account, Login
from bursar.sandbox.turmoil import build_turmoil
from bursar.sandbox.view import View
from bursar.sandbox.world import World

NEW_YORK = ZoneInfo("America/New_York")
START = date(2026, 3, 2)
MOVED = {"COMPLETE": RowState.SETTLED, "PENDING": RowState.PENDING, "PROCESSING": RowState.PENDING}
PENDING, GONE = {"PENDING", "PROCESSING", "PENDING_APPROVAL"}, {"FAILED", "CANCELLED", "ERROR"}

PLACES = """
query SelectSourceAndDestination { me { id memberships { organization {
  id
  kycs { id }
  pods { id name type metadata { id balance { cents formatted } } }
  ports { id name bankAccountNumber metadata { id balance { cents formatted } } }
  accounts { id }
} } } }
"""


@dataclass
class Access:
    """One user of the simulated Sequence, asked over HTTP without sockets."""

    app: SandboxApp
    login: Login
    answers: dict[str, str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.answers = dict(self.app.faces["sequence"].act("consent", TRAITS.login(self.login)))

    async def send(self, method: str, path: str, **options: Any) -> httpx2.Response:
        transport = httpx2.ASGITransport(self.app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://sandbox.test") as client:
            return await client.request(method, path, **options)

    async def post(self, query: str, **variables: Any) -> dict[str, Any]:
        answer = await self.send(
            "POST",
            "/sequence/api/graphql",
            json={"query": query, "variables": variables},
            headers={"authorization": f"Bearer {self.answers['access_token']}"},
        )
        return {"status": answer.status_code, **answer.json()}

    async def organization(self) -> dict[str, Any]:
        told = await self.post(PLACES)
        return told["data"]["me"]["memberships"][0]["organization"]

    async def transfers(self, first: int = 100) -> list[dict[str, Any]]:
        """Every transfer; begins anew when a cursor is refused."""
        for _ in range(20):
            found: list[dict[str, Any]] = []
            after = ""
            while True:
                told = await self.post(
                    TRANSFERS,
                    organizationId=self.answers["org_id"],
                    transferFilter={},
                    first=first,
                    after=after,
                )
                if "errors" in told:
                    assert told["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
                    break
                page = told["data"]["organization"]["transferReferences"]
                found += [edge["node"] for edge in page["edges"]]
                if not page["pageInfo"]["hasNextPage"]:
                    return found
                after = page["pageInfo"]["endCursor"]
        raise AssertionError("no listing came to its end")


def open_world(world: World, face: SequenceFace = SANDBOX) -> SandboxApp:
    return create_app(world, control_token="t", faces=[face])


def shown(world: World, login: Login) -> list[Account]:
    return [account for account in world.shown_accounts(login) if TRAITS.shows(account)]


def sides(transfer: dict[str, Any]) -> list[tuple[str, int]]:
    """The places that a transfer touches, each with what it does to it in cents."""
    cents = transfer["amount"]["cents"]
    found = [(transfer["source"], -cents), (transfer["destination"], cents)]
    return [(end["id"], signed) for end, signed in found if end["__typename"] in {"Pod", "Port"}]


def day_of(transfer: dict[str, Any]) -> date:
    return datetime.fromisoformat(transfer["createdAt"]).astimezone(NEW_YORK).date()


async def check_truth(app: SandboxApp, access: Access) -> int:
    """Everything that Sequence tells equals the world's truth; returns how many rows were compared."""
    world, face = app.world, app.faces["sequence"]
    organization = await access.organization()
    places = {one["id"]: one for one in (*organization["pods"], *organization["ports"])}
    accounts = {account.account_id: account for account in shown(world, access.login)}
    traced = {place_id: face.trace_account(place_id) for place_id in places}
    assert sorted(traced.values()) == sorted(accounts)
    told: dict[str, Counter] = {place_id: Counter() for place_id in places}
    for transfer in await access.transfers():
        assert sides(transfer)
        for place_id, signed in sides(transfer):
            assert face.trace_transaction(place_id, transfer["id"]) is not None
            if transfer["status"] in MOVED:
                told[place_id][day_of(transfer), signed, MOVED[transfer["status"]]] += 1
            else:
                assert transfer["status"] in {"FAILED", "CANCELLED"}
    count = 0
    for place_id, account_id in traced.items():
        truth = world.truth(account_id)
        expected = Counter((row.booked_on, int(row.amount * 100), row.state) for row in truth.rows)
        assert told[place_id] == expected, account_id
        leaving = sum(int(row.amount * 100) for row in truth.pending if row.amount < 0)
        assert places[place_id]["metadata"]["balance"]["cents"] == int(truth.balance * 100) + leaving
        count += sum(expected.values())
    return count


@pytest.mark.parametrize("seed", range(1, 7))
async def test_all_that_is_told_equals_the_truth_whatever_the_bank_does(seed: int) -> None:
    world_faults = [code for code, fault in FAULTS.items() if fault.layer is Layer.WORLD]
    view = View(seed, dict.fromkeys(world_faults, 0.15))
    world = build_turmoil(seed, tenants=3, start=START, days=30, view=view, currencies=("USD",))
    app = open_world(world)
    accesses = [Access(app, login) for login in world.logins]
    compared = 0
    for _ in range(12):
        for access in accesses:
            compared += await check_truth(app, access)
        await app.advance(timedelta(days=7, hours=5))
        for access in accesses:
            access.__post_init__()
    assert compared > 50
    assert view.hits["A8", "world"]
    assert view.hits["A6", "world"]


async def test_family_of_the_sandbox_is_told_as_it_is() -> None:
    world = World(11, start=START, history_days=120)
    app = open_world(world)
    compared, empty = 0, 0
    for login in world.logins:
        access = Access(app, login)
        compared += await check_truth(app, access)
        if not shown(world, login):
            # Nothing in dollars: the login works, and there is nothing behind it.
            empty += 1
            assert (await access.organization())["pods"] == []
            assert await access.transfers() == []
    assert compared > 200
    assert empty


async def test_id_stays_from_pending_to_complete_and_to_failed() -> None:
    world = World(11, start=START, history_days=20)
    app = open_world(world)
    login = next(login for login in world.logins if shown(world, login))
    account, access = shown(world, login)[0], Access(app, login)
    before = {one["id"] for one in await access.transfers()}
    world_id = world.script.add_pending(account.account_id, Decimal("-12.34"), "COFFEE 123")

    async def find() -> dict[str, Any]:
        [one] = [one for one in await access.transfers() if one["id"] not in before]
        return one

    pending = await find()
    assert pending["status"] in {"PENDING", "PROCESSING"}
    assert pending["details"]["status"]["completedAt"] is None
    world.script.post(world_id, amount=Decimal("-13.00"))
    settled = await find()
    assert (settled["id"], settled["status"], settled["amount"]["cents"]) == (pending["id"], "COMPLETE", 1_300)
    world.script.remove(world_id)
    failed = await find()
    assert (failed["id"], failed["status"], failed["errorReason"]) == (pending["id"], "FAILED", "PAYMENT_FAILED")
    world.script.restore(world_id)
    assert (await find())["status"] == "COMPLETE"
    cancelled_id = world.script.add_pending(account.account_id, Decimal("5.00"), "REFUND")
    before.add(pending["id"])
    assert (await find())["direction"] == "INCOMING"
    world.script.cancel(cancelled_id)
    assert (await find())["status"] == "CANCELLED"


async def test_transfer_between_own_accounts_is_one_with_both_ends() -> None:
    found = 0
    for seed in range(1, 15):
        world = build_turmoil(seed, tenants=3, start=START, days=20, view=View(seed), currencies=("USD",))
        app = open_world(world)
        await app.advance(timedelta(days=25))
        for login in world.logins:
            for transfer in await Access(app, login).transfers():
                ends = sides(transfer)
                if len(ends) == 2:
                    found += 1
                    assert transfer["direction"] == "INTERNAL"
                    face = app.faces["sequence"]
                    rows = [face.trace_transaction(place_id, transfer["id"]) for place_id, _ in ends]
                    assert len(set(rows)) == 2
    assert found > 3


async def test_payment_moves_money_in_the_world() -> None:
    world = World(11, start=START, history_days=60)
    app = open_world(world)
    login = next(login for login in world.logins if len(shown(world, login)) == 2)
    access = Access(app, login)
    organization = await access.organization()
    [port], [pod] = organization["ports"], organization["pods"]
    face = app.faces["sequence"]
    accounts = [face.trace_account(place["id"]) for place in (port, pod)]
    before = [world.balance(account_id) for account_id in accounts]
    variables = {
        "id": access.answers["kyc_id"],
        "source": {"id": port["id"], "type": "PORT"},
        "destination": {"id": pod["id"], "type": "POD"},
        "amount": 1_234,
    }
    for _ in range(2):
        paid = await access.post(PAYMENT, **variables)
        assert paid["data"]["forKYC"]["createPayment"]["error"] is None
    after = [world.balance(account_id) for account_id in accounts]
    assert [int((new - old) * 100) for new, old in zip(after, before, strict=True)] == [-2_468, 2_468]
    newest = (await access.transfers())[:2]
    assert [(one["amount"]["cents"], one["status"], one["description"]) for one in newest] == [
        (1_234, "COMPLETE", "Top up")
    ] * 2
    assert newest[0]["id"] != newest[1]["id"]
    assert (newest[0]["source"]["id"], newest[0]["destination"]["id"]) == (port["id"], pod["id"])
    refused = await access.post(PAYMENT, **variables | {"amount": 10**9})
    assert refused["data"]["forKYC"]["createPayment"]["error"]["message"] == "Insufficient funds"
    await check_truth(app, access)


FACE_FAULTS = [code for code, fault in FAULTS.items() if fault.layer is Layer.FACE and code not in TRAITS.immune]


async def test_every_fault_that_is_not_declared_impossible_is_shown_and_passes() -> None:
    # A page that comes twice and an old answer are the wire's doing.
    codes = [code for code in FACE_FAULTS if code not in {"C9", "C12"}]
    assert set(codes) == {"A13", "A15", "A16", "C10", "C11"}
    struck: Counter[str] = Counter()
    for seed in range(1, 5):
        view = View(seed, dict.fromkeys(codes, 0.25))
        world = build_turmoil(seed, tenants=3, start=START, days=20, view=view, currencies=("USD",))
        app = open_world(world)
        accesses = [Access(app, login) for login in world.logins if shown(world, login)]
        for _ in range(6):
            for access in accesses:
                access.__post_init__()
                await access.organization()
                for transfer in await access.transfers(first=7):
                    assert transfer["status"] in {"COMPLETE", *PENDING, *GONE}
            await app.advance(timedelta(days=4, hours=7))
        view.stop()
        world.view.shares.pop("A15")
        for access in accesses:
            access.__post_init__()
            await check_truth(app, access)
        struck.update({code: count for (code, place), count in view.hits.items() if place == "sequence"})
    assert set(codes) <= set(struck)


async def test_what_is_declared_impossible_is_never_shown() -> None:
    view = View(3, dict.fromkeys(TRAITS.immune, 1.0))
    world = build_turmoil(3, tenants=2, start=START, days=20, view=view, currencies=("USD",))
    app = open_world(world)
    for login in world.logins:
        await check_truth(app, Access(app, login))
    assert not [place for _, place in view.hits if place == "sequence"]


async def test_session_ends_and_another_login_begins_one() -> None:
    world = World(11, start=START, history_days=5)
    app = open_world(world)
    access = Access(app, world.logins[0])
    face = app.faces["sequence"]
    assert (await access.post(PLACES))["status"] == 200
    action, arguments = TRAITS.end_consent(access.answers["user_id"])
    face.act(action, arguments)
    assert (await access.post(PLACES))["status"] == 401
    body = {"grant_type": "refresh_token", "client_id": SANDBOX.client_id}
    body["refresh_token"] = access.answers["refresh_token"]
    assert (await access.send("POST", "/sequence/identity/oauth/token", json=body)).status_code == 403
    old = access.answers
    access.__post_init__()
    assert (await access.post(PLACES))["status"] == 200
    assert access.answers["org_id"] == old["org_id"]
    body["refresh_token"] = access.answers["refresh_token"]
    refreshed = await access.send("POST", "/sequence/identity/oauth/token", json=body)
    access.answers["access_token"] = refreshed.json()["access_token"]
    assert (await access.post(PLACES))["status"] == 200
    await app.advance(timedelta(days=1))
    assert (await access.post(PLACES))["status"] == 401
    with pytest.raises(KeyError):
        face.act(action, {"user_id": "nobody"})


async def test_login_pages_lead_back_below_the_face() -> None:
    moment = datetime(2026, 3, 2, tzinfo=UTC)
    world = World(11, start=START, history_days=5)
    app = open_world(world, SequenceFace(wall_clock=lambda: moment))
    access = Access(app, world.logins[0])
    asked = {
        "response_type": "token",
        "client_id": SANDBOX.client_id,
        "redirect_uri": "http://sandbox.test/sequence/callback",
        "state": "s",
    }
    assert "Log in" in (await access.send("GET", "/sequence/")).text
    where = (await access.send("GET", "/sequence/identity/authorize", params=asked)).headers["location"]
    for name in ("email", "password", "totp"):
        assert where.startswith("/sequence/identity/u/"), where
        fields = {"email": "username", "password": "password", "totp": "code"}
        value = access.answers[name]
        value = code_at(value, int(moment.timestamp()) // 30) if name == "totp" else value
        where = (await access.send("POST", where, data={fields[name]: value})).headers["location"]
    back = (await access.send("GET", where)).headers["location"]
    assert back.startswith("http://sandbox.test/sequence/callback#access_token=")


async def test_faults_of_the_wire_speak_as_sequence_does() -> None:
    world = World(11, start=START, history_days=5)
    app = open_world(world)
    access = Access(app, world.logins[0])
    world.faults.add(FaultKind.ERROR_BODY, path="/sequence", status=500)
    told = await access.post(PLACES)
    assert told["status"] == 200
    assert told["errors"][0]["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    world.faults.add(FaultKind.STATUS, path="/sequence", status=429, retry_after_s=9)
    assert (await access.post(PLACES))["errors"][0]["extensions"]["code"] == "RATE_LIMITED"


async def test_two_servers_of_one_seed_answer_alike() -> None:
    told = []
    for _ in range(2):
        world = build_turmoil(5, tenants=2, start=START, days=20, view=View(5, {"A13": 0.2, "A15": 0.2}))
        app = open_world(world)
        await app.advance(timedelta(days=9))
        told.append(
            [[await Access(app, login).organization(), await Access(app, login).transfers()] for login in world.logins]
        )
    assert told[0] == told[1]
