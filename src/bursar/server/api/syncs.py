"""How is a connection read again, and how did it go?"""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from bursar.domain.sync import SyncStatus
from bursar.server.bodies import Body, body_schema, json_body
from bursar.server.deps import Caller, Id, PlatformDep, Writer, value_of
from bursar.server.pagination import Paging, page_response
from bursar.server.parameters import Count, Parameters
from bursar.server.repeats import carry_out_once
from bursar.server.responses import item_response
from bursar.server.schemas.base import ItemOf, PageOf
from bursar.server.schemas.connections import NoMembers
from bursar.server.schemas.runs import SyncRunOut

of_connection = APIRouter(tags=["syncs"])
router = APIRouter(tags=["syncs"])

POLL_S = 0.25
"""How often a waiting request looks at its run."""


class Waiting(Parameters):
    """How long to wait for the end of a run, in seconds."""

    wait: Annotated[Count, Field(ge=0, le=25)] = 0


@of_connection.post(
    "/{connection_id}/syncs",
    status_code=201,
    response_model=ItemOf[SyncRunOut],
    openapi_extra=body_schema(NoMembers, optional=True),
)
async def create_sync(
    connection_id: Id,
    request: Request,
    platform: PlatformDep,
    caller: Writer,
    body: Annotated[Body[NoMembers], Depends(json_body(NoMembers, optional=True))],
    _asked: Annotated[Parameters, Query()],
) -> Response:
    """Ask a worker to read a connection; asking again while one run waits returns that run."""

    async def work() -> Response:
        run = value_of(await platform.sync.request_sync(caller.tenant_id, connection_id), caller, platform)
        return item_response(request, SyncRunOut.of(run), status=201, location=f"/api/v1/syncs/{run.id}")

    return await carry_out_once(request, platform, caller, body.canonical, work)


@of_connection.get("/{connection_id}/syncs", response_model=PageOf[SyncRunOut])
async def list_syncs(
    connection_id: Id, request: Request, platform: PlatformDep, caller: Caller, asked: Annotated[Paging, Query()]
) -> Response:
    """List the runs of a connection, the newest first."""
    asked.by_number()
    runs, total = value_of(
        await platform.sync.page_runs(caller.tenant_id, connection_id, limit=asked.size, offset=asked.offset),
        caller,
        platform,
    )
    return page_response(request, [SyncRunOut.of(run) for run in runs], asked, total)


@router.get("/{run_id}", response_model=ItemOf[SyncRunOut])
async def get_sync(
    run_id: Id, request: Request, platform: PlatformDep, caller: Caller, asked: Annotated[Waiting, Query()]
) -> Response:
    """Show a run; with `wait`, when it has ended or the seconds are over."""
    loop = asyncio.get_running_loop()
    until = loop.time() + asked.wait
    while True:
        run = value_of(await platform.sync.get_run(caller.tenant_id, run_id), caller, platform)
        over = run.status not in (SyncStatus.QUEUED, SyncStatus.RUNNING) or loop.time() >= until
        if over or await request.is_disconnected():
            return item_response(request, SyncRunOut.of(run), fields=asked.fields)
        await asyncio.sleep(POLL_S)
