"""Where does a developer start with Teller?"""

from collections.abc import AsyncIterator
from datetime import date

from bursar.providers.teller.sdk.errors import TellerArgumentError, TellerResponseError
from bursar.providers.teller.sdk.models import (
    Account,
    AccountDetails,
    AccountIdentity,
    Balances,
    Institution,
    Transaction,
)
from bursar.providers.teller.sdk.payments import PaymentCalls
from bursar.providers.teller.sdk.session import segment
from bursar.providers.teller.sdk.wire import Rows, loop_error
from bursar.transport import json
from bursar.transport.pages import iter_pages
from bursar.transport.redaction import Secret

DEFAULT_PAGE_SIZE = 250


class TellerClient(PaymentCalls):
    """Teller's API, typed and asynchronous; every method is one endpoint unless it says that it reads all pages.

    ```python
    async with TellerClient("certificate.pem", "private_key.pem", "development") as teller:
        for account in await teller.list_accounts(access_token):
            print(account.name, (await teller.get_balances(access_token, account.id)).ledger)
    ```

    Amounts are exact Decimals in **Teller's** sign (see `models`), dates are the institution's calendar. Every failure
    on the wire is a `TellerError`. One client serves any number of tasks and users of one event loop; it opens its
    connections on first use and closes them with `aclose()` or `async with`.

    Source: https://teller.io/docs/api/account/transactions (read 2026-11-29).
    """

    async def list_accounts(self, access_token: str | Secret) -> Rows[Account]:
        """Every account of the enrolment, without balances; the order is not promised."""
        return await self._read_rows("/accounts", access_token, Account)

    async def get_account(self, access_token: str | Secret, account_id: str) -> Account:
        """One account."""
        return await self._read(f"/accounts/{segment(account_id, 'account id')}", access_token, Account)

    async def delete_account(self, access_token: str | Secret, account_id: str) -> None:
        """End the access to one account, and what is billed for it."""
        await self._send("DELETE", f"/accounts/{segment(account_id, 'account id')}", access_token)

    async def delete_enrollment(self, access_token: str | Secret) -> None:
        """End the whole enrolment; in `development` its slot does not come back."""
        await self._send("DELETE", "/accounts", access_token)

    async def get_account_details(self, access_token: str | Secret, account_id: str) -> AccountDetails:
        """The full account number; seal it or do not keep it.

        Raises:
            TellerVerificationError: micro-deposits are on their way, or expired.
        """
        path = f"/accounts/{segment(account_id, 'account id')}/details"
        return await self._read(path, access_token, AccountDetails)

    async def get_balances(self, access_token: str | Secret, account_id: str) -> Balances:
        """What the institution says now: it is asked while you wait, which is slow and counts against limits."""
        path = f"/accounts/{segment(account_id, 'account id')}/balances"
        return await self._read(path, access_token, Balances)

    async def list_transactions(
        self,
        access_token: str | Secret,
        account_id: str,
        *,
        count: int | None = None,
        from_id: str | None = None,
        start_date: date | None = None,
        end_date: date | None = None,
    ) -> Rows[Transaction]:
        """One page of an account's rows, newest first.

        Args:
            access_token: of the enrolment.
            account_id: of the account.
            count: rows of a page; None gives all there are.
            from_id: begin behind this row, going back in time; None begins with the newest.
            start_date: no row before it; None is open.
            end_date: no row after it; None is open.

        Raises:
            TellerArgumentError: a count below one, or the start is after the end; nothing was sent.
        """
        if count is not None and count < 1:
            raise TellerArgumentError("count is at least 1")
        if start_date is not None and end_date is not None and start_date > end_date:
            raise TellerArgumentError("the start date is after the end date")
        params = {
            "count": None if count is None else str(count),
            "from_id": from_id,
            "start_date": None if start_date is None else start_date.isoformat(),
            "end_date": None if end_date is None else end_date.isoformat(),
        }
        given = {name: value for name, value in params.items() if value is not None}
        path = f"/accounts/{segment(account_id, 'account id')}/transactions"
        return await self._read_rows(path, access_token, Transaction, given)

    async def iter_transaction_pages(
        self,
        access_token: str | Secret,
        account_id: str,
        *,
        start_date: date | None = None,
        end_date: date | None = None,
        count: int = DEFAULT_PAGE_SIZE,
    ) -> AsyncIterator[Rows[Transaction]]:
        """Yield every page, newest first; a page with fewer rows than `count` is the last.

        Raises:
            TellerNotFoundError: the row that the next page begins behind is gone: read again from the first page.
            TellerResponseError: the pages repeat themselves, or a whole page has no row with an id to go on from.
        """

        async def fetch(from_id: str) -> Rows[Transaction]:
            return await self.list_transactions(
                access_token,
                account_id,
                count=count,
                from_id=from_id or None,
                start_date=start_date,
                end_date=end_date,
            )

        pages = iter_pages(
            fetch, lambda page: None if page.told < count else _last_id(page), first="", loop_error=loop_error
        )
        async for page in pages:
            yield page

    async def get_transaction(self, access_token: str | Secret, account_id: str, transaction_id: str) -> Transaction:
        """One row."""
        path = f"/accounts/{segment(account_id, 'account id')}/transactions/{segment(transaction_id, 'transaction id')}"
        return await self._read(path, access_token, Transaction)

    async def list_identity(self, access_token: str | Secret) -> Rows[AccountIdentity]:
        """The holders of every account: the most private data there is."""
        return await self._read_rows("/identity", access_token, AccountIdentity)

    async def list_institutions(self) -> Rows[Institution]:
        """Every institution that Teller reads; needs no token."""
        return await self._read_rows("/institutions", None, Institution)


def _last_id(page: Rows[Transaction]) -> str:
    """Return the id that the next page begins behind; an unreadable row counts as long as its id can be read."""
    last = page[-1].id if page else ""
    if page.rejected and page.rejected[-1].index == page.told - 1:
        try:
            found = json.decode_object(page.rejected[-1].raw).get("id")
        except json.JsonError:
            found = None
        last = found if isinstance(found, str) and found else last
    if not last:
        raise TellerResponseError("a page has no row with an id to go on from")
    return last
