"""Does the status of a real connection tell the truth, and is the provider left alone when it has to be?"""

import asyncio
from dataclasses import replace
from datetime import timedelta
from itertools import product
from uuid import uuid4

import pytest

from bursar.domain.connections import ConnectionStatus
from bursar.domain.failures import Conflict
from bursar.domain.health import ConnectionState, HealthAction
from bursar.domain.reading import READ_EVERY, ReadQuota, is_due
from bursar.domain.result import Failure, Success
from bursar.domain.sync import SyncStatus
from bursar.faultpoints import FaultPoint, listen
from bursar.registry import Registry
from bursar.sandbox.faults import FaultKind
from bursar.services.sync import LEASE
from bursar.storage import connections
from bursar.worker.retry import RetrySchedule, TryAgainError
from bursar.worker.tasks import carry_out


async def health(bank, connection):
    return bank.platform.connect.health_of(await bank.connection(connection))


async def state(bank, connection) -> str:
    return (await health(bank, connection)).state.value


def reads(bank) -> int:
    """How often the simulated provider was asked for rows."""
    return sum(answer.path.endswith("/transactions/sync") for answer in bank.wire.answers)


async def limited(bank, open_test_platform, quota: ReadQuota):
    """The same bank, behind a provider that publishes a limit."""
    found = Registry.discover()
    limited_spec = replace(found.providers["plaid"], quota=quota)
    registry = Registry([limited_spec], list(found.importers.values()))
    return replace(bank, platform=await open_test_platform(**bank.options, registry=registry))


async def test_life_of_a_connection_in_states(bank) -> None:
    pending, token = await bank.begin()
    connection = (await bank.platform.connect.get_connection(bank.tenant_id, pending)).value
    assert (await health(bank, connection)).action is HealthAction.CONNECT
    connection = await bank.complete(pending, {"public_token": token})
    assert await state(bank, connection) == "never_synced"
    seen: list[str] = []

    async def look(point: FaultPoint) -> None:
        if point is FaultPoint.SYNC_FETCHED:
            seen.append(await state(bank, connection))

    listen(look)
    try:
        await bank.sync(connection)
    finally:
        listen(None)
    assert set(seen) == {"syncing"}
    fresh = await health(bank, connection)
    assert (fresh.state, fresh.reason, fresh.action) == (ConnectionState.OK, "complete", None)
    bank.live(days=2, seconds=1)
    assert ((await health(bank, connection)).state, (await health(bank, connection)).reason) == ("ok_stale", "overdue")
    await bank.sync(connection)
    assert await state(bank, connection) == "ok"
    await bank.platform.connect.disconnect(bank.tenant_id, connection.id)
    assert await state(bank, connection) == "disconnected"


