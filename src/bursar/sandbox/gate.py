"""Which transport fault strikes a request on its way to a face?"""

import asyncio
from typing import Any, cast

from bursar.sandbox.faces import Message, MountedFace, Receive, Scope, Send
from bursar.sandbox.faults import TRANSPORT_FAULTS, Fault, FaultKind, Request
from bursar.sandbox.world import World

_HTML_PAGE = b"<!doctype html><html><body><h1>Scheduled maintenance</h1></body></html>"


class Gate:
    """Stands before a face, writes the request log and plays the transport faults."""

    def __init__(self, world: World, slug: str, face: MountedFace) -> None:
        self._world = world
        self._slug = slug
        self._face = face

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets the request through, or not."""
        path = str(scope["path"])
        if not path.startswith(f"/{self._slug}"):
            path = f"/{self._slug}{path}"
        answer = _Answer()
        try:
            await self._answer(path, scope, receive, answer.noting(send))
        finally:
            self._world.requests.add(Request(self._world.now, str(scope["method"]), path, answer.status))

    async def _answer(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        fault = self._world.faults.strike(path, TRANSPORT_FAULTS)
        if fault is None:
            await self._face(scope, receive, send)
            return
        if fault.after_effect or fault.kind in {FaultKind.TRUNCATE, FaultKind.SLOW}:
            answer = _Answer()
            await self._face(scope, receive, answer.collect)
        else:
            answer = _Answer()
            await _read_request(receive)
        await self._play(fault, answer, receive, send)

    async def _play(self, fault: Fault, answer: "_Answer", receive: Receive, send: Send) -> None:
        if fault.kind is FaultKind.SLOW:
            await asyncio.sleep(fault.delay_s)
            await answer.replay(send)
        elif fault.kind is FaultKind.TRUNCATE:
            await answer.replay(send, keep=len(answer.body) // 2)
            await _cut_connection(receive)
        elif fault.kind is FaultKind.RESET:
            await _cut_connection(receive)
        elif fault.kind is FaultKind.HTML:
            await _respond(send, 200, b"text/html; charset=utf-8", _HTML_PAGE)
        else:
            extra = [] if fault.retry_after is None else [(b"retry-after", fault.retry_after.encode("latin-1"))]
            await _respond(send, fault.status, b"application/json", self._face.error_body(fault.status), extra)


class _Answer:
    """An answer on its way out: noted, or held back."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.body = b""
        self._start: Message = {}

    def noting(self, send: Send) -> Send:
        async def note(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.status = int(message["status"])
            await send(message)

        return note

    async def collect(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
        else:
            self.body += bytes(message.get("body", b""))

    async def replay(self, send: Send, *, keep: int | None = None) -> None:
        headers = [pair for pair in self._start["headers"] if pair[0] != b"content-length"]
        headers.append((b"content-length", str(len(self.body)).encode()))
        await send({**self._start, "headers": headers})
        await send({"type": "http.response.body", "body": self.body[:keep], "more_body": keep is not None})


async def _respond(
    send: Send, status: int, content_type: bytes, body: bytes, extra: list[tuple[bytes, bytes]] | None = None
) -> None:
    headers = [(b"content-type", content_type), (b"content-length", str(len(body)).encode()), *(extra or [])]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _read_request(receive: Receive) -> None:
    while (await receive()).get("more_body"):
        pass


async def _cut_connection(receive: Receive) -> None:
    """Closes the socket under uvicorn; without a socket (in-process transports) the caller gets the error itself."""
    # ASGI has no word for this: uvicorn's `receive` is a method of the object that owns the transport.
    transport = cast("Any", getattr(getattr(receive, "__self__", None), "transport", None))
    if transport is None:
        raise ConnectionResetError("connection reset by the sandbox")
    # What was written before is flushed first, so that a truncated body really arrives.
    transport.close()
    while (await receive())["type"] != "http.disconnect":
        pass
