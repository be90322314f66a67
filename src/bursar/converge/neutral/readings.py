"""What changed since the last reading, in each of the three styles, and where does the next reading begin?"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Protocol

from bursar.converge.neutral.client import Changes, Listing, NeutralClient, contradiction, is_cursor_unknown
from bursar.converge.neutral.failures import ACCOUNT_UNKNOWN
from bursar.converge.neutral.records import Collector
from bursar.converge.neutral.wire import Gone
from bursar.domain.accounts import ProviderAccountData
from bursar.domain.holdings import HoldingsListing
from bursar.domain.sync import DataWarning, SyncBatch, SyncCursor, TransactionListing
from bursar.domain.transactions import ProviderTransactionData, RemovedTransaction
from bursar.transport.errors import TransportError

HISTORY_DAYS = 730
OVERLAP_DAYS = 45
"""How far before its last reading a window begins: banks list rows up to that much later than they book them."""
FULL_EVERY_DAYS = 7
FULL_EVERY_READINGS = 10
"""A change of an older row shows only in a reading of everything, made when either count is reached."""

_FEED = "feed"
_CONSENT = "consent"
_ACCOUNT = "account:"


@dataclass(frozen=True, slots=True)
class Access:
    """What a reading needs of the credentials."""

    token: str
    consent_id: str
    """Another one than last time: ids may have changed, and everything is read again."""


class Reading(Protocol):
    """One style of reading."""

    def sync(self, access: Access, cursor: SyncCursor, today: date) -> AsyncIterator[SyncBatch]:
        """Yield what changed since the cursor."""
        ...

    async def fetch(
        self, access: Access, account: ProviderAccountData, since: date | None, until: date | None, collector: Collector
    ) -> list[ProviderTransactionData]:
        """Return an account's rows between two days, both inclusive."""
        ...


class FeedReading:
    """A feed of changes under stable ids."""

    def __init__(self, client: NeutralClient) -> None:
        self._client = client

    async def sync(self, access: Access, cursor: SyncCursor, today: date) -> AsyncIterator[SyncBatch]:
        """Yield accounts with every change since the cursor, then the positions.

        A cursor that the provider no longer knows leads to the whole history, which then says to be complete.
        """
        collector = Collector()
        accounts = collector.accounts(await self._client.get_accounts(access.token))
        accounts_complete = not collector.rejected
        reached = cursor.get(_FEED)
        try:
            pages = await self._client.get_changes(access.token, reached)
        except TransportError as error:
            if reached is None or not is_cursor_unknown(error):
                raise
            reached = None
            pages = await self._client.get_changes(access.token, None)
            collector.warnings.append(
                DataWarning(
                    code="full_resync",
                    message="The provider no longer knows the stored position, so the whole history was read again.",
                )
            )
        transactions, removed = _merge(pages, _currencies(accounts), collector)
        yield SyncBatch(
            accounts=accounts,
            accounts_complete=accounts_complete,
            transactions=transactions,
            listings=_whole(accounts, today) if reached is None and not collector.rejected else (),
            removed=[
                RemovedTransaction(provider_transaction_id=gone.id, provider_account_id=gone.account_id)
                for gone in removed
            ],
            rejected=collector.rejected,
            warnings=collector.warnings,
            cursor=None if collector.rejected else {_FEED: pages[-1].next_cursor},
        )
        held = Collector()
        try:
            listings = [
                await read_holdings(self._client, access.token, account.provider_account_id, held)
                for account in accounts
                if is_brokerage(account)
            ]
        except TransportError as error:
            if error.code == ACCOUNT_UNKNOWN:
                raise contradiction() from error
            raise
        if listings:
            yield SyncBatch(holdings=listings, rejected=held.rejected, warnings=held.warnings)

    async def fetch(
        self, access: Access, account: ProviderAccountData, since: date | None, until: date | None, collector: Collector
    ) -> list[ProviderTransactionData]:
        """Return an account's rows between two days: there is no such question, so all are read and sorted out."""
        pages = await self._client.get_changes(access.token, None)
        rows, _ = _merge(pages, _currencies([account]), collector, only=account.provider_account_id)
        return [row for row in rows if _is_within(row, since, until)]


