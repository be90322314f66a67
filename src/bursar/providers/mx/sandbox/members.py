"""What does the simulated MX remember of users, their logins and its jobs?"""

from dataclasses import dataclass, field
from datetime import datetime

from bursar.sandbox.neutral.ids import Series
from bursar.sandbox.people import Login

WORKING = frozenset({"CONNECTED", "RECONNECTED", "UPDATED", "IMPORTED"})
JOBS = ("aggregate", "check_balance", "identify", "verify", "extend_history", "fetch_statements")


@dataclass(slots=True)
class User:
    """One user of the application."""

    guid: str
    own_id: str | None
    email: str | None = None
    metadata: str | None = None
    is_disabled: bool = False

    def render(self) -> dict[str, object]:
        """The wire object."""
        return {
            "guid": self.guid,
            "id": self.own_id,
            "email": self.email,
            "metadata": self.metadata,
            "is_disabled": self.is_disabled,
        }


@dataclass(slots=True)
class Job:
    """Something that MX does at an institution."""

    guid: str
    kind: str
    ends_at: datetime


@dataclass(slots=True)
class Member:
    """One login of a user at an institution; `series` says where its ids are unique."""

    guid: str
    user: User
    login: Login
    institution_code: str
    name: str
    series: Series
    created_at: datetime
    status: str | None = "CREATED"
    own_id: str | None = None
    metadata: str | None = None
    consent_count: int = 1
    """How often its user has signed in."""
    job: Job | None = None
    next_status: str = "CONNECTED"
    """What the login is once the running job is done."""
    aggregated_at: datetime | None = None
    successful_at: datetime | None = None
    last_done: dict[str, datetime] = field(default_factory=dict[str, datetime])
    """Kind of job -> when it was done last with success."""
    challenge_guid: str | None = None
    told_until: int = 0
    """The world's event up to which changes were told by webhooks."""

    @property
    def is_working(self) -> bool:
        """Whether the login works."""
        return self.status in WORKING

    def render(self) -> dict[str, object]:
        """The wire object."""
        return {
            "guid": self.guid,
            "id": self.own_id,
            "user_guid": self.user.guid,
            "user_id": self.user.own_id,
            "institution_code": self.institution_code,
            "name": self.name,
            "metadata": self.metadata,
            "connection_status": self.status,
            "is_being_aggregated": self.job is not None,
            "is_oauth": False,
            "is_managed_by_user": True,
            "aggregated_at": wire_instant(self.aggregated_at),
            "successfully_aggregated_at": wire_instant(self.successful_at),
        }

    def render_status(self) -> dict[str, object]:
        """The wire object of its state."""
        is_read = self.successful_at is not None
        return {
            "guid": self.guid,
            "connection_status": self.status,
            "is_authenticated": self.is_working,
            "is_being_aggregated": self.job is not None,
            "aggregated_at": wire_instant(self.aggregated_at),
            "successfully_aggregated_at": wire_instant(self.successful_at),
            "has_processed_accounts": is_read,
            "has_processed_account_numbers": "verify" in self.last_done,
            "has_processed_transactions": is_read,
            "challenges": self.render_challenges(),
        }

    def render_challenges(self) -> list[dict[str, object]]:
        """The wire objects of what its bank asks."""
        if self.challenge_guid is None:
            return []
        return [
            {
                "guid": self.challenge_guid,
                "type": "TEXT",
                "label": "What city were you born in?",
                "field_name": None,
                "options": [],
            }
        ]


def wire_instant(instant: datetime | None) -> str | None:
    """The instant in UTC, to the second."""
    return None if instant is None else instant.strftime("%Y-%m-%dT%H:%M:%SZ")
