"""What is a transfer, how may it end, and how much may be sent in a day? (Money moves at most once per request.)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from bursar.domain.money import AmountError, MoneyError, check_amount, format_amount, minor_units
from bursar.domain.time import local_date, to_utc
from bursar.domain.vocabulary import Vocabulary

MAX_DESCRIPTION = 140

CONFIRM_WITHIN = timedelta(minutes=15)
"""How long a staged transfer waits for its confirmation."""
SEND_WITHIN = timedelta(minutes=2)
"""How long a provider is waited for; a transfer that is `sending` for longer has lost its sender."""
LOOK_AFTER = SEND_WITHIN + timedelta(minutes=1)
"""When a transfer that nobody has recorded an outcome of is looked up for the first time."""
BELIEVE_AFTER = timedelta(minutes=15)
"""How long after the order a provider's activity without it is taken to mean that nothing moved."""
GIVE_UP_AFTER = timedelta(days=7)
"""How long an outcome is looked for; after that it stays unknown until a person looks at the provider."""
CLOCKS_DIFFER = timedelta(minutes=1)
"""How much earlier than the order the provider may say that it came."""


class TransferStatus(Vocabulary):
    """Where a transfer stands. An amount counts against the day's limit while it is sending, completed or unknown."""

    AWAITING_CONFIRMATION = "awaiting_confirmation"
    """Staged: nothing is reserved and nothing was sent."""
    SENDING = "sending"
    """Reserved and on its way to the provider. Whoever dies here leaves it here, and it is looked up, not resent."""
    COMPLETED = "completed"
    """The provider has taken the order. A bank may take days to book it, which the rows of the ledger show."""
    FAILED = "failed"
    """Nothing moved: the provider refused it, was never asked, or does not know of it long after."""
    UNKNOWN = "unknown"
    """It may have happened: it is looked up at the provider, and never sent again."""
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    def may_become(self, other: "TransferStatus") -> bool:
        """True when the move to the other status is one of the allowed ones."""
        return other in _MOVES[self]

    @property
    def counts(self) -> bool:
        """True while the amount counts against the day's limit."""
        return self in (TransferStatus.SENDING, TransferStatus.COMPLETED, TransferStatus.UNKNOWN)


