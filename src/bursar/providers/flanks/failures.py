"""Which of the platform's errors is an error of Flanks'?"""

from collections.abc import Callable, Mapping
from datetime import timedelta

from bursar.ports import errors as ports
from bursar.providers.flanks.sdk import exceptions as sdk

SLUG = "flanks"

NOT_READY_WAIT = timedelta(minutes=5)
RATE_LIMIT_WAIT = timedelta(minutes=1)

Make = Callable[[sdk.FlanksError], ports.ProviderError]

# Of the v0 API, for data that the first extraction has not reached.
_PENDING = "DATA_PENDING"


def _other(class_: type[ports.ProviderError], message: str, code: str | None = None) -> Make:
    def make(error: sdk.FlanksError) -> ports.ProviderError:
        return class_(message, code=code, provider=SLUG, upstream_code=error.code, upstream_request_id=error.request_id)

    return make


def _rate_limit(error: sdk.FlanksError) -> ports.ProviderError:
    wait_s = error.retry_after if isinstance(error, sdk.FlanksRateLimitError) else None
    return ports.ProviderRateLimitError(
        "Flanks asks us to wait.",
        provider=SLUG,
        retry_after=RATE_LIMIT_WAIT if wait_s is None else timedelta(seconds=wait_s),
        upstream_code=error.code,
        upstream_request_id=error.request_id,
    )


def _application_refused(error: sdk.FlanksError) -> ports.ProviderError:
    return ports.ProviderNotConfiguredError(
        "Flanks refuses this deployment's client id and secret.",
        missing_settings=("flanks_client_id", "flanks_client_secret"),
        provider=SLUG,
        upstream_code=error.code,
        upstream_request_id=error.request_id,
    )


def _validation(error: sdk.FlanksError) -> ports.ProviderError:
    if error.code == _PENDING:
        return ports.ProviderUnavailableError(
            "Flanks is still reading the institution for the first time.",
            code="not_ready",
            provider=SLUG,
            retry_after=NOT_READY_WAIT,
            upstream_code=error.code,
        )
    return ports.ProviderValidationError(
        "Flanks does not accept this request.",
        provider=SLUG,
        upstream_code=error.code,
        upstream_request_id=error.request_id,
    )


# The nearest class of an error's family decides.
FAILURES: Mapping[type[sdk.FlanksError], Make] = {
    sdk.FlanksPermissionError: _other(
        ports.ProviderAuthorizationError, "The access that Flanks has granted does not cover this data."
    ),
    sdk.FlanksAuthError: _application_refused,
    sdk.FlanksConfigError: _other(ports.ProviderNotConfiguredError, "The connection to Flanks is not usable."),
    sdk.FlanksArgumentError: _other(ports.ProviderValidationError, "Flanks does not accept this request."),
    sdk.FlanksValidationError: _validation,
    sdk.FlanksNotFoundError: _other(ports.ProviderNotFoundError, "Flanks does not know this object."),
    sdk.FlanksRateLimitError: _rate_limit,
    sdk.FlanksServerError: _other(ports.ProviderUnavailableError, "Flanks is not available at the moment."),
    sdk.FlanksNetworkError: _other(ports.ProviderUnavailableError, "Flanks could not be reached."),
    sdk.FlanksWaitTimeoutError: _other(
        ports.ProviderUnavailableError, "The sign-in at Flanks is not finished.", "not_ready"
    ),
    sdk.FlanksError: _other(ports.ProviderInvalidResponseError, "Flanks answered in a form that we do not understand."),
}


def to_provider_error(error: sdk.FlanksError) -> ports.ProviderError:
    """Return the platform's error for one of the SDK's; its text is ours and safe to show."""
    for class_ in type(error).__mro__:
        make = FAILURES.get(class_)
        if make is not None:
            return make(error)
    raise AssertionError("FlanksError is in the table")  # pragma: no cover


def credential_refused(error: sdk.FlanksError) -> ports.ProviderAuthenticationError:
    """Return the error for a credential that Flanks does not know (any more)."""
    return ports.ProviderAuthenticationError(
        "Flanks no longer knows this connection. Connect the institution again.",
        code="connection_removed",
        needs_user=True,
        consent_withdrawn=True,
        provider=SLUG,
        upstream_code=error.code,
        upstream_request_id=error.request_id,
    )


def login_blocked() -> ports.ProviderAuthenticationError:
    """Return the error for a stored login that no longer works."""
    return ports.ProviderAuthenticationError(
        "The institution asks you to sign in again.", code="login_required", needs_user=True, provider=SLUG
    )


def invalid_answer() -> ports.ProviderInvalidResponseError:
    """Return the error for answers that contradict each other."""
    return ports.ProviderInvalidResponseError("Flanks' answers do not fit together.", provider=SLUG)
