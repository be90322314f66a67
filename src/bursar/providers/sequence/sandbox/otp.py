"""Is this the code that the user's authenticator shows? (RFC 6238: HMAC-SHA1, six digits, thirty seconds.)"""

import hmac
from base64 import b32decode

STEP_S = 30
TOLERANCE = 1
"""How many steps a code may be early or late."""


def code_at(secret: str, step: int) -> str:
    """The code of a base32 secret in a step of thirty seconds since 1970."""
    key = b32decode(secret.upper() + "=" * (-len(secret) % 8))
    digest = hmac.digest(key, step.to_bytes(8), "sha1")
    offset = digest[-1] & 15
    return f"{(int.from_bytes(digest[offset : offset + 4]) & 0x7FFFFFFF) % 1_000_000:06d}"


def step_of(secret: str, code: str, seconds: int) -> int | None:
    """The step whose code this is, near an instant in seconds since 1970; None when there is none."""
    present = seconds // STEP_S
    for step in range(present - TOLERANCE, present + TOLERANCE + 1):
        if hmac.compare_digest(code_at(secret, step).encode(), code.encode()):
            return step
    return None
