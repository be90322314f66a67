"""A user connects a bank through the API alone."""

import asyncio

from tests.integration.server.conftest import make_user

from bursar.server.schemas.accounts import HoldingOut
from bursar.server.schemas.base import ItemOf, PageOf
from bursar.server.schemas.connections import ConnectionOut
from bursar.server.schemas.runs import SyncRunOut


async def test_connect_sync_and_leave(banked) -> None:
    user = banked.user
    begun = await user.post("/connections", json={"provider": "plaid", "alias": "House bank"})
    assert begun.status_code == 201, begun.text
    pending = ItemOf[ConnectionOut].model_validate(begun.json()).data
    assert (pending.status, pending.alias, pending.action) == ("pending", "House bank", "connect")
    assert pending.connect is not None and pending.connect.link_token and pending.connect.needs == ["public_token"]
    assert begun.headers["location"] == f"/api/v1/connections/{pending.id}"
    assert (await user.get(f"/connections/{pending.id}")).json()["data"]["connect"] is None
    early = await user.post(f"/connections/{pending.id}/syncs")
    assert (early.status_code, early.json()["error"]["code"]) == (409, "invalid_transition")

    token = banked.consent(pending.connect.link_token)
    wrong = await user.post("/connections", json={"connection_id": str(pending.id), "public_token": "public-sandbox-x"})
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (400, "token_exchange_error")
    done = await user.post("/connections", json={"connection_id": str(pending.id), "values": {"public_token": token}})
    assert done.status_code == 200, done.text
    active = ItemOf[ConnectionOut].model_validate(done.json()).data
    assert (active.id, active.status, active.bank_id, active.action) == (pending.id, "active", "ins_109508", "wait")
    assert [each["id"] for each in await user.list("/bank_connections?status=active")] == [str(active.id)]
    assert await user.list("/connections?status=pending,expired") == []

    asked = await user.post(f"/connections/{active.id}/syncs")
    assert asked.status_code == 201
    run = ItemOf[SyncRunOut].model_validate(asked.json()).data
    assert asked.headers["location"] == f"/api/v1/syncs/{run.id}"
    assert run.status == "queued"
    waiting = asyncio.create_task(user.get(f"/syncs/{run.id}?wait=20"))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    await banked.platform.sync.run(user.tenant_id, active.id, run.id)
    ended = ItemOf[SyncRunOut].model_validate((await waiting).json()).data
    assert ended.status == "succeeded" and ended.transactions.created > 0
    rows = (await user.get(f"/bank_connections/{active.id}/transactions")).json()
    assert rows["meta"]["total"] == ended.transactions.created
    assert {row["bank_id"] for row in rows["data"]} == {"ins_109508"}
    accounts = await user.list("/bank_accounts")
    assert len(accounts) == ended.accounts.created
    holdings = [
        PageOf[HoldingOut].model_validate((await user.get(f"/accounts/{each['id']}/holdings")).json()).data
        for each in accounts
    ]
    assert sum(map(len, holdings)) == ended.holdings.created > 0

    renewal = await user.post(f"/connections/{active.id}/renewals", json={})
    assert renewal.status_code == 201 and renewal.json()["data"]["connect"]["link_token"]

    assert (await user.call("DELETE", f"/connections/{active.id}")).status_code == 204
    assert (await user.call("DELETE", f"/connections/{active.id}")).status_code == 404
    gone = (await user.get(f"/connections/{active.id}")).json()["data"]
    assert gone["status"] == "disconnected"
    assert (await user.get("/transactions")).json()["meta"]["total"] == ended.transactions.created
    late = await user.post(f"/connections/{active.id}/renewals")
    assert late.status_code == 409


async def test_names_of_the_bank_connection_form_work_too(banked) -> None:
    begun = await banked.user.post("/bank_connections", json={"bank_id": "ins_109508", "account_name": "Mine"})
    assert begun.status_code == 201, begun.text
    data = begun.json()["data"]
    assert (data["provider_slug"], data["bank_id"], data["alias"]) == ("plaid", "ins_109508", "Mine")


