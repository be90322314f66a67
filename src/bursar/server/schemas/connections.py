"""What of a connection goes over the wire, in either direction?"""

from ipaddress import ip_address
from typing import Annotated, ClassVar, Self
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import AfterValidator, AliasChoices, BaseModel, ConfigDict, Field

from bursar.domain.connections import Connection
from bursar.domain.health import ConnectionHealth
from bursar.ports.provider import ConnectStart
from bursar.server.deps import Id
from bursar.server.parameters import no_controls
from bursar.server.schemas.base import Instant, Out


def _redirect(address: str) -> str:
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        raise ValueError("an https address") from None
    if parts.username is not None or parts.password is not None:
        raise ValueError("an address without credentials")
    if not host or parts.scheme not in ("https", "http") or (parts.scheme == "http" and not _is_loopback(host)):
        raise ValueError("an https address (http on this machine only)")
    return address


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


Name = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(no_controls)]
Secret = Annotated[str, Field(min_length=1, max_length=4096), AfterValidator(no_controls)]
Address = Annotated[str, Field(max_length=2000), AfterValidator(no_controls), AfterValidator(_redirect)]


class ConnectBody(BaseModel):
    """Begin to connect (`provider`), finish (`connection_id` and what came back), or both at once."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", hide_input_in_errors=True)

    provider: Name | None = Field(default=None, validation_alias=AliasChoices("provider", "provider_slug"))
    """The slug; may be left out where only one can be connected."""
    alias: Name | None = Field(default=None, validation_alias=AliasChoices("alias", "account_name"))
    institution_id: Name | None = Field(default=None, validation_alias=AliasChoices("institution_id", "bank_id"))
    redirect_uri: Address | None = None
    options: dict[Name, Secret] = Field(default_factory=dict[str, str], max_length=20)
    connection_id: Id | None = None
    values: dict[Name, Secret] = Field(default_factory=dict[str, str], max_length=20, repr=False)
    public_token: Secret | None = Field(default=None, repr=False)
    authorization_code: Secret | None = Field(default=None, repr=False)

    def given(self) -> dict[str, str]:
        """Return what came back from the user, under the names that the provider knows."""
        named = {"public_token": self.public_token, "authorization_code": self.authorization_code}
        return self.values | {name: value for name, value in named.items() if value is not None}


class RenewBody(BaseModel):
    """Begin to renew a consent."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", hide_input_in_errors=True)

    redirect_uri: Address | None = None
    account_selection: bool = False
    """Let the user add accounts of the login and take others away; the reading that follows the renewal finds them."""


class NoMembers(BaseModel):
    """A body without members."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")


class ConnectOut(Out):
    """What the user's browser or program needs to go on."""

    link_token: str | None
    authorization_url: str | None
    expires_at: Instant | None
    needs: list[str]
    """Names of the values to send back."""


class ConnectionOut(Out):
    """One login at one provider, or the place where files of one institution come in."""

    id: UUID
    provider_slug: str
    alias: str | None
    status: str
    """Where the access stands; `state` says how the connection is."""
    state: str
    """`pending`, `never_synced`, `syncing`, `ok`, `ok_stale`, `waiting_quota`, `waiting_provider`, `needs_user`,
    `revoked`, `paused`, `error_internal` or `disconnected`."""
    reason: str
    """Why it is in this state: a code of ours, or that of the failure behind it."""
    action: str | None
    """Whose turn it is: `connect`, `reauthenticate`, `resume`, `import` or `select_accounts` (the user), `wait`
    (nobody), `contact_operator` (who runs this installation), null (all is well)."""
    state_since: Instant | None
    data_fresh_until: Instant | None
    """Until when what was read counts as fresh; null before the first reading, and for files."""
    expires_soon: int | None
    """7 or 1: the access ends within so many days unless the user renews it."""
    accounts_available_at: Instant | None
    """When the provider told of accounts of the login that can be added: renew with `account_selection`. Null once the
    connection was renewed, or they came."""
    paused_at: Instant | None
    environment: str | None
    institution_id: str | None
    institution_name: str | None
    bank_id: str | None
    bank_name: str | None
    scopes: list[str]
    is_syncing: bool
    connected_at: Instant | None
    disconnected_at: Instant | None
    expires_at: Instant | None
    refresh_expires_at: Instant | None
    last_sync_at: Instant | None
    last_sync_status: str | None
    last_success_at: Instant | None
    last_error_code: str | None
    last_error_message: str | None
    next_attempt_at: Instant | None
    """Before this instant the provider is not asked."""
    connect: ConnectOut | None
    """Only in the answer that starts to connect or to renew."""
    version: int
    created_at: Instant
    updated_at: Instant

    @classmethod
    def of(cls, connection: Connection, health: ConnectionHealth, start: ConnectStart | None = None) -> Self:
        """Return the wire form."""
        return cls(
            id=connection.id,
            provider_slug=connection.provider_slug,
            alias=connection.alias,
            status=connection.status.value,
            state=health.state.value,
            reason=health.reason,
            action=health.action.value if health.action is not None else None,
            state_since=health.since,
            data_fresh_until=health.data_fresh_until,
            expires_soon=health.expires_soon,
            accounts_available_at=health.accounts_available_at,
            paused_at=connection.paused_at,
            environment=connection.environment,
            institution_id=connection.institution_id,
            institution_name=connection.institution_name,
            bank_id=connection.institution_id,
            bank_name=connection.institution_name,
            scopes=connection.scopes,
            is_syncing=health.is_syncing,
            connected_at=connection.connected_at,
            disconnected_at=connection.disconnected_at,
            expires_at=connection.expires_at,
            refresh_expires_at=connection.refresh_expires_at,
            last_sync_at=connection.last_sync_at,
            last_sync_status=connection.last_sync_status,
            last_success_at=connection.last_success_at,
            last_error_code=connection.last_error_code,
            last_error_message=connection.last_error_message,
            next_attempt_at=health.next_attempt_at,
            connect=None
            if start is None
            else ConnectOut(
                link_token=start.link_token,
                authorization_url=start.authorization_url,
                expires_at=start.expires_at,
                needs=list(start.needs),
            ),
            version=connection.version,
            created_at=connection.created_at,
            updated_at=connection.updated_at,
        )
