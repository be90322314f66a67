"""How does a job get into the database together with the rows that it is about?

The job engine is named here and in the worker only. A job carries ids, never secrets or data.
"""

from uuid import UUID

from procrastinate import App, PsycopgConnector
from procrastinate.blueprints import Blueprint

from bursar.storage.unit_of_work import Transaction

SYNC_TASK = "bursar.sync_connection"
SYNC_QUEUE = "sync"

tasks = Blueprint()
"""Tasks that the worker fills with code; enqueueing needs their names only."""


class JobQueue:
    """Enqueues jobs on the caller's transaction: the job exists if and only if the rows do."""

    def __init__(self, url: str) -> None:
        self._app = App(connector=PsycopgConnector(conninfo=url, min_size=1, max_size=4))

    @property
    def app(self) -> App:
        """The job engine's application, for the worker."""
        return self._app

    async def open(self) -> None:
        """Open the engine's own connections."""
        await self._app.open_async()

    async def close(self) -> None:
        """Close them."""
        await self._app.close_async()

    async def enqueue_sync(self, tx: Transaction, tenant_id: UUID, connection_id: UUID, run_id: UUID) -> None:
        """Enqueue a run; jobs of one connection run one after the other."""
        deferrer = self._app.configure_task(
            SYNC_TASK, queue=SYNC_QUEUE, lock=f"connection:{connection_id}", connection=tx
        )
        await deferrer.defer_async(tenant_id=str(tenant_id), connection_id=str(connection_id), run_id=str(run_id))
