"""Which of the platform's errors is an error of Plaid's?"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from bursar.ports import errors as ports
from bursar.providers.plaid.sdk import errors as sdk

SLUG = "plaid"

# Plaid's rate limits are per minute; after a first link, the bank is usually read within half a minute.
RATE_LIMIT_WAIT = timedelta(seconds=60)
NOT_READY_WAIT = timedelta(seconds=30)

Make = Callable[[sdk.PlaidError, timedelta | None], ports.ProviderError]


def _authentication(code: str, message: str, *, withdrawn: bool) -> Make:
    def make(error: sdk.PlaidError, wait: timedelta | None) -> ports.ProviderError:
        revoked = withdrawn or error.error_code_reason == "OAUTH_USER_REVOKED"
        return ports.ProviderAuthenticationError(
            message,
            code=code,
            is_token_expired=error.error_code_reason == "OAUTH_CONSENT_EXPIRED",
            needs_user=True,
            consent_withdrawn=revoked,
            provider=SLUG,
            upstream_code=error.code,
            upstream_request_id=error.request_id,
        )

    return make


def _other(
    class_: type[ports.ProviderError], message: str, code: str | None = None, default_wait: timedelta | None = None
) -> Make:
    def make(error: sdk.PlaidError, wait: timedelta | None) -> ports.ProviderError:
        return class_(
            message,
            code=code,
            provider=SLUG,
            retry_after=wait or default_wait,
            upstream_code=error.code,
            upstream_request_id=error.request_id,
        )

    return make


def _not_configured(error: sdk.PlaidError, wait: timedelta | None) -> ports.ProviderError:
    return ports.ProviderNotConfiguredError(
        "Plaid refuses this deployment's client id and secret for this environment.",
        missing_settings=("plaid_client_id", "plaid_secret"),
        provider=SLUG,
        upstream_code=error.code,
        upstream_request_id=error.request_id,
    )


def _invalid_request(error: sdk.PlaidError, wait: timedelta | None) -> ports.ProviderError:
    return ports.ProviderValidationError(
        "Plaid does not accept this request.",
        provider=SLUG,
        upstream_code=error.code,
        upstream_request_id=error.request_id,
    )


# The nearest class of an error's family decides, so a code that Plaid adds later falls into its group.
FAILURES: Mapping[type[sdk.PlaidError], Make] = {
    sdk.PlaidLoginRequiredError: _authentication(
        "login_required", "The bank asks you to sign in again.", withdrawn=False
    ),
    sdk.PlaidItemGoneError: _authentication(
        "connection_removed", "The connection was removed at Plaid. Connect the bank again.", withdrawn=True
    ),
    sdk.PlaidInvalidAccessTokenError: _authentication(
        "access_revoked", "Plaid no longer accepts this connection. Connect the bank again.", withdrawn=True
    ),
    sdk.PlaidConsentRevokedError: _authentication(
        "consent_revoked", "The permission to read this bank was withdrawn.", withdrawn=True
    ),
    sdk.PlaidLinkExpiredError: _authentication(
        "link_expired", "The sign-in took too long or was already used. Start it again.", withdrawn=False
    ),
    sdk.PlaidConsentError: _other(
        ports.ProviderAuthorizationError, "The permission given to Plaid does not cover this data."
    ),
    sdk.PlaidItemUnsupportedError: _other(
        ports.ProviderUnsupportedError, "Plaid cannot read this kind of login.", "login_unsupported"
    ),
    sdk.PlaidNoAccountsError: _other(
        ports.ProviderUnsupportedError, "The connection has no account of this kind.", "no_accounts"
    ),
    sdk.PlaidProductUnavailableError: _other(
        ports.ProviderUnsupportedError, "This data is not available for the connection.", "product_unavailable"
    ),
    sdk.PlaidProductNotReadyError: _other(
        ports.ProviderUnavailableError,
        "Plaid is still reading the bank for the first time.",
        "not_ready",
        NOT_READY_WAIT,
    ),
    sdk.PlaidItemError: _other(ports.ProviderInvalidResponseError, "Plaid reports a problem that we do not know."),
    sdk.PlaidConfigurationError: _not_configured,
    sdk.PlaidAccountNotFoundError: _other(ports.ProviderNotFoundError, "Plaid does not know this account."),
    sdk.PlaidRequestError: _invalid_request,
    sdk.PlaidSandboxError: _invalid_request,
    sdk.PlaidInstitutionDownError: _other(
        ports.ProviderUnavailableError, "The bank does not answer at the moment.", "institution_down"
    ),
    sdk.PlaidInstitutionUnsupportedError: _other(
        ports.ProviderUnsupportedError, "Plaid does not read this bank any more.", "institution_unsupported"
    ),
    sdk.PlaidSyncMutationError: _other(
        ports.ProviderUnavailableError,
        "The bank's data kept changing while it was read.",
        "data_changing",
        RATE_LIMIT_WAIT,
    ),
    sdk.PlaidRateLimitError: _other(
        ports.ProviderRateLimitError, "Plaid asks us to wait.", default_wait=RATE_LIMIT_WAIT
    ),
    sdk.PlaidServerError: _other(ports.ProviderUnavailableError, "Plaid is not available at the moment."),
    sdk.PlaidConnectionError: _other(ports.ProviderUnavailableError, "Plaid could not be reached."),
    sdk.PlaidResponseError: _other(
        ports.ProviderInvalidResponseError, "Plaid answered in a form that we do not understand."
    ),
    sdk.PlaidError: _other(ports.ProviderInvalidResponseError, "Plaid answered in a form that we do not understand."),
}


def to_provider_error(error: sdk.PlaidError, now: datetime) -> ports.ProviderError:
    """The platform's error for one of the SDK's; its text is ours and safe to show."""
    wait = None if error.retry_at is None else max(timedelta(0), error.retry_at - now)
    for class_ in type(error).__mro__:
        make = FAILURES.get(class_)
        if make is not None:
            return make(error, wait)
    raise AssertionError("PlaidError is in the table")  # pragma: no cover
