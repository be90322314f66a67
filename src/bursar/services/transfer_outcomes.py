"""How is the outcome of a transfer recorded, and how is one found out that nobody has recorded?"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from bursar.domain.audit import AuditEventType
from bursar.domain.connections import ConnectionStatus
from bursar.domain.money import format_amount
from bursar.domain.time import Clock
from bursar.domain.transfers import (
    CLOCKS_DIFFER,
    SEND_WITHIN,
    Sighting,
    Transfer,
    TransferStatus,
    find_outcome,
    next_check,
)
from bursar.ports.errors import ProviderError
from bursar.ports.provider import Credentials, TransferAdapter, TransferOrder
from bursar.services.keys import KeyService
from bursar.services.provider_calls import ProviderPool
from bursar.storage import audit, connections, transfer_limits, transfers
from bursar.storage.unit_of_work import Database, Transaction

NOT_CARRIED_OUT = "not_carried_out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a transfer has ended, or that nobody knows."""

    status: TransferStatus
    event: AuditEventType
    provider_transfer_id: str | None = None
    failure_code: str | None = None
    failure_message: str | None = None
    basis: str | None = None
    """What it rests on, for the audit event, where that is neither the provider's answer nor its activity."""


_LOOKED_UP = frozenset({TransferStatus.UNKNOWN, TransferStatus.COMPLETED})
"""What is looked for at the provider while its movement is not known."""

LOST = Outcome(
    status=TransferStatus.UNKNOWN,
    event=AuditEventType.TRANSFER_OUTCOME_UNKNOWN,
    failure_code="interrupted",
    failure_message="Bursar was interrupted while the provider was asked; whether money moved is being looked up.",
)


def order_of(transfer: Transfer) -> TransferOrder:
    """Return what a provider is told of a transfer."""
    return TransferOrder(
        source_account_id=transfer.source_place,
        destination_account_id=transfer.destination_place,
        amount=transfer.amount,
        currency=transfer.currency,
        description=transfer.description,
        is_instant=transfer.is_instant,
        reference=str(transfer.id),
    )


async def record_event(
    tx: Transaction,
    tenant_id: UUID,
    event_type: AuditEventType,
    transfer: Transfer,
    *,
    actor: UUID | None,
    at: datetime,
    **more: str | None,
) -> None:
    """Keep an audit event about a transfer: ids, amount and codes; no names and no numbers of accounts."""
    data: dict[str, object] = {
        "connection_id": str(transfer.connection_id),
        "provider": transfer.provider_slug,
        "source_account_id": str(transfer.source_account_id),
        "destination_account_id": str(transfer.destination_account_id),
        "amount": format_amount(transfer.amount, transfer.currency),
        "currency": transfer.currency,
    }
    data |= {name: value for name, value in more.items() if value is not None}
    await audit.insert_event(tx, tenant_id, event_type, subject_id=transfer.id, actor_user_id=actor, data=data, at=at)


async def settle(
    tx: Transaction, tenant_id: UUID, transfer_id: UUID, outcome: Outcome, *, actor: UUID | None, at: datetime
) -> Transfer | None:
    """Record an outcome with what it does to the limit and its audit event; return the transfer as it is now.

    An outcome that the transfer may not have any more (another process was first) changes nothing. None when the
    transfer is gone with its tenant.
    """
    found = await transfers.find_transfer(tx, tenant_id, transfer_id)
    if found is None:
        return None
    await transfers.lock_connection(tx, tenant_id, found.connection_id)
    before = await transfers.find_transfer(tx, tenant_id, transfer_id, for_update=True)
    if before is None or not before.status.may_become(outcome.status):
        return before
    movement = outcome.provider_transfer_id
    if movement is not None and await transfers.list_claimed(tx, tenant_id, before.connection_id, [movement]):
        movement = None
    if outcome.status is TransferStatus.COMPLETED:
        count = transfer_limits.commit if before.status.counts else transfer_limits.commit_late
        await count(tx, tenant_id, before)
    elif outcome.status is TransferStatus.FAILED:
        await transfer_limits.release(tx, tenant_id, before)
    await transfers.record_status(
        tx,
        tenant_id,
        transfer_id,
        outcome.status,
        at=at,
        check_at=at if outcome.status in _LOOKED_UP and movement is None else None,
        provider_transfer_id=movement,
        failure_code=outcome.failure_code,
        failure_message=outcome.failure_message,
    )
    await record_event(
        tx,
        tenant_id,
        outcome.event,
        before,
        actor=actor,
        at=at,
        code=outcome.failure_code,
        basis=outcome.basis,
        provider_transfer_id=movement,
    )
    return await transfers.find_transfer(tx, tenant_id, transfer_id)


def _is_open(transfer: Transfer) -> bool:
    """True while a transfer's movement is looked for: to know whether it happened, or only which one it was."""
    return transfer.status in _LOOKED_UP and transfer.provider_transfer_id is None


async def lapse(tx: Transaction, tenant_id: UUID, transfer: Transfer, *, at: datetime) -> None:
    """Let a staged transfer expire; the caller has it locked."""
    await transfers.record_status(tx, tenant_id, transfer.id, TransferStatus.EXPIRED, at=at)
    await record_event(tx, tenant_id, AuditEventType.TRANSFER_EXPIRED, transfer, actor=None, at=at)