_S = TransferStatus
_MOVES: dict[TransferStatus, frozenset[TransferStatus]] = {
    _S.AWAITING_CONFIRMATION: frozenset({_S.SENDING, _S.CANCELLED, _S.EXPIRED}),
    _S.SENDING: frozenset({_S.COMPLETED, _S.FAILED, _S.UNKNOWN}),
    _S.UNKNOWN: frozenset({_S.COMPLETED, _S.FAILED}),
    # A sender that slept through everything may come back with proof: what happened is never denied.
    _S.FAILED: frozenset({_S.COMPLETED}),
    _S.COMPLETED: frozenset(),
    _S.CANCELLED: frozenset(),
    _S.EXPIRED: frozenset(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferRules:
    """What the operator allows; limits are in the currency of the transfer, whichever it is."""

    max_amount: Decimal
    """The most that one transfer may move."""
    max_per_day: Decimal
    """The most that a tenant may move in one currency, at one provider, in one day of the provider's calendar."""
    always_confirm: bool = False
    """True: each transfer waits for its confirmation, whether its request says so or not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferRequest:
    """What a caller asks for, checked for form only."""

    source_account_id: UUID
    destination_account_id: UUID
    amount: Decimal
    currency: str | None = None
    """None: that of the accounts."""
    description: str = ""
    is_instant: bool = False
    must_confirm: bool = False
    connection_id: UUID | None = None
    """Needed only where both accounts are read through several connections."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """One order to move money between two accounts of one connection."""

    id: UUID
    connection_id: UUID
    provider_slug: str
    requested_by: UUID
    idempotency_key: str = field(repr=False)
    request_mark: bytes = field(repr=False)
    source_account_id: UUID
    destination_account_id: UUID
    source_place: str = field(repr=False)
    """The provider's id of the account that money leaves."""
    destination_place: str = field(repr=False)
    amount: Decimal
    currency: str
    description: str
    is_instant: bool
    status: TransferStatus
    limit_day: date | None
    """The day, in the provider's calendar, whose limit it was reserved from; None before that."""
    provider_transfer_id: str | None
    """The provider's id of the movement; None while it is not known, which a completed one may stay."""
    failure_code: str | None
    failure_message: str | None
    confirmed_by: UUID | None
    expires_at: datetime | None
    """When a staged one lapses."""
    sent_at: datetime | None
    """When it was reserved, just before the provider was asked."""
    finished_at: datetime | None
    check_at: datetime | None = field(repr=False)
    """When somebody must look after it; None: nobody."""
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DayUse:
    """How much of a day's limit is used."""

    day: date
    reserved: Decimal
    """By transfers whose outcome is not known, or not yet."""
    committed: Decimal
    """By transfers that happened."""

    @property
    def used(self) -> Decimal:
        """What counts against the limit."""
        return self.reserved + self.committed


def request_mark(asked: TransferRequest) -> bytes:
    """Return a digest of everything that a request says: one key stands for one mark, for ever."""
    said = (
        asked.source_account_id,
        asked.destination_account_id,
        format_amount(asked.amount, asked.currency or ""),
        asked.currency,
        asked.description,
        asked.is_instant,
        asked.must_confirm,
        asked.connection_id,
    )
    return sha256("\x1f".join(map(str, said)).encode()).digest()


def limit_day(at: datetime, zone_name: str) -> date:
    """Return the day of the provider's calendar that an instant falls in: never the server's own day."""
    return local_date(at, ZoneInfo(zone_name))


def check_transfer_amount(amount: Decimal, currency: str) -> str | None:
    """Return why an amount cannot be moved; None when it can: above zero, with at most the currency's decimals."""
    if not isinstance(amount, Decimal):  # pyright: ignore[reportUnnecessaryIsInstance] - a float or a bool must not pass
        return "An amount is a decimal number."
    try:
        check_amount(amount)
        places = minor_units(currency)
    except AmountError:
        return "An amount is a finite number of at most 30 digits."
    except MoneyError:
        return "The currency of the accounts is not known."
    if amount <= 0:
        return "More than zero."
    _, digits, exponent = amount.as_tuple()
    excess = -exponent - places if isinstance(exponent, int) else 0
    # Zeros at the end are no finer amount; the digits are looked at, because arithmetic would round thirty of them.
    if excess > 0 and any(digits[-excess:]):
        return f"{currency} has {places} decimals."
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A movement in the provider's activity that looks like an order: same places, same amount."""

    provider_transfer_id: str
    created_at: datetime
    has_failed: bool
    """True when the provider says that it failed or was called off: its money is where it was."""


Verdict = Literal["happened", "not_happened", "wait"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What the provider's activity says of one transfer."""

    verdict: Verdict
    sighting: Sighting | None = None
    """Which movement it was; only with `happened`."""


def find_outcome(
    transfer: Transfer, alike: Sequence[Transfer], sightings: Sequence[Sighting], now: datetime
) -> Finding:
    """Judge a transfer by the provider's activity, beside all orders that look the same.

    An uncertain one has happened or has not; of one that is known to have happened the movement is found.

    Two equal orders cannot be told apart at a provider that keeps no reference of ours, so they are counted: as many
    movements as equal orders means that each happened. A movement too many (somebody did the same by hand) leaves it
    open, because either of the two may be ours.

    Args:
        transfer: the uncertain one, or a completed one whose movement is not known.
        alike: every transfer of ours with the same places and amount that may have a movement which is not known to be
            its own: sending, unknown, or completed without an id. The uncertain one may be among them.
        sightings: the movements that belong to no transfer of ours yet, in any order, since the oldest of `alike`.
        now: the present.
    """
    if transfer.sent_at is None:
        return Finding("wait")
    others = [one for one in alike if one.id != transfer.id and one.sent_at is not None]
    if any(one.status is TransferStatus.SENDING and now < _sent_at(one) + SEND_WITHIN for one in others):
        return Finding("wait")  # its own movement may come any moment
    group = sorted([transfer, *others], key=lambda one: (_sent_at(one), one.id))
    left = sorted(sightings, key=lambda one: (one.created_at, one.provider_transfer_id))
    # Those that are known to have happened take theirs first, each the first one that is not older than the order.
    own: dict[UUID, Sighting] = {}
    for certain in (True, False):
        for one in group:
            if (one.status is TransferStatus.COMPLETED) is not certain:
                continue
            found = next((seen for seen in left if _fits(one, seen)), None)
            if found is not None:
                own[one.id] = found
                left.remove(found)
    mine = own.get(transfer.id)
    if transfer.status is TransferStatus.COMPLETED:
        return (
            Finding("wait")
            if mine is None or any(_fits(transfer, seen) for seen in left)
            else Finding("happened", mine)
        )
    if any(_fits(transfer, seen) for seen in left):
        return Finding("wait")
    if mine is not None:
        return Finding("not_happened" if mine.has_failed else "happened", mine)
    return Finding("not_happened" if now >= transfer.sent_at + BELIEVE_AFTER else "wait")


def next_check(transfer: Transfer, now: datetime) -> datetime | None:
    """Return when a transfer is looked up again: ever more rarely, and no more after a week."""
    if transfer.sent_at is None or now >= transfer.sent_at + GIVE_UP_AFTER:
        return None
    age = now - transfer.sent_at
    return now + min(max(age / 2, timedelta(minutes=1)), timedelta(hours=6))


def _sent_at(transfer: Transfer) -> datetime:
    return transfer.sent_at if transfer.sent_at is not None else transfer.created_at


def _fits(transfer: Transfer, seen: Sighting) -> bool:
    return to_utc(seen.created_at) >= _sent_at(transfer) - CLOCKS_DIFFER
