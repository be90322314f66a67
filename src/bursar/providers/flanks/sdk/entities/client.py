"""Which institutions does the v0 API know?"""

import builtins

from bursar.providers.flanks.sdk.base import BaseClient
from bursar.providers.flanks.sdk.entities.models import Entity


class EntitiesClient(BaseClient):
    """The institutions."""

    async def list(self) -> builtins.list[Entity]:
        """Return every institution, at once."""
        return await self._list("/v0/bank/available", None, Entity, method="GET")
