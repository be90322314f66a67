"""How does a simulator get onto the network of this machine, with somebody in between who spoils its answers?"""

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace

import uvicorn

from bursar.sandbox.faces import Message, Receive, Scope, Send


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer on its way to the provider's client, with the request it belongs to."""

    path: str
    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    request_body: bytes = field(repr=False)
    request_headers: tuple[tuple[bytes, bytes], ...] = field(repr=False)
    client: tuple[str, int] | None = None
    """Address of the caller's end of the connection: equal for calls over one connection."""
    query: bytes = field(default=b"", repr=False)
    delay_s: float = 0.0

    @property
    def question(self) -> tuple[str, bytes, bytes]:
        """What was asked: equal for the same page of a listing, another one for the next page."""
        return self.path, self.query, self.request_body

    def saying(self, body: bytes, *, status: int | None = None, content_type: bytes | None = None) -> "Answer":
        """Return the answer with another body, and its length corrected."""
        dropped = {b"content-length", *([b"content-type"] if content_type else [])}
        headers = [pair for pair in self.headers if pair[0].lower() not in dropped]
        headers.append((b"content-length", str(len(body)).encode()))
        if content_type:
            headers.append((b"content-type", content_type))
        return replace(self, body=body, headers=tuple(headers), status=self.status if status is None else status)

    def with_header(self, name: bytes, value: bytes) -> "Answer":
        """Return the answer with one more header."""
        return replace(self, headers=(*self.headers, (name, value)))


Tamper = Callable[[Answer], Answer]


class Tampering:
    """An ASGI application in front of another one: it keeps what was said and may say something else."""

    def __init__(self, app: Callable[[Scope, Receive, Send], object]) -> None:
        self._app = app
        self.tamper: Tamper | None = None
        """Changes each answer; None lets all of them through."""
        self.answers: list[Answer] = []
        """What the simulator answered, before anybody changed it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            return
        request = await _read(receive)
        delivered = False

        async def replay() -> Message:
            nonlocal delivered
            if delivered:
                return await receive()
            delivered = True
            return {"type": "http.request", "body": request, "more_body": False}

        start: Message = {}
        body = b""

        async def collect(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start":
                start = message
            else:
                body += bytes(message.get("body", b""))

        await self._app(scope, replay, collect)  # pyright: ignore[reportGeneralTypeIssues] - an ASGI application
        answer = Answer(
            path=str(scope["path"]),
            status=int(start["status"]),
            headers=tuple((bytes(name), bytes(value)) for name, value in start["headers"]),
            body=body,
            request_body=request,
            request_headers=tuple(scope["headers"]),
            client=scope.get("client"),
            query=bytes(scope.get("query_string", b"")),
        )
        self.answers.append(answer)
        if self.tamper is not None:
            answer = self.tamper(answer)
        if answer.delay_s:
            await asyncio.sleep(answer.delay_s)
        await send({"type": "http.response.start", "status": answer.status, "headers": list(answer.headers)})
        await send({"type": "http.response.body", "body": answer.body})


async def _read(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if not message.get("more_body"):
            return body


class _Server(uvicorn.Server):
    """Ends at once when it is told to: uvicorn itself looks ten times a second, and then waits as long again."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._over = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def stop(self) -> None:
        """End, from another thread; requests that are being answered are given up."""
        self.should_exit = self.force_exit = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._over.set)

    async def main_loop(self) -> None:
        """Serve until the end, and keep the date that answers bear."""
        self._loop = asyncio.get_running_loop()
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), 1)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let go of the port and of every connection."""
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await asyncio.sleep(0)


class LoopbackServer:
    """An ASGI application behind a free port of 127.0.0.1, in a thread of its own."""

    def __init__(self, app: Callable[[Scope, Receive, Send], object]) -> None:
        # With the protocol named, asyncio switches Nagle's algorithm off: 40 ms less for each answer.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        config = uvicorn.Config(app, log_config=None, lifespan="off", access_log=False)  # pyright: ignore[reportArgumentType] - as above
        self._server = _Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), daemon=True)

    def __enter__(self) -> "LoopbackServer":
        self._thread.start()
        while not self._server.started:
            time.sleep(0.002)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()
        self._thread.join(10)
        self._socket.close()
