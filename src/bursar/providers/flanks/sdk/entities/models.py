"""What is an entity?"""

from bursar.providers.flanks.sdk.model import FlanksModel, OpaqueId


class Entity(FlanksModel):
    """An institution of the v0 API; the country is ISO 3166-1 alpha-2."""

    id: OpaqueId
    name: str | None = None
    country: str | None = None
    logo_url: str | None = None
