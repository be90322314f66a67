"""After a failed exchange: again, and when?"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from bursar.transport.errors import Problem

RETRIED_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})

# "Come back in 300 years" must not overflow a date; nobody plans further than this on a header's word.
_LONGEST_WAIT_S = 7 * 24 * 3600.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how long one request may be repeated.

    Attributes:
        retries: repetitions after the first attempt.
        base_delay_s: the first wait is drawn from (0, base_delay_s], each further one from twice as much.
        max_delay_s: no single wait of our own choice is longer.
        retry_after_cap_s: a longer wait asked for by the provider is not slept: the error carries `retry_at` instead.
        budget_s: attempts and waits together; a wait that would not end inside it is not begun.
        statuses: answers worth repeating.
        refused_statuses: answers by which the provider says that it did nothing, such as 429: they are repeated also
            where carrying the request out twice would be harmful.
        rate_limit_wait_s: the wait to assume for a 429 without `Retry-After`, where a provider's windows are known;
            None falls back to the backoff.
    """

    retries: int = 2
    base_delay_s: float = 0.5
    max_delay_s: float = 8.0
    retry_after_cap_s: float = 20.0
    budget_s: float = 60.0
    statuses: frozenset[int] = RETRIED_STATUSES
    refused_statuses: frozenset[int] = frozenset()
    rate_limit_wait_s: float | None = None

    def delay_s(
        self, problem: Problem, *, wait_s: float | None, attempt: int, elapsed_s: float, idempotent: bool, dice: float
    ) -> float | None:
        """Seconds to wait before the next attempt, or None to give up.

        Args:
            problem: what happened on this attempt.
            wait_s: what the provider's `Retry-After` asked for, None if it did not.
            attempt: how many attempts were made, 1 after the first.
            elapsed_s: time since the first attempt began.
            idempotent: whether carrying the request out twice is harmless.
            dice: the jitter, in [0, 1).
        """
        if attempt > self.retries or not self._is_worth_repeating(problem, idempotent):
            return None
        if wait_s is None:
            ceiling = min(self.max_delay_s, self.base_delay_s * 2.0 ** (attempt - 1))
            # Full jitter, mirrored so that it is never exactly zero.
            delay = ceiling * (1.0 - dice)
        elif wait_s > self.retry_after_cap_s:
            return None
        else:
            # A crowd that was told the same second should not come back as a crowd.
            delay = wait_s + self.base_delay_s * dice
        return delay if elapsed_s + delay < self.budget_s else None

    def _is_worth_repeating(self, problem: Problem, idempotent: bool) -> bool:
        if problem.certificate_refused:
            return False  # neither certificate will be another one in a second
        if problem.kind == "connect":
            return True  # nothing was sent, so nothing can happen twice
        if problem.kind == "status" and problem.status in self.refused_statuses:
            return True
        if not idempotent:
            return False
        if problem.kind in ("network", "timeout"):
            return True
        if problem.kind != "status" or problem.status is None:
            return False
        return problem.status in self.statuses or (problem.status == 403 and problem.is_html)


DEFAULT_RETRY = RetryPolicy()

NEVER_REPEAT = RetryPolicy(retries=0)
"""For single-use codes and token endpoints: the request leaves at most once, whatever happens."""


def parse_retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds the provider asks us to wait: from a number or an HTTP date, never negative, at most a week.

    None when the header is absent, negative or unreadable: then our own backoff decides.

    Source: https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3 (read 2026-11-21).
    """
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            at = parsedate_to_datetime(text)
        except ValueError:
            return None
        if at.tzinfo is None:
            at = at.replace(tzinfo=UTC)
        seconds = max(0.0, (at - now).total_seconds())
    if math.isnan(seconds) or seconds < 0:
        return None
    return min(seconds, _LONGEST_WAIT_S)
