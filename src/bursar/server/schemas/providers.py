"""What of a provider goes over the wire?"""

from typing import Self

from bursar.server.schemas.base import Out
from bursar.services.catalogue import ProviderView


class ProviderOut(Out):
    """A provider that can be connected, or whose files can be imported."""

    slug: str
    name: str
    category: str
    auth_type: str
    credential_type: str
    capabilities: list[str]
    file_formats: list[str]
    description: str
    website_url: str | None
    documentation_url: str | None
    is_active: bool
    is_configured: bool

    @classmethod
    def of(cls, view: ProviderView) -> Self:
        """Return the wire form."""
        entry = view.metadata
        return cls(
            slug=entry.slug,
            name=entry.display_name,
            category=entry.category.value,
            auth_type=entry.auth_type.value,
            credential_type=entry.credential_type.value,
            capabilities=sorted(entry.capabilities),
            file_formats=list(entry.file_formats),
            description=entry.description,
            website_url=entry.website_url,
            documentation_url=entry.documentation_url,
            is_active=view.is_active,
            is_configured=view.is_configured,
        )
