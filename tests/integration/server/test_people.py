"""Owners, retention, erasure and the audit trail over the API, and what of them a log may show."""

import logging
from typing import Any
from uuid import UUID

import pytest

from bursar.domain.result import Success

WHY = "loan application 4711"


@pytest.fixture
async def account(banked: Any) -> dict[str, Any]:
    """The first account of a bank that was connected over the API and read."""
    begun = (await banked.user.post("/connections", json={"provider": "plaid"})).json()["data"]
    token = banked.consent(begun["connect"]["link_token"])
    done = await banked.user.post(
        "/connections", json={"connection_id": begun["id"], "values": {"public_token": token}}
    )
    assert done.status_code == 200, done.text
    read = await banked.platform.sync.sync_now(banked.user.tenant_id, UUID(begun["id"]))
    assert isinstance(read, Success)
    first = (await banked.user.list("/accounts"))[0]
    return first | {"connection_id": begun["id"]}


async def refresh(user: Any, account: dict[str, Any], **body: Any) -> Any:
    return await user.post(f"/accounts/{account['id']}/owners/refresh", json=body)


async def test_owners_are_null_until_asked_for_and_each_look_is_recorded(banked, account) -> None:
    user = banked.user
    path = f"/accounts/{account['id']}/owners"
    before = await user.get(f"{path}?reason={WHY}")
    assert before.status_code == 200
    assert before.json()["data"]["owners"] is None
    asked = await refresh(user, account, reason=WHY)
    assert asked.status_code == 200, asked.text
    assert asked.json()["data"]["is_changed"] is True
    shown = (await user.get(f"{path}?reason={WHY}")).json()["data"]
    assert len(shown["owners"]) == asked.json()["data"]["owner_count"]
    assert shown["owners"][0]["names"][0]
    assert shown["owners"][0]["emails"]
    assert shown["owners"][0]["names"][0] not in asked.text
    events = await user.list(f"/audit_events?subject_id={account['id']}&event_type=owners.read,owners.requested")
    assert [event["event_type"] for event in events] == ["owners.read", "owners.requested", "owners.read"]
    assert {event["data"]["reason"] for event in events} == {WHY}
    assert {event["actor_user_id"] for event in events} == {str(user.user_id)}


async def test_without_a_reason_nothing_is_shown(banked, account) -> None:
    for answer in (
        await banked.user.get(f"/accounts/{account['id']}/owners"),
        await banked.user.get(f"/accounts/{account['id']}/owners?reason=%20"),
        await refresh(banked.user, account),
    ):
        assert answer.status_code == 400
        assert answer.json()["error"]["details"][0]["field"] == "reason"


async def test_roles_decide_who_sees_owners_and_who_destroys(banked, account, log_lines) -> None:
    from tests.integration.server.conftest import make_user

    reader = await make_user(banked.platform, banked.user.http, of=banked.user, role="readonly")
    member = await make_user(banked.platform, banked.user.http, of=banked.user, role="user")
    assert (await reader.get(f"/accounts/{account['id']}/owners?reason={WHY}")).status_code == 403
    assert (await member.get(f"/accounts/{account['id']}/owners?reason={WHY}")).status_code == 200
    for answer in (
        await member.post("/tenant/erasures", json={"confirm": "erase everything"}),
        await member.call("PUT", "/retention_policies/identity", json={"keep_days": 1}),
        await member.post("/retention_runs", json={"dry_run": False}),
        await member.call("DELETE", f"/connections/{account['connection_id']}?erase=true"),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "permission_denied"), answer.text
    assert len(await banked.user.list("/accounts")) > 1


async def test_account_from_a_file_says_that_nobody_can_be_asked(stocked) -> None:
    account = (await stocked.list("/accounts"))[0]
    answer = await refresh(stocked, account, reason=WHY)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "invalid_transition")
    assert "nobody to ask" in answer.json()["error"]["message"]


async def test_policies_are_set_counted_applied_and_removed(banked, account) -> None:
    user = banked.user
    assert await user.list("/retention_policies") == []
    wrong = await user.call("PUT", "/retention_policies/identity", json={"keep_days": 0})
    assert wrong.status_code == 400
    assert (await user.call("PUT", "/retention_policies/everything", json={"keep_days": 9})).status_code == 404
    put = await user.call("PUT", "/retention_policies/transaction_texts", json={"keep_days": 7})
    assert put.json()["data"]["keep_days"] == 7
    counted = (await user.post("/retention_runs")).json()["data"]
    assert counted["dry_run"] is True
    assert counted["row_count"] > 0
    assert all(row["description"] for row in await user.list("/transactions?per_page=100"))
    applied = (await user.post("/retention_runs", json={"dry_run": False})).json()["data"]
    assert applied["row_count"] == counted["row_count"]
    rows = await user.list("/transactions?per_page=100")
    forgotten = [row for row in rows if row["texts_removed_at"]]
    assert forgotten
    assert {(row["description"], row["counterparty"], row["reference"]) for row in forgotten} == {("", None, None)}
    assert (await user.call("DELETE", "/retention_policies/transaction_texts")).status_code == 204
    assert (await user.call("DELETE", "/retention_policies/transaction_texts")).status_code == 404


