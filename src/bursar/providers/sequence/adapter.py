"""How does the platform connect to Sequence, read from it, and move money in it?"""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import cast

from bursar.domain.accounts import ProviderAccountData
from bursar.domain.connections import CredentialDates, ProviderAuthType, ProviderCapability, ProviderCategory
from bursar.domain.evidence import IdTrust
from bursar.domain.holdings import ProviderHoldingData
from bursar.domain.sync import RecordBatch, SyncBatch, SyncCursor, TransactionListing
from bursar.domain.time import local_date
from bursar.domain.transactions import ProviderTransactionData
from bursar.domain.transfers import Sighting
from bursar.ports.errors import (
    ProviderNotConfiguredError,
    ProviderNotFoundError,
    ProviderUnsupportedError,
    ProviderValidationError,
    TransferRefusedError,
)
from bursar.ports.provider import (
    ConnectCompletion,
    ConnectRequest,
    ConnectStart,
    Credentials,
    EstablishedConnection,
    ProviderContext,
    ProviderSpec,
    TransferOrder,
)
from bursar.ports.rejects import UnreadableError
from bursar.providers.sequence.failures import (
    SLUG,
    invalid_answer,
    is_unavailable,
    outcome_unknown,
    to_provider_error,
    to_refusal,
)
from bursar.providers.sequence.given import GivenSession
from bursar.providers.sequence.logins import LOGIN, TOKEN, ClientPool, TokenProvider
from bursar.providers.sequence.mapping import (
    CURRENCY,
    WITHDRAWN,
    ZONE,
    ZONE_NAME,
    JsonObject,
    Place,
    to_cents,
    to_movement,
)
from bursar.providers.sequence.reading import LoginReader
from bursar.providers.sequence.sdk.async_client import AsyncSequenceClient
from bursar.providers.sequence.sdk.auth.tokens import expiry_of
from bursar.providers.sequence.sdk.config import APP_URL
from bursar.providers.sequence.sdk.exceptions import (
    SequenceError,
    TransferError,
    TransferOutcomeUnknownError,
)
from bursar.providers.sequence.sdk.operations import Operation
from bursar.providers.sequence.sdk.runner import GraphQLRunner, Pace
from bursar.transport.impersonation import BrowserSession
from bursar.transport.timing import Timing
from bursar.transport.wire import AsyncWire

_FIRST_DAY = date(1900, 1, 1)
"""Nothing is booked earlier: a listing is of all days, so that a withdrawal of the oldest row shows as well."""
_ATTEMPTS = 3
_BACKOFF_S = 0.5
_MOST_CENTS = 2_147_483_647
"""The largest number of the interface's own kind of whole number."""
_KYC = "kyc_id"
_KNOWN = (TOKEN, *LOGIN, _KYC)