class SpanReading:
    """Rows of a span of days, one account at a time, each said to be complete; the base of two styles."""

    def __init__(self, client: NeutralClient) -> None:
        self._client = client

    async def sync(self, access: Access, cursor: SyncCursor, today: date) -> AsyncIterator[SyncBatch]:
        """Yield the accounts, then for each its rows and positions in one batch.

        The cursor moves on with each account, so that an account that fails does not make the others be read again
        from further back.
        """
        collector = Collector()
        accounts = collector.accounts(await self._client.get_accounts(access.token))
        known = _known(cursor, access, accounts)
        # Places of accounts that are not listed are dropped: one that returns is read from its beginning.
        yield SyncBatch(
            accounts=accounts,
            accounts_complete=not collector.rejected,
            rejected=collector.rejected,
            warnings=collector.warnings,
            cursor=known if self.has_cursor and not collector.rejected and known != cursor else None,
        )
        vanished: TransportError | None = None
        for account in accounts:
            account_id = account.provider_account_id
            place = Place.parse(known.get(_ACCOUNT + account_id), today) if self.has_cursor else None
            since = place.since if place is not None else today - timedelta(days=HISTORY_DAYS)
            collector = Collector()
            holdings: list[HoldingsListing] = []
            try:
                listings = await self.read(access.token, account_id, since, None)
                if is_brokerage(account):
                    holdings.append(await read_holdings(self._client, access.token, account_id, collector))
            except TransportError as error:
                if error.code != ACCOUNT_UNKNOWN:
                    raise
                # It was listed a moment ago: the others are read first, so that they never wait for this one.
                vanished = vanished or error
                continue
            rows = _collect(listings, account, collector)
            is_whole = not collector.rejected
            known[_ACCOUNT + account_id] = Place.after(place, today).to_text()
            yield SyncBatch(
                transactions=rows,
                listings=[TransactionListing(provider_account_id=account_id, since=since)],
                holdings=holdings,
                rejected=collector.rejected,
                warnings=collector.warnings,
                cursor=dict(known) if self.has_cursor and is_whole else None,
            )
        if vanished is not None:
            raise contradiction() from vanished

    async def fetch(
        self, access: Access, account: ProviderAccountData, since: date | None, until: date | None, collector: Collector
    ) -> list[ProviderTransactionData]:
        """Return an account's rows between two days."""
        listings = await self.read(access.token, account.provider_account_id, since, until)
        return [row for row in _collect(listings, account, collector) if _is_within(row, since, until)]

    has_cursor = False

    async def read(self, token: str, account_id: str, since: date | None, until: date | None) -> Sequence[Listing]:
        """Ask for the rows; more than was asked for may come."""
        raise NotImplementedError


class WindowReading(SpanReading):
    """Pages of a window of days that overlaps the last one.

    A row that changes after it has left the window is seen at the next reading of everything, at most a week later.
    """

    has_cursor = True

    async def read(self, token: str, account_id: str, since: date | None, until: date | None) -> Sequence[Listing]:
        """Ask for every page."""
        return await self._client.get_window(token, account_id, since, until)


