"""How does the platform connect to institutions through Flanks and read from them?"""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from hashlib import sha256
from typing import cast

from bursar.domain.accounts import ProviderAccountData
from bursar.domain.connections import ProviderAuthType, ProviderCapability, ProviderCategory
from bursar.domain.evidence import IdTrust
from bursar.domain.holdings import HoldingsListing, ProviderHoldingData
from bursar.domain.sync import RecordBatch, SyncBatch, SyncCursor, TransactionListing
from bursar.domain.transactions import ProviderTransactionData
from bursar.ports.errors import ProviderAuthenticationError, ProviderNotFoundError, ProviderValidationError
from bursar.ports.provider import (
    ConnectCompletion,
    ConnectRequest,
    ConnectStart,
    Credentials,
    EstablishedConnection,
    ProviderContext,
    ProviderSpec,
)
from bursar.providers.flanks.failures import FAILURES, SLUG
from bursar.providers.flanks.reading import CredentialReader
from bursar.providers.flanks.sdk.client import FlanksClient
from bursar.providers.flanks.sdk.connect.models import Session, SessionConfig, SessionErrorCode
from bursar.providers.flanks.sdk.connection import DEFAULT_BASE_URL
from bursar.providers.flanks.sdk.exceptions import FlanksConfigError, FlanksError, FlanksNotFoundError
from bursar.transport.wire import AsyncWire

TOKEN = "credentials_token"  # noqa: S105 - the name of a credential's member
_SIGN_IN_WAIT_S = 60.0
_FIRST_DAY = date(1900, 1, 1)
"""Nothing is booked earlier: a listing is of all days, so that a withdrawal of the oldest row shows as well."""


class FlanksAdapter:
    """Flanks behind the platform's port; holds no state of any user.

    Args:
        client: the SDK's client, closed with the adapter.
        connector_id: the institution to connect where a request names none.
    """

    def __init__(self, client: FlanksClient, connector_id: str | None) -> None:
        self._client = client
        self._connector_id = connector_id

    async def begin(self, request: ConnectRequest) -> ConnectStart:
        """Create a Connect session, for a new credential or, with `renew`, for one whose login no longer works.

        The institution is `request.institution_id`, else `options["connector_id"]`, else the setting.
        """
        connector_id = request.institution_id or request.options.get("connector_id") or self._connector_id
        if request.renew is not None:
            connector_id = request.renew.get("connector_id") or connector_id
        if not connector_id:
            raise ProviderValidationError(
                "Name the institution to connect.", code="missing_value", field="institution_id", provider=SLUG
            )
        config = SessionConfig(
            connector_id=connector_id,
            redirect_url=request.redirect_uri,
            connection_id=request.renew.require(TOKEN) if request.renew is not None else None,
            external_id=request.user_reference,
        )
        with FAILURES.translated():
            session = await self._client.connect.create_session(config)
        return ConnectStart(link_token=session.session_id, authorization_url=session.url, needs=("session_id",))

    async def complete(self, completion: ConnectCompletion) -> EstablishedConnection:
        """Wait until the session is finished, and prove the credential that came of it."""
        session_id = completion.values.get("session_id", "")
        if not session_id:
            raise ProviderValidationError(
                "The session is missing.", code="missing_value", field="session_id", provider=SLUG
            )
        with FAILURES.translated():
            session = await self._client.connect.wait_until_finished(session_id, timeout=_SIGN_IN_WAIT_S)
            if session.connection_id is None or session.error_code is not None:
                raise _sign_in_failed(session)
            status = await CredentialReader(self._client, session.connection_id).open()
            institution_name = await self._find_name(status.name)
        connector_id = status.name or self._connector_id or ""
        return EstablishedConnection(
            credentials=Credentials({TOKEN: session.connection_id, "connector_id": connector_id}),
            external_login_id=_login_id(session.connection_id),
            institution_id=status.name,
            institution_name=institution_name,
        )

    async def sync(self, credentials: Credentials, cursor: SyncCursor | None) -> AsyncIterator[SyncBatch]:
        """Yield all that the credential holds in one batch: Flanks has no changes since a moment.

        What an extraction could not read, or has not read yet, makes the batch incomplete, so that nothing which the
        ledger has is taken back.
        """
        reader = CredentialReader(self._client, credentials.require(TOKEN))
        with FAILURES.translated():
            await reader.open()
            await reader.read_accounts()
            transactions = await reader.read_transactions()
        is_whole = reader.is_ready and reader.is_fresh
        yield SyncBatch(
            accounts=list(reader.accounts.values()),
            accounts_complete=is_whole and not reader.rejected,
            transactions=transactions,
            listings=[
                TransactionListing(provider_account_id=account_id, since=_FIRST_DAY)
                for account_id in (reader.accounts if is_whole else ())
            ],
            holdings=[
                HoldingsListing(
                    provider_account_id=portfolio_id,
                    holdings=holdings.held,
                    complete=reader.are_holdings_complete and reader.is_ready and reader.is_fresh,
                )
                for portfolio_id, holdings in reader.holdings.items()
            ],
            rejected=reader.rejected,
            warnings=reader.warnings,
        )

    async def fetch_accounts(self, credentials: Credentials) -> RecordBatch[ProviderAccountData]:
        """Every account, card, debt and portfolio with the balance of the last extraction."""
        reader = await self._read_accounts(credentials)
        return RecordBatch(
            reader.accounts.values(),
            rejected=reader.rejected,
            complete=reader.is_ready and not reader.rejected,
            warnings=reader.warnings,
        )

    async def fetch_transactions(
        self, credentials: Credentials, provider_account_id: str, start_date: date | None, end_date: date | None
    ) -> RecordBatch[ProviderTransactionData]:
        """An account's movements between two dates, both inclusive; an open start is all that Flanks has."""
        if start_date is not None and end_date is not None and start_date > end_date:
            raise ProviderValidationError("The start date is after the end date.", field="start_date", provider=SLUG)
        reader = await self._read_accounts(credentials, provider_account_id)
        with FAILURES.translated():
            records = await reader.read_transactions(account_id=provider_account_id, since=start_date, until=end_date)
        return RecordBatch(
            records,
            rejected=reader.rejected,
            complete=reader.is_ready and not reader.rejected,
            warnings=reader.warnings,
        )

    async def fetch_holdings(
        self, credentials: Credentials, provider_account_id: str
    ) -> RecordBatch[ProviderHoldingData]:
        """A portfolio's positions; none for any other account."""
        reader = await self._read_accounts(credentials, provider_account_id)
        holdings = reader.holdings.get(provider_account_id)
        if holdings is None:
            return RecordBatch()
        return RecordBatch(
            holdings.held,
            rejected=reader.rejected,
            closed=holdings.closed,
            complete=reader.are_holdings_complete and reader.is_ready,
            warnings=reader.warnings,
        )

    async def validate(self, credentials: Credentials) -> None:
        """One cheap call; raises also when the stored login no longer works."""
        with FAILURES.translated():
            await CredentialReader(self._client, credentials.require(TOKEN)).open()

    async def revoke(self, credentials: Credentials) -> None:
        """Delete the credential and its data at Flanks; returns also when it is gone already."""
        with FAILURES.translated():
            try:
                await self._client.credentials.delete(credentials.require(TOKEN))
            except FlanksNotFoundError:
                return

    async def aclose(self) -> None:
        """Close the client's connections."""
        await self._client.close()

    async def _find_name(self, connector_id: str | None) -> str | None:
        if connector_id is None:
            return None
        try:
            listed = await self._client.connect.list_connectors_page([connector_id])
        except FlanksError:
            return None  # a connection without its bank's name is better than none
        return next((one.name for one in listed.items if one.connector_id == connector_id), None)

    async def _read_accounts(self, credentials: Credentials, must_have: str | None = None) -> CredentialReader:
        reader = CredentialReader(self._client, credentials.require(TOKEN))
        with FAILURES.translated():
            await reader.open()
            await reader.read_accounts()
        if must_have is not None and must_have not in reader.accounts:
            raise ProviderNotFoundError("Flanks does not know this account.", provider=SLUG)
        return reader

    def __repr__(self) -> str:
        return f"FlanksAdapter({self._client!r})"


