"""How does a row that cannot be read become a record of that fact?"""

from collections.abc import Mapping
from typing import Any, cast

from bursar.domain.sync import RecordKind, RejectedRecord, RejectReason
from bursar.providers.flanks.sdk.model import FlanksModel
from bursar.providers.flanks.sdk.pagination import InvalidItem
from bursar.transport import json
from bursar.transport.redaction import excerpt

EXCERPT_LIMIT = 200

_ID_MEMBERS = ("_id", "transaction_id", "product_id", "account_id", "card_id", "liability_id", "portfolio_id")
_NUMBERS = frozenset({"amount", "balance", "units", "price", "limit", "quantity", "value", "total_value"})


class UnreadableError(Exception):
    """A row is well formed and still has no meaning for the ledger."""

    def __init__(self, reason: RejectReason, field: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.reason = reason
        self.field = field


def rejected_item(item: InvalidItem, kind: RecordKind, member: str) -> RejectedRecord:
    """Return the record for an item that the SDK could not read; `member` names its listing."""
    field = item.fields[0] if item.fields else str(item.index)
    raw: object = item.raw
    row: Mapping[str, Any] = cast("Mapping[str, Any]", raw) if isinstance(raw, Mapping) else dict[str, Any]()
    return RejectedRecord(
        kind=kind,
        index=item.index,
        reason=_reason(row, field.rpartition(".")[2]),
        field=f"{member}.{field.removeprefix('items.')}",
        provider_id=_id_of(row),
        redacted_excerpt=_excerpt(item.raw),
    )


def rejected_model(
    model: FlanksModel, error: UnreadableError, *, kind: RecordKind, member: str, index: int
) -> RejectedRecord:
    """Return the record for a row that was read and could not be mapped."""
    return RejectedRecord(
        kind=kind,
        index=index,
        reason=error.reason,
        field=f"{member}.{index}.{error.field}",
        provider_id=_id_of(model.raw),
        redacted_excerpt=_excerpt(dict(model.raw)),
    )


def _reason(row: Mapping[str, Any], name: str) -> RejectReason:
    if row.get(name) is None:
        return RejectReason.MISSING_FIELD
    if name in _NUMBERS or "alance" in name:
        return RejectReason.BAD_NUMBER
    return RejectReason.BAD_DATE if "ate" in name else RejectReason.INCONSISTENT


def _id_of(row: Mapping[str, Any]) -> str | None:
    for name in _ID_MEMBERS:
        value = row.get(name)
        if isinstance(value, str) and value:
            return value[:255]
    return None


def _excerpt(row: Any) -> str:
    return excerpt(json.encode(row), limit=EXCERPT_LIMIT)
