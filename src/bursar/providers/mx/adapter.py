"""How does the platform connect to banks through MX and read from them?"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import cast

from bursar.domain.accounts import ProviderAccountData
from bursar.domain.connections import ProviderAuthType, ProviderCapability, ProviderCategory
from bursar.domain.evidence import IdTrust
from bursar.domain.holdings import ProviderHoldingData
from bursar.domain.owners import ProviderOwnerData
from bursar.domain.sync import RecordBatch, SyncBatch, SyncCursor
from bursar.domain.time import Clock
from bursar.domain.transactions import ProviderTransactionData
from bursar.domain.webhooks import ProviderNotice
from bursar.ports.errors import (
    ProviderNotConfiguredError,
    ProviderNotFoundError,
    ProviderValidationError,
)
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
from bursar.providers.mx.access import ACCESS_TOKEN, MEMBER, USER, Access, Seal
from bursar.providers.mx.failures import SLUG, Failures, raise_state
from bursar.providers.mx.notices import to_notice
from bursar.providers.mx.reading import (
    HISTORY_DAYS,
    Listed,
    list_accounts,
    read_holdings,
    read_rows,
    to_bounds,
)
from bursar.providers.mx.records import Collector
from bursar.providers.mx.sdk.client import MXClient
from bursar.providers.mx.sdk.errors import MXArgumentError, MXConflictError, MXNotFoundError
from bursar.providers.mx.sdk.models.members import MemberStatus
from bursar.providers.mx.sdk.webhooks import is_from_mx, read_event
from bursar.transport.redaction import Secret
from bursar.transport.wire import AsyncWire

WIDGET_LIFETIME = timedelta(minutes=10)
WEBHOOK_SETTING = "mx_webhook_secret"


class MXAdapter:
    """MX behind the platform's port; holds no state of any user.

    Args:
        client: the SDK's client, closed with the adapter.
        seal: makes and opens the tokens that stand for logins.
        clock: says what day it is.
        webhook_secret: the password of MX's webhooks; None refuses all of them.
    """

    def __init__(self, client: MXClient, seal: Seal, clock: Clock, *, webhook_secret: Secret | None = None) -> None:
        self._client = client
        self._seal = seal
        self._clock = clock
        self._webhook_secret = webhook_secret
        self._failures = Failures(clock)

    async def begin(self, request: ConnectRequest) -> ConnectStart:
        """Return the address of a widget for the user, who is made at MX when there is none; with `renew`, for a login.

        The institution is `request.institution_id`, MX's code; without one the user searches. After a renewal nothing
        comes back: the member stays the same.
        """
        products = tuple(
            word.strip()
            for word in request.options.get("products", "transactions,investments").split(",")
            if word.strip()
        )
        if request.renew is not None:
            access = self._seal.open(request.renew)
            with self._failures.of_login():
                widget = await self._client.request_widget_url(
                    access.user,
                    products=products,
                    current_member_guid=access.member,
                    update_credentials=True,
                    client_redirect_url=request.redirect_uri,
                )
            user, needs = access.user, ()
        else:
            with self._failures.translated():
                user = await self._find_or_make_user(request.user_reference)
                widget = await self._client.request_widget_url(
                    user,
                    products=products,
                    current_institution_code=request.institution_id,
                    client_redirect_url=request.redirect_uri,
                )
            needs = ("link_token", "member_guid")
        url = widget.url.reveal()
        return ConnectStart(
            link_token=self._seal.link_token(url, user, request.user_reference),
            authorization_url=url,
            expires_at=self._clock.now() + WIDGET_LIFETIME,
            needs=needs,
        )

    async def complete(self, completion: ConnectCompletion) -> EstablishedConnection:
        """Prove that the widget was opened for this user, that the member is theirs, and that its login works."""
        if completion.renew is not None:
            access = self._seal.open(completion.renew)
        else:
            values = completion.values
            for name in ("link_token", "member_guid"):
                if not values.get(name):
                    raise ProviderValidationError(
                        f"The {name.replace('_', ' ')} is missing.", code="missing_value", field=name, provider=SLUG
                    )
            user = self._seal.open_link(values["link_token"], completion.user_reference)
            access = Access(user, values["member_guid"])
        with self._failures.of_login():
            # Somebody else's member is not known under this user.
            member = await self._client.get_member(access.user, access.member)
            raise_state(await self._client.get_member_status(access.user, member.guid))
        access = Access(access.user, member.guid)
        return EstablishedConnection(
            credentials=Credentials(
                {ACCESS_TOKEN: self._seal.access_token(access), USER: access.user, MEMBER: access.member}
            ),
            external_login_id=access.member,
            institution_id=member.institution_code,
            institution_name=member.name,
            environment=self._client.environment,
        )

    async def sync(self, credentials: Credentials, cursor: SyncCursor | None) -> AsyncIterator[SyncBatch]:
        """Yield accounts with the rows of the last weeks (now and then with all rows), then the positions."""
        access = self._seal.open(credentials)
        with self._failures.of_login():
            status = await self._open(access)
            batch, listed = await read_rows(self._client, access, status, cursor or {}, self._today())
        yield batch
        if listed.investment_ids:
            with self._failures.of_login():
                positions = await read_holdings(self._client, access, listed)
            yield positions

    async def fetch_accounts(self, credentials: Credentials) -> RecordBatch[ProviderAccountData]:
        """Every account with the balance that MX last read; no question to the bank."""
        listed, collector = await self._accounts(self._seal.open(credentials))
        return RecordBatch(
            listed.records, rejected=collector.rejected, complete=not collector.rejected, warnings=collector.warnings
        )

    async def fetch_live_balances(
        self, credentials: Credentials, provider_account_ids: Sequence[str] | None = None
    ) -> RecordBatch[ProviderAccountData]:
        """The accounts after MX has asked the bank for their balances, which takes up to minutes.

        MX asks about a login as a whole, and not again within a short while: `balance_as_of` says when it did.
        """
        access = self._seal.open(credentials)
        if provider_account_ids is not None:
            # An unknown account is told before the bank is bothered.
            known, _ = await self._accounts(access)
            if not set(provider_account_ids) <= known.currencies.keys():
                raise ProviderNotFoundError("MX does not know this account.", provider=SLUG)
        with self._failures.of_login():
            raise_state(await self._client.run_job(access.user, access.member, "check_balance"))
        listed, collector = await self._accounts(access)
        return RecordBatch(
            [
                one
                for one in listed.records
                if provider_account_ids is None or one.provider_account_id in provider_account_ids
            ],
            rejected=collector.rejected,
            complete=not collector.rejected,
            warnings=collector.warnings,
        )

    async def fetch_transactions(
        self, credentials: Credentials, provider_account_id: str, start_date: date | None, end_date: date | None
    ) -> RecordBatch[ProviderTransactionData]:
        """An account's transactions between two dates, both inclusive; an open start is all that MX has."""
        if start_date is not None and end_date is not None and start_date > end_date:
            raise ProviderValidationError("The start date is after the end date.", field="start_date", provider=SLUG)
        access = self._seal.open(credentials)
        listed, _ = await self._accounts(access, provider_account_id)
        collector = Collector()
        first, last = to_bounds(start_date, end_date, self._today())
        with self._failures.translated():
            rows = await self._client.list_transactions(
                access.user, account=provider_account_id, from_date=first, to_date=last
            )
        records = collector.transactions(rows, listed.currencies)
        return RecordBatch(
            [
                record
                for record in records
                if (start_date is None or start_date <= record.transaction_date)
                and (end_date is None or record.transaction_date <= end_date)
            ],
            rejected=collector.rejected,
            complete=not collector.rejected,
            warnings=collector.warnings,
        )

    async def fetch_holdings(
        self, credentials: Credentials, provider_account_id: str
    ) -> RecordBatch[ProviderHoldingData]:
        """An account's positions; none for an account that is not an investment account."""
        access = self._seal.open(credentials)
        listed, _ = await self._accounts(access, provider_account_id)
        if provider_account_id not in listed.investment_ids:
            return RecordBatch()
        collector = Collector()
        with self._failures.translated():
            rows = await self._client.list_holdings(access.user, account=provider_account_id)
        records, closed = collector.holdings(rows, listed.currencies)
        return RecordBatch(
            records,
            rejected=collector.rejected,
            closed=closed,
            complete=not collector.rejected,
            warnings=collector.warnings,
        )

    async def fetch_owners(
        self, credentials: Credentials, provider_account_id: str | None = None
    ) -> RecordBatch[ProviderOwnerData]:
        """The owners of one account, or of all; the first question makes MX ask the bank, which takes up to minutes."""
        access = self._seal.open(credentials)
        await self._accounts(access, provider_account_id)
        with self._failures.of_login():
            rows = await self._client.list_account_owners(access.user, access.member)
            if not rows and not rows.rejected:
                raise_state(await self._client.run_job(access.user, access.member, "identify"))
                rows = await self._client.list_account_owners(access.user, access.member)
        collector = Collector()
        records = collector.owners(rows)
        return RecordBatch(
            [record for record in records if provider_account_id in (None, record.provider_account_id)],
            rejected=collector.rejected,
            complete=not collector.rejected,
            warnings=collector.warnings,
        )

    async def validate(self, credentials: Credentials) -> None:
        """One cheap call; raises also when MX answers and the bank does not accept the login any more."""
        access = self._seal.open(credentials)
        with self._failures.of_login():
            await self._open(access)

    async def revoke(self, credentials: Credentials) -> None:
        """Delete the login and its data at MX; returns also when it is gone already. The user stays there."""
        access = self._seal.open(credentials)
        with self._failures.translated():
            try:
                await self._client.delete_member(access.user, access.member)
            except MXNotFoundError:
                return

    async def read_webhook(self, headers: Mapping[str, str], body: bytes) -> Sequence[ProviderNotice]:
        """Prove the sender by the password that was agreed with MX, and return what the delivery tells."""
        if self._webhook_secret is None:
            raise ProviderNotConfiguredError(
                "Set the password that MX sends with its webhooks.", missing_settings=(WEBHOOK_SETTING,), provider=SLUG
            )
        if not is_from_mx(headers, self._webhook_secret.reveal()):
            raise WebhookRefusedError("The webhook does not carry the password that was agreed with MX.", provider=SLUG)
        try:
            event = read_event(body)
        except MXArgumentError as error:
            raise WebhookRefusedError("The webhook is nothing that MX sends.", provider=SLUG) from error
        return [to_notice(event, body, self._clock.now())]

    async def aclose(self) -> None:
        """Close the client's connections."""
        await self._client.aclose()

    def __repr__(self) -> str:
        return f"MXAdapter({self._client!r})"

    async def _open(self, access: Access) -> MemberStatus:
        status = await self._client.get_member_status(access.user, access.member)
        raise_state(status)
        return status

    async def _accounts(self, access: Access, must_have: str | None = None) -> tuple[Listed, Collector]:
        collector = Collector()
        with self._failures.of_login():
            await self._open(access)
            listed = await list_accounts(self._client, access, collector)
        if must_have is not None and must_have not in listed.currencies:
            raise ProviderNotFoundError("MX does not know this account.", provider=SLUG)
        return listed, collector

    async def _find_or_make_user(self, reference: str) -> str:
        try:
            return (await self._client.get_user(reference)).guid
        except MXNotFoundError:
            pass
        try:
            return (await self._client.create_user(id=reference)).guid
        except MXConflictError:
            # Somebody was quicker, or an earlier answer was lost.
            return (await self._client.get_user(reference)).guid

    def _today(self) -> date:
        return self._clock.now().date()


