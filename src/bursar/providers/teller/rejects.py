"""How does a row that cannot be read become a record of that fact?"""

from typing import Any

import msgspec

from bursar.domain.sync import RecordKind, RejectedRecord, RejectReason
from bursar.providers.teller.sdk.wire import RejectedRow
from bursar.transport import json
from bursar.transport.redaction import excerpt

EXCERPT_LIMIT = 200

_LISTS = {RecordKind.ACCOUNT: "accounts", RecordKind.TRANSACTION: "transactions", RecordKind.BALANCE: "balances"}


class UnreadableError(Exception):
    """A row is well formed and still has no meaning for the ledger."""

    def __init__(self, reason: RejectReason, field: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.reason = reason
        self.field = field


def rejected_row(row: RejectedRow, kind: RecordKind, *, index: int, account_id: str | None = None) -> RejectedRecord:
    """Return the record for a row that the SDK could not decode."""
    try:
        members = json.decode_object(row.raw)
    except json.JsonError:
        members = {}
    return RejectedRecord(
        kind=kind,
        index=index,
        reason=_reason(row),
        field=f"{_LISTS[kind]}.{index}.{row.path}",
        provider_id=_text(members, "id"),
        provider_account_id=account_id or _text(members, "account_id"),
        redacted_excerpt=excerpt(row.raw, limit=EXCERPT_LIMIT),
    )


def rejected_model(
    model: msgspec.Struct, error: UnreadableError, kind: RecordKind, *, index: int, account_id: str | None = None
) -> RejectedRecord:
    """Return the record for a row that was decoded and could not be mapped."""
    return RejectedRecord(
        kind=kind,
        index=index,
        reason=error.reason,
        field=f"{_LISTS[kind]}.{index}.{error.field}",
        provider_id=getattr(model, "id", None),
        provider_account_id=account_id,
        redacted_excerpt=excerpt(msgspec.json.encode(model), limit=EXCERPT_LIMIT),
    )


def _reason(row: RejectedRow) -> RejectReason:
    if "missing required field" in row.reason or row.reason.endswith("got `null`"):
        return RejectReason.MISSING_FIELD
    last = row.path.rpartition(".")[2]
    if last in {"amount", "running_balance", "ledger", "available"}:
        return RejectReason.BAD_NUMBER
    return RejectReason.BAD_DATE if last == "date" else RejectReason.INCONSISTENT


def _text(members: dict[str, Any], name: str) -> str | None:
    value = members.get(name)
    return value[:255] if isinstance(value, str) and value else None
