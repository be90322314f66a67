"""The simulated Sequence behind real sockets, the settings of a program that uses it, and a site with odd pages."""

import os
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest

from bursar.providers.sequence import SequenceClient
from bursar.providers.sequence.sandbox import Simulator, serving
from bursar.providers.sequence.sandbox.reference import demo_credentials

P = "7d3f1c52-5a0b-4b7e-9a61-2f60c1d4"


class Simulated:
    """The simulator as a test sees it: over HTTP only, controls included."""

    org_id, kyc_id, port, account = f"{P}0001", f"{P}0002", f"{P}0201", f"{P}0301"
    pods = tuple(f"{P}010{number}" for number in (1, 2, 3, 4))

    def __init__(self, app: str, auth: str) -> None:
        self.app, self.auth = app, auth

    def control(self, route: str, **body: Any) -> Any:
        answer = httpx2.post(f"{self.app}/_control/{route}", json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def requests(self, path: str = "") -> list[dict[str, Any]]:
        found = httpx2.get(f"{self.app}/_control/requests").json()["requests"]
        return [one for one in found if not path or one["path"] == path]

    def operations(self) -> list[str]:
        return [one["operation"] for one in self.requests("/api/graphql")]

    def token(self, **options: Any) -> str:
        return self.control("tokens/issue", **options)["access_token"]


@pytest.fixture
def simulated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Simulated]:
    with serving(Simulator()) as simulator:
        for name, value in demo_credentials().items():
            monkeypatch.setenv(f"SEQUENCE_{name.upper()}", value)
        monkeypatch.setenv("SEQUENCE_APP_URL", simulator.origins.app)
        monkeypatch.setenv("SEQUENCE_AUTH_URL", simulator.origins.auth)
        monkeypatch.setenv("SEQUENCE_DATA_DIR", str(tmp_path / "data"))
        yield Simulated(simulator.origins.app, simulator.origins.auth)


@pytest.fixture
def client(simulated: Simulated) -> Iterator[SequenceClient]:
    with SequenceClient(simulated.token()) as made:
        yield made


@pytest.fixture
def browsers(tmp_path: Path) -> Callable[[], list[str]]:
    """Return the processes that this test has started and that still run: they carry its data folder with them."""
    mark = str(tmp_path).encode()

    def running() -> list[str]:
        found: list[str] = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if int(process.name) != os.getpid() and mark in (process / "environ").read_bytes():
                    found.append((process / "cmdline").read_text()[:80])
            except OSError:
                continue  # it has just ended, or is not ours
        return [command for command in found if command]

    return running


class OddSite:
    """A site whose pages a test writes; a page is HTML, or HTML with the status before it."""

    def __init__(self) -> None:
        self.pages: dict[str, str | tuple[int, str]] = {}
        self.asked: list[str] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append(self.path)
                page = site.pages.get(self.path.partition("?")[0], (404, "nothing here"))
                status, html = page if isinstance(page, tuple) else (200, page)
                self.send_response(status)
                self.send_header("content-type", "text/html; charset=utf-8")
                self.end_headers()
                self.wfile.write(html.encode())

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("content-length", 0)))
                self.do_GET()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def odd_site(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[OddSite]:
    site = OddSite()
    monkeypatch.setenv("SEQUENCE_EMAIL", "jordan@example.com")
    monkeypatch.setenv("SEQUENCE_PASSWORD", "canary-password")
    monkeypatch.setenv("SEQUENCE_TOTP", "123456")
    monkeypatch.setenv("SEQUENCE_APP_URL", site.url)
    # Another host of the same machine, so that the pages of the identity site are not those of the application.
    monkeypatch.setenv("SEQUENCE_AUTH_URL", site.url.replace("127.0.0.1", "localhost"))
    monkeypatch.setenv("SEQUENCE_DATA_DIR", str(tmp_path / "data"))
    yield site
    site.close()
