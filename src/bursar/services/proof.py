"""Does the ledger agree with what the institutions say?"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from bursar.domain.accounts import Account, AccountType
from bursar.domain.failures import NotFound
from bursar.domain.proof import BalanceProof, ProofObservation, ProofRow, prove_balances
from bursar.domain.result import Failure, Result, Success
from bursar.domain.sync import DataWarning
from bursar.storage import accounts, balances
from bursar.storage.balances import RowChange, RowStanding
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
    kind = AccountType(account.account_type)
    snapshots, _ = await balances.list_snapshots(tx, tenant_id, account.id)
    movements: list[ProofRow] = []
    if not kind.is_investment():
        movements = to_movements(
            await balances.list_standings(tx, tenant_id, account.id),
            await balances.list_row_changes(tx, tenant_id, account.id),
        )
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
        movements,
        account_type=kind,
    )


def to_movements(standings: Sequence[RowStanding], changes: Sequence[RowChange]) -> list[ProofRow]:
    """Return what moved the ledger balance: each row as it first counted, and each change of what it counts.

    A balance that was read before the institution changed a row holds the row as it was then.
    """
    changes_of: dict[UUID, list[RowChange]] = defaultdict(list)
    for change in changes:
        changes_of[change.transaction_id].append(change)
    movements: list[ProofRow] = []
    for row in standings:
        history = changes_of.get(row.transaction_id, ())
        first, on = (history[0].counted_before, history[0].on_before) if history else (row.amount, row.on)
        if first:
            movements.append(
                ProofRow(transaction_id=row.transaction_id, on=on, amount=first, first_seen_at=row.created_at)
            )
        movements.extend(
            ProofRow(
                transaction_id=row.transaction_id,
                on=change.on_after,
                amount=change.counted_after - change.counted_before,
                first_seen_at=change.at,
                outside_since=row.created_at,
            )
            for change in history
            if change.counted_after != change.counted_before
        )
    return movements
