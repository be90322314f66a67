"""How do the workers of the first tier reach the database, when only one of them moves at a time?"""

from typing import Any

import psycopg
from psycopg import waiting
from psycopg.abc import RV, PQGen
from psycopg.rows import TupleRow

_OPTIONS = "-c lock_timeout=30s -c plan_cache_mode=force_generic_plan"
"""Two transactions at once are a fault of the test itself: whoever waits for a lock is told so instead of hanging.

Plans are made once: a seed has a few dozen rows, and to weigh plans anew costs more than to run any of them.
"""
_PREPARED = 1_000
"""So many statements stay prepared: more than there are, with all the types that their arguments come in."""
_PREPARED_AFTER = 0
"""A statement is prepared when it first runs: each of the many rollbacks has the driver forget what it had prepared."""


class PatientConnection(psycopg.AsyncConnection[TupleRow]):
    """A connection that waits for its answer on the spot instead of giving the loop to somebody else.

    Workers of the first tier take turns outside of transactions only, so there is nobody else; to go through the loop
    for each statement would be a third of a seed's time.
    """

    @classmethod
    async def connect(cls, conninfo: str = "", **kwargs: Any) -> "PatientConnection":  # pyright: ignore[reportIncompatibleMethodOverride]
        """Connect with the settings of the first tier."""
        connection = await super().connect(conninfo, options=_OPTIONS, **kwargs)
        connection.prepared_max = _PREPARED
        connection.prepare_threshold = _PREPARED_AFTER
        return connection  # pyright: ignore[reportReturnType]

    async def wait(
        self,
        gen: PQGen[RV],
        interval: float = 0.1,
        timeout: float | None = None,  # noqa: ASYNC109 - the driver's own signature
    ) -> RV:
        """Run a step of the protocol to its end."""
        return waiting.wait(gen, self.pgconn.socket, interval=interval, timeout=timeout)
