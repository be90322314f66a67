"""What does a provider implement so that the platform can connect to it and read from it?"""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol, runtime_checkable

from bursar.domain.accounts import ProviderAccountData
from bursar.domain.connections import (
    CredentialDates,
    CredentialType,
    OAuthTokens,
    ProviderAuthType,
    ProviderCapability,
    ProviderCategory,
)
from bursar.domain.evidence import IdTrust
from bursar.domain.holdings import ProviderHoldingData
from bursar.domain.reading import ReadQuota
from bursar.domain.sync import RecordBatch, SyncBatch, SyncCursor
from bursar.domain.time import Clock
from bursar.domain.transactions import ProviderTransactionData
from bursar.domain.transfers import Sighting
from bursar.ports.errors import ProviderAuthenticationError
from bursar.transport.timing import SYSTEM_TIMING, Timing


class Credentials(Mapping[str, str]):
    """The opened credentials of one connection: read-only, never shown by `repr`, never cached by an adapter."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)

    @classmethod
    def of(cls, credentials: "Mapping[str, str] | str") -> "Credentials":
        """Return credentials from a mapping, or from a bare access token."""
        if isinstance(credentials, str):
            return cls({"access_token": credentials})
        return credentials if isinstance(credentials, Credentials) else cls(credentials)

    def require(self, key: str) -> str:
        """Return a value that must be there.

        Raises:
            ProviderAuthenticationError: code `missing_credential`; the user connects again.
        """
        value = self._values.get(key, "")
        if not value:
            raise ProviderAuthenticationError(
                f"The stored credentials have no {key}. Connect the account again.", code="missing_credential"
            )
        return value

    def __getitem__(self, key: str) -> str:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Credentials(keys={sorted(self._values)})"

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("credentials are not pickled")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectRequest:
    """What the platform knows when a user starts to connect, or to renew a connection."""

    connection_id: str
    user_reference: str
    """An opaque id of the user at our side, never an e-mail address."""
    redirect_uri: str | None = None
    webhook_url: str | None = None
    institution_id: str | None = None
    state: str | None = None
    """Single-use value that comes back with an OAuth redirect."""
    renew: Credentials | None = None
    """The present credentials when an existing connection is renewed; None for a new one."""
    external_login_id: str | None = None
    """The provider's id of the login that is renewed, where it is known: a bare token does not always say it."""
    selects_accounts: bool = False
    """With `renew`: the user may add accounts of the login and take others away. Asked only of a provider with the
    capability `account_selection`."""
    options: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectStart:
    """What the user's browser or program needs to go on: one of a token for a widget, or an address to visit."""

    link_token: str | None = field(default=None, repr=False)
    authorization_url: str | None = None
    expires_at: datetime | None = None
    needs: tuple[str, ...] = ()
    """Names of the values that `complete` expects in `ConnectCompletion.values`, such as `public_token`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectCompletion:
    """What came back from the user: a public token, an authorization code, or keys typed into a form."""

    values: Mapping[str, str] = field(repr=False)
    connection_id: str = ""
    """The one that `ConnectRequest` named: what was begun for one connection must not end in another."""
    user_reference: str = ""
    """The one that `ConnectRequest` named: what was begun for one user must not end with another."""
    redirect_uri: str | None = None
    renew: Credentials | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EstablishedConnection:
    """Proven credentials, and who they belong to."""

    credentials: Credentials
    external_login_id: str | None = None
    """The provider's id of the login; a second connection to the same login renews the first."""
    institution_id: str | None = None
    institution_name: str | None = None
    dates: CredentialDates = field(default_factory=CredentialDates)
    scopes: tuple[str, ...] = ()
    environment: str | None = None


@runtime_checkable
class ProviderAdapter(Protocol):
    """One provider, spoken to through its SDK and mapped to domain records.

    Every method raises `ProviderError` subclasses only. An adapter holds no per-user state, reads no settings after
    construction, fetches every page, and never answers an error, an unknown account or a missing envelope key with
    an empty success.
    """

    async def begin(self, request: ConnectRequest) -> ConnectStart:
        """Start to connect (or to renew, when `request.renew` is given)."""
        ...

    async def complete(self, completion: ConnectCompletion) -> EstablishedConnection:
        """Turn what came back from the user into credentials, proven by one live call. Never retried blindly."""
        ...

    def sync(self, credentials: Credentials, cursor: SyncCursor | None) -> AsyncIterator[SyncBatch]:
        """Yield what changed since the cursor (None: everything), each batch complete with the cursor that ends it."""
        ...

    async def fetch_accounts(self, credentials: Credentials) -> RecordBatch[ProviderAccountData]:
        """Return every account that the credentials open."""
        ...

    async def fetch_transactions(
        self, credentials: Credentials, provider_account_id: str, start_date: date | None, end_date: date | None
    ) -> RecordBatch[ProviderTransactionData]:
        """Return an account's transactions; both bounds inclusive, in the institution's calendar; None is open."""
        ...

    async def fetch_holdings(
        self, credentials: Credentials, provider_account_id: str
    ) -> RecordBatch[ProviderHoldingData]:
        """Return an account's positions; raises ProviderUnsupportedError without the holdings capability."""
        ...

    async def validate(self, credentials: Credentials) -> None:
        """Return when the credentials work (one cheap call), raise when they do not."""
        ...

    async def revoke(self, credentials: Credentials) -> None:
        """Withdraw the access at the provider; returns also when it is already gone."""
        ...

    async def aclose(self) -> None:
        """Close the adapter's HTTP client."""
        ...


