"""How does one text carry everything that opens a login?

Most providers give one access token, and that is the text, unchanged. Where a login is opened by several values, the
text holds them all; it is as secret as they are.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import cast

from bursar.banking.exceptions import InvalidCredentialsError
from bursar.ports.provider import Credentials

_MANY = "bursar-login."


def to_token(credentials: Credentials) -> str:
    """Return the text that `to_credentials` reads again."""
    token = credentials.get("access_token")
    if token:
        return token
    members = json.dumps(dict(credentials), separators=(",", ":"), sort_keys=True)
    return _MANY + base64.urlsafe_b64encode(members.encode()).decode().rstrip("=")


def to_credentials(token: str) -> Credentials:
    """Return what a token stands for.

    Raises:
        InvalidCredentialsError: it is empty, no single line of visible characters, or cut.
    """
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise InvalidCredentialsError(
            "The access token is empty or no token: hand over the text that the exchange gave.", code="malformed_token"
        )
    if not token.startswith(_MANY):
        return Credentials.of(token)
    text = token.removeprefix(_MANY)
    try:
        members: object = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError):
        members = None
    if not isinstance(members, dict):
        raise InvalidCredentialsError(
            "The access token is cut or altered: link the bank again.", code="malformed_token"
        )
    values = cast("Mapping[str, object]", members)
    return Credentials({name: str(value) for name, value in values.items()})
