"""Can a connection get stuck, or say what is not so? Every state that any order of events leads to is visited."""

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import NamedTuple
from uuid import UUID

import pytest

from bursar.domain.connections import Connection, ConnectionStatus, FailureCause
from bursar.domain.health import ConnectionState, HealthAction, HealthReason, health_of, needs_user
from bursar.domain.reading import (
    FRESH_FOR,
    READ_EVERY,
    ReadQuota,
    is_due,
    next_attempt,
    refuse_reading,
    status_after,
    survives_renewal,
)

NOW = datetime(2026, 3, 8, 12, tzinfo=UTC)
ID = UUID(int=1)
HOUR = timedelta(hours=1)
QUOTA = ReadQuota(reads=1, window=24 * HOUR)
CODE = "code_of_the_failure"


class Abstract(NamedTuple):
    """A connection without its instants: of each only on which side of now it lies, as far as that matters."""

    status: ConnectionStatus = ConnectionStatus.PENDING
    paused: bool = False
    lease: str = "none"
    """`none`, `live`, or `dead`: its worker is gone and its time is over."""
    outcome: str | None = None
    cause: FailureCause | None = None
    wait: bool = False
    """The provider asked us to wait, and that instant is ahead."""
    exhausted: bool = False
    """The quota allows the next attempt only later."""
    success: str = "never"
    """`never`, `recent`, `due` (old enough to be read again, fresh), or `stale`."""
    consent: str = "endless"
    """`endless`, `far`, `week`, `day`, `ended`, or `outlived`: something was read after its stated end."""


SUCCESS = {"never": None, "recent": NOW - HOUR, "due": NOW - READ_EVERY - HOUR, "stale": NOW - FRESH_FOR - HOUR}
LEASE = {"none": None, "live": NOW + timedelta(seconds=30), "dead": NOW - HOUR}
CONSENT = {
    "endless": None,
    "far": NOW + 720 * HOUR,
    "week": NOW + 100 * HOUR,
    "day": NOW + HOUR,
    "ended": NOW - HOUR / 60,
    "outlived": NOW - 720 * HOUR,
}


@cache
def concrete(state: Abstract) -> Connection:
    """A connection as it would be stored."""
    success, lease_until = SUCCESS[state.success], LEASE[state.lease]
    return Connection(
        id=ID,
        user_id=ID,
        provider_slug="northbank",
        status=state.status,
        environment=None,
        alias=None,
        external_login_id=None,
        institution_id=None,
        institution_name=None,
        scopes=[],
        connected_at=None if state.status is ConnectionStatus.PENDING else NOW - 999 * HOUR,
        disconnected_at=NOW - HOUR if state.status is ConnectionStatus.DISCONNECTED else None,
        expires_at=None,
        refresh_expires_at=CONSENT[state.consent],
        last_sync_at=success,
        last_sync_status=state.outcome,
        last_success_at=success,
        last_error_code=CODE if state.cause is not None else None,
        last_error_message=None,
        last_error_cause=state.cause,
        last_error_at=NOW - HOUR if state.cause is not None else None,
        next_attempt_at=NOW + HOUR if state.wait else None,
        read_at=[NOW - HOUR] if state.exhausted else [],
        quota_free_at=QUOTA.free_at([NOW - HOUR], NOW) if state.exhausted else None,
        paused_at=NOW - HOUR if state.paused else None,
        sync_cursor=None,
        lease_token=ID if lease_until is not None else None,
        lease_until=lease_until,
        version=1,
        created_at=NOW - 999 * HOUR,
        updated_at=NOW,
    )


Event = tuple[str, Abstract]


def by_time(state: Abstract) -> Iterator[Event]:
    """What happens when nobody does anything; each instant may pass before any other."""
    if state.lease == "live":
        yield "lease expires", state._replace(lease="dead")
    if state.wait:
        yield "the wait is over", state._replace(wait=False)
    if state.exhausted:
        yield "the quota resets", state._replace(exhausted=False)
    if state.success in ("recent", "due"):
        yield "the data ages", state._replace(success="due" if state.success == "recent" else "stale")
    nearer = {"far": "week", "week": "day", "day": "ended"}
    if state.consent in nearer:
        yield "the consent runs out", state._replace(consent=nearer[state.consent])


def _run_starts(state: Abstract, name: str) -> Iterator[Event]:
    for exhausted in (False, True):
        yield name, state._replace(lease="live", exhausted=exhausted)


def by_scheduler(state: Abstract) -> Iterator[Event]:
    """The scheduler enqueues what is due, and a worker begins what may be read."""
    connection = concrete(state)
    if is_due(connection, NOW) and refuse_reading(connection, NOW, QUOTA) is None:
        yield from _run_starts(state, "scheduled run starts")


