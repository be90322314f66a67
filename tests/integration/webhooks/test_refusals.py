"""Deliveries that nobody should believe, and what strangers can do at the address."""

import io
import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import psycopg
import pytest
import structlog

from bursar.domain.result import Failure, Success
from bursar.observability.logging import configure_logging
from bursar.server.api.webhooks import MAX_BYTES


@pytest.fixture
def log_lines() -> Iterator[io.StringIO]:
    """What the platform logs meanwhile, down to the last detail."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    lines = io.StringIO()
    configure_logging(style="json", stream=lines, level="DEBUG")
    yield lines
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def kept(stage) -> int:
    return stage.query("SELECT count(*) FROM webhook_notices")[0][0]


async def test_forged_altered_and_old_deliveries_are_refused_and_leave_nothing(stage, log_lines) -> None:
    connection = await stage.connect_and_read()
    runs, notices = len(await stage.runs(connection)), kept(stage)
    face = stage.app.faces["plaid"]
    genuine = stage.make_delivery(connection)
    token = genuine.headers["Plaid-Verification"]
    forged = face.forge_delivery(genuine)
    body = json.dumps(json.loads(genuine.body)).encode()
    cases = [
        (forged.headers, forged.body),
        (genuine.headers, genuine.body.replace(b"SYNC_UPDATES_AVAILABLE", b"HISTORICAL_UPDATE")),
        (genuine.headers, body),
        (genuine.headers, b""),
        ({"Content-Type": "application/json"}, genuine.body),
        ({"Plaid-Verification": ""}, genuine.body),
        ({"Plaid-Verification": token.rpartition(".")[0] + "."}, genuine.body),
        ({"Plaid-Verification": f"{token}, {token}"}, genuine.body),
    ]
    for headers, content in cases:
        answer = await stage.http.post(stage.hooks, content=content, headers=dict(headers))
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "webhook_refused"), headers
        assert "www-authenticate" in answer.headers
        assert token not in answer.text
    twice = [("Plaid-Verification", token), ("Plaid-Verification", token)]
    assert (await stage.http.post(stage.hooks, content=genuine.body, headers=twice)).status_code == 401
    stage.world.advance(timedelta(minutes=6))
    assert (await stage.deliver(genuine)).status_code == 401
    assert (len(await stage.runs(connection)), kept(stage)) == (runs, notices)
    # And what is genuine and fresh is taken all the same.
    assert (await stage.deliver(face.repeat_delivery(genuine))).status_code == 200
    assert kept(stage) == notices + 1
    said = log_lines.getvalue()
    assert "webhook refused" in said
    assert not [part for part in token.split(".") if part in said]
    assert str(connection.external_login_id) not in said
    counted = stage.platform.metrics.webhooks
    assert counted.value(provider="plaid", outcome="refused") == len(cases) + 2
    assert counted.value(provider="plaid", outcome="taken") >= 1


async def test_replayed_delivery_is_known_within_its_five_minutes(stage) -> None:
    connection = await stage.connect_and_read()
    genuine = stage.make_delivery(connection)
    notices = kept(stage)
    assert (await stage.deliver(genuine)).status_code == 200
    stage.world.advance(timedelta(minutes=4))
    assert (await stage.deliver(genuine)).status_code == 200
    assert kept(stage) == notices + 1
    assert stage.platform.metrics.webhooks.value(provider="plaid", outcome="repeated") == 1


async def test_login_that_nobody_has_is_answered_like_any_other(stage) -> None:
    connection = await stage.connect_and_read()
    genuine = stage.make_delivery(connection)
    await stage.platform.connect.disconnect(stage.tenant_id, connection.id)
    with psycopg.connect(stage.database_url, autocommit=True) as raw:
        raw.execute("UPDATE connections SET external_login_id = 'somebody else'")
    answer = await stage.deliver(genuine)
    assert (answer.status_code, answer.json()) == (200, {"data": {"status": "received"}})
    told = await stage.platform.webhooks.list_open()
    assert told.connections == ()
    assert [count for _, count in told.counts] == [0]


async def test_address_answers_strangers_shortly(stage) -> None:
    base = stage.hooks.removesuffix("plaid")
    for path in ("nobody", "flanks", "..%2fplaid", "PLAID", "x" * 300):
        answer = await stage.http.post(f"{base}{path}", content=b"{}")
        assert (answer.status_code, answer.json()["error"]["code"]) in [
            (404, "unknown_provider"),
            (404, "not_found"),
        ], path
    large = await stage.http.post(stage.hooks, content=b" " * (MAX_BYTES + 1))
    assert (large.status_code, large.json()["error"]["code"]) == (413, "payload_too_large")

    async def endless():
        for _ in range(MAX_BYTES // 1024 + 2):
            yield b" " * 1024

    chunked = await stage.http.post(stage.hooks, content=endless())
    assert chunked.status_code == 413
    assert (await stage.http.get(stage.hooks)).status_code == 405
    assert (await stage.http.post(f"{stage.hooks}?token=x", content=b"{}")).status_code == 400
    assert (await stage.http.post(f"{stage.hooks}/", content=b"{}")).status_code == 401
    assert kept(stage) == 0


async def test_bank_that_one_user_has_linked_is_given_to_nobody_else(stage) -> None:
    others, their_user = uuid4(), uuid4()
    await stage.platform.access.create_tenant(others, their_user, name="the others")
    service = stage.platform.connect
    own = (await service.begin(stage.tenant_id, stage.user_id, provider_slug="plaid")).value
    theirs = (await service.begin(others, their_user, provider_slug="plaid")).value
    stolen = {"public_token": (await stage.link(own.start.link_token))["public_token"]}
    refused = await service.complete(others, theirs.connection.id, stolen)
    assert isinstance(refused, Failure)
    assert (refused.error.code, refused.error.action) == ("sign_in_refused", "reauthenticate")
    assert stage.query("SELECT count(*) FROM connection_credentials") == [(0,)]
    brought = {"public_token": (await stage.link(theirs.start.link_token))["public_token"]}
    done = await service.complete(others, theirs.connection.id, brought)
    assert isinstance(done, Success)
    # The address with the mark is the one where this very server takes webhooks.
    assert (await stage.deliver(stage.make_delivery(done.value))).status_code == 200
    marked = await stage.http.post(f"{stage.hooks}?link=0123", content=b"{}")
    assert (marked.status_code, marked.json()["error"]["code"]) == (401, "webhook_refused")


async def test_provider_that_is_not_set_up_is_not_available(open_test_platform, database_url) -> None:
    platform = await open_test_platform()
    outcome = await platform.webhooks.receive("plaid", {}, b"{}")
    assert outcome.error.code == "provider_not_configured"


async def test_each_of_two_tenants_with_a_login_reads_it(stage) -> None:
    connection = await stage.connect_and_read()
    others, their_user = uuid4(), uuid4()
    await stage.platform.access.create_tenant(others, their_user, name="the others")
    begun = await stage.platform.connect.begin(others, their_user, provider_slug="plaid")
    finished = await stage.link(begun.value.start.link_token)
    theirs = await stage.platform.connect.complete(
        others, begun.value.connection.id, {"public_token": finished["public_token"]}
    )
    told = await stage.platform.webhooks.list_open()
    await stage.platform.webhooks.close(told.counts)
    with psycopg.connect(stage.database_url, autocommit=True) as raw:
        raw.execute("UPDATE connections SET external_login_id = %s", [connection.external_login_id])
    stage.world.advance(timedelta(seconds=30))
    await stage.deliver(stage.make_delivery(connection))
    told = await stage.platform.webhooks.list_open()
    assert {(each.tenant_id, each.connection_id) for each in told.connections} == {
        (stage.tenant_id, connection.id),
        (others, theirs.value.id),
    }


async def test_notices_are_for_nobody_but_the_scheduler_and_end_after_their_time(stage) -> None:
    connection = await stage.connect_and_read()
    await stage.deliver(stage.make_delivery(connection))
    with psycopg.connect(stage.database_url) as raw, pytest.raises(psycopg.errors.InsufficientPrivilege):
        raw.execute("SET ROLE bursar_app")
        raw.execute("SELECT * FROM webhook_notices")
    forced = "SELECT relrowsecurity AND relforcerowsecurity FROM pg_class WHERE relname = 'webhook_notices'"
    assert stage.query(forced) == [(True,)]
    columns = stage.query("SELECT column_name FROM information_schema.columns WHERE table_name = 'webhook_notices'")
    assert not {name for (name,) in columns} & {"body", "headers", "payload", "raw_data", "tenant_id"}
    told = await stage.platform.webhooks.list_open()
    stage.world.advance(timedelta(days=31))
    open_count, whole = len(told.counts), kept(stage)
    assert 0 < open_count < whole
    # What nobody has followed yet is not forgotten, however old it is.
    assert await stage.platform.webhooks.forget_old() == whole - open_count
    await stage.platform.webhooks.close(told.counts)
    assert stage.query("SELECT DISTINCT external_login_id FROM webhook_notices") == [(None,)]
    assert await stage.platform.webhooks.forget_old() == open_count
    assert kept(stage) == 0
