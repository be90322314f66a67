"""How does a row that cannot be read become a record of that fact?"""

import msgspec

from bursar.domain.sync import RecordKind, RejectedRecord, RejectReason
from bursar.ports.rejects import UnreadableError, is_missing, members_of, rejected_record, text_of
from bursar.transport.rows import RejectedRow

_LISTS = {RecordKind.ACCOUNT: "accounts", RecordKind.TRANSACTION: "transactions", RecordKind.BALANCE: "balances"}
_AMOUNTS = frozenset({"amount", "running_balance", "ledger", "available"})


def rejected_row(
    row: RejectedRow, kind: RecordKind, *, index: int, account_id: str | None = None, is_private: bool = False
) -> RejectedRecord:
    """Return the record for a row that the SDK could not decode; no part of a private one is kept."""
    members = members_of(row.raw)
    return rejected_record(
        row.raw,
        kind=kind,
        index=index,
        reason=_reason(row),
        field=f"{_LISTS[kind]}.{index}.{row.inside or 'row'}",
        provider_id=text_of(members, "id"),
        provider_account_id=account_id or text_of(members, "account_id"),
        is_private=is_private,
    )


def rejected_model(
    model: msgspec.Struct,
    error: UnreadableError,
    kind: RecordKind,
    *,
    index: int,
    account_id: str | None = None,
    is_private: bool = False,
) -> RejectedRecord:
    """Return the record for a row that was decoded and could not be mapped; no part of a private one is kept."""
    return rejected_record(
        msgspec.json.encode(model),
        kind=kind,
        index=index,
        reason=error.reason,
        field=f"{_LISTS[kind]}.{index}.{error.field}",
        provider_id=getattr(model, "id", None),
        provider_account_id=account_id,
        is_private=is_private,
    )


def _reason(row: RejectedRow) -> RejectReason:
    """Amounts are texts here: only the member's name says that one is meant."""
    if is_missing(row.reason):
        return RejectReason.MISSING_FIELD
    last = row.inside.rpartition(".")[2]
    if last in _AMOUNTS:
        return RejectReason.BAD_NUMBER
    return RejectReason.BAD_DATE if last == "date" else RejectReason.INCONSISTENT
