"""How does the platform connect to banks through Plaid and read from them?"""

import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import cast

from bursar.domain.accounts import ProviderAccountData
from bursar.domain.connections import CredentialDates, ProviderAuthType, ProviderCapability, ProviderCategory
from bursar.domain.evidence import IdTrust
from bursar.domain.holdings import ProviderHoldingData
from bursar.domain.owners import ProviderOwnerData
from bursar.domain.sync import RecordBatch, SyncBatch, SyncCursor
from bursar.domain.time import Clock, to_utc
from bursar.domain.transactions import ProviderTransactionData
from bursar.domain.webhooks import ProviderNotice
from bursar.ports.errors import ProviderNotFoundError, ProviderValidationError
from bursar.ports.links import refuse_other_user
from bursar.ports.provider import (
    ConnectCompletion,
    ConnectRequest,
    ConnectStart,
    Credentials,
    EstablishedConnection,
    ProviderContext,
    ProviderSpec,
)
from bursar.ports.webhooks import WebhookRefusedError
from bursar.providers.plaid import live
from bursar.providers.plaid.changes import (
    HISTORY_DAYS,
    has_investments,
    raise_item_error,
    read_banking,
    read_investments,
)
from bursar.providers.plaid.failures import SLUG, failures
from bursar.providers.plaid.linking import address_of, is_of_another_user
from bursar.providers.plaid.mapping import INVESTMENT_TYPES
from bursar.providers.plaid.notices import to_notice
from bursar.providers.plaid.records import Collector
from bursar.providers.plaid.sdk.client import PlaidClient
from bursar.providers.plaid.sdk.errors import (
    PlaidConnectionError,
    PlaidError,
    PlaidInvalidAccessTokenError,
    PlaidItemGoneError,
    PlaidRateLimitError,
    PlaidServerError,
)
from bursar.providers.plaid.sdk.models.accounts import Account
from bursar.providers.plaid.sdk.models.items import Item
from bursar.providers.plaid.sdk.webhooks import WebhookRejectedError
from bursar.transport.wire import AsyncWire

_log = logging.getLogger("bursar.plaid")