class TransferReconciler:
    """Looks after transfers that were left open. It reads at the provider; it never sends."""

    def __init__(self, database: Database, providers: ProviderPool, keys: KeyService, clock: Clock) -> None:
        self._database = database
        self._providers = providers
        self._keys = keys
        self._clock = clock

    async def list_due(self, *, limit: int = 100) -> list[tuple[UUID, UUID]]:
        """Return (tenant, transfer) of those that need looking after now."""
        async with self._database.transaction_across_tenants() as tx:
            return await transfers.list_due(tx, now=self._clock.now(), limit=limit)

    async def look_after(self, tenant_id: UUID, transfer_id: UUID) -> Transfer | None:
        """Let a staged transfer lapse, or find out what became of an uncertain one; return it as it is now.

        Safe to call at any time and from several processes at once. What cannot be found out now is tried again later.
        """
        opened = await self._open(tenant_id, transfer_id)
        if opened is None or isinstance(opened, Transfer):
            return opened
        transfer, since, credentials, adapter = opened
        try:
            sightings = await adapter.find_transfers(credentials, order_of(transfer), since)
        except ProviderError:
            return await self._later(tenant_id, transfer)
        return await self._judge(tenant_id, transfer, sightings)

    async def _open(
        self, tenant_id: UUID, transfer_id: UUID
    ) -> Transfer | tuple[Transfer, datetime, Credentials, TransferAdapter] | None:
        now = self._clock.now()
        async with self._database.transaction(tenant_id) as tx:
            transfer = await transfers.find_transfer(tx, tenant_id, transfer_id, for_update=True)
            if transfer is None or transfer.check_at is None:
                return transfer
            if transfer.status is TransferStatus.AWAITING_CONFIRMATION:
                if transfer.expires_at is not None and now >= transfer.expires_at:
                    await lapse(tx, tenant_id, transfer, at=now)
                return await transfers.find_transfer(tx, tenant_id, transfer_id)
            if transfer.sent_at is None or not (transfer.status is TransferStatus.SENDING or _is_open(transfer)):
                await transfers.set_check(tx, tenant_id, transfer_id, None)
                return transfer
            if transfer.status is TransferStatus.SENDING and now < transfer.sent_at + SEND_WITHIN:
                return transfer  # whoever sends it still may
            alike = await transfers.list_alike(tx, tenant_id, transfer)
            since = min([one.sent_at for one in alike if one.sent_at is not None] or [transfer.sent_at])
            connection = await connections.find_connection(tx, tenant_id, transfer.connection_id)
            credentials = await self._keys.open_credentials(
                tx, tenant_id, transfer.connection_id, provider_slug=transfer.provider_slug
            )
        if transfer.status is TransferStatus.SENDING:
            async with self._database.transaction(tenant_id) as tx:
                transfer = await settle(tx, tenant_id, transfer_id, LOST, actor=None, at=now)
            if transfer is None or transfer.status is not TransferStatus.UNKNOWN:
                return transfer
        adapter = self._adapter(transfer.provider_slug)
        is_readable = connection is not None and connection.status is not ConnectionStatus.DISCONNECTED
        if adapter is None or credentials is None or not is_readable:
            return await self._later(tenant_id, transfer)
        return transfer, since - CLOCKS_DIFFER, credentials, adapter

    def _adapter(self, slug: str) -> TransferAdapter | None:
        if not self._providers.can_transfer(slug) or self._providers.refuse(slug) is not None:
            return None
        adapter = self._providers.get_provider(slug)
        return adapter if isinstance(adapter, TransferAdapter) else None

    async def _judge(self, tenant_id: UUID, transfer: Transfer, sightings: list[Sighting]) -> Transfer | None:
        now = self._clock.now()
        async with self._database.transaction(tenant_id) as tx:
            await transfers.lock_connection(tx, tenant_id, transfer.connection_id)
            present = await transfers.find_transfer(tx, tenant_id, transfer.id, for_update=True)
            if present is None or not _is_open(present):
                return present
            movements = [one.provider_transfer_id for one in sightings]
            claimed = await transfers.list_claimed(tx, tenant_id, transfer.connection_id, movements)
            alike = await transfers.list_alike(tx, tenant_id, present)
            free = [one for one in sightings if one.provider_transfer_id not in claimed]
            finding = find_outcome(present, alike, free, now)
            movement = finding.sighting.provider_transfer_id if finding.sighting is not None else None
            if present.status is TransferStatus.COMPLETED and movement is not None:
                await transfers.set_movement(tx, tenant_id, transfer.id, movement, at=now)
                return await transfers.find_transfer(tx, tenant_id, transfer.id)
            if finding.verdict == "happened":
                outcome = Outcome(
                    status=TransferStatus.COMPLETED, event=AuditEventType.TRANSFER_FOUND, provider_transfer_id=movement
                )
                return await settle(tx, tenant_id, transfer.id, outcome, actor=None, at=now)
            if finding.verdict == "not_happened":
                outcome = Outcome(
                    status=TransferStatus.FAILED,
                    event=AuditEventType.TRANSFER_NOT_FOUND,
                    provider_transfer_id=movement,
                    failure_code=NOT_CARRIED_OUT,
                    failure_message="The provider's activity shows that no money moved.",
                )
                return await settle(tx, tenant_id, transfer.id, outcome, actor=None, at=now)
            await transfers.set_check(tx, tenant_id, transfer.id, next_check(present, now))
            return await transfers.find_transfer(tx, tenant_id, transfer.id)

    async def _later(self, tenant_id: UUID, transfer: Transfer) -> Transfer | None:
        now = self._clock.now()
        async with self._database.transaction(tenant_id) as tx:
            present = await transfers.find_transfer(tx, tenant_id, transfer.id, for_update=True)
            if present is not None and _is_open(present):
                await transfers.set_check(tx, tenant_id, transfer.id, next_check(present, now))
            return await transfers.find_transfer(tx, tenant_id, transfer.id)
