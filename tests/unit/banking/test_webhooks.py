"""Is a webhook from whom it says? Judged over the raw bytes, without a network."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from bursar.banking.exceptions import SyncCallInLoopError
from bursar.banking.webhooks import verify_plaid_webhook, verify_teller_webhook

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
BODY = b'{\n  "webhook_type": "TRANSACTIONS",\n  "webhook_code": "DEFAULT_UPDATE",\n  "item_id": "it-1"\n}'
KEY = ec.derive_private_key(4711, ec.SECP256R1())


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def jwk() -> dict[str, str]:
    numbers = KEY.public_key().public_numbers()
    return {
        "kty": "EC",
        "crv": "P-256",
        "x": base64url(numbers.x.to_bytes(32, "big")),
        "y": base64url(numbers.y.to_bytes(32, "big")),
    }


def signed(body: bytes = BODY, *, at: datetime = NOW, alg: str = "ES256", kid: str = "k-1") -> dict[str, str]:
    claims = {"iat": int(at.timestamp()), "request_body_sha256": hashlib.sha256(body).hexdigest()}
    parts = [base64url(json.dumps(part).encode()) for part in ({"alg": alg, "kid": kid, "typ": "JWT"}, claims)]
    r, s = decode_dss_signature(KEY.sign(".".join(parts).encode(), ec.ECDSA(hashes.SHA256())))
    return {"Plaid-Verification": ".".join([*parts, base64url(r.to_bytes(32, "big") + s.to_bytes(32, "big"))])}


def keys(kid: str) -> dict[str, str] | None:
    return jwk() if kid == "k-1" else None


def test_signed_bytes_are_believed_whatever_the_case_of_the_header() -> None:
    assert verify_plaid_webhook(signed(), BODY, key_source=keys, now=NOW)
    lower = {name.lower(): value for name, value in signed().items()}
    assert verify_plaid_webhook(lower, BODY, key_source=keys, now=NOW + timedelta(seconds=299))


async def test_it_works_inside_a_running_loop_when_keys_are_at_hand() -> None:
    assert verify_plaid_webhook(signed(), BODY, key_source=keys, now=NOW)


@pytest.mark.parametrize(
    ("headers", "body", "now"),
    [
        (signed(), BODY + b" ", NOW),
        (signed(), json.dumps(json.loads(BODY)).encode(), NOW),
        (signed(), BODY, NOW + timedelta(seconds=301)),
        (signed(), BODY, NOW - timedelta(seconds=61)),
        (signed(alg="HS256"), BODY, NOW),
        (signed(alg="none"), BODY, NOW),
        (signed(kid="k-2"), BODY, NOW),
        ({}, BODY, NOW),
        ({"Plaid-Verification": "a.b"}, BODY, NOW),
        ({"Plaid-Verification": signed()["Plaid-Verification"][:-4] + "AAAA"}, BODY, NOW),
    ],
    ids="altered reindented old future hmac none unknown-key missing cut forged".split(),
)
def test_everything_else_is_refused(headers, body, now) -> None:
    assert not verify_plaid_webhook(headers, body, key_source=keys, now=now)


@pytest.mark.parametrize("body", [json.loads(BODY), BODY.decode(), None])
def test_parsed_body_is_refused_with_the_reason(body) -> None:
    with pytest.raises(TypeError, match=r"await request\.body\(\)"):
        verify_plaid_webhook(signed(), body, key_source=keys, now=NOW)


def test_expired_key_and_what_is_no_key_are_not_used() -> None:
    assert not verify_plaid_webhook(signed(), BODY, key_source=lambda _: {**jwk(), "expired_at": 1}, now=NOW)
    with pytest.raises(TypeError, match="hand over a JWK"):
        verify_plaid_webhook(signed(), BODY, key_source=lambda _: {"kty": "EC"}, now=NOW)


async def test_without_keys_inside_a_running_loop_the_awaited_way_is_named() -> None:
    with pytest.raises(SyncCallInLoopError, match=r"await banking\.read_webhook"):
        verify_plaid_webhook(signed(), BODY)


def test_without_keys_the_environment_says_where_they_are(monkeypatch) -> None:
    monkeypatch.delenv("PLAID_CLIENT_ID", raising=False)
    monkeypatch.delenv("PLAID_SECRET", raising=False)
    with pytest.raises(ValueError, match="PLAID_CLIENT_ID"):
        verify_plaid_webhook(signed(), BODY)


# Teller: a keyed hash over the second of the signature and the bytes.

TELLER_BODY = b'{"id":"wh_1","type":"webhook.test","timestamp":"2026-03-02T12:00:00Z","payload":{}}'
OLD, NEW = "secret-that-ends", "secret-that-begins"


def teller_headers(body: bytes = TELLER_BODY, at: datetime = NOW, secrets: tuple[str, ...] = (NEW,)) -> dict[str, str]:
    stamp = int(at.timestamp())
    signed = [hmac.new(one.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest() for one in secrets]
    return {"Teller-Signature": ",".join([f"t={stamp}", *(f"v1={one}" for one in signed)])}


def test_teller_is_believed_with_any_secret_that_has_not_ended_and_in_either_case() -> None:
    assert verify_teller_webhook(teller_headers(), TELLER_BODY, secrets=[NEW, OLD], now=NOW)
    assert verify_teller_webhook(teller_headers(secrets=("gone", OLD)), TELLER_BODY, secrets=[NEW, OLD], now=NOW)
    (header,) = teller_headers().values()
    shouted = {"teller-signature": header.replace("v1=", "V1=").upper().replace("T=", "t=").replace("V1=", "v1=")}
    assert verify_teller_webhook(shouted, TELLER_BODY, secrets=[NEW], now=NOW)
    now = datetime.now(UTC)
    assert verify_teller_webhook(teller_headers(at=now), TELLER_BODY, secrets=[NEW])


@pytest.mark.parametrize(
    ("headers", "body", "now"),
    [
        ({}, TELLER_BODY, NOW),
        ({"teller-signature": "v1=00"}, TELLER_BODY, NOW),
        ({"teller-signature": "t=1,t=2,v1=00"}, TELLER_BODY, NOW),
        (teller_headers(secrets=("forged",)), TELLER_BODY, NOW),
        (teller_headers(), TELLER_BODY + b" ", NOW),
        (teller_headers(), TELLER_BODY, NOW + timedelta(minutes=3, seconds=1)),
        (teller_headers(), TELLER_BODY, NOW - timedelta(minutes=2)),
        (teller_headers(b"[]"), b"[]", NOW),
    ],
)
def test_everything_else_of_teller_is_refused(headers, body, now) -> None:
    assert not verify_teller_webhook(headers, body, secrets=[NEW], now=now)


def test_teller_cannot_be_judged_without_bytes_or_without_a_secret() -> None:
    with pytest.raises(TypeError, match=r"request\.body"):
        verify_teller_webhook(teller_headers(), json.loads(TELLER_BODY), secrets=[NEW], now=NOW)
    with pytest.raises(ValueError, match="no signing secret"):
        verify_teller_webhook(teller_headers(), TELLER_BODY, secrets=[], now=NOW)
