"""How does a row that cannot be read become a record of that fact?"""

from collections.abc import Mapping
from typing import Any, cast

from bursar.domain.sync import RecordKind, RejectedRecord, RejectReason
from bursar.ports.rejects import UnreadableError, rejected_record, text_of
from bursar.providers.flanks.sdk.model import FlanksModel
from bursar.providers.flanks.sdk.pagination import InvalidItem
from bursar.transport import json

_ID_MEMBERS = ("_id", "transaction_id", "product_id", "account_id", "card_id", "liability_id", "portfolio_id")
_NUMBERS = frozenset({"amount", "balance", "units", "price", "limit", "quantity", "value", "total_value"})


def rejected_item(item: InvalidItem, kind: RecordKind, member: str) -> RejectedRecord:
    """Return the record for an item that the SDK could not read; `member` names its listing."""
    field = item.fields[0] if item.fields else str(item.index)
    raw: object = item.raw
    row: Mapping[str, Any] = cast("Mapping[str, Any]", raw) if isinstance(raw, Mapping) else dict[str, Any]()
    return rejected_record(
        json.encode(item.raw),
        kind=kind,
        index=item.index,
        reason=_reason(row, field.rpartition(".")[2]),
        field=f"{member}.{field.removeprefix('items.')}",
        provider_id=_id_of(row),
    )


def rejected_model(
    model: FlanksModel, error: UnreadableError, *, kind: RecordKind, member: str, index: int
) -> RejectedRecord:
    """Return the record for a row that was read and could not be mapped."""
    return rejected_record(
        json.encode(dict(model.raw)),
        kind=kind,
        index=index,
        reason=error.reason,
        field=f"{member}.{index}.{error.field}",
        provider_id=_id_of(model.raw),
    )


def _reason(row: Mapping[str, Any], name: str) -> RejectReason:
    if row.get(name) is None:
        return RejectReason.MISSING_FIELD
    if name in _NUMBERS or "alance" in name:
        return RejectReason.BAD_NUMBER
    return RejectReason.BAD_DATE if "ate" in name else RejectReason.INCONSISTENT


def _id_of(row: Mapping[str, Any]) -> str | None:
    return next((text for name in _ID_MEMBERS if (text := text_of(row, name))), None)
