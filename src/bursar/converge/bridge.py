"""How do worker processes reach the simulated servers of the seed's process, over a real socket?

What tier 1 does without sockets is behind it, so that a fault of the wire is the same fault in every tier; connections
that break off do so for real.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import httpx2
import uvicorn

from bursar.converge import wire
from bursar.sandbox.faces import Message, Receive, Scope, Send

CONTROL = "http://seed.test"
"""Where a worker speaks to the seed itself, and not to a bank."""
CALLER_HEADER, LOST_HEADER = "x-converge-caller", "x-converge-lost"

LOST = {kind.__name__: kind for kind in (httpx2.ConnectTimeout, httpx2.ReadTimeout, httpx2.PoolTimeout)}
"""What never arrives is told at once, by name: nobody has to wait for it."""

Command = Callable[[dict[str, Any]], Awaitable[None]]


class Bridge:
    """The servers of the seed's process, as an application behind a socket."""

    def __init__(self, line: wire.Wire) -> None:
        self._line = line
        self.commands: dict[str, Command] = {}
        """Path -> what the seed does when a worker asks for it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request as the wire of tier 1 does, or do as a worker asks."""
        body = await _read(receive)
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        host = next((value for name, value in headers if name == "host"), "")
        path = str(scope["path"])
        if host == "seed.test":
            await self.commands[path](json.loads(body))
            await _answer(send, 204)
            return
        wire.CALLER.set(next((value for name, value in headers if name == CALLER_HEADER), ""))
        request = httpx2.Request(
            scope["method"],
            httpx2.URL(scheme="http", host=host, raw_path=scope["raw_path"] + _question(scope["query_string"])),
            headers=[(name, value) for name, value in headers if not name.startswith("x-converge-")],
            content=body,
        )
        try:
            response = await self._line.handle_async_request(request)
        except httpx2.TimeoutException as lost:
            await _answer(send, 503, [(LOST_HEADER.encode(), type(lost).__name__.encode())])
            return
        except (httpx2.ReadError, httpx2.RemoteProtocolError):
            _cut(receive)
            return
        await send({"type": "http.response.start", "status": response.status_code, "headers": response.headers.raw})
        try:
            async for part in cast("httpx2.AsyncByteStream", response.stream):
                await send({"type": "http.response.body", "body": part, "more_body": True})
        except httpx2.RemoteProtocolError:
            _cut(receive)
            return
        await send({"type": "http.response.body", "body": b""})


class _Server(uvicorn.Server):
    """Leaves the signals to whoever runs the seeds."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


@asynccontextmanager
async def open_bridge(line: wire.Wire, socket: Path) -> AsyncGenerator[Bridge]:
    """Serve the wire's present seed on a socket of the file system."""
    bridge = Bridge(line)
    config = uvicorn.Config(
        bridge,
        uds=str(socket),
        log_config=None,
        log_level="critical",
        access_log=False,
        lifespan="off",
        proxy_headers=False,
        timeout_graceful_shutdown=1,
        date_header=False,
        server_header=False,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(), name="bridge")
    while not server.started:
        if serving.done():
            await serving
        await asyncio.sleep(0.002)
    try:
        yield bridge
    finally:
        server.should_exit = server.force_exit = True
        await serving


async def _read(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if not message.get("more_body"):
            return body


async def _answer(send: Send, status: int, headers: list[tuple[bytes, bytes]] | None = None) -> None:
    start: Message = {"type": "http.response.start", "status": status, "headers": headers or []}
    await send(start)
    await send({"type": "http.response.body", "body": b""})


def _question(query: bytes) -> bytes:
    return b"?" + query if query else b""


def _cut(receive: Receive) -> None:
    # ASGI has no word for this: uvicorn's `receive` is a method of the object that owns the transport.
    cast("Any", receive).__self__.transport.close()
