"""Where does a developer start with Flanks in blocking code?"""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from types import TracebackType
from typing import Any, NoReturn, Self

from bursar.providers.flanks.sdk.aggregation_v2.client import AggregationV2Client
from bursar.providers.flanks.sdk.client import DEFAULT_VERSION, FlanksClient
from bursar.providers.flanks.sdk.connection import DEFAULT_BASE_URL, FlanksConnection
from bursar.providers.flanks.sdk.pagination import InvalidItem
from bursar.providers.flanks.sdk.responses import JSON, FlanksResponse
from bursar.providers.flanks.sdk.sync.aggregation import SyncAggregationV1Client, SyncAggregationV2Client
from bursar.providers.flanks.sdk.sync.connecting import (
    SyncConnectClient,
    SyncCredentialsClient,
    SyncEntitiesClient,
    SyncLinksClient,
    SyncReportClient,
)
from bursar.providers.flanks.sdk.sync.group import ClientLoop, SyncGroup
from bursar.providers.flanks.sdk.tokens import TokenCache
from bursar.transport.client import Hook
from bursar.transport.timing import SYSTEM_TIMING, Timing
from bursar.transport.wire import AsyncWire


class SyncFlanksConnection(SyncGroup[FlanksConnection]):
    """`FlanksConnection` for blocking code."""

    def api_call(
        self,
        path: str,
        body: Mapping[str, Any] | None = None,
        method: str = "POST",
        *,
        params: Mapping[str, str] | None = None,
        timeout: float | None = None,
        headers: Mapping[str, str] | None = None,
        retry: bool = True,
    ) -> JSON:
        """Send one call and return its decoded answer; None when the answer is empty."""
        return self._loop.run(
            self._calls.api_call(path, body, method, params=params, timeout=timeout, headers=headers, retry=retry)
        )

    def request(
        self,
        path: str,
        body: Mapping[str, Any] | None = None,
        method: str = "POST",
        *,
        params: Mapping[str, str] | None = None,
        timeout: float | None = None,
        headers: Mapping[str, str] | None = None,
        retry: bool = True,
    ) -> FlanksResponse:
        """Send one call and return its 2xx answer as it came."""
        return self._loop.run(
            self._calls.request(path, body, method, params=params, timeout=timeout, headers=headers, retry=retry)
        )


class FlanksSyncClient:
    """`FlanksClient` for blocking code: the same names, arguments and errors; iterators instead of async iterators.

    ```python
    with FlanksSyncClient() as flanks:
        for product in flanks.aggregation.list_products():
            print(product.name, product.balance)
    ```

    Calls run on an event loop in a thread of its own, so any number of threads may share one client, and it works where
    an event loop is already running. Hooks are called on that thread.
    """

    def __init__(
        self,
        client_id: str | None = None,
        client_secret: str | None = None,
        *,
        base_url: str = DEFAULT_BASE_URL,
        timeout: float = 60.0,
        retries: int = 1,
        retry_backoff: float = 1.0,
        version: str = DEFAULT_VERSION,
        headers: Mapping[str, str] | None = None,
        http_client: AsyncWire | None = None,
        on_request: Sequence[Hook] = (),
        on_response: Sequence[Hook] = (),
        token_cache: TokenCache | None = None,
        deadline: float | None = None,
        jitter: bool = True,
        timing: Timing = SYSTEM_TIMING,
    ) -> None:
        self._client = FlanksClient(
            client_id,
            client_secret,
            base_url=base_url,
            timeout=timeout,
            retries=retries,
            retry_backoff=retry_backoff,
            version=version,
            headers=headers,
            http_client=http_client,
            on_request=on_request,
            on_response=on_response,
            token_cache=token_cache,
            deadline=deadline,
            jitter=jitter,
            timing=timing,
        )
        self._loop = ClientLoop("flanks")

    @cached_property
    def transport(self) -> SyncFlanksConnection:
        """The connection: for calls that this client has no method for."""
        return SyncFlanksConnection(self._client.transport, self._loop)

    @cached_property
    def connect(self) -> SyncConnectClient:
        """Connectors and sessions."""
        return SyncConnectClient(self._client.connect, self._loop)

    @cached_property
    def entities(self) -> SyncEntitiesClient:
        """The institutions of the v0 API."""
        return SyncEntitiesClient(self._client.entities, self._loop)

    @cached_property
    def credentials(self) -> SyncCredentialsClient:
        """Logins of end users."""
        return SyncCredentialsClient(self._client.credentials, self._loop)

    @cached_property
    def aggregation_v1(self) -> SyncAggregationV1Client:
        """What one credential holds."""
        return SyncAggregationV1Client(self._client.aggregation_v1, self._loop)

    @cached_property
    def aggregation_v2(self) -> SyncAggregationV2Client:
        """What all credentials hold."""
        return SyncAggregationV2Client(self._client.aggregation_v2, self._loop)

    @property
    def aggregation(self) -> SyncAggregationV1Client | SyncAggregationV2Client:
        """Aggregation v2 for versions from 2026-01-01 on, else v1; both have `list_products`, `list_transactions`."""
        is_v2 = isinstance(self._client.aggregation, AggregationV2Client)
        return self.aggregation_v2 if is_v2 else self.aggregation_v1

    @cached_property
    def links(self) -> SyncLinksClient:
        """Links and their codes (legacy)."""
        return SyncLinksClient(self._client.links, self._loop)

    @cached_property
    def report(self) -> SyncReportClient:
        """Reports (beta)."""
        return SyncReportClient(self._client.report, self._loop)

    def with_options(
        self,
        *,
        timeout: float | None = None,
        headers: Mapping[str, str] | None = None,
        on_raw_response: Callable[[FlanksResponse], None] | None = None,
        on_invalid_item: Callable[[InvalidItem], None] | None = None,
    ) -> Self:
        """Return the same client with other options for the calls made through the result."""
        view = object.__new__(type(self))
        view._loop = self._loop
        view._client = self._client.with_options(
            timeout=timeout, headers=headers, on_raw_response=on_raw_response, on_invalid_item=on_invalid_item
        )
        return view

    def close(self) -> None:
        """Close the connections and end the thread; calling it again does nothing."""
        if not self._client.transport.is_closed:
            self._loop.run(self._client.close())
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return repr(self._client).replace("FlanksClient", type(self).__name__, 1)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a client is not pickled: it holds the client secret")
