"""What may go wrong at a provider or in a file, named by what to do about it?"""

from collections.abc import Mapping
from datetime import timedelta


class ProviderError(Exception):
    """The base of the one family that adapters and importers raise; every text in it is safe to show to a user.

    `message` is fixed wording of ours: never exception text, URLs, bodies or headers of the other side.
    """

    default_code = "provider_error"
    retryable = False
    """True when trying again later may work without anybody acting."""

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        provider: str | None = None,
        retry_after: timedelta | None = None,
        upstream_code: str | None = None,
        upstream_request_id: str | None = None,
        details: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        """Lower snake case, stable."""
        self.provider = provider
        """Slug of the provider or importer; None until the boundary fills it in."""
        self.retry_after = retry_after
        """How long to wait before the next attempt; None when the other side did not say."""
        self.upstream_code = upstream_code
        """The provider's own code, for support; never to branch on outside the adapter."""
        self.upstream_request_id = upstream_request_id
        self.details = dict(details or {})

    def __repr__(self) -> str:
        return f"{type(self).__name__}(code={self.code!r}, provider={self.provider!r}, message={self.message!r})"


class ProviderAuthenticationError(ProviderError):
    """The credentials are refused or missing: the user signs in again (`needs_user`), or a refresh may help."""

    default_code = "credentials_rejected"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        is_token_expired: bool = False,
        needs_user: bool = True,
        consent_withdrawn: bool = False,
        provider: str | None = None,
        upstream_code: str | None = None,
        upstream_request_id: str | None = None,
    ) -> None:
        super().__init__(
            message,
            code=code,
            provider=provider,
            upstream_code=upstream_code,
            upstream_request_id=upstream_request_id,
        )
        self.is_token_expired = is_token_expired
        self.needs_user = needs_user
        self.consent_withdrawn = consent_withdrawn
        """True when the access was taken away (the connection becomes revoked), False when it ran out (expired)."""


class ProviderAuthorizationError(ProviderError):
    """The consent does not cover this account or product: the user widens it."""

    default_code = "consent_insufficient"


class ProviderRateLimitError(ProviderError):
    """The provider throttles us: wait for `retry_after`; the connection stays as it is."""

    default_code = "rate_limited"
    retryable = True


class ProviderUnavailableError(ProviderError):
    """The provider or the institution cannot be reached or is down: wait; the connection stays as it is."""

    default_code = "provider_unavailable"
    retryable = True


class ProviderInvalidResponseError(ProviderError):
    """The provider broke its own contract: nothing was read, nobody but a developer can act."""

    default_code = "unexpected_payload"


class ProviderValidationError(ProviderError):
    """What we or the user sent is not acceptable: an argument, or an uploaded file."""

    default_code = "invalid_input"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        field: str | None = None,
        line: int | None = None,
        provider: str | None = None,
        upstream_code: str | None = None,
        upstream_request_id: str | None = None,
    ) -> None:
        super().__init__(
            message,
            code=code,
            provider=provider,
            upstream_code=upstream_code,
            upstream_request_id=upstream_request_id,
        )
        self.field = field
        """The argument or element that is wrong; None when it is the whole."""
        self.line = line
        """Line in a file, from 1."""


class ProviderNotFoundError(ProviderError):
    """The provider does not know the account or object."""

    default_code = "not_found"


class ProviderNotConfiguredError(ProviderError):
    """Settings of this deployment are missing or refused: the operator acts."""

    default_code = "provider_not_configured"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        missing_settings: tuple[str, ...] = (),
        provider: str | None = None,
        upstream_code: str | None = None,
        upstream_request_id: str | None = None,
    ) -> None:
        super().__init__(
            message,
            code=code,
            provider=provider,
            upstream_code=upstream_code,
            upstream_request_id=upstream_request_id,
        )
        self.missing_settings = missing_settings
        """Names, never values."""


class ProviderUnsupportedError(ProviderError):
    """The provider does not offer the capability that was asked for."""

    default_code = "unsupported_capability"


class TransferRefusedError(ProviderError):
    """The provider has clearly refused to move money: none has moved, and the caller may ask for something else."""

    default_code = "transfer_refused"


class TransferOutcomeUnknownError(ProviderError):
    """The order may or may not have been carried out: look it up, never send it again.

    Deliberately no kind of `TransferRefusedError`: code that gives the amount back to a limit must not do so here.
    """

    default_code = "transfer_outcome_unknown"
