"""Which HTTP answer is a failure, and what may it say?"""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi.responses import JSONResponse

from bursar.banking import exceptions as ours

# The first class that fits decides; everything else of the family is a provider that failed in its own way.
_STATUSES: tuple[tuple[type[ours.BankingProviderError], int], ...] = (
    (ours.ProviderNotConfiguredError, 503),
    (ours.InvalidCredentialsError, 401),
    (ours.LinkRefusedError, 403),
    (ours.ItemLoginRequiredError, 409),
    (ours.RateLimitError, 503),
    (ours.ProviderDownError, 503),
    (ours.UnexpectedAnswerError, 502),
    (ours.InvalidInputError, 422),
    (ours.NotFoundError, 404),
    (ours.UnsupportedError, 501),
    (ours.WebhookRefusedError, 401),
    (ours.BankingProviderError, 502),
)


class HttpProblem(Exception):  # noqa: N818 - the field's word for an error that is an answer
    """A refusal of ours: status, text and headers."""

    def __init__(self, status: int, code: str, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = headers or {}

    def response(self) -> JSONResponse:
        """Return the answer."""
        return _answer(self.status, {"detail": self.detail, "code": self.code, "retryable": False}, self.headers)


def to_response(error: ours.BankingProviderError) -> JSONResponse:
    """Return the answer to a failure: our own text, never the provider's."""
    headers: dict[str, str] = {}
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    elif isinstance(error, ours.RateLimitError):
        headers["Retry-After"] = "60"
    status = next(status for class_, status in _STATUSES if isinstance(error, class_))
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
    members = {
        "detail": error.message,
        "code": error.code,
        "provider": error.provider,
        "field": error.field,
        "upstream_code": error.upstream_code,
        "upstream_request_id": error.upstream_request_id,
    }
    return _answer(
        status,
        {name: value for name, value in members.items() if value is not None} | {"retryable": error.retryable},
        headers,
    )


def too_many(wait_s: int) -> HttpProblem:
    """Return the refusal of a caller who is over our own limit."""
    return HttpProblem(429, "rate_limited", f"Too many requests: wait {wait_s} seconds.", {"Retry-After": str(wait_s)})


def unreadable(errors: Sequence[Mapping[str, Any]]) -> JSONResponse:
    """Return the answer to a request that does not fit its route: where and why, without what was sent."""
    detail = [{name: error[name] for name in ("loc", "msg", "type")} for error in errors]
    return _answer(422, {"detail": detail, "code": "invalid_input", "retryable": False}, {})


def _answer(status: int, body: Mapping[str, object], headers: dict[str, str]) -> JSONResponse:
    return JSONResponse(body, status, {**headers, "Cache-Control": "no-store"})
