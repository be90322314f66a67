"""How is a connection, whose turn is it, and when do we try next?

One state machine, derived from what is stored and from the time, never stored itself: it cannot be out of date, and no
state needs somebody to leave it. docs/reference/connection-states.md is its table for users.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from bursar.domain.connections import Connection, ConnectionStatus, FailureCause
from bursar.domain.reading import FRESH_FOR, PAUSED, QUOTA_EXHAUSTED
from bursar.domain.sync import SyncStatus
from bursar.domain.vocabulary import Vocabulary

EXPIRY_WARNINGS = (1, 7)
"""How many days before the access ends the user is told, the most urgent first."""


class ConnectionState(Vocabulary):
    """The states; exactly one holds at any moment."""

    PENDING = "pending"
    """The user has not finished to connect."""
    NEVER_SYNCED = "never_synced"
    """Connected; nothing has been read so far, and a run is due."""
    SYNCING = "syncing"
    """A living run is reading."""
    OK = "ok"
    """The last run succeeded, and what it read is fresh."""
    OK_STALE = "ok_stale"
    """Nothing is wrong, and the data is old or not complete: the next run cures it."""
    WAITING_QUOTA = "waiting_quota"
    """A reading is owed, and the provider's limit does not allow it yet."""
    WAITING_PROVIDER = "waiting_provider"
    """The provider or the institution did not answer the last time."""
    NEEDS_USER = "needs_user"
    """The user has to sign in again or to allow more."""
    REVOKED = "revoked"
    """The access was taken away; the user may give it again."""
    PAUSED = "paused"
    """The user wants it not to be read."""
    ERROR_INTERNAL = "error_internal"
    """The operator or a developer has to act; it is tried again nevertheless."""
    DISCONNECTED = "disconnected"
    """Left for good."""


class HealthAction(Vocabulary):
    """Whose turn it is."""

    CONNECT = "connect"
    """The user finishes to connect."""
    REAUTHENTICATE = "reauthenticate"
    """The user renews the connection."""
    RESUME = "resume"
    """The user, when he wants it to be read again."""
    WAIT = "wait"
    """Nobody: we try again by ourselves."""
    CONTACT_OPERATOR = "contact_operator"
    """Whoever runs this installation looks into it."""
    IMPORT = "import"
    """The user imports a file: nothing else is read here."""
    SELECT_ACCOUNTS = "select_accounts"
    """The user, when he wants more: he renews with the accounts to choose from."""


class HealthReason(Vocabulary):
    """Our own reasons; every other reason is the code of the last failure (`last_error_code`)."""

    NOT_CONNECTED = "not_connected"
    NOT_READ_YET = "not_read_yet"
    RUNNING = "running"
    COMPLETE = "complete"
    OVERDUE = "overdue"
    RENEWED = "renewed"
    PARTIAL = "partial"
    INTERRUPTED = "interrupted"
    CONSENT_EXPIRED = "consent_expired"
    ACCESS_LOST = "access_lost"
    QUOTA_EXHAUSTED = QUOTA_EXHAUSTED
    PAUSED = PAUSED
    DISCONNECTED = "disconnected"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionHealth:
    """What a user is told of a connection."""

    state: ConnectionState
    is_syncing: bool
    """True while a living run reads, whatever the state says besides."""
    reason: str
    """Why: one of `HealthReason`, or the code of the failure behind it (the provider's or ours)."""
    action: HealthAction | None
    """None: all is well, or nothing can be done."""
    since: datetime | None
    """When that began (UTC), where it is known."""
    next_attempt_at: datetime | None
    """Before this instant nothing is read (UTC); None: the next reading is a matter of the schedule."""
    data_fresh_until: datetime | None
    """Until when the data counts as fresh (UTC); None before the first success, and for files."""
    expires_soon: int | None
    """7 or 1: the access ends within so many days unless the user renews it; None otherwise."""
    accounts_available_at: datetime | None
    """When the provider told (UTC) of accounts of the login that can be added, by renewing with a choice of accounts;
    None when it did not, or the user has renewed since, or they came."""


def health_of(connection: Connection, now: datetime, *, is_fed_by_files: bool = False) -> ConnectionHealth:
    """Return the one state that holds now. Whatever needs the user comes before whatever hides it.

    Args:
        connection: as it is stored.
        now: UTC.
        is_fed_by_files: nothing is read by itself, so that nothing can be overdue.
    """
    state, reason, action, since = _state(connection, now, is_fed_by_files=is_fed_by_files)
    is_open = connection.status in (ConnectionStatus.ACTIVE, ConnectionStatus.EXPIRED)
    available_at = connection.accounts_available_at if is_open else None
    if action is None and available_at is not None:
        action = HealthAction.SELECT_ACCOUNTS
    waits = [wait for wait in (connection.next_attempt_at, connection.quota_free_at) if wait is not None and wait > now]
    return ConnectionHealth(
        state=state,
        is_syncing=connection.is_syncing(now),
        reason=str(reason),
        action=action,
        since=since,
        next_attempt_at=max(waits) if waits and connection.status is ConnectionStatus.ACTIVE else None,
        data_fresh_until=None if is_fed_by_files else fresh_until(connection),
        expires_soon=_expires_soon(connection, now),
        accounts_available_at=available_at,
    )


def fresh_until(connection: Connection) -> datetime | None:
    """Return until when what was read counts as fresh; None when nothing was."""
    return connection.last_success_at + FRESH_FOR if connection.last_success_at is not None else None


