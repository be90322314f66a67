"""Which providers and file formats are there?

They are found by convention (a folder under `bursar.providers` with an `adapter` that names its PROVIDER, one under
`bursar.importers` whose `adapter` names its IMPORTER) and by the entry points `bursar.providers` and
`bursar.importers` of other distributions. Whatever fails to load stops the start: a provider that vanished in silence
would look like a bank without accounts.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import iter_modules
from types import MappingProxyType
from typing import TypeVar

from bursar.domain.connections import CredentialType, ProviderAuthType, ProviderCapability, ProviderCategory
from bursar.ports.importer import ImporterSpec
from bursar.ports.provider import ProviderSpec

_SLUG = re.compile(r"[a-z][a-z0-9_]{0,49}")
_NO_PROVIDERS = frozenset({"bursar.providers.banking"})
"""Folders beside the providers that hold other addresses of their clients, and no adapter. Named one by one: to pass by
every folder without an adapter would let a provider vanish in silence."""
Spec = TypeVar("Spec", ProviderSpec, ImporterSpec)


class RegistryError(RuntimeError):
    """A provider or importer cannot be loaded, or its declaration is wrong: fix or remove it, then start again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderMetadata:
    """What the catalogue says of one entry, an API or the files of an institution."""

    slug: str
    display_name: str
    category: ProviderCategory
    auth_type: ProviderAuthType
    capabilities: frozenset[ProviderCapability]
    required_settings: tuple[str, ...] = ()
    file_formats: tuple[str, ...] = ()
    """Extensions, for entries that are fed by files."""
    description: str = ""
    website_url: str | None = None
    documentation_url: str | None = None
    is_production_ready: bool = True

    @property
    def credential_type(self) -> CredentialType:
        """The credential kind, derived from the way of connecting."""
        return self.auth_type.credential_type


class Registry:
    """Everything that can be connected or imported, by slug, in the order of the slugs."""

    def __init__(self, providers: Iterable[ProviderSpec], importers: Iterable[ImporterSpec]) -> None:
        self.providers: Mapping[str, ProviderSpec] = _by_slug(providers)
        self.importers: Mapping[str, ImporterSpec] = _by_slug(importers)
        self.entries: Mapping[str, ProviderMetadata] = _entries(self.providers, self.importers)

    @classmethod
    def discover(cls) -> "Registry":
        """Load every provider and importer.

        Raises:
            RegistryError: one of them cannot be loaded; the text names it.
        """
        return cls(
            _checked(_load("bursar.providers", "PROVIDER"), ProviderSpec),
            _checked(_load("bursar.importers", "IMPORTER"), ImporterSpec),
        )

    def find_provider_metadata(self, slug: str) -> ProviderMetadata | None:
        """Return a catalogue entry, or None."""
        return self.entries.get(slug)

    def get_provider_metadata(self, slug: str) -> ProviderMetadata:
        """Return a catalogue entry.

        Raises:
            ValueError: nobody is called so; the text lists who is there.
        """
        found = self.entries.get(slug)
        if found is None:
            raise ValueError(f"Unknown provider: {slug!r}. Supported providers: {', '.join(self.entries)}")
        return found

    def get_all_provider_slugs(self) -> list[str]:
        """Return every slug, in order."""
        return list(self.entries)

    def get_oauth_providers(self) -> list[ProviderMetadata]:
        """Return the entries whose users come through OAuth."""
        return [entry for entry in self.entries.values() if entry.auth_type is ProviderAuthType.OAUTH]

    def get_providers_by_category(self, category: ProviderCategory) -> list[ProviderMetadata]:
        """Return the entries of one category."""
        return [entry for entry in self.entries.values() if entry.category is category]

    def get_statistics(self) -> dict[str, int]:
        """Return how many entries there are in all, by way of connecting and by capability."""
        counts = {"total": len(self.entries)}
        for entry in self.entries.values():
            for name in (f"auth_type.{entry.auth_type}", *(f"capability.{each}" for each in entry.capabilities)):
                counts[name] = counts.get(name, 0) + 1
        return counts

    def recognise(self, head: bytes) -> ImporterSpec | None:
        """Return the importer that knows the content best, from a file's first 64 KiB; None when none knows it."""
        scored = sorted(((spec.sniff(head), spec.slug) for spec in self.importers.values()), reverse=True)
        if not scored or scored[0][0] <= 0:
            return None
        return self.importers[scored[0][1]]


