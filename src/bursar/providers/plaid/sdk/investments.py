"""Calls about investments: what is held, and what moved between two dates?"""

from collections.abc import Sequence
from datetime import date
from typing import Any

from bursar.providers.plaid.sdk.models.investments import (
    HoldingsAnswer,
    InvestmentTransactionsListing,
    InvestmentTransactionsPage,
)
from bursar.providers.plaid.sdk.offsets import PageFacts, drain
from bursar.providers.plaid.sdk.session import PlaidSession
from bursar.transport.redaction import Secret
from bursar.transport.rows import without_none

MAX_PAGE_SIZE = 500


class InvestmentCalls(PlaidSession):
    """Positions and movements of investment accounts; there is no cursor here."""

    async def get_holdings(
        self, access_token: str | Secret, *, account_ids: Sequence[str] | None = None
    ) -> HoldingsAnswer:
        """Every position of the item, or of the accounts named, with the securities they are in.

        Raises:
            PlaidNoAccountsError: the item has no investment account.
        """
        options = {"account_ids": list(account_ids)} if account_ids is not None else None
        return await self._read(
            "/investments/holdings/get", {"access_token": access_token, "options": options}, HoldingsAnswer
        )

    async def get_investment_transactions(
        self,
        access_token: str | Secret,
        start_date: date,
        end_date: date,
        *,
        account_ids: Sequence[str] | None = None,
        count: int = MAX_PAGE_SIZE,
    ) -> InvestmentTransactionsListing:
        """Every movement between two dates, both inclusive, at most 24 months back; all pages."""

        async def fetch(offset: int) -> PageFacts[InvestmentTransactionsPage]:
            options = {
                "account_ids": list(account_ids) if account_ids is not None else None,
                "count": count,
                "offset": offset,
            }
            body: dict[str, Any] = {
                "access_token": access_token,
                "start_date": start_date,
                "end_date": end_date,
                "options": without_none(options),
            }
            page = await self._read("/investments/transactions/get", body, InvestmentTransactionsPage)
            unread = sum(row.member == "investment_transactions" for row in page.rejected)
            ids = [row.investment_transaction_id for row in page.investment_transactions]
            return PageFacts(page, ids, len(ids) + unread, page.total_investment_transactions)

        pages = await drain(fetch, self._timing)
        securities = {security.security_id: security for page in pages for security in page.securities}
        return InvestmentTransactionsListing(
            accounts=pages[0].accounts,
            securities=tuple(securities.values()),
            transactions=tuple(row for page in pages for row in page.investment_transactions),
            rejected=tuple(row for page in pages for row in page.rejected),
        )
