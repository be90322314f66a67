"""What stands between a program and its money: limits, a record of each attempt, and both in the right order."""

from bursar.providers.sequence.sdk.safeguards.attempts import Order
from bursar.providers.sequence.sdk.safeguards.audit import AuditLog
from bursar.providers.sequence.sdk.safeguards.daily_limits import DailyLimitTracker, Reservation
from bursar.providers.sequence.sdk.safeguards.guarded import AsyncGuardedTransfers, GuardedResult, GuardedTransfers

__all__ = [
    "AsyncGuardedTransfers",
    "AuditLog",
    "DailyLimitTracker",
    "GuardedResult",
    "GuardedTransfers",
    "Order",
    "Reservation",
]
