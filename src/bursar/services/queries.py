"""What does a reader see of the ledger?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from bursar.domain.accounts import Account
from bursar.domain.balances import BalanceSnapshot
from bursar.domain.failures import NotFound
from bursar.domain.holdings import Holding
from bursar.domain.result import Failure, Result, Success
from bursar.domain.transactions import Transaction, TransactionChange, TransactionFilter
from bursar.storage import accounts, balances, holdings, ledger_views, sync_runs
from bursar.storage.unit_of_work import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionPage:
    """A page of rows, the newest first."""

    rows: Sequence[Transaction]
    next_after: tuple[date, UUID] | None
    """Where the next page starts; None when there is none."""
    total: int | None = None
    """None when it was not asked for."""
    total_is_exact: bool = True


class QueryService:
    """Reads; nothing here writes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_accounts(
        self,
        tenant_id: UUID,
        *,
        limit: int,
        offset: int = 0,
        connection_id: UUID | None = None,
        is_active: bool | None = None,
    ) -> tuple[list[Account], int]:
        """Return a page of accounts by institution and name, and how many there are."""
        async with self._database.transaction(tenant_id) as tx:
            return await accounts.list_accounts(
                tx, tenant_id, limit=limit, offset=offset, connection_id=connection_id, is_active=is_active
            )

    async def get_account(self, tenant_id: UUID, account_id: UUID) -> Result[Account, NotFound]:
        """Return one account."""
        async with self._database.transaction(tenant_id) as tx:
            account = await accounts.find_account(tx, tenant_id, account_id)
        return Success(account) if account is not None else Failure(NotFound(what="account"))

    async def list_transactions(
        self,
        tenant_id: UUID,
        wanted: TransactionFilter,
        *,
        limit: int,
        offset: int = 0,
        after: tuple[date, UUID] | None = None,
        with_total: bool = False,
    ) -> TransactionPage:
        """Return a page by booking date, the newest first: by `after` at any depth, or by `offset`."""
        async with self._database.transaction(tenant_id) as tx:
            rows = await ledger_views.list_transactions(
                tx, tenant_id, wanted, limit=limit + 1, offset=offset, after=after
            )
            total, is_exact = (
                await ledger_views.count_transactions(tx, tenant_id, wanted) if with_total else (None, True)
            )
        more = len(rows) > limit
        rows = rows[:limit]
        return TransactionPage(
            rows=rows,
            next_after=(rows[-1].transaction_date, rows[-1].id) if more and rows else None,
            total=total,
            total_is_exact=is_exact,
        )

    async def get_transaction(self, tenant_id: UUID, transaction_id: UUID) -> Result[Transaction, NotFound]:
        """Return one row; a row that its institution took back still resolves, and says so."""
        async with self._database.transaction(tenant_id) as tx:
            row = await ledger_views.find_transaction(tx, tenant_id, transaction_id)
        return Success(row) if row is not None else Failure(NotFound(what="transaction"))

    async def list_changes(
        self,
        tenant_id: UUID,
        *,
        sync_run_id: UUID | None = None,
        since: datetime | None = None,
        after_id: int = 0,
        with_created: bool = False,
        limit: int = 100,
    ) -> list[TransactionChange]:
        """Return what happened to rows, in the order in which it happened."""
        async with self._database.transaction(tenant_id) as tx:
            return await ledger_views.list_changes(
                tx,
                tenant_id,
                sync_run_id=sync_run_id,
                since=since,
                after_id=after_id,
                with_created=with_created,
                limit=limit,
            )

    async def list_balances(
        self,
        tenant_id: UUID,
        account_id: UUID,
        *,
        limit: int,
        offset: int = 0,
        start_date: date | None = None,
        end_date: date | None = None,
    ) -> Result[tuple[list[BalanceSnapshot], int], NotFound]:
        """Return a page of an account's balances, the newest first, and how many there are."""
        async with self._database.transaction(tenant_id) as tx:
            if await accounts.find_account(tx, tenant_id, account_id) is None:
                return Failure(NotFound(what="account"))
            return Success(
                await balances.list_snapshots(
                    tx,
                    tenant_id,
                    account_id,
                    start_date=start_date,
                    end_date=end_date,
                    limit=limit,
                    offset=offset,
                )
            )

    async def list_all_balances(
        self,
        tenant_id: UUID,
        *,
        limit: int,
        offset: int = 0,
        account_id: UUID | None = None,
        start_date: date | None = None,
        end_date: date | None = None,
    ) -> tuple[list[BalanceSnapshot], int]:
        """Return a page of balances, the newest first, and how many there are; an unknown account has none."""
        async with self._database.transaction(tenant_id) as tx:
            return await balances.list_snapshots(
                tx, tenant_id, account_id, start_date=start_date, end_date=end_date, limit=limit, offset=offset
            )

    async def list_holdings(
        self, tenant_id: UUID, *, account_id: UUID | None = None, with_closed: bool = False
    ) -> list[Holding]:
        """Return positions by symbol."""
        async with self._database.transaction(tenant_id) as tx:
            return await holdings.list_holdings(tx, tenant_id, account_id=account_id, with_closed=with_closed)

    async def list_rejected(
        self, tenant_id: UUID, *, connection_id: UUID | None = None, limit: int = 100
    ) -> list[dict[str, object]]:
        """Return what could not be read and is still open, the newest first."""
        async with self._database.transaction(tenant_id) as tx:
            return await sync_runs.list_rejected(tx, tenant_id, connection_id=connection_id, limit=limit)

    async def page_rejected(
        self, tenant_id: UUID, *, connection_id: UUID | None = None, limit: int, offset: int
    ) -> tuple[list[dict[str, object]], int]:
        """Return a page of what could not be read and is still open, the newest first, and how many there are."""
        async with self._database.transaction(tenant_id) as tx:
            listed = await sync_runs.list_rejected(
                tx, tenant_id, connection_id=connection_id, limit=limit, offset=offset
            )
            return listed, await sync_runs.count_rejected(tx, tenant_id, connection_id=connection_id)
