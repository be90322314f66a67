"""What may be moved, what a transfer may become, and is an uncertain one judged by what really happened?"""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bursar.domain.transfers import (
    BELIEVE_AFTER,
    GIVE_UP_AFTER,
    SEND_WITHIN,
    Sighting,
    Transfer,
    TransferRequest,
    TransferStatus,
    check_transfer_amount,
    find_outcome,
    limit_day,
    next_check,
    request_mark,
)

SENT = datetime(2026, 3, 8, 12, tzinfo=UTC)
MUCH_LATER = SENT + timedelta(hours=5)


def make(status: str = "unknown", *, after: timedelta = timedelta(0), **changes: Any) -> Transfer:
    at = SENT + after
    made = Transfer(
        id=uuid4(),
        connection_id=UUID(int=1),
        provider_slug="bank",
        requested_by=UUID(int=2),
        idempotency_key="k",
        request_mark=b"",
        source_account_id=UUID(int=3),
        destination_account_id=UUID(int=4),
        source_place="a",
        destination_place="b",
        amount=Decimal(5),
        currency="USD",
        description="",
        is_instant=False,
        status=TransferStatus(status),
        limit_day=date(2026, 3, 8),
        provider_transfer_id=None,
        failure_code=None,
        failure_message=None,
        confirmed_by=None,
        expires_at=None,
        sent_at=at,
        finished_at=None,
        check_at=at,
        version=1,
        created_at=at,
        updated_at=at,
    )
    return replace(made, **changes)


def seen(after: timedelta = timedelta(seconds=2), *, has_failed: bool = False) -> Sighting:
    return Sighting(provider_transfer_id=str(uuid4()), created_at=SENT + after, has_failed=has_failed)


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        (Decimal("0.01"), "USD"),
        (Decimal("12.500"), "USD"),
        (Decimal(500), "JPY"),
        (Decimal("1E+2"), "USD"),
        (Decimal("1.234"), "BHD"),
        (Decimal("1234567890123456789012345678.00"), "USD"),
    ],
)
def test_amount_of_the_currencys_decimals_can_be_moved(amount: Decimal, currency: str) -> None:
    assert check_transfer_amount(amount, currency) is None


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        (Decimal(0), "USD"),
        (Decimal("-0.01"), "USD"),
        (Decimal("0.001"), "USD"),
        (Decimal("1234567890123456789012345.001"), "USD"),
        (Decimal("0.5"), "JPY"),
        (Decimal("NaN"), "USD"),
        (Decimal("Infinity"), "USD"),
        (Decimal("1E+31"), "USD"),
        (Decimal(1), "XYZ"),
        (True, "USD"),
        (5, "USD"),
        (5.0, "USD"),
    ],
)
def test_any_other_amount_is_refused_with_words(amount: Any, currency: str) -> None:
    assert check_transfer_amount(amount, currency)


@pytest.mark.parametrize(
    ("at", "day"),
    [
        ("2026-03-08T04:59:59+00:00", date(2026, 3, 7)),
        ("2026-03-08T05:00:00+00:00", date(2026, 3, 8)),
        ("2026-03-09T03:59:59+00:00", date(2026, 3, 8)),  # summer time has begun: midnight is at four
        ("2026-03-09T04:00:00+00:00", date(2026, 3, 9)),
    ],
)
def test_day_of_the_limit_is_the_providers_whatever_the_servers_zone(at: str, day: date) -> None:
    assert limit_day(datetime.fromisoformat(at), "America/New_York") == day


def test_one_key_stands_for_all_that_was_asked() -> None:
    asked = TransferRequest(
        source_account_id=UUID(int=1), destination_account_id=UUID(int=2), amount=Decimal("5.00"), currency="USD"
    )
    assert request_mark(asked) == request_mark(replace(asked, amount=Decimal(5)))
    others: list[dict[str, Any]] = [
        {"amount": Decimal("5.01")},
        {"amount": Decimal(50)},
        {"source_account_id": UUID(int=3)},
        {"destination_account_id": UUID(int=3)},
        {"currency": None},
        {"description": "rent"},
        {"is_instant": True},
        {"must_confirm": True},
        {"connection_id": UUID(int=3)},
    ]
    marks = {request_mark(replace(asked, **change)) for change in others} | {request_mark(asked)}
    assert len(marks) == len(others) + 1


