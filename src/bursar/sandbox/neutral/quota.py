"""How often may an account be read under one consent, and who did not keep to it?"""

from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta

from bursar.sandbox.neutral.problems import NeutralProblemError


@dataclass(frozen=True, slots=True)
class Quota:
    """So many reads of one account in any span of this length."""

    reads: int = 4
    per: timedelta = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Violation:
    """A call that should not have been made: `over_quota`, or `too_early` after a `Retry-After`."""

    at: datetime
    kind: str
    account_id: str
    """The world's id of the account."""


class QuotaBook:
    """Counts the reads of each account and refuses those over the limit."""

    def __init__(self, quota: Quota) -> None:
        self._quota = quota
        self._reads: dict[tuple[str, str], deque[datetime]] = {}
        self._told: dict[tuple[str, str], datetime] = {}
        self.violations: list[Violation] = []

    def spend(self, consent_id: str, account_id: str, now: datetime) -> dict[str, str]:
        """Counts a read and returns the headers that say what is left; raises the provider's 429 over the limit."""
        key = (consent_id, account_id)
        reads = self._reads.setdefault(key, deque())
        while reads and reads[0] + self._quota.per <= now:
            reads.popleft()
        if len(reads) < self._quota.reads:
            reads.append(now)
            self._told.pop(key, None)
            return self._headers(self._quota.reads - len(reads), reads[0] + self._quota.per - now)
        self.violations.append(Violation(now, "over_quota", account_id))
        if key in self._told:
            self.violations.append(Violation(now, "too_early", account_id))
        wait = reads[0] + self._quota.per - now
        self._told[key] = now + wait
        headers = self._headers(0, wait)
        raise NeutralProblemError(
            429, "quota_spent", "the account was read too often", {**headers, "retry-after": _seconds(wait)}
        )

    def _headers(self, left: int, wait: timedelta) -> dict[str, str]:
        return {
            "x-quota-limit": str(self._quota.reads),
            "x-quota-remaining": str(left),
            "x-quota-reset": _seconds(wait),
        }


def _seconds(span: timedelta) -> str:
    # Rounded up: a second too late is no violation.
    return str(-int(-span.total_seconds() // 1))