@pytest.mark.parametrize(
    ("fault", "expected", "code"),
    [
        ({"kind": FaultKind.STATUS, "status": 429, "retry_after": "3600"}, "waiting_quota", "rate_limited"),
        ({"kind": FaultKind.STATUS, "status": 503}, "waiting_provider", "provider_unavailable"),
        ({"kind": FaultKind.INSTITUTION_DOWN}, "waiting_provider", "institution_down"),
        ({"kind": FaultKind.HTML, "path": "/plaid/transactions/sync"}, "error_internal", "unexpected_payload"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
async def test_failure_is_told_with_its_cause_and_forgotten_on_success(bank, connection, fault, expected, code) -> None:
    bank.world.faults.add(**{"path": "/plaid", "times": None} | fault)
    assert isinstance(await bank.platform.sync.sync_now(bank.tenant_id, connection.id), Failure)
    told = await health(bank, connection)
    assert (told.state.value, told.reason) == (expected, code)
    bank.world.faults.clear()
    if told.next_attempt_at is not None:
        asked = reads(bank)
        for refused in (
            await bank.platform.sync.sync_now(bank.tenant_id, connection.id),
            await bank.platform.sync.request_sync(bank.tenant_id, connection.id),
        ):
            assert isinstance(refused, Failure)
            assert isinstance(refused.error, Conflict)
            assert (refused.error.code, refused.error.retry_after_s) == ("too_early", 3600)
        assert reads(bank) == asked
        bank.live(hours=1)
        # Nobody has to do anything for it to leave the state.
        assert await state(bank, connection) == "ok_stale"
    await bank.sync(connection)
    after = await bank.connection(connection)
    assert (after.last_error_code, after.last_error_cause, after.last_error_at) == (None, None, None)
    assert await state(bank, connection) == "ok"


async def test_renewal_does_not_shorten_the_wait_that_the_provider_asked_for(bank, connection) -> None:
    bank.world.faults.add(FaultKind.STATUS, path="/plaid", status=429, times=None, retry_after="3600")
    await bank.platform.sync.sync_now(bank.tenant_id, connection.id)
    bank.world.faults.clear()
    renewal = await bank.platform.connect.renew(bank.tenant_id, connection.id)
    bank.consent(renewal.value.start.link_token)
    await bank.complete(connection.id, {})
    asked = reads(bank)
    runs = await bank.platform.sync.list_runs(bank.tenant_id, connection.id)
    (run,) = [each for each in runs if each.status is SyncStatus.QUEUED]
    with pytest.raises(TryAgainError, match="too_early") as again:
        await carry_out(bank.platform, RetrySchedule(), bank.tenant_id, connection.id, run.id, attempts_before=0)
    assert again.value.wait == timedelta(hours=1)
    assert reads(bank) == asked
    bank.live(hours=1)
    await carry_out(bank.platform, RetrySchedule(), bank.tenant_id, connection.id, run.id, attempts_before=1)
    assert await state(bank, connection) == "ok"


@pytest.mark.parametrize(
    ("raised", "code", "expected"),
    [(RuntimeError, "internal_error", "error_internal"), (asyncio.CancelledError, "interrupted", "ok_stale")],
)
async def test_fault_of_ours_and_interruption_are_the_last_cause(bank, connection, raised, code, expected) -> None:
    async def fail(point: FaultPoint) -> None:
        if point is FaultPoint.SYNC_FETCHED:
            raise raised

    listen(fail)
    try:
        with pytest.raises(raised):
            await bank.platform.sync.sync_now(bank.tenant_id, connection.id)
    finally:
        listen(None)
    after = await bank.connection(connection)
    assert (after.last_error_code, after.last_sync_status) == (code, "failed")
    assert await state(bank, connection) == expected
    await bank.sync(connection)
    assert await state(bank, connection) == "ok"


async def test_run_whose_process_was_killed_is_told_once_its_lease_is_over(bank, connection) -> None:
    died = asyncio.Event()

    async def hang(point: FaultPoint) -> None:
        if point is FaultPoint.SYNC_FETCHED:
            died.set()
            await asyncio.Event().wait()

    listen(hang)
    run = asyncio.create_task(bank.platform.sync.sync_now(bank.tenant_id, connection.id))
    await died.wait()
    listen(None)
    assert await state(bank, connection) == "syncing"
    bank.live(seconds=LEASE.total_seconds() + 1)
    told = await health(bank, connection)
    assert (told.state.value, told.reason, told.action) == ("ok_stale", "interrupted", HealthAction.WAIT)
    await bank.sync(connection)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    # The dead run's end is older than the success of the other: it changes nothing.
    assert await state(bank, connection) == "ok"
    assert (await bank.connection(connection)).last_error_code is None


async def test_missing_settings_are_told_on_the_connection(bank, connection, open_test_platform, monkeypatch) -> None:
    for name in ("PLAID_CLIENT_ID", "PLAID_SECRET"):
        monkeypatch.delenv(name, raising=False)
    bare = await open_test_platform(clock=bank.world.clock)
    assert isinstance(await bare.sync.sync_now(bank.tenant_id, connection.id), Failure)
    told = await health(bank, connection)
    assert (told.state.value, told.reason) == ("error_internal", "provider_not_configured")
    await bank.sync(connection)
    assert await state(bank, connection) == "ok"


async def test_lost_and_withdrawn_consent_need_the_user(bank, connection) -> None:
    for upstream, expected in (("ITEM_LOGIN_REQUIRED", "needs_user"), ("USER_PERMISSION_REVOKED", "revoked")):
        bank.plaid.act("break_item", {"item_id": connection.external_login_id, "code": upstream})
        await bank.platform.sync.sync_now(bank.tenant_id, connection.id)
        told = await health(bank, connection)
        assert (told.state.value, told.action) == (expected, HealthAction.REAUTHENTICATE)
        renewal = await bank.platform.connect.renew(bank.tenant_id, connection.id)
        bank.consent(renewal.value.start.link_token)
        await bank.complete(connection.id, {})
        assert (await health(bank, connection)).reason == "renewed"
        await bank.sync(connection)
        assert await state(bank, connection) == "ok"


async def test_paused_connection_is_read_by_nobody_until_it_is_resumed(bank, connection) -> None:
    bank.live(days=2)
    waiting = (await bank.platform.sync.request_sync(bank.tenant_id, connection.id)).value
    for _ in range(2):
        paused = await bank.platform.connect.pause(bank.tenant_id, connection.id)
        assert isinstance(paused, Success)
    assert paused.value.paused_at == bank.world.now
    asked = reads(bank)
    assert await state(bank, connection) == "paused"
    assert await bank.platform.sync.schedule_due(every=timedelta(hours=1)) == 0
    for refused in (
        await bank.platform.sync.sync_now(bank.tenant_id, connection.id),
        await bank.platform.sync.request_sync(bank.tenant_id, connection.id),
    ):
        assert refused.error.code == "paused"
    await carry_out(bank.platform, RetrySchedule(), bank.tenant_id, connection.id, waiting.id, attempts_before=0)
    run = (await bank.platform.sync.get_run(bank.tenant_id, waiting.id)).value
    assert (run.status, run.error_code) == (SyncStatus.CANCELLED, "paused")
    assert reads(bank) == asked
    renewal = await bank.platform.connect.renew(bank.tenant_id, connection.id)
    bank.consent(renewal.value.start.link_token)
    await bank.complete(connection.id, {})
    assert await state(bank, connection) == "paused"
    for _ in range(2):
        assert isinstance(await bank.platform.connect.resume(bank.tenant_id, connection.id), Success)
    assert await bank.platform.sync.schedule_due(every=timedelta(hours=1)) == 1
    await bank.sync(connection)
    assert await state(bank, connection) == "ok"


async def test_disconnecting_ends_the_run_that_is_under_way(bank, connection) -> None:
    async def leave(point: FaultPoint) -> None:
        if point is FaultPoint.SYNC_FETCHED:
            listen(None)
            await bank.platform.connect.disconnect(bank.tenant_id, connection.id)

    listen(leave)
    try:
        assert isinstance(await bank.platform.sync.sync_now(bank.tenant_id, connection.id), Failure)
    finally:
        listen(None)
    runs = await bank.platform.sync.list_runs(bank.tenant_id, connection.id)
    assert not {run.status for run in runs} & {SyncStatus.QUEUED, SyncStatus.RUNNING}
    left = await bank.connection(connection)
    assert (left.status, left.lease_token) == (ConnectionStatus.DISCONNECTED, None)


async def test_published_limit_is_kept_by_whoever_asks(bank, open_test_platform) -> None:
    bank = await limited(bank, open_test_platform, ReadQuota(reads=4, window=timedelta(hours=24)))
    connection = await bank.connect()
    (initial,) = await bank.platform.sync.list_runs(bank.tenant_id, connection.id)
    started = bank.world.now
    for _ in range(2):
        await bank.sync(connection)
        bank.live(hours=1)
    # An attempt that dies counts: it was recorded before the provider was asked.

    async def die(point: FaultPoint) -> None:
        if point is FaultPoint.SYNC_OPENED:
            raise asyncio.CancelledError

    listen(die)
    try:
        with pytest.raises(asyncio.CancelledError):
            await bank.platform.sync.sync_now(bank.tenant_id, connection.id)
    finally:
        listen(None)
    bank.world.faults.add(FaultKind.INSTITUTION_DOWN, path="/plaid", times=None)
    assert isinstance(await bank.platform.sync.sync_now(bank.tenant_id, connection.id), Failure)
    bank.world.faults.clear()
    told = await health(bank, connection)
    assert (told.state.value, told.reason) == ("waiting_quota", "quota_exhausted")
    assert told.next_attempt_at == started + timedelta(hours=24)
    asked = len(bank.wire.answers)
    refused = await bank.platform.sync.sync_now(bank.tenant_id, connection.id)
    assert (refused.error.code, refused.error.retry_after_s) == ("quota_exhausted", 22 * 3600)
    refused = await bank.platform.sync.request_sync(bank.tenant_id, connection.id)
    assert refused.error.code == "quota_exhausted"
    assert await bank.platform.sync.schedule_due(every=timedelta(0)) == 0
    with pytest.raises(TryAgainError, match="quota_exhausted"):
        await carry_out(bank.platform, RetrySchedule(), bank.tenant_id, connection.id, initial.id, attempts_before=0)
    assert len(bank.wire.answers) == asked
    bank.live(hours=22)
    assert await bank.platform.sync.schedule_due(every=timedelta(0)) == 1
    await carry_out(bank.platform, RetrySchedule(), bank.tenant_id, connection.id, initial.id, attempts_before=1)
    assert await state(bank, connection) == "ok"
    await bank.assert_equal_truth()


async def test_used_up_limit_is_no_state_while_the_data_is_fresh(bank, open_test_platform) -> None:
    bank = await limited(bank, open_test_platform, ReadQuota(reads=1, window=timedelta(hours=72)))
    connection = await bank.connect()
    await bank.sync(connection)
    told = await health(bank, connection)
    assert (told.state.value, told.next_attempt_at) == ("ok", bank.world.now + timedelta(hours=72))
    bank.live(hours=49)
    told = await health(bank, connection)
    assert (told.state.value, told.reason) == ("waiting_quota", "quota_exhausted")
    bank.live(hours=23)
    assert await state(bank, connection) == "ok_stale"
    await bank.sync(connection)


async def test_query_of_the_scheduler_says_what_the_domain_says(bank) -> None:
    now = bank.world.now
    hour = timedelta(hours=1)
    around = (None, now - hour, now, now + hour)
    wanted: set[object] = set()
    fields = list(
        product(
            ConnectionStatus,
            (None, now - READ_EVERY, now - hour),
            around,
            around,
            around,
            (None, now - hour),
        )
    )
    async with bank.platform.database.transaction(bank.tenant_id) as tx:
        ids = [uuid4() for _ in fields]
        async with tx.cursor() as cursor:
            await cursor.executemany(
                """
                INSERT INTO connections (tenant_id, id, user_id, provider_slug, created_at, updated_at, status,
                    last_sync_at, next_attempt_at, quota_free_at, lease_until, paused_at)
                VALUES (%s, %s, %s, 'plaid', now(), now(), %s, %s, %s, %s, %s, %s)
                """,
                [
                    [bank.tenant_id, each, bank.user_id, values[0].value, *values[1:]]
                    for each, values in zip(ids, fields, strict=True)
                ],
            )
        listed, total = await connections.list_connections(tx, bank.tenant_id, limit=10_000, offset=0)
        assert total == len(fields)
        wanted = {each.id for each in listed if is_due(each, now)}
    async with bank.platform.database.transaction_across_tenants() as tx:
        due = await connections.list_due(tx, provider_slugs=["plaid"], synced_before=now - READ_EVERY, now=now)
    assert {connection_id for _, connection_id in due} == wanted
    assert 0 < len(wanted) < total
