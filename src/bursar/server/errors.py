"""Which error does a caller get, with which status and code?"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from bursar.domain.failures import (
    Conflict,
    FileRefused,
    Invalid,
    LeaseLost,
    NotFound,
    ProviderFailed,
    ServiceFailure,
)
from bursar.domain.tenants import Principal, UserRole

CODES: Mapping[str, int] = {
    "validation_error": 400,
    "malformed_request": 400,
    "file_unreadable": 400,
    "auth_required": 401,
    "invalid_token": 401,
    "webhook_refused": 401,
    "permission_denied": 403,
    "transfers_disabled": 403,
    "not_found": 404,
    "resource_not_found": 404,
    "unknown_provider": 404,
    "method_not_allowed": 405,
    "not_acceptable": 406,
    "account_required": 409,
    "confirmation_expired": 409,
    "daily_limit_exceeded": 409,
    "duplicate_resource": 409,
    "idempotency_in_progress": 409,
    "invalid_transition": 409,
    "paused": 409,
    "quota_exhausted": 409,
    "reauthentication_required": 409,
    "run_in_progress": 409,
    "several_accounts": 409,
    "too_early": 409,
    "file_too_large": 413,
    "payload_too_large": 413,
    "unsupported_file_format": 415,
    "unsupported_media_type": 415,
    "idempotency_key_reused": 422,
    "unprocessable_entity": 422,
    "rate_limited": 429,
    "server_error": 500,
    "external_server_error": 502,
    "provider_invalid_response": 502,
    "token_exchange_error": 502,
    "api_connection_error": 503,
    "provider_not_configured": 503,
    "retry": 503,
    "upstream_auth_failed": 503,
    "upstream_rate_limited": 503,
    "upstream_timeout": 504,
}
"""Every code that this version answers, and its status; `token_exchange_error` is 400 when the caller is wrong."""

TITLES: Mapping[int, str] = {
    400: "Bad request",
    401: "Authentication required",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    409: "Conflict",
    413: "Too large",
    415: "Unsupported media type",
    422: "Unprocessable",
    429: "Too many requests",
    500: "Server error",
    502: "The provider answered badly",
    503: "Not available now",
    504: "The provider took too long",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """What is wrong with one field; `field` is dotted, empty for the whole."""

    field: str
    message: str
    code: str


class ApiError(Exception):
    """The base of what ends a request early; everything in it may be shown to the caller."""

    def __init__(
        self,
        error_code: str = "server_error",
        message: str = "Something went wrong on our side.",
        *,
        status_code: int | None = None,
        details: Iterable[Detail] = (),
        headers: Mapping[str, str] | None = None,
        retryable: bool = False,
        retry_after: int | None = None,
        extra: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.error_code = error_code
        self.status_code = status_code or CODES[error_code]
        self.message = message
        self.details = tuple(details)
        self.retryable = retryable
        self.retry_after = retry_after
        """Seconds until it makes sense to try again; None when nobody knows."""
        self.extra = dict(extra or {})
        """Further members of `error`, such as `candidates` or `upstream_code`."""
        self.headers = dict(headers or {})
        if retry_after is not None:
            self.headers["Retry-After"] = str(retry_after)

    def to_dict(self) -> dict[str, object]:
        """Return the `error` member of the body, without the id of the request."""
        body: dict[str, object] = {"code": self.error_code, "message": self.message, "retryable": self.retryable}
        if self.details:
            body["details"] = [
                {"field": detail.field, "message": detail.message, "code": detail.code} for detail in self.details
            ]
        if self.retry_after is not None:
            body["retry_after"] = self.retry_after
        return body | self.extra


class ResourceNotFound(ApiError):  # noqa: N818 - the name that clients of the error classes know
    """No such thing in this tenant; another tenant's thing answers exactly the same."""

    def __init__(self, what: str) -> None:
        super().__init__("resource_not_found", f"There is no such {what}.")


class Validation(ApiError):  # noqa: N818 - the name that clients of the error classes know
    """One or more fields are wrong, each by itself."""

    def __init__(self, details: Sequence[Detail]) -> None:
        super().__init__("validation_error", "Invalid input data", details=details)


def invalid(field: str, message: str, code: str = "format") -> Validation:
    """Return the error for one wrong field."""
    return Validation([Detail(field=field, message=message, code=code)])


