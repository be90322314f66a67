"""Who owns an account, and who may know?"""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from bursar.server.bodies import Body, body_schema, json_body
from bursar.server.deps import Id, OwnerReader, PlatformDep, value_of
from bursar.server.parameters import Parameters, Text
from bursar.server.repeats import carry_out_once
from bursar.server.responses import item_response
from bursar.server.schemas.base import ItemOf
from bursar.server.schemas.owners import AccountOwnersOut, OwnersRefreshedOut, ReasonBody

of_account = APIRouter(tags=["owners"])


class OwnerFilters(Parameters):
    """Why somebody looks."""

    reason: Text | None = None
    """Required; one line of at most 200 characters, kept in the audit trail. No names in it."""


@of_account.get("/{account_id}/owners", response_model=ItemOf[AccountOwnersOut])
async def get_owners(
    account_id: Id,
    request: Request,
    platform: PlatformDep,
    caller: OwnerReader,
    asked: Annotated[OwnerFilters, Query()],
) -> Response:
    """Show who owns an account, as far as it is known; each answer is an audit event with the `reason`."""
    known = value_of(
        await platform.owners.read(caller.tenant_id, caller.user_id, account_id, reason=asked.reason), caller, platform
    )
    return item_response(request, AccountOwnersOut.of(known), fields=asked.fields)


@of_account.post(
    "/{account_id}/owners/refresh",
    response_model=ItemOf[OwnersRefreshedOut],
    openapi_extra=body_schema(ReasonBody, optional=True),
)
async def refresh_owners(
    account_id: Id,
    request: Request,
    platform: PlatformDep,
    caller: OwnerReader,
    body: Annotated[Body[ReasonBody], Depends(json_body(ReasonBody, optional=True))],
    _asked: Annotated[Parameters, Query()],
) -> Response:
    """Ask the provider who owns an account and keep the answer, sealed; needs a `reason`, and may cost money."""

    async def work() -> Response:
        refreshed = value_of(
            await platform.owners.refresh(caller.tenant_id, caller.user_id, account_id, reason=body.value.reason),
            caller,
            platform,
        )
        return item_response(request, OwnersRefreshedOut.of(refreshed))

    return await carry_out_once(request, platform, caller, body.canonical, work)