def _login_id(credentials_token: str) -> str:
    """Name a credential in the clear: its token is its key, and belongs into the vault only."""
    return sha256(credentials_token.encode()).hexdigest()


def _sign_in_failed(session: Session) -> ProviderAuthenticationError:
    wrong = session.error_code in (SessionErrorCode.INVALID_CREDENTIALS, SessionErrorCode.INVALID_CHALLENGE)
    return ProviderAuthenticationError(
        "The institution did not accept the sign-in." if wrong else "The sign-in at the institution failed.",
        code="login_refused" if wrong else "login_failed",
        provider=SLUG,
        upstream_code=None if session.error_code is None else session.error_code.value,
    )


def make_adapter(context: ProviderContext) -> FlanksAdapter:
    """Build the adapter from this provider's settings.

    Raises:
        ProviderNotConfiguredError: a setting makes no sense.
    """
    settings = context.settings
    try:
        client = FlanksClient(
            settings.get("flanks_client_id", ""),
            settings.get("flanks_client_secret", ""),
            base_url=settings.get("flanks_base_url") or DEFAULT_BASE_URL,
            retries=2,
            retry_backoff=0.5,
            timeout=30.0,
            http_client=cast("AsyncWire | None", context.http_client),
            timing=replace(context.timing, now=context.clock.now),
        )
    except FlanksConfigError as error:
        raise FAILURES.to_provider_error(error) from error
    return FlanksAdapter(client, settings.get("flanks_connector_id") or None)


PROVIDER = ProviderSpec(
    slug=SLUG,
    display_name="Flanks",
    category=ProviderCategory.AGGREGATOR,
    auth_type=ProviderAuthType.LINK_TOKEN,
    capabilities=frozenset(
        {
            ProviderCapability.ACCOUNTS,
            ProviderCapability.TRANSACTIONS,
            ProviderCapability.HOLDINGS,
            ProviderCapability.MULTIPLE_ACCOUNTS,
        }
    ),
    factory=make_adapter,
    required_settings=("flanks_client_id", "flanks_client_secret"),
    optional_settings=("flanks_connector_id", "flanks_base_url"),
    id_trust=IdTrust.STABLE,
    description="Wealth: portfolios, funds, accounts, cards and debts at banks of Europe and beyond, through Flanks.",
    website_url="https://flanks.io",
    documentation_url="https://docs.flanks.io/",
)
