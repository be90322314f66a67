"""How does a call reach Flanks: with which token, repeated or not, and by which HTTP client?"""

import asyncio
import hashlib
import re
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NoReturn, Self, cast

import msgspec

from bursar.providers.flanks.sdk import arguments
from bursar.providers.flanks.sdk.answers import TOKEN_PATH, flanks_error, refused_answer
from bursar.providers.flanks.sdk.exceptions import FlanksAPIError, FlanksConfigError
from bursar.providers.flanks.sdk.pagination import InvalidItem
from bursar.providers.flanks.sdk.responses import JSON, FlanksResponse
from bursar.providers.flanks.sdk.settings import (
    CallOptions,
    ConnectionSettings,
    check_credential,
    check_duration,
    checked_hooks,
)
from bursar.providers.flanks.sdk.tokens import CachedBearerAuth, MemoryTokenCache, TokenCache
from bursar.transport import json
from bursar.transport.auth import BearerToken
from bursar.transport.client import Hook, HttpClient, Timeouts
from bursar.transport.redaction import Secret
from bursar.transport.timing import SYSTEM_TIMING, Timing
from bursar.transport.wire import AsyncWire

DEFAULT_BASE_URL = "https://api.flanks.io"
_PATH = re.compile(r"/(?![/\\])[\x21\x22\x24-\x7e]*")
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})


class _TokenAnswer(msgspec.Struct, frozen=True):
    access_token: Secret
    expires_in: int | None = None


class _Core:
    """What all views of one connection share: the HTTP client of the running loop, the token, what was learned."""

    def __init__(self, settings: ConnectionSettings) -> None:
        self.settings = settings
        self.is_closed = False
        self.working_methods: dict[str, str] = {}
        """Path -> method, where sources disagree about the method and one of them has worked."""
        self.auth: CachedBearerAuth | None = None
        self._client: HttpClient | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._guard: AsyncGenerator[None] | None = None

    async def http(self) -> HttpClient:
        """Return the client of the running loop.

        Sockets belong to the loop that opened them: a program that calls `asyncio.run` twice gets a second client, and
        the first one ends with its loop.
        """
        if self.is_closed:
            raise FlanksConfigError("this client was closed; make a new one")
        loop = asyncio.get_running_loop()
        client = self._client
        if client is None or self._loop is not loop:
            client = self._client = self._open()
            self._loop = loop
            self._guard = _closed_with_its_loop(client)
            await anext(self._guard)
        return client

    async def close(self) -> None:
        self.is_closed = True
        client, self._client, guard, self._guard = self._client, None, self._guard, None
        if client is not None and guard is not None and self._loop is asyncio.get_running_loop():
            await guard.aclose()

    def _open(self) -> HttpClient:
        settings = self.settings
        timing = settings.timing if settings.jitter else replace(settings.timing, random=lambda: 0.0)
        key = hashlib.sha256(f"{settings.base_url}\n{settings.client_id}".encode()).hexdigest()
        self.auth = CachedBearerAuth(self._request_token, settings.token_cache, key, timing)
        return HttpClient(
            settings.base_url,
            name="flanks",
            headers=settings.all_headers,
            auth=self.auth,
            classify=flanks_error,
            retry=settings.retry_policy,
            timeouts=Timeouts(
                connect_s=settings.timeout,
                read_s=settings.timeout,
                pool_s=settings.timeout,
                total_s=settings.deadline,
            ),
            on_request=settings.on_request,
            on_response=settings.on_response,
            timing=timing,
            client=settings.http_client,
        )

    async def _request_token(self) -> BearerToken:
        http = await self.http()
        # Asking twice is harmless: there is no refresh token that the first answer would use up.
        response = await http.send(
            "POST",
            TOKEN_PATH,
            json_body={
                "client_id": self.settings.client_id,
                "client_secret": self.settings.client_secret,
                "grant_type": "client_credentials",
            },
            idempotent=True,
            authenticate=False,
        )
        answer = FlanksResponse.of(response)
        try:
            token = http.decode(response, _TokenAnswer)
        except FlanksAPIError:
            token = None
        if token is None or not token.access_token or (token.expires_in is not None and token.expires_in <= 0):
            # Without the body: it may hold the token.
            raise answer.broken("the answer has no usable token", ("access_token", "expires_in"))
        return BearerToken(token.access_token, token.expires_in)


async def _closed_with_its_loop(client: HttpClient) -> AsyncGenerator[None]:
    # An event loop that ends finishes the generators that were begun on it.
    try:
        yield
    finally:
        await client.aclose()


