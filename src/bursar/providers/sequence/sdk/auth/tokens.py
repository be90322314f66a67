"""Where are the tokens of a login kept, and how long do they live?

One JSON object in `SEQUENCE_DATA_DIR`, readable by its owner only, replaced whole, locked across processes: with
rotating refresh tokens the identity site answers a token that is used twice by ending the whole family.
"""

import base64
import binascii
import json
import math
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

from bursar.providers.sequence.sdk.config import data_dir
from bursar.providers.sequence.sdk.files import locked, replace_file, tighten

LIFETIME_S = 86_400.0
"""About a day, where nothing else is said."""

MARGIN_S = 60.0
"""A token with no more than this left counts as expired."""

_NAME = ".tokens.json"


@dataclass(frozen=True)
class AuthTokens:
    """The tokens of one login; `repr` shows none of them.

    Attributes:
        access_token: goes with every request.
        refresh_token: None after a browser login, whose grant yields none.
        expires_at: of the access token, seconds since 1970.
    """

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    expires_at: float


def cache_path() -> Path:
    """The file of the tokens."""
    return data_dir() / _NAME


def token_lock() -> AbstractContextManager[None]:
    """Keep every other process and thread from reading, renewing and writing at the same time."""
    return locked(cache_path())


def read_tokens() -> AuthTokens | None:
    """The cached tokens; None when there are none or the file is not one of ours."""
    path = cache_path()
    try:
        tighten(path)
        found: Any = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    kept = cast("dict[str, Any]", found)
    if not {"access_token", "refresh_token", "expires_at"} <= kept.keys():
        return None
    access, refresh, expires_at = kept["access_token"], kept["refresh_token"], kept["expires_at"]
    if not isinstance(access, str) or not access or not isinstance(refresh, str | None):
        return None
    if isinstance(expires_at, bool) or not isinstance(expires_at, int | float) or not math.isfinite(expires_at):
        return None
    return AuthTokens(access, refresh or None, float(expires_at))


def save_tokens(tokens: AuthTokens) -> None:
    """Write the tokens; call it with the lock held."""
    replace_file(cache_path(), json.dumps(asdict(tokens)).encode())


def forget_access_token(access_token: str) -> None:
    """Make the cached access token count as expired, if it is this one; a refresh token stays.

    For a token that Sequence refuses before its time. Another process may have renewed it meanwhile: then nothing
    happens.
    """
    if read_tokens() is None:
        return
    with token_lock():
        kept = read_tokens()
        if kept is not None and kept.access_token == access_token:
            save_tokens(AuthTokens(kept.access_token, kept.refresh_token, 0.0))


def expiry_of(access_token: str, now: float) -> float:
    """When a token from a browser login ends: what it says itself, else a day from now.

    The signature is not checked: the token is Sequence's to believe, and this is its date only.
    """
    try:
        payload = access_token.split(".")[1]
        claims: Any = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        expires_at = claims["exp"]
    except (IndexError, KeyError, TypeError, ValueError, RecursionError, binascii.Error):
        return now + LIFETIME_S
    if isinstance(expires_at, bool) or not isinstance(expires_at, int | float) or not math.isfinite(expires_at):
        return now + LIFETIME_S
    return float(expires_at)
