"""Which balances of a batch are kept as observations?"""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bursar.domain.accounts import ProviderAccountData
from bursar.domain.balances import BalanceObservation
from bursar.domain.holdings import HoldingsListing
from bursar.domain.sync import DataWarning, RecordCounts, SyncBatch, SyncReport
from bursar.domain.time import local_date
from bursar.services.ingest_accounts import ResolvedAccount
from bursar.services.ingest_target import IngestTarget
from bursar.storage import balances
from bursar.storage.balances import ObservationWrite
from bursar.storage.unit_of_work import Transaction

_MISMATCH_PERCENT = Decimal("0.01")


async def write_snapshots(
    tx: Transaction,
    tenant_id: UUID,
    target: IngestTarget,
    batch: SyncBatch,
    resolved: Mapping[str, ResolvedAccount],
    report: SyncReport,
    at: datetime,
) -> None:
    """Keep what the batch says of balances; an unknown balance is no observation."""
    listings = {listing.provider_account_id: listing for listing in batch.holdings}
    writes: list[ObservationWrite] = []
    for account in batch.accounts:
        place = resolved.get(account.provider_account_id)
        if place is not None and account.balance_known:
            writes.append(_of_account(account, place, listings.get(account.provider_account_id), target, report, at))
    for observation in batch.balances:
        place = resolved.get(observation.provider_account_id)
        if place is not None and observation.currency == place.currency:
            writes.append(_of_observation(observation, place, target, at))
    inserted = await balances.insert_observations(tx, tenant_id, writes, sync_run_id=target.sync_run_id, at=at)
    report.balances.add(RecordCounts(created=inserted, unchanged=len(writes) - inserted))


def _of_account(
    account: ProviderAccountData,
    place: ResolvedAccount,
    listing: HoldingsListing | None,
    target: IngestTarget,
    report: SyncReport,
    at: datetime,
) -> ObservationWrite:
    holdings_value = _holdings_value(listing, account.currency)
    if holdings_value is not None and account.cash_balance is not None:
        difference = abs(account.balance - holdings_value - account.cash_balance)
        if difference > abs(account.balance) * _MISMATCH_PERCENT:
            report.warnings.append(
                DataWarning(
                    code="balance_mismatch",
                    message="An account's balance is not the sum of its positions and its cash.",
                    field="balance",
                )
            )
    captured_at = account.balance_as_of or at
    return ObservationWrite(
        account_id=place.account_id,
        balance=account.balance,
        available_balance=account.available_balance,
        holdings_value=holdings_value,
        cash_value=account.cash_balance,
        currency=account.currency,
        source=target.snapshot_source.value,
        captured_at=captured_at,
        observed_on=account.balance_on or _day(captured_at, place.zone),
        date_is_stated=account.balance_on is not None,
    )


def _of_observation(
    observation: BalanceObservation, place: ResolvedAccount, target: IngestTarget, at: datetime
) -> ObservationWrite:
    captured_at = observation.as_of or (_noon(observation.on) if observation.on else at)
    return ObservationWrite(
        account_id=place.account_id,
        balance=observation.balance,
        available_balance=observation.available_balance,
        holdings_value=observation.holdings_value,
        cash_value=observation.cash_value,
        currency=observation.currency,
        source=target.snapshot_source.value,
        captured_at=captured_at,
        observed_on=observation.on or _day(captured_at, place.zone),
        date_is_stated=observation.on is not None,
    )


def _holdings_value(listing: HoldingsListing | None, currency: str) -> Decimal | None:
    """Return the market value of a complete listing in the account's currency; None when any part is unknown."""
    if listing is None or not listing.complete:
        return None
    total = Decimal(0)
    for holding in listing.holdings:
        if holding.market_value is None or holding.currency != currency:
            return None
        total += holding.market_value
    return total


def _day(instant: datetime, zone: str | None) -> date:
    """Return the institution's calendar date; where its zone is unknown, UTC's, which `date_is_stated` tells."""
    try:
        return local_date(instant, ZoneInfo(zone) if zone else UTC)
    except ZoneInfoNotFoundError:
        return local_date(instant, UTC)


def _noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