class FlanksConnection:
    """The HTTP core: one pooled client, one token, retries, errors. Nothing is opened before the first call.

    Args:
        client_id, client_secret: of the application at Flanks.
        base_url: https, or http on this machine; may carry a path prefix.
        timeout: seconds for each wait on the network.
        retries: repetitions after the first attempt, for answers 429, 500, 502, 503, 504 and failures of the network.
        retry_backoff: the first wait is drawn from below this many seconds, each further one from twice as much.
        headers: sent with every call.
        http_client: an open `httpx2.AsyncClient` or `httpx.AsyncClient` to use (proxies, own certificates, tests);
            its owner closes it.
        on_request, on_response: called before and after each attempt with an `Exchange` (no header, no body).
        token_cache: shares tokens between clients; None keeps the token to this one.
        deadline: seconds for a call with all its attempts and waits; None for no limit.
        jitter: False waits exactly `retry_backoff * 2**attempt`.
        timing: clock, sleep and dice.
    """

    def __init__(
        self,
        client_id: str,
        client_secret: str | Secret,
        base_url: str = DEFAULT_BASE_URL,
        timeout: float = 60.0,
        retries: int = 1,
        retry_backoff: float = 1.0,
        *,
        headers: Mapping[str, str] | None = None,
        http_client: AsyncWire | None = None,
        on_request: Sequence[Hook] = (),
        on_response: Sequence[Hook] = (),
        token_cache: TokenCache | None = None,
        deadline: float | None = None,
        jitter: bool = True,
        timing: Timing = SYSTEM_TIMING,
    ) -> None:
        check_credential("client_secret", client_secret)
        self._core = _Core(
            ConnectionSettings(
                client_id=client_id,
                client_secret=Secret(client_secret),
                base_url=base_url,
                timeout=timeout,
                retries=retries,
                retry_backoff=retry_backoff,
                headers=arguments.header_fields("headers", headers),
                http_client=http_client,
                on_request=checked_hooks("on_request", on_request),
                on_response=checked_hooks("on_response", on_response),
                token_cache=MemoryTokenCache() if token_cache is None else token_cache,
                deadline=deadline,
                jitter=jitter,
                timing=timing,
            )
        )
        self._options = CallOptions()

    async def api_call(
        self,
        path: str,
        body: Mapping[str, Any] | None = None,
        method: str = "POST",
        *,
        params: Mapping[str, str] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - of the wire, not of the call
        headers: Mapping[str, str] | None = None,
        retry: bool = True,
    ) -> JSON:
        """Send one call and return its decoded answer; None when the answer is empty.

        Args:
            path: begins with a slash.
            body: the JSON object to send; a GET has none.
            method: GET, POST, PUT, PATCH or DELETE.
            params: the query; never credentials.
            timeout: seconds for each wait on the network, instead of the connection's.
            headers: of this call, over the connection's.
            retry: False for what must not be carried out twice: it is repeated only when Flanks provably did nothing
                (no connection, or 429).

        Raises:
            FlanksAPIError: every answer that is not 2xx, and every 2xx that is not JSON or says `"success": false`.
            FlanksNetworkError: no answer.
            FlanksArgumentError: nothing was sent.
        """
        response = await self.request(path, body, method, params=params, timeout=timeout, headers=headers, retry=retry)
        return read_answer(response)

    async def request(
        self,
        path: str,
        body: Mapping[str, Any] | None = None,
        method: str = "POST",
        *,
        params: Mapping[str, str] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - of the wire, not of the call
        headers: Mapping[str, str] | None = None,
        retry: bool = True,
    ) -> FlanksResponse:
        """Send one call and return its 2xx answer as it came: status, headers, bytes. Arguments as in `api_call`."""
        method = _checked_call(path, body, method)
        arguments.flag("retry", retry)
        if timeout is None:
            timeout = self._options.timeout
        if timeout is not None:
            check_duration("timeout", timeout, more_than_zero=True)
        http = await self._core.http()
        response = await http.send(
            method,
            path,
            params=arguments.query_fields("params", params),
            json_body=body,
            headers={**self._options.headers, **arguments.header_fields("headers", headers)},
            idempotent=retry,
            read_timeout_s=timeout,
            secrets=_connection_ids(body),
        )
        answer = FlanksResponse.of(response)
        if self._options.on_raw_response is not None:
            self._options.on_raw_response(answer)
        return answer

    def with_options(
        self,
        *,
        timeout: float | None = None,
        headers: Mapping[str, str] | None = None,
        on_raw_response: Callable[[FlanksResponse], None] | None = None,
        on_invalid_item: Callable[[InvalidItem], None] | None = None,
    ) -> Self:
        """Return the same connection with other options for the calls made through the result.

        Args:
            timeout: seconds for each wait on the network.
            headers: in addition to those of this view.
            on_raw_response: gets every 2xx answer before it is decoded.
            on_invalid_item: gets the items of listings that do not fit their model, and the others are returned;
                without it such an item raises `FlanksResponseError`.
        """
        if timeout is not None:
            check_duration("timeout", timeout, more_than_zero=True)
        for name, hook in (("on_raw_response", on_raw_response), ("on_invalid_item", on_invalid_item)):
            if hook is not None and not callable(hook):  # pyright: ignore[reportUnnecessaryComparison] - callers without types
                raise arguments.wrong(name, "a callable")
        view = object.__new__(type(self))
        view._core = self._core
        known = self._options
        view._options = CallOptions(
            timeout=known.timeout if timeout is None else timeout,
            headers={**known.headers, **arguments.header_fields("headers", headers)},
            on_raw_response=on_raw_response or known.on_raw_response,
            on_invalid_item=on_invalid_item or known.on_invalid_item,
        )
        return view

    @property
    def options(self) -> CallOptions:
        """What `with_options` has set."""
        return self._options

    @property
    def settings(self) -> ConnectionSettings:
        """What the connection works with."""
        return self._core.settings

    @property
    def working_methods(self) -> dict[str, str]:
        """Path -> method, where sources disagree about the method and one of them has worked."""
        return self._core.working_methods

    @property
    def is_closed(self) -> bool:
        """Whether `close` was called."""
        return self._core.is_closed

    async def close(self) -> None:
        """Close the pooled connections; calling it again does nothing. An injected client stays open."""
        await self._core.close()

    @property
    def _access_token(self) -> str | None:
        auth = self._core.auth
        return None if auth is None or auth.current is None else auth.current.access_token.reveal()

    @property
    def _token_expires_at(self) -> float:
        """Seconds since the epoch; 0 before the first token. For people: the program itself uses a monotonic clock."""
        auth = self._core.auth
        return 0.0 if auth is None or auth.current is None else auth.current.expires_at.timestamp()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self._core.settings.base_url!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a connection is not pickled: it holds the client secret")


