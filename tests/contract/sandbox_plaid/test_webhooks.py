"""Webhooks: who gets them, how they are signed and how they are repeated."""

import base64
import hashlib
import json
import time
from collections.abc import Iterator

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from plaid.model.item_get_request import ItemGetRequest
from plaid.model.sandbox_item_fire_webhook_request import SandboxItemFireWebhookRequest
from plaid.model.sandbox_item_reset_login_request import SandboxItemResetLoginRequest
from plaid.model.transactions_sync_request import TransactionsSyncRequest
from plaid.model.webhook_verification_key_get_request import WebhookVerificationKeyGetRequest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from tests.contract.sandbox_plaid.conftest import Stage

from bursar.testing.loopback import LoopbackServer


class Receiver:
    """A webhook address that keeps what it gets and answers with `status`."""

    def __init__(self) -> None:
        self.status = 200
        self.received: list[tuple[bytes, str]] = []
        self.app = Starlette(routes=[Route("/hooks", self._take, methods=["POST"])])
        self.url = ""

    async def _take(self, request: Request) -> Response:
        self.received.append((await request.body(), request.headers["plaid-verification"]))
        return Response(status_code=self.status)

    def codes(self) -> list[str]:
        return [json.loads(body)["webhook_code"] for body, _ in self.received]

    def wait_for(self, code: str) -> dict:
        """The first webhook of a code; deliveries after an API call run in the background."""
        for _ in range(500):
            if code in self.codes():
                return json.loads(self.received[self.codes().index(code)][0])
            time.sleep(0.01)
        raise AssertionError(f"{code} never came, only {self.codes()}")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    with LoopbackServer(receiver.app) as server:
        receiver.url = f"{server.url}/hooks"
        yield receiver


