"""What changed at an item since a cursor, and where does the next reading begin?"""

from datetime import date, timedelta

from bursar.domain.sync import DataWarning, SyncBatch, SyncCursor, TransactionListing
from bursar.providers.plaid.mapping import INVESTMENT_TYPES, to_removed
from bursar.providers.plaid.records import Collector
from bursar.providers.plaid.sdk.client import PlaidClient
from bursar.providers.plaid.sdk.errors import (
    PlaidNoAccountsError,
    PlaidProductNotReadyError,
    PlaidProductUnavailableError,
    PlaidRequestError,
    error_class_of,
)
from bursar.providers.plaid.sdk.models.accounts import AccountsAnswer
from bursar.providers.plaid.sdk.models.items import Item
from bursar.providers.plaid.sdk.models.transactions import TransactionsUpdate

HISTORY_DAYS = 730
INVESTMENT_WINDOW_DAYS = 50
"""Brokers book and correct late: 45 days are usual, and their calendar may be some days off."""
INVESTMENT_WHOLE_EVERY_DAYS = 7
"""How often all movements are read, for changes that are older than the window."""

# Names in the cursor: Plaid's own cursor; the days on which investment movements were read last, and all of them; and
# of which accounts, because the user may add one later.
TRANSACTIONS = "transactions"
INVESTMENTS_ON = "investments_on"
INVESTMENTS_WHOLE_ON = "investments_whole_on"
INVESTMENTS_OF = "investments_of"


async def read_banking(
    client: PlaidClient, token: str, listed: AccountsAnswer, cursor: SyncCursor, today: date
) -> SyncBatch:
    """Accounts as listed, and every transaction that changed since the cursor: all of Plaid's update, or an error.

    The batch has no cursor while Plaid has not read the bank yet, and when a row could not be read.
    """
    collector = Collector()
    collector.unread(listed.rejected)
    update = await _read_update(client, token, cursor.get(TRANSACTIONS), collector)
    accounts = {account.account_id: account for account in listed.accounts}
    if update is None:
        records = collector.accounts(listed.accounts)
        return SyncBatch(
            accounts=records,
            accounts_complete=not collector.rejected,
            rejected=collector.rejected,
            warnings=collector.warnings,
            cursor=None if collector.rejected else cursor,
        )
    # Read later than the listing, so these balances belong to these rows. Which accounts there are, the listing says
    # alone: of two answers one may be older, and an account would be there under its old id and under its new one.
    accounts.update((one.account_id, one) for one in update.accounts if one.account_id in accounts)
    records = collector.accounts(list(accounts.values()))
    accounts_complete = not collector.rejected
    # An account that is unreadable in the listing is so here as well: one record of it is enough.
    told = {record.provider_id for record in collector.rejected if record.provider_id is not None}
    collector.unread(update.rejected, told)
    transactions = [
        *collector.transactions(update.added, "added"),
        *collector.transactions(update.modified, "modified"),
    ]
    may_advance = update.next_cursor is not None and not collector.rejected
    # The whole history, read from its beginning: nothing else exists. What is older than Plaid reaches is left alone,
    # and so is an account without any row, because a history that a fault has emptied looks the same. An account may
    # have rows although it is away from the list.
    with_rows = {row.provider_account_id for row in transactions}
    first_day = today - timedelta(days=HISTORY_DAYS)
    listings = [
        TransactionListing(provider_account_id=account_id, since=first_day if account_id in with_rows else None)
        for account_id in sorted(with_rows.union(one.provider_account_id for one in records))
        if update.next_cursor is not None and update.is_whole
    ]
    return SyncBatch(
        accounts=records,
        accounts_complete=accounts_complete,
        transactions=transactions,
        listings=listings,
        removed=[to_removed(row) for row in update.removed],
        rejected=collector.rejected,
        warnings=collector.warnings,
        cursor={**cursor, TRANSACTIONS: update.next_cursor or ""} if may_advance else None,
    )


async def read_investments(
    client: PlaidClient, token: str, listed: AccountsAnswer, cursor: SyncCursor, today: date
) -> SyncBatch | None:
    """Positions, and the movements of the last days; None when the item turns out to have neither.

    There is no cursor at Plaid here: the first reading takes two years, and so does one a week, for late changes, and
    one that finds an account that the last one did not have; each other one begins 50 days before the last. What Plaid
    lists no longer in that span was taken back.
    """
    read_on, whole_on = cursor.get(INVESTMENTS_ON), cursor.get(INVESTMENTS_WHOLE_ON)
    account_ids = {account.account_id for account in listed.accounts if account.type in INVESTMENT_TYPES}
    is_known = account_ids <= set(cursor.get(INVESTMENTS_OF, "").split())
    if not read_on or not whole_on or not is_known or _days_since(whole_on, today) >= INVESTMENT_WHOLE_EVERY_DAYS:
        start, whole_on = today - timedelta(days=HISTORY_DAYS), today.isoformat()
    else:
        start = min(date.fromisoformat(read_on), today) - timedelta(days=INVESTMENT_WINDOW_DAYS)
    try:
        holdings = await client.get_holdings(token)
        movements = await client.get_investment_transactions(token, start, today + timedelta(days=1))
    except (PlaidNoAccountsError, PlaidProductUnavailableError, PlaidProductNotReadyError):
        return None
    collector = Collector()
    listings = collector.listings(holdings)
    transactions = collector.investment_transactions(movements)
    spans = [
        TransactionListing(provider_account_id=account.account_id, since=start)
        for account in movements.accounts
        if account.type in INVESTMENT_TYPES
    ]
    return SyncBatch(
        transactions=transactions,
        listings=spans,
        holdings=listings,
        rejected=collector.rejected,
        warnings=collector.warnings,
        cursor=None
        if collector.rejected
        else {
            **cursor,
            INVESTMENTS_ON: today.isoformat(),
            INVESTMENTS_WHOLE_ON: whole_on,
            INVESTMENTS_OF: " ".join(sorted(account_ids)),
        },
    )


def _days_since(day: str, today: date) -> int:
    return (today - date.fromisoformat(day)).days


def has_investments(listed: AccountsAnswer) -> bool:
    """Whether the item has the product and an account for it."""
    item = listed.item
    products = {*(item.products or ()), *item.billed_products, *(item.consented_products or ())}
    return "investments" in products and any(account.type in INVESTMENT_TYPES for account in listed.accounts)


def raise_item_error(item: Item) -> None:
    """Raise the error that the item is in: Plaid may answer from its cache meanwhile, and say so only here."""
    if item.error is None:
        return
    error_class = error_class_of(item.error.error_type, item.error.error_code)
    raise error_class(
        "the item is in an error state",
        code=item.error.error_code,
        error_type=item.error.error_type,
        error_code_reason=item.error.error_code_reason,
    )


async def _read_update(
    client: PlaidClient, token: str, plaid_cursor: str | None, collector: Collector
) -> TransactionsUpdate | None:
    try:
        update = await client.sync_transactions(token, plaid_cursor)
    except (PlaidProductUnavailableError, PlaidNoAccountsError):
        return None  # an item with investment accounts only
    except PlaidRequestError as error:
        if not plaid_cursor or error.code != "INVALID_FIELD":
            raise
        # A cursor lives for a year at least; after that only the whole history helps.
        update = await client.sync_transactions(token)
        collector.warnings.append(
            DataWarning(
                code="full_resync",
                message="Plaid no longer knows the stored position, so the whole history was read again.",
            )
        )
    if update.next_cursor is None:
        collector.warnings.append(
            DataWarning(code="not_ready", message="Plaid has not read this bank yet; the next run asks again.")
        )
    return update
