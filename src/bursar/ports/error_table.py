"""Which of the platform's errors is an error of an SDK's? (How a provider's table is written, once for all.)."""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar

from bursar.ports.errors import ProviderAuthenticationError, ProviderError, ProviderNotConfiguredError

E = TypeVar("E", bound=Exception)


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """What an error of an SDK says of the other side's answer."""

    code: str | None = None
    """The provider's own code, for support."""
    request_id: str | None = None
    retry_after: timedelta | None = None
    """How long the provider asks to wait; None when it does not say."""


Make = Callable[[E, str, Upstream], ProviderError]
"""An error of the SDK, the provider's slug and the facts of the answer -> the platform's error."""


class ErrorTable(Generic[E]):
    """Errors of an SDK by class; the nearest class of an error's family decides, so a new kind falls into its group.

    An entry is one of `failure`, `authentication` and `not_configured`, or a function of its own that calls one of them
    where more than the class decides. `base`, the class of everything that the SDK raises, must be in the table.
    """

    def __init__(
        self, slug: str, base: type[E], upstream: Callable[[E], Upstream], entries: Mapping[type[E], Make[E]]
    ) -> None:
        if base not in entries:
            raise LookupError(f"the table of {slug} lacks {base.__name__}")
        self._slug = slug
        self._base = base
        self._upstream = upstream
        self.entries: Mapping[type[E], Make[E]] = dict(entries)

    def to_provider_error(self, error: E) -> ProviderError:
        """Return the platform's error; its text is ours and safe to show."""
        nearest = next(class_ for class_ in type(error).__mro__ if class_ in self.entries)
        return self.entries[nearest](error, self._slug, self._upstream(error))

    @contextmanager
    def translated(self) -> Generator[None]:
        """Raise the platform's error for every one of the SDK's that comes from inside.

        The cause is kept, redacted as SDKs do it: it helps the operator and shows nothing to the user.
        """
        try:
            yield
        except self._base as error:
            raise self.to_provider_error(error) from error


def failure(
    class_: type[ProviderError], message: str, *, code: str | None = None, wait: timedelta | None = None
) -> Make[Exception]:
    """Return an entry of any class but `ProviderAuthenticationError`; `wait` counts where the provider names none."""

    def make(_: Exception, slug: str, upstream: Upstream) -> ProviderError:
        made = class_(
            message, code=code, provider=slug, upstream_code=upstream.code, upstream_request_id=upstream.request_id
        )
        made.retry_after = upstream.retry_after or wait
        return made

    return make


def authentication(
    message: str,
    *,
    code: str | None = None,
    is_token_expired: bool = False,
    needs_user: bool = True,
    consent_withdrawn: bool = False,
) -> Make[Exception]:
    """Return an entry for credentials that no longer work; see `ProviderAuthenticationError`."""

    def make(_: Exception, slug: str, upstream: Upstream) -> ProviderError:
        return ProviderAuthenticationError(
            message,
            code=code,
            is_token_expired=is_token_expired,
            needs_user=needs_user,
            consent_withdrawn=consent_withdrawn,
            provider=slug,
            upstream_code=upstream.code,
            upstream_request_id=upstream.request_id,
        )

    return make


def not_configured(message: str, *missing_settings: str) -> Make[Exception]:
    """Return an entry for settings of this deployment that the provider refuses; names, never values."""

    def make(_: Exception, slug: str, upstream: Upstream) -> ProviderError:
        return ProviderNotConfiguredError(
            message,
            missing_settings=missing_settings,
            provider=slug,
            upstream_code=upstream.code,
            upstream_request_id=upstream.request_id,
        )

    return make
