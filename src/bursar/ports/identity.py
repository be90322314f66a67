"""What does a provider implement that tells who owns the accounts?"""

from typing import Protocol, runtime_checkable

from bursar.domain.owners import ProviderOwnerData
from bursar.domain.sync import RecordBatch
from bursar.ports.provider import Credentials, ProviderAdapter


@runtime_checkable
class IdentityAdapter(ProviderAdapter, Protocol):
    """An adapter that knows owners: what the capability `identity` promises."""

    async def fetch_owners(
        self, credentials: Credentials, provider_account_id: str | None = None
    ) -> RecordBatch[ProviderOwnerData]:
        """Return the owners of one account, or of every account when None; an account without any has no record.

        Raises:
            ProviderUnsupportedError: this login or institution does not tell owners.
            ProviderNotFoundError: the account is not one of the login's.
        """
        ...
