"""What did providers tell unasked, and which connections is it about? (Across tenants: the scheduler's rows.)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from bursar.domain.ids import new_id
from bursar.domain.webhooks import NoticeKind, ProviderNotice
from bursar.storage.unit_of_work import Transaction

_MAX_LENGTH = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenNotice:
    """A notice that nobody has followed yet, and one of the connections it is about."""

    id: UUID
    provider_slug: str
    kind: NoticeKind
    code: str
    tenant_id: UUID | None
    """None, with the connection, when no connection has this login."""
    connection_id: UUID | None
    received_at: datetime


async def insert_notices(  # lint: allow tenant-first - a notice belongs to no tenant
    tx: Transaction, provider_slug: str, notices: Sequence[ProviderNotice], at: datetime
) -> list[ProviderNotice]:
    """Keep notices and return those that are new; one that is known is counted as a repetition."""
    if not notices:
        return []
    # In one order everywhere, so that two deliveries of the same notices wait for each other, not crosswise.
    notices = [notice for _, notice in sorted({notice.notice_id: notice for notice in notices}.items())]
    found = await tx.execute(
        """
        INSERT INTO webhook_notices AS known
            (id, provider_slug, notice_id, kind, code, external_login_id, sent_at, received_at)
        SELECT unnest(%(ids)s::uuid[]), %(slug)s, unnest(%(notice_ids)s::text[]), unnest(%(kinds)s::text[]),
            unnest(%(codes)s::text[]), unnest(%(logins)s::text[]), unnest(%(sent)s::timestamptz[]), %(at)s
        ON CONFLICT (provider_slug, notice_id) DO UPDATE SET repeat_count = known.repeat_count + 1
        RETURNING notice_id, repeat_count = 0
        """,
        {
            "slug": provider_slug,
            "at": at,
            "ids": [new_id() for _ in notices],
            "notice_ids": [notice.notice_id for notice in notices],
            "kinds": [notice.kind.value for notice in notices],
            "codes": [_text(notice.code) for notice in notices],
            "logins": [_login(notice.external_login_id) for notice in notices],
            "sent": [notice.sent_at for notice in notices],
        },
    )
    fresh = {notice_id for notice_id, is_new in await found.fetchall() if is_new}
    return [notice for notice in notices if notice.notice_id in fresh]


def _text(text: str) -> str:
    return text.replace("\x00", "")[:_MAX_LENGTH] or "?"


def _login(login_id: str | None) -> str | None:
    """Return the id of a login; None for one that no connection can have."""
    return login_id if login_id and len(login_id) <= _MAX_LENGTH and "\x00" not in login_id else None


async def list_open(  # lint: allow tenant-first - the scheduler asks whose logins they are, and sees nothing else
    tx: Transaction, *, limit: int
) -> list[OpenNotice]:
    """Return the oldest notices that nobody has followed, each once for each connection of its login."""
    found = await tx.execute(
        """
        SELECT told.id, told.provider_slug, told.kind, told.code, login.tenant_id, login.id,
            told.received_at
        FROM (
            SELECT id, provider_slug, kind, code, external_login_id, received_at FROM webhook_notices
            WHERE followed_at IS NULL ORDER BY received_at LIMIT %s
        ) AS told
        LEFT JOIN connections login ON login.provider_slug = told.provider_slug
            AND login.external_login_id = told.external_login_id AND login.status <> 'disconnected'
        ORDER BY told.received_at, told.id
        """,
        [limit],
    )
    return [
        OpenNotice(
            id=row[0],
            provider_slug=row[1],
            kind=NoticeKind(row[2]),
            code=row[3],
            tenant_id=row[4],
            connection_id=row[5],
            received_at=row[6],
        )
        for row in await found.fetchall()
    ]


async def close_notices(  # lint: allow tenant-first - a notice belongs to no tenant
    tx: Transaction, counts: Sequence[tuple[UUID, int]], at: datetime
) -> None:
    """Record that notices were followed, with how many connections each was about; the login is forgotten."""
    await tx.execute(
        """
        UPDATE webhook_notices told
        SET followed_at = %s, connection_count = counted.connections, external_login_id = NULL
        FROM (SELECT unnest(%s::uuid[]) AS id, unnest(%s::integer[]) AS connections) AS counted
        WHERE told.id = counted.id AND told.followed_at IS NULL
        """,
        [at, [notice_id for notice_id, _ in counts], [count for _, count in counts]],
    )


async def delete_old(  # lint: allow tenant-first - a notice belongs to no tenant
    tx: Transaction, *, before: datetime
) -> int:
    """Forget notices from before an instant that were followed; return how many."""
    done = await tx.execute("DELETE FROM webhook_notices WHERE received_at < %s AND followed_at IS NOT NULL", [before])
    return done.rowcount
