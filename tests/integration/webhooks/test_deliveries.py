"""Webhooks that a provider sends over real HTTP: what becomes of them, in order and out of order?"""

from datetime import timedelta

from bursar.domain.connections import ConnectionStatus
from bursar.domain.sync import SyncStatus, SyncTrigger


async def test_change_at_the_bank_is_read_without_a_schedule_or_a_request(stage) -> None:
    connection = await stage.connect_and_read()
    before = await stage.runs(connection)
    stage.change_bank()
    async with stage.working():
        # The simulator signs and sends, and waits for our answer.
        await stage.advance(seconds=1)
        runs = await stage.until_idle(connection, len(before) + 1)
    assert (runs[0].trigger, runs[0].status) == (SyncTrigger.WEBHOOK, SyncStatus.SUCCEEDED)
    await stage.assert_equal_truth()
    codes = {code for (code,) in stage.query("SELECT code FROM webhook_notices")}
    assert {"TRANSACTIONS.SYNC_UPDATES_AVAILABLE", "TRANSACTIONS.DEFAULT_UPDATE"} <= codes


async def test_several_notices_about_one_login_make_one_run(stage) -> None:
    connection = await stage.connect_and_read()
    count = len(await stage.runs(connection))
    for number in range(5):
        stage.change_bank(f"-{number + 1}.00")
        await stage.advance(seconds=2)
    (waiting,) = stage.query("SELECT count(*) FROM webhook_notices WHERE followed_at IS NULL")
    assert waiting[0] >= 10
    assert len(await stage.runs(connection)) == count
    async with stage.working():
        runs = await stage.until_idle(connection, count + 1)
    assert len(runs) == count + 1
    await stage.assert_equal_truth()


async def test_delivery_is_answered_before_anything_is_read(stage) -> None:
    connection = await stage.connect_and_read()
    stage.change_bank()
    stage.wire.answers.clear()
    answer = await stage.deliver(stage.make_delivery(connection))
    assert (answer.status_code, answer.json()) == (200, {"data": {"status": "received"}})
    asked = [one.path for one in stage.wire.answers]
    assert set(asked) <= {"/plaid/webhook_verification_key/get"}
    jobs = stage.query("SELECT queue_name, args FROM procrastinate_jobs WHERE status = 'todo'")
    # A job that carries nothing: what is to be done stands in the database.
    assert ("notices", {}) in jobs


async def test_doubled_delivery_is_one_notice_and_one_run(stage) -> None:
    connection = await stage.connect_and_read()
    count = len(await stage.runs(connection))
    stage.change_bank()
    delivery = stage.make_delivery(connection)
    answers = [await stage.deliver(delivery) for _ in range(3)]
    async with stage.working():
        await stage.until_idle(connection, count + 1)
        answers.append(await stage.deliver(delivery))
        runs = await stage.until_idle(connection, count + 1)
    assert [answer.status_code for answer in answers] == [200] * 4
    assert len({answer.content for answer in answers}) == 1
    assert len(runs) == count + 1
    assert stage.query("SELECT repeat_count FROM webhook_notices ORDER BY received_at DESC LIMIT 1") == [(3,)]
    await stage.assert_equal_truth()


async def test_reordered_and_delayed_deliveries_change_nothing_but_the_moment(stage) -> None:
    connection = await stage.connect_and_read()
    count = len(await stage.runs(connection))
    kept = []
    for number in range(4):
        stage.change_bank(f"-{number + 1}.50")
        stage.world.advance(timedelta(seconds=50))
        kept.append(stage.make_delivery(connection))
    async with stage.working():
        for delivery in reversed(kept):
            assert (await stage.deliver(delivery)).status_code == 200
        await stage.until_idle(connection, count + 1)
        await stage.assert_equal_truth()
        # One that comes when all is read already finds nothing new.
        stage.world.advance(timedelta(seconds=50))
        late = stage.make_delivery(connection)
        stage.world.advance(timedelta(seconds=250))
        assert (await stage.deliver(late)).status_code == 200
        runs = await stage.until_idle(connection, count + 2)
    assert runs[0].counts["transactions"]["created"] == 0
    await stage.assert_equal_truth()


async def test_lost_deliveries_are_made_up_for_by_the_schedule(stage) -> None:
    connection = await stage.connect_and_read()
    count = len(await stage.runs(connection))
    stage.change_bank()
    stage.world.advance(timedelta(hours=25))
    assert await stage.platform.sync.schedule_due(every=timedelta(hours=24)) == 1
    async with stage.working():
        runs = await stage.until_idle(connection, count + 1)
    assert runs[0].trigger is SyncTrigger.SCHEDULED
    await stage.assert_equal_truth()


async def test_deliveries_during_the_first_reading_lose_nothing(stage) -> None:
    connection = await stage.connect()
    async with stage.working():
        for number in range(6):
            stage.change_bank(f"-{number + 1}.25", "WHILE IT IS READ FIRST")
            await stage.advance(seconds=1)
            assert (await stage.deliver(stage.make_delivery(connection))).status_code == 200
        await stage.until_idle(connection, 1)
    await stage.assert_equal_truth()


