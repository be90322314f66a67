"""What is written when a connection is left, whoever left it?"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from bursar.domain.audit import AuditEventType
from bursar.domain.connections import Connection
from bursar.domain.erasure import NOT_REVOKED
from bursar.domain.failures import ProviderFailed
from bursar.storage import accounts, audit, connections, sync_runs
from bursar.storage.unit_of_work import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """A connection that was left."""

    not_revoked_code: str | None
    """Why the provider does not know of it; None when it has withdrawn the access, or when there was none."""


async def record_left(
    tx: Transaction,
    tenant_id: UUID,
    connection: Connection,
    *,
    had_access: bool,
    failed: ProviderFailed | None,
    user_id: UUID | None,
    at: datetime,
) -> Left:
    """Destroy the credentials, call off the runs, let the accounts rest and keep who left; rows stay.

    Args:
        tx: the transaction, which holds the connection.
        tenant_id: whose it is.
        connection: which.
        had_access: whether there were credentials that a provider could withdraw.
        failed: why the provider does not know of it; None when it does, or when there was nothing to tell.
        user_id: who left; None for the platform itself.
        at: now.
    """
    await connections.leave_connection(
        tx,
        tenant_id,
        connection.id,
        error_code=NOT_REVOKED if failed is not None else None,
        error_message=failed.message if failed is not None else None,
        at=at,
    )
    await connections.delete_credentials(tx, tenant_id, connection.id)
    await sync_runs.cancel_runs(
        tx,
        tenant_id,
        connection.id,
        with_running=True,
        code="disconnected",
        message="The user has disconnected the account.",
        at=at,
    )
    await accounts.deactivate_accounts(tx, tenant_id, connection.id, at)
    revoked = "no" if failed is not None else "yes" if had_access else "nothing_to_revoke"
    await audit.insert_event(
        tx,
        tenant_id,
        AuditEventType.CONNECTION_LEFT,
        subject_id=connection.id,
        actor_user_id=user_id,
        data={"provider": connection.provider_slug, "revoked_upstream": revoked}
        | ({} if failed is None else {"code": failed.code}),
        at=at,
    )
    return Left(not_revoked_code=failed.code if failed is not None else None)
