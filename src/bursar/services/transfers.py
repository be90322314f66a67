"""How is money moved, at most once per request, within the limits, with a record of each step?

The order is fixed: the limit of one transfer, the reservation from the day's limit and the audit event (one
transaction), the provider, then the outcome and its event (another one). Whoever dies in between leaves a transfer
that is `sending`: it goes on counting, and `TransferReconciler` finds out what became of it. Nothing is sent twice.
"""

import asyncio
from dataclasses import replace
from datetime import date, datetime
from uuid import UUID

from bursar.domain.audit import AuditEventType
from bursar.domain.connections import ConnectionStatus
from bursar.domain.failures import Conflict, Invalid, NotFound, ServiceFailure
from bursar.domain.money import format_amount
from bursar.domain.result import Failure, Result, Success
from bursar.domain.time import Clock
from bursar.domain.transfers import (
    LOOK_AFTER,
    SEND_WITHIN,
    DayUse,
    Transfer,
    TransferRequest,
    TransferRules,
    TransferStatus,
    limit_day,
    request_mark,
)
from bursar.ports.errors import ProviderError, TransferOutcomeUnknownError
from bursar.ports.provider import Credentials, TransferAdapter
from bursar.registry import Registry
from bursar.services.keys import KeyService
from bursar.services.provider_calls import ProviderPool
from bursar.services.transfer_decisions import decide
from bursar.services.transfer_outcomes import Outcome, lapse, order_of, record_event, settle
from bursar.services.transfer_plan import SIGN_IN, plan_transfer, wrong_form
from bursar.storage import connections, transfer_limits, transfers
from bursar.storage.unit_of_work import Database, Transaction

DISABLED = Conflict(
    code="transfers_disabled",
    message=(
        "Transfers are switched off on this server. Its operator switches them on with BURSAR_TRANSFERS_ENABLED=true, "
        "within the limits BURSAR_TRANSFERS_MAX_AMOUNT and BURSAR_TRANSFERS_MAX_PER_DAY."
    ),
)
_KEY_REUSED = Conflict(
    code="idempotency_key_reused", message="This key was used for a transfer that said something else."
)


