"""Calls about accounts: balances, owners, numbers, liabilities."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bursar.providers.plaid.sdk.models.accounts import AccountsAnswer, AuthAnswer, IdentityAnswer
from bursar.providers.plaid.sdk.models.liabilities import LiabilitiesAnswer
from bursar.providers.plaid.sdk.session import PlaidSession
from bursar.transport.redaction import Secret
from bursar.transport.retry import NEVER_REPEAT
from bursar.transport.rows import without_none

LIVE_BALANCE_TIMEOUT_S = 60.0


class AccountCalls(PlaidSession):
    """What an item's accounts are, hold and owe."""

    async def get_accounts(
        self, access_token: str | Secret, *, account_ids: Sequence[str] | None = None
    ) -> AccountsAnswer:
        """Every account of the item, or those named, with the balances that Plaid last read; free of charge."""
        return await self._read("/accounts/get", _body(access_token, account_ids), AccountsAnswer)

    async def get_live_balances(
        self,
        access_token: str | Secret,
        *,
        account_ids: Sequence[str] | None = None,
        min_last_updated_at: datetime | None = None,
    ) -> AccountsAnswer:
        """Ask the bank for its balances now: billed for each call, 30 s and more, never repeated by itself.

        `min_last_updated_at` is the oldest balance that is acceptable. Capital One (`ins_128026`) needs it for accounts
        that are not depository.

        Source: https://plaid.com/docs/api/products/balance/ (read 2026-11-21).
        """
        oldest = min_last_updated_at.isoformat() if min_last_updated_at is not None else None
        return await self._read(
            "/accounts/balance/get",
            _body(access_token, account_ids, min_last_updated_datetime=oldest),
            AccountsAnswer,
            read_timeout_s=LIVE_BALANCE_TIMEOUT_S,
            retry=NEVER_REPEAT,
        )

    async def get_identity(
        self, access_token: str | Secret, *, account_ids: Sequence[str] | None = None
    ) -> IdentityAnswer:
        """Who owns the accounts, as the bank has it on file."""
        return await self._read("/identity/get", _body(access_token, account_ids), IdentityAnswer)

    async def get_auth(self, access_token: str | Secret, *, account_ids: Sequence[str] | None = None) -> AuthAnswer:
        """Full account numbers, wrapped as secrets: seal them or do not keep them."""
        return await self._read("/auth/get", _body(access_token, account_ids), AuthAnswer)

    async def get_liabilities(
        self, access_token: str | Secret, *, account_ids: Sequence[str] | None = None
    ) -> LiabilitiesAnswer:
        """Terms of cards, mortgages and student loans.

        Raises:
            PlaidNoAccountsError: the item has none of them.
        """
        return await self._read("/liabilities/get", _body(access_token, account_ids), LiabilitiesAnswer)


def _body(access_token: str | Secret, account_ids: Sequence[str] | None, **options: Any) -> dict[str, Any]:
    given = without_none({"account_ids": list(account_ids) if account_ids is not None else None, **options})
    return {"access_token": access_token, "options": given or None}
