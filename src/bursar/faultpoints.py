"""Where may a test make this process die, stall or fail, at a place that has a name?

A point costs one comparison while nobody listens, which is always so outside the convergence test. The names are part
of what that test promises to have tried: each point is reached under each kind of failure.
"""

from collections.abc import Awaitable, Callable
from enum import StrEnum


class FaultPoint(StrEnum):
    """The named places, in the order in which a run passes them."""

    CONNECT_BEFORE_COMMIT = "connect.before_commit"
    """The user has consented; the credentials are sealed and not stored yet."""
    CONNECT_AFTER_COMMIT = "connect.after_commit"
    """The connection is stored and its first run is enqueued; nobody has been told."""
    SYNC_OPENED = "sync.opened"
    """The run holds its lease; nothing was asked of the provider."""
    SYNC_FETCHED = "sync.fetched"
    """A batch has arrived; nothing of it is stored."""
    SYNC_ROWS_WRITTEN = "sync.rows_written"
    """Inside the transaction: rows are written, the cursor is not."""
    SYNC_BEFORE_COMMIT = "sync.before_commit"
    """Inside the transaction: everything of the batch is written."""
    SYNC_AFTER_COMMIT = "sync.after_commit"
    """The batch is stored; the next one is not asked for yet."""
    SYNC_BEFORE_CLOSE = "sync.before_close"
    """All batches are stored; the run is open and holds its lease."""
    SYNC_CLOSING = "sync.closing"
    """Inside the transaction that proves and closes the run, before it commits."""
    SYNC_CLOSED = "sync.closed"
    """The run is closed; the job is not acknowledged."""
    IMPORT_READ = "import.read"
    """A file was read; nothing of it is stored."""
    IMPORT_BEFORE_COMMIT = "import.before_commit"
    """Inside the transaction: everything of the file is written."""
    IMPORT_AFTER_COMMIT = "import.after_commit"
    """The file is stored; nobody has been told."""


Listener = Callable[[FaultPoint], Awaitable[None]]

_listener: Listener | None = None


def listen(listener: Listener | None) -> None:
    """Let `listener` be awaited at every point from now on; None ends it. For tests of this process only."""
    global _listener  # noqa: PLW0603 - a switch of the whole process, off but in the convergence test
    _listener = listener


async def reach(point: FaultPoint) -> None:
    """Pass a named place; whatever a listener raises goes through the caller like a failure of its own."""
    if _listener is not None:
        await _listener(point)
