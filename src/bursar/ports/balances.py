"""What does a provider implement that can ask a bank what its accounts hold at this moment?"""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from bursar.domain.accounts import ProviderAccountData
from bursar.domain.sync import RecordBatch
from bursar.ports.provider import Credentials, ProviderAdapter


@runtime_checkable
class LiveBalanceAdapter(ProviderAdapter, Protocol):
    """An adapter that asks the bank itself: what the capability `live_balances` promises.

    Such a question is slow (up to minutes), counted against limits and at some providers billed each time, so it is
    asked when a person or a program wants it, never by a schedule.
    """

    async def fetch_live_balances(
        self, credentials: Credentials, provider_account_ids: Sequence[str] | None = None
    ) -> RecordBatch[ProviderAccountData]:
        """Return the named accounts, or all when None, with what their bank says that they hold now.

        An account that the bank cannot be asked about has the balance that was read last, and a warning
        `balance_not_live`.

        Raises:
            ProviderNotFoundError: a named account is not one of the login's; no bank was asked.
            ProviderUnsupportedError: none of the accounts can be asked about.
        """
        ...
