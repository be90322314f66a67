"""Calls about transactions: what changed since a cursor, and what happened between two dates?"""

from collections.abc import Sequence
from datetime import date
from typing import Any, Literal

from bursar.providers.plaid.sdk.errors import PlaidResponseError, PlaidSyncMutationError
from bursar.providers.plaid.sdk.models.accounts import Account
from bursar.providers.plaid.sdk.models.items import Acknowledgement
from bursar.providers.plaid.sdk.models.transactions import (
    Removed,
    SyncPage,
    Transaction,
    TransactionsListing,
    TransactionsPage,
    TransactionsUpdate,
)
from bursar.providers.plaid.sdk.offsets import PageFacts, drain
from bursar.providers.plaid.sdk.session import PlaidSession
from bursar.transport.pages import iter_pages
from bursar.transport.redaction import Secret
from bursar.transport.rows import without_none

MAX_PAGE_SIZE = 500
MAX_SYNC_RESTARTS = 5
HISTORY_COMPLETE = "HISTORICAL_UPDATE_COMPLETE"
NOT_READY = "NOT_READY"
CategoryVersion = Literal["v1", "v2"]


class TransactionCalls(PlaidSession):
    """Transactions of deposit, card and student loan accounts; other kinds of account have none here."""

    async def get_sync_page(
        self,
        access_token: str | Secret,
        cursor: str | None = None,
        *,
        count: int = MAX_PAGE_SIZE,
        account_id: str | None = None,
        category_version: CategoryVersion = "v2",
        include_original_description: bool = False,
        days_requested: int | None = None,
    ) -> SyncPage:
        """One page of what changed since `cursor` (None or "": since the beginning).

        A page is part of an update that is only whole when `has_more` is False: prefer `sync_transactions`.

        `count` is 1 to 500 changes; large pages make a change during the reading rarer. `account_id` reads a separate
        stream with cursors of its own, never to be mixed with the item's. `days_requested` (1 to 730) counts only on
        the first call of an item that was made without the product.

        Source: https://plaid.com/docs/api/products/transactions/#transactionssync (read 2026-11-21).
        """
        options = {
            "account_id": account_id,
            "personal_finance_category_version": category_version,
            "include_original_description": include_original_description or None,
            "days_requested": days_requested,
        }
        return await self._read(
            "/transactions/sync",
            {"access_token": access_token, "cursor": cursor or None, "count": count, "options": without_none(options)},
            SyncPage,
        )

    async def sync_transactions(
        self,
        access_token: str | Secret,
        cursor: str | None = None,
        *,
        count: int = MAX_PAGE_SIZE,
        account_id: str | None = None,
        category_version: CategoryVersion = "v2",
        include_original_description: bool = False,
        days_requested: int | None = None,
    ) -> TransactionsUpdate:
        """Everything that changed since `cursor`, all pages of it, or nothing.

        When the data changes under the reading, Plaid refuses the rest of the pages and everything read so far is
        void: the reading begins again at `cursor`, up to five times.

        Raises:
            PlaidSyncMutationError: it changed during all six readings: try again later, from the same cursor.
            PlaidRequestError: code INVALID_FIELD with a cursor older than a year: begin again without one and
                reconcile by transaction id.
        """

        async def fetch(at: str) -> SyncPage:
            return await self.get_sync_page(
                access_token,
                at,
                count=count,
                account_id=account_id,
                category_version=category_version,
                include_original_description=include_original_description,
                days_requested=days_requested,
            )

        restarts = 0
        while True:
            try:
                pages = [
                    page
                    async for page in iter_pages(
                        fetch,
                        lambda page: page.next_cursor if page.has_more else None,
                        first=cursor or "",
                        loop_error=PlaidResponseError,
                    )
                ]
            except PlaidSyncMutationError:
                if restarts == MAX_SYNC_RESTARTS:
                    raise
                restarts += 1
                await self._timing.sleep(min(8.0, 0.5 * 2.0 ** (restarts - 1)) * (1.0 - self._timing.random() / 2))
            else:
                return merge_pages(pages, restarts, from_beginning=not cursor)

    async def get_transactions(
        self,
        access_token: str | Secret,
        start_date: date,
        end_date: date,
        *,
        account_ids: Sequence[str] | None = None,
        count: int = MAX_PAGE_SIZE,
        category_version: CategoryVersion = "v2",
        include_original_description: bool = False,
        days_requested: int | None = None,
    ) -> TransactionsListing:
        """Every transaction between two dates, both inclusive, newest first; all pages, not the first.

        Raises:
            PlaidProductNotReadyError: Plaid has not read the institution yet: try again in some seconds.
        """

        async def fetch(offset: int) -> PageFacts[TransactionsPage]:
            options = {
                "account_ids": list(account_ids) if account_ids is not None else None,
                "count": count,
                "offset": offset,
                "personal_finance_category_version": category_version,
                "include_original_description": include_original_description or None,
                "days_requested": days_requested,
            }
            body: dict[str, Any] = {
                "access_token": access_token,
                "start_date": start_date,
                "end_date": end_date,
                "options": without_none(options),
            }
            page = await self._read("/transactions/get", body, TransactionsPage)
            unread = sum(row.member == "transactions" for row in page.rejected)
            ids = [row.transaction_id for row in page.transactions]
            return PageFacts(page, ids, len(ids) + unread, page.total_transactions)

        pages = await drain(fetch, self._timing)
        return TransactionsListing(
            accounts=pages[0].accounts,
            transactions=tuple(row for page in pages for row in page.transactions),
            rejected=tuple(row for page in pages for row in page.rejected),
        )

    async def refresh_transactions(self, access_token: str | Secret) -> Acknowledgement:
        """Ask Plaid to read the institution now; a paid add-on. What it finds arrives by webhook.

        Raises:
            PlaidProductUnavailableError: the item or the institution does not offer it.
        """
        return await self._change("/transactions/refresh", {"access_token": access_token}, Acknowledgement)


def merge_pages(pages: Sequence[SyncPage], restarts: int = 0, *, from_beginning: bool = False) -> TransactionsUpdate:
    """The pages of one update as one: of two words about a transaction, the later page's stands."""
    added: dict[str, Transaction] = {}
    modified: dict[str, Transaction] = {}
    removed: dict[str, Removed] = {}
    accounts: dict[str, Account] = {}
    for page in pages:
        for row in page.added:
            removed.pop(row.transaction_id, None)
            modified.pop(row.transaction_id, None)
            added[row.transaction_id] = row
        for row in page.modified:
            removed.pop(row.transaction_id, None)
            # Still new to whoever applies the whole update.
            (added if row.transaction_id in added else modified)[row.transaction_id] = row
        for gone in page.removed:
            added.pop(gone.transaction_id, None)
            modified.pop(gone.transaction_id, None)
            removed[gone.transaction_id] = gone
        accounts.update((account.account_id, account) for account in page.accounts)
    last = pages[-1]
    return TransactionsUpdate(
        added=tuple(added.values()),
        modified=tuple(modified.values()),
        removed=tuple(removed.values()),
        accounts=tuple(accounts.values()),
        # Before the first reading of the bank the cursor is empty: stored, it would look like "up to date".
        next_cursor=None if last.transactions_update_status == NOT_READY else last.next_cursor or None,
        status=last.transactions_update_status,
        rejected=tuple(row for page in pages for row in page.rejected),
        pages=len(pages),
        restarts=restarts,
        is_whole=from_beginning and last.transactions_update_status == HISTORY_COMPLETE,
    )