@runtime_checkable
class OAuthAdapter(ProviderAdapter, Protocol):
    """An adapter whose users come through an OAuth 2.0 authorization code flow."""

    def get_authorization_url(self, state: str) -> str:
        """Return the address to send the user to."""
        ...

    async def exchange_code(self, authorization_code: str) -> OAuthTokens:
        """Exchange a single-use code; sent once, never retried."""
        ...

    async def refresh_tokens(self, refresh_token: str) -> OAuthTokens:
        """Return new tokens; a changed refresh token must be stored before the access token is used."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferOrder:
    """Money to be moved between two accounts of one connection, under the provider's own ids."""

    source_account_id: str = field(repr=False)
    """`provider_account_id` of the account that money leaves."""
    destination_account_id: str = field(repr=False)
    amount: Decimal
    """Above zero, with at most the currency's decimals."""
    currency: str
    description: str = field(default="", repr=False)
    is_instant: bool = False
    reference: str = ""
    """Our id of the transfer, for a provider that keeps one; equal for one intent, for ever."""


@runtime_checkable
class TransferAdapter(ProviderAdapter, Protocol):
    """An adapter that moves money: what the capability `transfers` promises.

    The order of a transfer is the platform's: limits, reservation, audit record, then one call of `send_transfer`.
    """

    async def send_transfer(self, credentials: Credentials, order: TransferOrder) -> str | None:
        """Send an order once, whatever happens; return the provider's id of the movement, None when it names none.

        Raises:
            TransferRefusedError: the provider said no; nothing moved.
            TransferOutcomeUnknownError: the order went out and no answer says what became of it.
            ProviderError: any other means that the order has not reached the provider's books; nothing moved.
        """
        ...

    async def find_transfers(self, credentials: Credentials, order: TransferOrder, since: datetime) -> list[Sighting]:
        """Return every movement of these places and this amount since an instant; reads only.

        An empty list says that the provider has none: what cannot be read raises.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderContext:
    """What a factory gets: this provider's settings by lower-case name, and the platform's clock."""

    settings: Mapping[str, str] = field(repr=False)
    clock: Clock
    http_client: object | None = None
    """An HTTP client to use instead of an own one (tests, proxies); None opens one on first use."""
    timing: Timing = SYSTEM_TIMING
    """How an SDK waits and draws; what the time is, `clock` says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSpec:
    """The one declaration from which the platform derives everything about a provider."""

    slug: str
    """`^[a-z][a-z0-9_]{0,49}$`, equal to the name of the provider's folder."""
    display_name: str
    category: ProviderCategory
    auth_type: ProviderAuthType
    capabilities: frozenset[ProviderCapability]
    factory: Callable[[ProviderContext], ProviderAdapter]
    required_settings: tuple[str, ...] = ()
    """Lower-case names; the environment variable is the upper-case name."""
    optional_settings: tuple[str, ...] = ()
    id_trust: IdTrust = IdTrust.STABLE
    """What an equal transaction id means at this provider."""
    history_days: int | None = None
    """How far back the provider reaches; None when it does not say."""
    quota: ReadQuota | None = None
    """How often one connection may be read, where the provider publishes a limit; each attempt of a run counts."""
    description: str = ""
    website_url: str | None = None
    documentation_url: str | None = None
    institution_timezone: str | None = None
    """IANA zone of the institution's calendar where it is one and the same for all; what a day is for the limit of
    transfers."""
    is_production_ready: bool = False

    @property
    def credential_type(self) -> CredentialType:
        """The credential kind, derived from the way of connecting."""
        return self.auth_type.credential_type

    @property
    def supports_holdings(self) -> bool:
        """True when positions can be read."""
        return ProviderCapability.HOLDINGS in self.capabilities
