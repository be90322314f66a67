"""May a connection be read now, when is it read by itself, and what does the end of a run change?

The decisions only: services carry them out, and the model of the states explores them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bursar.domain.connections import Connection, ConnectionStatus, FailureCause

READ_EVERY = timedelta(hours=24)
"""How often a connection is read by itself."""
FRESH_FOR = 2 * READ_EVERY
"""How long after a success the data counts as fresh: one reading may be missed without anybody being told."""
RATE_LIMIT_WAIT = timedelta(seconds=60)
"""How long to wait after a rate limit when the provider does not say."""

PAUSED = "paused"
TOO_EARLY = "too_early"
QUOTA_EXHAUSTED = "quota_exhausted"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadQuota:
    """How often a provider lets one connection be read: so many attempts in any window of this length."""

    reads: int
    window: timedelta

    def __post_init__(self) -> None:
        if self.reads < 1 or self.window <= timedelta(0):
            raise ValueError("a quota allows at least one reading in a window of some length")

    def spent(self, read_at: Sequence[datetime], now: datetime) -> list[datetime]:
        """Return the attempts that still count, oldest first."""
        return sorted(each for each in read_at if each > now - self.window)

    def free_at(self, read_at: Sequence[datetime], now: datetime) -> datetime | None:
        """Return when the next attempt is allowed; None when it is now."""
        spent = self.spent(read_at, now)
        return spent[-self.reads] + self.window if len(spent) >= self.reads else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a connection is not read now, and when that ends by itself."""

    code: str
    message: str
    until: datetime | None = None
    """UTC; None when it does not end by itself."""


def refuse_reading(connection: Connection, now: datetime, quota: ReadQuota | None = None) -> Refusal | None:
    """Return why a connection may not be read now, whoever asks; None when it may.

    Args:
        connection: a connection that is not disconnected.
        now: UTC.
        quota: the provider's published limit; None when it has none.
    """
    if connection.status is ConnectionStatus.PENDING:
        return Refusal(code="invalid_transition", message="The user has not finished to connect yet.")
    if connection.status is not ConnectionStatus.ACTIVE:
        return Refusal(
            code="reauthentication_required",
            message="The bank wants the user to sign in again; renew the connection.",
        )
    if connection.paused_at is not None:
        return Refusal(code=PAUSED, message="This connection is paused: resume it first.")
    if connection.next_attempt_at is not None and connection.next_attempt_at > now:
        return Refusal(
            code=TOO_EARLY,
            message="The provider asked us to wait before we read again.",
            until=connection.next_attempt_at,
        )
    free_at = quota.free_at(connection.read_at, now) if quota is not None else None
    if free_at is not None:
        return Refusal(
            code=QUOTA_EXHAUSTED,
            message="The provider lets a connection be read only so often; that is used up for now.",
            until=free_at,
        )
    return None


def is_due(connection: Connection, now: datetime, *, every: timedelta = READ_EVERY) -> bool:
    """True when the scheduler reads the connection now; the query of the storage says the same in SQL."""
    waits = (connection.next_attempt_at, connection.quota_free_at, connection.lease_until)
    return (
        connection.can_sync()
        and (connection.last_sync_at is None or connection.last_sync_at <= now - every)
        and all(wait is None or wait <= now for wait in waits)
    )


def next_attempt(cause: FailureCause, stated: datetime | None, now: datetime) -> datetime | None:
    """Return before when the provider is not asked again: what it said, else our own patience with a rate limit."""
    if stated is None and cause is FailureCause.RATE_LIMIT:
        return now + RATE_LIMIT_WAIT
    return stated


def status_after(status: ConnectionStatus, cause: FailureCause) -> ConnectionStatus:
    """Return the status after a failure: only the loss of the access changes it, limits and outages never do."""
    moves = {FailureCause.SIGN_IN: ConnectionStatus.EXPIRED, FailureCause.WITHDRAWN: ConnectionStatus.REVOKED}
    moved = moves.get(cause, status)
    return moved if status.may_become(moved) else status


def survives_renewal(cause: FailureCause | None) -> bool:
    """True when a cause is not cured by the user: a new consent does not shorten the wait that a provider asked for."""
    return cause is FailureCause.RATE_LIMIT
