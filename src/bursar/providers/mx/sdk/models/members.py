"""What does MX say about a member, that is: one login of a user at one institution?"""

from bursar.providers.mx.sdk.wire import Page
from bursar.transport.rows import Instant, WireModel


class Member(WireModel, frozen=True, kw_only=True, gc=False):
    """One login. Its guid stays while it lives, also when the user signs in again."""

    guid: str
    id: str | None = None
    user_guid: str | None = None
    institution_code: str | None = None
    name: str | None = None
    connection_status: str | None = None
    is_being_aggregated: bool | None = None
    aggregated_at: Instant | None = None
    successfully_aggregated_at: Instant | None = None
    metadata: str | None = None


class MemberAnswer(WireModel, frozen=True, kw_only=True, gc=False):
    """The envelope of one member."""

    member: Member


class MembersPage(Page, frozen=True, kw_only=True, gc=False):
    """A page of members."""

    row_members = ("members",)

    members: tuple[Member, ...]


class Challenge(WireModel, frozen=True, kw_only=True, gc=False):
    """A question of the institution to its customer."""

    guid: str
    type: str | None = None
    label: str | None = None
    field_name: str | None = None


class ChallengesPage(Page, frozen=True, kw_only=True, gc=False):
    """A page of challenges."""

    row_members = ("challenges",)

    challenges: tuple[Challenge, ...]


class MemberStatus(WireModel, frozen=True, kw_only=True, gc=False):
    """Where a member stands; None is unknown.

    Attributes:
        connection_status: one of MX's words, see `CONNECTED` and its neighbours in this module.
        is_being_aggregated: a job is running; what is listed meanwhile may be a part.
        has_processed_accounts, has_processed_transactions: whether MX has read them once.
        successfully_aggregated_at: as of when what is listed is true.
    """

    guid: str
    connection_status: str | None = None
    is_authenticated: bool | None = None
    is_being_aggregated: bool | None = None
    has_processed_accounts: bool | None = None
    has_processed_account_numbers: bool | None = None
    has_processed_transactions: bool | None = None
    aggregated_at: Instant | None = None
    successfully_aggregated_at: Instant | None = None
    challenges: tuple[Challenge, ...] = ()

    @property
    def is_connected(self) -> bool:
        """True when the login works."""
        return self.connection_status in CONNECTED

    @property
    def needs_user(self) -> bool:
        """True when only the user can help, by signing in again through the widget."""
        return self.connection_status in NEEDS_USER

    @property
    def has_ended(self) -> bool:
        """True when nobody can help: the member is over."""
        return self.connection_status in ENDED

    @property
    def is_troubled(self) -> bool:
        """True when MX's last attempts failed for no reason of the user's: it goes on trying."""
        return self.connection_status in TROUBLED


class MemberStatusAnswer(WireModel, frozen=True, kw_only=True, gc=False):
    """The envelope of a member's state."""

    member: MemberStatus


# Source: https://docs.mx.com/connect/guides/connection-statuses/ (read 2026-11-21)
CONNECTED = frozenset("CONNECTED RECONNECTED UPDATED IMPORTED".split())
PENDING = frozenset("CREATED RESUMED PENDING DELAYED".split())
NEEDS_USER = frozenset("CHALLENGED DENIED EXPIRED IMPAIRED IMPEDED LOCKED PREVENTED REJECTED".split())
TROUBLED = frozenset("DEGRADED FAILED DISCONNECTED".split())
ENDED = frozenset("DISCONTINUED CLOSED DISABLED".split())
