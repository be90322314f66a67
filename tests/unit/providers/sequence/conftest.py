"""A scripted Sequence behind a real socket of this machine, and time that tests move."""

import asyncio
import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from bursar.providers.sequence import SequenceClient
from bursar.transport.timing import Timing

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@dataclass
class Asked:
    """One request as it arrived."""

    path: str
    headers: dict[str, str]
    content: bytes
    connection: int
    """Which connection it came on, counted from 1."""

    @property
    def body(self) -> Any:
        return json.loads(self.content)

    @property
    def operation(self) -> str | None:
        return self.body.get("operationName")


@dataclass
class Said:
    """What to answer; with `cut` the connection is closed instead, without a byte of answer."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    delay_s: float = 0.0

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


class ScriptedSequence:
    """Answers a list of answers in order, the last one for ever. A dictionary is the `data` of an answer."""

    def __init__(self) -> None:
        self.answers: list[Any] = [{"me": {"id": "u"}}]
        self.asked: list[Asked] = []
        self.arrived = threading.Event()
        self._taking = threading.Lock()
        self._connections = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self) -> None:
                super().setup()
                with outer._taking:
                    outer._connections += 1
                    self.number = outer._connections

            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                said = outer._take(Asked(self.path, headers, content, self.number))
                if said.delay_s:
                    threading.Event().wait(said.delay_s)
                if said.cut:
                    self.close_connection = True
                    return
                self.send_response(said.status)
                for name, value in {"content-type": "application/json", **said.headers}.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(said.content)))
                self.end_headers()
                self.wfile.write(said.content)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                pass  # a client that hangs up is one of the tests

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def say(self, *answers: Any) -> None:
        self.answers = list(answers)

    @property
    def operations(self) -> list[str | None]:
        return [one.operation for one in self.asked]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _take(self, asked: Asked) -> Said:
        with self._taking:
            self.asked.append(asked)
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        self.arrived.set()
        if callable(answer):
            answer = answer(asked)
        return answer if isinstance(answer, Said) else Said(body={"data": answer})


class StillTime:
    """Time that passes only when somebody sleeps or a test says so."""

    def __init__(self) -> None:
        self.passed_s = 0.0
        self.slept: list[float] = []
        self.dice = 0.0
        self.timing = Timing(
            now=self.now, monotonic=lambda: 1000.0 + self.passed_s, sleep=self._sleep, random=lambda: self.dice
        )

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.passed_s)

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.passed_s += seconds
        await asyncio.sleep(0)


@pytest.fixture(autouse=True)
def _own_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("EMAIL", "PASSWORD", "TOTP", "ORG_ID", "KYC_ID", "AUTH0_CLIENT_ID", "APP_URL", "AUTH_URL"):
        monkeypatch.delenv(f"SEQUENCE_{name}", raising=False)
    monkeypatch.delenv("SEQUENCE_CHROMIUM_PATH", raising=False)
    monkeypatch.setenv("SEQUENCE_DATA_DIR", str(tmp_path / "data"))


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def wire() -> Iterator[ScriptedSequence]:
    server = ScriptedSequence()
    yield server
    server.close()


@pytest.fixture
def still() -> StillTime:
    return StillTime()


@pytest.fixture
def said() -> type[Said]:
    return Said


@pytest.fixture
def make_client(wire: ScriptedSequence, still: StillTime) -> Iterator[Callable[..., SequenceClient]]:
    made: list[SequenceClient] = []

    def make(token: str = "canary-token", *args: Any, **options: Any) -> SequenceClient:
        client = SequenceClient(token, *args, **{"app_url": wire.url, "timing": still.timing, **options})
        made.append(client)
        return client

    yield make
    for client in made:
        client.close()


@pytest.fixture
def client(make_client: Callable[..., SequenceClient]) -> SequenceClient:
    return make_client()


@pytest.fixture
def example() -> Callable[[str], Any]:
    """Answers of the reference set, by operation name; a new copy each time."""
    text = (Path(__file__).parent / "answers.json").read_text(encoding="utf-8")

    def answer(name: str) -> Any:
        return json.loads(text)[name]

    return answer


def uuid4_text(text: str) -> bool:
    return re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", text) is not None
