"""Links and their codes (legacy)."""

from bursar.providers.flanks.sdk.links.client import LinksClient
from bursar.providers.flanks.sdk.links.models import (
    Link,
    LinkCode,
    LinkCodeExchangeResult,
)

__all__ = [
    "Link",
    "LinkCode",
    "LinkCodeExchangeResult",
    "LinksClient",
]
