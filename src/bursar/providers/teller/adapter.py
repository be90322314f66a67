"""How does the platform connect to banks through Teller and read from them?"""

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
    ProviderAuthenticationError,
    ProviderNotFoundError,
    ProviderUnsupportedError,
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
from bursar.providers.teller.connecting import NONCE_LIFETIME, Application, page_size_of, to_notice
from bursar.providers.teller.failures import SLUG, data_changing, failures
from bursar.providers.teller.reading import (
    EnrollmentReader,
    is_between,
    is_readable,
    not_offered,
    place_of,
    records_of,
    with_place,
)
from bursar.providers.teller.records import Collector
from bursar.providers.teller.sdk.client import DEFAULT_PAGE_SIZE, TellerClient
from bursar.providers.teller.sdk.enrollment import Enrollment
from bursar.providers.teller.sdk.errors import (
    TellerAccessError,
    TellerAccountClosedError,
    TellerDisconnectedError,
    TellerError,
    TellerNotFoundError,
)
from bursar.providers.teller.sdk.models import Account
from bursar.providers.teller.sdk.settings import TellerSettings, canonical
from bursar.transport.wire import AsyncWire

TOKEN = "access_token"  # noqa: S105 - the name of a credential's member
ENROLLMENT = "enrollment_id"


class TellerAdapter:
    """Teller behind the platform's port; holds no state of any user.

    Args:
        client: the SDK's client, closed with the adapter.
        application: what is known of the application beside its certificate.
        clock: says what day it is, and when a nonce or a webhook is too old.
        page_size: rows that are asked for at once.
    """

    def __init__(
        self, client: TellerClient, application: Application, clock: Clock, page_size: int = DEFAULT_PAGE_SIZE
    ) -> None:
        self._client = client
        self._page_size = page_size
        self._application = application
        self._clock = clock
        self._failures = failures(clock)

    async def begin(self, request: ConnectRequest) -> ConnectStart:
        """Return the options of Teller Connect as the link token: there is no call for it at Teller.

        With `renew` Connect repairs the enrolment, and its access token works again: nothing comes back. `options` may
        carry `products` (comma separated), `institution` and `select_account`.

        Raises:
            ProviderValidationError: a bare token whose enrolment Teller does not tell, because the bank wants to see
                the user: the enrolment's id, which came with the token, must be handed over.
        """
        enrollment_id = None if request.renew is None else await self._enrollment_of(request.renew, request)
        now = self._clock.now()
        setup = self._application.setup(request, enrollment_id, now)
        return ConnectStart(
            link_token=setup.to_json(),
            expires_at=now + NONCE_LIFETIME,
            needs=() if request.renew is not None else ("enrollment", "nonce"),
        )

    async def complete(self, completion: ConnectCompletion) -> EstablishedConnection:
        """Prove what Connect handed to the page (`onSuccess`, as JSON), then the token by one call.

        After a repair, prove that the stored token works again.
        """
        if completion.renew is not None:
            token = completion.renew.require(TOKEN)
            accounts = await self._prove(token)
            # A bare token says nothing of its enrolment; the accounts behind it do.
            return self._established(token, completion.renew.get(ENROLLMENT) or _told_by(accounts), None, accounts)
        enrollment = self._application.prove(completion, self._clock.now())
        accounts = await self._prove(enrollment.access_token.reveal())
        if any(account.enrollment_id not in (None, enrollment.enrollment_id) for account in accounts):
            raise ProviderAuthenticationError(
                "The sign-in's result does not fit together. Start it again.", code="sign_in_refused", provider=SLUG
            )
        return self._established(enrollment.access_token.reveal(), enrollment.enrollment_id, enrollment, accounts)

    async def sync(self, credentials: Credentials, cursor: SyncCursor | None) -> AsyncIterator[SyncBatch]:
        """Yield the accounts with their balances, then each account's rows in a batch of its own.

        The cursor moves on with each account. A row that cannot be read holds it back, and nothing is taken back.
        """
        reader = EnrollmentReader(self._client, credentials.require(TOKEN), self._page_size)
        known = dict(cursor or {})
        collector = Collector()
        with self._failures.translated():
            accounts = await reader.read_accounts(collector)
        yield SyncBatch(
            accounts=records_of(accounts),
            accounts_complete=not collector.rejected,
            rejected=collector.rejected,
            warnings=[*collector.warnings, *not_offered(accounts)],
        )
        has_vanished = False
        for account in accounts:
            if not is_readable(account):
                continue
            collector = Collector()
            with self._failures.translated():
                try:
                    read = await reader.read_rows(account, place_of(known, account.told.id), self._today(), collector)
                except TellerAccountClosedError:
                    yield SyncBatch(accounts=[replace(account.record, is_active=False)])
                    continue
                except TellerNotFoundError:
                    # It was listed a moment ago: the others are read first, so that they never wait for this one.
                    has_vanished = True
                    continue
            is_read = not collector.rejected
            if is_read:
                known = with_place(known, account.told.id, read.place)
            yield SyncBatch(
                transactions=read.rows,
                listings=[read.listing],
                removed=read.removed,
                rejected=collector.rejected,
                warnings=collector.warnings,
                cursor=known if is_read else None,
            )
        if has_vanished:
            raise data_changing()

    async def fetch_accounts(self, credentials: Credentials) -> RecordBatch[ProviderAccountData]:
        """Every account with what its bank says now: one call for each account, which asks the bank."""
        return await self.fetch_live_balances(credentials)

    async def fetch_live_balances(
        self, credentials: Credentials, provider_account_ids: Sequence[str] | None = None
    ) -> RecordBatch[ProviderAccountData]:
        """Every account, or those that are named: Teller keeps no balances, so each question goes to the bank."""
        collector = Collector()
        reader = EnrollmentReader(self._client, credentials.require(TOKEN), self._page_size)
        with self._failures.translated():
            accounts = await reader.read_accounts(collector, provider_account_ids)
        return RecordBatch(
            records_of(accounts),
            rejected=collector.rejected,
            complete=not collector.rejected,
            warnings=collector.warnings,
        )

    async def fetch_transactions(
        self, credentials: Credentials, provider_account_id: str, start_date: date | None, end_date: date | None
    ) -> RecordBatch[ProviderTransactionData]:
        """An account's rows between two dates, both inclusive; an open start is all that Teller has."""
        if start_date is not None and end_date is not None and start_date > end_date:
            raise ProviderValidationError("The start date is after the end date.", field="start_date", provider=SLUG)
        token = credentials.require(TOKEN)
        collector = Collector()
        with self._failures.translated():
            account = await self._client.get_account(token, provider_account_id)
            pages = [
                page
                async for page in self._client.iter_transaction_pages(
                    token, account.id, start_date=start_date, end_date=end_date, count=self._page_size
                )
            ]
        return RecordBatch(
            [row for row in collector.transactions(pages, account) if is_between(row, start_date, end_date)],
            rejected=collector.rejected,
            complete=not collector.rejected,
            warnings=collector.warnings,
        )

    async def fetch_holdings(
        self, credentials: Credentials, provider_account_id: str
    ) -> RecordBatch[ProviderHoldingData]:
        """Raise: Teller reads deposit accounts and cards, and neither has positions."""
        raise ProviderUnsupportedError("Teller has no positions.", provider=SLUG)

    async def fetch_owners(
        self, credentials: Credentials, provider_account_id: str | None = None
    ) -> RecordBatch[ProviderOwnerData]:
        """The holders of one account, or of all."""
        with self._failures.translated():
            told = await self._client.list_identity(credentials.require(TOKEN))
        collector = Collector()
        owners = collector.owners(told)
        if provider_account_id is not None:
            # One that could not be read may be the account that is asked for.
            if all(one.account.id != provider_account_id for one in told) and not told.rejected:
                raise ProviderNotFoundError("Teller does not know this account.", provider=SLUG)
            owners = [owner for owner in owners if owner.provider_account_id == provider_account_id]
        return RecordBatch(owners, rejected=collector.rejected, complete=not collector.rejected)

    async def read_webhook(self, headers: Mapping[str, str], body: bytes) -> Sequence[ProviderNotice]:
        """Prove that Teller sent exactly these bytes within the last three minutes, and return what it tells."""
        return [to_notice(self._application.read_webhook(headers, body, self._clock.now()))]

    async def validate(self, credentials: Credentials) -> None:
        """One cheap call, which does not ask the bank."""
        await self._prove(credentials.require(TOKEN))

    async def revoke(self, credentials: Credentials) -> None:
        """End the whole enrolment at Teller; returns also when it is gone already."""
        with self._failures.translated():
            try:
                await self._client.delete_enrollment(credentials.require(TOKEN))
            except (TellerAccessError, TellerNotFoundError):
                return

    async def aclose(self) -> None:
        """Close the client's connections."""
        await self._client.aclose()

    async def _prove(self, access_token: str) -> Sequence[Account]:
        with self._failures.translated():
            return await self._client.list_accounts(access_token)

    async def _enrollment_of(self, renewed: Credentials, request: ConnectRequest) -> str:
        token = renewed.require(TOKEN)
        known = renewed.get(ENROLLMENT) or request.external_login_id
        if known:
            return known
        with self._failures.translated():
            try:
                told = _told_by(await self._client.list_accounts(token))
            except TellerDisconnectedError:
                told = None
        if told is None:
            raise ProviderValidationError(
                "Teller does not say which enrolment this token is of while the bank wants to see the user. Hand over "
                "the enrolment's id, which came with the token, or connect the bank again.",
                code="missing_value",
                field="item_id",
                provider=SLUG,
            )
        return told

    def _established(
        self, token: str, enrollment_id: str | None, enrollment: Enrollment | None, accounts: Sequence[Account]
    ) -> EstablishedConnection:
        institution = next((account.institution for account in accounts if account.institution is not None), None)
        name = institution.name if institution is not None else None
        return EstablishedConnection(
            credentials=Credentials({TOKEN: token, **({ENROLLMENT: enrollment_id} if enrollment_id else {})}),
            external_login_id=enrollment_id,
            institution_id=institution.id if institution is not None else None,
            institution_name=name or (enrollment.institution_name if enrollment is not None else None),
            environment=self._client.environment,
        )

    def _today(self) -> date:
        # The bank's calendar can be a day ahead of UTC; a window that begins a day later would lose that day.
        return self._clock.now().date() - timedelta(days=1)

    def __repr__(self) -> str:
        return f"TellerAdapter({self._client!r})"


