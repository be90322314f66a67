"""What does an event of MX's ask us to do?"""

from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256

from bursar.domain.webhooks import NoticeKind, ProviderNotice
from bursar.providers.mx.sdk.models.members import CONNECTED, ENDED, NEEDS_USER
from bursar.providers.mx.sdk.webhooks import WebhookEvent

_KINDS: Mapping[str, NoticeKind] = {
    "AGGREGATION": NoticeKind.DATA_CHANGED,
    "BALANCE": NoticeKind.DATA_CHANGED,
    "HISTORY": NoticeKind.DATA_CHANGED,
    "INITIAL_DATA_READY": NoticeKind.DATA_CHANGED,
    "TRANSACTION": NoticeKind.DATA_CHANGED,
    "ACCOUNT": NoticeKind.DATA_CHANGED,
}
_NEVER_ENDING = datetime(1970, 1, 1, tzinfo=UTC)


def to_notice(event: WebhookEvent, body: bytes, now: datetime) -> ProviderNotice:
    """Return the notice of an event.

    MX says of few events which one it is, and two events of different days can have the same body. A repetition is
    therefore known for the hour in which it comes; in another hour it is read once more, which harms nobody.
    """
    mark = event.event_id or now.strftime("%Y-%m-%dT%H")
    text = b"\n".join((mark.encode(), body))
    return ProviderNotice(
        kind=_kind(event),
        external_login_id=event.member_guid,
        code=".".join(part for part in (event.type, event.action.upper()) if part)[:128] or "UNKNOWN",
        notice_id=sha256(text).hexdigest(),
        sent_at=_sent_at(event),
    )


def _kind(event: WebhookEvent) -> NoticeKind:
    action = event.action.lower()
    if event.type == "CONNECTION_STATUS":
        return _kind_of_status((event.connection_status or "").upper())
    if event.type in ("MEMBER", "USER"):
        return NoticeKind.ACCESS_ENDED if action == "deleted" else NoticeKind.OTHER
    return _KINDS.get(event.type, NoticeKind.OTHER)


def _kind_of_status(status: str) -> NoticeKind:
    if status in NEEDS_USER:
        return NoticeKind.SIGN_IN_NEEDED
    if status in ENDED:
        return NoticeKind.ACCESS_ENDED
    return NoticeKind.LOGIN_RESTORED if status in CONNECTED else NoticeKind.OTHER


def _sent_at(event: WebhookEvent) -> datetime | None:
    seconds = event.members.get("completed_at")
    if not isinstance(seconds, int) or isinstance(seconds, bool):
        return None
    try:
        at = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):
        return None
    return at if at > _NEVER_ENDING else None
