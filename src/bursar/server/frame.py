"""What is true of every request, whatever becomes of it?

The outermost layer, written against ASGI itself so that nothing runs outside it: the id of the request, the headers of
every answer, both forms of a path, HEAD, the access line, and the answer when something breaks.
"""

import asyncio
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bursar.bootstrap import Platform
from bursar.observability.logging import get_logger, log_context
from bursar.server.errors import ApiError
from bursar.server.limits import Allowance
from bursar.server.problems import problem_response

log = get_logger(__name__)

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,128}")
_SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
}
DRAIN_BYTES = 16 * 1024 * 1024
DRAIN_S = 5.0
"""How much of a body that nobody reads is taken and thrown away before a refusal: a client that still writes when the
connection closes would never see the answer."""
PING_S = 1.0
_DEFAULTS = {"Cache-Control": "no-store", "Vary": "Authorization, Accept"}


class RequestFrame:
    """Wraps the application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope = _normalised(scope)
        scope["state"] = {**scope.get("state", {}), "request_id": request_id}
        answer = _Answer(receive, send, scope["state"], is_head=scope.pop("bursar_head", False))
        answer.body_ended = not _announces_body(scope)
        started = time.perf_counter()
        with log_context(request_id=request_id):
            try:
                await self._app(scope, answer.receive, answer.send)
            except ClientDisconnect:
                answer.status = 499
            except Exception:
                log.exception("request crashed", method=scope["method"], endpoint=_endpoint(scope))
                if answer.status:
                    raise
                error = await _what_broke(scope)
                await problem_response(Request(scope), error)(scope, answer.receive, answer.send)
            finally:
                log.info(
                    "request",
                    method=scope["method"],
                    endpoint=_endpoint(scope),
                    status=answer.status,
                    duration_ms=round((time.perf_counter() - started) * 1000, 1),
                    bytes=answer.bytes,
                    tenant_id=scope["state"].get("tenant_id"),
                    user_id=scope["state"].get("user_id"),
                )


class _Answer:
    """Passes an answer on with the headers that all of them have, and notes its status and size."""

    def __init__(self, receive: Receive, send: Send, state: Mapping[str, object], *, is_head: bool) -> None:
        self._receive = receive
        self._send = send
        self._state = state
        self._is_head = is_head
        self.status = 0
        self.bytes = 0
        self.body_ended = False

    async def receive(self) -> Message:
        message = await self._receive()
        self.body_ended = self.body_ended or not message.get("more_body", False)
        return message

    async def _drain(self) -> None:
        taken = 0
        while not self.body_ended and taken < DRAIN_BYTES:
            taken += len((await self.receive()).get("body", b""))

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            if self.status >= 400 and not self.body_ended:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._drain(), DRAIN_S)
            headers = MutableHeaders(scope=message)
            headers["X-Request-ID"] = str(self._state["request_id"])
            headers.update(_SECURITY_HEADERS)
            allowance = self._state.get("allowance")
            if isinstance(allowance, Allowance):
                headers.update(allowance.headers(time.time()))
            for name, value in _DEFAULTS.items():
                headers.setdefault(name, value)
        elif message["type"] == "http.response.body":
            if self._is_head:
                message = {**message, "body": b""}
            self.bytes += len(message.get("body", b""))
        await self._send(message)


def _request_id(scope: Scope) -> str:
    sent = Headers(scope=scope).getlist("x-request-id")
    return sent[0] if len(sent) == 1 and _REQUEST_ID.fullmatch(sent[0]) else str(uuid4())


async def _what_broke(scope: Scope) -> ApiError:
    """Return the error for a crash: the database's, when it does not answer, else ours."""
    platform: Platform | None = getattr(scope["app"].state, "platform", None)
    try:
        if platform is not None:
            await asyncio.wait_for(platform.database.ping(), PING_S)
    except Exception as error:  # noqa: BLE001 - whatever keeps the database from answering, the cause is not here
        log.warning("the database does not answer", reason=type(error).__name__)
        return ApiError("retry", "The database does not answer.", retryable=True, retry_after=5)
    return ApiError()


def _announces_body(scope: Scope) -> bool:
    """True when a body is on its way; a client that waits for leave to send it (Expect) does not need to."""
    headers = Headers(scope=scope)
    return "expect" not in headers and ("transfer-encoding" in headers or headers.get("content-length", "0") != "0")


def _normalised(scope: Scope) -> Scope:
    """Return the scope with the form of the path that has no slash at its end, and with GET for HEAD."""
    scope = dict(scope)
    path = scope["path"]
    if len(path) > 1 and path.endswith("/") and not path.endswith("//"):
        scope["path"] = path[:-1]
        scope["raw_path"] = scope.get("raw_path", path.encode()).removesuffix(b"/")
    if scope["method"] == "HEAD":
        scope |= {"method": "GET", "bursar_head": True}
    return scope


def _endpoint(scope: Scope) -> str:
    """Return the template of the route: the path with the names of its parameters for their values."""
    if scope.get("route") is None:
        return "(none)"
    values = {str(value): f"{{{name}}}" for name, value in scope.get("path_params", {}).items()}
    path: str = scope["path"]
    return "/".join(values.get(part, part) for part in path.split("/"))
