"""How does a row that cannot be read become a record of that fact?"""

from typing import Any

import msgspec

from bursar.domain.sync import RecordKind, RejectedRecord, RejectReason
from bursar.providers.mx.sdk.wire import RejectedRow
from bursar.transport import json
from bursar.transport.redaction import excerpt

EXCERPT_LIMIT = 200

_KINDS = {
    "accounts": RecordKind.ACCOUNT,
    "account_owners": RecordKind.ACCOUNT,
    "transactions": RecordKind.TRANSACTION,
    "investment_holdings": RecordKind.HOLDING,
}


class UnreadableError(Exception):
    """A row is well formed and still has no meaning for the ledger."""

    def __init__(self, reason: RejectReason, field: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.reason = reason
        self.field = field


def rejected_row(row: RejectedRow) -> RejectedRecord:
    """Return the record for a row that the SDK could not decode."""
    kind = _KINDS[row.member]
    try:
        members = json.decode_object(row.raw)
    except json.JsonError:
        members = {}
    return RejectedRecord(
        kind=kind,
        index=row.index,
        reason=_reason(row.reason),
        field=row.path,
        provider_id=_text(members, "guid"),
        provider_account_id=_text(members, "guid" if row.member == "accounts" else "account_guid"),
        # An owner's row is nothing but private.
        redacted_excerpt="" if row.member == "account_owners" else excerpt(row.raw, limit=EXCERPT_LIMIT),
    )


def rejected_model(model: msgspec.Struct, error: UnreadableError, *, member: str, index: int) -> RejectedRecord:
    """Return the record for a row that was decoded and could not be mapped."""
    guid = getattr(model, "guid", None) or None
    return RejectedRecord(
        kind=_KINDS[member],
        index=index,
        reason=error.reason,
        field=f"{member}.{index}.{error.field}",
        provider_id=guid,
        provider_account_id=guid if member == "accounts" else getattr(model, "account_guid", None),
        redacted_excerpt="" if member == "account_owners" else excerpt(msgspec.json.encode(model), limit=EXCERPT_LIMIT),
    )


def _reason(text: str) -> RejectReason:
    if "missing required field" in text or text.endswith("got `null`"):
        return RejectReason.MISSING_FIELD
    if "decimal" in text or "exponent" in text or "finite number" in text:
        return RejectReason.BAD_NUMBER
    return RejectReason.BAD_DATE if "date" in text else RejectReason.INCONSISTENT


def _text(members: dict[str, Any], name: str) -> str | None:
    value = members.get(name)
    return value[:255] if isinstance(value, str) and value else None
