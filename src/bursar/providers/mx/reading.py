"""What changed at a login since the last reading, and where does the next one begin?

MX has no feed: rows are listed by day and by the instant of their last change, and what was taken back is listed no
more. So each reading takes the last weeks as a whole, with what changed in older rows; and now and then everything.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from bursar.domain.accounts import ProviderAccountData
from bursar.domain.sync import SyncBatch, SyncCursor, TransactionListing
from bursar.domain.transactions import ProviderTransactionData
from bursar.providers.mx.access import Access
from bursar.providers.mx.mapping import INVESTMENT
from bursar.providers.mx.records import Collector
from bursar.providers.mx.sdk.client import MXClient
from bursar.providers.mx.sdk.models.accounts import Account
from bursar.providers.mx.sdk.models.members import CONNECTED, MemberStatus
from bursar.providers.mx.sdk.models.transactions import Transaction
from bursar.providers.mx.sdk.wire import Rows

HISTORY_DAYS = 730
"""How far back a listing of everything is believed to be one: MX may let go of what is older."""
WINDOW_DAYS = 60
"""Of so many days a reading takes all rows: banks take rows back, and list them late, by up to six weeks."""
WHOLE_EVERY_DAYS = 7
WHOLE_EVERY_READINGS = 10
"""What is taken back of older rows shows only in a reading of everything, made when either count is reached."""
MARGIN = timedelta(days=31)
"""MX bounds listings by the day on which a row happened; ours is the day on which it was posted."""
AHEAD = timedelta(days=366)
"""Pending rows may be dated ahead; without a bound MX lists five days."""
OVERLAP = timedelta(days=1)
FIRST_DAY = date(1990, 1, 1)

# Names in the cursor: MX's newest instant of a change, and when everything was read last, and how many readings ago.
UPDATED_AT = "updated_at"
WHOLE_ON = "whole_on"
READINGS = "readings"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the reading of a login stands."""

    updated_at: datetime
    """By MX's clock: ours may be wrong."""
    whole_on: date
    readings: int

    @classmethod
    def parse(cls, cursor: SyncCursor, today: date) -> "Place | None":
        """Return the stored place; None when there is none, or when everything is due again."""
        try:
            place = cls(
                datetime.fromisoformat(cursor[UPDATED_AT]),
                date.fromisoformat(cursor[WHOLE_ON]),
                int(cursor[READINGS]),
            )
        except (KeyError, ValueError):
            return None
        age = (today - place.whole_on).days
        # A clock that went backwards has dated the last whole reading into the future: it proves nothing.
        if not 0 <= age < WHOLE_EVERY_DAYS or place.readings >= WHOLE_EVERY_READINGS - 1:
            return None
        return place

    def to_cursor(self) -> SyncCursor:
        """Return it as it is stored."""
        return {
            UPDATED_AT: self.updated_at.isoformat(),
            WHOLE_ON: self.whole_on.isoformat(),
            READINGS: str(self.readings),
        }


@dataclass(slots=True)
class Listed:
    """The accounts of a login, as told and as records."""

    accounts: Rows[Account]
    records: list[ProviderAccountData]

    @property
    def currencies(self) -> Mapping[str, str]:
        """Account -> its currency."""
        return {record.provider_account_id: record.currency for record in self.records}

    @property
    def investment_ids(self) -> list[str]:
        """The accounts that can have positions."""
        investing = {account.guid for account in self.accounts if account.type == INVESTMENT}
        return [record.provider_account_id for record in self.records if record.provider_account_id in investing]


def to_bounds(start: date | None, end: date | None, today: date) -> tuple[date, date]:
    """Return what to ask MX for when the rows of a span of days are wanted: more than the span, within reason."""
    earliest, latest = FIRST_DAY + MARGIN, today + AHEAD
    first = earliest if start is None else min(max(start, earliest), latest)
    last = latest if end is None else min(max(end, earliest), latest)
    return first - MARGIN, last + MARGIN