def decode(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def verify(stage: Stage, body: bytes, token: str) -> dict:
    """Checks a signature with the published key; returns the claims or raises `InvalidSignature`."""
    header, claims, signature = token.split(".")
    assert json.loads(decode(header))["alg"] == "ES256"
    kid = json.loads(decode(header))["kid"]
    jwk = stage.api.webhook_verification_key_get(WebhookVerificationKeyGetRequest(key_id=kid)).key
    x, y = (int.from_bytes(decode(number)) for number in (jwk.x, jwk.y))
    key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    raw = decode(signature)
    der = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    key.verify(der, f"{header}.{claims}".encode(), ec.ECDSA(SHA256()))
    return json.loads(decode(claims))


def test_webhook_is_signed_with_the_published_key_over_the_raw_body(stage: Stage, receiver: Receiver) -> None:
    token = stage.link(webhook=receiver.url)
    request = SandboxItemFireWebhookRequest(access_token=token, webhook_code="SYNC_UPDATES_AVAILABLE")
    assert stage.api.sandbox_item_fire_webhook(request).webhook_fired
    payload = receiver.wait_for("SYNC_UPDATES_AVAILABLE")
    body, jwt = receiver.received[-1]
    claims = verify(stage, body, jwt)
    assert claims["request_body_sha256"] == hashlib.sha256(body).hexdigest()
    assert claims["iat"] == int(stage.world.now.timestamp())
    assert body.startswith(b'{\n  "')
    item = stage.api.item_get(ItemGetRequest(access_token=token))
    assert payload["item_id"] == item.item.item_id
    assert item.status.last_webhook.code_sent == "SYNC_UPDATES_AVAILABLE"
    header, forged, signature = jwt.split(".")
    with pytest.raises(InvalidSignature):
        verify(stage, body, ".".join((header, forged[:-4] + "AAAA", signature)))


def test_rotated_key_is_published_as_expired(stage: Stage, receiver: Receiver) -> None:
    token = stage.link(webhook=receiver.url)
    receiver.wait_for("HISTORICAL_UPDATE")
    old_kid = json.loads(decode(receiver.received[-1][1].split(".")[0]))["kid"]
    stage.control.post("/control/faces/plaid/rotate_webhook_key", json={}).raise_for_status()
    stage.api.sandbox_item_fire_webhook(
        SandboxItemFireWebhookRequest(access_token=token, webhook_code="DEFAULT_UPDATE")
    )
    receiver.wait_for("DEFAULT_UPDATE")
    assert verify(stage, *receiver.received[-1])
    key = stage.api.webhook_verification_key_get(WebhookVerificationKeyGetRequest(key_id=old_kid)).key
    assert key.expired_at == int(stage.world.now.timestamp())
    unknown = stage.raw("/webhook_verification_key/get", {"key_id": "nobody"})
    assert unknown.json()["error_code"] == "INVALID_WEBHOOK_VERIFICATION_KEY_ID"


def test_sync_updates_are_announced_only_after_the_first_sync(stage: Stage, receiver: Receiver) -> None:
    token = stage.link(webhook=receiver.url)
    stage.advance(days=3)
    assert "DEFAULT_UPDATE" in receiver.codes()
    assert "SYNC_UPDATES_AVAILABLE" not in receiver.codes()
    stage.api.transactions_sync(TransactionsSyncRequest(access_token=token))
    stage.advance(days=3)
    assert "SYNC_UPDATES_AVAILABLE" in receiver.codes()
    receiver.received.clear()
    stage.advance(hours=0)
    assert receiver.codes() == []


def test_reset_login_sends_the_error_and_a_repair_elsewhere_the_relief(stage: Stage, receiver: Receiver) -> None:
    token = stage.link(webhook=receiver.url)
    stage.api.sandbox_item_reset_login(SandboxItemResetLoginRequest(access_token=token))
    payload = receiver.wait_for("ERROR")
    assert (payload["webhook_type"], payload["error"]["error_code"]) == ("ITEM", "ITEM_LOGIN_REQUIRED")
    assert payload["error"]["status"] == 400
    assert "request_id" not in payload["error"]
    stage.control.post("/control/faces/plaid/repair_login", json={"item_id": payload["item_id"]}).raise_for_status()
    assert receiver.wait_for("LOGIN_REPAIRED")["item_id"] == payload["item_id"]


def test_refused_webhook_is_repeated_with_growing_delays_for_a_day(stage: Stage, receiver: Receiver) -> None:
    receiver.status = 500
    token = stage.link(products=("auth",), webhook=receiver.url)
    stage.raw("/sandbox/item/fire_webhook", {"access_token": token, "webhook_code": "NEW_ACCOUNTS_AVAILABLE"})
    receiver.wait_for("NEW_ACCOUNTS_AVAILABLE")
    for seconds, received in [(29, 1), (1, 2), (119, 2), (1, 3), (479, 3), (1, 4), (1919, 4), (1, 5)]:
        stage.advance(seconds=seconds)
        assert len(receiver.received) == received
    stage.advance(days=3)
    total = len(receiver.received)
    # 30 s, 2 min, 8 min, 32 min, 128 min, 8.5 h; the next one would be beyond 24 hours.
    assert total == 7
    stage.advance(days=3)
    assert len(receiver.received) == total


def test_taken_webhook_is_not_repeated_and_an_item_without_address_has_none(stage: Stage, receiver: Receiver) -> None:
    token = stage.link(products=("auth",), webhook=receiver.url)
    stage.raw("/sandbox/item/fire_webhook", {"access_token": token, "webhook_code": "NEW_ACCOUNTS_AVAILABLE"})
    receiver.wait_for("NEW_ACCOUNTS_AVAILABLE")
    stage.advance(days=2)
    assert receiver.codes() == ["NEW_ACCOUNTS_AVAILABLE"]
    silent = {"access_token": stage.link(), "webhook_code": "DEFAULT_UPDATE"}
    assert stage.raw("/sandbox/item/fire_webhook", silent).json()["error_code"] == "SANDBOX_WEBHOOK_INVALID"
    unfit = {"access_token": token, "webhook_code": "SYNC_UPDATES_AVAILABLE"}
    assert stage.raw("/sandbox/item/fire_webhook", unfit).json()["error_code"] == "SANDBOX_PRODUCT_NOT_ENABLED"


def test_new_address_is_acknowledged(stage: Stage, receiver: Receiver) -> None:
    token = stage.link()
    answer = stage.raw("/item/webhook/update", {"access_token": token, "webhook": receiver.url})
    assert answer.json()["item"]["webhook"] == receiver.url
    assert receiver.wait_for("WEBHOOK_UPDATE_ACKNOWLEDGED")["new_webhook_url"] == receiver.url
    cleared = stage.raw("/item/webhook/update", {"access_token": token, "webhook": None})
    assert cleared.json()["item"]["webhook"] == ""


def test_investment_rows_announce_themselves(stage: Stage, receiver: Receiver) -> None:
    stage.link(products=("investments",), webhook=receiver.url)
    stage.advance(days=31)
    types = [json.loads(body)["webhook_type"] for body, _ in receiver.received]
    assert types == ["INVESTMENTS_TRANSACTIONS", "HOLDINGS"]
    assert json.loads(receiver.received[0][0])["new_investments_transactions"] > 0


def test_changes_behind_a_broken_login_are_announced_after_its_repair(stage: Stage, receiver: Receiver) -> None:
    token = stage.link(webhook=receiver.url)
    item_id = stage.raw("/item/get", {"access_token": token}).json()["item"]["item_id"]
    broken = {"item_id": item_id, "code": "USER_PERMISSION_REVOKED"}
    stage.control.post("/control/faces/plaid/break_item", json=broken).raise_for_status()
    assert stage.raw("/accounts/get", {"access_token": token}).json()["error_code"] == "USER_PERMISSION_REVOKED"
    stage.advance(days=5)
    assert receiver.codes()[-1] == "USER_PERMISSION_REVOKED"
    stage.control.post("/control/faces/plaid/repair_login", json={"item_id": item_id}).raise_for_status()
    assert {"LOGIN_REPAIRED", "DEFAULT_UPDATE"} <= set(receiver.codes())
    unknown = {"item_id": item_id, "code": "BAD_MOOD"}
    assert stage.control.post("/control/faces/plaid/break_item", json=unknown).status_code == 404
