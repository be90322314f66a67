"""How do whole answers become domain records, with what could not be read beside them?"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from bursar.domain.accounts import ProviderAccountData
from bursar.domain.owners import ProviderOwnerData
from bursar.domain.sync import DataWarning, RecordKind, RejectedRecord, RejectReason
from bursar.domain.transactions import ProviderTransactionData
from bursar.ports.rejects import UnreadableError
from bursar.providers.teller.mapping import contradicts_signs, to_account, to_owner, to_transaction
from bursar.providers.teller.rejects import rejected_model, rejected_row
from bursar.providers.teller.sdk.models import Account, AccountIdentity, Balances, Transaction
from bursar.providers.teller.sdk.wire import Rows
from bursar.transport.rows import RejectedRow


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownAccount:
    """An account as Teller lists it, and as the ledger knows it."""

    told: Account
    record: ProviderAccountData


@dataclass(slots=True)
class Collector:
    """Maps rows one by one and keeps what did not map: nothing that was there goes missing."""

    rejected: list[RejectedRecord] = field(default_factory=list[RejectedRecord])
    warnings: list[DataWarning] = field(default_factory=list[DataWarning])

    def unread_accounts(self, rows: Iterable[RejectedRow]) -> None:
        """Note accounts that the SDK could not decode."""
        self.rejected.extend(rejected_row(row, RecordKind.ACCOUNT, index=row.index) for row in rows)

    def account(self, told: Account, balances: Balances | None, index: int) -> KnownAccount | None:
        """Map an account; None when it could not be."""
        try:
            return KnownAccount(told=told, record=to_account(told, balances, self.warnings))
        except UnreadableError as error:
            self.rejected.append(rejected_model(told, error, RecordKind.ACCOUNT, index=index))
            return None

    def owners(self, told: Rows[AccountIdentity]) -> list[ProviderOwnerData]:
        """Map the holders of every account; of one that cannot be read nothing is kept but that it is there."""
        kind = RecordKind.ACCOUNT
        self.rejected.extend(rejected_row(row, kind, index=row.index, is_private=True) for row in told.rejected)
        found: list[ProviderOwnerData] = []
        for index, one in enumerate(told):
            for owner in one.owners:
                try:
                    found.append(to_owner(one.account.id, owner))
                except UnreadableError as error:
                    account_id = one.account.id
                    self.rejected.append(
                        rejected_model(owner, error, kind, index=index, account_id=account_id, is_private=True)
                    )
        return found

    def transactions(self, pages: Iterable[Rows[Transaction]], account: Account) -> list[ProviderTransactionData]:
        """Map the pages of an account's rows, newest first; of a row that was told twice the later word counts.

        Where running balances say that the signs are the other way round, no row of the account is taken: wrong signs
        are worse than none.
        """
        pages = list(pages)
        rows = [row for page in pages for row in page]
        offset = 0
        for page in pages:
            for row in page.rejected:
                record = rejected_row(row, RecordKind.TRANSACTION, index=offset + row.index, account_id=account.id)
                self.rejected.append(record)
            offset += page.told
        if contradicts_signs(rows):
            self._refuse_signs(rows, account)
            return []
        found: dict[str | None, ProviderTransactionData] = {}
        for index, row in enumerate(rows):
            try:
                record = to_transaction(row, account, self.warnings)
            except UnreadableError as error:
                self.rejected.append(
                    rejected_model(row, error, RecordKind.TRANSACTION, index=index, account_id=account.id)
                )
            else:
                found[record.provider_transaction_id] = record
        return list(found.values())

    def _refuse_signs(self, rows: list[Transaction], account: Account) -> None:
        self.warnings.append(
            DataWarning(
                code="sign_conflict",
                message="The bank's running balances say that Teller's signs are the other way round for this account; "
                "its rows were not taken.",
                field="transactions.running_balance",
                provider_id=account.id,
                count=len(rows),
            )
        )
        error = UnreadableError(RejectReason.INCONSISTENT, "running_balance")
        self.rejected.append(rejected_model(rows[0], error, RecordKind.TRANSACTION, index=0, account_id=account.id))
