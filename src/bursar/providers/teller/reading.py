"""How is one enrolment read, when there is no feed of changes and an empty list may be a fault?"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, cast

from bursar.domain.accounts import ProviderAccountData
from bursar.domain.sync import DataWarning, SyncCursor, TransactionListing
from bursar.domain.transactions import ProviderTransactionData, RemovedTransaction
from bursar.ports.errors import ProviderNotFoundError
from bursar.providers.teller.failures import SLUG, data_changing
from bursar.providers.teller.records import Collector, KnownAccount
from bursar.providers.teller.sdk.client import DEFAULT_PAGE_SIZE, TellerClient
from bursar.providers.teller.sdk.errors import (
    TellerAccountClosedError,
    TellerNotFoundError,
    TellerResponseError,
)
from bursar.providers.teller.sdk.models import Account, Balances, Transaction
from bursar.providers.teller.sdk.wire import Rows

OVERLAP_DAYS = 45
"""How far before its last reading a window begins: banks list rows up to that much later than they book them."""
FULL_EVERY_DAYS = 7
"""A change of an older row shows only in a reading of everything."""
REMEMBERED = 20
"""How many of the oldest rows are remembered, to be asked for by name when a listing lacks them."""
_LISTING_TRIES = 3

_ACCOUNT = "account:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What is remembered of the reading of an account, so that a listing that lacks rows can be told from a fault.

    Attributes:
        read_on: the day of the last reading.
        full_on: the day of the last reading of everything.
        newest: the id of the newest row then; empty without rows.
        oldest: ids of the oldest rows when everything was read, the oldest first.
    """

    read_on: date
    full_on: date
    newest: str
    oldest: tuple[str, ...]

    @classmethod
    def parse(cls, text: str | None) -> "Place | None":
        """Return the place as it stood in a cursor; None when there is none."""
        try:
            read_on, full_on, newest, oldest = json.loads(text or "")
            return cls(
                read_on=date.fromisoformat(read_on),
                full_on=date.fromisoformat(full_on),
                newest=str(newest),
                oldest=tuple(str(one) for one in cast("list[Any]", oldest)),
            )
        except (ValueError, TypeError):
            return None

    def to_text(self) -> str:
        """Return it as it stands in a cursor."""
        return json.dumps([self.read_on.isoformat(), self.full_on.isoformat(), self.newest, self.oldest])

    def window_start(self, today: date) -> date | None:
        """Return the first day of the next window; None when everything is due again.

        A clock that went backwards has dated the last whole reading into the future: it proves nothing.
        """
        if not 0 <= (today - self.full_on).days < FULL_EVERY_DAYS:
            return None
        return min(self.read_on, today) - timedelta(days=OVERLAP_DAYS)


def place_of(cursor: SyncCursor, account_id: str) -> Place | None:
    """Return where the reading of an account stands."""
    return Place.parse(cursor.get(_ACCOUNT + account_id))


def with_place(cursor: SyncCursor, account_id: str, place: Place) -> dict[str, str]:
    """Return the cursor with the new place of an account; the others stay, also of accounts that are away."""
    return {**cursor, _ACCOUNT + account_id: place.to_text()}


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRows:
    """What one reading of an account came to."""

    rows: Sequence[ProviderTransactionData]
    removed: Sequence[RemovedTransaction]
    listing: TransactionListing
    place: Place