_DETAIL_CODES: Mapping[str, str] = {
    "missing": "required",
    "extra_forbidden": "unknown",
    "literal_error": "enum",
    "enum": "enum",
    "string_too_long": "length",
    "string_too_short": "length",
    "too_long": "length",
    "too_short": "length",
    "greater_than": "range",
    "greater_than_equal": "range",
    "less_than": "range",
    "less_than_equal": "range",
}


def to_details(errors: Iterable[ErrorDetails], *, skip: int = 0) -> list[Detail]:
    """Return the details for a validation library's errors; `skip` leaves out leading parts of the location."""
    details: list[Detail] = []
    for error in errors:
        kind = error["type"]
        code = _DETAIL_CODES.get(kind) or ("type" if kind.endswith("_type") else "format")
        details.append(
            Detail(
                field=".".join(str(part) for part in error["loc"][skip:]),
                message=error["msg"].removeprefix("Value error, "),
                code=code,
            )
        )
    return details


def from_validation(error: ValidationError) -> Validation:
    """Return the error for a body that does not fit its model."""
    return Validation(to_details(error.errors(include_url=False, include_context=False, include_input=False)))


def from_failure(
    failure: ServiceFailure, *, caller: Principal | None, now: datetime, completing: bool = False
) -> ApiError:
    """Return what a caller is told of a use case that did not end well.

    Args:
        failure: the use case's answer.
        caller: an administrator is told which settings are missing, others are not; None for nobody that we know.
        now: turns an instant to try again into seconds.
        completing: True where the caller sent a code or token of the provider's, which may be what is wrong.
    """
    match failure:
        case NotFound(what="provider", hint=hint):
            return ApiError("unknown_provider", f"There is no such provider. {hint or ''}".strip())
        case NotFound(what=what):
            return ResourceNotFound(what)
        case Invalid(field=field, message=message, code=code, senseless=senseless):
            known = code if code in {"required", "type", "format", "range", "length", "enum", "unknown"} else "state"
            detail = Detail(field=field, message=message, code=known)
            if senseless:
                return ApiError("unprocessable_entity", "The request makes no sense as a whole.", details=[detail])
            return Validation([detail])
        case Conflict(code=code, message=message, retry_after_s=wait, candidates=candidates):
            extra = {"candidates": [dict(each) for each in candidates]} if code == "account_required" else {}
            known = code if code in CODES else "invalid_transition"
            return ApiError(known, message, retryable=wait is not None, retry_after=wait, extra=extra)
        case FileRefused(code=code, message=message, line=line):
            return ApiError(code, message, extra={} if line is None else {"line": line})
        case ProviderFailed():
            return _from_provider(failure, caller=caller, now=now, completing=completing)
        case LeaseLost(message=message):
            return ApiError("run_in_progress", message, retryable=True)


def _from_provider(failure: ProviderFailed, *, caller: Principal | None, now: datetime, completing: bool) -> ApiError:
    code, status = _provider_code(failure, completing=completing)
    message = failure.message
    if failure.action == "configure" and (caller is None or caller.role is not UserRole.ADMIN):
        message = "This provider is not set up here; the operator has to act."
    wait = None
    if failure.next_attempt_at is not None:
        wait = max(1, int((failure.next_attempt_at - now).total_seconds()))
    elif (status or CODES[code]) == 503:
        wait = 60
    extra: dict[str, object] = {"provider": failure.provider, "action": failure.action, "reason": failure.code}
    if failure.upstream_code is not None:
        extra["upstream_code"] = failure.upstream_code
    if failure.upstream_request_id is not None:
        extra["upstream_request_id"] = failure.upstream_request_id
    return ApiError(code, message, status_code=status, retryable=failure.retryable, retry_after=wait, extra=extra)


def _provider_code(failure: ProviderFailed, *, completing: bool) -> tuple[str, int | None]:
    match failure.action:
        case "reauthenticate" | "widen_consent":
            return ("token_exchange_error", 400) if completing else ("reauthentication_required", None)
        case "configure":
            return (
                "provider_not_configured" if failure.code == "provider_not_configured" else "upstream_auth_failed"
            ), None
        case "change_request":
            return ("token_exchange_error", 400) if completing else ("validation_error", None)
        case "wait":
            if "rate_limit" in failure.code:
                return "upstream_rate_limited", None
            return ("upstream_timeout" if "timeout" in failure.code else "api_connection_error"), None
        case _:
            if failure.code == "unexpected_payload":
                return "provider_invalid_response", None
            return "external_server_error", None
