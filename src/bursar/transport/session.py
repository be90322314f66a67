"""What does the client of every API have, whatever it offers? (A pool of connections that ends with it.)."""

from types import TracebackType
from typing import Self

from bursar.transport.client import HttpClient


class ApiSession:
    """The base of clients that speak to one environment of one API; use it with `async with`, or call `aclose`."""

    environment: str
    """Which of the API's worlds it speaks to, such as `sandbox`."""
    _http: HttpClient

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(environment={self.environment!r}, base_url={self._http.base_url!r})"
