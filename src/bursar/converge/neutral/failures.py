"""Which of the platform's errors is an error of the neutral provider's?"""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, cast

from bursar.domain.time import Clock
from bursar.ports import errors as ports
from bursar.transport import errors as transport
from bursar.transport.json import JsonError, decode_object
from bursar.transport.redaction import redact_text

_DEFAULT_WAIT = timedelta(seconds=60)

CURSOR_UNKNOWN = "cursor_unknown"
DATA_CHANGED = "data_changed"
PAGE_UNKNOWN = "page_unknown"
SPENT = "quota_spent"
ACCOUNT_UNKNOWN = "account_unknown"

# The codes that say more than their status; an answer of 200 with an error inside is told by its code as well.
_CLASSES: Mapping[str, type[transport.TransportError]] = {
    "too_many_requests": transport.RateLimitedError,
    SPENT: transport.RateLimitedError,
    "maintenance": transport.UnavailableError,
    "internal": transport.UnavailableError,
    "bank_unavailable": transport.UnavailableError,
    "not_ready": transport.UnavailableError,
}


def classify(problem: transport.Problem) -> transport.TransportError:
    """The error of a failed exchange, with the provider's own code."""
    code = _code(problem)
    message = transport.describe(problem)
    class_ = transport.error_class(problem)
    if code is not None:
        message = f"{message} ({code})"
        # A refused token never turns into a wait, whatever the body says.
        if problem.status not in (401, 403):
            class_ = _CLASSES.get(code, class_)
    return class_(
        message,
        status=problem.status,
        code=code,
        body_excerpt=problem.body_excerpt(),
        retry_at=problem.retry_at,
        attempts=problem.attempts,
    )


def _code(problem: transport.Problem) -> str | None:
    if problem.kind not in ("status", "payload"):
        return None
    try:
        error: Any = decode_object(problem.body).get("error")
    except JsonError:
        return None
    code: Any = cast("dict[str, Any]", error).get("code") if isinstance(error, dict) else None
    return redact_text(code[:100], problem.secrets) if isinstance(code, str) else None


Make = Callable[[transport.TransportError, str, timedelta | None], ports.ProviderError]


def _authentication(code: str, message: str, *, expired: bool = False, withdrawn: bool = False) -> Make:
    def make(error: transport.TransportError, slug: str, _wait: timedelta | None) -> ports.ProviderError:
        return ports.ProviderAuthenticationError(
            message,
            code=code,
            is_token_expired=expired,
            needs_user=True,
            consent_withdrawn=withdrawn,
            provider=slug,
            upstream_code=error.code,
        )

    return make


def _plain(
    class_: type[ports.ProviderError], message: str, code: str | None = None, default_wait: timedelta | None = None
) -> Make:
    def make(error: transport.TransportError, slug: str, wait: timedelta | None) -> ports.ProviderError:
        waits = class_.retryable
        return class_(
            message,
            code=code,
            provider=slug,
            retry_after=(wait if wait is not None else default_wait) if waits else None,
            upstream_code=error.code,
        )

    return make


def _configuration(error: transport.TransportError, slug: str, _wait: timedelta | None) -> ports.ProviderError:
    return ports.ProviderNotConfiguredError(
        "The provider refuses this deployment's secret.",
        missing_settings=(f"{slug}_secret",),
        provider=slug,
        upstream_code=error.code,
    )


def _validation(error: transport.TransportError, slug: str, _wait: timedelta | None) -> ports.ProviderError:
    return ports.ProviderValidationError(
        "The provider does not accept this request.", provider=slug, upstream_code=error.code
    )


BY_CODE: Mapping[str, Make] = {
    "secret_unknown": _configuration,
    "token_unknown": _authentication("access_revoked", "The provider no longer knows this connection.", withdrawn=True),
    "consent_expired": _authentication("consent_expired", "The consent has run out. Give it again.", expired=True),
    "consent_withdrawn": _authentication(
        "consent_revoked", "The permission to read this bank was withdrawn.", withdrawn=True
    ),
    "code_unusable": _authentication(
        "link_expired", "The sign-in took too long or was already used. Start it again.", expired=True
    ),
    ACCOUNT_UNKNOWN: _plain(ports.ProviderNotFoundError, "The provider does not know this account."),
    "bank_unavailable": _plain(
        ports.ProviderUnavailableError, "The bank does not answer at the moment.", "institution_down"
    ),
    "not_ready": _plain(
        ports.ProviderUnavailableError, "The provider is still reading the bank.", "not_ready", timedelta(seconds=30)
    ),
    SPENT: _plain(
        ports.ProviderRateLimitError,
        "The account may not be read again before some time has passed.",
        default_wait=timedelta(hours=24),
    ),
    DATA_CHANGED: _plain(
        ports.ProviderUnavailableError, "The data kept changing while it was read.", "data_changing", _DEFAULT_WAIT
    ),
    PAGE_UNKNOWN: _plain(
        ports.ProviderUnavailableError, "The data kept changing while it was read.", "data_changing", _DEFAULT_WAIT
    ),
}
"""The provider's code -> what it means; a code that is not here counts by the kind of its error."""

_NO_ANSWER = _plain(ports.ProviderUnavailableError, "The provider could not be reached.")
_NOT_UNDERSTOOD = _plain(
    ports.ProviderInvalidResponseError, "The provider answered in a form that we do not understand."
)

BY_KIND: Mapping[type[transport.TransportError], Make] = {
    transport.ConnectionFailedError: _NO_ANSWER,
    transport.RateLimitedError: _plain(
        ports.ProviderRateLimitError, "The provider asks us to wait.", default_wait=_DEFAULT_WAIT
    ),
    transport.UnavailableError: _plain(ports.ProviderUnavailableError, "The provider is not available at the moment."),
    transport.CredentialsRejectedError: _authentication(
        "credentials_rejected", "The provider does not accept this connection. Connect the bank again."
    ),
    transport.AccessDeniedError: _plain(
        ports.ProviderAuthorizationError, "The permission given to the provider does not cover this data."
    ),
    transport.NotFoundError: _NOT_UNDERSTOOD,
    transport.RequestRejectedError: _validation,
    transport.UnexpectedPayloadError: _NOT_UNDERSTOOD,
    transport.TransportError: _NOT_UNDERSTOOD,
}
"""Kind of error -> what it means; the nearest class of an error's family decides."""


def to_provider_error(error: transport.TransportError, slug: str, clock: Clock) -> ports.ProviderError:
    """The platform's error for one of the wire; its text is ours and safe to show."""
    wait = None if error.retry_at is None else max(timedelta(0), error.retry_at - clock.now())
    known = BY_CODE.get(error.code or "")
    # A code must fit its error: the same word in a page that is no answer of the provider's means nothing.
    if known is not None and (error.status is not None):
        return known(error, slug, wait)
    for class_ in type(error).__mro__:
        make = BY_KIND.get(class_)
        if make is not None:
            return make(error, slug, wait)
    raise AssertionError("TransportError is in the table")  # pragma: no cover


@contextmanager
def translated(slug: str, clock: Clock) -> Generator[None]:
    """Raise the platform's error for every error of the wire."""
    try:
        yield
    except transport.TransportError as error:
        # The cause is redacted itself: it helps the operator and shows nothing to the user.
        raise to_provider_error(error, slug, clock) from error
