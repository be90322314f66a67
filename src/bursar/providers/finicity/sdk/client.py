"""Where does a developer start with Finicity?"""

import hashlib
import hmac

from bursar.providers.finicity.sdk.accounts import AccountCalls
from bursar.providers.finicity.sdk.customers import CustomerCalls
from bursar.providers.finicity.sdk.transactions import TransactionCalls
from bursar.providers.finicity.sdk.webhooks import WebhookCalls


class FinicityClient(CustomerCalls, AccountCalls, TransactionCalls, WebhookCalls):
    """Finicity's API, typed and asynchronous.

    ```python
    async with FinicityClient.from_env() as finicity:
        for account in (await finicity.get_accounts(customer_id)).accounts:
            print(account.name, account.balance, account.currency)
    ```

    Nothing is opened before the first call. One client serves any number of tasks of one event loop; close it with
    `aclose` or `async with`. Amounts are exact Decimals. For blocking code there is `FinicitySyncClient`.
    """

    def seal(self, purpose: str, text: str) -> str:
        """A mark of a text that only this partner can make: for values that travel through a browser and come back."""
        message = f"bursar|{purpose}|{text}".encode()
        return hmac.new(self._partner_secret.reveal().encode(), message, hashlib.sha256).hexdigest()
