"""Which HTTP library carries the bytes, and what do its failures mean?"""

import asyncio
import importlib
import logging
import ssl
import sys
from collections.abc import AsyncIterator, Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import ModuleType
from typing import Any, Protocol, cast

from bursar.transport.certificates import TlsIdentity, is_certificate_refusal
from bursar.transport.errors import ProblemKind


class AsyncWire(Protocol):
    """What is used of `httpx2.AsyncClient`, and of `httpx.AsyncClient`, which has the same interface."""

    def build_request(
        self, method: str, url: str, *, content: bytes | None = ..., headers: Any = ..., timeout: Any = ...
    ) -> Any:
        """Make a request object of the library."""
        ...

    async def send(self, request: Any, *, stream: bool = ..., follow_redirects: Any = ...) -> Any:
        """Send it and return once the headers arrived."""
        ...

    async def aclose(self) -> None:
        """Close every pooled connection."""
        ...


class AnswerTooLargeError(Exception):
    """The body, decompressed, is over the limit; reading stopped there."""


class Wire:
    """The library's client, made by the first exchange or handed in, and the library's exceptions."""

    def __init__(
        self,
        injected: AsyncWire | None,
        connect_s: float,
        pool_s: float,
        max_body_bytes: int,
        tls: TlsIdentity | None = None,
    ) -> None:
        self._client = injected
        self._tls = tls
        self._is_ours = injected is None
        self._connect_s = connect_s
        self._pool_s = pool_s
        self._max_body_bytes = max_body_bytes
        self._library: ModuleType | None = _library_of(injected) if injected is not None else None
        if self._library is not None:
            _keep_quiet(self._library)
        self._opening = asyncio.Lock()
        self._is_closed = False

    def url(self, address: str, params: Mapping[str, str] | None) -> str:
        """The address with its query."""
        if not params:
            return address
        from urllib.parse import urlencode

        return f"{address}?{urlencode(dict(params))}"

    @property
    def failures(self) -> tuple[type[Exception], ...]:
        """What an exchange may raise, in terms of the library in use."""
        library = self._library
        # Of TLS, the library lets some errors through as they are.
        own = (library.RequestError, library.InvalidURL, library.StreamError) if library is not None else ()
        return (*own, ssl.SSLError)

    def kind_of(self, error: Exception) -> ProblemKind:
        """Whether anything can have reached the provider."""
        library = cast("Any", self._library)
        if isinstance(error, library.ConnectError | library.ConnectTimeout | library.PoolTimeout | library.ProxyError):
            return "connect"
        if isinstance(error, library.TimeoutException):
            return "timeout"
        if isinstance(error, library.DecodingError):
            return "payload"
        return "network"

    def is_certificate_refusal(self, error: Exception) -> bool:
        """Whether one side did not accept the other's certificate."""
        return is_certificate_refusal(error)

    async def exchange(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | None, read_s: float
    ) -> tuple[int, dict[str, str], bytes]:
        """Send one request; status, headers with lower-case names, and the whole decompressed body."""
        client = await self._open()
        library = cast("Any", self._library)
        timeout = library.Timeout(connect=self._connect_s, read=read_s, write=read_s, pool=self._pool_s)
        request = client.build_request(method, url, content=content, headers=dict(headers), timeout=timeout)
        response = await client.send(request, stream=True, follow_redirects=False)
        try:
            body = await self._read(response)
        finally:
            await response.aclose()
        return response.status_code, {name.lower(): value for name, value in response.headers.items()}, body

    async def _read(self, response: Any) -> bytes:
        size = 0
        chunks: list[bytes] = []
        stream: AsyncIterator[bytes] = response.aiter_bytes()
        async for chunk in stream:
            size += len(chunk)
            if size > self._max_body_bytes:
                raise AnswerTooLargeError
            chunks.append(chunk)
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    async def _open(self) -> AsyncWire:
        if self._is_closed:
            raise RuntimeError("this client was closed; make a new one")
        if self._client is None:
            async with self._opening:
                if self._client is None:
                    # Importing the library and reading the trust store block for up to half a second.
                    self._library, self._client = await asyncio.to_thread(_new_client, self._tls)
        return self._client

    async def aclose(self) -> None:
        """Close our own client; an injected one belongs to who made it."""
        self._is_closed = True
        if self._client is not None and self._is_ours:
            await self._client.aclose()
            self._client = None


def _new_client(tls: TlsIdentity | None) -> tuple[ModuleType, AsyncWire]:
    library = importlib.import_module("httpx2")
    _keep_quiet(library)
    client = library.AsyncClient(
        verify=True if tls is None else tls.context(library.create_ssl_context),
        follow_redirects=False,
        # One client serves many users: a session cookie of one must not travel with the next.
        cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=[])),
        limits=library.Limits(max_connections=100, max_keepalive_connections=100, keepalive_expiry=30.0),
    )
    return library, client


def _keep_quiet(library: ModuleType) -> None:
    """Have the library not log whole addresses, whose paths may name a user; each exchange is logged by us, masked.

    A program that has set a level for it keeps that.
    """
    logger = logging.getLogger(library.__name__)
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.WARNING)


def _library_of(client: AsyncWire) -> ModuleType:
    for base in type(client).__mro__:
        root = base.__module__.partition(".")[0]
        if root in ("httpx", "httpx2"):
            return sys.modules[root]
    raise TypeError("the client to use must be an httpx.AsyncClient or an httpx2.AsyncClient")
