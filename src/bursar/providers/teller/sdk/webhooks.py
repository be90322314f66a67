"""Is a webhook really from Teller, is it fresh, and what does it tell?"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

import msgspec

from bursar.transport import json
from bursar.transport.redaction import Secret

HEADER = "teller-signature"
MAX_AGE_S = 180
MAX_AHEAD_S = 60


class WebhookRejectedError(Exception):
    """The webhook is not to be believed; `reason` is our fixed wording. Answer 401, never 200."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"webhook rejected: {reason}")
        self.reason = reason


class _Body(msgspec.Struct, frozen=True):
    id: str
    type: str
    timestamp: datetime | None = None
    payload: dict[str, Any] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """A notice whose sender was proven; the same `id` may come again, and notices come in any order.

    Attributes:
        id: of the notice; remember it for a day, and do nothing the second time.
        type: `enrollment.disconnected`, `transactions.processed`, `account.number_verification.processed`,
            `webhook.test`, or one that Teller adds later.
        timestamp: when it happened, aware; None when Teller does not say it with an offset.
        payload: as sent: personal data.
    """

    id: str
    type: str
    timestamp: datetime | None
    payload: Mapping[str, Any] = field(repr=False)

    @property
    def enrollment_id(self) -> str | None:
        """The enrolment that it is about; None when it names none."""
        return self._text("enrollment_id")

    @property
    def account_id(self) -> str | None:
        """The account that it is about; None when it names none."""
        return self._text("account_id")

    @property
    def reason(self) -> str | None:
        """Why an enrolment was disconnected, such as `disconnected.account_locked`; None for other notices."""
        return self._text("reason")

    def _text(self, name: str) -> str | None:
        value = self.payload.get(name)
        return value if isinstance(value, str) and value else None


def read_webhook(headers: Mapping[str, str], body: bytes, *, secrets: Sequence[str | Secret], now: datetime) -> Webhook:
    """Prove that Teller sent exactly these bytes within the last three minutes, and return what they tell.

    Args:
        headers: by name, in any case.
        body: the raw bytes: the proof covers bytes, not what they mean.
        secrets: every signing secret that has not expired; two while they are exchanged.
        now: aware.

    Raises:
        TypeError: `body` is not bytes.
        ValueError: there is no secret.
        WebhookRejectedError: header, age, signature or body do not fit.

    Source: https://teller.io/docs/api/webhooks (read 2026-11-29).
    """
    if not isinstance(body, bytes | bytearray):  # pyright: ignore[reportUnnecessaryIsInstance] - callers are untyped
        raise TypeError("verify the raw body bytes: a parsed body can not be verified")
    if not secrets:
        raise ValueError("no signing secret: nothing can be proven")
    header = next((value for name, value in headers.items() if name.lower() == HEADER), None)
    if not header:
        raise WebhookRejectedError("the Teller-Signature header is missing")
    stamp, signatures = _parse(header)
    age_s = now.timestamp() - stamp
    if age_s > MAX_AGE_S:
        raise WebhookRejectedError("it was signed more than three minutes ago")
    if age_s < -MAX_AHEAD_S:
        raise WebhookRejectedError("it was signed in the future")
    message = str(stamp).encode() + b"." + bytes(body)
    expected = [hmac.new(Secret(one).reveal().encode(), message, hashlib.sha256).hexdigest() for one in secrets]
    # Every pair is compared, so that the time tells nothing of which of them fits.
    fits = [hmac.compare_digest(known.encode(), sent) for known in expected for sent in signatures]
    if not any(fits):
        raise WebhookRejectedError("no signature fits")
    try:
        told = json.decode(bytes(body), _Body)
    except json.JsonError:
        raise WebhookRejectedError("the body is no notice of Teller's") from None
    at = told.timestamp if told.timestamp is not None and told.timestamp.tzinfo is not None else None
    return Webhook(id=told.id, type=told.type, timestamp=at, payload=cast("Mapping[str, Any]", told.payload))


def _parse(header: str) -> tuple[int, list[bytes]]:
    stamps: list[str] = []
    signatures: list[bytes] = []
    for part in header.split(",")[:20]:
        name, _, value = part.strip().partition("=")
        if name == "t":
            stamps.append(value)
        elif name == "v1":
            signatures.append(value.strip().lower().encode("utf-8", "replace"))
    if len(stamps) != 1 or not stamps[0].isascii() or not stamps[0].isdigit() or len(stamps[0]) > 12:
        raise WebhookRejectedError("the header has no single time")
    if not signatures:
        raise WebhookRejectedError("the header has no signature")
    return int(stamps[0]), signatures
