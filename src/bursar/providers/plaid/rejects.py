"""How does a row that cannot be read become a record of that fact?"""

import msgspec

from bursar.domain.sync import RecordKind, RejectedRecord
from bursar.ports.rejects import UnreadableError, members_of, reason_of, rejected_record, text_of
from bursar.transport.rows import RejectedRow

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


def rejected_row(row: RejectedRow) -> RejectedRecord:
    """The record for a row that the SDK could not decode."""
    kind, members = _KINDS[row.member], members_of(row.raw)
    return rejected_record(
        row.raw,
        kind=kind,
        index=row.index,
        reason=reason_of(row.reason),
        field=row.path,
        provider_id=next((text for name in _ID_MEMBERS[kind] if (text := text_of(members, name))), None),
        provider_account_id=text_of(members, "account_id"),
    )


def rejected_model(
    model: msgspec.Struct, error: UnreadableError, *, kind: RecordKind, member: str, index: int
) -> RejectedRecord:
    """The record for a row that was decoded and could not be mapped."""
    return rejected_record(
        msgspec.json.encode(model),
        kind=kind,
        index=index,
        reason=error.reason,
        field=f"{member}.{index}.{error.field}",
        provider_id=next((text for name in _ID_MEMBERS[kind] if (text := getattr(model, name, None))), None),
        provider_account_id=getattr(model, "account_id", None),
    )