async def test_provider_is_asked_for_unless_only_one_can_be_connected(banked, alice) -> None:
    begun = await banked.user.post("/connections", json={})
    assert begun.status_code == 201, begun.text
    assert begun.json()["data"]["provider_slug"] == "plaid"
    # Alice's installation has the settings of none.
    refused = await alice.post("/connections", json={"bank_id": "ins_109508"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "validation_error")
    slugs = banked.platform.registry.providers
    assert len(slugs) > 1
    assert all(slug in refused.json()["detail"] for slug in slugs)


async def test_begin_and_finish_in_one_request(banked) -> None:
    user = banked.user
    begun = (await user.post("/connections", json={"provider": "plaid"})).json()["data"]
    token = banked.consent(begun["connect"]["link_token"])
    done = await user.post("/connections", json={"provider_slug": "plaid", "public_token": token})
    assert (done.status_code, done.json()["data"]["status"]) == (201, "active")
    failed = await user.post("/connections", json={"provider": "plaid", "public_token": "public-sandbox-x"})
    assert failed.status_code == 400
    assert len(await user.list("/connections?status=pending")) == 1


async def test_new_connection_is_finished_by_the_user_who_began_it(banked) -> None:
    other = await make_user(banked.platform, banked.user.http, of=banked.user, role="admin")
    begun = (await banked.user.post("/connections", json={"provider": "plaid"})).json()["data"]
    brought = {"connection_id": begun["id"], "public_token": banked.consent(begun["connect"]["link_token"])}
    refused = await other.post("/connections", json=brought)
    error = refused.json()["error"]
    assert (refused.status_code, error["code"], error["reason"]) == (400, "token_exchange_error", "sign_in_refused")
    assert "Start it again" in refused.json()["detail"]
    assert brought["public_token"] not in refused.text
    assert (await banked.user.get(f"/connections/{begun['id']}")).json()["data"]["status"] == "pending"
    done = await banked.user.post("/connections", json=brought)
    assert (done.status_code, done.json()["data"]["status"]) == (200, "active")
    # What is connected is the tenant's: anybody who may write renews it.
    assert (await other.post(f"/connections/{begun['id']}/renewals")).status_code == 201
    renewed = await other.post("/connections", json={"connection_id": begun["id"]})
    assert (renewed.status_code, renewed.json()["data"]["id"]) == (200, begun["id"])


async def test_missing_settings_are_named_to_the_operator_only(alice, new_user) -> None:
    answer = await alice.post("/connections", json={"provider": "plaid"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "provider_not_configured")
    assert "plaid_secret" in answer.json()["detail"]
    member = await new_user(of=alice, role="user")
    told = await member.post("/connections", json={"provider": "plaid"})
    assert told.status_code == 503
    assert "plaid_secret" not in told.text


async def test_connection_of_files_is_not_read_from_a_provider(stocked) -> None:
    (connection,) = await stocked.list("/connections")
    answer = await stocked.post(f"/connections/{connection['id']}/syncs")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "invalid_transition")


async def test_one_key_sent_twenty_times_connects_once(banked) -> None:
    user = banked.user
    body = {"provider": "plaid", "alias": "once"}
    headers = {"Idempotency-Key": "the-same-key"}
    answers = await asyncio.gather(*(user.post("/connections", json=body, headers=headers) for _ in range(20)))
    assert len(await user.list("/connections")) == 1
    first = [each for each in answers if each.status_code == 201 and "idempotency-replayed" not in each.headers]
    assert len(first) == 1
    for each in answers:
        if each.status_code == 201:
            assert each.content == first[0].content
            assert each.headers["location"] == first[0].headers["location"]
        else:
            assert (each.status_code, each.json()["error"]["code"]) == (409, "idempotency_in_progress")
            assert each.headers["retry-after"] == "1"
    replayed = await user.post("/connections", content=b'{"alias":"once", "provider":"plaid"}', headers=headers | _JSON)
    assert (replayed.status_code, replayed.headers["idempotency-replayed"]) == (201, "true")
    other = await user.post("/connections", json=body | {"alias": "twice"}, headers=headers)
    assert (other.status_code, other.json()["error"]["code"]) == (422, "idempotency_key_reused")


_JSON = {"Content-Type": "application/json"}


async def test_kept_answer_is_not_readable_in_the_database(banked) -> None:
    user = banked.user
    answer = await user.post("/connections", json={"provider": "plaid"}, headers={"Idempotency-Key": "k"})
    token = answer.json()["data"]["connect"]["link_token"]
    async with banked.platform.database.transaction(user.tenant_id) as tx:
        found = await tx.execute("SELECT body FROM idempotency_keys WHERE tenant_id = %s", [user.tenant_id])
        ((body,),) = await found.fetchall()
    assert token.encode() not in bytes(body)


async def test_keys_of_two_users_are_apart_and_refusals_are_replayed(alice, bob, statement) -> None:
    headers = {"Idempotency-Key": "k1"}
    assert (await alice.upload(b"hello", "a.xyz", headers=headers)).status_code == 415
    again = await alice.upload(b"hello", "a.xyz", headers=headers)
    assert (again.status_code, again.headers["idempotency-replayed"]) == (415, "true")
    file = statement([("05", "-3.50", "COFFEE")])
    assert (await alice.upload(file, headers=headers)).status_code == 422
    first = await bob.upload(file, headers=headers)
    repeated = await bob.upload(file, headers=headers)
    assert first.status_code == repeated.status_code == 201
    assert first.content == repeated.content
    assert len(await bob.list("/imports")) == 1
    for bad in ("", "x" * 256, "with space", "\u00e4".encode("latin-1")):
        assert (await bob.upload(file, headers={"Idempotency-Key": bad})).status_code == 400


async def test_failure_on_our_side_leaves_the_key_free(alice) -> None:
    headers = {"Idempotency-Key": "k2"}
    for _ in range(2):
        answer = await alice.post("/connections", json={"provider": "plaid"}, headers=headers)
        assert answer.status_code == 503
        assert "idempotency-replayed" not in answer.headers


async def test_pausing_is_shown_refuses_readings_and_is_undone(banked) -> None:
    user = banked.user
    begun = ConnectionOut(**(await user.post("/connections", json={"provider": "plaid"})).json()["data"])
    assert (begun.state, begun.reason, begun.action) == ("pending", "not_connected", "connect")
    token = banked.consent(begun.connect.link_token)
    done = await user.post("/connections", json={"connection_id": str(begun.id), "public_token": token})
    active = ConnectionOut(**done.json()["data"])
    assert (active.status, active.state, active.action) == ("active", "never_synced", "wait")
    for _ in range(2):
        answer = await user.post(f"/connections/{active.id}/pause")
        paused = ConnectionOut(**answer.json()["data"])
        assert (answer.status_code, paused.status, paused.state, paused.action) == (200, "active", "paused", "resume")
        assert paused.paused_at == paused.state_since is not None
    refused = await user.post(f"/connections/{active.id}/syncs")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "paused")
    runs = await user.list(f"/connections/{active.id}/syncs")
    assert [(run["status"], run["error"]["code"]) for run in runs] == [("cancelled", "paused")]
    for _ in range(2):
        answer = await user.post(f"/bank_connections/{active.id}/resume", json={})
        assert (answer.status_code, answer.json()["data"]["state"]) == (200, "never_synced")
    assert (await user.post(f"/connections/{active.id}/syncs")).status_code == 201
    await user.call("DELETE", f"/connections/{active.id}")
    gone = await user.post(f"/connections/{active.id}/pause")
    assert (gone.status_code, gone.json()["error"]["code"]) == (409, "invalid_transition")


async def test_connection_of_files_cannot_be_paused(stocked) -> None:
    (connection,) = await stocked.list("/connections")
    assert (connection["state"], connection["action"], connection["data_fresh_until"]) == ("ok", None, None)
    answer = await stocked.post(f"/connections/{connection['id']}/pause")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "invalid_transition")
