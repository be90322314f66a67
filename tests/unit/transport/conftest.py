"""A real HTTP server on loopback that plays a script, and a clock that tests move."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from bursar.transport.timing import Timing

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@dataclass
class Request:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Reply:
    status: int = 200
    body: bytes = b'{"ok": true}'
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    raw: bytes | None = None
    """Sent instead of an answer; the connection is closed after it."""


Handler = Callable[[Request], Reply | Awaitable[Reply]]


class WireServer:
    """Answers the script's replies in order (the last one for ever), or whatever `handler` says."""

    def __init__(self) -> None:
        self.script: list[Reply] = [Reply()]
        self.handler: Handler | None = None
        self.requests: list[Request] = []
        self.was_asked = asyncio.Event()
        self.connections = 0
        self.url = ""
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while await self._answer_one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _answer_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        method, target, _ = first.split(" ")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines if line)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        request = Request(method, target, headers, body)
        self.requests.append(request)
        self.was_asked.set()
        if self.handler is not None:
            made = self.handler(request)
            reply = made if isinstance(made, Reply) else await made
        else:
            reply = self.script[min(len(self.requests), len(self.script)) - 1]
        if reply.delay_s:
            await asyncio.sleep(reply.delay_s)
        if reply.raw is not None:
            writer.write(reply.raw)
            await writer.drain()
            return False
        sent = {"content-type": "application/json", "content-length": str(len(reply.body)), **reply.headers}
        lines = [f"HTTP/1.1 {reply.status} X", *(f"{name}: {value}" for name, value in sent.items()), "", ""]
        writer.write("\r\n".join(lines).encode() + reply.body)
        await writer.drain()
        return True


@pytest.fixture
async def server() -> AsyncIterator[WireServer]:
    made = WireServer()
    await made.start()
    yield made
    await made.stop()


class StillTime:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.passed_s = 0.0
        self.slept: list[float] = []
        self.dice = 0.0
        self.timing = Timing(
            now=lambda: NOW + timedelta(seconds=self.passed_s),
            monotonic=lambda: 1000.0 + self.passed_s,
            sleep=self._sleep,
            random=lambda: self.dice,
        )

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.passed_s += seconds
        await asyncio.sleep(0)


@pytest.fixture
def still() -> StillTime:
    return StillTime()


@pytest.fixture
def reply() -> type[Reply]:
    return Reply
