"""How do the adapters reach the simulated servers of the present seed, without sockets and without waiting?"""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from datetime import datetime, timedelta

import httpx2

from bursar.sandbox import gate
from bursar.sandbox.faces import Message, Receive, Scope, Send
from bursar.sandbox.world import World

CALLER: ContextVar[str] = ContextVar("caller", default="")
"""The connection on whose behalf the present task calls a provider; for the log of who was told to wait."""

_LOST = (
    (gate.ConnectTimedOutError, httpx2.ConnectTimeout),
    (gate.PoolTimedOutError, httpx2.PoolTimeout),
    (gate.ReadTimedOutError, httpx2.ReadTimeout),
    (TimeoutError, httpx2.ReadTimeout),
    (ConnectionResetError, httpx2.ReadError),
)
"""What a simulator raises where it would cut a socket -> what an HTTP client sees of it."""

Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Interlude = Callable[[str], Awaitable[None]]


class Wire(httpx2.AsyncBaseTransport):
    """The network between the platform and the simulators of one seed after the other."""

    def __init__(self) -> None:
        self._app: Application | None = None
        self._world: World | None = None
        self._interlude: Interlude | None = None
        self._blocked: dict[tuple[str, str], datetime] = {}
        self.too_early: list[str] = []
        """Calls that were made before the moment the provider had named."""
        self.call_count = 0

    def connect(self, app: Application, world: World, interlude: Interlude) -> None:
        """Lead every call to the servers of a world from now on; `interlude(path)` runs before each."""
        self._app, self._world, self._interlude = app, world, interlude
        self._blocked.clear()
        self.too_early = []
        self.call_count = 0

    def forgive(self, caller: str) -> None:
        """Forget until when a caller was told to wait: the worker that heard it died before it could tell anybody."""
        for known in [key for key in self._blocked if key[1] == caller]:
            del self._blocked[known]

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Answer one request, or fail as a network does."""
        app, world, interlude = self._app, self._world, self._interlude
        if app is None or world is None or interlude is None:
            raise httpx2.ConnectError("no seed is running", request=request)
        path = request.url.path
        caller = (path.split("/", 2)[1], CALLER.get())
        self.call_count += 1
        await interlude(path)
        if world.now < self._blocked.get(caller, world.now):
            self.too_early.append(path)
        body = await request.aread()
        start: Message = {"status": 500, "headers": []}
        parts: list[bytes] = []
        is_whole = False

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            nonlocal start, is_whole
            if message["type"] == "http.response.start":
                start = message
            else:
                parts.append(bytes(message.get("body", b"")))
                is_whole = not message.get("more_body", False)

        scope: Scope = {
            "type": "http",
            "method": request.method,
            "path": path,
            "raw_path": request.url.raw_path.split(b"?")[0],
            "root_path": "",
            "query_string": request.url.query,
            "headers": [(name.lower(), value) for name, value in request.headers.raw],
            "scheme": request.url.scheme,
            "server": (request.url.host, request.url.port or 80),
            "client": ("127.0.0.1", 1),
            "http_version": "1.1",
        }
        try:
            await app(scope, receive, send)
        except (TimeoutError, ConnectionResetError) as error:
            if parts and not is_whole:
                raise httpx2.RemoteProtocolError("the body broke off", request=request) from error
            raise _as_seen(error, request) from error
        status, headers = int(start["status"]), list(start["headers"])
        if status == 429:
            self._note_block(caller, headers, world.now)
        return httpx2.Response(status, headers=headers, stream=_Body(parts, headers, request), request=request)

    def _note_block(self, caller: tuple[str, str], headers: list[tuple[bytes, bytes]], now: datetime) -> None:
        said = next((value.decode("latin-1") for name, value in headers if name.lower() == b"retry-after"), "")
        if said.isdigit() and int(said) < 7 * 86_400:
            self._blocked[caller] = now + timedelta(seconds=int(said))


def _as_seen(error: Exception, request: httpx2.Request) -> httpx2.TransportError:
    """Return what an HTTP client sees of what a simulator raises where it would cut a socket."""
    for lost, kind in _LOST:
        if isinstance(error, lost):
            return kind(str(error), request=request)
    return httpx2.ReadError(str(error), request=request)


class _Body(httpx2.AsyncByteStream):
    """What arrived of a body; a length that was announced and does not come is a broken connection."""

    def __init__(self, parts: list[bytes], headers: list[tuple[bytes, bytes]], request: httpx2.Request) -> None:
        self._parts = parts
        self._announced = next((int(value) for name, value in headers if name.lower() == b"content-length"), None)
        self._request = request

    async def __aiter__(self):  # pyright: ignore[reportIncompatibleMethodOverride] - an async generator is an iterator
        count = 0
        for part in self._parts:
            if self._announced is not None and count + len(part) > self._announced:
                part = part[: self._announced - count]  # noqa: PLW2901 - what lies beyond the length is not read
            count += len(part)
            if part:
                yield part
        if self._announced is not None and count < self._announced:
            raise httpx2.RemoteProtocolError("the body broke off", request=self._request)
