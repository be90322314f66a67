"""What does a request for a transfer mean: which accounts, over which connection, in which currency?"""

from datetime import datetime
from uuid import UUID

from bursar.domain.connections import ConnectionStatus
from bursar.domain.failures import Conflict, Invalid, NotFound, ServiceFailure
from bursar.domain.ids import new_id
from bursar.domain.result import Failure, Result, Success
from bursar.domain.transfers import (
    CONFIRM_WITHIN,
    MAX_DESCRIPTION,
    Transfer,
    TransferRequest,
    TransferStatus,
    check_transfer_amount,
    request_mark,
)
from bursar.services.provider_calls import ProviderPool
from bursar.storage import accounts, transfers
from bursar.storage.unit_of_work import Transaction

SIGN_IN = Conflict(
    code="reauthentication_required",
    message="This connection cannot be used now: connect the account again, then send the transfer.",
)
_NO_ROUTE = Invalid(
    field="destination_account_id",
    message="No connection that can move money reads both accounts.",
    code="no_route",
    senseless=True,
)


async def plan_transfer(
    tx: Transaction,
    tenant_id: UUID,
    asked: TransferRequest,
    *,
    user_id: UUID,
    idempotency_key: str,
    providers: ProviderPool,
    at: datetime,
) -> Result[Transfer, ServiceFailure]:
    """Return the transfer that a request means, as it would be staged; nothing is written."""
    for account_id in (asked.source_account_id, asked.destination_account_id):
        if await accounts.find_account(tx, tenant_id, account_id) is None:
            return Failure(NotFound(what="account"))
    routes = [
        route
        for route in await transfers.list_routes(
            tx,
            tenant_id,
            source_account_id=asked.source_account_id,
            destination_account_id=asked.destination_account_id,
        )
        if providers.can_transfer(route.provider_slug) and asked.connection_id in (None, route.connection_id)
    ]
    if not routes:
        return Failure(_NO_ROUTE)
    if len(routes) > 1:
        listed = ", ".join(str(route.connection_id) for route in routes)
        return Failure(Invalid(field="connection_id", message=f"Say which one: {listed}.", code="required"))
    route = routes[0]
    if route.connection_status != ConnectionStatus.ACTIVE:
        return Failure(SIGN_IN)
    refused = providers.refuse(route.provider_slug)
    if refused is not None:
        return Failure(refused)
    currency = route.source_currency
    if route.destination_currency != currency or asked.currency not in (None, currency):
        return Failure(
            Invalid(
                field="currency",
                message="Both accounts and the amount must have one currency.",
                code="currency_mismatch",
                senseless=True,
            )
        )
    wrong = check_transfer_amount(asked.amount, currency)
    if wrong is not None:
        return Failure(Invalid(field="amount", message=wrong, code="range"))
    expires_at = at + CONFIRM_WITHIN
    return Success(
        Transfer(
            id=new_id(),
            connection_id=route.connection_id,
            provider_slug=route.provider_slug,
            requested_by=user_id,
            idempotency_key=idempotency_key,
            request_mark=request_mark(asked),
            source_account_id=asked.source_account_id,
            destination_account_id=asked.destination_account_id,
            source_place=route.source_place,
            destination_place=route.destination_place,
            amount=asked.amount,
            currency=currency,
            description=asked.description,
            is_instant=asked.is_instant,
            status=TransferStatus.AWAITING_CONFIRMATION,
            limit_day=None,
            provider_transfer_id=None,
            failure_code=None,
            failure_message=None,
            confirmed_by=None,
            expires_at=expires_at,
            sent_at=None,
            finished_at=None,
            check_at=expires_at,
            version=1,
            created_at=at,
            updated_at=at,
        )
    )


def wrong_form(asked: TransferRequest) -> Invalid | None:
    """Return what is wrong with a request whatever the accounts are; None when nothing is."""
    if asked.source_account_id == asked.destination_account_id:
        return Invalid(
            field="destination_account_id",
            message="Source and destination are the same account.",
            code="same_account",
            senseless=True,
        )
    if len(asked.description) > MAX_DESCRIPTION:
        return Invalid(field="description", message=f"At most {MAX_DESCRIPTION} characters.", code="length")
    return None
