"""Which of the platform's errors is an error of Flanks'?"""

from collections.abc import Mapping
from datetime import timedelta

from bursar.ports import errors as ports
from bursar.ports.error_table import ErrorTable, Make, Upstream, failure, not_configured
from bursar.providers.flanks.sdk import exceptions as sdk

SLUG = "flanks"

NOT_READY_WAIT = timedelta(minutes=5)
RATE_LIMIT_WAIT = timedelta(minutes=1)

# Of the v0 API, for data that the first extraction has not reached.
_PENDING = "DATA_PENDING"


def _validation(error: sdk.FlanksError, slug: str, upstream: Upstream) -> ports.ProviderError:
    if error.code == _PENDING:
        return _NOT_READ_YET(error, slug, upstream)
    return _NOT_ACCEPTED(error, slug, upstream)


_NOT_READ_YET = failure(
    ports.ProviderUnavailableError,
    "Flanks is still reading the institution for the first time.",
    code="not_ready",
    wait=NOT_READY_WAIT,
)
_NOT_ACCEPTED = failure(ports.ProviderValidationError, "Flanks does not accept this request.")

_ENTRIES: Mapping[type[sdk.FlanksError], Make[sdk.FlanksError]] = {
    sdk.FlanksPermissionError: failure(
        ports.ProviderAuthorizationError, "The access that Flanks has granted does not cover this data."
    ),
    sdk.FlanksAuthError: not_configured(
        "Flanks refuses this deployment's client id and secret.", "flanks_client_id", "flanks_client_secret"
    ),
    sdk.FlanksConfigError: failure(ports.ProviderNotConfiguredError, "The connection to Flanks is not usable."),
    sdk.FlanksArgumentError: _NOT_ACCEPTED,
    sdk.FlanksValidationError: _validation,
    sdk.FlanksNotFoundError: failure(ports.ProviderNotFoundError, "Flanks does not know this object."),
    sdk.FlanksRateLimitError: failure(ports.ProviderRateLimitError, "Flanks asks us to wait.", wait=RATE_LIMIT_WAIT),
    sdk.FlanksServerError: failure(ports.ProviderUnavailableError, "Flanks is not available at the moment."),
    sdk.FlanksNetworkError: failure(ports.ProviderUnavailableError, "Flanks could not be reached."),
    sdk.FlanksWaitTimeoutError: failure(
        ports.ProviderUnavailableError, "The sign-in at Flanks is not finished.", code="not_ready"
    ),
    sdk.FlanksError: failure(
        ports.ProviderInvalidResponseError, "Flanks answered in a form that we do not understand."
    ),
}


def _upstream(error: sdk.FlanksError) -> Upstream:
    wait_s = error.retry_after if isinstance(error, sdk.FlanksRateLimitError) else None
    wait = None if wait_s is None else timedelta(seconds=wait_s)
    return Upstream(code=error.code, request_id=error.request_id, retry_after=wait)


FAILURES = ErrorTable(SLUG, sdk.FlanksError, _upstream, _ENTRIES)


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
