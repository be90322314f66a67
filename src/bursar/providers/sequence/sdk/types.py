"""Which words does Sequence use for states, directions, kinds of activity and places?

The lists are open: an unknown word is kept as text, never refused. Arguments take members or plain strings.
"""

from enum import StrEnum


class TransferStatus(StrEnum):
    """How far a transfer is. Source: the web application and the vendor's public API reference."""

    PENDING = "PENDING"
    PROCESSING = "PROCESSING"
    COMPLETE = "COMPLETE"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    PENDING_APPROVAL = "PENDING_APPROVAL"
    INCOMPLETE = "INCOMPLETE"
    ERROR = "ERROR"


class Direction(StrEnum):
    """Seen from Sequence: between pods and ports, into them, or out of them."""

    INTERNAL = "INTERNAL"
    INCOMING = "INCOMING"
    OUTGOING = "OUTGOING"


class ActivityType(StrEnum):
    """What a transfer came from."""

    ONE_TIME_TRANSFER = "ONE_TIME_TRANSFER"
    RULE = "RULE"
    DIRECT_DEPOSIT = "DIRECT_DEPOSIT"
    ACH = "ACH"
    MONEY_IN = "MONEY_IN"
    PULLED_FROM_SEQUENCE = "PULLED_FROM_SEQUENCE"
    CASHBACK = "CASHBACK"


class AccountType(StrEnum):
    """A place that money can be moved from or to."""

    POD = "POD"
    """An envelope of money inside Sequence."""
    PORT = "PORT"
    """An income source: a real checking account inside Sequence, where pay arrives."""
    ACCOUNT = "ACCOUNT"
    """A bank, card or loan account outside Sequence."""
