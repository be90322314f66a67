"""Which of the platform's errors is an error of Finicity's?"""

from collections.abc import Mapping
from datetime import timedelta

from bursar.domain.time import Clock
from bursar.ports import errors as ports
from bursar.ports.error_table import ErrorTable, Make, Upstream, authentication, failure, not_configured
from bursar.providers.finicity.sdk import errors as sdk

SLUG = "finicity"

RATE_LIMIT_WAIT = timedelta(minutes=1)
NOT_READY_WAIT = timedelta(minutes=5)

_ENTRIES: Mapping[type[sdk.FinicityError], Make[sdk.FinicityError]] = {
    sdk.FinicityArgumentError: failure(ports.ProviderValidationError, "Finicity does not accept this request."),
    sdk.FinicityConfigError: failure(ports.ProviderNotConfiguredError, "The connection to Finicity is not usable."),
    sdk.FinicityConnectionError: failure(ports.ProviderUnavailableError, "Finicity could not be reached."),
    sdk.FinicityServerError: failure(ports.ProviderUnavailableError, "Finicity is not available at the moment."),
    sdk.FinicityRateLimitError: failure(
        ports.ProviderRateLimitError, "Finicity asks us to wait.", wait=RATE_LIMIT_WAIT
    ),
    sdk.FinicityUnsupportedError: failure(
        ports.ProviderUnsupportedError, "Finicity does not have this data for this type of account."
    ),
    sdk.FinicityRequestError: failure(ports.ProviderValidationError, "Finicity does not accept this request."),
    sdk.FinicityAccessError: failure(
        ports.ProviderAuthorizationError, "The plan at Finicity, or the consent, does not cover this data."
    ),
    sdk.FinicityNotFoundError: failure(ports.ProviderNotFoundError, "Finicity does not know this object."),
    sdk.FinicityAuthError: not_configured(
        "Finicity refuses this deployment's partner id, partner secret or app key.",
        "finicity_partner_id",
        "finicity_partner_secret",
        "finicity_app_key",
    ),
    sdk.FinicityLoginError: authentication(
        "The institution asks you to sign in again.", code="login_required", needs_user=True
    ),
    sdk.FinicityAggregationError: failure(
        ports.ProviderUnavailableError, "The institution does not answer at the moment.", code="institution_down"
    ),
    sdk.FinicityError: failure(
        ports.ProviderInvalidResponseError, "Finicity answered in a form that we do not understand."
    ),
}


def failures(clock: Clock) -> ErrorTable[sdk.FinicityError]:
    """Return the table; Finicity names the instant of the next try, which the clock turns into a wait."""

    def upstream(error: sdk.FinicityError) -> Upstream:
        wait = None if error.retry_at is None else max(timedelta(0), error.retry_at - clock.now())
        return Upstream(code=error.code, request_id=error.request_id, retry_after=wait)

    return ErrorTable(SLUG, sdk.FinicityError, upstream, _ENTRIES)


def connection_removed(error: sdk.FinicityError) -> ports.ProviderAuthenticationError:
    """Return the error for a customer or a login that Finicity does not know (any more)."""
    return ports.ProviderAuthenticationError(
        "Finicity no longer knows this connection. Connect the institution again.",
        code="connection_removed",
        needs_user=True,
        consent_withdrawn=True,
        provider=SLUG,
        upstream_code=error.code,
        upstream_request_id=error.request_id,
    )


def login_required(code: int) -> ports.ProviderAuthenticationError:
    """Return the error for a login that no longer works."""
    return ports.ProviderAuthenticationError(
        "The institution asks you to sign in again.",
        code="login_required",
        needs_user=True,
        provider=SLUG,
        upstream_code=str(code),
    )


def invalid_answer() -> ports.ProviderInvalidResponseError:
    """Return the error for answers that contradict each other."""
    return ports.ProviderInvalidResponseError("Finicity's answers do not fit together.", provider=SLUG)
