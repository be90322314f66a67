"""How does the platform connect to institutions through Finicity and read from them?"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date
from typing import cast
from zoneinfo import ZoneInfo

from bursar.domain.accounts import ProviderAccountData
from bursar.domain.connections import ProviderAuthType, ProviderCapability, ProviderCategory
from bursar.domain.evidence import IdTrust
from bursar.domain.holdings import ProviderHoldingData
from bursar.domain.owners import ProviderOwnerData
from bursar.domain.sync import DataWarning, RecordBatch, RejectedRecord, SyncBatch, SyncCursor
from bursar.domain.time import Clock
from bursar.domain.transactions import ProviderTransactionData
from bursar.domain.webhooks import ProviderNotice
from bursar.ports.errors import (
    ProviderNotConfiguredError,
    ProviderNotFoundError,
    ProviderUnsupportedError,
    ProviderValidationError,
)
from bursar.ports.fanout import ask_each
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
from bursar.providers.finicity.failures import SLUG, connection_removed, failures
from bursar.providers.finicity.linking import LINK_LIFE, LOGIN, choose_login, make_link_token, read_link_token
from bursar.providers.finicity.live import read_live
from bursar.providers.finicity.notices import to_notices
from bursar.providers.finicity.owners import read_owners
from bursar.providers.finicity.reading import HISTORY_DAYS, LoginKey, LoginReader
from bursar.providers.finicity.sdk.client import FinicityClient
from bursar.providers.finicity.sdk.errors import (
    FinicityConfigError,
    FinicityConflictError,
    FinicityError,
    FinicityNotFoundError,
    FinicityUnsupportedError,
)
from bursar.providers.finicity.sdk.models.customers import Institution
from bursar.providers.finicity.sdk.session import DEFAULT_BASE_URL
from bursar.providers.finicity.sdk.webhooks import WebhookRejectedError
from bursar.providers.finicity.zones import DEFAULT_ZONE, find_zone, zone_of
from bursar.transport.wire import AsyncWire

CUSTOMER = "customer_id"


class FinicityAdapter:
    """Finicity behind the platform's port; holds no state of any user.

    Each connection has a customer of its own at Finicity, so that to leave is to delete the customer.

    Args:
        client: the SDK's client, closed with the adapter.
        clock: says what day it is.
        zone: the calendar of institutions that do not say where they are.
    """

    def __init__(self, client: FinicityClient, clock: Clock, zone: ZoneInfo) -> None:
        self._client = client
        self._clock = clock
        self._zone = zone
        self._failures = failures(clock)

    async def begin(self, request: ConnectRequest) -> ConnectStart:
        """Make a customer and a page of Connect; with `renew`, a page that repairs the login of the connection.

        `options` may carry `experience` and `language`.
        """
        options = request.options
        if request.renew is not None:
            customer_id, login_id = request.renew.require(CUSTOMER), request.renew.require(LOGIN)
            with self._failures.translated():
                link = await self._client.generate_fix_link(
                    customer_id,
                    login_id,
                    redirect_uri=request.redirect_uri,
                    webhook=request.webhook_url,
                    webhook_data=None if request.webhook_url is None else {"institutionLoginId": login_id},
                    language=options.get("language"),
                )
            return ConnectStart(authorization_url=link.link.reveal())
        with self._failures.translated():
            customer_id = await self._make_customer(f"bursar-{request.connection_id}")
            link = await self._client.generate_link(
                customer_id,
                redirect_uri=request.redirect_uri,
                webhook=request.webhook_url,
                experience=options.get("experience"),
                language=options.get("language"),
            )
        now = self._clock.now()
        return ConnectStart(
            link_token=make_link_token(self._client, customer_id, request.user_reference, now),
            authorization_url=link.link.reveal(),
            expires_at=now + LINK_LIFE,
            needs=("link_token",),
        )

    async def complete(self, completion: ConnectCompletion) -> EstablishedConnection:
        """Find the login that came of the user's visit to Connect, and prove it by reading its accounts.

        Who connected several institutions in one visit says which by `institution_login_id`, once for each.
        """
        if completion.renew is not None:
            key = _key_of(completion.renew)
            reader = self._reader(key)
            with self._failures.translated():
                await reader.read_accounts()
            listed = (reader.listed(account_id).institution_id for account_id in reader.accounts)
            institution_id = completion.renew.get("institution_id") or next(listed, None)
            return self._established(key, institution_id, await self._find_institution(institution_id))
        token = completion.values.get("link_token", "")
        if not token.strip():
            raise ProviderValidationError(
                "The link token is missing.", code="missing_value", field="link_token", provider=SLUG
            )
        customer_id = read_link_token(self._client, token, completion.user_reference, self._clock.now())
        with self._failures.translated():
            try:
                answer = await self._client.get_accounts(customer_id)
            except FinicityNotFoundError as error:
                raise connection_removed(error) from error
            login = choose_login(answer.accounts, completion.values.get(LOGIN))
            institution = await self._find_institution(login.institution_id)
        zone_name = None if institution is None else zone_of(institution)
        key = LoginKey(customer_id, login.institution_login_id, zone_name)
        if zone_name is None and institution is not None:
            key = replace(key, zone_name=self._zone.key)
        return self._established(key, login.institution_id, institution)

    async def sync(self, credentials: Credentials, cursor: SyncCursor | None) -> AsyncIterator[SyncBatch]:
        """Yield all that the login holds in one batch: Finicity has no changes since a moment."""
        reader = self._reader(_key_of(credentials))
        with self._failures.translated():
            await reader.read_accounts()
            holdings = await reader.read_all_holdings()
            transactions = await reader.read_transactions()
        yield SyncBatch(
            accounts=list(reader.accounts.values()),
            accounts_complete=reader.are_accounts_complete,
            transactions=transactions,
            listings=reader.listings(transactions),
            holdings=holdings,
            rejected=reader.rejected,
            warnings=reader.warnings,
        )

    async def fetch_accounts(self, credentials: Credentials) -> RecordBatch[ProviderAccountData]:
        """Every account with the balance that Finicity last read; no question to the institution."""
        reader = await self._read_accounts(credentials)
        return RecordBatch(
            reader.accounts.values(),
            rejected=reader.rejected,
            complete=not reader.rejected,
            warnings=reader.warnings,
        )

    async def fetch_live_balances(
        self, credentials: Credentials, provider_account_ids: Sequence[str] | None = None
    ) -> RecordBatch[ProviderAccountData]:
        """The accounts with what their institution says now: a call for each, which may take minutes and is billed."""
        reader = await self._read_accounts(credentials)
        chosen = list(reader.accounts if provider_account_ids is None else dict.fromkeys(provider_account_ids))
        if not set(chosen) <= reader.accounts.keys():
            raise ProviderNotFoundError("Finicity does not know this account.", provider=SLUG)
        with self._failures.translated():
            return await read_live(self._client, _key_of(credentials).customer_id, reader, chosen)

    async def fetch_transactions(
        self, credentials: Credentials, provider_account_id: str, start_date: date | None, end_date: date | None
    ) -> RecordBatch[ProviderTransactionData]:
        """An account's transactions between two dates, both inclusive; an open start is two years back."""
        if start_date is not None and end_date is not None and start_date > end_date:
            raise ProviderValidationError(
                "The start date is after the end date. Exchange them.", field="start_date", provider=SLUG
            )
        reader = await self._read_accounts(credentials, provider_account_id)
        with self._failures.translated():
            records = await reader.read_account_rows(provider_account_id, start_date, end_date)
        return RecordBatch(records, rejected=reader.rejected, complete=not reader.rejected, warnings=reader.warnings)

    async def fetch_holdings(
        self, credentials: Credentials, provider_account_id: str
    ) -> RecordBatch[ProviderHoldingData]:
        """An account's positions; none for an account that has none."""
        reader = await self._read_accounts(credentials, provider_account_id)
        with self._failures.translated():
            await reader.read_holdings(provider_account_id)
        holdings = reader.holdings.get(provider_account_id)
        if holdings is None:
            return RecordBatch(complete=not reader.rejected, rejected=reader.rejected)
        return RecordBatch(
            holdings.held,
            rejected=reader.rejected,
            closed=holdings.closed,
            complete=holdings.is_complete,
            warnings=reader.warnings,
        )

    async def fetch_owners(
        self, credentials: Credentials, provider_account_id: str | None = None
    ) -> RecordBatch[ProviderOwnerData]:
        """The owners of one account, or of all; a premium product of Finicity's, asked for one account at a time."""
        key = _key_of(credentials)
        reader = await self._read_accounts(credentials, provider_account_id)
        chosen = list(reader.accounts) if provider_account_id is None else [provider_account_id]
        rejected: list[RejectedRecord] = list(reader.rejected)
        warnings: list[DataWarning] = []

        async def read(account_id: str) -> list[ProviderOwnerData]:
            try:
                return await read_owners(self._client, key.customer_id, account_id, rejected)
            except FinicityUnsupportedError:
                if provider_account_id is not None:
                    raise
                warnings.append(
                    DataWarning(
                        code="owners_unsupported",
                        message="Finicity does not tell the owners of this type of account.",
                        provider_id=account_id,
                    )
                )
                return []

        with self._failures.translated():
            found = await ask_each(chosen, read)
        if chosen and len(warnings) == len(chosen):
            raise ProviderUnsupportedError("Finicity does not tell the owners of these accounts.", provider=SLUG)
        return RecordBatch(
            (owner for owners in found for owner in owners),
            rejected=rejected,
            complete=not rejected,
            warnings=warnings,
        )

    async def read_webhook(self, headers: Mapping[str, str], body: bytes) -> Sequence[ProviderNotice]:
        """Prove an event of Connect and return what it tells; its signature covers no time."""
        try:
            return to_notices(self._client.read_connect_event(headers, body))
        except WebhookRejectedError:
            raise WebhookRefusedError("The sender of this webhook is not proven.", provider=SLUG) from None

    async def validate(self, credentials: Credentials) -> None:
        """One cheap call; raises also when the institution no longer accepts the login."""
        await self._read_accounts(credentials)

    async def revoke(self, credentials: Credentials) -> None:
        """Delete the login at Finicity, and its customer when nothing else is left; returns also when both are gone."""
        customer_id, login_id = credentials.require(CUSTOMER), credentials.require(LOGIN)
        with self._failures.translated():
            with suppress(FinicityNotFoundError):
                await self._client.delete_institution_login(customer_id, login_id)
            with suppress(FinicityNotFoundError):
                if not (await self._client.get_accounts(customer_id)).accounts:
                    await self._client.delete_customer(customer_id)

    async def aclose(self) -> None:
        """Close the client's connections."""
        await self._client.aclose()

    def __repr__(self) -> str:
        return f"FinicityAdapter({self._client!r})"

    def _reader(self, key: LoginKey) -> LoginReader:
        return LoginReader(self._client, key, self._clock.now(), self._zone)

    async def _read_accounts(self, credentials: Credentials, must_have: str | None = None) -> LoginReader:
        reader = self._reader(_key_of(credentials))
        with self._failures.translated():
            await reader.read_accounts()
        if must_have is not None and must_have not in reader.accounts:
            raise ProviderNotFoundError("Finicity does not know this account.", provider=SLUG)
        return reader

    async def _make_customer(self, username: str) -> str:
        try:
            return (await self._client.add_customer(username)).id
        except FinicityConflictError:
            # An attempt whose answer was lost has made it.
            known = await self._client.find_customer(username)
            if known is None:
                raise
            return known.id

    async def _find_institution(self, institution_id: str | None) -> Institution | None:
        if institution_id is None:
            return None
        try:
            return await self._client.get_institution(institution_id)
        except FinicityError:
            return None  # its name can wait, and the next run asks again where it is

    def _established(
        self, key: LoginKey, institution_id: str | None, institution: Institution | None
    ) -> EstablishedConnection:
        values = {CUSTOMER: key.customer_id, LOGIN: key.login_id}
        if institution_id:
            values["institution_id"] = institution_id
        if key.zone_name:
            values["timezone"] = key.zone_name
        return EstablishedConnection(
            credentials=Credentials(values),
            external_login_id=key.login_id,
            institution_id=institution_id,
            institution_name=None if institution is None else institution.name,
            environment=self._client.environment,
        )


