"""Where does a developer start with Flanks?"""

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import cached_property
from types import TracebackType
from typing import NoReturn, Self

from bursar.providers.flanks.sdk.aggregation_v1.client import AggregationV1Client
from bursar.providers.flanks.sdk.aggregation_v2.client import AggregationV2Client
from bursar.providers.flanks.sdk.connect.client import ConnectClient
from bursar.providers.flanks.sdk.connection import DEFAULT_BASE_URL, FlanksConnection
from bursar.providers.flanks.sdk.credentials.client import CredentialsClient
from bursar.providers.flanks.sdk.entities.client import EntitiesClient
from bursar.providers.flanks.sdk.exceptions import FlanksConfigError
from bursar.providers.flanks.sdk.links.client import LinksClient
from bursar.providers.flanks.sdk.pagination import InvalidItem
from bursar.providers.flanks.sdk.report.client import ReportClient
from bursar.providers.flanks.sdk.responses import FlanksResponse
from bursar.providers.flanks.sdk.settings import check_credential
from bursar.providers.flanks.sdk.tokens import TokenCache
from bursar.transport.client import Hook
from bursar.transport.redaction import Secret
from bursar.transport.timing import SYSTEM_TIMING, Timing
from bursar.transport.wire import AsyncWire

DEFAULT_VERSION = "2026-01-01"
_AGGREGATION_V2_SINCE = date(2026, 1, 1)
_ID_VARIABLE, _SECRET_VARIABLE = "FLANKS_CLIENT_ID", "FLANKS_CLIENT_SECRET"


class FlanksClient:
    """Flanks' API, typed and asynchronous.

    ```python
    async with FlanksClient() as flanks:  # FLANKS_CLIENT_ID, FLANKS_CLIENT_SECRET
        async for product in flanks.aggregation.list_products():
            print(product.name, product.balance)
    ```

    Nothing is opened before the first call. One client serves any number of tasks; close it with `close` or
    `async with`. Amounts are exact Decimals, negative when money leaves.

    Args:
        client_id, client_secret: of the application; each falls back to its environment variable.
        base_url, timeout, retries, retry_backoff: see `FlanksConnection`, as are the others.
        version: an ISO date. It chooses what `aggregation` is (v2 from 2026-01-01 on) and is never sent: the API has
            its versions in its paths.

    Raises:
        FlanksConfigError: a credential is missing, or a setting makes no sense.
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
        found_id, found_secret = find_credentials(client_id, client_secret)
        self._version = parse_version(version)
        self._connection = FlanksConnection(
            found_id,
            found_secret,
            base_url,
            timeout,
            retries,
            retry_backoff,
            headers=headers,
            http_client=http_client,
            on_request=on_request,
            on_response=on_response,
            token_cache=token_cache,
            deadline=deadline,
            jitter=jitter,
            timing=timing,
        )

    @cached_property
    def transport(self) -> FlanksConnection:
        """The connection: for calls that this client has no method for."""
        return self._connection

    @cached_property
    def connect(self) -> ConnectClient:
        """Connectors and sessions."""
        return ConnectClient(self.transport)

    @cached_property
    def entities(self) -> EntitiesClient:
        """The institutions of the v0 API."""
        return EntitiesClient(self.transport)

    @cached_property
    def credentials(self) -> CredentialsClient:
        """Logins of end users."""
        return CredentialsClient(self.transport)

    @cached_property
    def aggregation_v1(self) -> AggregationV1Client:
        """What one credential holds."""
        return AggregationV1Client(self.transport)

    @cached_property
    def aggregation_v2(self) -> AggregationV2Client:
        """What all credentials hold."""
        return AggregationV2Client(self.transport)

    @property
    def aggregation(self) -> AggregationV1Client | AggregationV2Client:
        """Aggregation v2 for versions from 2026-01-01 on, else v1; both have `list_products`, `list_transactions`."""
        return self.aggregation_v2 if self._version >= _AGGREGATION_V2_SINCE else self.aggregation_v1

    @cached_property
    def links(self) -> LinksClient:
        """Links and their codes (legacy)."""
        return LinksClient(self.transport)

    @cached_property
    def report(self) -> ReportClient:
        """Reports (beta)."""
        return ReportClient(self.transport)

    def with_options(
        self,
        *,
        timeout: float | None = None,
        headers: Mapping[str, str] | None = None,
        on_raw_response: Callable[[FlanksResponse], None] | None = None,
        on_invalid_item: Callable[[InvalidItem], None] | None = None,
    ) -> Self:
        """Return the same client with other options for the calls made through the result; see `FlanksConnection`.

        ```python
        product = await flanks.with_options(timeout=5).aggregation_v2.list_products_page()
        ```
        """
        view = object.__new__(type(self))
        view._version = self._version
        view._connection = self._connection.with_options(
            timeout=timeout, headers=headers, on_raw_response=on_raw_response, on_invalid_item=on_invalid_item
        )
        return view

    async def close(self) -> None:
        """Close the connections; calling it again does nothing, calling anything else afterwards is an error."""
        await self._connection.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        base_url = self._connection.settings.base_url
        return f"{type(self).__name__}(base_url={base_url!r}, version={self._version.isoformat()!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a client is not pickled: it holds the client secret")


def find_credentials(client_id: str | None, client_secret: str | Secret | None) -> tuple[str, Secret]:
    """Return id and secret from the arguments, else from the environment.

    Raises:
        FlanksConfigError: naming both variables, and which of the two is missing.
    """
    found_id = client_id or os.environ.get(_ID_VARIABLE)
    found_secret = client_secret or os.environ.get(_SECRET_VARIABLE)
    if found_id and found_secret:
        check_credential("client_id", found_id)
        check_credential("client_secret", found_secret)
        return found_id, Secret(found_secret)
    missing = [name for name, found in (("client_id", found_id), ("client_secret", found_secret)) if not found]
    raise FlanksConfigError(
        f"Missing credentials ({' and '.join(missing)}). Provide client_id and client_secret or set {_ID_VARIABLE} and "
        f"{_SECRET_VARIABLE} environment variables."
    )


def parse_version(version: str) -> date:
    """Return a version as the date that it is.

    Raises:
        FlanksConfigError: it is no ISO date.
    """
    try:
        return date.fromisoformat(version)
    except (TypeError, ValueError):
        raise FlanksConfigError("version: expected an ISO date such as 2026-01-01") from None
