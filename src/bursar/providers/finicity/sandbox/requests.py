"""What does an endpoint of the simulated Finicity get, and what does it give back?"""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, cast

from bursar.providers.finicity.sandbox.problems import missing, refused
from bursar.providers.finicity.sandbox.rendering import Member


@dataclass(frozen=True, slots=True)
class Request:
    """A request with a valid token."""

    method: str
    path: str
    base: str
    """Scheme, host and prefix under which this server is reached."""
    query: Mapping[str, str]
    body: Mapping[str, Any]
    ids: Mapping[str, str] = field(default_factory=dict[str, str])
    """The parts of the path that are ids, by name."""

    def text(self, name: str) -> str:
        """A text of the body; 400 when it is missing."""
        value = self.body.get(name)
        if not isinstance(value, str) or not value:
            raise missing(name)
        return value

    def number(self, name: str, default: int | None = None) -> int:
        """A number of the query; 400 when it is missing and has no default, or is none."""
        text = self.query.get(name)
        if text is None:
            if default is None:
                raise missing(name)
            return default
        if not text.isdigit():
            raise refused(400, "INVALID_REQUEST", f"{name} is no number")
        return int(text)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; a text body is a page or plain text."""

    status: int
    body: Member | str | None = None
    content_type: str = "application/json"
    location: str | None = None


Handler = Callable[[Request], Reply | Member | Awaitable[Reply | Member]]
Endpoints = list[tuple[str, str, Handler]]
"""Method, path with ids in braces, handler."""


def read_object(raw: bytes) -> dict[str, Any]:
    """The body of a request; numbers that are not whole are exact."""
    if not raw:
        return {}
    try:
        body: object = json.loads(raw, parse_float=Decimal)
    except (ValueError, RecursionError):
        raise refused(400, "INVALID_REQUEST", "the body is no JSON") from None
    if not isinstance(body, dict):
        raise refused(400, "INVALID_REQUEST", "the body is no JSON object")
    return cast("dict[str, Any]", body)
