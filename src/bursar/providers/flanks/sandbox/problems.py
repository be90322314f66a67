"""Which refusals does Flanks know, and in which words?"""

from collections.abc import Mapping
from typing import Any


class FlanksProblemError(Exception):
    """An answer that is no success: status, body, headers."""

    def __init__(self, status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{status} {body}")
        self.status = status
        self.body = body
        self.headers = dict(headers or {})


def simple(status: int, error: str, *, code: str | None = None) -> FlanksProblemError:
    """The flat object of the v0 API."""
    return FlanksProblemError(status, {"error": error} | ({"code": code} if code else {}))


def refused(code: str, trace_id: str, *details: Mapping[str, str]) -> FlanksProblemError:
    """The envelope of the newer APIs."""
    error: dict[str, Any] = {"code": code}
    if details:
        error["details"] = list(details)
    return FlanksProblemError(400, {"success": False, "error": error, "trace_id": trace_id})


def not_found() -> FlanksProblemError:
    """An unknown id or path."""
    return simple(404, "Not found")


def for_status(status: int) -> Mapping[str, str]:
    """The body of an outage or a limit."""
    return {"error": {429: "Too many requests"}.get(status, "Internal Error")}
