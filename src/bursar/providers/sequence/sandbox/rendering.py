"""How does a record look as a GraphQL object?

An object is a mapping whose members are values, or functions of their arguments for what is rarely asked for.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from bursar.providers.sequence.sandbox.listing import LARGEST_PAGE, matching, page_of
from bursar.providers.sequence.sandbox.records import (
    Compound,
    ExternalEntity,
    Kyc,
    Leg,
    Merchant,
    Organization,
    Participant,
    Place,
    PlaceKind,
    RuleDetails,
    Simple,
    Transfer,
)

Node = dict[str, Any]

Late = Callable[[object], Any]
"""A member that is made when it is asked for; the argument is GraphQL's."""

_METADATA = {"PLAID": "PlaidMetadata", "METHOD": "MethodMetadata"}
_UNLIMITED_CENTS = 2_500_000


def money(cents: int | None) -> Node | None:
    """A `Money`; None for what nobody knows."""
    return None if cents is None else {"cents": cents, "formatted": format_cents(cents)}


def format_cents(cents: int) -> str:
    """Such as `$1,234.56` or `-$5.00`."""
    dollars, rest = divmod(abs(cents), 100)
    return f"{'-' if cents < 0 else ''}${dollars:,}.{rest:02d}"


def instant(at: datetime | None) -> str | None:
    """A `DateTime`."""
    if at is None:
        return None
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def late(make: Callable[[], Any]) -> Late:
    """A member that takes no arguments, and is made when it is asked for."""

    def resolve(_info: object) -> Any:
        return make()

    return resolve


def organization_node(organization: Organization) -> Node:
    """An `Organization` with everything that is reached through it."""

    def places(kind: PlaceKind) -> list[Node]:
        return [place_node(one, organization) for one in organization.of_kind(kind)]

    def pod(_info: object, *, id: str) -> Node | None:
        found = organization.find(id, PlaceKind.POD)
        return place_node(found, organization) if found else None

    def transfer(_info: object, *, id: str) -> Node | None:
        found = next((one for one in organization.list_transfers() if one.transfer_id == id), None)
        return transfer_node(found, organization) if found else None

    def transfers(
        _info: object,
        *,
        filter: Mapping[str, Any] | None = None,
        first: int | None = None,
        after: str | None = None,
    ) -> Node:
        opened = organization.open_page(after) if organization.open_page else None
        rows = opened.transfers if opened else organization.list_transfers()
        return page_of(
            matching(rows, filter),
            first,
            after,
            lambda one: transfer_node(one, organization),
            most=opened.most if opened else LARGEST_PAGE,
        )

    def first_transfer_date() -> str | None:
        return instant(min((one.created_at for one in organization.list_transfers()), default=None))

    return {
        "id": organization.organization_id,
        "pods": late(lambda: places(PlaceKind.POD)),
        "ports": late(lambda: places(PlaceKind.PORT)),
        "accounts": late(lambda: places(PlaceKind.ACCOUNT)),
        "pod": pod,
        "transferReference": transfer,
        "transferReferences": transfers,
        "firstTransferDate": late(first_transfer_date),
        "kycs": [_kyc_node(one) for one in organization.kycs],
        "plan": _plan_node(organization),
    }


