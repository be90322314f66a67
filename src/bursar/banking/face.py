"""What does a program hold that reads banks? One object, with awaitable methods and blocking ones."""

import secrets
import weakref
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import date
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

from bursar.banking.connecting import finish_link, start_link
from bursar.banking.engine import Engine
from bursar.banking.exceptions import (
    InvalidInputError,
    ProviderNotConfiguredError,
    UnsupportedError,
    to_banking_error,
    translated,
)
from bursar.banking.filters import TransactionFilters, TransactionQuery
from bursar.banking.link_sessions import LinkSessions
from bursar.banking.reading import KnownLogin, Reader
from bursar.banking.tokens import to_credentials
from bursar.domain.connections import ProviderCapability
from bursar.domain.sync import RecordBatch
from bursar.domain.time import Clock, SystemClock
from bursar.domain.webhooks import ProviderNotice
from bursar.models.accounts import BankAccount
from bursar.models.balances import Balance
from bursar.models.identity import Identity
from bursar.models.links import LinkedItem, LinkStart
from bursar.models.transactions import Transaction
from bursar.ports.errors import ProviderError
from bursar.ports.provider import ProviderAdapter, ProviderSpec
from bursar.ports.webhooks import WebhookAdapter

T = TypeVar("T")
_Do = Callable[[ProviderAdapter], Coroutine[Any, Any, T]]


