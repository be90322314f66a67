"""How does a row that cannot be read become a record of that fact?"""

from collections.abc import Mapping
from typing import Any

import msgspec

from bursar.domain.sync import RecordKind, RejectedRecord, RejectReason
from bursar.ports.rejects import UnreadableError, members_of, reason_of, rejected_record
from bursar.transport.rows import RejectedRow

_KINDS = {
    "accounts": RecordKind.ACCOUNT,
    "holders": RecordKind.ACCOUNT,
    "transactions": RecordKind.TRANSACTION,
    "position": RecordKind.HOLDING,
}


def row_id(account_id: str, transaction_id: str) -> str:
    """The ledger's id of a transaction: Finicity's is unique within its account only.

    It has the form of `uniqueTransactionId` and is made of the two members that every row has: a row would otherwise
    change its id on the day on which the optional member comes or goes.
    """
    return f"{account_id}-{transaction_id}"


def rejected_row(row: RejectedRow, account_id: str | None = None) -> RejectedRecord:
    """The record for a row that the SDK could not decode; `account_id` where the listing is of one account."""
    kind, members = _KINDS[row.member], members_of(row.raw)
    own_id = _id_of(members, "id")
    if kind is RecordKind.TRANSACTION:
        account_id = _id_of(members, "accountId") or account_id
        own_id = row_id(account_id, own_id) if own_id and account_id else None
    return rejected_record(
        row.raw,
        kind=kind,
        index=row.index,
        reason=_reason(row),
        field=row.path,
        provider_id=own_id,
        provider_account_id=account_id or (own_id if kind is RecordKind.ACCOUNT else None),
        # What an owner is called, and where they live, is not kept beside a rejected record.
        is_private=row.member == "holders",
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
    return rejected_record(
        msgspec.json.encode(model),
        kind=kind,
        index=index,
        reason=error.reason,
        field=f"{member}.{index}.{error.field}",
        provider_id=provider_id,
        provider_account_id=account_id,
    )


def _reason(row: RejectedRow) -> RejectReason:
    """Dates are whole numbers here: only the member's name says that one is meant."""
    reason = reason_of(row.reason)
    is_date = reason is RejectReason.INCONSISTENT and row.path.endswith("Date")
    return RejectReason.BAD_DATE if is_date else reason


def _id_of(members: Mapping[str, Any], name: str) -> str | None:
    value = members.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        return None
    return str(value)[:200]
