"""How does a client go through an HTTP client that was handed in, instead of looking like a browser?"""

import asyncio
from collections.abc import Mapping

from bursar.transport.impersonation import Answer, BrowserSession, UnansweredError
from bursar.transport.wire import AnswerTooLargeError, AsyncWire, Wire

_CONNECT_S = 10.0
_READ_S = 30.0
_MAX_BODY_BYTES = 64 * 1024 * 1024


class GivenSession(BrowserSession):
    """Sends through a client of whoever runs the platform, such as a proxy's or a test's; it is not closed here."""

    def __init__(self, client: AsyncWire) -> None:
        super().__init__()
        self._wire = Wire(client, _CONNECT_S, _CONNECT_S, _MAX_BODY_BYTES)

    async def post(self, url: str, *, headers: Mapping[str, str], content: bytes, only_once: bool = False) -> Answer:
        """Send one POST and return its answer, whatever the status; nothing is ever repeated here.

        Raises:
            UnansweredError: no answer; `kind` says whether anything can have happened.
        """
        try:
            async with asyncio.timeout(_CONNECT_S + _READ_S):
                status, told, body = await self._wire.exchange("POST", url, headers, content, _READ_S)
        except AnswerTooLargeError:
            raise UnansweredError("network", "no answer (too large)") from None
        except TimeoutError:
            raise UnansweredError("timeout", "no answer (TimeoutError)") from None
        except self._wire.failures as error:
            raise UnansweredError(self._wire.kind_of(error), f"no answer ({type(error).__name__})") from None
        return Answer(status, told, body)

    async def aclose(self) -> None:
        """Let go of the client, which belongs to somebody else."""
        await self._wire.aclose()