def _key_of(credentials: Credentials) -> LoginKey:
    return LoginKey(credentials.require(CUSTOMER), credentials.require(LOGIN), credentials.get("timezone"))


def make_adapter(context: ProviderContext) -> FinicityAdapter:
    """Build the adapter from this provider's settings.

    Raises:
        ProviderNotConfiguredError: a setting makes no sense.
    """
    settings = context.settings
    zone = find_zone(settings.get("finicity_timezone") or DEFAULT_ZONE)
    if zone is None:
        raise ProviderNotConfiguredError(
            "FINICITY_TIMEZONE is no time zone: write one such as America/New_York.",
            missing_settings=("finicity_timezone",),
            provider=SLUG,
        )
    try:
        client = FinicityClient(
            settings.get("finicity_partner_id", ""),
            settings.get("finicity_partner_secret", ""),
            settings.get("finicity_app_key", ""),
            environment=settings.get("finicity_environment") or "test",
            base_url=settings.get("finicity_base_url") or DEFAULT_BASE_URL,
            http_client=cast("AsyncWire | None", context.http_client),
            timing=replace(context.timing, now=context.clock.now),
        )
    except FinicityConfigError as error:
        raise failures(context.clock).to_provider_error(error) from error
    return FinicityAdapter(client, context.clock, zone)


PROVIDER = ProviderSpec(
    slug=SLUG,
    display_name="Finicity",
    category=ProviderCategory.AGGREGATOR,
    auth_type=ProviderAuthType.LINK_TOKEN,
    capabilities=frozenset(
        {
            ProviderCapability.ACCOUNTS,
            ProviderCapability.TRANSACTIONS,
            ProviderCapability.PENDING_TRANSACTIONS,
            ProviderCapability.HOLDINGS,
            ProviderCapability.MULTIPLE_ACCOUNTS,
            ProviderCapability.IDENTITY,
            ProviderCapability.LIVE_BALANCES,
            ProviderCapability.WEBHOOKS,
        }
    ),
    factory=make_adapter,
    required_settings=("finicity_partner_id", "finicity_partner_secret", "finicity_app_key"),
    optional_settings=("finicity_environment", "finicity_base_url", "finicity_timezone"),
    id_trust=IdTrust.STABLE,
    history_days=HISTORY_DAYS,
    description="Banks, cards, loans and brokers in the United States, through Finicity (Mastercard Open Finance).",
    website_url="https://www.finicity.com",
    documentation_url="https://developer.mastercard.com/open-finance-us/documentation/",
)
