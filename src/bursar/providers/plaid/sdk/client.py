"""Where does a developer start with Plaid?"""

from bursar.providers.plaid.sdk.accounts import AccountCalls
from bursar.providers.plaid.sdk.institutions import InstitutionCalls
from bursar.providers.plaid.sdk.investments import InvestmentCalls
from bursar.providers.plaid.sdk.link import LinkCalls
from bursar.providers.plaid.sdk.sandbox_calls import SandboxCalls
from bursar.providers.plaid.sdk.transactions import TransactionCalls
from bursar.providers.plaid.sdk.webhooks import WebhookCalls


class PlaidClient(
    WebhookCalls, LinkCalls, AccountCalls, TransactionCalls, InvestmentCalls, InstitutionCalls, SandboxCalls
):
    """Plaid's API, typed and asynchronous; every method is one endpoint unless it says that it reads all pages.

    ```python
    async with PlaidClient.from_env() as plaid:
        update = await plaid.sync_transactions(access_token, stored_cursor)
    ```

    Amounts are exact Decimals in **Plaid's** sign (positive = money leaves the account), dates are the institution's
    calendar, instants are aware. Every failure on the wire is a `PlaidError`. One client serves any number of tasks and
    users of one event loop; it opens its connections on first use and closes them with `aclose()` or `async with`.
    """
