"""What may go wrong when a bank is read, named by what to do about it?

One family, whichever provider is behind it. Every text is ours and safe to show; nothing of the provider's own answer
is in it. What is about the configuration or an argument is a `ValueError`, too, so `except ValueError` catches it.
"""

import math
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta

from bursar.ports import errors as ports
from bursar.ports import webhooks as ports_webhooks
from bursar.ports.links import SIGN_IN_REFUSED


class BankingProviderError(Exception):
    """The base of the family.

    ```python
    try:
        accounts = await banking.get_accounts(access_token)
    except ItemLoginRequiredError:
        link = await banking.create_link_token(user_id="user_123", access_token=access_token)  # the user signs in again
    except RateLimitError as error:
        wait(error.retry_after or 60)
    except BankingProviderError as error:
        print(error.message)
    ```
    """

    default_code = "provider_error"
    retryable = False
    """True when the same call may work later without anybody acting."""

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        provider: str | None = None,
        retry_after: int | None = None,
        field: str | None = None,
        upstream_code: str | None = None,
        upstream_request_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        """Lower snake case, stable."""
        self.provider = provider
        self.retry_after = retry_after
        """Whole seconds to wait before the next attempt; None when the provider did not say."""
        self.field = field
        """The argument that is wrong; None when it is none, or the whole."""
        self.upstream_code = upstream_code
        """The provider's own code, for its support."""
        self.upstream_request_id = upstream_request_id


class InvalidCredentialsError(BankingProviderError):
    """The access token is dead: the user links the bank again. See `ProviderNotConfiguredError` for API keys."""

    default_code = "credentials_rejected"


class ProviderNotConfiguredError(InvalidCredentialsError, ValueError):
    """Settings are missing or refused (keys, certificates, environment): the operator acts; names, never values."""

    default_code = "provider_not_configured"


class LinkRefusedError(BankingProviderError):
    """A link that was begun for another user, or is used, or too old: nothing is handed out, the user begins anew."""

    default_code = SIGN_IN_REFUSED


class ItemLoginRequiredError(BankingProviderError):
    """The bank wants the user to sign in again: `create_link_token(user_id, access_token)`; the token stays."""

    default_code = "login_required"


class ConsentInsufficientError(ItemLoginRequiredError):
    """The user's consent does not cover this account or product: the same link lets them widen it."""

    default_code = "consent_insufficient"


class RateLimitError(BankingProviderError):
    """The provider throttles: wait for `retry_after` seconds, longer each time where it is None."""

    default_code = "rate_limited"
    retryable = True


class ProviderDownError(BankingProviderError):
    """The provider or the bank cannot be reached, or is not ready: try again later."""

    default_code = "provider_unavailable"
    retryable = True


class UnexpectedAnswerError(BankingProviderError):
    """The provider broke its own contract: nothing was read, a developer has to look."""

    default_code = "unexpected_payload"


class InvalidInputError(BankingProviderError, ValueError):
    """An argument is not acceptable; `field` names it. Most are found before anything is sent."""

    default_code = "invalid_input"


class NotFoundError(BankingProviderError):
    """The token opens no such account."""

    default_code = "not_found"


class UnsupportedError(BankingProviderError):
    """The provider does not offer this; see `Banking.capabilities`."""

    default_code = "unsupported_capability"


class WebhookRefusedError(BankingProviderError):
    """A webhook whose sender is not proven: answer 401 and do nothing."""

    default_code = "webhook_refused"


class SyncCallInLoopError(RuntimeError):
    """A blocking method was called where an event loop runs, and would have stopped it: await its asynchronous twin."""


# The first class that fits decides.
_CLASSES: tuple[tuple[type[ports.ProviderError], type[BankingProviderError]], ...] = (
    (ports.ProviderAuthorizationError, ConsentInsufficientError),
    (ports.ProviderRateLimitError, RateLimitError),
    (ports.ProviderUnavailableError, ProviderDownError),
    (ports.ProviderInvalidResponseError, UnexpectedAnswerError),
    (ports.ProviderValidationError, InvalidInputError),
    (ports.ProviderNotFoundError, NotFoundError),
    (ports.ProviderNotConfiguredError, ProviderNotConfiguredError),
    (ports.ProviderUnsupportedError, UnsupportedError),
    (ports_webhooks.WebhookRefusedError, WebhookRefusedError),
)


def to_banking_error(error: ports.ProviderError, provider: str, *, linking: bool = False) -> BankingProviderError:
    """Return what the callers of the banking interface are told of a provider's error.

    `linking` says that no access token was in play: what is refused is then what came back from the user.
    """
    retry_after = None if error.retry_after is None else _seconds(error.retry_after)
    return _class_of(error, linking)(
        error.message,
        code=error.code,
        provider=error.provider or provider,
        retry_after=retry_after,
        field=error.field if isinstance(error, ports.ProviderValidationError) else None,
        upstream_code=error.upstream_code,
        upstream_request_id=error.upstream_request_id,
    )


@contextmanager
def translated(provider: str, *, linking: bool = False) -> Generator[None]:
    """Raise an error of this family for every `ProviderError` from inside; the cause is kept."""
    try:
        yield
    except ports.ProviderError as error:
        raise to_banking_error(error, provider, linking=linking) from error


def _class_of(error: ports.ProviderError, linking: bool) -> type[BankingProviderError]:
    if isinstance(error, ports.ProviderAuthenticationError):
        if not error.needs_user:
            return ProviderDownError
        if linking and error.code == SIGN_IN_REFUSED:
            return LinkRefusedError
        is_dead = linking or error.consent_withdrawn or error.code == "missing_credential"
        return InvalidCredentialsError if is_dead else ItemLoginRequiredError
    return next((ours for theirs, ours in _CLASSES if isinstance(error, theirs)), BankingProviderError)


def _seconds(wait: timedelta) -> int:
    return max(0, math.ceil(wait.total_seconds()))
