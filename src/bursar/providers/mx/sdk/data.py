"""What does MX know of accounts, transactions, owners, numbers and positions?"""

from collections.abc import Sequence

from bursar.providers.mx.sdk.arguments import Moment, one_of, span, user_place
from bursar.providers.mx.sdk.models.accounts import (
    Account,
    AccountNumber,
    AccountNumbersPage,
    AccountOwner,
    AccountOwnersPage,
    AccountsPage,
)
from bursar.providers.mx.sdk.models.holdings import InvestmentHolding, InvestmentHoldingsPage
from bursar.providers.mx.sdk.models.transactions import Transaction, TransactionsPage
from bursar.providers.mx.sdk.session import MXSession
from bursar.providers.mx.sdk.wire import Rows


class DataCalls(MXSession):
    """Everything that MX has read; nothing here asks an institution.

    Each method reads every page of its listing. `member` or `account` narrows a user's listing.
    """

    async def list_accounts(self, user: str, *, member: str | None = None) -> Rows[Account]:
        """Return accounts with their balances; `check_balance` is the job that makes balances newer."""
        return await self._read_all(user_place(user, member=member).at("/accounts"), AccountsPage, {})

    async def list_transactions(
        self,
        user: str,
        *,
        member: str | None = None,
        account: str | None = None,
        from_date: Moment | None = None,
        to_date: Moment | None = None,
        from_created_at: Moment | None = None,
        to_created_at: Moment | None = None,
        from_updated_at: Moment | None = None,
        to_updated_at: Moment | None = None,
        includes: Sequence[str] = (),
    ) -> Rows[Transaction]:
        """Return transactions, pending ones included, in MX's order.

        `from_date` and `to_date` bound `date`; without them MX lists 120 days back to five days ahead. The other bounds
        are of MX's own instants. `includes` adds objects to each row: `repeating_transactions`, `merchants`,
        `classifications`, `geolocations`.

        Raises:
            MXArgumentError: a moment is unreadable, a span is reversed, or both a member and an account are named.
        """
        one_of(member, account)
        params = {
            **span("date", from_date, to_date),
            **span("created", from_created_at, to_created_at, suffix="_at"),
            **span("updated", from_updated_at, to_updated_at, suffix="_at"),
        }
        if includes:
            params["includes"] = ",".join(includes)
        place = user_place(user, member=member, account=account).at("/transactions")
        return await self._read_all(place, TransactionsPage, params)

    async def list_account_owners(self, user: str, member: str) -> Rows[AccountOwner]:
        """Return who owns a member's accounts; empty before the first `identify` job."""
        return await self._read_all(user_place(user, member=member).at("/account_owners"), AccountOwnersPage, {})

    async def list_account_numbers(
        self, user: str, *, member: str | None = None, account: str | None = None
    ) -> Rows[AccountNumber]:
        """Return full account numbers; empty before the first `verify` job."""
        one_of(member, account)
        place = user_place(user, member=member, account=account).at("/account_numbers")
        return await self._read_all(place, AccountNumbersPage, {})

    async def list_holdings(
        self, user: str, *, member: str | None = None, account: str | None = None
    ) -> Rows[InvestmentHolding]:
        """Return positions."""
        one_of(member, account)
        place = user_place(user, member=member, account=account).at("/investment_holdings")
        return await self._read_all(place, InvestmentHoldingsPage, {})
