"""What do Sequence's places and movements mean in the ledger's words and signs?

A pod, a port and a linked account are accounts. A movement names both of its ends: each end that is a place of this
login gets a row of its own, and the place that money enters gets the positive one, a card or a loan included. Amounts
are whole US cents and days are New York's.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, cast
from zoneinfo import ZoneInfo

from bursar.domain.accounts import AccountType, ProviderAccountData, mask_account_number
from bursar.domain.sync import RejectReason
from bursar.domain.time import local_date, to_utc
from bursar.domain.transactions import ProviderTransactionData
from bursar.ports.rejects import UnreadableError

CURRENCY = "USD"
ZONE_NAME = "America/New_York"
ZONE = ZoneInfo(ZONE_NAME)
MAX_DESCRIPTION = 500
MAX_CENTS = 10**15

JsonObject = Mapping[str, Any]

POD, PORT, ACCOUNT = "POD", "PORT", "ACCOUNT"

ACCOUNT_TYPES: Mapping[str, str] = {
    "CHECKING": "checking",
    "SAVINGS": "savings",
    "MONEY_MARKET": "money_market",
    "CD": "cd",
    "PREPAID": "prepaid",
    "CREDIT_CARD": "credit_card",
    "CREDIT": "credit_card",
    "LINE_OF_CREDIT": "line_of_credit",
    "LOAN": "loan",
    "STUDENT_LOAN": "loan",
    "AUTO_LOAN": "loan",
    "PERSONAL_LOAN": "loan",
    "MORTGAGE": "mortgage",
    "BROKERAGE": "brokerage",
    "INVESTMENT": "brokerage",
}
"""Of linked accounts; any other word is kept beside the kind `other`."""

PENDING = frozenset({"PENDING", "PROCESSING", "PENDING_APPROVAL", "INCOMPLETE"})
SETTLED = frozenset({"COMPLETE"})
WITHDRAWN = frozenset({"FAILED", "CANCELLED", "ERROR"})
"""Movements that did not come to be: their rows are taken back."""

_PLACE_TYPES = frozenset({"Pod", "Port", "Account"})
_MADE_INSIDE = frozenset({"ONE_TIME_TRANSFER", "RULE"})
"""Kinds that are ordered at Sequence, between two places that it knows: an end that is not told is a fault."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where money can be."""

    place_id: str
    kind: str
    """`POD`, `PORT` or `ACCOUNT`."""
    organization_id: str
    account: ProviderAccountData


