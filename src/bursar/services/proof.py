"""Does the ledger agree with what the institutions say?"""

from dataclasses import dataclass
from uuid import UUID

from bursar.domain.accounts import Account, AccountType
from bursar.domain.failures import NotFound
from bursar.domain.proof import BalanceProof, ProofObservation, ProofRow, prove_balances
from bursar.domain.result import Failure, Result, Success
from bursar.domain.sync import DataWarning
from bursar.storage import accounts, balances
from bursar.storage.unit_of_work import Database, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountProof:
    """An account and what is proven of it."""

    account: Account
    proof: BalanceProof


class ProofService:
    """Balance proofs, computed from the stored rows and balances whenever they are asked for."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def prove(self, tenant_id: UUID, account_id: UUID) -> Result[AccountProof, NotFound]:
        """Return the proof of one account."""
        async with self._database.transaction(tenant_id) as tx:
            account = await accounts.find_account(tx, tenant_id, account_id)
            if account is None:
                return Failure(NotFound(what="account"))
            return Success(AccountProof(account=account, proof=await _prove(tx, tenant_id, account)))

    async def prove_all(self, tenant_id: UUID) -> list[AccountProof]:
        """Return the proof of every account, by institution and name."""
        async with self._database.transaction(tenant_id) as tx:
            listed, _ = await accounts.list_accounts(tx, tenant_id, limit=10_000, offset=0)
            return [AccountProof(account=account, proof=await _prove(tx, tenant_id, account)) for account in listed]


async def gap_warnings(tx: Transaction, tenant_id: UUID, connection_id: UUID) -> list[DataWarning]:
    """Return a warning for each account of a connection whose newest balance is not what its rows say."""
    listed, _ = await accounts.list_accounts(tx, tenant_id, limit=10_000, offset=0, connection_id=connection_id)
    gaps = 0
    for account in listed:
        proof = await _prove(tx, tenant_id, account)
        gaps += bool(proof.gaps)
    if not gaps:
        return []
    message = "Rows and balances of accounts disagree: see the balance proof for dates and amounts."
    return [DataWarning(code="balance_gap", message=message, count=gaps)]


async def _prove(tx: Transaction, tenant_id: UUID, account: Account) -> BalanceProof:
    snapshots, _ = await balances.list_snapshots(tx, tenant_id, account.id)
    kind = AccountType(account.account_type)
    rows = [] if kind.is_investment() else await balances.list_settled_rows(tx, tenant_id, account.id)
    return prove_balances(
        [
            ProofObservation(
                observed_at=snapshot.captured_at,
                on=snapshot.observed_on,
                date_is_stated=snapshot.date_is_stated,
                balance=snapshot.balance,
            )
            for snapshot in snapshots
        ],
        [
            ProofRow(transaction_id=row_id, on=on, amount=amount, first_seen_at=first_seen_at)
            for row_id, on, amount, first_seen_at in rows
        ],
        account_type=kind,
    )
