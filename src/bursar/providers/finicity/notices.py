"""What does an event of Connect mean for a connection?"""

from collections.abc import Mapping

from bursar.domain.webhooks import NoticeKind, ProviderNotice
from bursar.providers.finicity.sdk.webhooks import ConnectEvent

_KINDS: Mapping[str, NoticeKind] = {
    "added": NoticeKind.DATA_CHANGED,
    "discovered": NoticeKind.ACCOUNTS_AVAILABLE,
    "credentialsUpdated": NoticeKind.LOGIN_RESTORED,
}


def to_notices(event: ConnectEvent) -> list[ProviderNotice]:
    """One notice for each login that the event names, or one about none; unknown kinds of event ask for nothing."""
    kind = _KINDS.get(event.event_type, NoticeKind.OTHER)
    if event.event_type == "done" and (event.webhook_data or {}).get("institutionLoginId"):
        kind = NoticeKind.LOGIN_RESTORED  # only a repair carries the login that it is about
    logins: tuple[str | None, ...] = event.login_ids or (None,)
    many = len(logins) > 1
    return [
        ProviderNotice(
            kind=kind,
            external_login_id=login,
            code=event.event_type[:100],
            notice_id=f"{event.event_id}/{login}"[:255] if many else event.event_id[:255],
        )
        for login in logins
    ]