class TransferService:
    """Transfers: asked for, confirmed, called off, looked at."""

    def __init__(
        self,
        database: Database,
        registry: Registry,
        providers: ProviderPool,
        keys: KeyService,
        clock: Clock,
        rules: TransferRules | None,
    ) -> None:
        """Keep the rules; None: transfers are switched off."""
        self._database = database
        self._registry = registry
        self._providers = providers
        self._keys = keys
        self._clock = clock
        self._rules = rules

    def refuse(self) -> Conflict | None:
        """Return why nothing is moved here; None where the operator has switched transfers on."""
        return DISABLED if self._rules is None else None

    async def request(
        self, tenant_id: UUID, user_id: UUID, asked: TransferRequest, *, idempotency_key: str
    ) -> Result[Transfer, ServiceFailure]:
        """Send a transfer, or stage it where it must be confirmed.

        The same key says the same transfer for ever: asking again returns it as it is now and sends nothing. The
        answer is the transfer, however it ended: its status says whether money moved.
        """
        if self._rules is None:
            return Failure(DISABLED)
        wrong = wrong_form(asked)
        if wrong is not None:
            return Failure(wrong)
        now = self._clock.now()
        async with self._database.transaction(tenant_id) as tx:
            known = await transfers.find_by_key(tx, tenant_id, user_id, idempotency_key)
            if known is not None:
                return _known(known, asked)
            prepared = await plan_transfer(
                tx,
                tenant_id,
                asked,
                user_id=user_id,
                idempotency_key=idempotency_key,
                providers=self._providers,
                at=now,
            )
            if isinstance(prepared, Failure):
                return prepared
            transfer = prepared.value
            if transfer.amount > self._rules.max_amount:
                return Failure(await self._reject_amount(tx, tenant_id, transfer, self._rules, user_id, now))
            if asked.must_confirm or self._rules.always_confirm:
                if not await transfers.insert_transfer(tx, tenant_id, transfer):
                    return _known(await transfers.find_by_key(tx, tenant_id, user_id, idempotency_key), asked)
                await record_event(tx, tenant_id, AuditEventType.TRANSFER_STAGED, transfer, actor=user_id, at=now)
                return Success(transfer)
            credentials = await self._open_credentials(tx, tenant_id, transfer)
            if credentials is None:
                return Failure(SIGN_IN)
            transfer = replace(
                transfer,
                status=TransferStatus.SENDING,
                limit_day=self._day(transfer, now),
                expires_at=None,
                sent_at=now,
                check_at=now + LOOK_AFTER,
            )
            if not await self._reserve(tx, tenant_id, transfer, self._rules):
                return Failure(await self._reject_day(tx, tenant_id, transfer, self._rules, user_id, now))
            if not await transfers.insert_transfer(tx, tenant_id, transfer):
                await transfer_limits.release(tx, tenant_id, transfer)
                return _known(await transfers.find_by_key(tx, tenant_id, user_id, idempotency_key), asked)
            await record_event(tx, tenant_id, AuditEventType.TRANSFER_REQUESTED, transfer, actor=user_id, at=now)
        return await self._send(tenant_id, user_id, transfer, credentials)

    async def confirm(self, tenant_id: UUID, user_id: UUID, transfer_id: UUID) -> Result[Transfer, ServiceFailure]:
        """Send a staged transfer, once: confirming again returns it as it is now."""
        if self._rules is None:
            return Failure(DISABLED)
        now = self._clock.now()
        async with self._database.transaction(tenant_id) as tx:
            staged = await transfers.find_transfer(tx, tenant_id, transfer_id, for_update=True)
            if staged is None:
                return Failure(NotFound(what="transfer"))
            if staged.status is not TransferStatus.AWAITING_CONFIRMATION:
                return _confirmed(staged)
            if staged.expires_at is None or now >= staged.expires_at:
                await lapse(tx, tenant_id, staged, at=now)
                return Failure(_EXPIRED)
            connection = await connections.find_connection(tx, tenant_id, staged.connection_id)
            if connection is None or connection.status is not ConnectionStatus.ACTIVE:
                return Failure(SIGN_IN)
            refused = self._providers.refuse(staged.provider_slug)
            credentials = await self._open_credentials(tx, tenant_id, staged)
            if refused is not None or credentials is None:
                return Failure(refused or SIGN_IN)
            # The operator may have lowered the limits since.
            if staged.amount > self._rules.max_amount:
                return Failure(await self._reject_amount(tx, tenant_id, staged, self._rules, user_id, now))
            transfer = replace(staged, limit_day=self._day(staged, now), sent_at=now)
            if not await self._reserve(tx, tenant_id, transfer, self._rules):
                return Failure(await self._reject_day(tx, tenant_id, transfer, self._rules, user_id, now))
            await transfers.begin_sending(
                tx,
                tenant_id,
                transfer_id,
                limit_day=self._day(staged, now),
                confirmed_by=user_id,
                at=now,
                check_at=now + LOOK_AFTER,
            )
            for event in (AuditEventType.TRANSFER_CONFIRMED, AuditEventType.TRANSFER_REQUESTED):
                await record_event(tx, tenant_id, event, transfer, actor=user_id, at=now)
        return await self._send(tenant_id, user_id, transfer, credentials)

    async def cancel(self, tenant_id: UUID, user_id: UUID, transfer_id: UUID) -> Result[None, ServiceFailure]:
        """Call a staged transfer off; calling it off twice is calling it off once."""
        if self._rules is None:
            return Failure(DISABLED)
        now = self._clock.now()
        async with self._database.transaction(tenant_id) as tx:
            staged = await transfers.find_transfer(tx, tenant_id, transfer_id, for_update=True)
            if staged is None:
                return Failure(NotFound(what="transfer"))
            if staged.status in (TransferStatus.CANCELLED, TransferStatus.EXPIRED):
                return Success(None)
            if not staged.status.may_become(TransferStatus.CANCELLED):
                return Failure(
                    Conflict(code="invalid_transition", message="Only a transfer that was not sent can be called off.")
                )
            await transfers.record_status(tx, tenant_id, transfer_id, TransferStatus.CANCELLED, at=now)
            await record_event(tx, tenant_id, AuditEventType.TRANSFER_CANCELLED, staged, actor=user_id, at=now)
        return Success(None)

    async def decide(
        self, tenant_id: UUID, user_id: UUID, transfer_id: UUID, *, happened: bool
    ) -> Result[Transfer, ServiceFailure]:
        """Record what a person has seen at the provider of a transfer that stays unknown."""
        if self._rules is None:
            return Failure(DISABLED)
        async with self._database.transaction(tenant_id) as tx:
            return await decide(tx, tenant_id, user_id, transfer_id, happened=happened, at=self._clock.now())

    async def get_transfer(self, tenant_id: UUID, transfer_id: UUID) -> Result[Transfer, NotFound]:
        """Return one transfer."""
        async with self._database.transaction(tenant_id) as tx:
            found = await transfers.find_transfer(tx, tenant_id, transfer_id)
        return Success(found) if found is not None else Failure(NotFound(what="transfer"))

    async def list_transfers(
        self,
        tenant_id: UUID,
        *,
        limit: int,
        offset: int = 0,
        statuses: tuple[str, ...] = (),
        account_id: UUID | None = None,
    ) -> tuple[list[Transfer], int]:
        """Return a page of transfers, the newest first, and how many there are."""
        async with self._database.transaction(tenant_id) as tx:
            return await transfers.list_transfers(
                tx, tenant_id, limit=limit, offset=offset, statuses=statuses, account_id=account_id
            )

    async def get_use(self, tenant_id: UUID, *, provider_slug: str, currency: str) -> DayUse:
        """Return how much of today's limit is used; today is a day of the provider's calendar."""
        day = limit_day(self._clock.now(), self._zone(provider_slug))
        async with self._database.transaction(tenant_id) as tx:
            return await transfer_limits.get_use(tx, tenant_id, provider_slug=provider_slug, currency=currency, day=day)

    async def _send(
        self, tenant_id: UUID, user_id: UUID, transfer: Transfer, credentials: Credentials
    ) -> Result[Transfer, ServiceFailure]:
        """Ask the provider, once, and record what it said; what nobody records is looked up later."""
        outcome = await self._ask(transfer, credentials)
        async with self._database.transaction(tenant_id) as tx:
            settled = await settle(tx, tenant_id, transfer.id, outcome, actor=user_id, at=self._clock.now())
        return Success(settled) if settled is not None else Failure(NotFound(what="transfer"))

    async def _ask(self, transfer: Transfer, credentials: Credentials) -> Outcome:
        adapter = self._providers.get_provider(transfer.provider_slug)
        if not isinstance(adapter, TransferAdapter):
            return _failed("unsupported_capability", "This provider does not move money.")
        if transfer.sent_at is None or self._clock.now() >= transfer.sent_at + SEND_WITHIN:
            # This process stood still for so long that others look the transfer up already: it must not go out now.
            return _failed("too_late", "Bursar was held up before the provider was asked; nothing was sent.")
        try:
            async with asyncio.timeout(SEND_WITHIN.total_seconds()):
                movement = await adapter.send_transfer(credentials, order_of(transfer))
        except TransferOutcomeUnknownError as error:
            return _unknown(error.code, error.message)
        except ProviderError as error:
            return _failed(error.code, error.message)
        except TimeoutError:
            return _unknown("upstream_timeout", "The provider did not answer in time.")
        return Outcome(
            status=TransferStatus.COMPLETED, event=AuditEventType.TRANSFER_COMPLETED, provider_transfer_id=movement
        )

    async def _reserve(self, tx: Transaction, tenant_id: UUID, transfer: Transfer, rules: TransferRules) -> bool:
        return await transfer_limits.reserve(
            tx,
            tenant_id,
            provider_slug=transfer.provider_slug,
            currency=transfer.currency,
            day=transfer.limit_day or self._day(transfer, self._clock.now()),
            amount=transfer.amount,
            limit=rules.max_per_day,
        )

    async def _reject_amount(
        self, tx: Transaction, tenant_id: UUID, transfer: Transfer, rules: TransferRules, actor: UUID, at: datetime
    ) -> Invalid:
        await record_event(
            tx,
            tenant_id,
            AuditEventType.TRANSFER_REJECTED,
            transfer,
            actor=actor,
            at=at,
            code="transfer_limit_exceeded",
        )
        most = format_amount(rules.max_amount, transfer.currency)
        return Invalid(field="amount", message=f"At most {most} {transfer.currency} in one transfer.", code="range")

    async def _reject_day(
        self, tx: Transaction, tenant_id: UUID, transfer: Transfer, rules: TransferRules, actor: UUID, at: datetime
    ) -> Conflict:
        await record_event(
            tx, tenant_id, AuditEventType.TRANSFER_REJECTED, transfer, actor=actor, at=at, code="daily_limit_exceeded"
        )
        use = await transfer_limits.get_use(
            tx,
            tenant_id,
            provider_slug=transfer.provider_slug,
            currency=transfer.currency,
            day=self._day(transfer, at),
        )
        left = format_amount(max(rules.max_per_day - use.used, rules.max_per_day * 0), transfer.currency)
        return Conflict(
            code="daily_limit_exceeded",
            message=(
                f"Today's limit for transfers has {left} {transfer.currency} left. Transfers whose outcome is not "
                "known yet count; the day is that of the provider's calendar."
            ),
        )

    async def _open_credentials(self, tx: Transaction, tenant_id: UUID, transfer: Transfer) -> Credentials | None:
        return await self._keys.open_credentials(
            tx, tenant_id, transfer.connection_id, provider_slug=transfer.provider_slug
        )

    def _day(self, transfer: Transfer, now: datetime) -> date:
        return limit_day(now, self._zone(transfer.provider_slug))

    def _zone(self, slug: str) -> str:
        return self._registry.providers[slug].institution_timezone or "UTC"


def _known(known: Transfer | None, asked: TransferRequest) -> Result[Transfer, ServiceFailure]:
    if known is None:
        return Failure(NotFound(what="transfer"))
    return Success(known) if known.request_mark == request_mark(asked) else Failure(_KEY_REUSED)


def _confirmed(transfer: Transfer) -> Result[Transfer, ServiceFailure]:
    if transfer.status is TransferStatus.EXPIRED:
        return Failure(_EXPIRED)
    if transfer.status is TransferStatus.CANCELLED:
        return Failure(Conflict(code="invalid_transition", message="This transfer was called off."))
    return Success(transfer)


def _failed(code: str, message: str) -> Outcome:
    return Outcome(
        status=TransferStatus.FAILED, event=AuditEventType.TRANSFER_FAILED, failure_code=code, failure_message=message
    )


def _unknown(code: str, message: str) -> Outcome:
    return Outcome(
        status=TransferStatus.UNKNOWN,
        event=AuditEventType.TRANSFER_OUTCOME_UNKNOWN,
        failure_code=code,
        failure_message=message,
    )


_EXPIRED = Conflict(
    code="confirmation_expired", message="The transfer was not confirmed in time; ask for it again with a new key."
)
