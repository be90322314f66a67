"""What do Sequence's answers look like to the caller?

A field may be absent or null; both mean that there is no value. What an answer cannot be without - the person, the
lists of an organization - is missed loudly: an empty list would say that there is no money.
"""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any, Literal, cast

from bursar.providers.sequence.sdk.eastern import to_eastern
from bursar.providers.sequence.sdk.exceptions import NotFoundError, TransferError, TransportError
from bursar.providers.sequence.sdk.money import format_cents
from bursar.providers.sequence.sdk.redaction import AccountNumber, safe_text

JsonObject = Mapping[str, Any]
Unknown = Literal[0] | None
"""What stands for a balance that is not known: 0 in the dictionaries that the web application's clients know."""


def pods(data: JsonObject, *, unknown: Unknown = 0) -> list[dict[str, Any]]:
    """Every pod of every membership, in the order of the answer."""
    return [
        {
            "id": pod.get("id"),
            "name": pod.get("name"),
            "organization_id": organization.get("id"),
            **_balance(pod, unknown),
        }
        for organization in _organizations(data)
        for pod in _list_of(organization, "pods")
    ]


def total_balance(data: JsonObject) -> dict[str, Any]:
    """The sum over all pods; a pod whose balance is unknown adds nothing."""
    found = pods(data)
    cents = sum(pod["balance_cents"] for pod in found)
    return {"total_balance_cents": cents, "total_balance": format_cents(cents), "pod_count": len(found)}


def pod_named(data: JsonObject, name: str) -> dict[str, Any] | None:
    """The first pod of that name, else the only one whose name contains it, else None. Case does not matter."""
    wanted = name.strip().casefold()
    if not wanted:
        return None
    named = [(str(pod["name"] or "").casefold(), pod) for pod in pods(data)]
    for found, pod in named:
        if found == wanted:
            return pod
    containing = [pod for found, pod in named if wanted in found]
    return containing[0] if len(containing) == 1 else None


def all_accounts(data: JsonObject, org_id: str | None, *, unknown: Unknown = 0) -> dict[str, list[dict[str, Any]]]:
    """Pods, ports and external accounts of every organization, or of one."""
    found: dict[str, list[dict[str, Any]]] = {"pods": [], "ports": [], "accounts": []}
    for organization in _organizations(data):
        home = organization.get("id")
        if org_id is not None and home != org_id:
            continue
        for kind, told in found.items():
            for item in _list_of(organization, kind):
                entry = {"id": item.get("id"), "name": item.get("name"), "organization_id": home}
                if kind != "ports":
                    entry["type"] = item.get("type")
                if kind == "accounts":
                    entry["provider_type"] = item.get("providerType")
                    entry["institution"] = item.get("institutionName")
                told.append({**entry, **_balance(item, unknown)})
    return found


def pod_detail(data: JsonObject) -> dict[str, Any]:
    """The pod as received, in the provider's own spelling, with the times of its transfers in New York."""
    pod = deepcopy(dict(_required(_organization(data), "pod", "pod")))
    for name in ("bankAccountNumber", "routingNumber"):
        if isinstance(pod.get(name), str):
            pod[name] = AccountNumber(pod[name])
    for edge in _items(_mapping(pod.get("transferReferences")).get("edges")):
        node = edge.get("node")
        if isinstance(node, dict) and "createdAt" in node:
            node["createdAt"] = to_eastern(cast("dict[str, Any]", node)["createdAt"])
    return pod


def transfer_made(data: JsonObject) -> dict[str, Any]:
    """The `ok` part of a transfer's answer, as received.

    Raises:
        TransferError: Sequence refused.
        TransportError: the answer says neither yes nor no.
    """
    result = _mapping(_mapping(data.get("forKYC")).get("createPayment"))
    ok, error = result.get("ok"), result.get("error")
    if ok is None and isinstance(error, Mapping):
        told = cast("JsonObject", error).get("message")
        raise TransferError(f"Transfer failed: {safe_text(str(told))}")
    if error is None and isinstance(ok, dict):
        return cast("dict[str, Any]", ok)
    raise TransportError("the answer to the transfer says neither that it was made nor that it was refused")


def activity_summary(data: JsonObject) -> dict[str, Any]:
    """The current month in numbers."""
    summary = _required(data, "activitySummary", "activity summary")
    cents, formatted = _money(summary.get("totalIncomingFundsInCents"))
    return {
        "transfer_count": summary.get("transferReferencesCount"),
        "rule_executions": summary.get("ruleExecutionsCount"),
        "total_incoming_cents": cents,
        "total_incoming": formatted,
    }