def _load(package: str, name: str) -> Iterator[tuple[str, object]]:
    for module in iter_modules(import_module(package).__path__):
        if not module.ispkg or f"{package}.{module.name}" in _NO_PROVIDERS:
            continue
        path = f"{package}.{module.name}.adapter"
        try:
            yield module.name, getattr(import_module(path), name)
        except (ImportError, AttributeError) as error:
            raise RegistryError(f"{path} cannot be loaded: {type(error).__name__}: {error}") from error
    for entry_point in entry_points(group=package):
        try:
            yield entry_point.name, entry_point.load()
        except (ImportError, AttributeError) as error:
            raise RegistryError(
                f"the entry point {entry_point.value!r} cannot be loaded: {type(error).__name__}: {error}"
            ) from error


def _checked(found: Iterable[tuple[str, object]], kind: type[Spec]) -> Iterator[Spec]:
    for name, spec in found:
        if not isinstance(spec, kind):
            raise RegistryError(f"{name}: expected a {kind.__name__}, found a {type(spec).__name__}")
        if spec.slug != name or _SLUG.fullmatch(spec.slug) is None:
            raise RegistryError(f"{name}: the slug {spec.slug!r} must be equal to the name and match {_SLUG.pattern}")
        if not spec.display_name or not spec.capabilities:
            raise RegistryError(f"{name}: a display name and at least one capability are required")
        if (
            isinstance(spec, ProviderSpec)
            and ProviderCapability.TRANSFERS in spec.capabilities
            and spec.institution_timezone is None
        ):
            raise RegistryError(f"{name}: who moves money says whose day its limit is of (institution_timezone)")
        yield spec


def _by_slug(specs: Iterable[Spec]) -> Mapping[str, Spec]:
    by_slug: dict[str, Spec] = {}
    for spec in sorted(specs, key=lambda spec: spec.slug):
        if spec.slug in by_slug:
            raise RegistryError(f"two declarations share the slug {spec.slug!r}")
        by_slug[spec.slug] = spec
    return MappingProxyType(by_slug)


def _entries(
    providers: Mapping[str, ProviderSpec], importers: Mapping[str, ImporterSpec]
) -> Mapping[str, ProviderMetadata]:
    entries = [
        ProviderMetadata(
            slug=spec.slug,
            display_name=spec.display_name,
            category=spec.category,
            auth_type=spec.auth_type,
            capabilities=spec.capabilities,
            required_settings=spec.required_settings,
            description=spec.description,
            website_url=spec.website_url,
            documentation_url=spec.documentation_url,
            is_production_ready=spec.is_production_ready,
        )
        for spec in providers.values()
    ] + [
        ProviderMetadata(
            slug=file_provider.slug,
            display_name=file_provider.display_name,
            category=file_provider.category,
            auth_type=ProviderAuthType.FILE_IMPORT,
            capabilities=spec.capabilities,
            file_formats=spec.extensions,
            description=file_provider.description,
        )
        for spec in importers.values()
        for file_provider in spec.file_providers
    ]
    by_slug: dict[str, ProviderMetadata] = {}
    for entry in sorted(entries, key=lambda entry: entry.slug):
        if entry.slug in by_slug:
            raise RegistryError(f"two catalogue entries share the slug {entry.slug!r}")
        by_slug[entry.slug] = entry
    return MappingProxyType(by_slug)
