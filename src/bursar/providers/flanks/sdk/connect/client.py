"""How are end users connected: Connect API v2?"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from bursar.providers.flanks.sdk import arguments
from bursar.providers.flanks.sdk.base import BaseClient
from bursar.providers.flanks.sdk.connect.models import Connector, Session, SessionConfig, SessionQuery
from bursar.providers.flanks.sdk.exceptions import FlanksNotFoundError
from bursar.providers.flanks.sdk.pagination import PagedResponse
from bursar.providers.flanks.sdk.waiting import poll

_CONNECTORS = "/connect/v2/connectors/list-connectors"
_SESSIONS = "/connect/v2/sessions/list-sessions"


class ConnectClient(BaseClient):
    """Connectors and sessions."""

    def list_connectors(
        self, connector_ids: Sequence[str] | None = None, *, max_items: int | None = None
    ) -> AsyncIterator[Connector]:
        """Yield connectors, all of them or those named; an empty list names none."""
        return self._paginate(_CONNECTORS, _connector_body(connector_ids), "items", Connector, max_items=max_items)

    async def list_connectors_page(
        self, connector_ids: Sequence[str] | None = None, page_token: str | None = None
    ) -> PagedResponse[Connector]:
        """Return one page of connectors."""
        return await self._page(_CONNECTORS, _connector_body(connector_ids), "items", Connector, page_token)

    async def create_session(self, config: SessionConfig | Mapping[str, Any]) -> Session:
        """Create a session; send the end user to its `url`. Not repeated after an uncertain failure."""
        if config is None:  # pyright: ignore[reportUnnecessaryComparison] - callers without types
            raise arguments.wrong("config", "a SessionConfig or a mapping with its members")
        body = {"configuration": arguments.request("config", config, SessionConfig)}
        return await self._object(
            "/connect/v2/sessions/create-session", body, Session, wrapped_in="session", retry=False
        )

    def list_sessions(
        self, query: SessionQuery | Mapping[str, Any] | None = None, *, max_items: int | None = None
    ) -> AsyncIterator[Session]:
        """Yield sessions, newest first."""
        body = {"query": arguments.request("query", query, SessionQuery)}
        return self._paginate(_SESSIONS, body, "items", Session, max_items=max_items)

    async def list_sessions_page(
        self, query: SessionQuery | Mapping[str, Any] | None = None, page_token: str | None = None
    ) -> PagedResponse[Session]:
        """Return one page of sessions."""
        body = {"query": arguments.request("query", query, SessionQuery)}
        return await self._page(_SESSIONS, body, "items", Session, page_token)

    async def wait_until_finished(
        self,
        session_id: str,
        *,
        timeout: float = 300.0,  # noqa: ASYNC109 - it ends with an error of its own
        poll_interval: float = 2.0,
    ) -> Session:
        """Ask for a session until it is finished, with success or not, and return it.

        Args:
            session_id: of the session.
            timeout: seconds to wait in all.
            poll_interval: seconds between two questions.

        Raises:
            FlanksWaitTimeoutError: it is not finished in time.
            FlanksNotFoundError: there is no such session.
        """
        query = SessionQuery(session_id_in=[arguments.text("session_id", session_id)])

        async def ask() -> Session:
            async for session in self.list_sessions(query):
                if session.session_id == session_id:
                    return session
            raise FlanksNotFoundError("the session is not listed", request=f"POST {_SESSIONS}")

        return await poll(
            ask, lambda session: session.status.is_finished, self._transport.settings.timing, timeout, poll_interval
        )


def _connector_body(connector_ids: Sequence[str] | None) -> dict[str, Any]:
    wanted = arguments.texts("connector_ids", connector_ids)
    return {"query": {} if wanted is None else {"connector_id_in": wanted}}