async def list_accounts(client: MXClient, access: Access, collector: Collector) -> Listed:
    """Read a login's accounts."""
    accounts = await client.list_accounts(access.user, member=access.member)
    return Listed(accounts, collector.accounts(accounts))


async def read_rows(
    client: MXClient, access: Access, status: MemberStatus, cursor: SyncCursor, today: date
) -> tuple[SyncBatch, Listed]:
    """Read accounts, and the rows of the window or of everything.

    The batch says which days it lists as a whole only when MX is done with the bank, and where to go on only when every
    row could be read as well.
    """
    collector = Collector()
    is_settled = _is_settled(status, collector)
    listed = await list_accounts(client, access, collector)
    accounts_complete = is_settled and not collector.rejected
    place = Place.parse(cursor, today)
    since = today - timedelta(days=HISTORY_DAYS if place is None else WINDOW_DAYS)
    read = await _read(client, access, place, since, today)
    rows = _newest_words(read)
    transactions = _unique(collector.transactions(rows, listed.currencies))
    is_whole = is_settled and not collector.rejected
    newest = _newest(rows, place)
    go_on = None
    if is_whole and newest is not None:
        go_on = Place(newest, today, 0) if place is None else Place(newest, place.whole_on, place.readings + 1)
    # A login without any row says nothing: a history that a fault has emptied looks the same.
    spans = [
        TransactionListing(provider_account_id=record.provider_account_id, since=since)
        for record in listed.records
        if is_settled and transactions
    ]
    batch = SyncBatch(
        accounts=listed.records,
        accounts_complete=accounts_complete,
        transactions=transactions,
        listings=spans,
        rejected=collector.rejected,
        warnings=collector.warnings,
        cursor=None if go_on is None else go_on.to_cursor(),
    )
    return batch, listed


async def read_holdings(client: MXClient, access: Access, listed: Listed) -> SyncBatch:
    """Read the positions of all investment accounts."""
    collector = Collector()
    rows = await client.list_holdings(access.user, member=access.member)
    return SyncBatch(
        holdings=collector.listings(rows, listed.investment_ids, listed.currencies),
        rejected=collector.rejected,
        warnings=collector.warnings,
    )


def _is_settled(status: MemberStatus, collector: Collector) -> bool:
    """Whether what MX lists now is all that it knows."""
    is_read = status.has_processed_accounts is not False and status.has_processed_transactions is not False
    if is_read and not status.is_being_aggregated and status.connection_status in CONNECTED:
        return True
    collector.warn("not_ready", "MX is reading this bank; the next run asks again.")
    return False


async def _read(
    client: MXClient, access: Access, place: Place | None, since: date, today: date
) -> Sequence[Rows[Transaction]]:
    until = today + AHEAD
    if place is None:
        return [await client.list_transactions(access.user, member=access.member, from_date=FIRST_DAY, to_date=until)]
    begin = since - MARGIN
    window = await client.list_transactions(access.user, member=access.member, from_date=begin, to_date=until)
    older = await client.list_transactions(
        access.user,
        member=access.member,
        from_date=FIRST_DAY,
        to_date=begin,
        from_updated_at=place.updated_at - OVERLAP,
    )
    return [window, older]


def _newest_words(listings: Sequence[Rows[Transaction]]) -> Rows[Transaction]:
    """Return listings as one: a row that several hold is as the last one tells it."""
    rows = {row.guid: row for listing in listings for row in listing}
    return Rows(rows.values(), [row for listing in listings for row in listing.rejected])


def _unique(records: Iterable[ProviderTransactionData]) -> list[ProviderTransactionData]:
    # Ids are compared as they are stored, without blanks around them.
    return list({record.provider_transaction_id: record for record in records}.values())


def _newest(rows: Rows[Transaction], place: Place | None) -> datetime | None:
    """Return the newest instant of a change that MX has told; None when it has told none."""
    told = [row.updated_at for row in rows if row.updated_at is not None]
    told += [place.updated_at] if place is not None else []
    return max(told).astimezone(UTC) if told else None