async def test_audit_trail_is_paged_by_cursor_without_repeats(banked, account) -> None:
    user = banked.user
    for _ in range(5):
        await user.get(f"/accounts/{account['id']}/owners?reason={WHY}")
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (await user.get(f"/audit_events?limit=2&cursor={cursor}")).json()
        seen += [event["id"] for event in page["data"]]
        cursor = page["meta"]["next_cursor"]
        await user.get(f"/accounts/{account['id']}/owners?reason={WHY}")
    assert len(seen) == len(set(seen)) == 5
    foreign = await user.get("/audit_events?limit=2&cursor=abc")
    assert foreign.status_code == 400
    assert (await user.get("/audit_events?event_type=nonsense")).status_code == 400


async def test_connection_is_erased_with_its_rows(banked, account) -> None:
    user = banked.user
    answer = await user.call("DELETE", f"/connections/{account['connection_id']}?erase=true")
    assert answer.status_code == 204, answer.text
    assert await user.list("/accounts") == []
    assert await user.list("/transactions") == []
    again = await user.call("DELETE", f"/connections/{account['connection_id']}?erase=true")
    assert again.status_code == 404


async def test_erasure_of_a_connection_is_proven_to_its_tenant_and_to_nobody_else(banked, account, log_lines) -> None:
    from tests.integration.server.conftest import make_user

    user, erased = banked.user, account["connection_id"]
    assert await user.list("/tenant/erasures") == []
    account_count = (await user.get("/accounts")).json()["meta"]["total"]
    row_count = (await user.get("/transactions")).json()["meta"]["total"]
    assert (await user.call("DELETE", f"/connections/{erased}?erase=true")).status_code == 204
    (proof,) = await user.list("/tenant/erasures")
    assert proof | {"id": "", "erased_at": "", "audit_hash": ""} == {
        "id": "",
        "connection_id": erased,
        "provider": "plaid",
        "erased_at": "",
        "actor_user_id": str(user.user_id),
        "account_count": account_count,
        "transaction_count": row_count,
        "revoked_upstream": "yes",
        "not_revoked_code": None,
        "audit_position": 2,
        "audit_hash": "",
    }
    found = await banked.platform.audit.check(user.tenant_id)
    assert (proof["audit_position"], proof["audit_hash"]) == (found.length, found.head)
    assert (await user.get(f"/tenant/erasures/{proof['id']}")).json()["data"] == proof
    assert await user.list(f"/tenant/erasures?connection_id={erased}") == [proof]
    assert await user.list(f"/tenant/erasures?connection_id={proof['id']}") == []
    reader = await make_user(banked.platform, user.http, of=user, role="readonly")
    assert await reader.list("/tenant/erasures") == [proof]
    stranger = await make_user(banked.platform, user.http)
    assert await stranger.list("/tenant/erasures") == []
    assert (await stranger.get(f"/tenant/erasures/{proof['id']}")).status_code == 404
    # An event of another kind is no proof of an erasure.
    left = next(one for one in await user.list("/audit_events") if one["event_type"] == "connection.left")
    assert (await user.get(f"/tenant/erasures/{left['id']}")).status_code == 404


async def test_tenant_is_erased_once_it_is_meant_and_its_token_with_it(banked, account) -> None:
    user = banked.user
    assert (await user.post("/tenant/erasures", json={"confirm": "yes"})).status_code == 400
    assert len(await user.list("/accounts")) > 1
    answer = await user.post("/tenant/erasures", json={"confirm": "erase everything"})
    assert answer.status_code == 201, answer.text
    proof = answer.json()["data"]
    assert (proof["revoked_count"], proof["not_revoked"]) == (1, [])
    assert proof["row_counts"]["accounts"] > 1
    assert (await user.get("/accounts")).status_code == 401
    (kept,) = await banked.platform.erasure.list_proofs(user.tenant_id)
    assert str(kept.id) == proof["id"]


async def test_at_debug_no_name_no_token_and_no_reason_is_logged(banked, account, caplog, log_lines) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger().setLevel(logging.DEBUG)
    user = banked.user
    await refresh(user, account, reason=WHY)
    shown = await user.get(f"/accounts/{account['id']}/owners?reason={WHY}")
    (owner, *_) = shown.json()["data"]["owners"]
    await user.post("/tenant/erasures", json={"confirm": "erase everything"})
    said = log_lines.getvalue() + caplog.text
    assert "/owners" in said
    private = [
        *owner["names"],
        *owner["emails"],
        *owner["phones"],
        user.token,
        WHY,
        WHY.replace(" ", "%20"),
        WHY.replace(" ", "+"),
    ]
    private += [line for address in owner["addresses"] for line in address["lines"]]
    assert not [text for text in private if text in said]
