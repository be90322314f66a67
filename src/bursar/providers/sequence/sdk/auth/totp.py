"""Which code does the second factor ask for now? RFC 6238, from a code, a secret or a provisioning address.

Source: https://www.rfc-editor.org/rfc/rfc6238 and https://github.com/google/google-authenticator/wiki/Key-Uri-Format
(read 2026-11-29). Secrets of 80 bits are common, though the RFC wants 128, so any length is taken.
"""

import base64
import binascii
import hashlib
import hmac
import re
import struct
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from bursar.providers.sequence.sdk.exceptions import ConfigurationError

_LITERAL = re.compile(r"[0-9]{6,8}")
_ALGORITHMS = {"SHA1": hashlib.sha1, "SHA256": hashlib.sha256, "SHA512": hashlib.sha512}
_URI = "otpauth://totp/"

LEAST_LEFT_S = 5.0
"""A code with less time left may end while it is typed: the next one is better."""


@dataclass(frozen=True)
class SecondFactor:
    """What `SEQUENCE_TOTP` stands for; `repr` shows neither code nor secret.

    Attributes:
        literal: a code that is typed as it is, and works once.
        key: the secret that codes are made from.
        digits: of a code.
        period_s: how long a code lives.
        algorithm: `SHA1`, `SHA256` or `SHA512`.
    """

    literal: str | None = field(default=None, repr=False)
    key: bytes = field(default=b"", repr=False)
    digits: int = 6
    period_s: int = 30
    algorithm: str = "SHA1"

    @classmethod
    def parse(cls, text: str) -> "SecondFactor":
        """Read a code of 6 to 8 digits, an `otpauth://totp/` address, or else a base32 secret.

        Raises:
            ConfigurationError: it is none of them.
        """
        plain = "".join(text.split())
        if _LITERAL.fullmatch(plain):
            return cls(literal=plain)
        if plain.lower().startswith(_URI):
            return cls._from_uri(text.strip())
        return cls(key=_key(plain))

    @classmethod
    def _from_uri(cls, uri: str) -> "SecondFactor":
        try:
            query = parse_qs(urlsplit(uri).query)
            digits, period_s = int(query.get("digits", ["6"])[0]), int(query.get("period", ["30"])[0])
        except ValueError:
            raise ConfigurationError(f"{_NAME}: digits and period of the otpauth address must be numbers") from None
        algorithm = query.get("algorithm", ["SHA1"])[0].upper().replace("-", "")
        if algorithm not in _ALGORITHMS or not 6 <= digits <= 8 or not 5 <= period_s <= 300:
            raise ConfigurationError(f"{_NAME}: the otpauth address asks for codes that are not supported")
        return cls(key=_key(query.get("secret", [""])[0]), digits=digits, period_s=period_s, algorithm=algorithm)

    def code(self, now: float) -> str:
        """The code at a moment, seconds since 1970."""
        if self.literal is not None:
            return self.literal
        counter = struct.pack(">Q", int(now) // self.period_s)
        digest = hmac.new(self.key, counter, _ALGORITHMS[self.algorithm]).digest()
        offset = digest[-1] & 0x0F
        (number,) = struct.unpack(">I", digest[offset : offset + 4])
        return str((number & 0x7FFFFFFF) % 10**self.digits).zfill(self.digits)

    def wait_s(self, now: float) -> float:
        """Seconds to wait until a code has enough time left to be typed; 0 when it has now."""
        if self.literal is not None:
            return 0.0
        left_s = self.period_s - now % self.period_s
        return left_s if left_s < min(LEAST_LEFT_S, self.period_s / 2) else 0.0


_NAME = "SEQUENCE_TOTP"


def _key(secret: str) -> bytes:
    plain = "".join(secret.split()).replace("-", "").upper().rstrip("=")
    try:
        key = base64.b32decode(plain + "=" * (-len(plain) % 8))
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise ConfigurationError(f"{_NAME} is neither a code of 6 to 8 digits, a base32 secret nor an otpauth address")
    return key
