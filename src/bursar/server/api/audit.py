"""Who did what, and what came of it?"""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from bursar.server.deps import Caller, Id, PlatformDep
from bursar.server.pagination import Paging, page_response
from bursar.server.schemas.base import PageOf
from bursar.server.schemas.transfers import AuditEventOut

router = APIRouter(tags=["transfers"])


class AuditFilters(Paging):
    """Which events."""

    subject_id: Id | None = None


@router.get("", response_model=PageOf[AuditEventOut])
async def list_audit_events(
    request: Request, platform: PlatformDep, caller: Caller, asked: Annotated[AuditFilters, Query()]
) -> Response:
    """List what is kept for ever about transfers, the newest first; readable also while transfers are switched off."""
    asked.by_number()
    listed, total = await platform.transfers.list_events(
        caller.tenant_id, subject_id=asked.subject_id, limit=asked.size, offset=asked.offset
    )
    return page_response(request, [AuditEventOut.of(event) for event in listed], asked, total)
