"""What of a transfer goes over the wire, in either direction?"""

import re
from datetime import date
from decimal import Decimal
from typing import Annotated, ClassVar, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, WithJsonSchema

from bursar.domain.money import AmountError, check_amount, parse_amount
from bursar.domain.transfers import MAX_DESCRIPTION, Transfer, TransferRequest
from bursar.server.deps import Id
from bursar.server.parameters import Currency
from bursar.server.schemas.base import Instant, Out, money

_LARGEST = Decimal(10) ** 15
_LINE_BREAKS = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


def _amount(value: object) -> Decimal:
    """Return the exact number that was written; what counts as a number elsewhere (true, a float) is none here."""
    try:
        if isinstance(value, str):
            amount = parse_amount(value)
        elif isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise ValueError("a decimal number, as text or as a JSON number")
        else:
            amount = check_amount(Decimal(value))
    except AmountError:
        raise ValueError("a decimal number such as 12.50") from None
    if not 0 < amount < _LARGEST:
        raise ValueError("more than 0 and less than 10^15")
    return amount


def _one_line(text: str) -> str:
    if _LINE_BREAKS.search(text):
        raise ValueError("one line, without control characters")
    return text


Amount = Annotated[
    Decimal,
    BeforeValidator(_amount),
    WithJsonSchema({"anyOf": [{"type": "string", "example": "12.50"}, {"type": "number"}]}),
]


class TransferBody(BaseModel):
    """Move money from one account to another, both read through one connection."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", hide_input_in_errors=True)

    source_account_id: Id
    destination_account_id: Id
    amount: Amount
    currency: Currency | None = None
    """May be left out: that of the accounts. Another one is refused, nothing is converted."""
    description: Annotated[str, Field(max_length=MAX_DESCRIPTION), AfterValidator(_one_line)] = ""
    instant: StrictBool = False
    """Ask the provider for its fast way, where it has one; it may cost more."""
    confirm: StrictBool = False
    """True: only stage it; it is sent by a second call to its confirmations."""
    connection_id: Id | None = None
    """Needed only where both accounts are read through several connections."""

    def to_request(self) -> TransferRequest:
        """Return what is asked for."""
        return TransferRequest(
            source_account_id=self.source_account_id,
            destination_account_id=self.destination_account_id,
            amount=self.amount,
            currency=self.currency,
            description=self.description,
            is_instant=self.instant,
            must_confirm=self.confirm,
            connection_id=self.connection_id,
        )


class DecisionBody(BaseModel):
    """What a person has seen at the provider of a transfer that stays unknown."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", hide_input_in_errors=True)

    happened: StrictBool
    """True: money moved. False: it did not, and the amount no longer counts against the day's limit."""


class TransferErrorOut(Out):
    """Why a transfer failed, or is not known to have happened."""

    code: str
    message: str


class TransferOut(Out):
    """A transfer: what was asked for, and where it stands."""

    id: UUID
    status: str
    """`awaiting_confirmation`, `sending`, `completed` (the provider has taken it), `failed` (no money moved), `unknown`
    (it may have moved: it is being looked up, do not send it again), `cancelled` or `expired`."""
    connection_id: UUID
    provider_slug: str
    source_account_id: UUID
    destination_account_id: UUID
    amount: str
    currency: str
    description: str
    instant: bool
    provider_transfer_id: str | None
    """The provider's id of the movement, which is also that of the rows in the ledger; null while it is not known."""
    error: TransferErrorOut | None
    limit_day: date | None
    """The day, in the provider's calendar, whose limit it counts against."""
    requested_by: UUID
    confirmed_by: UUID | None
    expires_at: Instant | None
    """Until when it may be confirmed."""
    sent_at: Instant | None
    finished_at: Instant | None
    version: int
    created_at: Instant
    updated_at: Instant

    @classmethod
    def of(cls, transfer: Transfer) -> Self:
        """Return the wire form."""
        failed = transfer.failure_code
        return cls(
            id=transfer.id,
            status=transfer.status.value,
            connection_id=transfer.connection_id,
            provider_slug=transfer.provider_slug,
            source_account_id=transfer.source_account_id,
            destination_account_id=transfer.destination_account_id,
            amount=money(transfer.amount, transfer.currency) or "",
            currency=transfer.currency,
            description=transfer.description,
            instant=transfer.is_instant,
            provider_transfer_id=transfer.provider_transfer_id,
            error=None if failed is None else TransferErrorOut(code=failed, message=transfer.failure_message or ""),
            limit_day=transfer.limit_day,
            requested_by=transfer.requested_by,
            confirmed_by=transfer.confirmed_by,
            expires_at=transfer.expires_at,
            sent_at=transfer.sent_at,
            finished_at=transfer.finished_at,
            version=transfer.version,
            created_at=transfer.created_at,
            updated_at=transfer.updated_at,
        )
