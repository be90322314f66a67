"""How does a row that cannot be read become a record of that fact?"""

from typing import Any

import msgspec

from bursar.domain.sync import RecordKind, RejectedRecord, RejectReason
from bursar.providers.finicity.sdk.wire import RejectedRow
from bursar.transport import json
from bursar.transport.redaction import excerpt

EXCERPT_LIMIT = 200

_KINDS = {
    "accounts": RecordKind.ACCOUNT,
    "holders": RecordKind.ACCOUNT,
    "transactions": RecordKind.TRANSACTION,
    "position": RecordKind.HOLDING,
}


class UnreadableError(Exception):
    """A row is well formed and still has no meaning for the ledger."""

    def __init__(self, reason: RejectReason, field: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.reason = reason
        self.field = field


def row_id(account_id: str, transaction_id: str) -> str:
    """The ledger's id of a transaction: Finicity's is unique within its account only.

    It has the form of `uniqueTransactionId` and is made of the two members that every row has: a row would otherwise
    change its id on the day on which the optional member comes or goes.
    """
    return f"{account_id}-{transaction_id}"


def rejected_row(row: RejectedRow, account_id: str | None = None) -> RejectedRecord:
    """The record for a row that the SDK could not decode; `account_id` where the listing is of one account."""
    kind = _KINDS[row.member]
    try:
        members = json.decode_object(row.raw)
    except json.JsonError:
        members = {}
    own_id = _text(members, "id")
    if kind is RecordKind.TRANSACTION:
        account_id = _text(members, "accountId") or account_id
        own_id = row_id(account_id, own_id) if own_id and account_id else None
    # What an owner is called, and where they live, is not kept beside a rejected record.
    is_private = row.member == "holders"
    return RejectedRecord(
        kind=kind,
        index=row.index,
        reason=_reason(row.reason, row.path),
        field=row.path,
        provider_id=own_id,
        provider_account_id=account_id or (own_id if kind is RecordKind.ACCOUNT else None),
        redacted_excerpt="" if is_private else excerpt(row.raw, limit=EXCERPT_LIMIT),
    )


def rejected_model(
    model: msgspec.Struct,
    error: UnreadableError,
    *,
    kind: RecordKind,
    member: str,
    index: int,
    provider_id: str | None,
    account_id: str | None,
) -> RejectedRecord:
    """The record for a row that was decoded and could not be mapped."""
    return RejectedRecord(
        kind=kind,
        index=index,
        reason=error.reason,
        field=f"{member}.{index}.{error.field}",
        provider_id=provider_id,
        provider_account_id=account_id,
        redacted_excerpt=excerpt(msgspec.json.encode(model), limit=EXCERPT_LIMIT),
    )


def _reason(text: str, path: str) -> RejectReason:
    if "missing required field" in text or text.endswith("got `null`"):
        return RejectReason.MISSING_FIELD
    if "ecimal" in text or "exponent" in text or "finite number" in text:
        return RejectReason.BAD_NUMBER
    return RejectReason.BAD_DATE if path.endswith("Date") else RejectReason.INCONSISTENT


def _text(members: dict[str, Any], name: str) -> str | None:
    value = members.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        return None
    return str(value)[:200]
