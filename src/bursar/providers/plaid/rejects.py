"""How does a row that cannot be read become a record of that fact?"""

from typing import Any

import msgspec

from bursar.domain.sync import RecordKind, RejectedRecord, RejectReason
from bursar.providers.plaid.sdk.wire import RejectedRow
from bursar.transport import json
from bursar.transport.redaction import excerpt

EXCERPT_LIMIT = 200

_KINDS = {
    "accounts": RecordKind.ACCOUNT,
    "added": RecordKind.TRANSACTION,
    "modified": RecordKind.TRANSACTION,
    "removed": RecordKind.TRANSACTION,
    "transactions": RecordKind.TRANSACTION,
    "investment_transactions": RecordKind.TRANSACTION,
    "holdings": RecordKind.HOLDING,
    "securities": RecordKind.HOLDING,
}
_ID_MEMBERS = {
    RecordKind.ACCOUNT: ("account_id",),
    RecordKind.TRANSACTION: ("transaction_id", "investment_transaction_id"),
    RecordKind.HOLDING: ("security_id",),
}


class UnreadableError(Exception):
    """A row is well formed and still has no meaning for the ledger."""

    def __init__(self, reason: RejectReason, field: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.reason = reason
        self.field = field


def rejected_row(row: RejectedRow) -> RejectedRecord:
    """The record for a row that the SDK could not decode."""
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
        provider_id=next((text for name in _ID_MEMBERS[kind] if (text := _text(members, name))), None),
        provider_account_id=_text(members, "account_id"),
        redacted_excerpt=excerpt(row.raw, limit=EXCERPT_LIMIT),
    )


def rejected_model(
    model: msgspec.Struct, error: UnreadableError, *, kind: RecordKind, member: str, index: int
) -> RejectedRecord:
    """The record for a row that was decoded and could not be mapped."""
    return RejectedRecord(
        kind=kind,
        index=index,
        reason=error.reason,
        field=f"{member}.{index}.{error.field}",
        provider_id=next((text for name in _ID_MEMBERS[kind] if (text := getattr(model, name, None))), None),
        provider_account_id=getattr(model, "account_id", None),
        redacted_excerpt=excerpt(msgspec.json.encode(model), limit=EXCERPT_LIMIT),
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
