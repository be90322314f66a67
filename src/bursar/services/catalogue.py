"""Which providers can be connected here, and what does each still need?"""

from dataclasses import dataclass
from uuid import UUID

from bursar.domain.time import Clock
from bursar.registry import ProviderMetadata, Registry
from bursar.services.provider_calls import ProviderPool
from bursar.storage import providers
from bursar.storage.providers import CatalogueEntry
from bursar.storage.unit_of_work import Database

_NO_TENANT = UUID(int=0)
"""The catalogue is everybody's: it is written and read without any tenant's rows in sight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderView:
    """A provider as a user sees it."""

    metadata: ProviderMetadata
    is_active: bool
    """False when the operator has switched it off."""
    is_configured: bool
    """False when settings are missing; which, only the operator is told (`doctor`)."""


class CatalogueService:
    """The providers of this installation."""

    def __init__(self, database: Database, registry: Registry, pool: ProviderPool, clock: Clock) -> None:
        self._database = database
        self._registry = registry
        self._pool = pool
        self._clock = clock

    async def publish(self) -> None:
        """Make the stored catalogue equal to what this code knows."""
        entries = [
            CatalogueEntry(
                slug=entry.slug,
                name=entry.display_name,
                category=entry.category.value,
                auth_type=entry.auth_type.value,
                credential_type=entry.credential_type.value,
                capabilities=tuple(sorted(entry.capabilities)),
                description=entry.description,
                website_url=entry.website_url,
                documentation_url=entry.documentation_url,
            )
            for entry in self._registry.entries.values()
        ]
        async with self._database.transaction(_NO_TENANT) as tx:
            await providers.upsert_providers(tx, entries, self._clock)

    async def list_providers(self) -> list[ProviderView]:
        """Return every entry, by slug."""
        async with self._database.transaction(_NO_TENANT) as tx:
            inactive = await providers.list_inactive_slugs(tx)
        return [
            ProviderView(
                metadata=entry,
                is_active=entry.slug not in inactive,
                is_configured=entry.slug not in self._registry.providers or not self._pool.missing_settings(entry.slug),
            )
            for entry in self._registry.entries.values()
        ]

    def missing_settings(self) -> dict[str, tuple[str, ...]]:
        """Return, for the operator, the settings that each provider lacks; providers that lack none are left out."""
        found = {slug: self._pool.missing_settings(slug) for slug in self._registry.providers}
        return {slug: missing for slug, missing in found.items() if missing}
