"""Who may call what, and what a stranger learns."""

from typing import Any
from uuid import UUID

import pytest

from bursar.bootstrap import Platform
from bursar.domain.ids import new_id
from bursar.server.app import PUBLIC_PATHS, describe_app

DOCUMENT = describe_app().openapi()
SAFE = {"get", "head"}
ALIASES = {"/connections": "/bank_connections", "/accounts": "/bank_accounts"}


def operations() -> list[tuple[str, str, list[dict[str, Any]]]]:
    """Every (method, path template, parameters), the undocumented names of paths included."""
    found = []
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            names = [path]
            names += [
                path.replace(f"/api/v1{old}", f"/api/v1{new}", 1)
                for old, new in ALIASES.items()
                if path.startswith(f"/api/v1{old}")
            ]
            found += [(method.upper(), name, operation.get("parameters", [])) for name in names]
    return found


def fill(path: str, ids: dict[str, str]) -> str:
    return path.format_map(ids).removeprefix("/api/v1")


def without_id(answer: Any) -> dict[str, Any]:
    body = answer.json()
    body["error"].pop("request_id")
    body.pop("instance")
    return body


SOME_IDS = dict.fromkeys(
    "connection_id account_id transaction_id transfer_id import_id run_id gap_id erasure_id".split(),
    "0190f0c2-0000-7000-8000-000000000000",
) | {"slug": "plaid", "subject": "identity"}


async def refusals(user: Any, headers: Any) -> set[tuple[str, str, int, str]]:
    found = set()
    for method, path, _ in operations():
        if path in PUBLIC_PATHS:
            continue
        answer = await user.http.request(method, "/api/v1" + fill(path, SOME_IDS), headers=headers)
        body = answer.json()
        assert answer.headers["x-request-id"] == body["error"]["request_id"]
        assert answer.headers["www-authenticate"].startswith("Bearer")
        found.add((method, path, answer.status_code, body["error"]["code"]))
    return found


async def test_every_route_asks_for_a_living_token(platform: Platform, alice, new_user) -> None:
    revoked, expired = await new_user(), await new_user()
    await platform.access.revoke_tokens(revoked.tenant_id, name="test")
    async with platform.database.transaction(expired.tenant_id) as tx:
        await tx.execute("UPDATE api_tokens SET expires_at = created_at WHERE tenant_id = %s", [expired.tenant_id])
    cases = {
        "auth_required": [{}, {"Authorization": "Basic abc"}, {"Authorization": "Bearer "}],
        "invalid_token": [
            {"Authorization": "Bearer x"},
            {"Authorization": f"Bearer {alice.token[:-1]}"},
            {"Authorization": f"Bearer {revoked.token}"},
            {"Authorization": f"Bearer {expired.token}"},
            {"Authorization": "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0."},
        ],
    }
    for code, sent in cases.items():
        for headers in sent:
            found = await refusals(alice, headers)
            assert len(found) > 20
            assert {(status, told) for _, _, status, told in found} == {(401, code)}
    twice = [("Authorization", f"Bearer {alice.token}"), ("Authorization", f"Bearer {alice.token}")]
    assert (await alice.http.get("/api/v1/accounts", headers=twice)).status_code == 401
    lower = {"Authorization": f"bearer {alice.token}"}
    assert (await alice.http.get("/api/v1/accounts", headers=lower)).status_code == 200


async def test_public_addresses_are_exactly_those_that_are_listed(http) -> None:
    for path in PUBLIC_PATHS:
        if path.endswith("/webhooks/{provider}"):
            # Proven by the provider, and not by a token of ours.
            refused = await http.post(path.format(provider="flanks"), content=b"{}")
            assert (refused.status_code, refused.json()["error"]["code"]) == (404, "unknown_provider")
            continue
        assert (await http.get(path)).status_code == 200, path
    described = {
        path for path, methods in DOCUMENT["paths"].items() for each in methods.values() if not each.get("security")
    }
    assert described | {"/api/v1/openapi.json"} == PUBLIC_PATHS


async def test_reader_may_read_and_change_nothing(stocked, new_user) -> None:
    reader = await new_user(of=stocked, role="readonly")
    assert len(await reader.list("/transactions")) == 4
    changing = [
        (method, path) for method, path, _ in operations() if method.lower() not in SAFE and path not in PUBLIC_PATHS
    ]
    assert len(changing) >= 6
    for method, path in changing:
        answer = await reader.call(method, fill(path, SOME_IDS), content=b"{broken")
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "permission_denied"), path


@pytest.fixture
async def ids_of_alice(stocked) -> dict[str, str]:
    row = (await stocked.list("/transactions"))[0]
    (run,) = await stocked.list(f"/connections/{row['connection_id']}/syncs")
    (batch,) = await stocked.list("/imports")
    return {
        "connection_id": row["connection_id"],
        "account_id": row["account_id"],
        "transaction_id": row["id"],
        "import_id": batch["id"],
        "run_id": run["id"],
    }


async def everything(user: Any) -> dict[str, Any]:
    paths = "accounts transactions connections imports balance_snapshots balance_gaps changes rejected_records".split()
    return {path: await user.list(f"/{path}") for path in paths}


async def test_another_tenants_ids_answer_like_ids_that_never_were(stocked, bob, ids_of_alice) -> None:
    before = await everything(stocked)
    crossed = 0
    for method, path, parameters in operations():
        named = [each["name"] for each in parameters if each["in"] == "path" and each["name"] in ids_of_alice]
        if not named:
            continue
        missing = {name: str(new_id()) for name in ids_of_alice}
        theirs = await bob.call(method, fill(path, ids_of_alice))
        nobodys = await bob.call(method, fill(path, missing))
        malformed = await bob.call(method, fill(path, dict.fromkeys(ids_of_alice, "1")))
        assert theirs.status_code == nobodys.status_code == malformed.status_code == 404, (method, path, theirs.text)
        assert without_id(theirs) == without_id(nobodys) == without_id(malformed)
        assert without_id(theirs)["error"]["code"] == "resource_not_found"
        crossed += 1
    assert crossed > 15
    assert await everything(stocked) == before


async def test_another_tenants_ids_in_queries_and_bodies_show_nothing(stocked, bob, ids_of_alice) -> None:
    before = await everything(stocked)
    tried = 0
    for method, path, parameters in operations():
        for each in parameters:
            value = ids_of_alice.get("run_id" if each["name"] == "sync_run_id" else each["name"])
            if each["in"] == "query" and value:
                assert await bob.list(f"{fill(path, {})}?{each['name']}={value}") == []
                tried += 1
        if method == "GET" and "{" not in path and path not in PUBLIC_PATHS:
            answer = await bob.get(fill(path, {}))
            assert answer.status_code == 200
            assert not any(one in answer.text for one in [*ids_of_alice.values(), "COFFEE"])
    assert tried >= 5
    body = {"connection_id": ids_of_alice["connection_id"], "values": {"public_token": "x"}}
    theirs = await bob.post("/connections", json=body)
    nobodys = await bob.post("/connections", json=body | {"connection_id": str(UUID(int=0))})
    assert theirs.status_code == 404
    assert without_id(theirs) == without_id(nobodys)
    assert await everything(stocked) == before