def place_node(place: Place, organization: Organization) -> Node:
    """A `Pod`, `Port` or `Account`."""

    def transfers(_info: object, *, first: int | None = None, after: str | None = None) -> Node:
        touching = [one for one in organization.list_transfers() if one.touches(place.place_id)]
        return page_of(touching, first, after, lambda one: transfer_node(one, organization))

    node: Node = {
        "__typename": place.kind.value,
        "id": place.place_id,
        "name": place.name,
        "icon": place.icon,
        "metadata": _metadata_node(place) if place.has_metadata else None,
        "beneficiaryName": place.beneficiary,
        "bankAccountNumber": place.account_number,
        "routingNumber": place.routing_number,
        "createdAt": instant(place.created_at),
        "description": None,
    }
    if place.kind is PlaceKind.ACCOUNT:
        return node | {
            "type": place.type,
            "providerType": place.provider_type,
            "institutionName": place.institution,
            "canBeSourceOfTransfer": place.can_be_source,
            "capabilities": ["SOURCE", "DESTINATION"] if place.can_be_source else ["DESTINATION"],
            "liabilityLinkedWithPlaid": place.provider_type == "PLAID" and not place.can_be_source,
            "isPendingKyc": False,
        }
    node["externalAccountId"] = None
    node["limits"] = {
        "dailyCreditLimit": money(_UNLIMITED_CENTS),
        "remainingDailyCreditLimit": money(_UNLIMITED_CENTS),
        "remainingMonthlyCreditLimit": money(_UNLIMITED_CENTS * 10),
    }
    if place.kind is PlaceKind.POD:
        node |= {
            "type": place.type,
            "goalAmountInCents": place.goal_cents,
            "showSequenceBalance": True,
            "showManualLiabilityNotification": False,
            "showManualLiabilityFundsArrivedNotification": False,
            "transferReferences": transfers,
        }
    return node


def transfer_node(transfer: Transfer, organization: Organization) -> Node:
    """A `TransferReference`."""
    return {
        "id": transfer.transfer_id,
        "type": transfer.type,
        "status": transfer.status,
        "errorReason": transfer.error_reason,
        "createdAt": instant(transfer.created_at),
        "updatedAt": instant(transfer.updated_at),
        "amount": money(transfer.cents),
        "source": _participant_node(transfer.source, organization),
        "destination": _participant_node(transfer.destination, organization),
        "direction": transfer.direction,
        "activityType": transfer.activity_type,
        "description": transfer.description,
        "details": _details_node(transfer.details),
        "ruleDetails": _rule_node(transfer.rule),
    }


def _metadata_node(place: Place) -> Node:
    node: Node = {"id": place.metadata_id, "balance": money(place.balance_cents)}
    if place.kind is PlaceKind.ACCOUNT:
        node["__typename"] = _METADATA.get(place.provider_type or "", "ManualAccountMetadata")
        has_institution = place.institution is not None
        node["institution"] = {"id": place.metadata_id, "name": place.institution} if has_institution else None
    return node


def _participant_node(end: Participant | None, organization: Organization) -> Node | None:
    if isinstance(end, Place):
        return place_node(end, organization)
    if isinstance(end, Merchant):
        return {"__typename": "Merchant", "id": end.merchant_id, "name": end.name, "icon": end.icon}
    if isinstance(end, ExternalEntity):
        return {"__typename": "ExternalEntity", "name": end.name}
    return None


def _details_node(details: Simple | Compound | None) -> Node | None:
    if isinstance(details, Simple):
        return {"__typename": "SimpleTransferDetails", "status": _leg_node(details.leg)}
    if isinstance(details, Compound):
        return {
            "__typename": "CompoundTransferDetails",
            "pullPaymentStatus": _leg_node(details.pull),
            "pushPaymentStatus": _leg_node(details.push),
            "reversalPaymentStatus": _leg_node(details.reversal),
        }
    return None


def _leg_node(leg: Leg | None) -> Node | None:
    if leg is None:
        return None
    return {
        "status": leg.status,
        "createdAt": instant(leg.created_at),
        "completedAt": instant(leg.completed_at),
        "expectedCompletionDate": _day(leg.expected_on),
    }


def _rule_node(rule: RuleDetails | None) -> Node | None:
    return None if rule is None else {"triggerType": rule.trigger_type, "triggerCron": rule.trigger_cron}


def _kyc_node(kyc: Kyc) -> Node:
    return {"id": kyc.kyc_id, "name": kyc.name, "kycType": kyc.kind}


def _plan_node(organization: Organization) -> Node | None:
    if organization.plan_id is None:
        return None
    return {"id": organization.plan_id, "name": "Basic", "transactionsPerMonth": 25, "transferExtraCharge": money(100)}


def _day(on: date | None) -> str | None:
    return None if on is None else on.isoformat()
