"""Which of the platform's errors is an error of Sequence's?"""

from collections.abc import Mapping
from datetime import timedelta

from bursar.ports import errors as ports
from bursar.providers.sequence.sdk import exceptions as sdk
from bursar.transport.impersonation import UnansweredError

SLUG = "sequence"
RATE_LIMIT_WAIT = timedelta(minutes=1)

_UNAVAILABLE = frozenset({408, 425, 500, 502, 503, 504})
_LONGEST_WAIT_S = 7 * 24 * 3600.0

_REFUSALS: Mapping[str, tuple[str, str]] = {
    "insufficient funds": ("insufficient_funds", "Sequence says that the source does not have the money."),
    "minimum transfer amount": ("amount_too_small", "Sequence moves no less than 1.00 USD."),
    "source account not found": ("source_not_found", "Sequence does not know the source."),
    "destination account not found": ("destination_not_found", "Sequence does not know the destination."),
    "must be different": ("same_account", "Source and destination are the same place at Sequence."),
    "cannot be used as a source": ("source_not_allowed", "Sequence takes no money from this account."),
}
"""What Sequence says, in part and in lower case -> our code and our words; its own text is not passed on."""


def is_unavailable(error: sdk.SequenceError) -> bool:
    """True when the same question may get an answer a moment later."""
    return error.status in _UNAVAILABLE or _was_unanswered(error)


def to_provider_error(error: sdk.SequenceError) -> ports.ProviderError:
    """Return the platform's error for one of the SDK's; its text is ours and safe to show.

    The status decides before the class: what stands in front of Sequence answers in words of its own.
    """
    if isinstance(error, sdk.TokenExpiredError):
        return token_refused()
    if isinstance(error, sdk.RateLimitedError):
        wait_s = error.retry_after
        is_usable = wait_s is not None and 0 <= wait_s < float("inf")
        return ports.ProviderRateLimitError(
            "Sequence asks us to wait.",
            provider=SLUG,
            retry_after=timedelta(seconds=min(wait_s, _LONGEST_WAIT_S)) if is_usable and wait_s else RATE_LIMIT_WAIT,
        )
    if isinstance(error, sdk.AuthenticationError):
        return ports.ProviderAuthenticationError(
            "The login at Sequence did not succeed. Connect the account again.", code="login_failed", provider=SLUG
        )
    if isinstance(error, sdk.ConfigurationError):
        return ports.ProviderNotConfiguredError(
            "This installation cannot reach Sequence: install bursar[sequence], and Chromium for logins.", provider=SLUG
        )
    if is_unavailable(error):
        return ports.ProviderUnavailableError(
            "Sequence could not be reached." if error.status is None else "Sequence is not available at the moment.",
            provider=SLUG,
        )
    if error.status == 403:
        if error.body_excerpt.lstrip().startswith("<"):
            return ports.ProviderUnavailableError(
                "Something in front of Sequence does not let us through at the moment.", code="blocked", provider=SLUG
            )
        return _not_covered(None)
    return _by_kind(error)


def to_refusal(error: sdk.TransferError) -> ports.TransferRefusedError:
    """Return the platform's error for a transfer that Sequence has refused."""
    said = error.message.lower()
    found = next((ours for words, ours in _REFUSALS.items() if words in said), None)
    code, message = found or ("transfer_refused", "Sequence has refused the transfer.")
    return ports.TransferRefusedError(message, code=code, provider=SLUG)


def outcome_unknown() -> ports.TransferOutcomeUnknownError:
    """Return the error for a transfer that went out and got no clear answer."""
    return ports.TransferOutcomeUnknownError(
        "Sequence gave no clear answer; whether money moved is being looked up.", provider=SLUG
    )


def token_refused() -> ports.ProviderAuthenticationError:
    """Return the error for an access token that is worth nothing (any more)."""
    return ports.ProviderAuthenticationError(
        "Sequence no longer accepts the access token. Connect the account again.",
        code="token_expired",
        is_token_expired=True,
        needs_user=True,
        provider=SLUG,
    )


def invalid_answer() -> ports.ProviderInvalidResponseError:
    """Return the error for an answer that is not what Sequence answers."""
    return ports.ProviderInvalidResponseError("Sequence answered in a form that we do not understand.", provider=SLUG)


def _by_kind(error: sdk.SequenceError) -> ports.ProviderError:
    if isinstance(error, sdk.GraphQLError):
        code = next((known for known in error.codes if known), None)
        if code == "FORBIDDEN":
            return _not_covered(code)
        if code == "NOT_FOUND":
            return _not_found(code)
        if code == "INTERNAL_SERVER_ERROR":
            return ports.ProviderUnavailableError("Sequence failed for a moment.", provider=SLUG, upstream_code=code)
        if error.status == 400:
            return ports.ProviderValidationError("Sequence does not accept this request.", provider=SLUG)
        return invalid_answer()
    if isinstance(error, sdk.NotFoundError):
        return _not_found(None)
    if error.status == 404:
        return _not_found(None)
    if error.status in (400, 422):
        return ports.ProviderValidationError("Sequence does not accept this request.", provider=SLUG)
    return invalid_answer()


def _not_covered(code: str | None) -> ports.ProviderError:
    return ports.ProviderAuthorizationError(
        "This login at Sequence may not see what was asked for.", provider=SLUG, upstream_code=code
    )


def _not_found(code: str | None) -> ports.ProviderError:
    return ports.ProviderNotFoundError("Sequence does not know this object.", provider=SLUG, upstream_code=code)


def _was_unanswered(error: sdk.SequenceError) -> bool:
    return isinstance(error.__cause__, UnansweredError)
