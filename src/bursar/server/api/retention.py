"""How long is kept what is about people?"""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from bursar.domain.retention import RetentionSubject
from bursar.server.bodies import Body, body_schema, json_body
from bursar.server.deps import Admin, Caller, PlatformDep, value_of
from bursar.server.errors import ResourceNotFound
from bursar.server.pagination import Paging, page_response
from bursar.server.parameters import Parameters
from bursar.server.repeats import carry_out_once
from bursar.server.responses import item_response
from bursar.server.schemas.base import ItemOf, PageOf
from bursar.server.schemas.retention import PolicyBody, PolicyOut, RetentionRunBody, RetentionRunOut

policies = APIRouter(tags=["retention"])
runs = APIRouter(tags=["retention"])


def _subject(text: str) -> RetentionSubject:
    found = RetentionSubject.lookup(text)
    if found is None:
        raise ResourceNotFound("retention policy")
    return found


@policies.get("", response_model=PageOf[PolicyOut])
async def list_retention_policies(
    request: Request, platform: PlatformDep, caller: Caller, asked: Annotated[Paging, Query()]
) -> Response:
    """List the policies; what has none is kept until it is erased."""
    asked.by_number()
    listed = await platform.retention.list_policies(caller.tenant_id)
    page = listed[asked.offset : asked.offset + asked.size]
    return page_response(request, [PolicyOut.of(policy) for policy in page], asked, len(listed))


@policies.put("/{subject}", response_model=ItemOf[PolicyOut], openapi_extra=body_schema(PolicyBody))
async def put_retention_policy(
    subject: str,
    request: Request,
    platform: PlatformDep,
    caller: Admin,
    body: Annotated[Body[PolicyBody], Depends(json_body(PolicyBody))],
    _asked: Annotated[Parameters, Query()],
) -> Response:
    """Say how many days `identity` or `transaction_texts` is kept; the next run applies it."""
    policy = value_of(
        await platform.retention.set_policy(
            caller.tenant_id, caller.user_id, _subject(subject), keep_days=body.value.keep_days
        ),
        caller,
        platform,
    )
    return item_response(request, PolicyOut.of(policy))


@policies.delete("/{subject}", status_code=204, response_class=Response)
async def delete_retention_policy(
    subject: str, platform: PlatformDep, caller: Admin, _asked: Annotated[Parameters, Query()]
) -> Response:
    """Keep a subject until it is erased; what was forgotten stays so."""
    value_of(
        await platform.retention.remove_policy(caller.tenant_id, caller.user_id, _subject(subject)), caller, platform
    )
    return Response(status_code=204)


@runs.post("", response_model=ItemOf[RetentionRunOut], openapi_extra=body_schema(RetentionRunBody, optional=True))
async def create_retention_run(
    request: Request,
    platform: PlatformDep,
    caller: Admin,
    body: Annotated[Body[RetentionRunBody], Depends(json_body(RetentionRunBody, optional=True))],
    _asked: Annotated[Parameters, Query()],
) -> Response:
    """Apply every policy now, or count what that would do, which is what happens without `dry_run: false`."""

    async def work() -> Response:
        run = value_of(
            await platform.retention.run(caller.tenant_id, caller.user_id, dry_run=body.value.dry_run),
            caller,
            platform,
        )
        return item_response(request, RetentionRunOut.of(run))

    return await carry_out_once(request, platform, caller, body.canonical, work)
