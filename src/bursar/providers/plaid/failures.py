"""Which of the platform's errors is an error of Plaid's?"""

from collections.abc import Mapping
from datetime import timedelta

from bursar.domain.time import Clock
from bursar.ports import errors as ports
from bursar.ports.error_table import ErrorTable, Make, Upstream, authentication, failure, not_configured
from bursar.providers.plaid.sdk import errors as sdk

SLUG = "plaid"

# Plaid's rate limits are per minute; after a first link, the bank is usually read within half a minute.
RATE_LIMIT_WAIT = timedelta(seconds=60)
NOT_READY_WAIT = timedelta(seconds=30)


def _authentication(code: str, message: str, *, withdrawn: bool) -> Make[sdk.PlaidError]:
    def make(error: sdk.PlaidError, slug: str, upstream: Upstream) -> ports.ProviderError:
        entry = authentication(
            message,
            code=code,
            is_token_expired=error.error_code_reason == "OAUTH_CONSENT_EXPIRED",
            consent_withdrawn=withdrawn or error.error_code_reason == "OAUTH_USER_REVOKED",
        )
        return entry(error, slug, upstream)

    return make


_INVALID_REQUEST = failure(ports.ProviderValidationError, "Plaid does not accept this request.")
_NOT_UNDERSTOOD = failure(ports.ProviderInvalidResponseError, "Plaid answered in a form that we do not understand.")

# The nearest class of an error's family decides, so a code that Plaid adds later falls into its group.
_ENTRIES: Mapping[type[sdk.PlaidError], Make[sdk.PlaidError]] = {
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
    sdk.PlaidConsentError: failure(
        ports.ProviderAuthorizationError, "The permission given to Plaid does not cover this data."
    ),
    sdk.PlaidItemUnsupportedError: failure(
        ports.ProviderUnsupportedError, "Plaid cannot read this kind of login.", code="login_unsupported"
    ),
    sdk.PlaidNoAccountsError: failure(
        ports.ProviderUnsupportedError, "The connection has no account of this kind.", code="no_accounts"
    ),
    sdk.PlaidProductUnavailableError: failure(
        ports.ProviderUnsupportedError, "This data is not available for the connection.", code="product_unavailable"
    ),
    sdk.PlaidProductNotReadyError: failure(
        ports.ProviderUnavailableError,
        "Plaid is still reading the bank for the first time.",
        code="not_ready",
        wait=NOT_READY_WAIT,
    ),
    sdk.PlaidItemError: failure(ports.ProviderInvalidResponseError, "Plaid reports a problem that we do not know."),
    sdk.PlaidConfigurationError: not_configured(
        "Plaid refuses this deployment's client id and secret for this environment.", "plaid_client_id", "plaid_secret"
    ),
    sdk.PlaidAccountNotFoundError: failure(ports.ProviderNotFoundError, "Plaid does not know this account."),
    sdk.PlaidRequestError: _INVALID_REQUEST,
    sdk.PlaidSandboxError: _INVALID_REQUEST,
    sdk.PlaidInstitutionDownError: failure(
        ports.ProviderUnavailableError, "The bank does not answer at the moment.", code="institution_down"
    ),
    sdk.PlaidInstitutionUnsupportedError: failure(
        ports.ProviderUnsupportedError, "Plaid does not read this bank any more.", code="institution_unsupported"
    ),
    sdk.PlaidSyncMutationError: failure(
        ports.ProviderUnavailableError,
        "The bank's data kept changing while it was read.",
        code="data_changing",
        wait=RATE_LIMIT_WAIT,
    ),
    sdk.PlaidRateLimitError: failure(ports.ProviderRateLimitError, "Plaid asks us to wait.", wait=RATE_LIMIT_WAIT),
    sdk.PlaidServerError: failure(ports.ProviderUnavailableError, "Plaid is not available at the moment."),
    sdk.PlaidConnectionError: failure(ports.ProviderUnavailableError, "Plaid could not be reached."),
    sdk.PlaidResponseError: _NOT_UNDERSTOOD,
    sdk.PlaidError: _NOT_UNDERSTOOD,
}


def failures(clock: Clock) -> ErrorTable[sdk.PlaidError]:
    """Return the table; Plaid names the instant of the next try, which the clock turns into a wait."""

    def upstream(error: sdk.PlaidError) -> Upstream:
        wait = None if error.retry_at is None else max(timedelta(0), error.retry_at - clock.now())
        return Upstream(code=error.code, request_id=error.request_id, retry_after=wait)

    return ErrorTable(SLUG, sdk.PlaidError, upstream, _ENTRIES)