def make_adapter(context: ProviderContext) -> MXAdapter:
    """Build the adapter from this provider's settings.

    Raises:
        ProviderNotConfiguredError: a setting makes no sense.
    """
    settings = context.settings
    api_key = settings.get("mx_api_key", "")
    try:
        client = MXClient(
            settings.get("mx_client_id", ""),
            api_key,
            environment=settings.get("mx_environment") or "integration",
            base_url=settings.get("mx_base_url") or None,
            http_client=cast("AsyncWire | None", context.http_client),
            timing=replace(context.timing, now=context.clock.now),
        )
    except ValueError as error:
        raise ProviderNotConfiguredError(
            "MX_ENVIRONMENT is integration or production, and MX_BASE_URL an address without a query.", provider=SLUG
        ) from error
    secret = settings.get(WEBHOOK_SETTING)
    return MXAdapter(client, Seal(api_key), context.clock, webhook_secret=Secret(secret) if secret else None)


PROVIDER = ProviderSpec(
    slug=SLUG,
    display_name="MX",
    category=ProviderCategory.AGGREGATOR,
    auth_type=ProviderAuthType.LINK_TOKEN,
    capabilities=frozenset(
        {
            ProviderCapability.ACCOUNTS,
            ProviderCapability.TRANSACTIONS,
            ProviderCapability.HOLDINGS,
            ProviderCapability.PENDING_TRANSACTIONS,
            ProviderCapability.MULTIPLE_ACCOUNTS,
            ProviderCapability.IDENTITY,
            ProviderCapability.LIVE_BALANCES,
            ProviderCapability.WEBHOOKS,
        }
    ),
    factory=make_adapter,
    required_settings=("mx_client_id", "mx_api_key"),
    optional_settings=("mx_environment", "mx_base_url", WEBHOOK_SETTING),
    id_trust=IdTrust.STABLE,
    history_days=HISTORY_DAYS,
    description="Banks, cards, loans and brokers in the United States and Canada, through MX.",
    website_url="https://www.mx.com",
    documentation_url="https://docs.mx.com",
)