def _told_by(accounts: Sequence[Account]) -> str | None:
    return next((account.enrollment_id for account in accounts if account.enrollment_id), None)


def make_adapter(context: ProviderContext) -> TellerAdapter:
    """Build the adapter from this provider's settings.

    Raises:
        ProviderNotConfiguredError: certificate, key, environment or a key of Teller's is missing or unusable: which
            one, and what to do. Nothing was sent.
    """
    table = failures(context.clock)
    try:
        values = canonical(context.settings)
        settings = TellerSettings.from_mapping(values)
        client = TellerClient(
            settings.certificate_path,
            settings.private_key_path,
            settings.environment,
            certificate=settings.certificate,
            private_key=settings.private_key,
            base_url=settings.base_url,
            ca_path=settings.ca_path,
            http_client=cast("AsyncWire | None", context.http_client),
            timing=replace(context.timing, now=context.clock.now),
        )
        application = Application.from_mapping(values, settings.environment, client.key_material())
        page_size = page_size_of(values)
    except TellerError as error:
        raise table.to_provider_error(error) from error
    return TellerAdapter(client, application, context.clock, page_size)


PROVIDER = ProviderSpec(
    slug=SLUG,
    display_name="Teller",
    category=ProviderCategory.AGGREGATOR,
    auth_type=ProviderAuthType.LINK_TOKEN,
    capabilities=frozenset(
        {
            ProviderCapability.ACCOUNTS,
            ProviderCapability.TRANSACTIONS,
            ProviderCapability.PENDING_TRANSACTIONS,
            ProviderCapability.MULTIPLE_ACCOUNTS,
            ProviderCapability.IDENTITY,
            ProviderCapability.LIVE_BALANCES,
            ProviderCapability.WEBHOOKS,
        }
    ),
    factory=make_adapter,
    required_settings=("teller_application_id",),
    optional_settings=(
        "teller_environment",
        "teller_certificate_path",
        "teller_private_key_path",
        "teller_cert_path",
        "teller_key_path",
        "teller_certificate",
        "teller_private_key",
        "teller_token_signing_key",
        "teller_webhook_secrets",
        "teller_base_url",
        "teller_ca_path",
        "teller_page_size",
    ),
    id_trust=IdTrust.STABLE,
    description="Banks, credit unions and cards in the United States, through Teller.",
    website_url="https://teller.io",
    documentation_url="https://teller.io/docs/",
)