class SequenceAdapter:
    """Sequence behind the platform's port.

    Args:
        clients: the clients of logins, closed with the adapter.
        timing: how to wait between attempts.
    """

    def __init__(self, clients: ClientPool, timing: Timing) -> None:
        self._clients = clients
        self._timing = timing

    async def begin(self, request: ConnectRequest) -> ConnectStart:
        """Say what is needed: an access token, or with `options["login"] == "browser"` what a person types in."""
        wants_login = request.options.get("login") == "browser"
        if request.renew is not None:
            wants_login = all(request.renew.get(name) for name in LOGIN)
        return ConnectStart(needs=LOGIN if wants_login else (TOKEN,))

    async def complete(self, completion: ConnectCompletion) -> EstablishedConnection:
        """Prove what was given by one reading.

        A browser login takes about ten seconds, in a thread of its own. Given both, the login is kept: the token would
        end within a day, and nobody would sign in again.
        """
        unknown = sorted(name for name, value in completion.values.items() if value and name not in _KNOWN)
        if unknown:
            # A refresh token above all: kept nowhere, it would seem to renew the connection and would not.
            raise ProviderValidationError(
                f"Sequence is connected with {', '.join(_KNOWN)} only.",
                code="unknown_value",
                field=unknown[0],
                provider=SLUG,
            )
        given = {name: completion.values.get(name, "").strip() for name in _KNOWN}
        kept = {name: value for name, value in given.items() if value}
        if all(name in kept for name in LOGIN):
            kept.pop(TOKEN, None)
        elif TOKEN not in kept:
            raise ProviderValidationError(
                "Give an access token, or email, password and totp.", code="missing_value", field=TOKEN, provider=SLUG
            )
        credentials = Credentials(kept)
        reader = await self._read_places(credentials)
        expires_at = None
        if TOKEN in kept:
            ends_at = expiry_of(kept[TOKEN], self._timing.now().timestamp())
            expires_at = datetime.fromtimestamp(min(ends_at, 32_503_680_000), UTC)
        return EstablishedConnection(
            credentials=credentials,
            external_login_id=reader.user_id,
            institution_name="Sequence",
            dates=CredentialDates(expires_at=expires_at),
        )

    async def sync(self, credentials: Credentials, cursor: SyncCursor | None) -> AsyncIterator[SyncBatch]:
        """Yield all that the login holds in one batch: Sequence has no changes since a moment."""
        async with self._reader(credentials) as reader:
            await reader.read_places()
            transactions = await reader.read_movements()
        yield SyncBatch(
            accounts=reader.accounts,
            accounts_complete=not reader.rejected,
            transactions=transactions,
            listings=[TransactionListing(provider_account_id=place_id, since=_FIRST_DAY) for place_id in reader.places],
            rejected=reader.rejected,
            warnings=reader.warnings,
        )

    async def fetch_accounts(self, credentials: Credentials) -> RecordBatch[ProviderAccountData]:
        """Every pod, port and linked account with its balance."""
        async with self._reader(credentials) as reader:
            await reader.read_places()
            await reader.read_pending()
        return RecordBatch(
            reader.accounts, rejected=reader.rejected, complete=not reader.rejected, warnings=reader.warnings
        )

    async def fetch_transactions(
        self, credentials: Credentials, provider_account_id: str, start_date: date | None, end_date: date | None
    ) -> RecordBatch[ProviderTransactionData]:
        """A place's rows between two days of New York, both inclusive."""
        if start_date is not None and end_date is not None and start_date > end_date:
            raise ProviderValidationError("The start date is after the end date.", field="start_date", provider=SLUG)
        async with self._reader(credentials) as reader:
            await reader.read_places()
            if provider_account_id not in reader.places:
                raise ProviderNotFoundError("Sequence does not know this account.", provider=SLUG)
            rows = await reader.read_movements(account_id=provider_account_id, since=start_date, until=end_date)
        return RecordBatch(rows, rejected=reader.rejected, complete=not reader.rejected, warnings=reader.warnings)

    async def fetch_holdings(
        self, credentials: Credentials, provider_account_id: str
    ) -> RecordBatch[ProviderHoldingData]:
        """Sequence has no positions."""
        raise ProviderUnsupportedError("Sequence has no positions.", provider=SLUG)

    async def validate(self, credentials: Credentials) -> None:
        """One reading of the places."""
        await self._read_places(credentials)

    async def revoke(self, credentials: Credentials) -> None:
        """Return: Sequence offers no way to withdraw a token, which ends by itself within a day."""

    async def send_transfer(self, credentials: Credentials, order: TransferOrder) -> str | None:
        """Look both places up, then send the order once; Sequence names no movement in its answer.

        Raises:
            TransferRefusedError: nothing moved.
            TransferOutcomeUnknownError: it went out and no clear answer came.
            ProviderError: it never went out.
        """
        reader = await self._read_places(credentials)
        source, destination = _place(reader, order.source_account_id), _place(reader, order.destination_account_id)
        kyc_id = _kyc_of(reader, source, destination, credentials.get(_KYC, ""))
        cents = _cents(order)
        async with self._failures(), self._clients.lend(credentials) as client:
            try:
                await client.transfer(
                    kyc_id,
                    source.place_id,
                    destination.place_id,
                    cents,
                    source.kind,
                    destination.kind,
                    order.description,
                    order.is_instant,
                )
            except TransferError as error:
                raise to_refusal(error) from error
            except TransferOutcomeUnknownError as error:
                raise outcome_unknown() from error
            except ValueError as error:
                raise TransferRefusedError("Sequence's client refuses this order.", provider=SLUG) from error
        return None

    async def find_transfers(self, credentials: Credentials, order: TransferOrder, since: datetime) -> list[Sighting]:
        """Return the movements of these places and this amount since an instant."""
        cents = _cents(order)
        found: list[Sighting] = []
        async with self._reader(credentials) as reader:
            await reader.read_places()
            for scope in reader.scopes:
                for node in await reader.read_activity(scope.organization_id, since=local_date(since, ZONE)):
                    sighting = _sighting(node, order, cents)
                    if sighting is not None and sighting.created_at >= since:
                        found.append(sighting)
        return found

    async def aclose(self) -> None:
        """Close every connection."""
        await self._clients.aclose()

    async def _read_places(self, credentials: Credentials) -> LoginReader:
        async with self._reader(credentials) as reader:
            await reader.read_places()
        return reader

    @asynccontextmanager
    async def _reader(self, credentials: Credentials) -> AsyncGenerator[LoginReader]:
        async with self._failures(), self._clients.lend(credentials) as client:
            yield LoginReader(lambda operation: self._ask(client, operation))

    async def _ask(self, client: AsyncSequenceClient, operation: Operation[JsonObject]) -> JsonObject:
        """Send what only reads, and again after a moment when nobody was there to answer."""
        attempt = 1
        while True:
            try:
                return await client.run(operation)
            except SequenceError as error:
                if attempt >= _ATTEMPTS or not is_unavailable(error):
                    raise
            await self._timing.sleep(_BACKOFF_S * attempt * (0.5 + self._timing.random()))
            attempt += 1

    @asynccontextmanager
    async def _failures(self) -> AsyncGenerator[None]:
        try:
            yield
        except SequenceError as error:
            # The cause is redacted itself: it helps the operator and shows nothing to the user.
            raise to_provider_error(error) from error

    def __repr__(self) -> str:
        return "SequenceAdapter()"


