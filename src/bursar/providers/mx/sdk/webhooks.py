"""Did MX send this, and what does it say?"""

from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from hmac import compare_digest
from typing import Any, cast

from bursar.providers.mx.sdk.errors import MXArgumentError
from bursar.transport import json

MAX_BODY_BYTES = 1024 * 1024
_OBJECTS = ("member", "transaction", "account", "user")


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEvent:
    """One thing that MX tells. Treat it as a hint to read: it may come up to twelve times more, in any order.

    Attributes:
        type: upper case, such as `AGGREGATION`, `CONNECTION_STATUS`, `TRANSACTION`.
        action: as sent, such as `member_data_updated`, `CHANGED`, `deleted`.
        event_id: what MX says that tells this event from the next one of its kind; None when it says nothing.
        members: all of it.
    """

    type: str
    action: str
    user_guid: str | None
    member_guid: str | None
    connection_status: str | None
    event_id: str | None
    members: Mapping[str, Any] = field(repr=False)


def is_from_mx(headers: Mapping[str, str], password: str) -> bool:
    """Whether a delivery carries the password that was agreed with MX; the user name is free.

    MX signs nothing: a password (or a client certificate) is all that tells its deliveries from others'.
    """
    given = next((value for name, value in headers.items() if name.lower() == "authorization"), "")
    scheme, _, encoded = given.partition(" ")
    if scheme.lower() != "basic" or not password:
        return False
    try:
        _, _, told = b64decode(encoded.strip(), validate=True).partition(b":")
    except ValueError:
        return False
    return compare_digest(told, password.encode())


def read_event(body: bytes) -> WebhookEvent:
    """Return what a delivery says.

    Raises:
        MXArgumentError: the body is no object of JSON, or too large.
    """
    if len(body) > MAX_BODY_BYTES:
        raise MXArgumentError("the body of a webhook is larger than any that MX sends")
    try:
        members = json.decode_object(body)
    except json.JsonError:
        raise MXArgumentError("the body of a webhook is no JSON object") from None
    name, inner = _object(members)
    type_ = (_text(members, "type") or name).upper()
    own_guid = _text(inner, "guid") or _text(members, "guid")
    return WebhookEvent(
        type=type_,
        action=_text(members, "action") or "",
        user_guid=_text(members, "user_guid") or _text(inner, "user_guid"),
        member_guid=(
            _text(members, "member_guid") or _text(inner, "member_guid") or (own_guid if type_ == "MEMBER" else None)
        ),
        connection_status=_text(members, "connection_status") or _text(inner, "connection_status"),
        event_id=_event_id(type_, members),
        members=members,
    )


def _event_id(type_: str, members: Mapping[str, Any]) -> str | None:
    if type_ == "INITIAL_DATA_READY":
        return _text(members, "guid")
    completed_at = members.get("completed_at")
    job = _text(members, "job_guid") or ""
    return f"{job}@{completed_at}" if isinstance(completed_at, int | str) else job or None


def _object(members: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    for name in _OBJECTS:
        inner = members.get(name)
        if isinstance(inner, dict):
            return name, cast("Mapping[str, Any]", inner)
    return "", {}


def _text(members: Mapping[str, Any], name: str) -> str | None:
    value = members.get(name)
    return value[:255] if isinstance(value, str) and value else None
