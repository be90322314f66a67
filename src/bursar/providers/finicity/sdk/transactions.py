"""Calls about transactions: pages, whole spans, and what the institution is asked to send."""

from datetime import datetime
from typing import Literal

from bursar.providers.finicity.sdk.errors import FinicityArgumentError, FinicityResponseError, FinicityServerError
from bursar.providers.finicity.sdk.models.transactions import TransactionsListing, TransactionsPage
from bursar.providers.finicity.sdk.session import FinicitySession, check_range, epoch_of, segment

MAX_PAGE_SIZE = 1000
MAX_RESTARTS = 4
_MOST_ROWS = 10_000_000
_BANK_WAIT_S = 180.0


class TransactionCalls(FinicitySession):
    """Transactions of every kind of account, investments and loans included."""

    async def get_transactions_page(
        self,
        customer_id: str,
        from_date: datetime,
        to_date: datetime,
        *,
        account_id: str | None = None,
        start: int = 1,
        limit: int = MAX_PAGE_SIZE,
        sort: Literal["asc", "desc"] = "asc",
        include_pending: bool = True,
    ) -> TransactionsPage:
        """One page of the transactions between two instants, of one account or of all of the customer's.

        `start` is the number of the first row, from 1; the next page begins at `start` plus `displaying`.

        Raises:
            FinicityArgumentError: an instant has no zone, or the first lies after the second; nothing is sent.

        Source: https://developer.mastercard.com/open-finance-us/documentation/products/manage/transaction-data/ (read
        2026-11-29).
        """
        first, last = epoch_of(from_date, "from_date"), epoch_of(to_date, "to_date")
        if first > last:
            raise FinicityArgumentError("from_date lies after to_date: exchange them")
        customer = segment(customer_id, "customer_id")
        path = f"/aggregation/v3/customers/{customer}/transactions"
        if account_id is not None:
            path = f"/aggregation/v4/customers/{customer}/accounts/{segment(account_id, 'account_id')}/transactions"
        return await self._get(
            path,
            TransactionsPage,
            params={
                "fromDate": str(first),
                "toDate": str(last),
                "start": str(check_range(start, "start", 1, _MOST_ROWS)),
                "limit": str(check_range(limit, "limit", 1, MAX_PAGE_SIZE)),
                "sort": sort,
                "includePending": "true" if include_pending else "false",
            },
            ids=(customer_id,) if account_id is None else (customer_id, account_id),
        )

    async def get_transactions(
        self,
        customer_id: str,
        from_date: datetime,
        to_date: datetime,
        *,
        account_id: str | None = None,
        include_pending: bool = True,
        page_size: int = MAX_PAGE_SIZE,
    ) -> TransactionsListing:
        """Every transaction between two instants, all pages of it, oldest first.

        Rows are counted from the oldest, so a row that appears or vanishes between two pages moves those behind it: a
        changed total or a row seen twice begins the reading again, up to four times.

        Raises:
            FinicityArgumentError: as `get_transactions_page`.
            FinicityResponseError: a page is empty, or says something else than its rows.
            FinicityServerError: the data changed during each of five readings: try again later.
        """
        for restart in range(MAX_RESTARTS + 1):
            if restart:
                await self._timing.sleep(min(8.0, 0.5 * 2.0 ** (restart - 1)) * (1.0 - self._timing.random() / 2))
            pages = await self._read_pages(
                customer_id, from_date, to_date, account_id, include_pending=include_pending, page_size=page_size
            )
            if pages is not None:
                return TransactionsListing(
                    transactions=tuple(row for page in pages for row in page.transactions),
                    rejected=tuple(row for page in pages for row in page.rejected),
                )
        raise FinicityServerError("the listing changed during every attempt to read it")

    async def _read_pages(
        self,
        customer_id: str,
        from_date: datetime,
        to_date: datetime,
        account_id: str | None,
        *,
        include_pending: bool,
        page_size: int,
    ) -> list[TransactionsPage] | None:
        pages: list[TransactionsPage] = []
        seen: set[tuple[str, str]] = set()
        count = 0
        while True:
            page = await self.get_transactions_page(
                customer_id,
                from_date,
                to_date,
                account_id=account_id,
                start=count + 1,
                limit=page_size,
                include_pending=include_pending,
            )
            row_count = len(page.transactions) + len(page.rejected)
            if row_count != page.displaying:
                raise FinicityResponseError("a page of the listing has another number of rows than it says")
            ids = {(row.account_id, row.id) for row in page.transactions}
            if len(ids) != len(page.transactions) or not seen.isdisjoint(ids):
                return None
            if pages and page.found != pages[0].found:
                return None
            seen |= ids
            count += row_count
            pages.append(page)
            if count == page.found and not page.has_more:
                return pages
            if count >= page.found or not page.has_more or not row_count:
                raise FinicityResponseError("the listing ends before or after the number of rows that it announced")

    async def load_history(self, customer_id: str, account_id: str) -> bool:
        """Ask the institution for up to 24 months of older rows (a premium product); True when they are loaded.

        False: the institution asks for a second factor, and nothing can be done about it here.
        """
        customer, account = segment(customer_id, "customer_id"), segment(account_id, "account_id")
        response = await self._change(
            f"/aggregation/v1/customers/{customer}/accounts/{account}/transactions/historic",
            {},
            ids=(customer_id, account_id),
            read_timeout_s=_BANK_WAIT_S,
        )
        return response.status != 203

    async def refresh_transactions(self, customer_id: str, institution_login_id: str) -> None:
        """Ask for new rows of a login in the background; only on a user's wish, never by a schedule."""
        customer = segment(customer_id, "customer_id")
        await self._change(
            f"/aggregation/customers/{customer}/transactions/refreshes",
            {"institutionLoginId": segment(institution_login_id, "institution_login_id"), "mode": "standard"},
            ids=(customer_id, institution_login_id),
        )
