"""A scripted Flanks behind a real socket of this machine, time that tests move, and the simulator."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from bursar.providers.flanks import FlanksClient
from bursar.providers.flanks.sandbox import FlanksFace
from bursar.sandbox.app import create_app
from bursar.sandbox.world import World
from bursar.testing.loopback import LoopbackServer
from bursar.transport.timing import Timing

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@dataclass
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    content: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.content) if self.content else None


@dataclass
class Said:
    """What to answer; with `cut` the connection is closed instead, before an answer."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    delay_s: float = 0.0

    def render(self) -> bytes:
        content = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        headers = {"content-type": "application/json", "content-length": str(len(content)), **self.headers}
        head = f"HTTP/1.1 {self.status} X\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return head.encode() + b"\r\n" + content


class ScriptedFlanks:
    """Answers by path: an answer, a list of them in order (the last for ever), or a function of the request."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.asked: list[Asked] = []
        self.token_count = 0
        self.expires_in: Any = 3600
        self.url = ""
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def count(self, path: str) -> int:
        return Counter(one.path for one in self.asked)[path]

    def last(self, path: str) -> Asked:
        return [one for one in self.asked if one.path == path][-1]

    def say(self, path: str, *answers: Any) -> None:
        self.answers[path] = list(answers)

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        self._tasks.add(task)
        try:
            while await self._exchange(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, _ = head[0].split(" ")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        content = await reader.readexactly(int(headers.get("content-length", 0)))
        path, _, query = target.partition("?")
        asked = Asked(method, path, query, headers, content)
        self.asked.append(asked)
        said = self._answer(asked)
        if said.delay_s:
            await asyncio.sleep(said.delay_s)
        if said.cut:
            return False
        writer.write(said.render())
        await writer.drain()
        return True

    def _answer(self, asked: Asked) -> Said:
        answers = self.answers.get(asked.path)
        if answers is None and asked.path == "/v0/token":
            self.token_count += 1
            body = {"access_token": f"tok_secret_{self.token_count}", "token_type": "Bearer"}
            return Said(body=body if self.expires_in is None else body | {"expires_in": self.expires_in})
        if answers is None:
            return Said(404, {"error": "Not found"})
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if callable(answer):
            answer = answer(asked)
        return answer if isinstance(answer, Said) else Said(body=answer)


class StillTime:
    """Time that passes only when somebody sleeps or a test says so."""

    def __init__(self) -> None:
        self.passed_s = 0.0
        self.wall_shift_s = 0.0
        self.slept: list[float] = []
        self.timing = Timing(
            now=self.now, monotonic=lambda: 1000.0 + self.passed_s, sleep=self._sleep, random=lambda: 0.0
        )

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.passed_s + self.wall_shift_s)

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.passed_s += seconds
        await asyncio.sleep(0)


@pytest.fixture
async def wire() -> AsyncIterator[ScriptedFlanks]:
    server = ScriptedFlanks()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def still() -> StillTime:
    return StillTime()


@pytest.fixture
def said() -> type[Said]:
    return Said


@pytest.fixture
async def make_client(wire: ScriptedFlanks, still: StillTime) -> AsyncIterator[Callable[..., FlanksClient]]:
    made: list[FlanksClient] = []

    def make(**options: Any) -> FlanksClient:
        client = FlanksClient(
            "client-id-1", "canary-client-secret", **{"base_url": wire.url, "timing": still.timing, **options}
        )
        made.append(client)
        return client

    yield make
    for client in made:
        await client.close()


@pytest.fixture
def client(make_client: Callable[..., FlanksClient]) -> FlanksClient:
    return make_client()


class Simulated:
    """The simulator behind a socket, its world, and clients of it."""

    def __init__(self, url: str, world: World, face: FlanksFace, server: Any) -> None:
        self.url, self.world, self.face, self.server = f"{url}/flanks", world, face, server

    def client(self, **options: Any) -> FlanksClient:
        return FlanksClient(self.face.client_id, self.face.client_secret, base_url=self.url, **options)


@pytest.fixture
def simulate() -> Callable[..., Any]:
    @contextmanager
    def run(**settings: Any) -> Iterator[Simulated]:
        world = World(5, start=date(2026, 3, 2), history_days=40, families=1)
        face = FlanksFace(**settings)
        app = create_app(world, control_token="flanks-tests", faces=[face])
        with LoopbackServer(app) as server:
            yield Simulated(server.url, world, face, app.faces["flanks"])

    return run
