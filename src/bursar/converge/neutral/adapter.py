"""How does the platform connect to banks through the neutral provider and read from them?"""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import date
from typing import cast

from bursar.converge.neutral.client import NeutralClient
from bursar.converge.neutral.failures import translated
from bursar.converge.neutral.readings import Access, Reading, is_brokerage
from bursar.converge.neutral.records import Collector
from bursar.domain.accounts import ProviderAccountData
from bursar.domain.connections import CredentialDates
from bursar.domain.holdings import ProviderHoldingData
from bursar.domain.sync import RecordBatch, SyncBatch, SyncCursor
from bursar.domain.time import Clock, to_utc
from bursar.domain.transactions import ProviderTransactionData
from bursar.ports.errors import ProviderNotFoundError, ProviderValidationError
from bursar.ports.provider import (
    ConnectCompletion,
    ConnectRequest,
    ConnectStart,
    Credentials,
    EstablishedConnection,
    ProviderContext,
)
from bursar.transport.errors import TransportError
from bursar.transport.wire import AsyncWire

_NO_ADDRESS = "https://neutral.invalid"
_ENDED = frozenset({"token_unknown", "consent_expired", "consent_withdrawn"})


class NeutralAdapter:
    """The neutral provider behind the platform's port, in one style of reading; holds no state of any user.

    Args:
        slug: of the provider.
        client: closed with the adapter.
        reading: the style.
        clock: says what day it is.
    """

    def __init__(self, slug: str, client: NeutralClient, reading: Reading, clock: Clock) -> None:
        self._slug = slug
        self._client = client
        self._reading = reading
        self._clock = clock

    async def begin(self, request: ConnectRequest) -> ConnectStart:
        """Start a consent; a renewal is a new consent for the same login."""
        with translated(self._slug, self._clock):
            link = await self._client.start_consent(request.user_reference)
        return ConnectStart(
            link_token=link.link_token,
            expires_at=None if link.expires_at is None else to_utc(link.expires_at),
            needs=("code",),
        )

    async def complete(self, completion: ConnectCompletion) -> EstablishedConnection:
        """Exchange the code, once; the answer says whose login it is, which proves it."""
        code = completion.values.get("code", "")
        if not code:
            raise ProviderValidationError(
                "The code is missing.", code="missing_value", field="code", provider=self._slug
            )
        with translated(self._slug, self._clock):
            login = await self._client.exchange(code)
        return EstablishedConnection(
            credentials=Credentials(
                {"access_token": login.access_token, "login_id": login.login_id, "consent_id": login.consent_id}
            ),
            external_login_id=login.login_id,
            institution_id=login.bank.key,
            institution_name=login.bank.name,
            dates=CredentialDates(refresh_expires_at=to_utc(login.expires_at) if login.expires_at else None),
        )

    async def sync(self, credentials: Credentials, cursor: SyncCursor | None) -> AsyncIterator[SyncBatch]:
        """Yield what changed since the cursor, in the provider's style of reading."""
        access = self._access(credentials)
        batches = self._reading.sync(access, cursor or {}, self._today())
        while True:
            # Only the reading is translated: what the consumer of a batch raises is not the provider's.
            with translated(self._slug, self._clock):
                batch = await anext(batches, None)
            if batch is None:
                return
            yield batch

    async def fetch_accounts(self, credentials: Credentials) -> RecordBatch[ProviderAccountData]:
        """Every account with its balance."""
        collector = Collector()
        with translated(self._slug, self._clock):
            answer = await self._client.get_accounts(credentials.require("access_token"))
        records = collector.accounts(answer)
        return RecordBatch(
            records, rejected=collector.rejected, complete=not collector.rejected, warnings=collector.warnings
        )

    async def fetch_transactions(
        self, credentials: Credentials, provider_account_id: str, start_date: date | None, end_date: date | None
    ) -> RecordBatch[ProviderTransactionData]:
        """An account's transactions between two dates, both inclusive; an open start is all there is."""
        if start_date is not None and end_date is not None and start_date > end_date:
            raise ProviderValidationError(
                "The start date is after the end date.", field="start_date", provider=self._slug
            )
        access = self._access(credentials)
        account = await self._account(credentials, provider_account_id)
        collector = Collector()
        with translated(self._slug, self._clock):
            records = await self._reading.fetch(access, account, start_date, end_date, collector)
        return RecordBatch(
            records, rejected=collector.rejected, complete=not collector.rejected, warnings=collector.warnings
        )

    async def fetch_holdings(
        self, credentials: Credentials, provider_account_id: str
    ) -> RecordBatch[ProviderHoldingData]:
        """An account's positions; none for an account that is not a brokerage account."""
        token = credentials.require("access_token")
        account = await self._account(credentials, provider_account_id)
        if not is_brokerage(account):
            return RecordBatch()
        collector = Collector()
        with translated(self._slug, self._clock):
            answer = await self._client.get_holdings(token, provider_account_id)
        records, closed = collector.holdings(answer.rows, provider_account_id)
        return RecordBatch(
            records,
            rejected=collector.rejected,
            closed=closed,
            complete=answer.envelope.complete and not collector.rejected,
            warnings=collector.warnings,
        )

    async def validate(self, credentials: Credentials) -> None:
        """One cheap call."""
        with translated(self._slug, self._clock):
            await self._client.get_login(credentials.require("access_token"))

    async def revoke(self, credentials: Credentials) -> None:
        """Give the consent back; returns also when it has ended already."""
        with translated(self._slug, self._clock):
            try:
                await self._client.end_consent(credentials.require("access_token"))
            except TransportError as error:
                if error.code not in _ENDED:
                    raise

    async def aclose(self) -> None:
        """Close the client's connections."""
        await self._client.aclose()

    def __repr__(self) -> str:
        return f"NeutralAdapter({self._slug!r})"

    async def _account(self, credentials: Credentials, account_id: str) -> ProviderAccountData:
        for account in await self.fetch_accounts(credentials):
            if account.provider_account_id == account_id:
                return account
        raise ProviderNotFoundError("The provider does not know this account.", provider=self._slug)

    def _today(self) -> date:
        return self._clock.now().date()

    @staticmethod
    def _access(credentials: Credentials) -> Access:
        return Access(credentials.require("access_token"), credentials.get("consent_id", ""))


def make_adapter(slug: str, style: Callable[[NeutralClient], Reading], context: ProviderContext) -> NeutralAdapter:
    """Build the adapter from the settings `<slug>_secret` and `<slug>_base_url`; `style` is called with the client."""
    settings = context.settings
    client = NeutralClient(
        settings.get(f"{slug}_base_url") or _NO_ADDRESS,
        settings.get(f"{slug}_secret", ""),
        name=slug,
        http_client=cast("AsyncWire | None", context.http_client),
        timing=replace(context.timing, now=context.clock.now),
    )
    return NeutralAdapter(slug, client, style(client), context.clock)