async def test_delivery_before_the_connection_is_known_is_taken_and_lost_without_harm(stage) -> None:
    begun = await stage.platform.connect.begin(stage.tenant_id, stage.user_id, provider_slug="plaid")
    async with stage.working():
        # INITIAL_UPDATE and HISTORICAL_UPDATE arrive here, before anybody has the access token.
        finished = await stage.link(begun.value.start.link_token)

        async def is_followed() -> bool:
            rows = stage.query("SELECT followed_at IS NOT NULL, connection_count FROM webhook_notices")
            return bool(rows) and set(rows) == {(True, 0)}

        await stage.wait_for(is_followed)
        values = {"public_token": finished["public_token"]}
        done = await stage.platform.connect.complete(stage.tenant_id, begun.value.connection.id, values)
        await stage.until_idle(done.value, 1)
    await stage.assert_equal_truth()


async def test_refused_delivery_comes_again_and_is_taken(stage) -> None:
    connection = await stage.connect_and_read()
    count = len(await stage.runs(connection))
    stage.change_bank()
    # Plaid's key server is down: nothing can be proven, and nothing is believed.
    stage.platform.providers.get_provider("plaid")._client._webhook_keys._keys.clear()
    paths = "/plaid/webhook_verification_key/get"
    stage.wire.tamper = lambda one: one.saying(b"{}", status=503) if one.path == paths else one
    taken = stage.query("SELECT count(*) FROM webhook_notices")
    await stage.advance(seconds=1)
    assert stage.query("SELECT count(*) FROM webhook_notices") == taken
    stage.wire.tamper = None
    async with stage.working():
        await stage.advance(seconds=40)
        await stage.until_idle(connection, count + 1)
    await stage.assert_equal_truth()


async def test_lost_and_restored_logins_are_found_out_not_believed(stage) -> None:
    connection = await stage.connect_and_read()
    item = {"item_id": connection.external_login_id}
    async with stage.working():
        count = len(await stage.runs(connection))
        await stage.steer("/control/faces/plaid/break_item", **item, code="ITEM_LOGIN_REQUIRED")
        runs = await stage.until_idle(connection, count + 1)
        assert runs[0].error_code == "login_required"
        assert (await stage.present(connection)).status is ConnectionStatus.EXPIRED
        stage.change_bank(text="WHILE NOBODY COULD READ")
        # A notice about data does not open a login that is closed.
        assert (await stage.deliver(stage.make_delivery(connection))).status_code == 200
        await stage.until_idle(connection, count + 1)
        assert len(await stage.runs(connection)) == count + 1
        await stage.steer("/control/faces/plaid/repair_login", **item)
        runs = await stage.until_idle(connection, count + 2)
        assert runs[0].status is SyncStatus.SUCCEEDED
    assert (await stage.present(connection)).status is ConnectionStatus.ACTIVE
    await stage.assert_equal_truth()


async def fire(stage, connection, code: str) -> None:
    """Have the simulator send a code whatever is true; needs the access token, as at Plaid."""
    async with stage.platform.database.transaction(stage.tenant_id) as tx:
        opened = await stage.platform.keys.open_credentials(tx, stage.tenant_id, connection.id, provider_slug="plaid")
    client = stage.platform.providers.get_provider("plaid")._client
    await client.fire_sandbox_webhook(opened["access_token"], code)
    await stage.advance(seconds=0)


async def test_notice_that_is_not_true_changes_no_status(stage) -> None:
    connection = await stage.connect_and_read()
    async with stage.working():
        for code in ("ERROR", "USER_PERMISSION_REVOKED", "PENDING_DISCONNECT"):
            count = len(await stage.runs(connection))
            await fire(stage, connection, code)
            runs = await stage.until_idle(connection, count + 1)
            assert runs[0].status is SyncStatus.SUCCEEDED
            assert (await stage.present(connection)).status is ConnectionStatus.ACTIVE
            stage.world.advance(timedelta(seconds=30))
        # And one that says that a broken login works again.
        count = len(await stage.runs(connection))
        item = {"item_id": connection.external_login_id, "code": "ITEM_LOGIN_REQUIRED"}
        await stage.steer("/control/faces/plaid/break_item", **item)
        await stage.until_idle(connection, count + 1)
        await fire(stage, connection, "LOGIN_REPAIRED")
        runs = await stage.until_idle(connection, count + 1)
    assert len(runs) == count + 1
    assert (await stage.present(connection)).status is ConnectionStatus.EXPIRED


async def test_notice_without_consequence_is_kept_and_nothing_is_read(stage) -> None:
    connection = await stage.connect_and_read()
    count = len(await stage.runs(connection))
    async with stage.working():
        await fire(stage, connection, "NEW_ACCOUNTS_AVAILABLE")
        runs = await stage.until_idle(connection, count)
    assert len(runs) == count
    told = stage.query(
        "SELECT kind, connection_count, external_login_id FROM webhook_notices WHERE code LIKE 'ITEM.%%'"
    )
    assert told == [("accounts_available", 1, None)]


async def test_paused_and_disconnected_connections_are_left_alone(stage) -> None:
    connection = await stage.connect_and_read()
    count = len(await stage.runs(connection))
    await stage.platform.connect.pause(stage.tenant_id, connection.id)
    delivery = stage.make_delivery(connection)
    async with stage.working():
        assert (await stage.deliver(delivery)).status_code == 200
        await stage.until_idle(connection, count)
        stage.world.advance(timedelta(seconds=9))
        delivery = stage.make_delivery(connection)
        await stage.platform.connect.resume(stage.tenant_id, connection.id)
        await stage.platform.connect.disconnect(stage.tenant_id, connection.id)
        assert (await stage.deliver(delivery)).status_code == 200
        runs = await stage.until_idle(connection, count)
    assert len(runs) == count
