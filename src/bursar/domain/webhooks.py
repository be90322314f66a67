"""What does a provider tell unasked, and what does it mean for a connection?"""

from dataclasses import dataclass
from datetime import datetime

from bursar.domain.vocabulary import Vocabulary


class NoticeKind(Vocabulary):
    """What a provider's notice asks us to do. A notice is a hint: what is true is read, never taken from its text."""

    DATA_CHANGED = "data_changed"
    """There is something to read: one run of the connection, however many notices say so."""
    SIGN_IN_NEEDED = "sign_in_needed"
    """The login no longer works, or will soon not: the next run finds out which."""
    ACCESS_ENDED = "access_ended"
    """The user or the institution took the access away: the next run finds that out."""
    LOGIN_RESTORED = "login_restored"
    """A login that did not work works again: read it now."""
    ACCOUNTS_AVAILABLE = "accounts_available"
    """The user has accounts there that the consent does not cover: shown at the connection, and nothing is read."""
    OTHER = "other"
    """Known to be of no consequence, or not known at all: kept, counted, nothing is done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRefused:
    """The sender of a delivery is not proven: nothing was done and nothing is kept."""

    message: str
    """Ours; says which proof is missing, without anything of the delivery."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookReceipt:
    """What became of a delivery whose sender is proven."""

    new_count: int
    repeated_count: int
    """Notices that were delivered before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderNotice:
    """One thing that a provider told in a webhook whose sender was proven."""

    kind: NoticeKind
    external_login_id: str | None
    """The login it is about, as `EstablishedConnection.external_login_id` names it; None when it is about no login."""
    code: str
    """The provider's own name of the event, such as `TRANSACTIONS.SYNC_UPDATES_AVAILABLE`."""
    notice_id: str
    """Equal for a notice that is delivered again, different for the next one: the provider's id of the event, or a hash
    of the signed body where there is none."""
    sent_at: datetime | None = None
    """When the provider says that it was sent, aware; None when it does not say."""
