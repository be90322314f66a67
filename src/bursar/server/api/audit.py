"""Who did what, why, and what came of it?"""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import BeforeValidator, Field

from bursar.domain.audit import AuditEventType
from bursar.server.deps import Caller, Id, PlatformDep
from bursar.server.errors import invalid
from bursar.server.pagination import (
    Paging,
    cursor_meta,
    filter_mark,
    link_header,
    next_link,
    page_response,
    read_cursor,
    write_cursor,
)
from bursar.server.parameters import split_commas
from bursar.server.responses import list_response
from bursar.server.schemas.audit import AuditEventOut
from bursar.server.schemas.base import PageOf

router = APIRouter(tags=["audit"])


def _known_type(value: object) -> object:
    if not isinstance(value, str) or value not in AuditEventType.values():
        raise ValueError(f"one of {', '.join(AuditEventType.values())}")
    return value


class AuditFilters(Paging):
    """Which events."""

    subject_id: Id | None = None
    event_type: Annotated[list[Annotated[str, BeforeValidator(_known_type)]], BeforeValidator(split_commas)] = Field(
        default_factory=list[str], max_length=50
    )


@router.get("", response_model=PageOf[AuditEventOut])
async def list_audit_events(
    request: Request, platform: PlatformDep, caller: Caller, asked: Annotated[AuditFilters, Query()]
) -> Response:
    """List what is kept for ever of what was done, the newest first, by page or by cursor."""
    if asked.cursor is None and asked.limit is None:
        listed, total = await platform.audit.list_events(
            caller.tenant_id,
            subject_id=asked.subject_id,
            event_types=asked.event_type,
            limit=asked.size,
            offset=asked.offset,
        )
        return page_response(request, [AuditEventOut.of(event) for event in listed], asked, total)
    if asked.page is not None:
        raise invalid("page", "Send a page or a cursor, not both.", "unknown")
    mark = filter_mark(("audit", asked.subject_id, sorted(asked.event_type)))
    position = read_cursor(platform, caller, mark, asked.cursor or "")
    events = await platform.audit.list_before(
        caller.tenant_id,
        subject_id=asked.subject_id,
        event_types=asked.event_type,
        before_id=UUID(position[0]) if position else None,
        limit=asked.size + 1,
    )
    more, events = len(events) > asked.size, events[: asked.size]
    following = write_cursor(platform, caller, mark, [str(events[-1].id)]) if more else None
    links = [next_link(request, cursor=following)] if following is not None else []
    shown = [AuditEventOut.of(event) for event in events]
    return list_response(shown, cursor_meta(asked.size, following), fields=asked.fields, headers=link_header(links))
