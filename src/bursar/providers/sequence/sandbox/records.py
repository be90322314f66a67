"""What is there to tell: people, places that hold money, and movements between them?

Amounts are whole cents of US dollars, instants aware UTC.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any


class PlaceKind(StrEnum):
    """What sort of place holds money; the value is the GraphQL type."""

    POD = "Pod"
    """An envelope inside Sequence."""
    PORT = "Port"
    """An income source inside Sequence: a real account in which pay arrives."""
    ACCOUNT = "Account"
    """A bank, card or loan account outside Sequence."""


class Status(StrEnum):
    """Where a transfer, or one leg of it, has got to."""

    PENDING = "PENDING"
    PROCESSING = "PROCESSING"
    COMPLETE = "COMPLETE"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class Direction(StrEnum):
    """Across which border of Sequence money moves."""

    INTERNAL = "INTERNAL"
    INCOMING = "INCOMING"
    OUTGOING = "OUTGOING"


@dataclass(slots=True, kw_only=True)
class Place:
    """A pod, a port or an outside account; `balance_cents` None: nobody knows."""

    place_id: str
    kind: PlaceKind
    name: str
    metadata_id: str
    balance_cents: int | None
    icon: str | None = None
    type: str | None = None
    provider_type: str | None = None
    """Of an outside account: PLAID, METHOD or MANUAL."""
    institution: str | None = None
    can_be_source: bool = True
    goal_cents: int | None = None
    beneficiary: str | None = None
    account_number: str | None = None
    routing_number: str | None = None
    created_at: datetime | None = None
    has_metadata: bool = True

    @property
    def is_internal(self) -> bool:
        """Whether the money is inside Sequence."""
        return self.kind is not PlaceKind.ACCOUNT


@dataclass(frozen=True, slots=True)
class Merchant:
    """Where a card was used."""

    merchant_id: str
    name: str
    icon: str | None = None


@dataclass(frozen=True, slots=True)
class ExternalEntity:
    """Anybody else who sends or receives money."""

    name: str


Participant = Place | Merchant | ExternalEntity


@dataclass(slots=True)
class Leg:
    """One payment of a transfer."""

    status: Status
    created_at: datetime
    completed_at: datetime | None = None
    expected_on: date | None = None


@dataclass(slots=True)
class Simple:
    """A transfer of one payment."""

    leg: Leg


@dataclass(slots=True)
class Compound:
    """A transfer that is pulled in, pushed out, and taken back when that fails."""

    pull: Leg | None = None
    push: Leg | None = None
    reversal: Leg | None = None


@dataclass(frozen=True, slots=True)
class RuleDetails:
    """Which automation made a transfer."""

    trigger_type: str
    trigger_cron: str | None = None


@dataclass(slots=True, kw_only=True)
class Transfer:
    """A movement as the activity log shows it; an end that is None is not told."""

    transfer_id: str
    type: str
    status: str
    created_at: datetime
    cents: int
    source: Participant | None
    destination: Participant | None
    direction: Direction | None
    activity_type: str | None
    updated_at: datetime | None = None
    error_reason: str | None = None
    description: str | None = None
    details: Simple | Compound | None = None
    rule: RuleDetails | None = None

    def touches(self, place_id: str) -> bool:
        """Whether one of its ends is the place."""
        return any(isinstance(end, Place) and end.place_id == place_id for end in (self.source, self.destination))


@dataclass(frozen=True, slots=True)
class Kyc:
    """Somebody verified on whose behalf money moves."""

    kyc_id: str
    name: str
    kind: str = "INDIVIDUAL"


@dataclass(frozen=True, slots=True)
class OpenPage:
    """What one page of a listing is cut from, and how many rows it has at most."""

    transfers: Sequence[Transfer]
    most: int


@dataclass(slots=True, kw_only=True)
class Organization:
    """Who owns places; `list_transfers` answers newest first.

    `open_page` takes the cursor that a page is asked for with, and may say another thing for each page.
    """

    organization_id: str
    places: list[Place]
    list_transfers: Callable[[], Sequence[Transfer]]
    kycs: tuple[Kyc, ...] = ()
    plan_id: str | None = None
    open_page: Callable[[str | None], OpenPage] | None = None

    def find(self, place_id: str, kind: PlaceKind) -> Place | None:
        """The place of an id, if it is of that kind."""
        return next((one for one in self.places if one.place_id == place_id and one.kind is kind), None)

    def of_kind(self, kind: PlaceKind) -> list[Place]:
        """Its places of a kind, in their order."""
        return [one for one in self.places if one.kind is kind]


@dataclass(slots=True, kw_only=True)
class User:
    """Somebody who logs in; `memberships` are pairs of an id and an organization."""

    user_id: str
    summary_id: str
    settings_id: str
    memberships: list[tuple[str, Organization]] = field(default_factory=list[Any])

    def organization(self, organization_id: str) -> Organization | None:
        """One of the user's own."""
        return next((own for _, own in self.memberships if own.organization_id == organization_id), None)

    def organization_of_kyc(self, kyc_id: str) -> Organization | None:
        """The organization whose verified person or company an id names."""
        return next((own for _, own in self.memberships if any(one.kyc_id == kyc_id for one in own.kycs)), None)
