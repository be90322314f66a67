"""Who may use this ledger, and how is the first one let in?"""

from dataclasses import dataclass, field
from uuid import UUID, uuid5

from bursar.domain.tenants import Principal
from bursar.domain.time import Clock
from bursar.security.tokens import new_token, parse_token
from bursar.storage import tenants
from bursar.storage.unit_of_work import Database

LOCAL_TENANT_ID = uuid5(UUID(int=0), "bursar/local tenant")
LOCAL_USER_ID = uuid5(UUID(int=0), "bursar/local user")
"""The one tenant and user of an installation that somebody runs for themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalAccess:
    """The local user, and a token when one was made just now: it is shown at this moment or never."""

    tenant_id: UUID
    user_id: UUID
    new_token: str | None = field(repr=False)


class AccessService:
    """Tenants, users and API tokens."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def ensure_local_user(self, *, with_token: bool = True) -> LocalAccess:
        """Create the local tenant, its user and a first token where they are missing; safe to call at every start."""
        now = self._clock.now()
        token = None
        async with self._database.transaction(LOCAL_TENANT_ID) as tx:
            await tenants.insert_tenant(tx, LOCAL_TENANT_ID, "local", now)
            await tenants.insert_user(tx, LOCAL_TENANT_ID, LOCAL_USER_ID, name="local", role="admin", at=now)
            await tenants.lock_keys(tx, LOCAL_TENANT_ID)
            if with_token and await tenants.count_tokens(tx, LOCAL_TENANT_ID) == 0:
                token = new_token()
                await tenants.insert_token(
                    tx,
                    LOCAL_TENANT_ID,
                    token.id,
                    user_id=LOCAL_USER_ID,
                    name="first token",
                    digest=token.digest,
                    at=now,
                )
        return LocalAccess(
            tenant_id=LOCAL_TENANT_ID, user_id=LOCAL_USER_ID, new_token=token.text if token is not None else None
        )

    async def create_tenant(self, tenant_id: UUID, user_id: UUID, *, name: str) -> None:
        """Create a tenant with its first user; nothing happens when they are there already."""
        now = self._clock.now()
        async with self._database.transaction(tenant_id) as tx:
            await tenants.insert_tenant(tx, tenant_id, name, now)
            await tenants.insert_user(tx, tenant_id, user_id, name=name, role="admin", at=now)

    async def erase_tenant(self, tenant_id: UUID) -> bool:
        """Delete everything of a tenant, for good, in one transaction; False when there is no such tenant.

        Its data keys go with it, so that copies of its sealed values in old backups open no more. A run that reads for
        the tenant meanwhile loses its connection and leaves nothing behind. The providers are not told, and no
        proof is left: `ErasureService.erase_tenant` does both around this.
        """
        async with self._database.transaction(tenant_id) as tx:
            return await tenants.erase_tenant(tx, tenant_id) is not None

    async def create_token(self, tenant_id: UUID, user_id: UUID, *, name: str) -> str:
        """Return a new token of a user; it is shown here once and only its digest is kept."""
        token = new_token()
        async with self._database.transaction(tenant_id) as tx:
            await tenants.insert_token(
                tx, tenant_id, token.id, user_id=user_id, name=name, digest=token.digest, at=self._clock.now()
            )
        return token.text

    async def revoke_tokens(self, tenant_id: UUID, *, name: str) -> int:
        """Revoke the tokens of a name; return how many."""
        async with self._database.transaction(tenant_id) as tx:
            return await tenants.revoke_tokens(tx, tenant_id, name=name, at=self._clock.now())

    async def authenticate(self, token_text: str) -> Principal | None:
        """Return who presents a token; None for anything but a known, living one, without saying which."""
        presented = parse_token(token_text)
        if presented is None:
            return None
        async with self._database.transaction_for_token(presented.digest) as tx:
            return await tenants.find_principal(tx, presented.digest, self._clock.now())