def read_answer(response: FlanksResponse) -> JSON:
    """Return a decoded answer.

    Raises:
        FlanksAPIError: it is not JSON, or it says that it is no success.
    """
    answer = response.json()
    if isinstance(answer, dict):
        members = cast("dict[str, Any]", answer)
        if members.get("success") is False:
            request = f"{response.method} {response.path}"
            raise refused_answer(response.status_code, members, request, response.secrets)
    return cast("JSON", answer)


def _connection_ids(body: object) -> frozenset[str]:
    """The credentials' tokens in a body where they go by a name under which nobody takes them for secrets."""
    found: set[str] = set()
    if isinstance(body, Mapping):
        for name, value in cast("Mapping[str, Any]", body).items():
            if name not in ("connection_id", "connection_id_in"):
                found |= _connection_ids(value)
                continue
            ids = cast("list[Any]", value) if isinstance(value, list) else [value]
            found.update(one for one in ids if isinstance(one, str))
    return frozenset(found)


def _checked_call(path: str, body: Mapping[str, Any] | None, method: str) -> str:
    if not isinstance(path, str) or _PATH.fullmatch(path) is None:  # pyright: ignore[reportUnnecessaryIsInstance] - callers without types
        raise arguments.wrong("path", "a path that begins with one slash, of printable ASCII without blanks and #")
    if not isinstance(method, str) or method.upper() not in _METHODS:  # pyright: ignore[reportUnnecessaryIsInstance] - as above
        raise arguments.wrong("method", f"one of {', '.join(sorted(_METHODS))}")
    if body is not None and not isinstance(body, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance] - as above
        raise arguments.wrong("body", "a mapping")
    if method.upper() == "GET" and body is not None:
        raise arguments.wrong("body", "none, because a GET has no body; use params")
    try:
        json.encode(body)
    except (TypeError, ValueError, NotImplementedError) as failure:
        raise arguments.wrong("body", f"what has a JSON form ({failure})") from None
    return method.upper()
