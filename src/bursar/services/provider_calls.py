"""How does a provider's failure become something that the caller can act on?"""

from collections.abc import Mapping
from datetime import datetime

from bursar.domain.connections import FailureCause, ProviderCapability
from bursar.domain.failures import ProviderFailed
from bursar.domain.reading import next_attempt
from bursar.domain.time import Clock
from bursar.ports.errors import (
    ProviderAuthenticationError,
    ProviderAuthorizationError,
    ProviderError,
    ProviderNotConfiguredError,
    ProviderNotFoundError,
    ProviderRateLimitError,
    ProviderUnavailableError,
    ProviderUnsupportedError,
    ProviderValidationError,
    TransferRefusedError,
)
from bursar.ports.facade import ProviderFacade, facade_of
from bursar.ports.provider import ProviderAdapter, ProviderContext
from bursar.registry import Registry
from bursar.transport.timing import SYSTEM_TIMING, Timing


class ProviderPool:
    """The adapters of this process: one of each provider, made when it is first asked for."""

    def __init__(
        self,
        registry: Registry,
        settings: Mapping[str, str],
        clock: Clock,
        http_clients: Mapping[str, object] | None = None,
        timing: Timing = SYSTEM_TIMING,
    ) -> None:
        self._registry = registry
        self._settings = settings
        self._clock = clock
        self._http_clients = dict(http_clients or {})
        self._timing = timing
        self._adapters: dict[str, ProviderAdapter] = {}

    def get_provider(self, slug: str) -> ProviderAdapter:
        """Return the shared adapter of a provider.

        Raises:
            ValueError: nobody is called so, or its settings are missing; the text names what is, never a value.
        """
        adapter = self._adapters.get(slug)
        if adapter is None:
            adapter = self._adapters[slug] = self._make(slug)
        return adapter

    def get_facade(self, slug: str) -> ProviderFacade:
        """Return the shared adapter behind methods that return a Result; raises what `get_provider` raises."""
        adapter = self.get_provider(slug)
        return facade_of(self._registry.providers[slug], adapter)

    def missing_settings(self, slug: str) -> tuple[str, ...]:
        """Return the names of required settings that are not set; empty when the provider can be used."""
        spec = self._registry.providers[slug]
        return tuple(name for name in spec.required_settings if not self._settings.get(name))

    def can_transfer(self, slug: str) -> bool:
        """True when a provider is registered that moves money."""
        spec = self._registry.providers.get(slug)
        return spec is not None and ProviderCapability.TRANSFERS in spec.capabilities

    def refuse(self, slug: str) -> ProviderFailed | None:
        """Return why a registered provider cannot be used here; None when it can."""
        missing = self.missing_settings(slug)
        if not missing:
            return None
        return ProviderFailed(
            code="provider_not_configured",
            message=f"{slug} is not configured. Missing settings: {', '.join(missing)}.",
            provider=slug,
            action="configure",
            retryable=False,
        )

    def _make(self, slug: str) -> ProviderAdapter:
        spec = self._registry.providers.get(slug)
        supported = ", ".join(self._registry.providers)
        if spec is None:
            raise ValueError(f"Unknown provider: {slug!r}. Supported providers: {supported}")
        if self.missing_settings(slug):
            raise ValueError(
                f"Provider {slug!r} not configured. Required settings: {list(spec.required_settings)}. "
                f"Supported providers: {supported}"
            )
        names = (*spec.required_settings, *spec.optional_settings)
        settings = {name: self._settings[name] for name in names if self._settings.get(name)}
        return spec.factory(
            ProviderContext(
                settings=settings,
                clock=self._clock,
                http_client=self._http_clients.get(slug),
                timing=self._timing,
            )
        )

    async def aclose(self) -> None:
        """Close every adapter."""
        adapters, self._adapters = self._adapters, {}
        for adapter in adapters.values():
            await adapter.aclose()


def to_failure(error: ProviderError, provider: str, now: datetime) -> ProviderFailed:
    """Return what a caller is told of a provider's error: all of it safe to show."""
    return ProviderFailed(
        code=error.code,
        message=error.message,
        provider=error.provider or provider,
        action=_action(error),
        retryable=error.retryable,
        next_attempt_at=next_attempt(
            cause_of(error), now + error.retry_after if error.retry_after is not None else None, now
        ),
        upstream_code=error.upstream_code,
        upstream_request_id=error.upstream_request_id,
        details=error.details,
    )


def unreadable_credentials(provider_slug: str) -> ProviderFailed:
    """Return what a caller is told where the keys of this installation do not open a connection's credentials."""
    return ProviderFailed(
        code="credentials_unreadable",
        message="The stored credentials do not open with the keys of this installation.",
        provider=provider_slug,
        action="report",
        retryable=False,
    )


def _action(error: ProviderError) -> str:
    if isinstance(error, ProviderAuthenticationError):
        return "reauthenticate" if error.needs_user else "wait"
    if isinstance(error, ProviderAuthorizationError):
        return "widen_consent"
    if isinstance(error, ProviderNotConfiguredError):
        return "configure"
    if isinstance(
        error, ProviderValidationError | ProviderNotFoundError | ProviderUnsupportedError | TransferRefusedError
    ):
        return "change_request"
    return "wait" if error.retryable else "report"


def cause_of(error: ProviderError) -> FailureCause:
    """Return what kind of failure a provider's error is; the first class that fits decides."""
    if isinstance(error, ProviderAuthenticationError):
        if not error.needs_user:
            return FailureCause.OUTAGE
        return FailureCause.WITHDRAWN if error.consent_withdrawn else FailureCause.SIGN_IN
    return next((cause for class_, cause in _CAUSES.items() if isinstance(error, class_)), FailureCause.CONTRACT)


_CAUSES: Mapping[type[ProviderError], FailureCause] = {
    ProviderRateLimitError: FailureCause.RATE_LIMIT,
    ProviderUnavailableError: FailureCause.OUTAGE,
    ProviderAuthorizationError: FailureCause.CONSENT,
    ProviderUnsupportedError: FailureCause.CONSENT,
    ProviderNotConfiguredError: FailureCause.SETTINGS,
}
"""Everything else: the provider broke its contract, or what we ask is not acceptable to it."""
