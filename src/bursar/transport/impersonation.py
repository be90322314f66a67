"""How does a request leave that must look like a browser's, down to the TLS handshake?

One provider serves its own web application only, and what stands in front of it tells browsers from libraries. This is
the one module that imports curl_cffi, and only when the first request leaves: the base install does without it.
"""

import asyncio
import importlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bursar.transport.errors import ProblemKind

DEFAULT_PROFILE = "chrome"
"""The newest Chrome that the installed library can be; an upgrade of the library is an upgrade of the browser."""

INSTALL_HINT = "requests like a browser's need curl_cffi: pip install 'bursar[sequence]'"

# A script's request never carries these; the profile sends them with each one, as for a page that is navigated to.
NAVIGATION_HEADERS = ("upgrade-insecure-requests", "sec-fetch-user", "cache-control")

_MAX_BODY_BYTES = 64 * 1024 * 1024


class LibraryMissingError(ImportError):
    """curl_cffi is not installed; the text says what to install."""


class UnansweredError(Exception):
    """A request without an answer.

    Attributes:
        kind: `connect` (nothing of the request was sent), `network` or `timeout` (it may have been carried out).
    """

    def __init__(self, kind: ProblemKind, reason: str) -> None:
        super().__init__(reason)
        self.kind: ProblemKind = kind


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of any status, read whole. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class BrowserSession:
    """One connection pool that speaks as a browser does. Redirects are not followed, nothing is repeated.

    One request at a time: the caller keeps the order. Belongs to the event loop of its first request.

    Args:
        profile: the browser to be, as curl_cffi names it; a name with a version pins it.
        timeout_s: for one request, connecting included.
    """

    def __init__(self, profile: str = DEFAULT_PROFILE, *, timeout_s: float = 30.0) -> None:
        self._profile = profile
        self._timeout_s = timeout_s
        self._session: Any = None
        self._library: Any = None

    async def post(self, url: str, *, headers: Mapping[str, str], content: bytes, only_once: bool = False) -> Answer:
        """Send one POST and return its answer, whatever the status.

        Args:
            url: the whole address; never with a secret in it.
            headers: of a script's request; the profile supplies the browser's own.
            content: the body.
            only_once: for a request that must not be carried out twice. It leaves on a connection of its own, because
                libcurl sends a request again, a POST too, when a connection that was used before ends without a byte
                of answer - which is also what a server looks like that did the work and then lost the connection.

        Raises:
            UnansweredError: no answer; `kind` says whether anything can have happened.
            LibraryMissingError: curl_cffi is not installed.
        """
        session = await self._open(url)
        options = self._library.CurlOpt
        session.curl_options = {
            options.MAXFILESIZE_LARGE: _MAX_BODY_BYTES,
            **({options.FRESH_CONNECT: 1} if only_once else {}),
        }
        suppressed: dict[str, str | None] = dict.fromkeys(NAVIGATION_HEADERS)
        try:
            response = await session.post(url, headers={**suppressed, **headers}, data=content)
        except self._library.requests.exceptions.RequestException as error:
            # The library's own text quotes addresses; ours is a class name and a number.
            raise UnansweredError(_kind(error), f"no answer ({type(error).__name__}, curl {int(error.code)})") from None
        return Answer(
            int(response.status_code),
            {str(name).lower(): str(value) for name, value in response.headers.items() if value is not None},
            bytes(response.content),
        )

    async def aclose(self) -> None:
        """Close every connection; calling it again does nothing."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _open(self, url: str) -> Any:
        if self._session is None:
            # Loading libcurl blocks for a while.
            self._library = await asyncio.to_thread(_load)
            self._session = self._library.requests.AsyncSession(
                impersonate=self._profile,
                timeout=self._timeout_s,
                allow_redirects=False,
                # Without TLS the profile would offer an upgrade to HTTP/2 that plain servers do not understand.
                **({"http_version": "v1"} if url.startswith("http://") else {}),
            )
        return self._session


def is_installed() -> bool:
    """Whether requests can be sent at all; imports nothing."""
    return importlib.util.find_spec("curl_cffi") is not None


def _load() -> Any:
    try:
        library = importlib.import_module("curl_cffi")
        importlib.import_module("curl_cffi.requests")
    except ImportError as error:
        raise LibraryMissingError(INSTALL_HINT) from error
    return library


# libcurl's numbers for: proxy, host or port not found, TLS handshake or certificate refused.
_NEVER_CONNECTED = frozenset({5, 6, 7, 35, 60, 97})
_TIMED_OUT = 28
# What libcurl says when the time was over before the connection stood, so before a byte of the request left.
_BEFORE_CONNECTION = ("Connection timed out", "Resolving timed out", "SSL connection timeout")


def _kind(error: Any) -> ProblemKind:
    code = int(error.code)
    if code in _NEVER_CONNECTED:
        return "connect"
    if code == _TIMED_OUT:
        return "connect" if any(words in str(error) for words in _BEFORE_CONNECTION) else "timeout"
    return "network"