class EnrollmentReader:
    """Reads one enrolment once; make another one for the next reading."""

    def __init__(self, client: TellerClient, access_token: str, page_size: int = DEFAULT_PAGE_SIZE) -> None:
        self._client = client
        self._page_size = page_size
        self._token = access_token

    async def read_accounts(self, collector: Collector, only: Collection[str] | None = None) -> list[KnownAccount]:
        """Read every account, or those of some ids, and what its institution says it holds now.

        Raises:
            ProviderNotFoundError: one of the ids is none of the enrolment's; no institution was asked.
            ProviderUnavailableError: an account was gone a moment after it had been listed.
        """
        told = await self._client.list_accounts(self._token)
        if only is not None and not set(only) <= {account.id for account in told}:
            raise ProviderNotFoundError("Teller does not know this account.", provider=SLUG)
        collector.unread_accounts(told.rejected)
        found: list[KnownAccount] = []
        for index, account in enumerate(told):
            if only is not None and account.id not in only:
                continue
            known = collector.account(account, await self._balances(account), index)
            if known is not None:
                found.append(known)
        return found

    async def read_rows(
        self, account: KnownAccount, place: Place | None, today: date, collector: Collector
    ) -> AccountRows:
        """Read an account's rows, the newest first, until they are older than the window or come to an end.

        What the answer lacks and should have is asked for by name before it is believed to be gone: a listing that a
        fault has emptied or cut looks like one from which rows were taken back.

        Raises:
            ProviderUnavailableError: the newest known row is missing from the listing and exists all the same, or rows
                moved between the pages.
        """
        since = place.window_start(today) if place is not None else None
        pages, is_whole = await self._pages(account.told.id, since)
        ids = [row.id for page in pages for row in page]
        unread = sum(len(page.rejected) for page in pages)
        known = frozenset(ids)
        # An unreadable row may be the one that seems to be missing.
        if place is not None and not unread:
            if place.newest and place.newest not in known and await self._exists(account.told.id, place.newest):
                raise data_changing()
            missing = [one for one in place.oldest if one not in known] if is_whole else []
            gone = [one for one in missing if not await self._exists(account.told.id, one)]
        else:
            gone = []
        rows = collector.transactions(pages, account.told)
        return AccountRows(
            rows=rows,
            removed=[
                RemovedTransaction(provider_transaction_id=one, provider_account_id=account.told.id) for one in gone
            ],
            listing=TransactionListing(provider_account_id=account.told.id, since=None if is_whole else since),
            place=Place(
                read_on=today,
                full_on=today if is_whole or place is None else place.full_on,
                newest=ids[0] if ids else "",
                oldest=tuple(reversed(ids[-REMEMBERED:])) if is_whole or place is None else place.oldest,
            ),
        )

    async def _pages(self, account_id: str, since: date | None) -> tuple[list[Rows[Transaction]], bool]:
        """Return pages, and whether they go back to the oldest row."""
        for _ in range(_LISTING_TRIES):
            pages: list[Rows[Transaction]] = []
            try:
                async for page in self._client.iter_transaction_pages(self._token, account_id, count=self._page_size):
                    pages.append(page)
                    if since is not None and page and page[-1].date < since and page.told >= self._page_size:
                        return pages, False
            except TellerNotFoundError:
                if not pages:
                    raise
                continue  # the row that the next page begins behind has gone meanwhile
            return pages, True
        raise data_changing()

    async def _balances(self, account: Account) -> Balances | None:
        # A link that is missing is a question that is not answered; of a closed account nothing is.
        if account.links.balances is None or account.status == "closed":
            return None
        try:
            balances = await self._client.get_balances(self._token, account.id)
        except TellerAccountClosedError:
            return None
        except TellerNotFoundError:
            raise data_changing() from None
        if balances.account_id != account.id:
            raise TellerResponseError("the balances are those of another account")
        return balances

    async def _exists(self, account_id: str, transaction_id: str) -> bool:
        try:
            await self._client.get_transaction(self._token, account_id, transaction_id)
        except TellerNotFoundError:
            return False
        return True


def is_readable(account: KnownAccount) -> bool:
    """True for an account that tells its rows."""
    return account.told.links.transactions is not None and account.record.is_active


def not_offered(accounts: Sequence[KnownAccount]) -> list[DataWarning]:
    """Return a warning for each open account whose institution does not tell its rows."""
    return [
        DataWarning(
            code="not_offered",
            message="The institution does not tell the transactions of this account through Teller.",
            field="accounts.links.transactions",
            provider_id=account.told.id,
        )
        for account in accounts
        if account.record.is_active and account.told.links.transactions is None
    ]


def is_between(row: ProviderTransactionData, since: date | None, until: date | None) -> bool:
    """True for a row between two days, both included."""
    return (since is None or since <= row.transaction_date) and (until is None or row.transaction_date <= until)


def records_of(accounts: Sequence[KnownAccount]) -> list[ProviderAccountData]:
    """Return the accounts as the ledger knows them."""
    return [account.record for account in accounts]
