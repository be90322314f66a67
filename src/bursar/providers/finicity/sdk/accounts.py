"""Calls about accounts: what is there, how much, whose?"""

from bursar.providers.finicity.sdk.models.accounts import (
    Account,
    AccountsAnswer,
    AchNumbers,
    HoldersAnswer,
    LiveBalance,
    SimpleOwner,
)
from bursar.providers.finicity.sdk.session import FinicitySession, check_range, segment

_BANK_WAIT_S = 180.0
"""These calls ask the institution and wait for it."""


class AccountCalls(FinicitySession):
    """Accounts with the figures of Finicity's last reading, usually that of last night."""

    async def get_accounts(self, customer_id: str, institution_login_id: str | None = None) -> AccountsAnswer:
        """Every account of a customer, or of one of their logins.

        Raises:
            FinicityNotFoundError: the customer, or the login, does not exist (any more).
        """
        path = f"/aggregation/v1/customers/{segment(customer_id, 'customer_id')}"
        if institution_login_id is not None:
            path += f"/institutionLogins/{segment(institution_login_id, 'institution_login_id')}"
        return await self._get(f"{path}/accounts", AccountsAnswer, ids=_ids(customer_id, institution_login_id))

    async def get_account(self, customer_id: str, account_id: str) -> Account:
        """One account, with its positions when it is an investment account.

        Raises:
            FinicityNotFoundError: it is not one of this customer's.
        """
        path = f"/aggregation/v2{_account(customer_id, account_id)}"
        return await self._get(path, Account, ids=(customer_id, account_id))

    async def refresh_accounts(self, customer_id: str, institution_login_id: str | None = None) -> AccountsAnswer:
        """Ask the institutions now, while the user waits; Finicity forbids to automate this.

        Raises:
            FinicityLoginError: the user has to sign in again.
            FinicityAggregationError: the institution could not be read.
        """
        path = f"/aggregation/v2/customers/{segment(customer_id, 'customer_id')}"
        if institution_login_id is not None:
            path += f"/institutionLogins/{segment(institution_login_id, 'institution_login_id')}"
        ids = _ids(customer_id, institution_login_id)
        response = await self._change(f"{path}/accounts", {}, ids=ids, read_timeout_s=_BANK_WAIT_S)
        return self._decode(response, AccountsAnswer)

    async def get_live_balance(
        self, customer_id: str, account_id: str, *, cache_interval_min: int | None = None
    ) -> LiveBalance:
        """The balance at the institution now, or one that is at most `cache_interval_min` (0 to 1440) minutes old."""
        params = None
        if cache_interval_min is not None:
            params = {"balance_cache_interval": str(check_range(cache_interval_min, "cache_interval_min", 0, 1440))}
        return await self._get(
            f"/aggregation/v1{_account(customer_id, account_id)}/availableBalance/live",
            LiveBalance,
            params=params,
            ids=(customer_id, account_id),
            read_timeout_s=_BANK_WAIT_S,
        )

    async def get_owner(self, customer_id: str, account_id: str) -> SimpleOwner:
        """The owners' names in one text (a premium product).

        Raises:
            FinicityUnsupportedError: accounts of this type have no owners there.
        """
        path = f"/aggregation/v1{_account(customer_id, account_id)}/owner"
        return await self._get(path, SimpleOwner, ids=(customer_id, account_id))

    async def get_holders(self, customer_id: str, account_id: str) -> HoldersAnswer:
        """The owners one by one, with what the institution knows of them (a premium product)."""
        path = f"/aggregation/v3{_account(customer_id, account_id)}/owner"
        return await self._get(path, HoldersAnswer, ids=(customer_id, account_id))

    async def get_ach_numbers(self, customer_id: str, account_id: str) -> AchNumbers:
        """The full numbers of a checking, savings or money market account (a premium product).

        Raises:
            FinicityUnsupportedError: accounts of this type have none.
        """
        path = f"/aggregation/v1{_account(customer_id, account_id)}/details"
        return await self._get(path, AchNumbers, ids=(customer_id, account_id))


def _account(customer_id: str, account_id: str) -> str:
    return f"/customers/{segment(customer_id, 'customer_id')}/accounts/{segment(account_id, 'account_id')}"


def _ids(customer_id: str, institution_login_id: str | None) -> tuple[str, ...]:
    return (customer_id,) if institution_login_id is None else (customer_id, institution_login_id)
