"""What do sealed bytes look like, and how are they bound to one key and one place?

Layout: format version (1 byte), length of the key id (1), key id, check of the key (4), nonce (12), AES-256-GCM
ciphertext with its tag (16). All before the nonce, and the place, is associated data: none of it can be exchanged.
Nonces are random, which is safe for 2**32 seals under one key.
Source: NIST SP 800-38D, sections 5.2.1.1 and 8.2.2 (read 2026-11-21).
"""

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bursar.security.failures import BrokenSealError, WrongKeyError

KEY_BYTES = 32
_VERSION = 1
_CHECK_BYTES = 4
_NONCE_BYTES = 12
_TAG_BYTES = 16
_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


def is_key_id(text: str) -> bool:
    """True for 1 to 64 ASCII letters, digits, `-` and `_`."""
    return _KEY_ID.fullmatch(text) is not None


def seal_bytes(plaintext: bytes, *, key_id: str, key: bytes, place: Iterable[str]) -> bytes:
    """Return the plaintext, encrypted and bound to the key's id and the place."""
    header = _header(key_id, key)
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return header + nonce + AESGCM(key).encrypt(nonce, plaintext, _associated(header, place))


def open_bytes(sealed: bytes, *, key_id: str, key: bytes, place: Iterable[str]) -> bytes:
    """Return what was sealed in this place under this key; the caller has found the key by `read_key_id`.

    Raises:
        WrongKeyError: the key has the right id and is another one.
        BrokenSealError: the bytes are damaged or come from another place.
    """
    parts = _split(sealed)
    if parts.key_id != key_id:
        raise BrokenSealError
    if not compare_digest(parts.check, _check(key)):
        raise WrongKeyError(key_id)
    try:
        return AESGCM(key).decrypt(parts.nonce, parts.ciphertext, _associated(parts.header, place))
    except InvalidTag:
        raise BrokenSealError from None


def read_key_id(sealed: bytes) -> str:
    """Return the id of the key that opens the bytes (not yet proven: opening proves it).

    Raises:
        BrokenSealError: these are no sealed bytes of this format.
    """
    return _split(sealed).key_id


@dataclass(frozen=True, slots=True)
class _Parts:
    header: bytes
    key_id: str
    check: bytes
    nonce: bytes
    ciphertext: bytes


def _split(sealed: bytes) -> _Parts:
    if len(sealed) < 2 or sealed[0] != _VERSION:
        raise BrokenSealError
    id_end = 2 + sealed[1]
    header_end = id_end + _CHECK_BYTES
    nonce_end = header_end + _NONCE_BYTES
    if len(sealed) < nonce_end + _TAG_BYTES:
        raise BrokenSealError
    try:
        key_id = sealed[2:id_end].decode("ascii")
    except UnicodeDecodeError:
        raise BrokenSealError from None
    if not is_key_id(key_id):
        raise BrokenSealError
    return _Parts(
        sealed[:header_end], key_id, sealed[id_end:header_end], sealed[header_end:nonce_end], sealed[nonce_end:]
    )


def _header(key_id: str, key: bytes) -> bytes:
    name = key_id.encode("ascii")
    return bytes((_VERSION, len(name))) + name + _check(key)


def _check(key: bytes) -> bytes:
    """Tell a wrong key from damaged bytes; four bytes of a digest say nothing about a random key."""
    return sha256(b"bursar key check\x00" + key).digest()[:_CHECK_BYTES]


def _associated(header: bytes, place: Iterable[str]) -> bytes:
    # Lengths in front, so that no two places run together to the same bytes.
    parts = [header, *(part.encode() for part in place)]
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)
