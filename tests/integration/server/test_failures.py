"""Which answer a use case's failure becomes."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from bursar.domain.failures import Conflict, FileRefused, Invalid, LeaseLost, NotFound, ProviderFailed
from bursar.domain.tenants import Principal, UserRole
from bursar.server.errors import CODES, from_failure

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ADMIN = Principal(tenant_id=UUID(int=1), user_id=UUID(int=2), role=UserRole.ADMIN, token_id=UUID(int=3))


def failed(code: str, action: str, *, retryable: bool = False, wait: timedelta | None = None) -> ProviderFailed:
    return ProviderFailed(
        code=code,
        message="Words of ours.",
        provider="northbank",
        action=action,
        retryable=retryable,
        next_attempt_at=NOW + wait if wait is not None else None,
        upstream_code="UPSTREAM",
    )


@pytest.mark.parametrize(
    ("failure", "status", "code", "retry_after"),
    [
        (failed("login_required", "reauthenticate"), 409, "reauthentication_required", None),
        (failed("consent_insufficient", "widen_consent"), 409, "reauthentication_required", None),
        (failed("rate_limited", "wait", retryable=True, wait=timedelta(seconds=90)), 503, "upstream_rate_limited", 90),
        (failed("provider_unavailable", "wait", retryable=True), 503, "api_connection_error", 60),
        (failed("timeout", "wait", retryable=True), 504, "upstream_timeout", None),
        (failed("unexpected_payload", "report"), 502, "provider_invalid_response", None),
        (failed("new_trouble", "report"), 502, "external_server_error", None),
        (failed("provider_not_configured", "configure"), 503, "provider_not_configured", 60),
        (failed("keys_refused", "configure"), 503, "upstream_auth_failed", 60),
        (failed("invalid_input", "change_request"), 400, "validation_error", None),
        (NotFound(what="account"), 404, "resource_not_found", None),
        (NotFound(what="provider"), 404, "unknown_provider", None),
        (Invalid(field="alias", message="Too long.", code="length"), 400, "validation_error", None),
        (Invalid(field="start", message="After the end.", senseless=True), 422, "unprocessable_entity", None),
        (Conflict(code="run_in_progress", message="Wait.", retry_after_s=9), 409, "run_in_progress", 9),
        (Conflict(code="never_heard_of", message="No."), 409, "invalid_transition", None),
        (FileRefused(code="file_too_large", message="Too large."), 413, "file_too_large", None),
        (LeaseLost(), 409, "run_in_progress", None),
    ],
    ids=lambda value: getattr(value, "code", None) or type(value).__name__,
)
def test_failure_has_one_status_and_code(failure, status, code, retry_after) -> None:
    error = from_failure(failure, caller=ADMIN, now=NOW)
    assert (error.status_code, error.error_code, error.retry_after) == (status, code, retry_after)
    assert error.error_code in CODES
    if isinstance(failure, ProviderFailed):
        # What the provider answered is never passed on as if it were ours.
        assert error.to_dict()["upstream_code"] == "UPSTREAM"
        assert error.to_dict()["retryable"] is failure.retryable


def test_value_that_the_caller_brought_is_blamed_on_the_caller() -> None:
    for action in ("change_request", "reauthenticate"):
        error = from_failure(failed("link_expired", action), caller=ADMIN, now=NOW, completing=True)
        assert (error.status_code, error.error_code) == (400, "token_exchange_error")
