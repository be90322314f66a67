"""The answers as typed models: each accepts the dictionary that the method of its name returns.

Unknown members are ignored. Amounts are whole US cents. None is "not known"; the dictionaries of the balance methods
write 0 there, so read balances with `read_accounts`, which does not.
"""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _or_unknown(word: str) -> BeforeValidator:
    return BeforeValidator(lambda value: word if value is None else value)


class SequenceModel(BaseModel):
    """What all models share."""

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)


class Pod(SequenceModel):
    """An envelope of money inside Sequence."""

    id: str
    name: str
    organization_id: str
    balance_cents: int | None
    balance: str | None
    type: str | None = None


class Port(SequenceModel):
    """An income source: a real checking account inside Sequence, where pay arrives."""

    id: str
    name: str
    organization_id: str
    balance_cents: int | None
    balance: str | None


class ExternalAccount(SequenceModel):
    """A bank, card or loan account outside Sequence, linked or typed in by hand.

    Attributes:
        balance_cents: as the institution tells it; what is owed on a card or a loan is positive.
        provider_type: who links it, such as `PLAID`, `METHOD` or `MANUAL`.
    """

    id: str
    name: str
    organization_id: str
    balance_cents: int | None
    balance: str | None
    type: str | None = None
    provider_type: str | None = None
    institution: str | None = None


class TotalBalance(SequenceModel):
    """The sum over all pods, without ports and external accounts."""

    total_balance_cents: int
    total_balance: str
    pod_count: int


class TransferParty(SequenceModel):
    """One end of a transfer.

    Attributes:
        name: `Unknown` when Sequence gives none.
        id: None for parties that Sequence does not know by an id.
        kind: the wire's type, such as `Pod`, `Port`, `Account`, `Merchant` or `ExternalEntity`.
    """

    name: Annotated[str, _or_unknown("Unknown")] = "Unknown"
    id: str | None = None
    kind: str | None = Field(default=None, validation_alias="__typename")


class Transfer(SequenceModel):
    """One movement of the activity log.

    Attributes:
        amount_cents: never negative; source and destination tell the direction.
        status, direction, activity_type: open lists, see `types`; `UNKNOWN` when Sequence gives none.
        created_at, updated_at: ISO 8601 in New York time.
    """

    id: str
    status: Annotated[str, _or_unknown("UNKNOWN")]
    amount: str | None
    amount_cents: int | None
    source: TransferParty
    destination: TransferParty
    direction: Annotated[str, _or_unknown("UNKNOWN")]
    activity_type: Annotated[str, _or_unknown("UNKNOWN")]
    created_at: str | None = None
    updated_at: str | None = None
    type: str | None = None
    error_reason: str | None = None
    details: dict[str, Any] | None = None
    rule: dict[str, Any] | None = None


class PageInfo(SequenceModel):
    """Where the next page begins; an empty cursor is the first page."""

    end_cursor: str
    has_next_page: bool


class ActivityPage(SequenceModel):
    """One page of the activity log, newest first."""

    transfers: list[Transfer]
    page_info: PageInfo


class ActivitySummary(SequenceModel):
    """The current month, as New York counts it."""

    transfer_count: int
    rule_executions: int
    total_incoming_cents: int | None
    total_incoming: str | None


class AllAccounts(SequenceModel):
    """Every place that holds money."""

    pods: list[Pod]
    ports: list[Port]
    accounts: list[ExternalAccount]
