"""Is a provider's limit on readings kept, however attempts fall?"""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bursar.domain.connections import FailureCause
from bursar.domain.reading import RATE_LIMIT_WAIT, ReadQuota, next_attempt

NOW = datetime(2026, 3, 8, tzinfo=UTC)


@given(
    reads=st.integers(1, 5),
    hours=st.integers(1, 30),
    wishes=st.lists(st.integers(0, 60 * 24 * 5), min_size=1, max_size=60),
)
def test_no_window_ever_holds_more_attempts_than_the_quota(reads: int, hours: int, wishes: list[int]) -> None:
    quota = ReadQuota(reads=reads, window=timedelta(hours=hours))
    made: list[datetime] = []
    stored: list[datetime] = []
    for wish in sorted(wishes):
        now = NOW + timedelta(minutes=wish)
        free_at = quota.free_at(stored, now)
        if free_at is not None:
            assert free_at > now
            assert quota.free_at(stored, free_at) is None
            assert quota.free_at(stored, free_at - timedelta(microseconds=1)) == free_at
            continue
        made.append(now)
        stored = [*quota.spent(stored, now), now]
        assert len(stored) <= reads
    for first in made:
        assert sum(first <= each < first + quota.window for each in made) <= reads


@pytest.mark.parametrize(("reads", "window"), [(0, timedelta(hours=1)), (1, timedelta(0))])
def test_quota_that_allows_nothing_is_a_mistake(reads: int, window: timedelta) -> None:
    with pytest.raises(ValueError, match="at least one"):
        ReadQuota(reads=reads, window=window)


def test_rate_limit_without_a_date_is_waited_for_and_an_outage_is_not() -> None:
    stated = NOW + timedelta(hours=3)
    assert next_attempt(FailureCause.RATE_LIMIT, None, NOW) == NOW + RATE_LIMIT_WAIT
    assert next_attempt(FailureCause.RATE_LIMIT, stated, NOW) == stated
    assert next_attempt(FailureCause.OUTAGE, stated, NOW) == stated
    assert next_attempt(FailureCause.OUTAGE, None, NOW) is None
