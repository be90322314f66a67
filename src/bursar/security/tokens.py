"""How does a caller prove who it is, and how does a page name the next one?"""

import base64
import binascii
import hmac
import re
import secrets
from dataclasses import dataclass, field
from hashlib import sha256
from uuid import UUID

from bursar.domain.ids import new_id

TOKEN_PATTERN = r"bursar_[0-9a-f]{32}_[a-z2-7]{52}"  # noqa: S105 - the shape of a token, not one
"""What a secret scanner or a redactor looks for."""

_TOKEN = re.compile(TOKEN_PATTERN, re.ASCII)
_SECRET_BYTES = 32
_CURSOR_VERSION = b"\x01"
_MAC_BYTES = 32
_MAX_PAYLOAD_BYTES = 2048
_MAX_CURSOR_CHARACTERS = (1 + _MAC_BYTES + _MAX_PAYLOAD_BYTES) * 4 // 3 + 1
_MIN_KEY_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class NewToken:
    """A token at the only moment at which its text exists: show it once, store id and digest."""

    id: UUID
    text: str = field(repr=False)
    digest: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PresentedToken:
    """A well-formed token that somebody sent; whether it is known, the stored digest tells."""

    id: UUID
    digest: bytes = field(repr=False)

    def matches(self, stored_digest: bytes) -> bool:
        """True when this is the token of the stored digest; takes equally long for every wrong one."""
        return hmac.compare_digest(self.digest, stored_digest)


def new_token() -> NewToken:
    """Return a new API token with a 256-bit secret: `bursar_<id>_<secret>`."""
    token_id = new_id()
    secret = base64.b32encode(secrets.token_bytes(_SECRET_BYTES)).decode().rstrip("=").lower()
    text = f"bursar_{token_id.hex}_{secret}"
    return NewToken(id=token_id, text=text, digest=digest_token(text))


def parse_token(text: str) -> PresentedToken | None:
    """Return the id and digest of a token, or None when the text has not the form of one."""
    if _TOKEN.fullmatch(text) is None:
        return None
    return PresentedToken(id=UUID(hex=text.split("_")[1]), digest=digest_token(text))


def digest_token(text: str) -> bytes:
    """Return what is stored of a token: SHA-256 of all of it, so that the id belongs to the secret.

    A slow hash would add nothing: a 256-bit secret is not guessed.
    """
    return sha256(text.encode()).digest()


class CursorError(ValueError):
    """A page cursor was changed, cut, made by somebody else or for another tenant: start from the first page."""

    def __init__(self) -> None:
        super().__init__("the cursor is not valid here: start again from the first page")


def sign_cursor(payload: bytes, *, key: bytes, tenant_id: UUID) -> str:
    """Return the payload as opaque URL-safe text that only this tenant can bring back.

    The payload is proven, not hidden: it holds sort values and ids, never secrets. What else it must agree with, such
    as the filters of the listing, the caller puts into it.
    """
    if len(payload) > _MAX_PAYLOAD_BYTES:
        raise ValueError(f"a cursor holds at most {_MAX_PAYLOAD_BYTES} bytes")
    signed = _CURSOR_VERSION + _cursor_mac(payload, key, tenant_id) + payload
    return base64.urlsafe_b64encode(signed).decode().rstrip("=")


def verify_cursor(text: str, *, key: bytes, tenant_id: UUID) -> bytes:
    """Return the payload of a cursor.

    Raises:
        CursorError: it is none of ours, or not this tenant's; the cases look alike on purpose.
    """
    if len(text) > _MAX_CURSOR_CHARACTERS:
        raise CursorError
    try:
        signed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise CursorError from None
    mac, payload = signed[1 : 1 + _MAC_BYTES], signed[1 + _MAC_BYTES :]
    if signed[:1] != _CURSOR_VERSION or not hmac.compare_digest(mac, _cursor_mac(payload, key, tenant_id)):
        raise CursorError
    # Spare bits of the last character decode to the same bytes: only the text that we gave out is taken.
    if sign_cursor(payload, key=key, tenant_id=tenant_id) != text:
        raise CursorError
    return payload


def _cursor_mac(payload: bytes, key: bytes, tenant_id: UUID) -> bytes:
    if len(key) < _MIN_KEY_BYTES:
        raise ValueError(f"a cursor key has at least {_MIN_KEY_BYTES} bytes")
    return hmac.new(key, b"bursar cursor" + _CURSOR_VERSION + tenant_id.bytes + payload, sha256).digest()