class ListReading(SpanReading):
    """The whole list of booked and pending rows, each time; there is nothing to remember."""

    async def read(self, token: str, account_id: str, since: date | None, until: date | None) -> Sequence[Listing]:
        """Ask for the list, which has no bounds."""
        return await self._client.get_list(token, account_id)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the reading of an account stands: when it was read, when whole, and how often since."""

    read_on: date
    full_on: date
    readings: int

    @property
    def since(self) -> date:
        """The first day of the next window."""
        return self.read_on - timedelta(days=OVERLAP_DAYS)

    @classmethod
    def parse(cls, text: str | None, today: date) -> "Place | None":
        """Return the stored place; None when there is none, or when everything is due again."""
        try:
            read_on, full_on, readings = (text or "").split("/")
            place = cls(date.fromisoformat(read_on), date.fromisoformat(full_on), int(readings))
        except ValueError:
            return None
        age = (today - place.full_on).days
        # A clock that went backwards has dated the last whole reading into the future: it proves nothing.
        if not 0 <= age < FULL_EVERY_DAYS or place.readings >= FULL_EVERY_READINGS - 1:
            return None
        return cls(min(place.read_on, today), place.full_on, place.readings)

    @classmethod
    def after(cls, before: "Place | None", today: date) -> "Place":
        """Return the place after a reading today that went on from `before` (None: of everything)."""
        if before is None:
            return cls(today, today, 0)
        return cls(today, before.full_on, before.readings + 1)

    def to_text(self) -> str:
        """Return it as it stands in a cursor."""
        return f"{self.read_on}/{self.full_on}/{self.readings}"


def _whole(accounts: Sequence[ProviderAccountData], today: date) -> list[TransactionListing]:
    since = today - timedelta(days=HISTORY_DAYS)
    return [TransactionListing(provider_account_id=account.provider_account_id, since=since) for account in accounts]


def is_brokerage(account: ProviderAccountData) -> bool:
    """Whether the account can have positions."""
    return account.account_type == "brokerage"


async def read_holdings(client: NeutralClient, token: str, account_id: str, collector: Collector) -> HoldingsListing:
    """Return an account's positions; an incomplete or partly unreadable snapshot says so."""
    answer = await client.get_holdings(token, account_id)
    rejected_before = len(collector.rejected)
    records, _ = collector.holdings(answer.rows, account_id)
    return HoldingsListing(
        provider_account_id=account_id,
        holdings=records,
        complete=answer.envelope.complete and len(collector.rejected) == rejected_before,
        as_of=answer.envelope.as_of,
    )


def _merge(
    pages: Sequence[Changes], currencies: Mapping[str, str], collector: Collector, *, only: str | None = None
) -> tuple[list[ProviderTransactionData], list[Gone]]:
    """The pages of an update as one: of two words about a row, the later page's stands. Ids count within an account."""
    listed: dict[tuple[str, str | None], ProviderTransactionData] = {}
    removed: dict[tuple[str, str | None], Gone] = {}
    for page in pages:
        for rows in (page.added, page.modified):
            for row in collector.transactions(rows, page.positive, currencies):
                key = (row.provider_account_id, row.provider_transaction_id)
                removed.pop(key, None)
                listed[key] = row
        for gone in collector.gone(page.removed):
            listed.pop((gone.account_id, gone.id), None)
            removed[gone.account_id, gone.id] = gone
    rows = [row for row in listed.values() if only is None or row.provider_account_id == only]
    return rows, list(removed.values())


def _collect(
    listings: Sequence[Listing], account: ProviderAccountData, collector: Collector
) -> list[ProviderTransactionData]:
    currencies = _currencies([account])
    account_id = account.provider_account_id
    return [
        row
        for listing in listings
        for row in collector.transactions(listing.rows, listing.positive, currencies, account_id)
    ]


def _known(cursor: SyncCursor, access: Access, accounts: Sequence[ProviderAccountData]) -> dict[str, str]:
    """The places that still count: of accounts that are listed, read under the present consent."""
    known = {_CONSENT: access.consent_id}
    if cursor.get(_CONSENT) == access.consent_id:
        names = {_ACCOUNT + account.provider_account_id for account in accounts}
        known |= {name: place for name, place in cursor.items() if name in names}
    return known


def _currencies(accounts: Sequence[ProviderAccountData]) -> dict[str, str]:
    return {account.provider_account_id: account.currency for account in accounts}


def _is_within(row: ProviderTransactionData, since: date | None, until: date | None) -> bool:
    return (since is None or since <= row.transaction_date) and (until is None or row.transaction_date <= until)
