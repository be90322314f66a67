"""Does MX's word come from MX, and is it understood?"""

import json
from base64 import b64encode
from datetime import timedelta
from decimal import Decimal

import pytest

from bursar.domain.webhooks import NoticeKind
from bursar.ports import errors as ports
from bursar.ports.provider import ProviderContext
from bursar.ports.webhooks import WebhookAdapter, WebhookRefusedError
from bursar.providers.mx.adapter import PROVIDER
from bursar.sandbox.people import AccountKind
from bursar.testing.loopback import LoopbackServer


def delivery(secret: str, username: str = "mx") -> dict[str, str]:
    return {"AUTHORIZATION": "Basic " + b64encode(f"{username}:{secret}".encode()).decode()}


STATUS = {
    "type": "CONNECTION_STATUS",
    "action": "CHANGED",
    "connection_status": "CHALLENGED",
    "connection_status_id": 3,
    "member_guid": "MBR-1",
    "user_guid": "USR-1",
}


@pytest.mark.parametrize(
    ("event", "kind", "code"),
    [
        (STATUS, NoticeKind.SIGN_IN_NEEDED, "CONNECTION_STATUS.CHANGED"),
        ({**STATUS, "connection_status": "CONNECTED"}, NoticeKind.LOGIN_RESTORED, "CONNECTION_STATUS.CHANGED"),
        ({**STATUS, "connection_status": "CLOSED"}, NoticeKind.ACCESS_ENDED, "CONNECTION_STATUS.CHANGED"),
        ({**STATUS, "connection_status": "DEGRADED"}, NoticeKind.OTHER, "CONNECTION_STATUS.CHANGED"),
        (
            {
                "type": "AGGREGATION",
                "action": "member_data_updated",
                "member_guid": "MBR-1",
                "completed_at": 1784019600,
            },
            NoticeKind.DATA_CHANGED,
            "AGGREGATION.MEMBER_DATA_UPDATED",
        ),
        ({"type": "BALANCE", "action": "x", "member_guid": "MBR-1"}, NoticeKind.DATA_CHANGED, "BALANCE.X"),
        (
            {"action": "deleted", "transaction": {"guid": "TRN-1", "member_guid": "MBR-1"}},
            NoticeKind.DATA_CHANGED,
            "TRANSACTION.DELETED",
        ),
        ({"action": "deleted", "member": {"guid": "MBR-1"}}, NoticeKind.ACCESS_ENDED, "MEMBER.DELETED"),
        ({"type": "member", "action": "updated", "guid": "MBR-1"}, NoticeKind.OTHER, "MEMBER.UPDATED"),
        (
            {"type": "initial_data_ready", "guid": "e", "member_guid": "MBR-1"},
            NoticeKind.DATA_CHANGED,
            "INITIAL_DATA_READY",
        ),
        ({"type": "STATEMENT", "action": "x", "member_guid": "MBR-1"}, NoticeKind.OTHER, "STATEMENT.X"),
        ({"type": "TELEPATHY", "action": "felt", "member_guid": "MBR-1"}, NoticeKind.OTHER, "TELEPATHY.FELT"),
    ],
)
async def test_event_becomes_a_notice_about_its_login(bench, event, kind, code):
    (notice,) = await bench.adapter.read_webhook(delivery("sandbox-webhook-secret-mx"), json.dumps(event).encode())
    assert (notice.kind, notice.code, notice.external_login_id) == (kind, code, "MBR-1")
    assert (notice.sent_at is not None) == ("completed_at" in event)


async def test_repeated_delivery_has_its_id_and_another_event_has_another(bench):
    headers = delivery("sandbox-webhook-secret-mx")

    async def id_of(event):
        (notice,) = await bench.adapter.read_webhook(headers, json.dumps(event).encode())
        return notice.notice_id

    done = {"type": "AGGREGATION", "member_guid": "MBR-1", "job_guid": "JOB-1", "completed_at": 1784019600}
    first, status = await id_of(done), await id_of(STATUS)
    assert await id_of(STATUS) == status
    bench.world.advance(timedelta(hours=20))
    assert await id_of(done) == first
    assert await id_of({**done, "completed_at": 1784019700}) != first
    # Two events of different days can be equal to the byte: reading once too often is better than once too little.
    assert await id_of(STATUS) != status


@pytest.mark.parametrize(
    "headers",
    [
        {},
        delivery("wrong"),
        delivery(""),
        {"Authorization": "Bearer sandbox-webhook-secret-mx"},
        {"Authorization": "Basic !!!"},
        {"Authorization": "Basic é\x00"},
        {"Authorization": "Basic " + b64encode(b"sandbox-webhook-secret-mx").decode()},
    ],
)
async def test_delivery_without_the_password_is_refused(bench, headers):
    with pytest.raises(WebhookRefusedError) as caught:
        await bench.adapter.read_webhook(headers, json.dumps(STATUS).encode())
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"\xff\xfe{", b"{" * 2000, b" " * (1024 * 1024 + 1)])
async def test_delivery_that_is_no_event_is_refused(bench, body):
    with pytest.raises(WebhookRefusedError):
        await bench.adapter.read_webhook(delivery("sandbox-webhook-secret-mx"), body)


async def test_deployment_without_a_password_says_which_setting_is_missing(still):
    adapter = PROVIDER.factory(ProviderContext(settings={"mx_client_id": "a", "mx_api_key": "b"}, clock=still))
    assert isinstance(adapter, WebhookAdapter)
    with pytest.raises(ports.ProviderNotConfiguredError) as caught:
        await adapter.read_webhook(delivery("x"), b"{}")
    assert caught.value.missing_settings == ("mx_webhook_secret",)


async def test_webhooks_arrive_with_the_password_and_until_they_are_taken(bench):
    taken: list[tuple[dict[str, str], bytes]] = []
    is_open = False

    async def receiver(scope, receive, send):
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        taken.append((headers, body))
        await send({"type": "http.response.start", "status": 204 if is_open else 500, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    with LoopbackServer(receiver) as server:
        bench.server.act("subscribe", {"url": server.url})
        bench.server.act("set_status", {"member_guid": bench.member, "status": "CHALLENGED"})
        await bench.server.catch_up()
        assert len(taken) == 1
        bench.world.advance(timedelta(seconds=30))
        await bench.server.catch_up()
        assert len(taken) == 1
        for _ in range(60):
            bench.world.advance(timedelta(minutes=30))
            await bench.server.catch_up()
        assert len(taken) == 13
        is_open = True
        bench.server.act("set_status", {"member_guid": bench.member, "status": "CONNECTED"})
        await bench.server.catch_up()
        bench.world.advance(timedelta(hours=1))
        await bench.server.catch_up()
        headers, body = taken[13]
        (notice,) = await bench.adapter.read_webhook(headers, body)
        assert (notice.kind, notice.external_login_id) == (NoticeKind.LOGIN_RESTORED, bench.member)
        account = next(one for one in bench.world.accounts.values() if one.kind is AccountKind.CHECKING)
        bench.world.script.add_settled(account.account_id, Decimal("-1.00"), "NEW")
        await bench.server.catch_up()
        kinds = [(await bench.adapter.read_webhook(headers, body))[0].kind for headers, body in taken[14:]]
        assert NoticeKind.DATA_CHANGED in kinds
