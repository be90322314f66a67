"""What does a user get to see, and what happens when they pay?"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from graphql import GraphQLError

from bursar.providers.sequence.sandbox.calendars import NEW_YORK
from bursar.providers.sequence.sandbox.payments import Order, RefusedPaymentError
from bursar.providers.sequence.sandbox.records import Direction, Organization, Status, Transfer, User
from bursar.providers.sequence.sandbox.rendering import Node, late, money, organization_node


class Books(Protocol):
    """Whatever knows people, places and transfers."""

    @property
    def now(self) -> datetime:
        """The present instant."""
        ...

    def pay(self, organization: Organization, order: Order) -> None:
        """Makes a payment; raises `RefusedPaymentError` with the reason against it."""
        ...


def root_of(books: Books, user: User) -> Node:
    """The root of every operation of a user."""

    def organization(_info: object, *, id: str) -> Node:
        found = user.organization(id)
        if found is None:
            # Whether it exists is nobody else's business.
            raise GraphQLError("You do not have access to this organization", extensions={"code": "FORBIDDEN"})
        return organization_node(found)

    def scope(_info: object, *, id: str) -> Node:
        found = user.organization_of_kyc(id)
        if found is None:
            raise GraphQLError("KYC application not found", extensions={"code": "NOT_FOUND"})

        def create_payment(_info: object, *, fields: Mapping[str, Any]) -> Node:
            return _pay(books, found, fields)

        return {"createPayment": create_payment}

    return {
        "me": late(lambda: _user_node(user)),
        "organization": organization,
        "activitySummary": late(lambda: _summary_node(books, user)),
        "forKYC": scope,
    }


def _pay(books: Books, organization: Organization, fields: Mapping[str, Any]) -> Node:
    source, destination = fields["source"], fields["destination"]
    order = Order(
        cents=fields["amount"],
        source_id=source["id"],
        source_kind=str(source["type"]),
        destination_id=destination["id"],
        destination_kind=str(destination["type"]),
        description=fields.get("achDescription"),
    )
    try:
        books.pay(organization, order)
    except RefusedPaymentError as refusal:
        return {"ok": None, "error": {"message": str(refusal)}}
    return {"ok": {"organization": organization_node(organization)}, "error": None}


def _user_node(user: User) -> Node:
    return {
        "id": user.user_id,
        "memberships": [
            {"id": membership_id, "organization": organization_node(organization)}
            for membership_id, organization in user.memberships
        ],
        "settings": {"id": user.settings_id, "showSinceYouveBeenGone": False},
        "offer": None,
    }


def _summary_node(books: Books, user: User) -> Node:
    """The present month in New York."""
    today = books.now.astimezone(NEW_YORK)
    transfers = [
        one
        for _, organization in user.memberships
        for one in organization.list_transfers()
        if _month(one.created_at) == (today.year, today.month)
    ]
    return {
        "id": user.summary_id,
        "transferReferencesCount": len(transfers),
        "ruleExecutionsCount": sum(one.rule is not None for one in transfers),
        "totalIncomingFundsInCents": money(sum(one.cents for one in transfers if _has_come_in(one))),
    }


def _has_come_in(transfer: Transfer) -> bool:
    return transfer.direction is Direction.INCOMING and transfer.status == Status.COMPLETE


def _month(at: datetime) -> tuple[int, int]:
    local = at.astimezone(NEW_YORK)
    return local.year, local.month
