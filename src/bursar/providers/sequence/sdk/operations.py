"""What is asked of Sequence, as values? An operation says what to send and how to read the answer; a runner does it.

This is the seam of the client. The vendor also has a public REST API; a runner for it would carry out the same
operations by their names and variables, and the clients above would not change.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from pydantic import ValidationError

from bursar.providers.sequence.sdk import arguments, documents, shapes
from bursar.providers.sequence.sdk.exceptions import TransportError
from bursar.providers.sequence.sdk.models import AllAccounts
from bursar.providers.sequence.sdk.money import checked_cents
from bursar.providers.sequence.sdk.types import AccountType

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Operation(Generic[T]):
    """One request, and what becomes of its answer.

    Attributes:
        name: the operation's name on the wire; None for a document without one.
        variables: may hold account ids and amounts: not for logs.
        read: turns the `data` member of the answer into the result.
        moves_money: sent at most once, and an unclear end is an error of its own.
    """

    name: str | None
    document: str
    read: Callable[[Mapping[str, Any]], T]
    variables: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)
    moves_money: bool = False


class OperationRunner(Protocol):
    """Carries operations out, one at a time."""

    async def run(self, operation: Operation[T]) -> T:
        """Send an operation and return its result, or raise a `SequenceError`."""
        ...

    async def aclose(self) -> None:
        """Close every connection; calling it again does nothing."""
        ...


def pods() -> Operation[list[dict[str, Any]]]:
    """Every pod."""
    return Operation(documents.ACCOUNTS_OPERATION, documents.ACCOUNTS, shapes.pods)


def total_balance() -> Operation[dict[str, Any]]:
    """The sum over all pods."""
    return Operation(documents.ACCOUNTS_OPERATION, documents.ACCOUNTS, shapes.total_balance)


def pod_named(name: str) -> Operation[dict[str, Any] | None]:
    """One pod by its name."""
    read = partial(shapes.pod_named, name=arguments.text(name, "pod_name"))
    return Operation(documents.ACCOUNTS_OPERATION, documents.ACCOUNTS, read)


def all_accounts(org_id: str | None) -> Operation[dict[str, list[dict[str, Any]]]]:
    """Every place that holds money."""
    read = partial(shapes.all_accounts, org_id=arguments.optional_id(org_id, "org_id"))
    return Operation(documents.ACCOUNTS_OPERATION, documents.ACCOUNTS, read)


def typed_accounts(org_id: str | None) -> Operation[AllAccounts]:
    """Every place that holds money, with None where a balance is not known."""
    wanted = arguments.optional_id(org_id, "org_id")

    def read(data: Mapping[str, Any]) -> AllAccounts:
        try:
            return AllAccounts.model_validate(shapes.all_accounts(data, wanted, unknown=None))
        except ValidationError as error:
            told = error.errors(include_url=False, include_context=False, include_input=False)
            fields = ", ".join(".".join(map(str, one["loc"])) for one in told[:5])
        # Outside of the handler: the library's own error would quote the answer.
        raise TransportError(f"the answer does not fit: {fields}")

    return Operation(documents.ACCOUNTS_OPERATION, documents.ACCOUNTS, read)


def pod_detail(organization_id: str, pod_id: str) -> Operation[dict[str, Any]]:
    """One pod with its last transfers."""
    variables = {
        "organizationId": arguments.identifier(organization_id, "organization_id"),
        "id": arguments.identifier(pod_id, "pod_id"),
    }
    return Operation(documents.POD_OPERATION, documents.POD, shapes.pod_detail, variables)


def activity_summary() -> Operation[dict[str, Any]]:
    """The current month in numbers."""
    return Operation(documents.SUMMARY_OPERATION, documents.SUMMARY, shapes.activity_summary)


def transfer_detail(org_id: str, transfer_id: str) -> Operation[dict[str, Any]]:
    """One transfer with its legs."""
    variables = {
        "organizationId": arguments.identifier(org_id, "org_id"),
        "id": arguments.identifier(transfer_id, "transfer_id"),
    }
    return Operation(documents.DETAIL_OPERATION, documents.DETAIL, shapes.transfer_detail, variables)


def activity(
    org_id: str,
    first: int,
    after: str,
    date_start: date | str | None,
    date_end: date | str | None,
    statuses: Sequence[str] | None,
    directions: Sequence[str] | None,
    activity_types: Sequence[str] | None,
    hide_internal: bool,
    name: str,
) -> Operation[dict[str, Any]]:
    """One page of the activity log."""
    wanted: dict[str, Any] = {
        "createdAt": arguments.days(date_start, date_end),
        "statuses": arguments.words(statuses, "statuses"),
        "directions": arguments.words(directions, "directions"),
        "activityTypes": arguments.words(activity_types, "activity_types"),
        "hideInternalTransfers": arguments.flag(hide_internal, "hide_internal"),
        "name": arguments.optional_text(name, "name"),
    }
    variables = {
        "organizationId": arguments.identifier(org_id, "org_id"),
        "transferFilter": {key: value for key, value in wanted.items() if value},
        "first": arguments.page_size(first, "first"),
        "after": arguments.optional_text(after, "after"),
    }
    return Operation(documents.ACTIVITY_OPERATION, documents.ACTIVITY, shapes.activity, variables)


def transfer(
    kyc_id: str,
    source_id: str,
    destination_id: str,
    amount_cents: int,
    source_type: str,
    destination_type: str,
    description: str,
    instant: bool,
) -> Operation[dict[str, Any]]:
    """Move money.

    Raises:
        ValueError: an argument is wrong; nothing was sent.
    """
    ends = {
        "source": {"id": arguments.identifier(source_id, "source_id"), "type": _place(source_type, "source_type")},
        "destination": {
            "id": arguments.identifier(destination_id, "destination_id"),
            "type": _place(destination_type, "destination_type"),
        },
    }
    if source_id.strip() == destination_id.strip():
        raise ValueError("source and destination must be different")
    variables = {
        "id": arguments.identifier(kyc_id, "kyc_id"),
        **ends,
        "amount": checked_cents(amount_cents, lowest=1),
        "isInstantTransfer": arguments.flag(instant, "instant"),
        "achDescription": arguments.text(description, "description"),
    }
    return Operation(
        documents.TRANSFER_OPERATION, documents.TRANSFER, shapes.transfer_made, variables, moves_money=True
    )


def anything(query: str, variables: Mapping[str, Any] | None, name: str | None) -> Operation[dict[str, Any]]:
    """Any document; the answer's `data` as it is."""
    told = None if name is None else arguments.identifier(name, "operation_name")
    return Operation(told, arguments.identifier(query, "query"), dict, arguments.json_object(variables, "variables"))


def _place(value: str, name: str) -> str:
    try:
        return AccountType(value).value
    except ValueError:
        raise ValueError(f"{name} must be one of {', '.join(AccountType)}") from None
