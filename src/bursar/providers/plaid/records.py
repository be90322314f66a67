"""How do whole answers become domain records, with what could not be read beside them?"""

from collections import Counter
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field, replace

from bursar.domain.accounts import ProviderAccountData
from bursar.domain.holdings import HoldingsListing, ProviderHoldingData
from bursar.domain.owners import ProviderOwnerData
from bursar.domain.sync import DataWarning, RecordKind, RejectedRecord
from bursar.domain.transactions import ProviderTransactionData
from bursar.ports.rejects import UnreadableError
from bursar.providers.plaid.investment_mapping import to_holding, to_investment_transaction
from bursar.providers.plaid.mapping import INVESTMENT_TYPES, to_account, to_transaction
from bursar.providers.plaid.owner_mapping import to_owner
from bursar.providers.plaid.rejects import rejected_model, rejected_row
from bursar.providers.plaid.sdk.models.accounts import Account, IdentityAnswer
from bursar.providers.plaid.sdk.models.investments import (
    Holding,
    HoldingsAnswer,
    InvestmentTransactionsListing,
    Security,
)
from bursar.providers.plaid.sdk.models.transactions import Transaction
from bursar.transport.rows import RejectedRow


@dataclass(slots=True)
class Collector:
    """Maps rows one by one and keeps what did not map: nothing that was there goes missing."""

    rejected: list[RejectedRecord] = field(default_factory=list[RejectedRecord])
    warnings: list[DataWarning] = field(default_factory=list[DataWarning])

    def unread(self, rows: Iterable[RejectedRow], told: Set[str] = frozenset()) -> None:
        """Note rows that the SDK could not decode, but no account whose id was told before."""
        records = (rejected_row(row) for row in rows)
        self.rejected.extend(
            record for record in records if record.kind is not RecordKind.ACCOUNT or record.provider_id not in told
        )

    def accounts(self, accounts: Sequence[Account]) -> list[ProviderAccountData]:
        """Map accounts."""
        records: list[ProviderAccountData] = []
        for index, account in enumerate(accounts):
            try:
                records.append(to_account(account, self.warnings))
            except UnreadableError as error:
                self._reject(account, error, RecordKind.ACCOUNT, "accounts", index)
        return records

    def owners(self, answer: IdentityAnswer) -> list[ProviderOwnerData]:
        """Map the owners of every account; of one that cannot be read no excerpt is kept: it would be personal data."""
        self.rejected.extend(replace(rejected_row(row), redacted_excerpt="") for row in answer.rejected)
        records: list[ProviderOwnerData] = []
        for index, account in enumerate(answer.accounts):
            for owner in account.owners:
                try:
                    records.append(to_owner(account.account_id, owner))
                except UnreadableError as error:
                    record = rejected_model(account, error, kind=RecordKind.ACCOUNT, member="accounts", index=index)
                    self.rejected.append(replace(record, redacted_excerpt=""))
        return records

    def transactions(self, rows: Sequence[Transaction], member: str) -> list[ProviderTransactionData]:
        """Map transactions; `member` is the list's name at Plaid."""
        records: list[ProviderTransactionData] = []
        for index, row in enumerate(rows):
            try:
                records.append(to_transaction(row, self.warnings))
            except UnreadableError as error:
                self._reject(row, error, RecordKind.TRANSACTION, member, index)
        return records

    def investment_transactions(self, listing: InvestmentTransactionsListing) -> list[ProviderTransactionData]:
        """Map movements of investment accounts."""
        self.unread(listing.rejected)
        securities = {security.security_id: security for security in listing.securities}
        records: list[ProviderTransactionData] = []
        for index, row in enumerate(listing.transactions):
            try:
                records.append(to_investment_transaction(row, securities.get(row.security_id or ""), self.warnings))
            except UnreadableError as error:
                self._reject(row, error, RecordKind.TRANSACTION, "investment_transactions", index)
        return records

    def holdings(self, answer: HoldingsAnswer) -> tuple[list[ProviderHoldingData], list[str]]:
        """Map positions; the second list holds the ids of those with quantity zero: they are closed, not held."""
        self.unread(answer.rejected)
        securities: dict[str, Security] = {security.security_id: security for security in answer.securities}
        seen: Counter[tuple[str, str]] = Counter()
        records: list[ProviderHoldingData] = []
        closed: list[str] = []
        for index, holding in enumerate(answer.holdings):
            holding_id = _holding_id(holding, seen)
            if not holding.quantity:
                closed.append(holding_id)
                continue
            try:
                records.append(to_holding(holding, securities.get(holding.security_id), holding_id))
            except UnreadableError as error:
                self._reject(holding, error, RecordKind.HOLDING, "holdings", index)
        return records, closed

    def listings(self, answer: HoldingsAnswer) -> list[HoldingsListing]:
        """Map positions to one listing for each investment account, the empty ones included.

        A listing is complete unless a position of its item could not be read: an incomplete one closes nothing.
        """
        rejects_before = len(self.rejected)
        records, _ = self.holdings(answer)
        complete = len(self.rejected) == rejects_before
        return [
            HoldingsListing(
                provider_account_id=account.account_id,
                holdings=[record for record in records if record.provider_account_id == account.account_id],
                complete=complete,
            )
            for account in answer.accounts
            if account.type in INVESTMENT_TYPES
        ]

    def _reject(
        self,
        model: Account | Transaction | Holding | object,
        error: UnreadableError,
        kind: RecordKind,
        member: str,
        index: int,
    ) -> None:
        self.rejected.append(rejected_model(model, error, kind=kind, member=member, index=index))  # pyright: ignore[reportArgumentType] - every model is a Struct


def _holding_id(holding: Holding, seen: Counter[tuple[str, str]]) -> str:
    # One security can stand twice in one account (two lots that the bank keeps apart): the second gets a number.
    key = (holding.account_id, holding.security_id)
    seen[key] += 1
    return holding.security_id if seen[key] == 1 else f"{holding.security_id}#{seen[key]}"
