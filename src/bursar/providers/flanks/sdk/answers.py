"""Which error is an answer of Flanks', and what may be kept of it?"""

import re
from collections.abc import Mapping
from typing import Any, cast

from bursar.providers.flanks.sdk.exceptions import (
    FlanksAPIError,
    FlanksAuthError,
    FlanksError,
    FlanksNetworkError,
    FlanksNotFoundError,
    FlanksPermissionError,
    FlanksRateLimitError,
    FlanksResponseError,
    FlanksServerError,
    FlanksValidationError,
)
from bursar.providers.flanks.sdk.secret_text import mask_secrets
from bursar.transport import json
from bursar.transport.errors import Problem
from bursar.transport.redaction import redact_text
from bursar.transport.retry import parse_retry_after
from bursar.transport.timing import SYSTEM_TIMING

TOKEN_PATH = "/v0/token"  # noqa: S105 - a path
_TEXT_LIMIT = 2_000
_JSON_LIMIT = 256 * 1024
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]*")

_BY_STATUS: Mapping[int, type[FlanksAPIError]] = {
    400: FlanksValidationError,
    401: FlanksAuthError,
    403: FlanksPermissionError,
    404: FlanksNotFoundError,
    422: FlanksValidationError,
    429: FlanksRateLimitError,
}


def flanks_error(problem: Problem) -> FlanksError:
    """Return the error for a failed exchange; its text says method, path, status and code, never a word of the body."""
    request = f"{problem.method} {redact_text(problem.path, problem.secrets)}"
    if problem.kind in ("connect", "network", "timeout"):
        return _network_error(problem, request)
    body = read_body(problem.body, problem.secrets)
    code, details, trace_id = read_envelope(body)
    error_class = _error_class(problem)
    message = f"{request}: {problem.reason}" + (f" ({code})" if code else "")
    if error_class is FlanksAuthError and problem.path == TOKEN_PATH:
        message = "Invalid client credentials"
    error = error_class(
        message,
        problem.status,
        body,
        code=code,
        details=details,
        trace_id=trace_id or _masked_header(problem, "x-request-id"),
        headers=_kept_headers(problem),
        request=request,
        retry_at=problem.retry_at,
        attempts=problem.attempts,
    )
    if isinstance(error, FlanksRateLimitError):
        error.retry_after = _retry_after(problem)
    return error


def refused_answer(status: int, body: Mapping[str, Any], request: str, secrets: frozenset[str]) -> FlanksAPIError:
    """Return the error for a 2xx answer that says of itself that it is none."""
    masked = mask_secrets(body, secrets)
    code, details, trace_id = read_envelope(masked)
    error_class = FlanksAuthError if code == "UNAUTHENTICATED" else FlanksAPIError
    if code == "ValidationError":
        error_class = FlanksValidationError
    return error_class(
        f"{request}: answered {status} without success" + (f" ({code})" if code else ""),
        status,
        masked,
        code=code,
        details=details,
        trace_id=trace_id,
        request=request,
    )


def read_body(body: bytes, secrets: frozenset[str]) -> Any:
    """Return what an error keeps of an answer: decoded JSON, else a little text, else None."""
    if not body.strip():
        return None
    if len(body) <= _JSON_LIMIT:
        try:
            return mask_secrets(json.decode(body, cast("type[Any]", Any)), secrets)
        except json.JsonError:
            pass
    # A cut can split a secret so that nobody knows it any more: mask first, cut afterwards.
    return redact_text(body[: 4 * _TEXT_LIMIT].decode("utf-8", "replace"), secrets)[:_TEXT_LIMIT]


def read_envelope(body: Any) -> tuple[str | None, tuple[Mapping[str, Any], ...], str | None]:
    """Return code, details and trace id of either kind of error object."""
    if not isinstance(body, dict):
        return None, (), None
    members = cast("dict[str, Any]", body)
    error = members.get("error")
    inner: dict[str, Any] = cast("dict[str, Any]", error) if isinstance(error, dict) else members
    code = inner.get("code")
    if not isinstance(code, str) and isinstance(error, str) and _WORD.fullmatch(error):
        code = error
    details = inner.get("details")
    listed: list[Any] = cast("list[Any]", details) if isinstance(details, list) else []
    trace_id = members.get("trace_id")
    return (
        code[:200] if isinstance(code, str) else None,
        tuple(cast("Mapping[str, Any]", one) for one in listed if isinstance(one, dict)),
        trace_id[:200] if isinstance(trace_id, str) else None,
    )


def _error_class(problem: Problem) -> type[FlanksAPIError]:
    if problem.kind == "payload":
        return FlanksResponseError
    status = problem.status or 0
    if status >= 500:
        return FlanksServerError
    if problem.path == TOKEN_PATH and status in (400, 401, 403):
        # One answer for a wrong id, a wrong secret and a wrong kind of grant.
        return FlanksAuthError
    return _BY_STATUS.get(status, FlanksAPIError)


def _network_error(problem: Problem, request: str) -> FlanksNetworkError:
    message = f"{request}: {problem.reason}"
    # The library's own exception holds the request with its credentials, so the cause is one of ours.
    cause = TimeoutError(problem.reason) if problem.kind == "timeout" else ConnectionError(problem.reason)
    error = FlanksNetworkError(message, cause)
    error.attempts = problem.attempts
    if problem.kind != "network":
        error.kind = "connect" if problem.kind == "connect" else "timeout"
    return error


def _kept_headers(problem: Problem) -> dict[str, str]:
    kept = {name: value for name, value in problem.headers.items() if name != "set-cookie"}
    return mask_secrets(kept, problem.secrets)


def _masked_header(problem: Problem, name: str) -> str | None:
    value = problem.headers.get(name)
    return None if value is None else mask_secrets(value, problem.secrets)


def _retry_after(problem: Problem) -> float | None:
    return parse_retry_after(problem.headers, SYSTEM_TIMING.now())
