"""How does blocking code use an asynchronous client?"""

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from types import TracebackType
from typing import Any, Generic, Protocol, Self, TypeVar

T = TypeVar("T")


class LoopThread:
    """One event loop in a thread of its own, on which blocking code runs coroutines.

    The thread starts with the first call and ends with `close`; it never keeps a process alive. Any number of threads
    may call at the same time, also from inside a running event loop, which then waits.
    """

    def __init__(self, name: str = "client") -> None:
        self._name = name
        self._starting = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._is_closed = False

    @property
    def is_closed(self) -> bool:
        """Whether `close` was called."""
        return self._is_closed

    def run(self, call: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end and return its value; an interrupt of the caller cancels it.

        Raises:
            RuntimeError: the thread was closed, or it is the one that calls, which would wait for itself for ever.
        """
        try:
            loop = self._running()
        except RuntimeError:
            call.close()
            raise
        future = asyncio.run_coroutine_threadsafe(call, loop)
        try:
            return future.result()
        finally:
            future.cancel()  # of an interrupted caller; a finished call stays as it is

    def iterate(self, items: AsyncIterator[T]) -> Iterator[T]:
        """Yield what an asynchronous iterator yields, no faster than it is taken."""
        end = object()

        async def take() -> Any:
            return await anext(items, end)

        try:
            while (item := self.run(take())) is not end:
                yield item
        finally:
            close = getattr(items, "aclose", None)
            if close is not None and not self._is_closed:
                self.run(close())

    def close(self) -> None:
        """Stop the loop and wait for its thread; calling it again does nothing."""
        with self._starting:
            self._is_closed = True
            loop, self._loop = self._loop, None
        if loop is not None and self._thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            self._thread.join()

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._starting:
            if self._is_closed:
                raise RuntimeError("this client was closed; make a new one")
            if threading.current_thread() is self._thread:
                raise RuntimeError("a blocking call cannot be made from the client's own thread, such as in a hook")
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=_serve, args=(self._loop,), name=self._name, daemon=True)
                self._thread.start()
            return self._loop


class Closable(Protocol):
    """A client of an API, as far as its blocking twin must know it."""

    async def aclose(self) -> None:
        """Close the connections."""
        ...


ClientT = TypeVar("ClientT", bound=Closable)


class BlockingClient(Generic[ClientT]):
    """The base of blocking twins: one asynchronous client on a loop of its own; use it with `with`, or call `close`."""

    _client: ClientT
    _loop: LoopThread

    def _hold(self, client: ClientT, name: str) -> None:
        """Take a client, which nobody else uses, and a thread of that name for it."""
        self._client = client
        self._loop = LoopThread(name)

    def close(self) -> None:
        """Close the connections and end the thread; calling it again does nothing."""
        if not self._loop.is_closed:
            self._loop.run(self._client.aclose())
            self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
