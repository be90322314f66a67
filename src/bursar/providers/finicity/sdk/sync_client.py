"""Where does a developer start with Finicity in blocking code?"""

from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime
from typing import Any, NoReturn, ParamSpec, TypeVar

from bursar.providers.finicity.sdk.client import FinicityClient
from bursar.providers.finicity.sdk.errors import FinicityConfigError
from bursar.providers.finicity.sdk.models.accounts import (
    Account,
    AccountsAnswer,
    AchNumbers,
    HoldersAnswer,
    LiveBalance,
    SimpleOwner,
)
from bursar.providers.finicity.sdk.models.customers import ConnectLink, Customer, Institution, InstitutionsPage
from bursar.providers.finicity.sdk.models.transactions import TransactionsListing
from bursar.providers.finicity.sdk.webhooks import ConnectEvent
from bursar.transport.portal import BlockingClient

P = ParamSpec("P")
T = TypeVar("T")


class FinicitySyncClient(BlockingClient[FinicityClient]):
    """`FinicityClient` for blocking code: the same names, arguments and errors, without `await`.

    ```python
    with FinicitySyncClient(FinicityClient.from_env()) as finicity:
        print(finicity.get_accounts(customer_id).accounts)
    ```

    Calls run on an event loop in a thread of its own, so any number of threads may share one client.

    Args:
        client: not used elsewhere; closed with this one.
    """

    def __init__(self, client: FinicityClient) -> None:
        self._hold(client, "finicity")

    def add_customer(self, username: str, **details: str | None) -> Customer:
        """Make a customer."""
        return self._run(self._client.add_customer, username, **details)

    def find_customer(self, username: str) -> Customer | None:
        """The customer of this user name."""
        return self._run(self._client.find_customer, username)

    def delete_customer(self, customer_id: str) -> None:
        """Delete a customer with everything."""
        self._run(self._client.delete_customer, customer_id)

    def delete_institution_login(self, customer_id: str, institution_login_id: str) -> None:
        """Delete one login with its accounts."""
        self._run(self._client.delete_institution_login, customer_id, institution_login_id)

    def generate_link(
        self, customer_id: str, *, redirect_uri: str | None = None, webhook: str | None = None
    ) -> ConnectLink:
        """The address at which the user connects an institution."""
        return self._run(self._client.generate_link, customer_id, redirect_uri=redirect_uri, webhook=webhook)

    def generate_fix_link(
        self,
        customer_id: str,
        institution_login_id: str,
        *,
        redirect_uri: str | None = None,
        webhook: str | None = None,
    ) -> ConnectLink:
        """The address at which the user repairs a login."""
        call = self._client.generate_fix_link
        return self._run(call, customer_id, institution_login_id, redirect_uri=redirect_uri, webhook=webhook)

    def get_institution(self, institution_id: str) -> Institution:
        """One institution."""
        return self._run(self._client.get_institution, institution_id)

    def search_institutions(self, search: str = "", *, start: int = 1, limit: int = 25) -> InstitutionsPage:
        """One page of institutions."""
        return self._run(self._client.search_institutions, search, start=start, limit=limit)

    def get_accounts(self, customer_id: str, institution_login_id: str | None = None) -> AccountsAnswer:
        """Every account of a customer or of a login."""
        return self._run(self._client.get_accounts, customer_id, institution_login_id)

    def get_account(self, customer_id: str, account_id: str) -> Account:
        """One account."""
        return self._run(self._client.get_account, customer_id, account_id)

    def refresh_accounts(self, customer_id: str, institution_login_id: str | None = None) -> AccountsAnswer:
        """Ask the institutions now, while the user waits."""
        return self._run(self._client.refresh_accounts, customer_id, institution_login_id)

    def get_live_balance(
        self, customer_id: str, account_id: str, *, cache_interval_min: int | None = None
    ) -> LiveBalance:
        """The balance at the institution now."""
        call = self._client.get_live_balance
        return self._run(call, customer_id, account_id, cache_interval_min=cache_interval_min)

    def get_owner(self, customer_id: str, account_id: str) -> SimpleOwner:
        """The owners' names in one text."""
        return self._run(self._client.get_owner, customer_id, account_id)

    def get_holders(self, customer_id: str, account_id: str) -> HoldersAnswer:
        """The owners one by one."""
        return self._run(self._client.get_holders, customer_id, account_id)

    def get_ach_numbers(self, customer_id: str, account_id: str) -> AchNumbers:
        """The full numbers of an account."""
        return self._run(self._client.get_ach_numbers, customer_id, account_id)

    def get_transactions(
        self,
        customer_id: str,
        from_date: datetime,
        to_date: datetime,
        *,
        account_id: str | None = None,
        include_pending: bool = True,
    ) -> TransactionsListing:
        """Every transaction between two instants."""
        call = self._client.get_transactions
        return self._run(call, customer_id, from_date, to_date, account_id=account_id, include_pending=include_pending)

    def load_history(self, customer_id: str, account_id: str) -> bool:
        """Ask the institution for older rows."""
        return self._run(self._client.load_history, customer_id, account_id)

    def read_connect_event(self, headers: Mapping[str, str], body: bytes) -> ConnectEvent:
        """Prove and read an event of Connect; nothing is sent."""
        return self._client.read_connect_event(headers, body)

    def __repr__(self) -> str:
        return repr(self._client).replace("FinicityClient", type(self).__name__, 1)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a client is not pickled: it holds the partner secret")

    def _run(self, call: Callable[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs) -> T:
        if self._loop.is_closed:
            raise FinicityConfigError("this client was closed; make a new one")
        return self._loop.run(call(*args, **kwargs))
