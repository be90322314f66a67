"""Which transport fault strikes a request on its way to a face?"""

import asyncio
from typing import Any, cast

import msgspec

from bursar.sandbox.answers import Answer, Memory, Question, retry_after
from bursar.sandbox.faces import Message, MountedFace, Receive, Scope, Send
from bursar.sandbox.faults import TRANSPORT_FAULTS, Fault, FaultKind
from bursar.sandbox.requests import Request
from bursar.sandbox.world import World

_HTML_PAGE = b"<!doctype html><html><body><h1>Scheduled maintenance</h1></body></html>"
_FROM_MEMORY = frozenset({FaultKind.STALE, FaultKind.REPEATED_PAGE})
_SPOILING = frozenset(
    {
        FaultKind.TRUNCATE,
        FaultKind.WRONG_LENGTH,
        FaultKind.CUT_JSON,
        FaultKind.CUT_GZIP,
        FaultKind.REORDERED_PAGE,
        FaultKind.SLOW,
    }
)
"""The faults that need the right answer, so that the request is carried out first."""
_LENGTH_TOO_MUCH = 100


class ConnectTimedOutError(TimeoutError):
    """What a caller without a socket gets where no connection would have come about in time."""


class ReadTimedOutError(TimeoutError):
    """What a caller without a socket gets where no answer would have come in time."""


class PoolTimedOutError(TimeoutError):
    """What a caller without a socket gets where none of its connections would have become free in time."""


_TIMEOUTS: dict[FaultKind, type[TimeoutError]] = {
    FaultKind.CONNECT_TIMEOUT: ConnectTimedOutError,
    FaultKind.READ_TIMEOUT: ReadTimedOutError,
    FaultKind.POOL_TIMEOUT: PoolTimedOutError,
}
_NEVER_ARRIVES = frozenset({FaultKind.CONNECT_TIMEOUT, FaultKind.POOL_TIMEOUT})


class Gate:
    """Stands before a face, writes the request log and plays the transport faults."""

    def __init__(self, world: World, slug: str, face: MountedFace) -> None:
        self._world = world
        self._slug = slug
        self._face = face
        self._memory = Memory()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets the request through, or not."""
        path = str(scope["path"])
        if not f"{path}/".startswith(f"/{self._slug}/"):
            path = f"/{self._slug}{path}"
        answer, has_arrived = Answer(), True
        try:
            has_arrived = await self._answer(path, scope, receive, answer.noting(send))
        except (ConnectTimedOutError, PoolTimedOutError):
            has_arrived = False
            raise
        finally:
            request = Request(self._world.now, str(scope["method"]), path, answer.status, has_arrived)
            self._world.requests.add(request)

    async def _answer(self, path: str, scope: Scope, receive: Receive, send: Send) -> bool:
        """Answers a request in whatever way; returns whether it arrived at the provider."""
        faults, question, kinds = self._world.faults, None, TRANSPORT_FAULTS
        place, heard = path, receive
        if faults.has(_FROM_MEMORY):
            body = await _read_request(receive)
            question, heard = Question.of(scope, body), _hearing(body, receive)
            place = path + _operation(body)
            kinds = kinds - self._memory.lacking(question, self._world.now)
        fault = faults.strike(place, kinds)
        if fault is None and question is None:
            await self._face(scope, receive, send)
            return True
        answer = Answer()
        if fault is None or fault.kind in _SPOILING or (fault.after_effect and fault.kind not in _NEVER_ARRIVES):
            await self._face(scope, heard, answer.collect)
            if question is not None and answer.status == 200:
                self._memory.keep(question, answer, self._world.now)
        elif question is None:
            await _read_request(receive)
        if fault is None:
            await answer.replay(send)
            return True
        if fault.kind in _FROM_MEMORY and question is not None:
            recalled = self._memory.recall(fault.kind, question, self._world.now)
            await recalled.replay(send)
            return True
        if not await self._play(fault, path, answer, receive, send):
            faults.take_back(fault, path)
        return fault.kind not in _NEVER_ARRIVES

    async def _play(self, fault: Fault, path: str, answer: Answer, receive: Receive, send: Send) -> bool:
        """Answers as the fault says; False when it had nothing to spoil."""
        if fault.kind in _SPOILING:
            return await self._spoil(fault, answer, receive, send)
        if fault.kind in _TIMEOUTS:
            await _time_out(fault, receive)
        elif fault.kind is FaultKind.RESET:
            await _cut_connection(receive)
        elif fault.kind is FaultKind.HTML:
            await Answer.of(200, b"text/html; charset=utf-8", _HTML_PAGE).replay(send)
        elif fault.kind is FaultKind.REDIRECT:
            location = f"https://{fault.host}{path}".encode("latin-1")
            await Answer.of(307, b"text/plain", b"", [(b"location", location)]).replay(send)
        elif fault.kind is FaultKind.ERROR_BODY:
            await Answer.of(200, b"application/json", self._face.error_body(fault.status)).replay(send)
        else:
            extra = retry_after(fault, self._world.now)
            error = Answer.of(fault.status, b"application/json", self._face.error_body(fault.status), extra)
            await error.replay(send)
        return True

    async def _spoil(self, fault: Fault, answer: Answer, receive: Receive, send: Send) -> bool:
        half = len(answer.body) // 2
        if fault.kind is FaultKind.SLOW:
            await asyncio.sleep(fault.delay_s)
        elif fault.kind is FaultKind.CUT_JSON:
            answer.body = answer.body[:half]
        elif fault.kind is FaultKind.CUT_GZIP:
            answer.compress()
            answer.body = answer.body[: len(answer.body) // 2]
        elif fault.kind is FaultKind.REORDERED_PAGE:
            if not answer.reorder():
                await answer.replay(send)
                return False
        else:
            is_cut = fault.kind is FaultKind.TRUNCATE
            announced = len(answer.body) + (0 if is_cut else _LENGTH_TOO_MUCH)
            await answer.replay(send, keep=half if is_cut else len(answer.body), announced=announced)
            await _cut_connection(receive)
            return True
        await answer.replay(send)
        return True


def _hearing(body: bytes, receive: Receive) -> Receive:
    """A `receive` for a body that has been read already."""
    parts: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def hear() -> Message:
        return parts.pop() if parts else await receive()

    return hear


async def _read_request(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if not message.get("more_body"):
            return body


def _operation(body: bytes) -> str:
    """What tells one GraphQL request from another at the same address, as `#name`; empty for all else."""
    if b'"operationName"' not in body:
        return ""
    try:
        asked = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return ""
    return f"#{asked['operationName']}" if isinstance(asked, dict) and "operationName" in asked else ""


def _socket_of(receive: Receive) -> Any:
    # ASGI has no word for this: uvicorn's `receive` is a method of the object that owns the transport.
    return cast("Any", getattr(getattr(receive, "__self__", None), "transport", None))


async def _time_out(fault: Fault, receive: Receive) -> None:
    """Says nothing for `delay_s` real seconds and hangs up; without a socket the caller gets the error at once."""
    if _socket_of(receive) is None:
        raise _TIMEOUTS[fault.kind](f"{fault.kind} played by the sandbox")
    await asyncio.sleep(fault.delay_s)
    await _cut_connection(receive)


async def _cut_connection(receive: Receive) -> None:
    """Closes the socket under uvicorn; without a socket (in-process transports) the caller gets the error itself."""
    transport = _socket_of(receive)
    if transport is None:
        raise ConnectionResetError("connection reset by the sandbox")
    # What was written before is flushed first, so that a truncated body really arrives.
    transport.close()
    while (await receive())["type"] != "http.disconnect":
        pass