def test_ended_transfer_becomes_nothing_else_but_what_is_proven_late() -> None:
    status = TransferStatus
    for ended in (status.COMPLETED, status.CANCELLED, status.EXPIRED):
        assert not any(ended.may_become(other) for other in status)
    assert [other for other in status if status.FAILED.may_become(other)] == [status.COMPLETED]
    assert not any(other.may_become(status.SENDING) for other in status if other != status.AWAITING_CONFIRMATION)
    assert {each for each in status if each.counts} == {status.SENDING, status.COMPLETED, status.UNKNOWN}


def test_movement_of_the_order_proves_that_it_happened() -> None:
    uncertain, movement = make(), seen()
    found = find_outcome(uncertain, [uncertain], [movement], SENT + timedelta(minutes=3))
    assert (found.verdict, found.sighting) == ("happened", movement)


def test_movement_that_failed_proves_that_nothing_moved() -> None:
    uncertain, movement = make(), seen(has_failed=True)
    found = find_outcome(uncertain, [uncertain], [movement], SENT + timedelta(minutes=3))
    assert (found.verdict, found.sighting) == ("not_happened", movement)


def test_absence_is_believed_only_long_after() -> None:
    uncertain = make()
    at = SENT + BELIEVE_AFTER
    assert find_outcome(uncertain, [uncertain], [], at - timedelta(seconds=1)).verdict == "wait"
    assert find_outcome(uncertain, [uncertain], [], at).verdict == "not_happened"


def test_movement_before_the_order_is_another_one() -> None:
    uncertain = make()
    older = seen(timedelta(minutes=-5))
    assert find_outcome(uncertain, [uncertain], [older], MUCH_LATER).verdict == "not_happened"


def test_equal_order_without_an_id_takes_the_movement_that_is_its_own() -> None:
    uncertain, certain = make(), make("completed", after=timedelta(seconds=30))
    found = find_outcome(uncertain, [uncertain, certain], [seen(timedelta(seconds=31))], MUCH_LATER)
    assert found.verdict == "not_happened"


def test_equal_order_that_is_on_its_way_is_waited_for() -> None:
    uncertain, sending = make(), make("sending", after=timedelta(hours=1))
    now = SENT + timedelta(hours=1) + SEND_WITHIN
    assert find_outcome(uncertain, [uncertain, sending], [seen()], now - timedelta(seconds=1)).verdict == "wait"
    assert find_outcome(uncertain, [uncertain, sending], [seen()], now).verdict == "happened"


def test_movement_too_many_leaves_it_open() -> None:
    uncertain = make()
    assert find_outcome(uncertain, [uncertain], [seen(), seen(timedelta(hours=1))], MUCH_LATER).verdict == "wait"


@given(
    fates=st.lists(
        st.tuples(st.sampled_from(["completed", "unknown"]), st.booleans(), st.integers(0, 600)),
        min_size=1,
        max_size=6,
    )
)
def test_as_many_uncertain_orders_happened_as_there_are_movements(fates: list[tuple[str, bool, int]]) -> None:
    """Each order moved money or not, and some are certain; the count of the verdicts is the truth."""
    orders: list[Transfer] = []
    movements: list[Sighting] = []
    for status, happened, second in fates:
        orders.append(make(status, after=timedelta(seconds=second)))
        if happened or status == "completed":
            movements.append(seen(timedelta(seconds=second + 1)))
    verdicts: list[str] = []
    left, open_orders = list(movements), list(orders)
    for order in orders:
        if order.status is TransferStatus.UNKNOWN:
            found = find_outcome(order, open_orders, left, MUCH_LATER)
            verdicts.append(found.verdict)
            open_orders.remove(order)
            if found.sighting is not None:
                left.remove(found.sighting)
    uncertain = [happened for status, happened, _ in fates if status == "unknown"]
    assert sorted(verdicts) == sorted("happened" if happened else "not_happened" for happened in uncertain)


def test_uncertain_one_is_looked_up_ever_more_rarely_and_for_a_week() -> None:
    uncertain = make()
    now, count = SENT + timedelta(minutes=2), 0
    while (following := next_check(uncertain, now)) is not None:
        assert timedelta(minutes=1) <= following - now <= timedelta(hours=6)
        now, count = following, count + 1
    assert now >= SENT + GIVE_UP_AFTER
    assert count < 60
