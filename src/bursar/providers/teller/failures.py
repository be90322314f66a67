"""Which of the platform's errors is an error of Teller's?"""

from collections.abc import Mapping
from datetime import timedelta

from bursar.domain.time import Clock
from bursar.ports import errors as ports
from bursar.ports.error_table import ErrorTable, Make, Upstream, authentication, failure, not_configured
from bursar.providers.teller.sdk import errors as sdk

SLUG = "teller"

# Limits exist, and neither their numbers nor their windows are published.
RATE_LIMIT_WAIT = timedelta(minutes=1)

_PAIR = ("teller_certificate_path", "teller_private_key_path")

_SIGN_IN_AGAIN = "The bank wants you to sign in again."
_REASONS: Mapping[str, tuple[str, str]] = {
    "account_locked": ("account_locked", "The bank has locked the login. Unlock it there, then sign in again."),
    "credentials_invalid": ("credentials_rejected", "The bank no longer accepts the login. Sign in again."),
    "user_action.captcha_required": ("user_action_needed", "The bank wants proof of a person. Sign in again."),
    "user_action.contact_information_required": (
        "user_action_needed",
        "The bank wants your contact details confirmed. Do that on its site, then sign in again.",
    ),
    "user_action.insufficient_permissions": (
        "user_action_needed",
        "The login may not see what is to be read. Sign in again and allow it.",
    ),
    "user_action.mfa_required": ("mfa_required", "The bank asks for a second factor. Sign in again."),
    "user_action.web_login_required": (
        "user_action_needed",
        "The bank wants you to sign in on its own site first; then sign in here again.",
    ),
}
"""What follows `enrollment.disconnected.` -> our code and words; the shorter beginnings of a longer one count, too."""


def _disconnected(error: sdk.TellerError, slug: str, upstream: Upstream) -> ports.ProviderError:
    code, message = "login_required", _SIGN_IN_AGAIN
    reason = error.reason or ""
    for known, words in _REASONS.items():
        if reason == known or reason.startswith(f"{known}."):
            code, message = words
    return authentication(message, code=code)(error, slug, upstream)


def _certificate(error: sdk.TellerError, slug: str, upstream: Upstream) -> ports.ProviderError:
    return not_configured(
        "Teller and this deployment do not accept each other's TLS certificates. Check the client certificate.", *_PAIR
    )(error, slug, upstream)


def _configuration(error: sdk.TellerError, slug: str, upstream: Upstream) -> ports.ProviderError:
    # The text of this one is the SDK's own fixed wording: a setting, why, and what to do.
    settings = error.settings if isinstance(error, sdk.TellerConfigurationError) else ()
    return not_configured(error.message, *(name.lower() for name in settings))(error, slug, upstream)


_NOT_UNDERSTOOD = failure(ports.ProviderInvalidResponseError, "Teller answered in a form that we do not understand.")

_ENTRIES: Mapping[type[sdk.TellerError], Make[sdk.TellerError]] = {
    sdk.TellerDisconnectedError: _disconnected,
    sdk.TellerAccessError: authentication(
        "Teller no longer accepts this connection. Connect the bank again.",
        code="access_revoked",
        consent_withdrawn=True,
    ),
    sdk.TellerCertificateError: _certificate,
    sdk.TellerBadRequestError: not_configured(
        "Teller refuses the request: it came without the client certificate that real data need.", *_PAIR
    ),
    sdk.TellerConfigurationError: _configuration,
    sdk.TellerArgumentError: failure(ports.ProviderValidationError, "Teller does not accept this request."),
    sdk.TellerInvalidRequestError: failure(ports.ProviderValidationError, "Teller does not accept this request."),
    sdk.TellerNotFoundError: failure(ports.ProviderNotFoundError, "Teller does not know this account."),
    sdk.TellerVerificationError: failure(
        ports.ProviderUnavailableError, "The account's number is still being verified.", code="not_ready"
    ),
    sdk.TellerAccountClosedError: failure(
        ports.ProviderNotFoundError, "The account was closed at the bank.", code="account_closed"
    ),
    sdk.TellerRateLimitError: failure(ports.ProviderRateLimitError, "Teller asks us to wait.", wait=RATE_LIMIT_WAIT),
    sdk.TellerInstitutionError: failure(
        ports.ProviderUnavailableError, "The bank does not answer at the moment.", code="institution_down"
    ),
    sdk.TellerServerError: failure(ports.ProviderUnavailableError, "Teller is not available at the moment."),
    sdk.TellerConnectionError: failure(ports.ProviderUnavailableError, "Teller could not be reached."),
    sdk.TellerResponseError: _NOT_UNDERSTOOD,
    sdk.TellerError: _NOT_UNDERSTOOD,
}


def failures(clock: Clock) -> ErrorTable[sdk.TellerError]:
    """Return the table; the instant of the next try becomes a wait by the clock."""

    def upstream(error: sdk.TellerError) -> Upstream:
        wait = None if error.retry_at is None else max(timedelta(0), error.retry_at - clock.now())
        return Upstream(code=error.code, request_id=error.request_id, retry_after=wait)

    return ErrorTable(SLUG, sdk.TellerError, upstream, _ENTRIES)


def data_changing() -> ports.ProviderUnavailableError:
    """Return the error for answers that contradict each other: one of them was old, or things moved meanwhile."""
    return ports.ProviderUnavailableError(
        "The bank's data kept changing while it was read.",
        code="data_changing",
        provider=SLUG,
        retry_after=RATE_LIMIT_WAIT,
    )
