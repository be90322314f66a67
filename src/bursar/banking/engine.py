"""Where do the calls of one banking object run, whoever makes them?

In an event loop of its own, in a thread of its own: one adapter with one pool of connections serves blocking callers
and any number of event loops, one after the other or at once. The thread starts with the first call and ends with
`close`, or when nobody holds the object any more.
"""

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from bursar.banking.exceptions import SyncCallInLoopError
from bursar.ports.provider import ProviderAdapter

T = TypeVar("T")
Call = Callable[[ProviderAdapter], Coroutine[Any, Any, T]]
_CLOSE_WITHIN_S = 10


@dataclass(slots=True)
class _Running:
    loop: asyncio.AbstractEventLoop
    thread: threading.Thread
    adapter: ProviderAdapter
    process: int


class Engine:
    """One adapter in its loop; after `close` the next call starts anew.

    Args:
        make_adapter: builds the adapter; called at once, so that wrong settings are told here, and after each `close`.
    """

    def __init__(self, make_adapter: Callable[[], ProviderAdapter]) -> None:
        self._make_adapter = make_adapter
        self._prepared: ProviderAdapter | None = make_adapter()
        self._lock = threading.Lock()
        self._running: _Running | None = None

    async def call(self, call: Call[T]) -> T:
        """Run a call and wait for it without blocking; cancelling the waiting cancels the call."""
        return await asyncio.wrap_future(self._submit(call))

    def run(self, call: Call[T], *, twin: str) -> T:
        """Run a call and block until it is done.

        Raises:
            SyncCallInLoopError: an event loop runs in this thread; `twin` is what it is told to await.
        """
        if _loop_runs_here():
            raise SyncCallInLoopError(
                f"This call would block the running event loop: write `await banking.{twin}(...)` instead."
            )
        future = self._submit(call)
        try:
            return future.result()
        finally:
            future.cancel()  # an interrupted wait ends the call, too

    def close(self) -> None:
        """Close the adapter's connections and end the thread; harmless when nothing runs."""
        with self._lock:
            running, self._running = self._running, None
        if running is None or running.process != os.getpid() or not running.thread.is_alive():
            return
        asyncio.run_coroutine_threadsafe(_wind_up(running), running.loop)
        if running.thread is not threading.current_thread():
            running.thread.join(_CLOSE_WITHIN_S)

    async def aclose(self) -> None:
        """As `close`, without blocking the loop of the caller."""
        await asyncio.to_thread(self.close)

    def _submit(self, call: Call[T]) -> "Future[T]":
        with self._lock:
            running = self._running
            # A forked child has the memory of the thread, not the thread, and must not share its connections.
            if running is None or running.process != os.getpid() or not running.thread.is_alive():
                running = self._running = self._start()
            return asyncio.run_coroutine_threadsafe(call(running.adapter), running.loop)

    def _start(self) -> _Running:
        adapter, self._prepared = self._prepared or self._make_adapter(), None
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=_live, args=(loop,), name="bursar-banking", daemon=True)
        thread.start()
        return _Running(loop, thread, adapter, os.getpid())


def _live(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()


async def _wind_up(running: _Running) -> None:
    try:
        await running.adapter.aclose()
    finally:
        running.loop.stop()


def _loop_runs_here() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