def activity(data: JsonObject) -> dict[str, Any]:
    """One page of the activity log, newest first."""
    connection = _organization(data).get("transferReferences")
    if not isinstance(connection, Mapping):
        raise TransportError("the answer has no transferReferences")
    page = _mapping(cast("JsonObject", connection).get("pageInfo"))
    edges = _list_of(cast("JsonObject", connection), "edges")
    return {
        "transfers": [_movement(_required(edge, "node", "transfer of the page")) for edge in edges],
        "page_info": {
            "end_cursor": page.get("endCursor") or "",
            "has_next_page": page.get("hasNextPage") is True,
        },
    }


def transfer_detail(data: JsonObject) -> dict[str, Any]:
    """One transfer with its legs and the rule that made it."""
    node = _required(_organization(data), "transferReference", "transfer")
    told = _movement(node)
    details = node.get("details")
    if isinstance(details, Mapping):
        told["details"] = _details(cast("JsonObject", details))
    rule = node.get("ruleDetails")
    if isinstance(rule, Mapping):
        known = cast("JsonObject", rule)
        told["rule"] = {"trigger_type": known.get("triggerType"), "trigger_cron": known.get("triggerCron")}
    return told


def _movement(node: JsonObject) -> dict[str, Any]:
    cents, formatted = _money(node.get("amount"))
    return {
        "id": node.get("id"),
        "type": node.get("type"),
        "status": node.get("status"),
        "error_reason": node.get("errorReason"),
        "created_at": to_eastern(node.get("createdAt")),
        "updated_at": to_eastern(node.get("updatedAt")),
        "amount_cents": cents,
        "amount": formatted,
        "source": dict(_mapping(node.get("source"))),
        "destination": dict(_mapping(node.get("destination"))),
        "direction": node.get("direction"),
        "activity_type": node.get("activityType"),
    }


def _details(details: JsonObject) -> dict[str, Any]:
    kind = details.get("__typename")
    if kind == "SimpleTransferDetails":
        return {"type": "simple", **(_leg(details.get("status")) or _leg({}) or {})}
    if kind == "CompoundTransferDetails":
        legs = {name: _leg(details.get(f"{name}PaymentStatus")) for name in ("pull", "push", "reversal")}
        return {"type": "compound", **legs}
    return {"type": "unknown", "typename": kind}


def _leg(status: Any) -> dict[str, Any] | None:
    if not isinstance(status, Mapping):
        return None
    known = cast("JsonObject", status)
    return {
        "status": known.get("status"),
        "created_at": to_eastern(known.get("createdAt")),
        "completed_at": to_eastern(known.get("completedAt")),
        "expected_completion": known.get("expectedCompletionDate"),
    }


def _balance(place: JsonObject, unknown: Unknown) -> dict[str, Any]:
    cents, formatted = _money(_mapping(place.get("metadata")).get("balance"))
    if cents is None and unknown is not None:
        cents, formatted = unknown, format_cents(unknown)
    return {"balance_cents": cents, "balance": formatted}


def _money(money: Any) -> tuple[int | None, str | None]:
    cents = _mapping(money).get("cents")
    if cents is None:
        return None, None
    if isinstance(cents, bool) or not isinstance(cents, int):
        raise TransportError("an amount in the answer is not a whole number of cents")
    formatted = _mapping(money).get("formatted")
    return cents, formatted if isinstance(formatted, str) and formatted else format_cents(cents)


def _organizations(data: JsonObject) -> Iterator[JsonObject]:
    me = _required(data, "me", "login")
    for membership in _list_of(me, "memberships"):
        yield _organization(membership)


def _organization(holder: JsonObject) -> JsonObject:
    return _required(holder, "organization", "organization")


def _required(holder: JsonObject, key: str, what: str) -> JsonObject:
    found = holder.get(key)
    if found is None:
        raise NotFoundError(f"there is no such {what}, or it is not one of this login's")
    if not isinstance(found, Mapping):
        raise TransportError(f"`{key}` in the answer is not an object")
    return cast("JsonObject", found)


def _list_of(holder: JsonObject, key: str) -> list[JsonObject]:
    found = holder.get(key)
    if not isinstance(found, list):
        raise TransportError(f"the answer has no list `{key}`")
    items = _items(cast("list[Any]", found))
    if len(items) != len(cast("list[Any]", found)):
        raise TransportError(f"the list `{key}` in the answer holds something else than objects")
    return items


def _items(found: Any) -> list[Any]:
    return [item for item in cast("list[Any]", found) if isinstance(item, Mapping)] if isinstance(found, list) else []


def _mapping(found: Any) -> JsonObject:
    return cast("JsonObject", found) if isinstance(found, Mapping) else {}
