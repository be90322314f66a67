"""What does a group of blocking calls stand on?"""

from collections.abc import Coroutine
from typing import Any, Generic, TypeVar

from bursar.providers.flanks.sdk.exceptions import FlanksConfigError
from bursar.transport.portal import LoopThread

Calls = TypeVar("Calls")
T = TypeVar("T")


class ClientLoop(LoopThread):
    """The event loop of one blocking client."""

    def run(self, call: Coroutine[Any, Any, T]) -> T:
        """Run a call to its end.

        Raises:
            FlanksConfigError: the client was closed.
        """
        if self.is_closed:
            call.close()
            raise FlanksConfigError("this client was closed; make a new one")
        return super().run(call)


class SyncGroup(Generic[Calls]):
    """The same methods as an asynchronous group, each waiting for its answer.

    Args:
        calls: the asynchronous group.
        loop: where it runs.
    """

    def __init__(self, calls: Calls, loop: ClientLoop) -> None:
        self._calls = calls
        self._loop = loop
