"""Is a webhook really from Plaid, and is it fresh and whole?"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

import msgspec

from bursar.providers.plaid.sdk.errors import PlaidError, PlaidRateLimitError, PlaidResponseError
from bursar.providers.plaid.sdk.models.items import WebhookKey, WebhookKeyAnswer
from bursar.providers.plaid.sdk.models.webhooks import SignedWebhook, Webhook
from bursar.providers.plaid.sdk.session import PlaidSession
from bursar.transport import json

HEADER = "plaid-verification"
MAX_AGE_S = 300
MAX_AHEAD_S = 60


class WebhookRejectedError(Exception):
    """The webhook is not to be believed; `reason` is our fixed wording. Answer 401, never 200."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"webhook rejected: {reason}")
        self.reason = reason


class _Header(msgspec.Struct, frozen=True):
    alg: str
    kid: str


class _Claims(msgspec.Struct, frozen=True):
    iat: int
    request_body_sha256: str


class WebhookCalls(PlaidSession):
    """Webhook keys and the proof of a webhook."""

    async def get_webhook_key(self, key_id: str) -> WebhookKeyAnswer:
        """The public key behind a `kid`, from the host of this client's environment."""
        return await self._read("/webhook_verification_key/get", {"key_id": key_id}, WebhookKeyAnswer)

    async def verify_webhook(self, headers: Mapping[str, str], body: bytes) -> bool:
        """True when Plaid signed exactly these bytes within the last five minutes.

        Raises:
            TypeError: `body` is not bytes. A parsed body can not be verified: parsing loses the signed bytes.
            PlaidError: the key could not be fetched; answer 503, so that Plaid sends the webhook again.
        """
        try:
            await self.require_webhook(headers, body)
        except WebhookRejectedError:
            return False
        return True

    async def read_webhook(self, headers: Mapping[str, str], body: bytes) -> SignedWebhook:
        """Prove a webhook and return what it says and when it was signed.

        Raises:
            WebhookRejectedError: signature, age or body do not fit.
            PlaidResponseError: Plaid signed it, and it is no webhook as documented.
            PlaidError: the key could not be fetched; answer 503, so that Plaid sends the webhook again.
        """
        signed_at = await self.require_webhook(headers, body)
        try:
            webhook = json.decode(body, Webhook)
        except json.JsonError as error:
            raise PlaidResponseError(f"a signed webhook cannot be read: {error.reason}") from None
        return SignedWebhook(webhook=webhook, signed_at=signed_at, body_sha256=hashlib.sha256(body).hexdigest())

    async def require_webhook(self, headers: Mapping[str, str], body: bytes) -> datetime:
        """Return when a webhook was signed; one that is not to be believed raises and says why.

        Source: https://plaid.com/docs/api/webhooks/webhook-verification/ (read 2026-11-21).

        Raises:
            WebhookRejectedError: signature, age or body do not fit.
        """
        if not isinstance(body, bytes | bytearray):  # pyright: ignore[reportUnnecessaryIsInstance] - callers are untyped
            raise TypeError("verify the raw body bytes: a parsed body can not be verified")
        token = next((value for name, value in headers.items() if name.lower() == HEADER), None)
        if not token:
            raise WebhookRejectedError("the Plaid-Verification header is missing")
        parts = token.split(".")
        if len(parts) != 3:
            raise WebhookRejectedError("the signature is not a compact JWT")
        header = _decode_part(parts[0], _Header)
        # Only this one: a token must not choose how it is verified.
        if header.alg != "ES256":
            raise WebhookRejectedError("the algorithm is not ES256")
        key = await self._find_key(header.kid)
        if key.expired_at is not None:
            raise WebhookRejectedError("the key has expired")
        _check_signature(key, f"{parts[0]}.{parts[1]}".encode(), _bytes(parts[2]))
        claims = _decode_part(parts[1], _Claims)
        age_s = self._timing.now().timestamp() - claims.iat
        if age_s > MAX_AGE_S:
            raise WebhookRejectedError("it was signed more than five minutes ago")
        if age_s < -MAX_AHEAD_S:
            raise WebhookRejectedError("it was signed in the future")
        digest = hashlib.sha256(body).hexdigest()
        if not hmac.compare_digest(digest.encode(), claims.request_body_sha256.encode()):
            raise WebhookRejectedError("the body is not the one that was signed")
        return datetime.fromtimestamp(claims.iat, UTC)

    async def _find_key(self, kid: str) -> WebhookKey:
        now_s = self._timing.monotonic()
        kept = self._webhook_keys.find(kid, now_s)
        if kept is not None:
            return kept
        retry_at = self._webhook_keys.waits_until(now_s)
        if retry_at is not None:
            raise PlaidRateLimitError(
                f"Plaid wants no question for a webhook key before {retry_at.isoformat()}", retry_at=retry_at
            )
        if not self._webhook_keys.take_lookup(now_s):
            raise WebhookRejectedError("too many unknown keys in the last minute")
        try:
            key = (await self.get_webhook_key(kid)).key
        except PlaidError as error:
            if error.code == "INVALID_WEBHOOK_VERIFICATION_KEY_ID":
                raise WebhookRejectedError("the key id is unknown to Plaid") from None
            if error.retry_at is not None:
                wait = error.retry_at - self._timing.now()
                self._webhook_keys.wait(self._timing.monotonic() + wait.total_seconds(), error.retry_at)
            raise
        self._webhook_keys.keep(kid, key, now_s)
        return key


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise WebhookRejectedError("the signature is not base64url") from None


def _decode_part(text: str, type_: type[json.T]) -> json.T:
    try:
        return json.decode(_bytes(text), type_)
    except json.JsonError:
        raise WebhookRejectedError("the signature's header or claims are unreadable") from None


def _check_signature(key: WebhookKey, signed: bytes, signature: bytes) -> None:
    # Loaded late: reading does without it.
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    if key.alg != "ES256" or key.kty != "EC" or key.crv != "P-256" or len(signature) != 64:
        raise WebhookRejectedError("the key or the signature is not of ES256")
    x, y = (int.from_bytes(_bytes(part), "big") for part in (key.x, key.y))
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    try:
        public = cast("Any", ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key())
        public.verify(encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError):
        raise WebhookRejectedError("the signature does not fit") from None
