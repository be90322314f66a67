"""How does something that cannot be read become a record of that fact?"""

import json
from collections.abc import Mapping
from typing import Any, cast

from bursar.domain.sync import RecordKind, RejectedRecord
from bursar.ports.rejects import UnreadableError, rejected_record, text_of


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
    return rejected_record(
        # What should have been a whole number may be anything here: it is shown, never counted with.
        json.dumps(row, default=str).encode(),
        kind=kind,
        index=index,
        reason=error.reason,
        field=f"{member}.{index}.{error.field}",
        provider_id=text_of(known, "id"),
        provider_account_id=provider_account_id,
    )