def by_luck(state: Abstract) -> Iterator[Event]:
    """A run under way succeeds."""
    if state.lease != "live":
        return
    consent = "outlived" if state.consent == "ended" else state.consent
    done = state._replace(lease="none", cause=None, wait=False, success="recent", consent=consent)
    yield "run succeeds", done._replace(outcome="succeeded")
    yield "run is partial", done._replace(outcome="partial")


def by_misfortune(state: Abstract) -> Iterator[Event]:
    """A run under way fails, in each way, or dies."""
    if state.lease != "live":
        return
    for cause in FailureCause:
        for stated in (None, NOW + HOUR):
            if cause in (FailureCause.INTERNAL, FailureCause.INTERRUPTED):
                failed = state._replace(lease="none", cause=cause, outcome="failed")
            else:
                wait = next_attempt(cause, stated, NOW) is not None
                status = status_after(state.status, cause)
                failed = state._replace(lease="none", cause=cause, wait=wait, status=status, outcome="failed")
            yield f"run fails: {cause}", failed


def by_user(state: Abstract) -> Iterator[Event]:
    """What a person may do."""
    if state.status is ConnectionStatus.DISCONNECTED:
        return
    kept = survives_renewal(state.cause)
    for consent in ("endless", "far"):
        if state.status.may_become(ConnectionStatus.ACTIVE) or state.status is ConnectionStatus.ACTIVE:
            connected = state._replace(status=ConnectionStatus.ACTIVE, consent=consent)
            yield "user connects", connected if kept else connected._replace(cause=None, wait=False)
    if state.status.may_become(ConnectionStatus.FAILED):
        yield "connecting fails", state._replace(status=ConnectionStatus.FAILED)
    yield "user pauses" if not state.paused else "user resumes", state._replace(paused=not state.paused)
    if state.lease != "live" and refuse_reading(concrete(state), NOW, QUOTA) is None:
        yield from _run_starts(state, "user asks for a run")
    yield (
        "user disconnects",
        Abstract(status=ConnectionStatus.DISCONNECTED, success=state.success, outcome=state.outcome),
    )


KINDS = (by_time, by_scheduler, by_luck, by_misfortune, by_user)
WITHOUT_USER = (by_time, by_scheduler, by_luck)


@pytest.fixture(scope="module")
def reachable() -> frozenset[Abstract]:
    """Every state that any order of events leads to."""
    seen, waiting = {Abstract()}, deque([Abstract()])
    while waiting:
        state = waiting.popleft()
        for kind in KINDS:
            for _, after in kind(state):
                if after not in seen:
                    seen.add(after)
                    waiting.append(after)
    return frozenset(seen)


def told(state: Abstract):
    return health_of(concrete(state), NOW)


def leading_to_ok(reachable: frozenset[Abstract], kinds) -> set[Abstract]:
    """The states from which events of these kinds can lead to `ok`."""
    before: dict[Abstract, list[Abstract]] = {}
    for state in reachable:
        for kind in kinds:
            for _, after in kind(state):
                before.setdefault(after, []).append(state)
    found = {state for state in reachable if told(state).state is ConnectionState.OK}
    waiting = deque(found)
    while waiting:
        for state in before.get(waiting.popleft(), ()):
            if state not in found:
                found.add(state)
                waiting.append(state)
    return found


def test_every_state_is_visited_and_there_are_many(reachable) -> None:
    assert {told(state).state for state in reachable} == set(ConnectionState)
    assert len(reachable) > 2_000


def test_every_connection_that_is_not_left_can_become_ok_again(reachable) -> None:
    good = leading_to_ok(reachable, KINDS)
    assert {state.status for state in reachable - good} == {ConnectionStatus.DISCONNECTED}


def test_waiting_alone_cures_what_says_so(reachable) -> None:
    good = leading_to_ok(reachable, WITHOUT_USER)
    told_to_wait = {HealthAction.WAIT, HealthAction.CONTACT_OPERATOR}
    assert {state for state in reachable - good if told(state).action in told_to_wait and not state.paused} == set()


def test_model_would_notice_a_state_that_nobody_leaves(reachable) -> None:
    def without_resuming(state: Abstract) -> Iterator[Event]:
        return (event for event in by_user(state) if event[0] != "user resumes")

    good = leading_to_ok(reachable, (*KINDS[:-1], without_resuming))
    assert {told(state).state for state in reachable - good} >= {ConnectionState.PAUSED}


def test_syncing_is_said_only_while_a_lease_lives(reachable) -> None:
    for state in reachable:
        health = told(state)
        assert health.is_syncing is (state.lease == "live")
        if health.state is ConnectionState.SYNCING:
            assert state.lease == "live"


