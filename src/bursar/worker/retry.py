"""When is a job tried again, and when is it enough?"""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from procrastinate import BaseRetryStrategy, RetryDecision
from procrastinate.jobs import Job

_random = Random()  # noqa: S311 - spreads attempts, protects nothing


class TryAgainError(Exception):
    """What a task raises to be carried out again: not a fault, and nothing of it is shown to a user."""

    def __init__(self, reason: str, *, wait: timedelta | None = None) -> None:
        super().__init__(reason)
        self.wait = wait
        """How long to wait at least, as the other side said; None leaves it to the schedule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrySchedule:
    """How long to wait before each further attempt: doubling, with a random part, so that crowds come apart."""

    first: timedelta = timedelta(seconds=5)
    longest: timedelta = timedelta(minutes=15)
    max_attempts: int = 8
    """Attempts in all, those that a dead worker began included."""

    def has_another(self, attempts_before: int) -> bool:
        """True when an attempt is left after the present one."""
        return attempts_before + 1 < self.max_attempts

    def wait(self, attempts_before: int, random: Random = _random) -> timedelta:
        """Return the wait after an attempt: between half and all of what doubling gives, at most `longest`."""
        whole = min(self.first * 2 ** min(attempts_before, 32), self.longest)
        return whole * (0.5 + random.random() / 2)


class TryAgain(BaseRetryStrategy):
    """Tells the job engine when a job runs again: after `TryAgainError`, or when a stopping worker let go of it."""

    def __init__(self, schedule: RetrySchedule) -> None:
        self._schedule = schedule

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        """Return when; None when the job has failed for good."""
        # The job engine's times are the machine's, whatever clock the platform was given.
        now = datetime.now(UTC)
        if isinstance(exception, asyncio.CancelledError):
            return RetryDecision(retry_at=now)
        if not isinstance(exception, TryAgainError):
            return None
        wait = self._schedule.wait(job.attempts)
        if exception.wait is not None:
            # After the stated moment, not at it: everybody was told the same one.
            wait = max(exception.wait, timedelta(0)) + self._schedule.wait(0) / 5
        return RetryDecision(retry_at=now + wait)
