"""How are secrets sealed into a row so that they open in that row only?"""

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import cast
from uuid import UUID

from bursar.security.envelope import KEY_BYTES, open_bytes, read_key_id, seal_bytes
from bursar.security.failures import BrokenSealError, UnknownKeyError
from bursar.security.keys import DataKey


@dataclass(frozen=True, slots=True, kw_only=True)
class SealContext:
    """The one place in which sealed bytes open."""

    tenant_id: UUID
    table: str
    column: str
    row_id: UUID | str
    provider_slug: str | None = None
    """None where the row belongs to no provider; this is another place than the empty text."""

    def place(self) -> tuple[str, ...]:
        """Return what the bytes are bound to, beside the key."""
        provider = () if self.provider_slug is None else (self.provider_slug,)
        return ("sealed", str(self.tenant_id), self.table, self.column, str(self.row_id), *provider)


def seal(plaintext: bytes, *, key: DataKey, context: SealContext) -> bytes:
    """Return the plaintext as bytes for storage that open with this key in this place only."""
    return seal_bytes(plaintext, key_id=key.id, key=key.reveal(), place=context.place())


def open_sealed(sealed: bytes, *, key: DataKey, context: SealContext) -> bytes:
    """Return what was sealed; `sealed_key_id` tells beforehand which key to fetch.

    Raises:
        UnknownKeyError: the bytes were sealed with another data key.
        WrongKeyError: the key has the right id and other bytes.
        BrokenSealError: the bytes are damaged, or were sealed for another place.
    """
    key_id = read_key_id(sealed)
    if key_id != key.id:
        raise UnknownKeyError(key_id, "fetch the tenant's data key of that id")
    return open_bytes(sealed, key_id=key_id, key=key.reveal(), place=context.place())


def sealed_key_id(sealed: bytes) -> str:
    """Return the id of the data key that opens the bytes.

    Raises:
        BrokenSealError: these are no sealed bytes.
    """
    return read_key_id(sealed)


def seal_mapping(values: Mapping[str, str], *, key: DataKey, context: SealContext) -> bytes:
    """Return credentials as bytes for storage; an empty mapping becomes a ciphertext like any other."""
    plaintext = json.dumps(dict(values), sort_keys=True, separators=(",", ":")).encode()
    return seal(plaintext, key=key, context=context)


def open_mapping(sealed: bytes, *, key: DataKey, context: SealContext) -> dict[str, str]:
    """Return the credentials that were sealed; raises what `open_sealed` raises."""
    plaintext = open_sealed(sealed, key=key, context=context)
    try:
        found: object = json.loads(plaintext)
    except ValueError:
        # The decoder's error carries the text that it could not read: it must not become part of a traceback.
        found = None
    if not isinstance(found, dict):
        raise BrokenSealError
    members = cast("dict[str, object]", found)
    values = {name: value for name, value in members.items() if isinstance(value, str)}
    if len(values) != len(members):
        raise BrokenSealError
    return values


def identity_hash(key: bytes, text: str) -> str:
    """Return the HMAC-SHA256 of an account number as hex, under the tenant's identity key.

    Equal texts give equal hashes within a tenant and unrelated ones between tenants; the caller normalises the text.
    """
    if len(key) < KEY_BYTES:
        raise ValueError(f"an identity key has at least {KEY_BYTES} bytes")
    return hmac.new(key, text.encode(), sha256).hexdigest()
