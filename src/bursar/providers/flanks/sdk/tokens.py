"""Where does the access token come from, and who else may use it?"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from bursar.transport.auth import BearerAuth, BearerToken
from bursar.transport.redaction import Secret
from bursar.transport.timing import Timing

RENEWAL_MARGIN_S = 300.0
"""A token this close to its end is not used any more; of a shorter-lived one, half the life is used."""

DEFAULT_LIFETIME_S = 3600.0
"""What Flanks documents; for an answer that does not say."""


@dataclass(frozen=True, slots=True)
class CachedToken:
    """A token that clients with the same credentials may share.

    Attributes:
        access_token: the bearer token.
        expires_at: aware, UTC.
        lifetime_s: how long it was good for when it was issued.
    """

    access_token: Secret
    expires_at: datetime
    lifetime_s: float = DEFAULT_LIFETIME_S


class TokenCache(Protocol):
    """Where tokens are kept between clients; implement it over a store of yours to share one among processes.

    The key names the host and the client id, never a secret. What a store raises reaches the caller.
    """

    async def load(self, key: str) -> CachedToken | None:
        """Return the stored token, expired or not; None when there is none."""
        ...

    async def store(self, key: str, token: CachedToken) -> None:
        """Keep a token in place of the one before."""
        ...


@dataclass(slots=True, repr=False)
class MemoryTokenCache:
    """Tokens of one process: give one object to several clients."""

    _tokens: dict[str, CachedToken] = field(default_factory=dict[str, CachedToken])

    async def load(self, key: str) -> CachedToken | None:
        """Return the stored token."""
        return self._tokens.get(key)

    async def store(self, key: str, token: CachedToken) -> None:
        """Keep a token."""
        self._tokens[key] = token


class CachedBearerAuth(BearerAuth):
    """A bearer token, renewed once for all who wait, looked up in a cache before a new one is asked for."""

    def __init__(
        self, request: Callable[[], Awaitable[BearerToken]], cache: TokenCache, key: str, timing: Timing
    ) -> None:
        super().__init__(self._obtain, margin_s=RENEWAL_MARGIN_S, timing=timing)
        self._request = request
        self._cache = cache
        self._key = key
        self._clock = timing
        self._spent: Secret | None = None
        self.current: CachedToken | None = None
        """The token in use; None before the first call."""

    async def renew(self, refused: Mapping[str, str]) -> bool:
        """Take another token unless somebody already did."""
        current = self.current
        if current is not None and refused.get("Authorization") == f"Bearer {current.access_token.reveal()}":
            self._spent = current.access_token
        return await super().renew(refused)

    async def _obtain(self) -> BearerToken:
        now = self._clock.now()
        cached = await self._cache.load(self._key)
        if cached is not None and not self._is_used_up(cached, now):
            self.current = cached
            return BearerToken(cached.access_token, (cached.expires_at - now).total_seconds())
        issued = await self._request()
        lifetime_s = DEFAULT_LIFETIME_S if issued.expires_in_s is None else issued.expires_in_s
        self.current = CachedToken(issued.access_token, now + timedelta(seconds=lifetime_s), lifetime_s)
        await self._cache.store(self._key, self.current)
        return BearerToken(issued.access_token, lifetime_s)

    def _is_used_up(self, token: CachedToken, now: datetime) -> bool:
        # The clock that only moves forward has ended the token in use, or Flanks has refused it: whatever the wall
        # clock says of it, the same one again would be refused again.
        known = (self._spent, self.current.access_token if self.current is not None else None)
        margin_s = min(RENEWAL_MARGIN_S, token.lifetime_s / 2)
        return token.access_token in known or (token.expires_at - now).total_seconds() < margin_s
