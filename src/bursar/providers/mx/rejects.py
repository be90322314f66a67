"""How does a row that cannot be read become a record of that fact?"""

import msgspec

from bursar.domain.sync import RecordKind, RejectedRecord
from bursar.ports.rejects import UnreadableError, members_of, reason_of, rejected_record, text_of
from bursar.transport.rows import RejectedRow

_KINDS = {
    "accounts": RecordKind.ACCOUNT,
    "account_owners": RecordKind.ACCOUNT,
    "transactions": RecordKind.TRANSACTION,
    "investment_holdings": RecordKind.HOLDING,
}
_PRIVATE = frozenset({"account_owners"})
"""Lists whose rows are nothing but private."""


def rejected_row(row: RejectedRow) -> RejectedRecord:
    """Return the record for a row that the SDK could not decode."""
    members = members_of(row.raw)
    return rejected_record(
        row.raw,
        kind=_KINDS[row.member],
        index=row.index,
        reason=reason_of(row.reason),
        field=row.path,
        provider_id=text_of(members, "guid"),
        provider_account_id=text_of(members, "guid" if row.member == "accounts" else "account_guid"),
        is_private=row.member in _PRIVATE,
    )


def rejected_model(model: msgspec.Struct, error: UnreadableError, *, member: str, index: int) -> RejectedRecord:
    """Return the record for a row that was decoded and could not be mapped."""
    guid = getattr(model, "guid", None) or None
    return rejected_record(
        msgspec.json.encode(model),
        kind=_KINDS[member],
        index=index,
        reason=error.reason,
        field=f"{member}.{index}.{error.field}",
        provider_id=guid,
        provider_account_id=guid if member == "accounts" else getattr(model, "account_guid", None),
        is_private=member in _PRIVATE,
    )
