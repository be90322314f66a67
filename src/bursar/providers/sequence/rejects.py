"""How does something that cannot be read become a record of that fact?"""

import json
from collections.abc import Mapping
from typing import Any, cast

from bursar.domain.sync import RecordKind, RejectedRecord, RejectReason
from bursar.transport.redaction import excerpt

EXCERPT_LIMIT = 200


class UnreadableError(Exception):
    """A row, or one end of it, has no meaning for the ledger."""

    def __init__(self, reason: RejectReason, field: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.reason = reason
        self.field = field


def rejected(
    kind: RecordKind,
    row: object,
    error: UnreadableError,
    *,
    member: str,
    index: int,
    provider_account_id: str | None = None,
) -> RejectedRecord:
    """Return the record for a row of a listing; `member` names the listing."""
    known = cast("Mapping[str, Any]", row) if isinstance(row, Mapping) else dict[str, Any]()
    row_id = known.get("id")
    return RejectedRecord(
        kind=kind,
        index=index,
        reason=error.reason,
        field=f"{member}.{index}.{error.field}",
        provider_id=row_id[:255] if isinstance(row_id, str) and row_id else None,
        provider_account_id=provider_account_id,
        # What should have been a whole number may be anything here: it is shown, never counted with.
        redacted_excerpt=excerpt(json.dumps(row, default=str).encode(), limit=EXCERPT_LIMIT),
    )
