"""What is a connection, and which states may it be in?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self
from uuid import UUID

from bursar.domain.vocabulary import Vocabulary


class CredentialType(Vocabulary):
    """What kind of secret opens a connection."""

    OAUTH2 = "oauth2"
    API_KEY = "api_key"
    LINK_TOKEN = "link_token"  # noqa: S105 - the name of a kind, not a secret
    CERTIFICATE = "certificate"
    FILE_IMPORT = "file_import"
    CUSTOM = "custom"

    def never_expires(self) -> bool:
        """True when the kind has no expiry of its own; an explicit `expires_at` always wins over this."""
        return self in self.never_expiring()

    @classmethod
    def never_expiring(cls) -> frozenset[Self]:
        """Return the kinds without an expiry of their own."""
        return frozenset({cls("api_key"), cls("certificate"), cls("file_import")})


class ProviderAuthType(Vocabulary):
    """How a user lets a provider read an account."""

    OAUTH = "oauth"
    API_KEY = "api_key"
    FILE_IMPORT = "file_import"
    LINK_TOKEN = "link_token"  # noqa: S105 - the name of a kind, not a secret
    CERTIFICATE = "certificate"
    CUSTOM = "custom"

    @property
    def credential_type(self) -> CredentialType:
        """The credential kind that this way of connecting yields; derived, never configured twice."""
        return CredentialType.OAUTH2 if self is ProviderAuthType.OAUTH else CredentialType(self.value)


class ProviderCategory(Vocabulary):
    """What kind of institution or service a provider is."""

    BROKERAGE = "brokerage"
    BANK = "bank"
    CRYPTO = "crypto"
    RETIREMENT = "retirement"
    INVESTMENT = "investment"
    CREDIT_CARD = "credit_card"
    LOAN = "loan"
    AGGREGATOR = "aggregator"
    OTHER = "other"

    @classmethod
    def fallback(cls) -> Self | None:
        """Return OTHER."""
        return cls("other")


class ProviderCapability(Vocabulary):
    """What a provider promises to deliver; the contract suite holds it to each."""

    ACCOUNTS = "accounts"
    TRANSACTIONS = "transactions"
    HOLDINGS = "holdings"
    PENDING_TRANSACTIONS = "pending_transactions"
    BALANCE_HISTORY = "balance_history"
    INCREMENTAL_SYNC = "incremental_sync"
    IDENTITY = "identity"
    """It tells who owns the accounts."""
    ACCOUNT_SELECTION = "account_selection"
    """At a renewal it lets the user choose anew which accounts of the login are read."""
    LIVE_BALANCES = "live_balances"
    """It asks the bank for balances when it is told to, instead of repeating what it read last."""
    WEBHOOKS = "webhooks"
    """It tells unasked when something has changed."""
    ORDERS = "orders"
    MULTIPLE_ACCOUNTS = "multiple_accounts"
    TRANSFERS = "transfers"
    """It moves money between accounts, where the operator has switched that on."""


class ConnectionStatus(Vocabulary):
    """Where a connection stands; a rate limit or an outage never changes it."""

    PENDING = "pending"
    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"
    FAILED = "failed"
    DISCONNECTED = "disconnected"

    def may_become(self, other: "ConnectionStatus") -> bool:
        """True when the move to the other status is one of the allowed ones."""
        return other in _MOVES[self]


_MOVES: Mapping[ConnectionStatus, frozenset[ConnectionStatus]] = {
    ConnectionStatus.PENDING: frozenset(
        {ConnectionStatus.ACTIVE, ConnectionStatus.FAILED, ConnectionStatus.DISCONNECTED}
    ),
    ConnectionStatus.ACTIVE: frozenset(
        {ConnectionStatus.EXPIRED, ConnectionStatus.REVOKED, ConnectionStatus.DISCONNECTED}
    ),
    ConnectionStatus.EXPIRED: frozenset({ConnectionStatus.ACTIVE, ConnectionStatus.DISCONNECTED}),
    ConnectionStatus.REVOKED: frozenset({ConnectionStatus.ACTIVE, ConnectionStatus.DISCONNECTED}),
    ConnectionStatus.FAILED: frozenset({ConnectionStatus.ACTIVE, ConnectionStatus.DISCONNECTED}),
    ConnectionStatus.DISCONNECTED: frozenset(),
}


class FailureCause(Vocabulary):
    """What kind of thing ended a run without success: it decides whose turn it is, whatever the exact code says."""

    RATE_LIMIT = "rate_limit"
    """The provider throttles us; it says, or we assume, until when."""
    OUTAGE = "outage"
    """The provider or the institution cannot be reached, or is not ready."""
    SIGN_IN = "sign_in"
    """The access ran out, or the institution wants to see the user."""
    WITHDRAWN = "withdrawn"
    """The access was taken away."""
    CONSENT = "consent"
    """The access works and does not cover what is read, or the login is of a kind that cannot be read."""
    SETTINGS = "settings"
    """Settings of this installation are missing or refused."""
    CONTRACT = "contract"
    """The provider broke its own contract, or does not accept what we ask: a developer has to look."""
    INTERNAL = "internal"
    """A fault of ours."""
    INTERRUPTED = "interrupted"
    """The run was broken off: nothing is known to be wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthTokens:
    """What a token endpoint answered; durations are in seconds from now, None means that none was stated."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    """None means: keep the one that you have. Another value means: the old one is dead, store this one first."""
    expires_in: int | None = None
    token_type: str = "Bearer"  # noqa: S105 - the scheme's name
    scope: str | None = None
    refresh_expires_in: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialDates:
    """When a connection's access ends by itself (UTC); None means that no end is known."""

    expires_at: datetime | None = None
    """End of the access credential; a refresh may renew it."""
    refresh_expires_at: datetime | None = None
    """End of unattended operation: the user must act before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """One login of one user at one provider, or the place where a user's files of one institution come in."""

    id: UUID
    user_id: UUID
    provider_slug: str
    status: ConnectionStatus
    environment: str | None
    alias: str | None
    external_login_id: str | None = field(repr=False)
    institution_id: str | None
    institution_name: str | None
    scopes: list[str]
    connected_at: datetime | None
    disconnected_at: datetime | None
    expires_at: datetime | None
    refresh_expires_at: datetime | None
    last_sync_at: datetime | None
    last_sync_status: str | None
    last_success_at: datetime | None
    last_error_code: str | None
    """Why the last run did not succeed: the provider's code or ours; None after a success."""
    last_error_message: str | None
    last_error_cause: FailureCause | None
    last_error_at: datetime | None
    next_attempt_at: datetime | None
    """Before this instant the provider is not asked, because it said so."""
    read_at: Sequence[datetime]
    """The attempts to read within the window of the provider's quota, oldest first; empty without a quota."""
    quota_free_at: datetime | None
    """When the quota allows the next attempt; None while it has room."""
    paused_at: datetime | None
    """Since when the user wants it not to be read; None: it is not paused."""
    sync_cursor: Mapping[str, str] | None = field(repr=False)
    lease_token: UUID | None = field(repr=False)
    lease_until: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime
    accounts_available_at: datetime | None = None
    """When the provider told of accounts that the consent does not cover; None once it was renewed, or they came."""

    def is_syncing(self, now: datetime) -> bool:
        """True while a run holds a live lease."""
        return self.lease_until is not None and self.lease_until > now

    def can_sync(self) -> bool:
        """True when nothing of the user's doing stands against a run: it is active and not paused."""
        return self.status is ConnectionStatus.ACTIVE and self.paused_at is None
