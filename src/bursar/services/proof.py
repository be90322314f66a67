"""Does the ledger agree with what the institutions say?"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from bursar.domain.accounts import Account, AccountType
from bursar.domain.failures import NotFound
from bursar.domain.gaps import BalanceGap
from bursar.domain.proof import BalanceProof, prove_balances
from bursar.domain.proof_bounds import ProofObservation, ProofRow
from bursar.domain.result import Failure, Result, Success
from bursar.domain.sync import DataWarning, SyncReport
from bursar.storage import accounts, balances, gaps
from bursar.storage.balances import RowChange, RowStanding
from bursar.storage.gaps import GapWrite
from bursar.storage.unit_of_work import Database, Transaction

_ACCOUNTS_AT_A_TIME = 16
"""So many accounts are proven together: few statements, and never the rows of a whole tenant in memory."""


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
            (proven,) = await _prove(tx, tenant_id, [account])
        return Success(proven)

    async def prove_all(self, tenant_id: UUID) -> list[AccountProof]:
        """Return the proof of every account, by institution and name."""
        async with self._database.transaction(tenant_id) as tx:
            listed, _ = await accounts.list_accounts(tx, tenant_id, limit=10_000, offset=0)
            return await _prove(tx, tenant_id, listed)

    async def list_gaps(
        self,
        tenant_id: UUID,
        *,
        account_id: UUID | None = None,
        is_open: bool | None = None,
        limit: int,
        offset: int = 0,
    ) -> tuple[list[BalanceGap], int]:
        """Return a page of the gaps that runs and imports have found, the latest days first, and how many there are."""
        async with self._database.transaction(tenant_id) as tx:
            return await gaps.list_gaps(
                tx, tenant_id, account_id=account_id, is_open=is_open, limit=limit, offset=offset
            )

    async def get_gap(self, tenant_id: UUID, gap_id: UUID) -> Result[BalanceGap, NotFound]:
        """Return one gap, open or closed."""
        async with self._database.transaction(tenant_id) as tx:
            gap = await gaps.find_gap(tx, tenant_id, gap_id)
        return Success(gap) if gap is not None else Failure(NotFound(what="gap"))


async def mark_touched(
    tx: Transaction, tenant_id: UUID, account_ids: Sequence[UUID], report: SyncReport, at: datetime
) -> None:
    """Have the accounts of a batch proven when their run ends, if the batch changed anything."""
    nouns = (report.accounts, report.transactions, report.balances)
    if account_ids and any(counts.created or counts.updated or counts.closed for counts in nouns):
        await gaps.mark_due(tx, tenant_id, account_ids, at=at)


async def gap_warnings(
    tx: Transaction, tenant_id: UUID, connection_id: UUID, *, sync_run_id: UUID, at: datetime
) -> list[DataWarning]:
    """Prove what was touched, keep the gaps that this finds and closes, and warn of the connection's open ones.

    Costs one small statement, and writes nothing, when nothing was touched.
    """
    due, count = await gaps.take_due(tx, tenant_id, connection_id)
    if due:
        await accounts.lock_accounts(tx, tenant_id, due)
        touched = await accounts.find_accounts(tx, tenant_id, due)
        proven = await _prove(tx, tenant_id, touched, in_full=False)
        writes = [write for each in proven for write in _to_writes(each.account, each.proof)]
        # Looked for once the accounts are locked: another connection of theirs may have found one meanwhile.
        if writes or await gaps.has_open(tx, tenant_id, due):
            await gaps.merge_gaps(tx, tenant_id, due, writes, sync_run_id=sync_run_id, at=at)
            count = await gaps.count_accounts_with_gaps(tx, tenant_id, connection_id)
    if not count:
        return []
    message = "Rows and balances of accounts disagree: see the balance gaps for dates and amounts."
    return [DataWarning(code="balance_gap", message=message, count=count)]


def _to_writes(account: Account, proof: BalanceProof) -> list[GapWrite]:
    return [
        GapWrite(
            account_id=account.id,
            opening_id=gap.opening_id,
            closing_id=gap.closing_id,
            start_on=gap.start_on,
            end_on=gap.end_on,
            amount=gap.amount,
            currency=account.currency,
            opening_balance=gap.opening,
            closing_balance=gap.closing,
            suggested_fetch_start=gap.suggested_fetch_start,
            suggested_fetch_end=gap.suggested_fetch_end,
        )
        for gap in proof.gaps
        if gap.opening_id is not None and gap.closing_id is not None
    ]


async def _prove(
    tx: Transaction, tenant_id: UUID, listed: Sequence[Account], *, in_full: bool = True
) -> list[AccountProof]:
    """Return the proof of each account; when only its gaps matter, rows are not read where there cannot be any."""
    proven: list[AccountProof] = []
    for at in range(0, len(listed), _ACCOUNTS_AT_A_TIME):
        proven += await _prove_together(tx, tenant_id, listed[at : at + _ACCOUNTS_AT_A_TIME], in_full=in_full)
    return proven


async def _prove_together(
    tx: Transaction, tenant_id: UUID, some: Sequence[Account], *, in_full: bool
) -> list[AccountProof]:
    stated = await balances.list_stated(tx, tenant_id, [account.id for account in some])
    moving = [
        account.id
        for account in some
        if not AccountType(account.account_type).is_investment() and (in_full or len(stated[account.id]) > 1)
    ]
    standings: Mapping[UUID, Sequence[RowStanding]] = {}
    changes: Mapping[UUID, Sequence[RowChange]] = {}
    if moving:
        standings = await balances.list_standings(tx, tenant_id, moving)
        changes = await balances.list_row_changes(tx, tenant_id, moving)
    return [
        AccountProof(
            account=account,
            proof=prove_balances(
                [
                    ProofObservation(
                        observed_at=each.captured_at,
                        on=each.observed_on,
                        date_is_stated=each.date_is_stated,
                        balance=each.balance,
                        observation_id=each.id,
                        read_at=each.created_at,
                        is_alone=each.is_alone,
                    )
                    for each in stated[account.id]
                ],
                to_movements(standings.get(account.id, ()), changes.get(account.id, ())),
                account_type=AccountType(account.account_type),
            ),
        )
        for account in some
    ]


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
        moved: list[ProofRow] = []
        if first:
            moved.append(ProofRow(transaction_id=row.transaction_id, on=on, amount=first, first_seen_at=row.created_at))
        moved.extend(
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
        movements.extend(_mark_taken_back(moved))
    return movements


def _mark_taken_back(moved: Sequence[ProofRow]) -> list[ProofRow]:
    """Return the movements of one row, each with the moment at which its opposite was seen, if it was."""
    return (
        [
            replace(
                before,
                taken_back_at=next((after.first_seen_at for after in later if after.amount == -before.amount), None),
            )
            for before, later in ((before, moved[place + 1 :]) for place, before in enumerate(moved))
        ]
        if len(moved) > 1
        else list(moved)
    )
