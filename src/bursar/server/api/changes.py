"""What changed since a reader last looked, and what could not be read?"""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

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
from bursar.server.parameters import Count
from bursar.server.responses import list_response
from bursar.server.schemas.base import PageOf
from bursar.server.schemas.runs import RejectedRecordOut
from bursar.server.schemas.transactions import ChangeOut

feed = APIRouter(tags=["changes"])
rejected = APIRouter(tags=["changes"])


class ChangeFilters(Paging):
    """Where to go on, and which changes."""

    since_id: Count = 0
    """The `id` of the last change that was seen."""
    sync_run_id: Id | None = None


class RejectedFilters(Paging):
    """Which rejected records."""

    connection_id: Id | None = None


@feed.get("", response_model=PageOf[ChangeOut])
async def list_changes(
    request: Request, platform: PlatformDep, caller: Caller, asked: Annotated[ChangeFilters, Query()]
) -> Response:
    """List what happened to rows, in the order in which it happened; go on with `next_cursor` or the last `id`."""
    if asked.page is not None:
        raise invalid("page", "The feed is read by since_id, or by cursor.", "unknown")
    mark = filter_mark(("changes", asked.sync_run_id))
    position = read_cursor(platform, caller, mark, asked.cursor or "")
    after = int(position[0]) if position else asked.since_id
    changes = await platform.queries.list_changes(
        caller.tenant_id, sync_run_id=asked.sync_run_id, after_id=after, with_created=True, limit=asked.size + 1
    )
    more, changes = len(changes) > asked.size, changes[: asked.size]
    following = write_cursor(platform, caller, mark, [str(changes[-1].id if changes else after)])
    meta = cursor_meta(asked.size, following) | {"has_more": more}
    links = [next_link(request, cursor=following)] if more else []
    shown = [ChangeOut.of(change) for change in changes]
    return list_response(shown, meta, fields=asked.fields, headers=link_header(links))


@rejected.get("", response_model=PageOf[RejectedRecordOut])
async def list_rejected_records(
    request: Request, platform: PlatformDep, caller: Caller, asked: Annotated[RejectedFilters, Query()]
) -> Response:
    """List what could not be read and is still open, the newest first."""
    asked.by_number()
    listed, total = await platform.queries.page_rejected(
        caller.tenant_id, connection_id=asked.connection_id, limit=asked.size, offset=asked.offset
    )
    shown = [RejectedRecordOut.model_validate(record) for record in listed]
    return page_response(request, shown, asked, total)
