"""How do credentials get into a request, and what happens when they are refused?"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from bursar.transport.redaction import Secret
from bursar.transport.timing import SYSTEM_TIMING, Timing


class Auth(Protocol):
    """What a client asks of a way to authenticate."""

    async def headers(self) -> Mapping[str, str]:
        """The headers that carry the credentials, for the next attempt."""
        ...

    async def renew(self, refused: Mapping[str, str]) -> bool:
        """After a 401 to `refused` headers: get fresh ones. True if one more attempt makes sense."""
        ...


class HeaderAuth:
    """Fixed credentials in named headers; nothing to renew."""

    def __init__(self, headers: Mapping[str, Secret]) -> None:
        self._headers = dict(headers)

    async def headers(self) -> Mapping[str, str]:
        """The headers in clear: for the wire only."""
        return {name: secret.reveal() for name, secret in self._headers.items()}

    async def renew(self, refused: Mapping[str, str]) -> bool:
        """Nothing can be renewed: always False."""
        return False

    def __repr__(self) -> str:
        return f"HeaderAuth({', '.join(self._headers)})"


@dataclass(frozen=True, slots=True)
class BearerToken:
    """An access token and how long it lives from now, in seconds; None means no expiry is known."""

    access_token: Secret
    expires_in_s: float | None = None


class BearerAuth:
    """A bearer token that is fetched when first needed and again before it expires, once for all who wait.

    However many calls find the token missing, expired or refused at the same time, `fetch` runs once: a token endpoint
    that rotates refresh tokens would otherwise end the session. The fetch is not cancelled with a caller who gave up,
    because its answer may be the only copy of a rotated token.

    Args:
        fetch: gets a new token. It must not repeat its request; what it raises reaches every waiting call.
        margin_s: a token this close to its end is not used any more.
    """

    def __init__(
        self, fetch: Callable[[], Awaitable[BearerToken]], *, margin_s: float = 60.0, timing: Timing = SYSTEM_TIMING
    ) -> None:
        self._fetch = fetch
        self._margin_s = margin_s
        self._timing = timing
        self._header: str | None = None
        self._good_until_s = float("-inf")
        self._running: asyncio.Task[str] | None = None

    async def headers(self) -> Mapping[str, str]:
        """The header in clear: for the wire only."""
        if self._header is not None and self._timing.monotonic() < self._good_until_s:
            return {"Authorization": self._header}
        return {"Authorization": await self._refresh()}

    async def renew(self, refused: Mapping[str, str]) -> bool:
        """Fetch a new token unless another call already did; True: try once more."""
        if self._header == refused.get("Authorization"):
            self._header = None
        return True

    async def _refresh(self) -> str:
        if self._running is None:
            self._running = asyncio.create_task(self._fetch_once())
            self._running.add_done_callback(self._finished)
        return await asyncio.shield(self._running)

    async def _fetch_once(self) -> str:
        asked_at = self._timing.monotonic()
        token = await self._fetch()
        self._header = f"Bearer {token.access_token.reveal()}"
        # A token that lives shorter than twice the margin would otherwise be fetched for every single call.
        if token.expires_in_s is None:
            self._good_until_s = float("inf")
        else:
            self._good_until_s = asked_at + max(token.expires_in_s - self._margin_s, token.expires_in_s / 2)
        return self._header

    def _finished(self, task: asyncio.Task[str]) -> None:
        self._running = None
        if not task.cancelled():
            task.exception()  # marks it as seen: when every waiter gave up, nobody else will

    def __repr__(self) -> str:
        return "BearerAuth(***)"
