"""How is Teller Connect opened for a user, and did its result really come from Teller, for this user, now?"""

import base64
import binascii
import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from bursar.transport.redaction import Secret

DEFAULT_PRODUCTS = ("balance", "transactions", "identity")


class EnrollmentRefusedError(Exception):
    """The result of Connect is not to be believed; `reason` is our fixed wording. Let the user begin anew."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"enrolment refused: {reason}")
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectSetup:
    """What a page gives to `TellerConnect.setup`; there is no call for it, and no link token.

    Attributes:
        application_id: of the application, from Teller's dashboard.
        environment: `sandbox`, `development` or `production`.
        products: what will be read.
        nonce: a random text of the server's, for one use: only with it is the result signed.
        institution: opens one institution directly; None lets the user choose.
        enrollment_id: an enrolment to be repaired: its access token works again afterwards. None makes a new one.
        select_account: `disabled` shares every account; `single` or `multiple` lets the user choose.
    """

    application_id: str
    environment: str
    nonce: str
    products: Sequence[str] = DEFAULT_PRODUCTS
    institution: str | None = None
    enrollment_id: str | None = None
    select_account: str | None = None

    def to_options(self) -> dict[str, Any]:
        """Return the options under the names that Connect knows."""
        options = {
            "applicationId": self.application_id,
            "environment": self.environment,
            "products": list(self.products),
            "nonce": self.nonce,
            "institution": self.institution,
            "enrollmentId": self.enrollment_id,
            "selectAccount": self.select_account,
        }
        return {name: value for name, value in options.items() if value is not None}

    def to_json(self) -> str:
        """Return the options as JSON, for a page."""
        return json.dumps(self.to_options(), separators=(",", ":"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrollment:
    """What Connect hands to `onSuccess`: proven by `verify_enrollment` only."""

    access_token: Secret
    user_id: str
    enrollment_id: str
    institution_name: str | None = None
    signatures: tuple[str, ...] = field(default=(), repr=False)


def new_nonce() -> str:
    """Return a nonce; keep it at the server, bound to the user, and take it once."""
    return secrets.token_urlsafe(24)


def read_enrollment(value: str | bytes | Mapping[str, Any]) -> Enrollment:
    """Return the value of `onSuccess`, as JSON or decoded.

    Raises:
        EnrollmentRefusedError: it lacks the token, the user or the enrolment.
    """
    members: Any = value
    if isinstance(value, str | bytes):
        try:
            members = json.loads(value)
        except (ValueError, RecursionError):
            raise EnrollmentRefusedError("the result is no JSON") from None
    if not isinstance(members, Mapping):
        raise EnrollmentRefusedError("the result is no object")
    found = cast("Mapping[str, Any]", members)
    enrollment, signatures = _object(found, "enrollment"), found.get("signatures")
    listed = cast("list[Any]", signatures) if isinstance(signatures, list) else []
    name = _object(enrollment, "institution").get("name")
    return Enrollment(
        access_token=Secret(_text(found, "accessToken")),
        user_id=_text(_object(found, "user"), "id"),
        enrollment_id=_text(enrollment, "id"),
        institution_name=name if isinstance(name, str) else None,
        signatures=tuple(one for one in listed if isinstance(one, str)),
    )


def verify_enrollment(enrollment: Enrollment, *, nonce: str, environment: str, signing_key: str) -> None:
    """Return when Teller signed exactly this token, user and enrolment for this nonce.

    One signature that fits is enough: there are several while a key is exchanged. Without this check a page could hand
    in somebody else's token.

    Args:
        enrollment: what came back.
        nonce: the one that the server gave out for this user.
        environment: the client's.
        signing_key: the application's token signing key, public half, base64, from Teller's dashboard.

    Raises:
        EnrollmentRefusedError: no signature fits.
        ValueError: the signing key is no ED25519 key in base64.

    Source: https://teller.io/docs/guides/connect (read 2026-11-29). Whether the digest or the text itself is signed is
    not settled there: both are tried.
    """
    if not enrollment.signatures:
        raise EnrollmentRefusedError("there is no signature")
    key = load_signing_key(signing_key)
    signed = ".".join(
        (nonce, enrollment.access_token.reveal(), enrollment.user_id, enrollment.enrollment_id, environment)
    ).encode()
    for text in enrollment.signatures:
        signature = _signature(text)
        if signature is not None and any(
            _fits(key, signature, message) for message in (hashlib.sha256(signed).digest(), signed)
        ):
            return
    raise EnrollmentRefusedError("no signature fits the token, the user, the enrolment and the nonce")


def load_signing_key(text: str) -> Any:
    """Return the public key; 32 bytes, or the 44 of its DER form, in base64.

    Raises:
        ValueError: it is none.
    """
    # Loaded late: reading does without it.
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        raw = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("the token signing key is not base64") from None
    # The last 32 bytes of the DER form are the key itself.
    if len(raw) == 44:
        raw = raw[12:]
    if len(raw) != 32:
        raise ValueError("the token signing key is no ED25519 public key")
    return Ed25519PublicKey.from_public_bytes(raw)


def _fits(key: Any, signature: bytes, message: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def _signature(text: str) -> bytes | None:
    plain = text.strip().replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def _object(members: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = members.get(name)
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def _text(members: Mapping[str, Any], name: str) -> str:
    value = members.get(name)
    if not isinstance(value, str) or not value:
        raise EnrollmentRefusedError(f"the result lacks its {name}")
    return value