class Banking:
    """Any bank through one provider; made by `easy_banking`.

    `accounts`, `transactions`, `balances` and `identity` block, for scripts and workers. `get_accounts` and the others
    are awaited, from any event loop. Both faces do the same, through one pool of connections. A blocking method inside
    a running loop raises `SyncCallInLoopError`, which names its twin.

    What is read comes as a list that also says what could not be read (`rejected`) and whether it is all there is
    (`complete`). Every failure is a `BankingProviderError`. Nothing is cached and no token is kept.

    ```python
    with easy_banking() as banking:
        for account in banking.accounts(access_token):
            print(f"{account.name}: {account.balance} {account.currency}")
    ```
    """

    def __init__(
        self,
        spec: ProviderSpec,
        make_adapter: Callable[[], ProviderAdapter],
        *,
        link_options: Mapping[str, str] | None = None,
        missing_to_link: Sequence[str] = (),
        link_key: bytes | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._spec = spec
        self._clock = clock or SystemClock()
        self._link_options = dict(link_options or {})
        self._missing_to_link = tuple(missing_to_link)
        self._reader = Reader(spec)
        # Without a key that other processes have, too, a link ends in the process where it was begun.
        self._links = LinkSessions(link_key or secrets.token_bytes(32), spec.slug, self._clock)
        self._engine = Engine(make_adapter)
        # Who forgets to close leaves no thread behind.
        self._finalizer = weakref.finalize(self, self._engine.close)

    @property
    def provider(self) -> str:
        """The provider's name, such as `easy_banking(provider=...)` takes it."""
        return self._spec.slug

    @property
    def capabilities(self) -> frozenset[ProviderCapability]:
        """What the provider offers; a method that needs another one raises `UnsupportedError`."""
        return self._spec.capabilities

    # ---- awaited

    async def get_accounts(self, access_token: str) -> RecordBatch[BankAccount]:
        """Return every account that the token opens, with the balance that the provider last read."""
        credentials = to_credentials(access_token)
        return await self._call(lambda adapter: self._reader.accounts(adapter, credentials))

    async def get_transactions(
        self,
        access_token: str,
        start_date: str | date | None = None,
        end_date: str | date | None = None,
        **filters: Unpack[TransactionFilters],
    ) -> RecordBatch[Transaction]:
        """Return the transactions of the days from start to end, both inclusive, the newest first; every page is read.

        Args:
            access_token: of one login.
            start_date: `YYYY-MM-DD` or a date; 30 days before the end (or before today) when it is left out.
            end_date: as `start_date`; open when it is left out.
            filters: see `TransactionFilters`; all must hold.

        Raises:
            InvalidInputError: dates or filters that make no sense; nothing has been sent.
        """
        query = self.query_of(start_date, end_date, **filters)
        rows = await self.read_transactions(access_token, query)
        return _with(query.cut(query.choose(rows)), rows)

    async def get_balances(
        self, access_token: str, account_ids: Sequence[str] | None = None, *, live: bool = False
    ) -> RecordBatch[Balance]:
        """Return the balances of every account, or of those that are named, as the provider last read them.

        Args:
            access_token: of one login.
            account_ids: None for all.
            live: ask the bank itself, which takes up to minutes, counts against limits and at some providers (Plaid,
                Finicity) costs money each time. `as_of` says how old an answer is; a balance that the bank could not be
                asked for is the last one, with a warning `balance_not_live`.

        Raises:
            NotFoundError: the token opens no account of one of the ids.
            UnsupportedError: `live` at a provider without the capability `live_balances`.
        """
        credentials = to_credentials(access_token)
        return await self._call(lambda adapter: self._reader.balances(adapter, credentials, account_ids, live=live))

    async def get_identity(self, access_token: str) -> Identity:
        """Return the owners of the accounts: private data, which is neither kept nor logged here."""
        credentials = to_credentials(access_token)
        return await self._call(lambda adapter: self._reader.identity(adapter, credentials))

    async def create_link_token(
        self,
        user_id: str,
        access_token: str | None = None,
        *,
        item_id: str | None = None,
        account_selection: bool = False,
        institution_id: str | None = None,
        redirect_uri: str | None = None,
        webhook_url: str | None = None,
        options: Mapping[str, str] | None = None,
    ) -> LinkStart:
        """Begin to link a bank; with `access_token`, let the user sign in again at a bank that asks for it.

        Args:
            user_id: an opaque id of the user at your side, never an e-mail address.
            access_token: of the login that is renewed; the same token works afterwards and nothing is exchanged.
            item_id: of the login that is renewed, as `LinkedItem` has it. Only Teller may need it, where this object
                has not read the login while it worked; the error then says so.
            account_selection: with `access_token`, let the user add accounts of the login and take others away, at a
                provider with the capability `account_selection`; the next `get_accounts` has them.
            institution_id: the bank, where the user has chosen it already.
            redirect_uri: where a bank that signs in on its own page sends the user back to.
            webhook_url: where the provider tells of changes.
            options: what only this provider knows, such as `products` or `language`.
        """
        if self._missing_to_link:
            raise ProviderNotConfiguredError(
                f"To link a bank, set {' and '.join(self._missing_to_link)}.", provider=self.provider
            )
        renew = None if access_token is None else to_credentials(access_token)
        if account_selection and renew is None:
            raise InvalidInputError(
                "account_selection is of a login that is renewed: hand over its access_token.",
                field="account_selection",
            )
        if account_selection and ProviderCapability.ACCOUNT_SELECTION not in self.capabilities:
            raise UnsupportedError(
                f"{self._spec.display_name} does not let users choose accounts anew: leave account_selection out, or "
                "link the bank again.",
                provider=self.provider,
            )
        known = None if renew is None else item_id or self._reader.recall(renew).external_id
        return await self._call(
            lambda adapter: start_link(
                adapter,
                self.provider,
                user_id=user_id,
                renew=renew,
                sessions=self._links,
                item_id=known,
                selects_accounts=account_selection,
                institution_id=institution_id,
                redirect_uri=redirect_uri,
                webhook_url=webhook_url,
                options={**self._link_options, **(options or {})},
            ),
            linking=access_token is None,
        )

    async def exchange_public_token(
        self,
        /,
        public_token: str | None = None,
        *,
        user_id: str = "",
        link_session: str | None = None,
        redirect_uri: str | None = None,
        **values: str,
    ) -> LinkedItem:
        """Turn what came back from the user into an access token: once, and it is the only copy.

        Args:
            public_token: what the provider's script gave, where it gives one.
            user_id: the one that the link was started with: take it from whoever is signed in, not from what comes
                back. What was begun for another user is refused, at Plaid only where webhooks were asked for.
            link_session: as `LinkStart` had it: then the link was begun here, for this user, within half an hour, and
                lets each login in once. The routes of `add_banking` demand it.
            redirect_uri: the one that the link was started with, if it was.
            values: everything else that `LinkStart.needs` names.

        Raises:
            LinkRefusedError: it was begun for another user, or is used, or too old: begin a new link.
        """
        session = None if link_session is None else self._links.check(link_session, user_id)
        given = {**({} if public_token is None else {"public_token": public_token}), **values}
        item = await self._call(
            lambda adapter: finish_link(adapter, self.provider, given, user_id=user_id, redirect_uri=redirect_uri),
            linking=True,
        )
        if session is not None:
            self._links.end(session, item.item_id)
        if item.item_id and item.institution_id and item.institution_name:
            login = KnownLogin(item.item_id, item.institution_id, item.institution_name)
            self._reader.remember(to_credentials(item.access_token), login)
        return item

    async def remove_item(self, access_token: str) -> None:
        """Withdraw the access at the provider; returns also when it is gone already."""
        credentials = to_credentials(access_token)
        await self._call(lambda adapter: adapter.revoke(credentials))

    async def read_webhook(self, headers: Mapping[str, str], body: bytes) -> list[ProviderNotice]:
        """Prove the sender of a webhook and return what it tells; `body` is the raw bytes.

        Raises:
            TypeError: the body is not bytes: a parsed body cannot be verified.
            WebhookRefusedError: forged, altered or too old: answer 401.
        """
        if not isinstance(body, bytes):  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
            raise TypeError("verify the raw body bytes (`await request.body()`): a parsed body cannot be verified")

        async def read(adapter: ProviderAdapter) -> list[ProviderNotice]:
            if ProviderCapability.WEBHOOKS not in self.capabilities or not isinstance(adapter, WebhookAdapter):
                raise UnsupportedError(f"{self._spec.display_name} sends no webhooks.", provider=self.provider)
            return list(await adapter.read_webhook(headers, body))

        return await self._call(read)

    # ---- blocking

    def accounts(self, access_token: str) -> RecordBatch[BankAccount]:
        """As `get_accounts`, blocking."""
        credentials = to_credentials(access_token)
        return self._run(lambda adapter: self._reader.accounts(adapter, credentials), twin="get_accounts")

    def transactions(
        self,
        access_token: str,
        start_date: str | date | None = None,
        end_date: str | date | None = None,
        **filters: Unpack[TransactionFilters],
    ) -> RecordBatch[Transaction]:
        """As `get_transactions`, blocking."""
        query = self.query_of(start_date, end_date, **filters)
        credentials = to_credentials(access_token)
        rows = self._run(
            lambda adapter: self._reader.transactions(adapter, credentials, query), twin="get_transactions"
        )
        return _with(query.cut(query.choose(rows)), rows)

    def balances(
        self, access_token: str, account_ids: Sequence[str] | None = None, *, live: bool = False
    ) -> RecordBatch[Balance]:
        """As `get_balances`, blocking."""
        credentials = to_credentials(access_token)
        return self._run(
            lambda adapter: self._reader.balances(adapter, credentials, account_ids, live=live), twin="get_balances"
        )

    def identity(self, access_token: str) -> Identity:
        """As `get_identity`, blocking."""
        credentials = to_credentials(access_token)
        return self._run(lambda adapter: self._reader.identity(adapter, credentials), twin="get_identity")

    # ---- for those who filter and cut themselves

    def query_of(
        self,
        start_date: str | date | None = None,
        end_date: str | date | None = None,
        **filters: Unpack[TransactionFilters],
    ) -> TransactionQuery:
        """Check dates and filters; what `read_transactions` wants."""
        return TransactionQuery.of(start_date, end_date, filters, today=self._clock.now().date())

    async def read_transactions(self, access_token: str, query: TransactionQuery) -> RecordBatch[Transaction]:
        """Return the rows of the query's days and account, in no order and otherwise unfiltered."""
        credentials = to_credentials(access_token)
        return await self._call(lambda adapter: self._reader.transactions(adapter, credentials, query))

    # ---- life

    def close(self) -> None:
        """Close the connections and end the thread; a later call opens them anew."""
        self._engine.close()

    async def aclose(self) -> None:
        """As `close`, without blocking the loop."""
        await self._engine.aclose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"Banking(provider={self.provider!r})"

    async def _call(self, do: _Do[T], *, linking: bool = False) -> T:
        with translated(self.provider, linking=linking):
            return await self._engine.call(do)

    def _run(self, do: _Do[T], *, twin: str) -> T:
        with translated(self.provider):
            return self._engine.run(do, twin=twin)


def _with(rows: list[Transaction], source: RecordBatch[Transaction]) -> RecordBatch[Transaction]:
    return RecordBatch(rows, rejected=source.rejected, complete=source.complete, warnings=source.warnings)


def make_banking(
    spec: ProviderSpec,
    make_adapter: Callable[[], ProviderAdapter],
    *,
    link_options: Mapping[str, str],
    missing_to_link: Sequence[str],
    link_key: bytes | None,
    clock: Clock,
) -> Banking:
    """Return the object; what the adapter says against its settings is told as the interface tells errors."""
    try:
        return Banking(
            spec,
            make_adapter,
            link_options=link_options,
            missing_to_link=missing_to_link,
            link_key=link_key,
            clock=clock,
        )
    except ProviderError as error:
        raise to_banking_error(error, spec.slug) from error