class PlaidAdapter:
    """Plaid behind the platform's port; holds no state of any user.

    Args:
        client: the SDK's client, closed with the adapter.
        clock: says what day it is, for windows without an end.
    """

    def __init__(self, client: PlaidClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._failures = failures(clock)

    async def begin(self, request: ConnectRequest) -> ConnectStart:
        """Create a Link token; with `renew`, one for update mode, after which nothing has to be exchanged.

        With `selects_accounts` the user may then add and take away accounts; the next reading finds them.

        `options` may carry `products`, `optional_products`, `country_codes` (comma separated), `language` and
        `client_name`.
        """
        options = request.options
        renewing = request.renew is not None
        with self._failures.translated():
            if request.renew is not None and request.webhook_url is not None:
                # Update mode leaves the address of an item as it is: one that was made without gets it here.
                await self._client.update_item_webhook(request.renew.require("access_token"), request.webhook_url)
            link = await self._client.create_link_token(
                user_id=request.user_reference,
                client_name=options.get("client_name", "Bursar"),
                products=_words(options.get("products", "transactions")),
                optional_products=None if renewing else _words(options.get("optional_products", "investments")),
                country_codes=_words(options.get("country_codes", "US")),
                language=options.get("language", "en"),
                access_token=request.renew.require("access_token") if request.renew is not None else None,
                webhook=request.webhook_url if renewing else address_of(request),
                redirect_uri=request.redirect_uri,
                days_requested=HISTORY_DAYS,
                account_selection=request.selects_accounts,
            )
        return ConnectStart(
            link_token=link.link_token.reveal(),
            authorization_url=link.hosted_link_url,
            expires_at=to_utc(link.expiration),
            needs=() if renewing else ("public_token",),
        )

    async def complete(self, completion: ConnectCompletion) -> EstablishedConnection:
        """Exchange the public token, once; after update mode, prove that the old access token works again.

        What was linked for another user is removed at Plaid: nobody else has its access token.
        """
        if completion.renew is not None:
            with self._failures.translated():
                answer = await self._client.get_item(completion.renew.require("access_token"))
                raise_item_error(answer.item)
            return _established(completion.renew.require("access_token"), answer.item.item_id, answer.item, self)
        public_token = completion.values.get("public_token", "")
        if not public_token:
            raise ProviderValidationError(
                "The public token is missing.", code="missing_value", field="public_token", provider=SLUG
            )
        with self._failures.translated():
            exchanged = await self._client.exchange_public_token(public_token)
            access_token = exchanged.access_token.reveal()
            try:
                item = (await self._client.get_item(access_token)).item
            except (PlaidConnectionError, PlaidServerError, PlaidRateLimitError):
                # The exchange proved the token, and it is the only copy: an outage now must not lose it.
                item = None
            if is_of_another_user(item, completion.user_reference):
                await self._discard(access_token)
                raise refuse_other_user(SLUG)
        return _established(access_token, exchanged.item_id, item, self)

    async def sync(self, credentials: Credentials, cursor: SyncCursor | None) -> AsyncIterator[SyncBatch]:
        """Yield accounts, balances and everything that changed in them since the cursor; then the investments.

        Each batch is whole with its cursor: an update of Plaid's is worth nothing without its last page. While Plaid
        has not read the bank yet, and when a row could not be read, a batch has no cursor, so the next run reads the
        same again.
        """
        token = credentials.require("access_token")
        with self._failures.translated():
            listed = await self._client.get_accounts(token)
            raise_item_error(listed.item)
            batch = await read_banking(self._client, token, listed, cursor or {}, self._today())
        yield batch
        reached = cursor or {} if batch.cursor is None else batch.cursor
        if has_investments(listed):
            with self._failures.translated():
                movements = await read_investments(self._client, token, listed, reached, self._today())
            if movements is not None:
                yield movements

    async def fetch_accounts(self, credentials: Credentials) -> RecordBatch[ProviderAccountData]:
        """Every account with the balance that Plaid last read; no charge, and no question to the bank."""
        with self._failures.translated():
            answer = await self._client.get_accounts(credentials.require("access_token"))
            raise_item_error(answer.item)
        collector = Collector()
        collector.unread(answer.rejected)
        records = collector.accounts(answer.accounts)
        return RecordBatch(
            records, rejected=collector.rejected, complete=not collector.rejected, warnings=collector.warnings
        )

    async def fetch_live_balances(
        self, credentials: Credentials, provider_account_ids: Sequence[str] | None = None
    ) -> RecordBatch[ProviderAccountData]:
        """The accounts with what the bank says now: billed for each call, up to a minute, never sent twice by itself.

        A free call comes first, so that an unknown account costs nothing.
        """
        token = credentials.require("access_token")
        with self._failures.translated():
            listed = await self._client.get_accounts(token)
            raise_item_error(listed.item)
            chosen = live.choose(listed.accounts, provider_account_ids)
            if chosen is None:
                raise ProviderNotFoundError("Plaid does not know this account.", provider=SLUG)
            answer = await self._client.get_live_balances(
                token,
                account_ids=None if provider_account_ids is None else [one.account_id for one in chosen],
                min_last_updated_at=live.oldest_acceptable(listed.item, chosen, self._clock.now()),
            )
            raise_item_error(answer.item)
        collector = Collector()
        collector.unread(answer.rejected)
        records = collector.accounts(answer.accounts)
        return RecordBatch(
            records, rejected=collector.rejected, complete=not collector.rejected, warnings=collector.warnings
        )

    async def fetch_transactions(
        self, credentials: Credentials, provider_account_id: str, start_date: date | None, end_date: date | None
    ) -> RecordBatch[ProviderTransactionData]:
        """An account's transactions between two dates, both inclusive; an open start is two years back."""
        # The bank's calendar can be a day ahead of UTC.
        end = end_date or self._today() + timedelta(days=1)
        start = start_date or min(end, self._today()) - timedelta(days=HISTORY_DAYS)
        if start > end:
            raise ProviderValidationError("The start date is after the end date.", field="start_date", provider=SLUG)
        token = credentials.require("access_token")
        collector = Collector()
        with self._failures.translated():
            account = await self._account(token, provider_account_id)
            only = [provider_account_id]
            if account.type in INVESTMENT_TYPES:
                movements = await self._client.get_investment_transactions(token, start, end, account_ids=only)
                records = collector.investment_transactions(movements)
            else:
                listing = await self._client.get_transactions(token, start, end, account_ids=only)
                collector.unread(row for row in listing.rejected if row.member == "transactions")
                records = collector.transactions(listing.transactions, "transactions")
        return RecordBatch(
            [record for record in records if start <= record.transaction_date <= end],
            rejected=collector.rejected,
            complete=not collector.rejected,
            warnings=collector.warnings,
        )

    async def fetch_holdings(
        self, credentials: Credentials, provider_account_id: str
    ) -> RecordBatch[ProviderHoldingData]:
        """An account's positions; none for an account that is not an investment account."""
        token = credentials.require("access_token")
        collector = Collector()
        with self._failures.translated():
            account = await self._account(token, provider_account_id)
            if account.type not in INVESTMENT_TYPES:
                return RecordBatch()
            answer = await self._client.get_holdings(token, account_ids=[provider_account_id])
        records, closed = collector.holdings(answer)
        return RecordBatch(
            [record for record in records if record.provider_account_id == provider_account_id],
            rejected=collector.rejected,
            closed=closed,
            complete=not collector.rejected,
            warnings=collector.warnings,
        )

    async def validate(self, credentials: Credentials) -> None:
        """One cheap call; raises also when Plaid accepts the token and the bank does not accept the login."""
        with self._failures.translated():
            raise_item_error((await self._client.get_item(credentials.require("access_token"))).item)

    async def revoke(self, credentials: Credentials) -> None:
        """Remove the item at Plaid; returns also when it is gone already."""
        with self._failures.translated():
            try:
                await self._client.remove_item(credentials.require("access_token"))
            except (PlaidInvalidAccessTokenError, PlaidItemGoneError):
                return

    async def fetch_owners(
        self, credentials: Credentials, provider_account_id: str | None = None
    ) -> RecordBatch[ProviderOwnerData]:
        """The owners as the bank has them on file; billed once for each item."""
        token = credentials.require("access_token")
        only = None if provider_account_id is None else [provider_account_id]
        collector = Collector()
        with self._failures.translated():
            answer = await self._client.get_identity(token, account_ids=only)
            raise_item_error(answer.item)
        owners = collector.owners(answer)
        if only is not None:
            known = {account.account_id for account in answer.accounts}
            if provider_account_id not in known and not collector.rejected:
                raise ProviderNotFoundError("Plaid does not know this account.", provider=SLUG)
            owners = [owner for owner in owners if owner.provider_account_id == provider_account_id]
        return RecordBatch(owners, rejected=collector.rejected, complete=not collector.rejected)

    async def read_webhook(self, headers: Mapping[str, str], body: bytes) -> Sequence[ProviderNotice]:
        """The one notice of a webhook that Plaid signed within the last five minutes."""
        with self._failures.translated():
            try:
                signed = await self._client.read_webhook(headers, body)
            except WebhookRejectedError as error:
                raise WebhookRefusedError(f"Plaid did not send this: {error.reason}.", provider=SLUG) from None
        return (to_notice(signed),)

    async def aclose(self) -> None:
        """Close the client's connections."""
        await self._client.aclose()

    @property
    def environment(self) -> str:
        """`sandbox` or `production`: tokens of one do not work in the other."""
        return self._client.environment

    async def _discard(self, access_token: str) -> None:
        try:
            await self._client.remove_item(access_token)
        except PlaidError as error:
            # The refusal stands all the same; what is left is an item at Plaid that nobody can read any more.
            _log.warning("an item of a refused link could not be removed at Plaid: %s", type(error).__name__)

    async def _account(self, token: str, account_id: str) -> Account:
        listed = await self._client.get_accounts(token, account_ids=[account_id])
        raise_item_error(listed.item)
        for account in listed.accounts:
            if account.account_id == account_id:
                return account
        raise ProviderNotFoundError("Plaid does not know this account.", provider=SLUG)

    def _today(self) -> date:
        return self._clock.now().date()


def _established(access_token: str, item_id: str, item: Item | None, adapter: PlaidAdapter) -> EstablishedConnection:
    values = {"access_token": access_token, "item_id": item_id}
    if item is not None and item.institution_id:
        values["institution_id"] = item.institution_id
    ends_at = item.consent_expiration_time if item is not None else None
    return EstablishedConnection(
        credentials=Credentials(values),
        external_login_id=item_id,
        institution_id=item.institution_id if item is not None else None,
        institution_name=item.institution_name if item is not None else None,
        # The access token itself never expires; the consent behind it may (in Europe), and only the user renews it.
        dates=CredentialDates(refresh_expires_at=to_utc(ends_at) if ends_at is not None else None),
        scopes=tuple(item.products or item.billed_products) if item is not None else (),
        environment=adapter.environment,
    )


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def make_adapter(context: ProviderContext) -> PlaidAdapter:
    """Build the adapter from this provider's settings."""
    settings = context.settings
    client = PlaidClient(
        settings.get("plaid_client_id", ""),
        settings.get("plaid_secret", ""),
        environment=settings.get("plaid_environment") or settings.get("plaid_env") or "sandbox",
        base_url=settings.get("plaid_base_url") or None,
        http_client=cast("AsyncWire | None", context.http_client),
        timing=replace(context.timing, now=context.clock.now),
    )
    return PlaidAdapter(client, context.clock)


PROVIDER = ProviderSpec(
    slug=SLUG,
    display_name="Plaid",
    category=ProviderCategory.AGGREGATOR,
    auth_type=ProviderAuthType.LINK_TOKEN,
    capabilities=frozenset(
        {
            ProviderCapability.ACCOUNTS,
            ProviderCapability.TRANSACTIONS,
            ProviderCapability.HOLDINGS,
            ProviderCapability.PENDING_TRANSACTIONS,
            ProviderCapability.INCREMENTAL_SYNC,
            ProviderCapability.MULTIPLE_ACCOUNTS,
            ProviderCapability.IDENTITY,
            ProviderCapability.LIVE_BALANCES,
            ProviderCapability.ACCOUNT_SELECTION,
            ProviderCapability.WEBHOOKS,
        }
    ),
    factory=make_adapter,
    required_settings=("plaid_client_id", "plaid_secret"),
    optional_settings=("plaid_environment", "plaid_env", "plaid_base_url"),
    id_trust=IdTrust.STABLE,
    history_days=HISTORY_DAYS,
    description="Banks, cards, loans and brokers in the United States, Canada and Europe, through Plaid.",
    website_url="https://plaid.com",
    documentation_url="https://plaid.com/docs/",
)
