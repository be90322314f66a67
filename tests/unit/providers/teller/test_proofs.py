"""Are results of Connect and webhooks believed only when Teller has signed them, for us, now?"""

import base64
import hashlib
import hmac
import json
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bursar.providers.teller import (
    EnrollmentRefusedError,
    WebhookRejectedError,
    new_nonce,
    read_enrollment,
    read_webhook,
    verify_enrollment,
)

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
PUBLIC = base64.b64encode(KEY.public_key().public_bytes_raw()).decode()
PUBLIC_DER = base64.b64encode(KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def signed(nonce, *, key=KEY, digest=True, token="token_1", user="usr_1", enrollment="enr_1", environment="sandbox"):
    text = f"{nonce}.{token}.{user}.{enrollment}.{environment}".encode()
    return base64.b64encode(key.sign(hashlib.sha256(text).digest() if digest else text)).decode()


def result(*signatures, **members):
    return {
        "accessToken": "token_1",
        "user": {"id": "usr_1"},
        "enrollment": {"id": "enr_1", "institution": {"name": "Lakeside"}},
        "signatures": list(signatures),
        **members,
    }


def prove(value, nonce="n-1", environment="sandbox", key=PUBLIC):
    verify_enrollment(read_enrollment(value), nonce=nonce, environment=environment, signing_key=key)


@pytest.mark.parametrize("digest", [True, False])
@pytest.mark.parametrize("key", [PUBLIC, PUBLIC_DER])
def test_signature_of_the_digest_or_of_the_text_is_believed(digest, key):
    prove(json.dumps(result(signed("n-1", digest=digest))), key=key)


def test_one_of_several_signatures_is_enough_and_base64url_is_read():
    other = Ed25519PrivateKey.from_private_bytes(b"o" * 32)
    good = signed("n-1").replace("+", "-").replace("/", "_").rstrip("=")
    prove(result("no base64 at all", signed("n-1", key=other), good))


@pytest.mark.parametrize(
    ("value", "options"),
    [
        (result(), {}),
        (result(signed("n-1"), accessToken="token_2"), {}),
        (result(signed("n-1"), user={"id": "usr_2"}), {}),
        (result(signed("n-1"), enrollment={"id": "enr_2"}), {}),
        (result(signed("n-1")), {"nonce": "n-2"}),
        (result(signed("n-1")), {"environment": "production"}),
        (result(signed("n-1", key=Ed25519PrivateKey.from_private_bytes(b"x" * 32))), {}),
        (result(signed("n-1")[:40]), {}),
        (result(7), {}),
        ("no json", {}),
        ("[]", {}),
        ({**result(signed("n-1")), "accessToken": ""}, {}),
        ({**result(signed("n-1")), "user": None}, {}),
    ],
)
def test_anything_else_is_refused(value, options):
    with pytest.raises(EnrollmentRefusedError) as caught:
        prove(value, **options)
    assert "token_" not in str(caught.value)


@pytest.mark.parametrize("key", ["", "no base64!", base64.b64encode(b"short").decode()])
def test_key_that_is_none_is_told(key):
    with pytest.raises(ValueError, match="signing key"):
        prove(result(signed("n-1")), key=key)


def test_token_is_in_no_repr_and_nonces_differ():
    assert "token_1" not in repr(read_enrollment(result(signed("n-1"))))
    assert len({new_nonce() for _ in range(100)}) == 100


BODY = (
    b'{"id": "wh_1",  "type": "enrollment.disconnected", "timestamp": "2026-11-21T11:59:00Z", '
    b'"payload": {"enrollment_id": "enr_1", "reason": "disconnected.account_locked"}}'
)
SECRETS = ["new-secret", "old-secret"]


def header(now, *, secret="new-secret", body=BODY, upper=False, age_s=0):
    stamp = int(now.timestamp()) - age_s
    told = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={stamp},v1={told.upper() if upper else told}"


def check(now, text, body=BODY, secrets=SECRETS):
    return read_webhook({"Teller-Signature": text}, body, secrets=secrets, now=now)


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("upper", [True, False])
@pytest.mark.parametrize("age_s", [0, 180, -60])
def test_webhook_signed_with_a_living_secret_is_believed(shapes, secret, upper, age_s):
    told = check(shapes.now, header(shapes.now, secret=secret, upper=upper, age_s=age_s))
    assert (told.id, told.type, told.enrollment_id, told.reason) == (
        "wh_1",
        "enrollment.disconnected",
        "enr_1",
        "disconnected.account_locked",
    )
    assert told.timestamp == shapes.now - timedelta(minutes=1)
    assert "enr_1" not in repr(told)


def test_one_fitting_signature_among_several_is_enough(shapes):
    good = header(shapes.now)
    stamp, _, fits = good.partition(",")
    assert check(shapes.now, f"{stamp}, v1={'0' * 64}, v9=other, {fits}").id == "wh_1"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda now: header(now, age_s=181),
        lambda now: header(now, age_s=-61),
        lambda now: header(now, secret="forged"),
        lambda now: header(now, body=BODY + b" "),
        lambda now: f"{header(now)},t={int(now.timestamp())}",
        lambda now: header(now).partition(",")[2],
        lambda now: header(now).partition(",")[0],
        lambda now: "t=soon,v1=00",
        lambda now: "t=-1,v1=00",
        lambda now: "t=٣,v1=00",
        lambda now: f"t={'9' * 400},v1=00",
        lambda now: f"t={int(now.timestamp())},v1=\u00e9",
        lambda now: "",
        lambda now: "=,=,,",
    ],
)
def test_webhook_that_is_forged_altered_or_old_is_refused(shapes, spoil):
    with pytest.raises(WebhookRejectedError):
        check(shapes.now, spoil(shapes.now))


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"id": 7, "type": "x"}', b"\xff", b'{"id": "a", "type": "b"'])
def test_signed_body_that_is_no_notice_is_refused(shapes, body):
    with pytest.raises(WebhookRejectedError):
        check(shapes.now, header(shapes.now, body=body), body=body)


def test_parsed_body_and_missing_secrets_are_mistakes_of_the_caller(shapes):
    with pytest.raises(TypeError, match="raw body"):
        check(shapes.now, header(shapes.now), body={"id": "wh_1"})
    with pytest.raises(ValueError, match="secret"):
        check(shapes.now, header(shapes.now), secrets=[])
