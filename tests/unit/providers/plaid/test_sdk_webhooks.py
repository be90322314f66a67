import base64
import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from bursar.providers.plaid.sdk import errors
from bursar.providers.plaid.sdk.webhooks import WebhookRejectedError

BODY = b'{\n  "webhook_type": "TRANSACTIONS",\n  "webhook_code": "SYNC_UPDATES_AVAILABLE"\n}'
KID = "6c5516e1-92dc-479e-a8ff-5a51992e0001"


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Signer:
    """Plaid's side of the signature."""

    def __init__(self) -> None:
        self.private = ec.generate_private_key(ec.SECP256R1())

    def jwk(self, **members: Any) -> dict[str, Any]:
        numbers = self.private.public_key().public_numbers()
        return {
            "alg": "ES256",
            "crv": "P-256",
            "kid": KID,
            "kty": "EC",
            "use": "sig",
            "x": b64(numbers.x.to_bytes(32, "big")),
            "y": b64(numbers.y.to_bytes(32, "big")),
            "created_at": 1784020000,
            "expired_at": None,
            **members,
        }

    def sign(self, body: bytes, signed_at: int, **header: Any) -> dict[str, str]:
        claims = {"iat": signed_at, "request_body_sha256": hashlib.sha256(body).hexdigest()}
        head = {"alg": "ES256", "kid": KID, "typ": "JWT", **header}
        signing = f"{b64(json.dumps(head).encode())}.{b64(json.dumps(claims).encode())}"
        r, s = decode_dss_signature(self.private.sign(signing.encode(), ec.ECDSA(hashes.SHA256())))
        return {"Plaid-Verification": f"{signing}.{b64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"}


@pytest.fixture
def signer(wire) -> Signer:
    made = Signer()
    wire.answers["/webhook_verification_key/get"] = {"key": made.jwk()}
    return made


@pytest.fixture
def sign(signer, still) -> Callable[..., dict[str, str]]:
    def make(body: bytes = BODY, age_s: int = 0, **header: Any) -> dict[str, str]:
        return signer.sign(body, int(still.now().timestamp()) - age_s, **header)

    return make


async def test_signed_webhook_is_believed(client, sign) -> None:
    assert await client.verify_webhook(sign(), BODY) is True


async def test_header_name_is_found_in_any_case(client, sign) -> None:
    headers = {name.lower(): value for name, value in sign().items()}
    assert await client.verify_webhook(headers, BODY) is True


async def test_body_that_was_parsed_and_written_again_is_rejected(client, sign) -> None:
    assert await client.verify_webhook(sign(), json.dumps(json.loads(BODY)).encode()) is False


async def test_parsed_body_is_a_type_error(client, sign) -> None:
    with pytest.raises(TypeError, match="raw body"):
        await client.verify_webhook(sign(), json.loads(BODY))


@pytest.mark.parametrize(("age_s", "believed"), [(299, True), (301, False), (-59, True), (-61, False)])
async def test_age_of_the_signature_counts(client, sign, age_s, believed) -> None:
    assert await client.verify_webhook(sign(age_s=age_s), BODY) is believed


@pytest.mark.parametrize("algorithm", ["none", "HS256", "RS256", "es256", ""])
async def test_other_algorithm_is_rejected_without_a_look_up(client, wire, sign, algorithm) -> None:
    assert await client.verify_webhook(sign(alg=algorithm), BODY) is False
    assert wire.calls == []


async def test_signature_of_another_key_is_rejected(client, sign, wire) -> None:
    headers = sign()
    wire.answers["/webhook_verification_key/get"] = {"key": Signer().jwk()}
    with pytest.raises(WebhookRejectedError, match="does not fit"):
        await client.require_webhook(headers, BODY)


async def test_expired_key_is_rejected(client, sign, signer, wire) -> None:
    wire.answers["/webhook_verification_key/get"] = {"key": signer.jwk(expired_at=1784020001)}
    with pytest.raises(WebhookRejectedError, match="expired"):
        await client.require_webhook(sign(), BODY)


async def test_unknown_key_is_rejected(client, sign, wire, shapes) -> None:
    wire.answers["/webhook_verification_key/get"] = shapes.refusal(
        "INVALID_INPUT", "INVALID_WEBHOOK_VERIFICATION_KEY_ID"
    )
    assert await client.verify_webhook(sign(), BODY) is False


async def test_outage_while_fetching_the_key_is_no_verdict(client, sign, wire, shapes) -> None:
    wire.answers["/webhook_verification_key/get"] = shapes.refusal("API_ERROR", "INTERNAL_SERVER_ERROR", 500)
    with pytest.raises(errors.PlaidServerError):
        await client.verify_webhook(sign(), BODY)


@pytest.mark.parametrize(
    "token",
    [
        "",
        "abc",
        "a.b",
        "a.b.c",
        "!!.??.--",
        "e30.e30.e30",
        f"{b64(b'[]')}.e30.AAAA",
        "e30.e30.e30.e30",
        "\u00e9.e30.e30",
    ],
)
async def test_garbage_is_rejected(client, signer, token) -> None:
    assert await client.verify_webhook({"Plaid-Verification": token}, BODY) is False


async def test_missing_header_is_rejected(client) -> None:
    with pytest.raises(WebhookRejectedError, match="missing"):
        await client.require_webhook({}, BODY)


async def test_key_is_kept_for_a_day(client, sign, wire, still) -> None:
    assert await client.verify_webhook(sign(), BODY)
    assert await client.verify_webhook(sign(), BODY)
    assert len(wire.calls) == 1
    still.passed_s += 24 * 3600 + 1
    assert await client.verify_webhook(sign(), BODY)
    assert len(wire.calls) == 2


async def test_forged_key_ids_do_not_hammer_plaid(client, sign, wire, shapes) -> None:
    wire.answers["/webhook_verification_key/get"] = lambda _: shapes.refusal(
        "INVALID_INPUT", "INVALID_WEBHOOK_VERIFICATION_KEY_ID"
    )
    for number in range(50):
        assert await client.verify_webhook(sign(kid=f"forged-{number}"), BODY) is False
    assert len(wire.calls) == 10


async def test_no_key_is_asked_for_before_plaid_wants_to_be_asked(client, sign, signer, wire, shapes, still) -> None:
    path = "/webhook_verification_key/get"
    refusal = shapes.refusal("RATE_LIMIT_EXCEEDED", "RATE_LIMIT", 429)
    wire.answers[path] = httpx2.Response(429, headers={"Retry-After": "90"}, content=refusal.content)
    with pytest.raises(errors.PlaidRateLimitError) as told:
        await client.verify_webhook(sign(), BODY)
    named = still.now() + timedelta(seconds=90)
    assert told.value.retry_at == named

    wire.answers[path] = {"key": signer.jwk()}
    still.passed_s += 89
    for kid in (KID, "forged"):
        with pytest.raises(errors.PlaidRateLimitError) as waits:
            await client.verify_webhook(sign(kid=kid), BODY)
        assert waits.value.retry_at == named
    assert len(wire.calls) == 1

    still.passed_s += 1
    assert await client.verify_webhook(sign(), BODY) is True
