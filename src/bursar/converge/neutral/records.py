"""How do whole answers become domain records, with what could not be read beside them?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from bursar.converge.neutral.mapping import to_account, to_holding, to_transaction
from bursar.converge.neutral.wire import Account, Gone, Holding, Row, Rows, UnreadRow
from bursar.domain.accounts import ProviderAccountData
from bursar.domain.holdings import ProviderHoldingData
from bursar.domain.sync import DataWarning, RecordKind, RejectedRecord, RejectReason
from bursar.domain.transactions import ProviderTransactionData
from bursar.ports.rejects import UnreadableError
from bursar.transport import json
from bursar.transport.redaction import excerpt

EXCERPT_LIMIT = 200


@dataclass(slots=True)
class Collector:
    """Maps rows one by one and keeps what did not map: nothing that was there goes missing."""

    rejected: list[RejectedRecord] = field(default_factory=list[RejectedRecord])
    warnings: list[DataWarning] = field(default_factory=list[DataWarning])

    def accounts(self, rows: Rows[Account]) -> list[ProviderAccountData]:
        """Map accounts."""
        self._unread(rows.unread, RecordKind.ACCOUNT, None)
        records: list[ProviderAccountData] = []
        for index, account in rows.read:
            try:
                records.append(to_account(account, self.warnings))
            except UnreadableError as error:
                self._reject(account, error, RecordKind.ACCOUNT, f"{rows.member}.{index}", index, account.id)
        return records

    def transactions(
        self, rows: Rows[Row], positive: str, currencies: Mapping[str, str], account_id: str | None = None
    ) -> list[ProviderTransactionData]:
        """Map transactions, of one account or each of the account that it names; `currencies` are by account."""
        self._unread(rows.unread, RecordKind.TRANSACTION, account_id)
        records: list[ProviderTransactionData] = []
        for index, row in rows.read:
            of = account_id or row.account_id or ""
            try:
                if not of:
                    raise UnreadableError(RejectReason.MISSING_FIELD, "account_id")
                records.append(to_transaction(row, of, positive, currencies.get(of), self.warnings))
            except UnreadableError as error:
                self._reject(row, error, RecordKind.TRANSACTION, f"{rows.member}.{index}", index, of)
        return records

    def gone(self, rows: Rows[Gone]) -> list[Gone]:
        """Pass on what is said to be gone, and note what could not be read of it."""
        self._unread(rows.unread, RecordKind.TRANSACTION, None)
        return [row for _, row in rows.read]

    def holdings(self, rows: Rows[Holding], account_id: str) -> tuple[list[ProviderHoldingData], list[str]]:
        """Map positions; the second list holds the ids of those with quantity zero: they are closed, not held."""
        self._unread(rows.unread, RecordKind.HOLDING, account_id)
        records: list[ProviderHoldingData] = []
        closed: list[str] = []
        for index, holding in rows.read:
            if not holding.quantity:
                closed.append(holding.id)
                continue
            try:
                records.append(to_holding(holding, account_id))
            except UnreadableError as error:
                self._reject(holding, error, RecordKind.HOLDING, f"{rows.member}.{index}", index, account_id)
        return records, closed

    def _unread(self, rows: list[UnreadRow], kind: RecordKind, account_id: str | None) -> None:
        for row in rows:
            members = _members(row.raw)
            self.rejected.append(
                RejectedRecord(
                    kind=kind,
                    index=row.index,
                    reason=_reason(row.reason),
                    field=row.path,
                    provider_id=_text(members, "id"),
                    provider_account_id=account_id or _text(members, "account_id"),
                    redacted_excerpt=excerpt(row.raw, limit=EXCERPT_LIMIT),
                )
            )

    def _reject(
        self,
        model: Account | Row | Holding,
        error: UnreadableError,
        kind: RecordKind,
        place: str,
        index: int,
        account_id: str,
    ) -> None:
        self.rejected.append(
            RejectedRecord(
                kind=kind,
                index=index,
                reason=error.reason,
                field=f"{place}.{error.field}",
                provider_id=model.id or None,
                provider_account_id=account_id or None,
                redacted_excerpt=excerpt(msgspec.json.encode(model), limit=EXCERPT_LIMIT),
            )
        )


def _reason(text: str) -> RejectReason:
    if "missing required field" in text or text.endswith("got `null`"):
        return RejectReason.MISSING_FIELD
    if "decimal" in text or "exponent" in text or "finite number" in text:
        return RejectReason.BAD_NUMBER
    return RejectReason.BAD_DATE if "date" in text else RejectReason.INCONSISTENT


def _members(raw: bytes) -> dict[str, Any]:
    try:
        return json.decode_object(raw)
    except json.JsonError:
        return {}


def _text(members: dict[str, Any], name: str) -> str | None:
    value = members.get(name)
    return value[:255] if isinstance(value, str) and value else None
