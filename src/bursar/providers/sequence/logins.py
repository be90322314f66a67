"""Whose client asks, with which token, and how long is it kept?

Sequence counts the pause between requests by login, and a browser keeps its cookies to itself: so each login has a
client, and connections, of its own. A client is kept for the next call of the same credentials, by their digest; the
few that were used last stay, all of them end with the adapter.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256

from bursar.ports.errors import ProviderUnavailableError
from bursar.ports.provider import Credentials
from bursar.providers.sequence.failures import SLUG
from bursar.providers.sequence.sdk.async_client import AsyncSequenceClient
from bursar.providers.sequence.sdk.auth.browser import log_in
from bursar.providers.sequence.sdk.auth.tokens import MARGIN_S, AuthTokens
from bursar.providers.sequence.sdk.auth.totp import SecondFactor
from bursar.providers.sequence.sdk.config import SequenceCredentials
from bursar.providers.sequence.sdk.exceptions import AuthenticationError, ConfigurationError, TokenExpiredError

TOKEN = "access_token"  # noqa: S105 - the name of a credential's member
LOGIN = ("email", "password", "totp")
_KEPT = 8
_WAIT_AFTER_FAILURE_S = 15 * 60.0

TokenProvider = Callable[[], str]
MakeClient = Callable[[str, TokenProvider | None], AsyncSequenceClient]


class BrowserLogin:
    """The tokens of one login that may sign in by itself: called before each request, in a thread of its own.

    The token lives here only. A new one is taken when the present one ends or is refused; after a login that failed
    nobody tries again for a quarter of an hour, so that a password that was changed does not lock the account.
    """

    def __init__(self, credentials: SequenceCredentials) -> None:
        self._credentials = credentials
        self._lock = threading.Lock()
        self._tokens: AuthTokens | None = None
        self._failed_at: float | None = None

    def __call__(self) -> str:
        """Return an access token that lives for another minute at least; takes about ten seconds now and then.

        Raises:
            AuthenticationError: the login failed, now or a short while ago.
        """
        with self._lock:
            if self._tokens is None or self._tokens.expires_at - time.time() <= MARGIN_S:
                self._tokens = self._log_in()
            return self._tokens.access_token

    def forget(self) -> None:
        """Sign in again with the next request: the present token was refused."""
        with self._lock:
            self._tokens = None

    def _log_in(self) -> AuthTokens:
        if self._failed_at is not None and time.monotonic() - self._failed_at < _WAIT_AFTER_FAILURE_S:
            raise AuthenticationError("the last browser login failed a short while ago")
        try:
            try:
                second_factor = SecondFactor.parse(self._credentials.totp)
            except (ConfigurationError, ValueError):
                raise AuthenticationError("the second factor is neither a code nor a secret") from None
            tokens = log_in(self._credentials, second_factor)
        except AuthenticationError:
            self._failed_at = time.monotonic()
            raise
        self._failed_at = None
        return tokens


@dataclass(slots=True)
class _Kept:
    client: AsyncSequenceClient
    login: BrowserLogin | None
    users: int = field(default=0)


class ClientPool:
    """The clients of the logins that were used last.

    Args:
        make: makes a client for an access token, or for what provides one.
    """

    def __init__(self, make: MakeClient) -> None:
        self._make = make
        self._kept: OrderedDict[bytes, _Kept] = OrderedDict()
        self._is_closed = False

    @asynccontextmanager
    async def lend(self, credentials: Credentials) -> AsyncGenerator[AsyncSequenceClient]:
        """Give the client of a login for as long as the block runs.

        Raises:
            ProviderAuthenticationError: there is neither a token nor a login.
            ProviderUnavailableError: the pool was closed.
        """
        key, kept = self._find(credentials)
        kept.users += 1
        try:
            yield kept.client
        except TokenExpiredError:
            if kept.login is not None:
                kept.login.forget()
            raise
        finally:
            kept.users -= 1
            if key in self._kept:
                self._kept.move_to_end(key)
            await self._drop_idle()

    async def aclose(self) -> None:
        """Close every client; calling it again does nothing."""
        self._is_closed = True
        kept, self._kept = self._kept, OrderedDict()
        for one in kept.values():
            await one.client.close()

    def _find(self, credentials: Credentials) -> tuple[bytes, _Kept]:
        if self._is_closed:
            raise ProviderUnavailableError("The connection to Sequence was closed.", provider=SLUG)
        token = credentials.get(TOKEN, "")
        if not token and not all(credentials.get(name) for name in LOGIN):
            credentials.require(TOKEN)
        said = token or "\x1f".join(credentials[name] for name in LOGIN)
        key = sha256(said.encode()).digest()
        kept = self._kept.get(key)
        if kept is None:
            login = None if token else BrowserLogin(SequenceCredentials(*(credentials[name] for name in LOGIN)))
            kept = self._kept[key] = _Kept(self._make(token, login), login)
        return key, kept

    async def _drop_idle(self) -> None:
        while len(self._kept) > _KEPT:
            idle = next((key for key, kept in self._kept.items() if not kept.users), None)
            if idle is None:
                return
            await self._kept.pop(idle).client.close()
