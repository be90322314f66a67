"""How does the simulated Teller get onto a TLS port, where callers prove themselves by certificates?

An asyncio server would hang up on a bad certificate without the alert that says why, and a client could not tell that
from an outage. So TLS is spoken in threads, and the application runs on one event loop of its own.
"""

import asyncio
import ssl
import tempfile
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import SHUT_WR, socket
from typing import Any, cast

from bursar.providers.teller.sandbox.authority import Authority
from bursar.providers.teller.sandbox.face import CLIENT_CERTIFICATE
from bursar.sandbox.faces import Message, MountedFace, Scope

_PATIENCE_S = 10


class TlsServer:
    """A face behind TLS on 127.0.0.1.

    It asks for a client certificate of its own authority. One of another authority, or one that is expired, ends the
    handshake; none at all is let through unless `demands`, and the application decides by the token.
    """

    def __init__(self, face: MountedFace, authority: Authority, *, demands: bool, port: int = 0) -> None:
        self.callers: list[str] = []
        """Subjects of the certificates that were presented and accepted, a request each; empty for none."""
        self._loop = asyncio.new_event_loop()
        self._http = _Listener(("127.0.0.1", port), _Handler)
        self._http.face, self._http.loop, self._http.callers = face, self._loop, self.callers
        self._http.context = _context(authority, demands=demands)
        self.url = f"https://127.0.0.1:{self._http.server_address[1]}"
        self._threads = [
            threading.Thread(target=self._loop.run_forever, name="teller-sandbox-loop", daemon=True),
            threading.Thread(target=self._http.serve_forever, args=(0.05,), name="teller-sandbox-tls", daemon=True),
        ]

    def start(self) -> None:
        """Begins to serve."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ends, and waits for it."""
        self._http.shutdown()
        self._http.server_close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        for thread in self._threads:
            thread.join(_PATIENCE_S)
        self._loop.close()


@contextmanager
def serving(face: MountedFace, authority: Authority, *, demands: bool = False, port: int = 0) -> Generator[TlsServer]:
    """Serves a face over TLS while the block runs; 0 takes a free port."""
    server = TlsServer(face, authority, demands=demands, port=port)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _context(authority: Authority, *, demands: bool) -> ssl.SSLContext:
    own = authority.issue("127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_verify_locations(cadata=authority.certificate)
    context.verify_mode = ssl.CERT_REQUIRED if demands else ssl.CERT_OPTIONAL
    with tempfile.TemporaryDirectory() as folder:
        chain, key = Path(folder, "server.pem"), Path(folder, "server.key")
        chain.write_text(own.certificate)
        key.write_text(own.private_key)
        context.load_cert_chain(chain, key)
    return context


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    face: MountedFace
    loop: asyncio.AbstractEventLoop
    callers: list[str]
    context: ssl.SSLContext

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Callers that are refused, or leave, are no error of ours."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _PATIENCE_S
    server: _Listener  # pyright: ignore[reportIncompatibleVariableOverride] - the one that makes it

    def setup(self) -> None:
        """Speaks TLS first; a refusal is told before the connection ends."""
        plain = cast("socket", self.request)
        plain.settimeout(_PATIENCE_S)
        wrapped = self.server.context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
        try:
            wrapped.do_handshake()
        except ssl.SSLError:
            # Closing with unread bytes would reset the connection before the alert is read.
            try:
                socket.shutdown(wrapped, SHUT_WR)
                while socket.recv(wrapped, 4096):
                    pass
            finally:
                wrapped.close()
            raise
        self.request = wrapped
        super().setup()

    def finish(self) -> None:
        """Closes what speaks TLS; the server closes only what was there before."""
        try:
            super().finish()
        finally:
            cast("socket", self.request).close()

    def handle_one_request(self) -> None:
        """Reads a request, lets the face answer it, and writes the answer."""
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline or not self.parse_request():
            self.close_connection = True
            return
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        subject = _common_name(cast("ssl.SSLSocket", self.request))
        self.server.callers.append(subject)
        path, _, query = self.path.partition("?")
        scope: Scope = {
            "type": "http",
            "method": self.command,
            "path": path,
            "root_path": "",
            "query_string": query.encode("latin-1"),
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in self.headers.items()],
            "extensions": {CLIENT_CERTIFICATE: subject} if subject else {},
        }
        status, headers, content = asyncio.run_coroutine_threadsafe(
            _ask(self.server.face, scope, body), self.server.loop
        ).result(_PATIENCE_S)
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name.decode("latin-1"), value.decode("latin-1"))
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()


def _common_name(connection: ssl.SSLSocket) -> str:
    """Whom the caller's certificate names; empty without one."""
    said: Any = connection.getpeercert() or {}
    parts: list[tuple[tuple[str, str], ...]] = list(said.get("subject", ()))
    return next((value for part in parts for name, value in part if name == "commonName"), "")


async def _ask(face: MountedFace, scope: Scope, body: bytes) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    start: Message = {"status": 500, "headers": []}
    content = b""

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        nonlocal start, content
        if message["type"] == "http.response.start":
            start = message
        else:
            content += bytes(message.get("body", b""))

    await face(scope, receive, send)
    return int(start["status"]), list(start["headers"]), content
