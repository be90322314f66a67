"""What was asked of the simulator, and what is to go wrong with what will be asked?"""

import asyncio
import re
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, cast

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

SHORTEST_GAP_S = 1.5
"""What lies between the starts of two requests of one token at least, under strict pacing."""

ACCEPT = (
    "application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed"
)
_REQUEST_ID = re.compile(r"webapp-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_KEPT_REQUESTS = 10_000
_MASKED = {"authorization": "Bearer ***", "cookie": "***"}


class FaultKind(StrEnum):
    """What can go wrong with a request."""

    STATUS = "status"
    """An error of `status`, with `retry_after` as the header of that name."""
    GRAPHQL_ERROR = "graphql_error"
    """An error of `code` and `message`; with `executes` beside the data of a request that was carried out."""
    HTML_BODY = "html_body"
    """A page for people, with status 200."""
    BAD_JSON = "bad_json"
    """Half of the right answer, with status 200; the request is carried out."""
    NULL_FIELD = "null_field"
    """The right answer, with null at `path` (of every item where the path leads through a list)."""
    DELAY = "delay"
    """The right answer after `delay_s` real seconds."""
    DROP_BEFORE = "drop_before"
    """The connection is closed; nothing is carried out."""
    DROP_AFTER = "drop_after"
    """The request is carried out, then the connection is closed."""


@dataclass(slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong with the next `times` requests that match; None matches every operation.

    `operation` is the name of a GraphQL operation, or `oauth/token` for the token endpoint.
    """

    kind: FaultKind
    operation: str | None = None
    times: int = 1
    status: int = 500
    retry_after: str | None = None
    code: str = "INTERNAL_SERVER_ERROR"
    message: str = "Something went wrong"
    executes: bool = False
    path: tuple[str, ...] = ()
    delay_s: float = 0.0


@dataclass(slots=True)
class Strictness:
    """Which habits of the web application are insisted on."""

    headers: bool = False
    pacing: bool = False


@dataclass(slots=True)
class Switchboard:
    """The record of requests, the queue of faults, and what is insisted on."""

    now: Callable[[], datetime] | None = None
    """The instant that requests are noted with."""
    faults: list[Fault] = field(default_factory=list[Fault])
    strictness: Strictness = field(default_factory=Strictness)
    requests: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=_KEPT_REQUESTS))
    stopwatch: Callable[[], float] = time.monotonic
    _started: dict[str, float] = field(default_factory=dict[str, float])
    _request_ids: set[str] = field(default_factory=set[str])

    def add(self, settings: Mapping[str, Any]) -> Fault:
        """Queues a fault.

        Raises:
            TypeError: no such kind, or no such setting.
        """
        unknown = settings.keys() - {one.name for one in fields(Fault)}
        if unknown:
            raise TypeError(f"a fault has no {', '.join(sorted(unknown))}")
        try:
            fault = msgspec.convert(dict(settings), Fault)
        except msgspec.ValidationError as error:
            raise TypeError(str(error)) from error
        self.faults.append(fault)
        return fault

    def note(self, request: Request, operation: str | None = None, variables: object = None) -> None:
        """Keeps what was asked, without what is secret."""
        headers = {name: _MASKED.get(name, value) for name, value in request.headers.items()}
        self.requests.append(
            {
                "at": self.now().isoformat() if self.now else None,
                "method": request.method,
                "path": request.url.path,
                "host": request.url.netloc,
                "headers": headers,
                "operation": operation,
                "variables": variables,
            }
        )

    def take(self, operation: str | None) -> Fault | None:
        """The fault that strikes a request, counted down; None when all is well."""
        for fault in self.faults:
            if fault.operation in (None, operation):
                fault.times -= 1
                if fault.times <= 0:
                    self.faults.remove(fault)
                return fault
        return None

    def objection(self, request: Request, app_origin: str) -> Response | None:
        """What a strict server has against the form of a GraphQL request; None when it has nothing."""
        if self.strictness.headers:
            wrong = self._wrong_header(request, app_origin)
            if wrong is not None:
                return _plain(403, f"Forbidden: {wrong}")
        if self.strictness.pacing:
            token, now = request.headers.get("authorization", ""), self.stopwatch()
            before = self._started.get(token)
            self._started[token] = now
            if before is not None and now - before < SHORTEST_GAP_S:
                return _plain(429, "Too Many Requests", {"retry-after": "2"})
        return None

    def _wrong_header(self, request: Request, app_origin: str) -> str | None:
        headers = request.headers
        expected = {
            "accept": ACCEPT,
            "content-type": "application/json",
            "origin": app_origin,
            "referer": f"{app_origin}/",
            "sec-fetch-dest": "empty",
            "sec-fetch-mode": "cors",
            "sec-fetch-site": "same-origin",
        }
        for name, value in expected.items():
            if headers.getlist(name) != [value]:
                return name
        if not headers.get("authorization", "").startswith("Bearer "):
            return "authorization"
        for name in ("upgrade-insecure-requests", "sec-fetch-user"):
            if name in headers:
                return name
        request_id = headers.get("x-request-id", "")
        if _REQUEST_ID.fullmatch(request_id) is None or request_id in self._request_ids:
            return "x-request-id"
        self._request_ids.add(request_id)
        return None


class Dropped(Response):
    """No answer at all: the connection is closed."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Closes the socket under uvicorn; without a socket the caller gets the error itself."""
        # ASGI has no word for this: uvicorn's `receive` is a method of the object that owns the transport.
        transport = cast("Any", getattr(getattr(receive, "__self__", None), "transport", None))
        if transport is None:
            raise ConnectionResetError("connection closed by the simulator")
        transport.close()
        while (await receive())["type"] != "http.disconnect":
            pass


async def play_before(fault: Fault | None) -> Response | None:
    """What is answered instead of carrying a request out; None when it is carried out."""
    if fault is None:
        return None
    if fault.kind is FaultKind.DELAY:
        await asyncio.sleep(fault.delay_s)
    elif fault.kind is FaultKind.STATUS:
        extra = {"retry-after": fault.retry_after} if fault.retry_after is not None else {}
        return _plain(fault.status, "The simulator was told to fail", extra)
    elif fault.kind is FaultKind.HTML_BODY:
        return Response("<!doctype html><html><body><h1>Just a moment</h1></body></html>", media_type="text/html")
    elif fault.kind is FaultKind.DROP_BEFORE:
        return Dropped()
    return None


def put_null(data: object, path: tuple[str, ...]) -> None:
    """Puts null at a path of an answer, in each item where it leads through a list."""
    if isinstance(data, list):
        for item in cast("list[object]", data):
            put_null(item, path)
    elif isinstance(data, dict) and path and path[0] in data:
        members = cast("dict[str, object]", data)
        if len(path) == 1:
            members[path[0]] = None
        else:
            put_null(members[path[0]], path[1:])


def _plain(status: int, text: str, headers: Mapping[str, str] | None = None) -> Response:
    return Response(text, status, headers, media_type="text/plain")
