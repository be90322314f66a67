"""How does a tenant end?"""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from bursar.server.bodies import Body, body_schema, json_body
from bursar.server.deps import Admin, PlatformDep, value_of
from bursar.server.parameters import Parameters
from bursar.server.responses import item_response
from bursar.server.schemas.base import ItemOf
from bursar.server.schemas.tenants import ErasureBody, ErasureOut

router = APIRouter(tags=["tenant"])


@router.post("/erasures", status_code=201, response_model=ItemOf[ErasureOut], openapi_extra=body_schema(ErasureBody))
async def create_erasure(
    request: Request,
    platform: PlatformDep,
    caller: Admin,
    _body: Annotated[Body[ErasureBody], Depends(json_body(ErasureBody))],
    _asked: Annotated[Parameters, Query()],
) -> Response:
    """Erase the tenant: withdraw each access at its provider, then delete everything, this token included.

    The answer is the proof; `not_revoked` says what the user has to withdraw at a provider. No `Idempotency-Key` is
    kept, because nothing is.
    """
    proof = value_of(await platform.erasure.erase_tenant(caller.tenant_id, caller.user_id), caller, platform)
    return item_response(request, ErasureOut.of(proof), status=201)
