"""Where does a developer start with MX in blocking code?"""

from collections.abc import Callable, Coroutine, Mapping
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from bursar.providers.mx.sdk.client import MXClient
from bursar.transport.portal import BlockingClient
from bursar.transport.redaction import Secret
from bursar.transport.timing import SYSTEM_TIMING, Timing
from bursar.transport.wire import AsyncWire

P = ParamSpec("P")
T = TypeVar("T")


def _blocking(
    call: Callable[Concatenate[MXClient, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate["MXSyncClient", P], T]:
    """Return a method that waits for the answer of an asynchronous one."""

    @wraps(call)
    def wait(self: "MXSyncClient", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.run(call(self.client, *args, **kwargs))

    return wait


class MXSyncClient(BlockingClient[MXClient]):
    """`MXClient` for blocking code: the same names, arguments, answers and errors.

    ```python
    with MXSyncClient.from_env() as mx:
        accounts = mx.list_accounts(user, member=member)
    ```

    Calls run on an event loop in a thread of its own, so any number of threads may share one client, and it works where
    an event loop is already running.
    """

    def __init__(
        self,
        client_id: str,
        api_key: str | Secret,
        *,
        environment: str = "integration",
        base_url: str | None = None,
        page_size: int = 500,
        http_client: AsyncWire | None = None,
        timing: Timing = SYSTEM_TIMING,
    ) -> None:
        client = MXClient(
            client_id,
            api_key,
            environment=environment,
            base_url=base_url,
            page_size=page_size,
            http_client=http_client,
            timing=timing,
        )
        self._hold(client, "mx")

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Self:
        """A client from `MX_CLIENT_ID`, `MX_API_KEY`, `MX_ENVIRONMENT` and `MX_BASE_URL`.

        Raises:
            ValueError: naming the variables that are missing, never a value.
        """
        made = cls.__new__(cls)
        made._hold(MXClient.from_env(environ), "mx")
        return made

    @property
    def client(self) -> MXClient:
        """The asynchronous client, for `run`."""
        return self._client

    def run(self, call: Coroutine[Any, Any, T]) -> T:
        """Run a call of `client` to its end.

        Raises:
            RuntimeError: this client was closed.
        """
        return self._loop.run(call)

    create_user = _blocking(MXClient.create_user)
    get_user = _blocking(MXClient.get_user)
    list_users = _blocking(MXClient.list_users)
    update_user = _blocking(MXClient.update_user)
    delete_user = _blocking(MXClient.delete_user)
    request_widget_url = _blocking(MXClient.request_widget_url)
    list_members = _blocking(MXClient.list_members)
    get_member = _blocking(MXClient.get_member)
    get_member_status = _blocking(MXClient.get_member_status)
    delete_member = _blocking(MXClient.delete_member)
    list_challenges = _blocking(MXClient.list_challenges)
    resume_member = _blocking(MXClient.resume_member)
    start_job = _blocking(MXClient.start_job)
    wait_until_done = _blocking(MXClient.wait_until_done)
    run_job = _blocking(MXClient.run_job)
    list_accounts = _blocking(MXClient.list_accounts)
    list_transactions = _blocking(MXClient.list_transactions)
    list_account_owners = _blocking(MXClient.list_account_owners)
    list_account_numbers = _blocking(MXClient.list_account_numbers)
    list_holdings = _blocking(MXClient.list_holdings)
    search_institutions = _blocking(MXClient.search_institutions)
    get_institution = _blocking(MXClient.get_institution)
    list_institution_credentials = _blocking(MXClient.list_institution_credentials)

    def __repr__(self) -> str:
        return f"MXSyncClient({self.client!r})"