def test_nothing_hides_what_the_user_has_to_do(reachable) -> None:
    of_user = {ConnectionState.PENDING, ConnectionState.NEEDS_USER, ConnectionState.REVOKED}
    for state in reachable:
        health = told(state)
        assert needs_user(concrete(state), NOW) is (health.state in of_user), state
        if health.state in of_user:
            assert health.action in {HealthAction.CONNECT, HealthAction.REAUTHENTICATE}


def test_ok_means_fresh_and_complete_and_waiting_has_an_end(reachable) -> None:
    for state in reachable:
        health = told(state)
        if health.state is ConnectionState.OK:
            assert (state.outcome, state.cause, state.status) == ("succeeded", None, ConnectionStatus.ACTIVE)
            assert health.data_fresh_until is not None
            assert health.data_fresh_until > NOW
        if health.state is ConnectionState.WAITING_QUOTA:
            assert health.next_attempt_at is not None
            assert health.next_attempt_at > NOW
        assert (health.next_attempt_at is not None) is (
            state.status is ConnectionStatus.ACTIVE and (state.wait or state.exhausted)
        )


def test_every_reason_is_of_the_closed_list_or_the_true_last_cause(reachable) -> None:
    for state in reachable:
        reason = told(state).reason
        assert HealthReason.is_valid(reason) or (reason == CODE and state.cause is not None), state
        if state.cause is not None and told(state).state in {
            ConnectionState.WAITING_PROVIDER,
            ConnectionState.ERROR_INTERNAL,
            ConnectionState.REVOKED,
        }:
            assert reason == CODE


def test_nothing_is_read_while_a_wait_a_quota_or_a_pause_forbids_it(reachable) -> None:
    for state in reachable:
        if state.wait or state.exhausted or state.paused or state.status is not ConnectionStatus.ACTIVE:
            names = {name for kind in KINDS for name, _ in kind(state)}
            assert not names & {"scheduled run starts", "user asks for a run"}, state


def test_limits_and_outages_never_change_the_status() -> None:
    moved = {cause for cause in FailureCause if status_after(ConnectionStatus.ACTIVE, cause) != "active"}
    assert moved == {FailureCause.SIGN_IN, FailureCause.WITHDRAWN}


def test_file_connection_is_never_overdue_and_asks_for_a_file() -> None:
    old = concrete(Abstract(status=ConnectionStatus.ACTIVE, success="stale", outcome="succeeded"))
    assert health_of(old, NOW).state is ConnectionState.OK_STALE
    of_files = health_of(old, NOW, is_fed_by_files=True)
    assert (of_files.state, of_files.action, of_files.data_fresh_until) == (ConnectionState.OK, None, None)
    never = replace(old, last_success_at=None)
    assert health_of(never, NOW, is_fed_by_files=True).action is HealthAction.IMPORT


@pytest.mark.parametrize(
    ("hours", "days"), [(7 * 24 + 1, None), (7 * 24, 7), (25, 7), (24, 1), (1, 1), (0, None), (-1, None)]
)
def test_end_of_the_access_is_announced_twice(hours, days) -> None:
    state = Abstract(status=ConnectionStatus.ACTIVE, success="recent", outcome="succeeded")
    ending = replace(concrete(state), refresh_expires_at=NOW + hours * HOUR)
    assert health_of(ending, NOW).expires_soon == days


OK = Abstract(status=ConnectionStatus.ACTIVE, success="recent", outcome="succeeded")


def test_accounts_to_be_added_are_an_offer_that_hides_nothing_else() -> None:
    def offered(state: Abstract):
        return health_of(replace(concrete(state), accounts_available_at=NOW - HOUR), NOW)

    health = offered(OK)
    assert (health.state, health.reason, health.action) == (
        ConnectionState.OK,
        HealthReason.COMPLETE,
        HealthAction.SELECT_ACCOUNTS,
    )
    assert health.accounts_available_at == NOW - HOUR
    others = {
        OK._replace(paused=True): HealthAction.RESUME,
        OK._replace(status=ConnectionStatus.EXPIRED): HealthAction.REAUTHENTICATE,
        OK._replace(success="stale"): HealthAction.WAIT,
    }
    for state, action in others.items():
        assert (offered(state).action, offered(state).accounts_available_at) == (action, NOW - HOUR)
    for status in (ConnectionStatus.PENDING, ConnectionStatus.REVOKED, ConnectionStatus.DISCONNECTED):
        shown = offered(OK._replace(status=status))
        assert (shown.action, shown.accounts_available_at) == (told(OK._replace(status=status)).action, None)
    assert (told(OK).action, told(OK).accounts_available_at) == (None, None)