def _place(reader: LoginReader, place_id: str) -> Place:
    place = reader.places.get(place_id)
    if place is None:
        raise TransferRefusedError(
            "Sequence does not list one of the two accounts (any more).", code="account_not_found", provider=SLUG
        )
    return place


def _kyc_of(reader: LoginReader, source: Place, destination: Place, chosen: str) -> str:
    """Return on whose behalf the money moves: the only verified person, or the one that the connection names."""
    if source.organization_id != destination.organization_id:
        raise TransferRefusedError(
            "The two accounts belong to different organizations at Sequence.", code="no_route", provider=SLUG
        )
    known = next(scope.kyc_ids for scope in reader.scopes if scope.organization_id == source.organization_id)
    if chosen in known:
        return chosen
    if chosen or len(known) != 1:
        raise TransferRefusedError(
            "Sequence does not say on whose behalf money moves here: connect again and give kyc_id.",
            code="kyc_required",
            provider=SLUG,
        )
    return known[0]


def _cents(order: TransferOrder) -> int:
    try:
        cents = to_cents(order.amount)
    except ValueError:
        cents = 0
    if order.currency != CURRENCY or not 0 < cents <= _MOST_CENTS:
        raise TransferRefusedError(
            "Sequence moves US dollars in whole cents, 21,474,836.47 at most.", code="amount_not_allowed", provider=SLUG
        )
    return cents


def _sighting(node: object, order: TransferOrder, cents: int) -> Sighting | None:
    """Return a movement that looks like an order; None for any other.

    Raises:
        ProviderInvalidResponseError: it cannot be read, so it may be the one.
    """
    try:
        movement = to_movement(cast("JsonObject", node) if isinstance(node, Mapping) else {})
    except UnreadableError:
        raise invalid_answer() from None
    ends = (movement.source, movement.destination)
    places = tuple(end.get("id") if end is not None else None for end in ends)
    if movement.cents != cents or places != (order.source_account_id, order.destination_account_id):
        return None
    return Sighting(
        provider_transfer_id=movement.movement_id,
        created_at=movement.created_at,
        has_failed=movement.status in WITHDRAWN,
    )


def make_adapter(context: ProviderContext) -> SequenceAdapter:
    """Build the adapter from this provider's settings.

    Raises:
        ProviderNotConfiguredError: a setting makes no sense.
    """
    origin = (context.settings.get("sequence_base_url") or APP_URL).rstrip("/")
    pace = _pace(context.settings.get("sequence_pause_s"))
    timing = replace(context.timing, now=context.clock.now)
    given = cast("AsyncWire | None", context.http_client)

    def make_client(token: str, provider: TokenProvider | None) -> AsyncSequenceClient:
        # A session of its own for each login: a browser keeps its cookies to itself.
        session = GivenSession(given) if given is not None else BrowserSession()
        runner = GraphQLRunner(token, provider, origin=origin, session=session, pace=pace, timing=timing)
        return AsyncSequenceClient(token, provider, runner=runner, timing=timing)

    return SequenceAdapter(ClientPool(make_client), timing)


def _pace(text: str | None) -> Pace:
    """Return the pause between two requests of a login: the web application's own, unless a simulator needs none."""
    if text is None:
        return Pace(1.5, 2.0)
    try:
        pause = Decimal(text)
    except ArithmeticError:
        pause = Decimal(-1)
    if not 0 <= pause <= 60:
        raise ProviderNotConfiguredError(
            "SEQUENCE_PAUSE_S is a number of seconds from 0 to 60.",
            missing_settings=("sequence_pause_s",),
            provider=SLUG,
        )
    return Pace(float(pause), 0.0)


PROVIDER = ProviderSpec(
    slug=SLUG,
    display_name="Sequence",
    category=ProviderCategory.BANK,
    auth_type=ProviderAuthType.CUSTOM,
    capabilities=frozenset(
        {
            ProviderCapability.ACCOUNTS,
            ProviderCapability.TRANSACTIONS,
            ProviderCapability.PENDING_TRANSACTIONS,
            ProviderCapability.MULTIPLE_ACCOUNTS,
            ProviderCapability.TRANSFERS,
        }
    ),
    factory=make_adapter,
    optional_settings=("sequence_base_url", "sequence_pause_s"),
    id_trust=IdTrust.STABLE,
    description="Pods, income sources and linked accounts at Sequence, and transfers between them.",
    website_url="https://getsequence.io",
    institution_timezone=ZONE_NAME,
)
