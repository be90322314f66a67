"""Entities: the institutions of the v0 API."""

from bursar.providers.flanks.sdk.entities.client import EntitiesClient
from bursar.providers.flanks.sdk.entities.models import (
    Entity,
)

__all__ = [
    "EntitiesClient",
    "Entity",
]