def to_place(node: JsonObject, kind: str, organization_id: str) -> Place:
    """A pod, a port or a linked account.

    Raises:
        UnreadableError: no id or name, or a balance that is no whole number of cents.
    """
    place_id = text_of(node, "id")
    own_kind = _optional_text(node, "type")
    account_type = (
        "checking" if kind in (POD, PORT) else ACCOUNT_TYPES.get(own_kind or "", (own_kind or "other").lower())
    )
    cents = _balance_cents(node)
    sign = (AccountType.lookup(account_type) or AccountType.OTHER).category_sign()
    number = _optional_text(node, "bankAccountNumber") or ""
    return Place(
        place_id=place_id,
        kind=kind,
        organization_id=organization_id,
        account=ProviderAccountData(
            provider_account_id=place_id,
            account_number_masked=mask_account_number(number),
            name=text_of(node, "name")[:255],
            account_type=account_type,
            currency=CURRENCY,
            balance=Decimal(0) if cents is None else to_amount(cents * sign),
            balance_known=cents is not None,
            provider_type=kind if kind in (POD, PORT) else own_kind,
            institution_timezone=ZONE_NAME,
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """A movement of the activity log that could be read; its ends are judged one by one."""

    movement_id: str
    status: str
    created_at: datetime
    cents: int
    activity_type: str | None
    direction: str | None
    description: str | None
    source: JsonObject | None
    destination: JsonObject | None


def to_movement(node: JsonObject) -> Movement:
    """A row of the activity log.

    Raises:
        UnreadableError: no id, status, time or amount, or one that means nothing.
    """
    amount = node.get("amount")
    if not isinstance(amount, Mapping):
        raise UnreadableError(_missing_or(amount, RejectReason.BAD_NUMBER), "amount")
    cents = cents_of(cast("JsonObject", amount), "amount.cents")
    if cents < 0:
        raise UnreadableError(RejectReason.INCONSISTENT, "amount.cents")
    return Movement(
        movement_id=text_of(node, "id"),
        status=text_of(node, "status"),
        created_at=instant_of(node, "createdAt"),
        cents=cents,
        activity_type=_optional_text(node, "activityType"),
        direction=_optional_text(node, "direction"),
        description=_optional_text(node, "description"),
        source=_end_of(node, "source"),
        destination=_end_of(node, "destination"),
    )


def own_ends(movement: Movement, places: Mapping[str, Place]) -> Iterator[tuple[str, Place | UnreadableError | None]]:
    """Yield (`source` or `destination`, the place of this login at that end).

    None stands for an end that is no place of this login: a merchant, an outside party, or a place that is gone. An
    end that ought to be a place and is not told comes as the error that says so.
    """
    for name, end in (("source", movement.source), ("destination", movement.destination)):
        place_id = end.get("id") if end is not None else None
        if isinstance(place_id, str) and place_id in places:
            yield name, places[place_id]
        elif end is None:
            is_told = movement.activity_type not in _MADE_INSIDE and not _must_be_own(movement.direction, name)
            yield name, None if is_told else UnreadableError(RejectReason.MISSING_FIELD, name)
        elif not _is_named(end):
            yield name, UnreadableError(_missing_or(place_id, RejectReason.INCONSISTENT), f"{name}.id")
        else:
            yield name, None


def is_gone(end: JsonObject | None) -> bool:
    """True for an end that was a place of this login and is not listed any more, such as a pod that was deleted."""
    return end is not None and _optional_text(end, "__typename") in _PLACE_TYPES


def to_transaction(movement: Movement, end: str, place: Place, other: Place | None) -> ProviderTransactionData:
    """The row of one end.

    Its id is the movement's with the end behind it: both rows of a movement inside one login have ids of their own.

    Raises:
        UnreadableError: the status is not one that moves or takes back money.
    """
    if movement.status not in PENDING | SETTLED:
        raise UnreadableError(RejectReason.UNSUPPORTED, "status")
    is_entry = end == "destination"
    partner = movement.source if is_entry else movement.destination
    name = _optional_text(partner, "name") if partner is not None else None
    kind = _kind_of(movement, place, other, partner, is_entry=is_entry)
    amount = to_amount(movement.cents if is_entry else -movement.cents)
    return ProviderTransactionData(
        provider_account_id=place.place_id,
        provider_transaction_id=f"{movement.movement_id}:{end}",
        transaction_type=kind[0],
        subtype=kind[1],
        amount=amount,
        currency=CURRENCY,
        transaction_date=local_date(movement.created_at, ZONE),
        description=(movement.description or name or "")[:MAX_DESCRIPTION],
        status="settled" if movement.status in SETTLED else "pending",
        occurred_at=movement.created_at,
        counterparty=name[:255] if name else None,
        category_hint=f"sequence:{movement.activity_type}" if movement.activity_type else None,
        raw_data={"status": movement.status, "direction": movement.direction, "activityType": movement.activity_type},
    )


def to_amount(cents: int) -> Decimal:
    """Return cents as dollars, exactly."""
    return Decimal(cents).scaleb(-2)


def to_cents(amount: Decimal) -> int:
    """Return dollars as whole cents, exactly.

    Raises:
        ValueError: there is a fraction of a cent.
    """
    cents = amount.scaleb(2)
    if cents != cents.to_integral_value():
        raise ValueError("an amount has whole cents")
    return int(cents)


def cents_of(money: JsonObject, field: str) -> int:
    """Return the cents of a `Money`: a JSON number without a fraction, which a float or a truth value is not."""
    cents = money.get("cents")
    if type(cents) is not int:
        raise UnreadableError(_missing_or(cents, RejectReason.BAD_NUMBER), field)
    if abs(cents) >= MAX_CENTS * 10_000:
        raise UnreadableError(RejectReason.TOO_LARGE, field)
    return cents


def text_of(node: JsonObject, name: str) -> str:
    """Return a text that must be there."""
    value = node.get(name)
    if not isinstance(value, str) or not value.strip():
        raise UnreadableError(_missing_or(value, RejectReason.INCONSISTENT), name)
    return value


def instant_of(node: JsonObject, name: str) -> datetime:
    """Return an instant that must be there, in UTC."""
    value = node.get(name)
    try:
        return to_utc(datetime.fromisoformat(value)) if isinstance(value, str) else _no_date(value, name)
    except (ValueError, OverflowError):
        raise UnreadableError(RejectReason.BAD_DATE, name) from None


def _no_date(value: object, name: str) -> datetime:
    raise UnreadableError(_missing_or(value, RejectReason.BAD_DATE), name)


def _balance_cents(node: JsonObject) -> int | None:
    """Return a balance in cents; None where Sequence tells none, as of an account that was typed in by hand."""
    metadata = node.get("metadata")
    if metadata is None:
        return None
    if not isinstance(metadata, Mapping):
        raise UnreadableError(RejectReason.INCONSISTENT, "metadata")
    balance = cast("JsonObject", metadata).get("balance")
    if balance is None:
        return None
    if not isinstance(balance, Mapping):
        raise UnreadableError(RejectReason.BAD_NUMBER, "metadata.balance")
    return cents_of(cast("JsonObject", balance), "metadata.balance.cents")


def _end_of(node: JsonObject, name: str) -> JsonObject | None:
    end = node.get(name)
    if end is not None and not isinstance(end, Mapping):
        raise UnreadableError(RejectReason.INCONSISTENT, name)
    return cast("JsonObject | None", end)


def _is_named(end: JsonObject) -> bool:
    """True when an end says who it is: by an id, or as a party that has none."""
    place_id = end.get("id")
    if _optional_text(end, "__typename") in (*_PLACE_TYPES, "Merchant"):
        return isinstance(place_id, str) and bool(place_id)
    return end.get("__typename") == "ExternalEntity" or (isinstance(place_id, str) and bool(place_id))


def _must_be_own(direction: str | None, end: str) -> bool:
    own = {"INTERNAL": ("source", "destination"), "INCOMING": ("destination",), "OUTGOING": ("source",)}
    return end in own.get(direction or "", ())


def _kind_of(
    movement: Movement, place: Place, other: Place | None, partner: JsonObject | None, *, is_entry: bool
) -> tuple[str, str]:
    if other is not None:
        if ACCOUNT not in (place.kind, other.kind):
            return "transfer", "internal"
        return "transfer", "transfer_in" if is_entry else "transfer_out"
    if movement.activity_type == "DIRECT_DEPOSIT" and is_entry:
        return "transfer", "direct_deposit"
    if movement.activity_type == "CASHBACK" and is_entry:
        return "income", "reward"
    if partner is not None and partner.get("__typename") == "Merchant":
        return "payment", "refund" if is_entry else "purchase"
    return "transfer", "transfer_in" if is_entry else "transfer_out"


def _optional_text(node: JsonObject, name: str) -> str | None:
    value = node.get(name)
    return value if isinstance(value, str) and value.strip() else None


def _missing_or(value: object, reason: RejectReason) -> RejectReason:
    return RejectReason.MISSING_FIELD if value is None or value == "" else reason
