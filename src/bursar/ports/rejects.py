"""How does a row that cannot be read become a record of that fact? (What is the same for every provider.)."""

from collections.abc import Mapping
from typing import Any

from bursar.domain.sync import RecordKind, RejectedRecord, RejectReason
from bursar.transport import json
from bursar.transport.redaction import excerpt

EXCERPT_LIMIT = 200
_ID_LENGTH = 255


class UnreadableError(Exception):
    """A row is well formed and still has no meaning for the ledger; `field` is the member that has none."""

    def __init__(self, reason: RejectReason, field: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.reason = reason
        self.field = field


def rejected_record(
    raw: bytes,
    *,
    kind: RecordKind,
    index: int,
    reason: RejectReason,
    field: str,
    provider_id: str | None = None,
    provider_account_id: str | None = None,
    is_private: bool = False,
) -> RejectedRecord:
    """Return the record of a row.

    Args:
        raw: the row as sent, or as decoded; a redacted part of it is kept.
        kind: what the row would have been.
        index: its position in its listing, from 0.
        reason: why it could not be read.
        field: the member in the provider's words, with its place, such as `transactions.3.amount`.
        provider_id: the row's own id, where it can be read.
        provider_account_id: the account it belongs to, where that is known.
        is_private: True where the row is nothing but private: no part of it is kept.
    """
    return RejectedRecord(
        kind=kind,
        index=index,
        reason=reason,
        field=field,
        provider_id=provider_id,
        provider_account_id=provider_account_id,
        redacted_excerpt="" if is_private else excerpt(raw, limit=EXCERPT_LIMIT),
    )


def members_of(raw: bytes) -> Mapping[str, Any]:
    """Return the members of a row that has no model; none when it is no object at all."""
    try:
        return json.decode_object(raw)
    except json.JsonError:
        return {}


def text_of(members: Mapping[str, Any], name: str) -> str | None:
    """Return a member that is a text and not empty, shortened to what an id may have."""
    value = members.get(name)
    return value[:_ID_LENGTH] if isinstance(value, str) and value else None


def is_missing(reason: str) -> bool:
    """True when the decoder's words say that a member that must be there is missing or null."""
    return "missing required field" in reason or reason.endswith("got `null`")


def reason_of(reason: str) -> RejectReason:
    """Return what the decoder's words mean, for APIs whose numbers and dates have types of their own."""
    if is_missing(reason):
        return RejectReason.MISSING_FIELD
    if "ecimal" in reason or "exponent" in reason or "finite number" in reason:
        return RejectReason.BAD_NUMBER
    return RejectReason.BAD_DATE if "date" in reason else RejectReason.INCONSISTENT
