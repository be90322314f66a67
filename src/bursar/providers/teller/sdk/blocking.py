"""Where does a developer start with Teller in blocking code?"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Self

from bursar.providers.teller.sdk.client import DEFAULT_PAGE_SIZE, TellerClient
from bursar.providers.teller.sdk.models import (
    Account,
    AccountDetails,
    AccountIdentity,
    Balances,
    Institution,
    Payee,
    Payment,
    PaymentOptions,
    SecondFactorNeeded,
    Transaction,
)
from bursar.providers.teller.sdk.session import TELLER_TIMEOUTS
from bursar.providers.teller.sdk.wire import Rows
from bursar.transport.client import Hook, Timeouts
from bursar.transport.portal import BlockingClient
from bursar.transport.redaction import Secret
from bursar.transport.retry import DEFAULT_RETRY, RetryPolicy


class TellerSyncClient(BlockingClient[TellerClient]):
    """`TellerClient` for blocking code: the same names, arguments and errors; iterators instead of async iterators.

    ```python
    with TellerSyncClient(cert_path="certificate.pem", key_path="private_key.pem", environment="development") as teller:
        for account in teller.list_accounts(access_token):
            print(account.name)
    ```

    Calls run on an event loop in a thread of its own, so any number of threads may share one client, and it works where
    an event loop is already running. Hooks are called on that thread.
    """

    def __init__(
        self,
        cert_path: str | None = None,
        key_path: str | None = None,
        environment: str = "sandbox",
        *,
        certificate: str | None = None,
        private_key: str | Secret | None = None,
        base_url: str | None = None,
        ca_path: str | None = None,
        retry: RetryPolicy = DEFAULT_RETRY,
        timeouts: Timeouts = TELLER_TIMEOUTS,
        on_request: Sequence[Hook] = (),
        on_response: Sequence[Hook] = (),
    ) -> None:
        client = TellerClient(
            cert_path,
            key_path,
            environment,
            certificate=certificate,
            private_key=private_key,
            base_url=base_url,
            ca_path=ca_path,
            retry=retry,
            timeouts=timeouts,
            on_request=on_request,
            on_response=on_response,
        )
        self._hold(client, "teller")

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Make a client from the variables that `TellerClient.from_env` names."""
        made = cls.__new__(cls)
        made._hold(TellerClient.from_env(environ), "teller")
        return made

    def list_accounts(self, access_token: str | Secret) -> Rows[Account]:
        """Every account of the enrolment, without balances."""
        return self._loop.run(self._client.list_accounts(access_token))

    def get_account(self, access_token: str | Secret, account_id: str) -> Account:
        """One account."""
        return self._loop.run(self._client.get_account(access_token, account_id))

    def delete_account(self, access_token: str | Secret, account_id: str) -> None:
        """End the access to one account."""
        self._loop.run(self._client.delete_account(access_token, account_id))

    def delete_enrollment(self, access_token: str | Secret) -> None:
        """End the whole enrolment."""
        self._loop.run(self._client.delete_enrollment(access_token))

    def get_account_details(self, access_token: str | Secret, account_id: str) -> AccountDetails:
        """The full account number."""
        return self._loop.run(self._client.get_account_details(access_token, account_id))

    def get_balances(self, access_token: str | Secret, account_id: str) -> Balances:
        """What the institution says now."""
        return self._loop.run(self._client.get_balances(access_token, account_id))

    def list_transactions(
        self,
        access_token: str | Secret,
        account_id: str,
        *,
        count: int | None = None,
        from_id: str | None = None,
        start_date: date | None = None,
        end_date: date | None = None,
    ) -> Rows[Transaction]:
        """One page of an account's rows, newest first."""
        return self._loop.run(
            self._client.list_transactions(
                access_token, account_id, count=count, from_id=from_id, start_date=start_date, end_date=end_date
            )
        )

    def iter_transaction_pages(
        self,
        access_token: str | Secret,
        account_id: str,
        *,
        start_date: date | None = None,
        end_date: date | None = None,
        count: int = DEFAULT_PAGE_SIZE,
    ) -> Iterator[Rows[Transaction]]:
        """Yield every page, newest first."""
        return self._loop.iterate(
            self._client.iter_transaction_pages(
                access_token, account_id, start_date=start_date, end_date=end_date, count=count
            )
        )

    def get_transaction(self, access_token: str | Secret, account_id: str, transaction_id: str) -> Transaction:
        """One row."""
        return self._loop.run(self._client.get_transaction(access_token, account_id, transaction_id))

    def list_identity(self, access_token: str | Secret) -> Rows[AccountIdentity]:
        """The holders of every account."""
        return self._loop.run(self._client.list_identity(access_token))

    def list_institutions(self) -> Rows[Institution]:
        """Every institution that Teller reads."""
        return self._loop.run(self._client.list_institutions())

    def get_payment_options(self, access_token: str | Secret, account_id: str) -> PaymentOptions:
        """What the account supports."""
        return self._loop.run(self._client.get_payment_options(access_token, account_id))

    def create_payee(
        self, access_token: str | Secret, account_id: str, payee: Payee, *, idempotency_key: str
    ) -> Payee | SecondFactorNeeded:
        """Enter a payee."""
        return self._loop.run(
            self._client.create_payee(access_token, account_id, payee, idempotency_key=idempotency_key)
        )

    def create_payment(
        self,
        access_token: str | Secret,
        account_id: str,
        amount: Decimal,
        payee: Payee,
        *,
        idempotency_key: str,
        memo: str | None = None,
    ) -> Payment | SecondFactorNeeded:
        """Send money; see `TellerClient.create_payment`."""
        return self._loop.run(
            self._client.create_payment(
                access_token, account_id, amount, payee, idempotency_key=idempotency_key, memo=memo
            )
        )

    def list_payments(self, access_token: str | Secret, account_id: str) -> Rows[Payment]:
        """The payments that were made from an account."""
        return self._loop.run(self._client.list_payments(access_token, account_id))

    def get_payment(self, access_token: str | Secret, account_id: str, payment_id: str) -> Payment:
        """One payment."""
        return self._loop.run(self._client.get_payment(access_token, account_id, payment_id))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(environment={self._client.environment!r})"
