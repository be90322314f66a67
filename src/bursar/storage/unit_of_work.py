"""How does a unit of work reach PostgreSQL, as whom, and for which tenant?"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import LiteralString, TypeAlias
from uuid import UUID

import psycopg
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

Transaction: TypeAlias = psycopg.AsyncConnection[TupleRow]
"""An open transaction, bound to a tenant; what storage functions take first."""

_AS_TENANT: LiteralString = (
    "BEGIN; SELECT set_config('role', 'bursar_app', true), set_config('app.tenant_id', %s, true), "
    "set_config('app.token_digest', %s, true), set_config('work_mem', '32MB', true), "
    "set_config('client_min_messages', 'warning', true)"
)
_MAX_CAUSES = 8
_PREPARED_AFTER = 3
"""How often a connection must have run a statement before it is prepared."""
_AS_SCHEDULER: LiteralString = "BEGIN; SELECT set_config('role', 'bursar_scheduler', true)"


class Database:
    """A pool of connections whose every transaction runs as a role that does not own the tables.

    The role and the tenant are set for the transaction only, so that a pooler between us and the server cannot carry
    them over to somebody else.
    """

    def __init__(
        self,
        url: str,
        *,
        min_size: int = 1,
        max_size: int = 10,
        timeout_s: int = 30,
        prepares: bool = True,
        connection_class: type[Transaction] | None = None,
    ) -> None:
        """Describe the pool; `open` makes its first connection.

        Args:
            url: of the database.
            min_size: connections that are kept open.
            max_size: connections at most.
            timeout_s: how long to wait for one.
            prepares: statements that repeat are prepared by the server, which saves a third of the time of a sync;
                False where a pooler gives each transaction another connection and does not know of them.
            connection_class: the driver's own when None; another one waits for its answers in a way of its own.
        """
        self._pool: AsyncConnectionPool[Transaction] = AsyncConnectionPool(
            url,
            min_size=min_size,
            max_size=max_size,
            timeout=timeout_s,
            open=False,
            connection_class=connection_class or psycopg.AsyncConnection,
            # A transaction is begun in the same round trip that says for whom it is: see `_transaction`.
            kwargs={"autocommit": True, "prepare_threshold": _PREPARED_AFTER if prepares else None},
        )

    async def open(self) -> None:
        """Open the pool and wait for the first connection."""
        await self._pool.open(wait=True)

    async def close(self) -> None:
        """Close every connection."""
        await self._pool.close()

    @asynccontextmanager
    async def transaction(self, tenant_id: UUID) -> AsyncGenerator[Transaction]:
        """Give a connection in a transaction that sees this tenant only; commits at the end, rolls back on error."""
        async with self._transaction(_AS_TENANT, str(tenant_id), "") as tx:
            yield tx

    @asynccontextmanager
    async def transaction_for_token(self, digest: bytes) -> AsyncGenerator[Transaction]:
        """Give a transaction that sees no tenant, and of all tokens the one with this digest."""
        async with self._transaction(_AS_TENANT, "", digest.hex()) as tx:
            yield tx

    @asynccontextmanager
    async def transaction_across_tenants(self) -> AsyncGenerator[Transaction]:
        """Give the scheduler's transaction: it sees which connections are due, and nothing else."""
        async with self._transaction(_AS_SCHEDULER) as tx:
            yield tx

    async def ping(self) -> None:
        """Return when the database answers."""
        async with self._transaction("BEGIN"):
            pass

    @asynccontextmanager
    async def _transaction(self, opening: LiteralString, *arguments: str) -> AsyncGenerator[Transaction]:
        """Give a connection on which `opening` began a transaction; commits at the end, rolls back on error."""
        connection = await self._begin(opening, arguments)
        try:
            async with connection:
                yield connection
        finally:
            await self._pool.putconn(connection)

    async def _begin(self, opening: LiteralString, arguments: Sequence[str]) -> Transaction:
        """Begin on a connection that lives: one that died while it was idle has done nothing yet, so the next serves.

        That it can begin is what shows that a connection lives; to ask before would be a round trip for nothing.
        """
        attempts_left = self._pool.max_size
        while True:
            connection = await self._pool.getconn()
            has_begun = False
            try:
                await psycopg.AsyncClientCursor(connection).execute(opening, arguments)
                has_begun = True
                return connection
            except psycopg.OperationalError:
                if not attempts_left:
                    raise
                attempts_left -= 1
            finally:
                if not has_begun:
                    await connection.close()
                    await self._pool.putconn(connection)

    @staticmethod
    def is_lost(error: BaseException) -> bool:
        """True when an error means that the database went away or undid the transaction: the same may work later."""
        cause: BaseException | None = error
        for _ in range(_MAX_CAUSES):
            if cause is None or isinstance(cause, psycopg.OperationalError):
                break
            cause = cause.__cause__
        return isinstance(cause, psycopg.OperationalError)