def needs_user(connection: Connection, now: datetime) -> bool:
    """True when waiting cures nothing: somebody has to sign in, or to allow more."""
    lost = (ConnectionStatus.PENDING, ConnectionStatus.EXPIRED, ConnectionStatus.FAILED, ConnectionStatus.REVOKED)
    if connection.status in lost:
        return True
    if connection.status is ConnectionStatus.DISCONNECTED:
        return False
    return connection.last_error_cause is FailureCause.CONSENT or _has_ended(connection, now)


_Verdict = tuple[ConnectionState, str, HealthAction | None, datetime | None]


def _state(connection: Connection, now: datetime, *, is_fed_by_files: bool) -> _Verdict:
    code, failed_at = connection.last_error_code, connection.last_error_at
    match connection.status:
        case ConnectionStatus.DISCONNECTED:
            reason = code or HealthReason.DISCONNECTED
            return ConnectionState.DISCONNECTED, reason, None, connection.disconnected_at
        case ConnectionStatus.PENDING:
            reason = code or HealthReason.NOT_CONNECTED
            return ConnectionState.PENDING, reason, HealthAction.CONNECT, connection.created_at
        case ConnectionStatus.REVOKED:
            reason = code or HealthReason.ACCESS_LOST
            return ConnectionState.REVOKED, reason, HealthAction.REAUTHENTICATE, failed_at
        case ConnectionStatus.EXPIRED | ConnectionStatus.FAILED:
            reason = code or HealthReason.ACCESS_LOST
            return ConnectionState.NEEDS_USER, reason, HealthAction.REAUTHENTICATE, failed_at
        case ConnectionStatus.ACTIVE:
            pass
    if needs_user(connection, now):
        if connection.last_error_cause is FailureCause.CONSENT:
            return ConnectionState.NEEDS_USER, code or "", HealthAction.REAUTHENTICATE, failed_at
        ended_at = connection.refresh_expires_at
        return ConnectionState.NEEDS_USER, HealthReason.CONSENT_EXPIRED, HealthAction.REAUTHENTICATE, ended_at
    if connection.is_syncing(now):
        return ConnectionState.SYNCING, HealthReason.RUNNING, HealthAction.WAIT, None
    if connection.paused_at is not None:
        return ConnectionState.PAUSED, HealthReason.PAUSED, HealthAction.RESUME, connection.paused_at
    return _unhindered(connection, now, is_fed_by_files=is_fed_by_files)


def _unhindered(connection: Connection, now: datetime, *, is_fed_by_files: bool) -> _Verdict:
    """Return how an active connection is that nobody reads now and that nobody has to do anything for."""
    cause, code, failed_at = connection.last_error_cause, connection.last_error_code or "", connection.last_error_at
    shortfall = _shortfall(connection, now, is_fed_by_files=is_fed_by_files)
    is_waiting = connection.next_attempt_at is not None and connection.next_attempt_at > now
    if cause is FailureCause.RATE_LIMIT and is_waiting:
        return ConnectionState.WAITING_QUOTA, code, HealthAction.WAIT, failed_at
    if shortfall is not None and connection.quota_free_at is not None and connection.quota_free_at > now:
        return ConnectionState.WAITING_QUOTA, HealthReason.QUOTA_EXHAUSTED, HealthAction.WAIT, None
    if cause is FailureCause.OUTAGE:
        return ConnectionState.WAITING_PROVIDER, code, HealthAction.WAIT, failed_at
    if cause in (FailureCause.SETTINGS, FailureCause.CONTRACT, FailureCause.INTERNAL):
        return ConnectionState.ERROR_INTERNAL, code, HealthAction.CONTACT_OPERATOR, failed_at
    if shortfall is None:
        return ConnectionState.OK, HealthReason.COMPLETE, None, connection.last_success_at
    action = HealthAction.IMPORT if is_fed_by_files else HealthAction.WAIT
    if connection.last_success_at is None:
        return ConnectionState.NEVER_SYNCED, shortfall, action, failed_at or connection.connected_at
    return ConnectionState.OK_STALE, shortfall, action, fresh_until(connection)


def _shortfall(connection: Connection, now: datetime, *, is_fed_by_files: bool) -> str | None:
    """Return what is owed: why the data is not fresh and complete; None when it is."""
    if connection.last_error_code is not None:
        return connection.last_error_code
    if connection.lease_until is not None and connection.lease_until <= now:
        # A run that ended in any orderly way has given its lease back.
        return HealthReason.INTERRUPTED
    fresh = fresh_until(connection)
    if fresh is None:
        return HealthReason.NOT_READ_YET
    if connection.last_sync_status == SyncStatus.PARTIAL:
        return HealthReason.PARTIAL
    if connection.last_sync_status != SyncStatus.SUCCEEDED:
        return HealthReason.RENEWED
    return HealthReason.OVERDUE if not is_fed_by_files and fresh <= now else None


def _has_ended(connection: Connection, now: datetime) -> bool:
    """True when the access has ended by its date, and nothing was read since (else the date was wrong)."""
    end, success = connection.refresh_expires_at, connection.last_success_at
    return end is not None and end <= now and (success is None or success < end)


def _expires_soon(connection: Connection, now: datetime) -> int | None:
    end = connection.refresh_expires_at
    if connection.status is not ConnectionStatus.ACTIVE or end is None or end <= now:
        return None
    return next((days for days in EXPIRY_WARNINGS if end - now <= timedelta(days=days)), None)
