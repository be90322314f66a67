"""Which tokens has the identity site issued, and which of them are still good?"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from secrets import token_urlsafe
from typing import Any, cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

LIFETIME_S = 86_400
SCOPE = "openid profile email"

Claims = dict[str, Any]


class RefusedGrantError(Exception):
    """The token endpoint says no: an HTTP status, an OAuth error and its description."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(description)
        self.status = status
        self.body = {"error": error, "error_description": description}


@lru_cache(maxsize=1)
def _signing_key() -> rsa.RSAPrivateKey:
    # One for the process: making one takes longer than most tests.
    return rsa.generate_private_key(public_exponent=65_537, key_size=2048)


def _key_id() -> str:
    return sha256(str(_signing_key().public_key().public_numbers().n).encode()).hexdigest()[:16]


def key_set() -> Mapping[str, Any]:
    """The public key as a JSON Web Key Set."""
    numbers = _signing_key().public_key().public_numbers()
    return {
        "keys": [
            {
                "kty": "RSA",
                "use": "sig",
                "alg": "RS256",
                "kid": _key_id(),
                "n": _number(numbers.n),
                "e": _number(numbers.e),
            }
        ]
    }


@dataclass(slots=True)
class _Family:
    """All refresh tokens that follow from one login."""

    user_id: str
    current: str
    spent: set[str] = field(default_factory=set[str])
    is_revoked: bool = False


class Tokens:
    """Access tokens (RS256) and families of refresh tokens.

    Attributes:
        issuer: `iss` of every token.
        audience: `aud` of every token.
        client_id: the one application, `azp` of every token.
        rotates: a refresh token is good once, and its reply has the next one.
        allows_refresh: whether the application may use the refresh grant at all.
    """

    def __init__(self, now: Callable[[], datetime], *, client_id: str, issuer: str = "", audience: str = "") -> None:
        """`now` says when it is for tokens."""
        self._now = now
        self.client_id = client_id
        self.issuer = issuer
        self.audience = audience
        self.rotates = True
        self.allows_refresh = True
        self._families: dict[str, _Family] = {}
        self._revoked: set[str] = set()
        self._issued: dict[str, list[str]] = {}

    def issue_access(self, user_id: str, *, lifetime_s: int = LIFETIME_S, scope: str = SCOPE) -> str:
        """A signed access token; a negative lifetime makes one that has ended."""
        now = int(self._now().timestamp())
        claims = {
            "iss": self.issuer,
            "sub": f"auth0|{user_id}",
            "aud": self.audience,
            "azp": self.client_id,
            "iat": now,
            "exp": now + lifetime_s,
            "scope": scope,
            "jti": token_urlsafe(12),
        }
        signed = f"{_part({'alg': 'RS256', 'typ': 'JWT', 'kid': _key_id()})}.{_part(claims)}"
        signature = _signing_key().sign(signed.encode(), padding.PKCS1v15(), SHA256())
        token = f"{signed}.{_encode(signature)}"
        self._issued.setdefault(user_id, []).append(token)
        return token

    def issue_refresh(self, user_id: str) -> str:
        """The first refresh token of a new family."""
        token = f"v1.{token_urlsafe(32)}"
        self._families[token] = _Family(user_id, token)
        return token

    def subject_of(self, access_token: str) -> str | None:
        """The user of an access token that is good now; None for any other."""
        claims = read_claims(access_token)
        if claims is None or access_token in self._revoked or not _is_signed(access_token):
            return None
        is_ours = claims.get("iss") == self.issuer and claims.get("aud") == self.audience
        ends_at = claims.get("exp")
        if not is_ours or not isinstance(ends_at, int) or self._now().timestamp() >= ends_at:
            return None
        return str(claims.get("sub", "")).removeprefix("auth0|") or None

    def refresh(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """The answer of the token endpoint to a request.

        Raises:
            RefusedGrantError: nothing is issued. A refresh token that comes a second time ends its whole family.
        """
        for name in ("grant_type", "client_id"):
            if not _is_text(body.get(name)):
                raise RefusedGrantError(400, "invalid_request", f"Missing required parameter: {name}")
        if body["client_id"] != self.client_id:
            raise RefusedGrantError(401, "access_denied", "Unauthorized")
        grant = body["grant_type"]
        if grant != "refresh_token" or not self.allows_refresh:
            text = f"Grant type '{grant}' not allowed for the client."
            raise RefusedGrantError(403, "unauthorized_client", text)
        if not _is_text(body.get("refresh_token")):
            raise RefusedGrantError(400, "invalid_request", "Missing required parameter: refresh_token")
        family = self._spend(str(body["refresh_token"]))
        answer: dict[str, Any] = {
            "access_token": self.issue_access(family.user_id, scope=f"{SCOPE} offline_access"),
            "expires_in": LIFETIME_S,
            "scope": f"{SCOPE} offline_access",
            "token_type": "Bearer",
        }
        if self.rotates:
            answer["refresh_token"] = family.current
        return answer

    def revoke(self, token: str) -> bool:
        """Ends an access token, or a refresh token with its family; False when nobody knows it."""
        family = self._families.get(token)
        if family is not None:
            family.is_revoked = True
            return True
        if not _is_signed(token):
            return False
        self._revoked.add(token)
        return True

    def end_sessions(self, user_id: str) -> int:
        """Ends all tokens of a user, those of this very second included; returns how many families there were."""
        families = {id(one): one for one in self._families.values() if one.user_id == user_id and not one.is_revoked}
        for family in families.values():
            family.is_revoked = True
        for token in self._issued.pop(user_id, ()):
            self._revoked.add(token)
        return len(families)

    def _spend(self, token: str) -> _Family:
        family = self._families.get(token)
        if family is None or family.is_revoked or token in family.spent:
            if family is not None:
                # Whoever comes with a token that was spent has stolen it, or was stolen from: nobody of them goes on.
                family.is_revoked = True
            raise RefusedGrantError(403, "invalid_grant", "Unknown or invalid refresh token.")
        if self.rotates:
            family.spent.add(token)
            family.current = f"v1.{token_urlsafe(32)}"
            self._families[family.current] = family
        return family


def read_claims(access_token: str) -> Claims | None:
    """What an access token says, whether or not it is true; None for what is no token."""
    try:
        payload: object = json.loads(_decode(access_token.split(".")[1]))
    except (IndexError, ValueError):
        return None
    return cast("Claims", payload) if isinstance(payload, dict) else None


def _is_signed(access_token: str) -> bool:
    signed, _, signature = access_token.rpartition(".")
    try:
        header: object = json.loads(_decode(signed.partition(".")[0]))
        # Whatever else a token calls its algorithm, none or a shared secret included, is refused.
        if not isinstance(header, dict) or cast("Claims", header).get("alg") != "RS256":
            return False
        _signing_key().public_key().verify(_decode(signature), signed.encode(), padding.PKCS1v15(), SHA256())
    except (ValueError, InvalidSignature):
        return False
    return True


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _part(value: Mapping[str, Any]) -> str:
    return _encode(json.dumps(value, separators=(",", ":")).encode())


def _encode(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4))


def _number(value: int) -> str:
    return _encode(value.to_bytes((value.bit_length() + 7) // 8))
