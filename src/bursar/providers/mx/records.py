"""How do whole listings become records, with what could not be read beside them?"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from bursar.domain.accounts import ProviderAccountData
from bursar.domain.holdings import HoldingsListing, ProviderHoldingData
from bursar.domain.owners import ProviderOwnerData
from bursar.domain.sync import DataWarning, RejectedRecord
from bursar.domain.transactions import ProviderTransactionData
from bursar.ports.rejects import UnreadableError
from bursar.providers.mx.mapping import to_account, to_holding, to_owner, to_transaction
from bursar.providers.mx.rejects import rejected_model, rejected_row
from bursar.providers.mx.sdk.models.accounts import Account, AccountOwner
from bursar.providers.mx.sdk.models.holdings import InvestmentHolding
from bursar.providers.mx.sdk.models.transactions import Transaction
from bursar.providers.mx.sdk.wire import Rows

Model = TypeVar("Model", bound=msgspec.Struct)
Record = TypeVar("Record")


@dataclass(slots=True)
class Collector:
    """Maps rows one by one and keeps what did not map: nothing that was there goes missing."""

    rejected: list[RejectedRecord] = field(default_factory=list[RejectedRecord])
    warnings: list[DataWarning] = field(default_factory=list[DataWarning])

    def accounts(self, rows: Rows[Account]) -> list[ProviderAccountData]:
        """Map accounts."""
        return self._map(rows, "accounts", lambda row: to_account(row, self.warnings))

    def transactions(self, rows: Rows[Transaction], currencies: Mapping[str, str]) -> list[ProviderTransactionData]:
        """Map transactions; `currencies` are those of the accounts."""
        return self._map(
            rows, "transactions", lambda row: to_transaction(row, currencies.get(row.account_guid), self.warnings)
        )

    def holdings(
        self, rows: Rows[InvestmentHolding], currencies: Mapping[str, str]
    ) -> tuple[list[ProviderHoldingData], list[str]]:
        """Map positions; the second list holds the ids of those with quantity zero: they are closed, not held."""
        closed = [row.guid for row in rows if not row.quantity]
        held = Rows((row for row in rows if row.quantity), rows.rejected)
        return self._map(
            held, "investment_holdings", lambda row: to_holding(row, currencies.get(row.account_guid))
        ), closed

    def listings(
        self, rows: Rows[InvestmentHolding], account_ids: Sequence[str], currencies: Mapping[str, str]
    ) -> list[HoldingsListing]:
        """Map positions to one listing for each account, the empty ones included; an incomplete one closes nothing."""
        rejects_before = len(self.rejected)
        records, _ = self.holdings(rows, currencies)
        complete = len(self.rejected) == rejects_before
        return [
            HoldingsListing(
                provider_account_id=account_id,
                holdings=[record for record in records if record.provider_account_id == account_id],
                complete=complete,
            )
            for account_id in account_ids
        ]

    def owners(self, rows: Rows[AccountOwner]) -> list[ProviderOwnerData]:
        """Map owners."""
        return self._map(rows, "account_owners", to_owner)

    def warn(self, code: str, message: str, about: str | None = None) -> None:
        """Note something about the whole."""
        self.warnings.append(DataWarning(code=code, message=message, field=about))

    def _map(self, rows: Rows[Model], member: str, map_one: Callable[[Model], Record]) -> list[Record]:
        self.rejected.extend(rejected_row(row) for row in rows.rejected)
        records: list[Record] = []
        for index, row in enumerate(rows):
            try:
                records.append(map_one(row))
            except UnreadableError as error:
                self.rejected.append(rejected_model(row, error, member=member, index=index))
        return records
