"""How does a tenant end, and what of it was erased before?"""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from bursar.server.bodies import Body, body_schema, json_body
from bursar.server.deps import Admin, Caller, Id, PlatformDep, value_of
from bursar.server.pagination import Paging, page_response
from bursar.server.parameters import Parameters
from bursar.server.responses import item_response
from bursar.server.schemas.base import ItemOf, PageOf
from bursar.server.schemas.tenants import ConnectionErasureOut, ErasureBody, ErasureOut

router = APIRouter(tags=["tenant"])


class ErasureFilters(Paging):
    """Which erasures."""

    connection_id: Id | None = None


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


@router.get("/erasures", response_model=PageOf[ConnectionErasureOut])
async def list_erasures(
    request: Request, platform: PlatformDep, caller: Caller, asked: Annotated[ErasureFilters, Query()]
) -> Response:
    """List the proofs that connections were erased, the newest first.

    That the tenant itself was erased is proven by the answer to it; afterwards nobody has a token to ask with, and the
    operator finds the proof with `bursar erasures`.
    """
    asked.by_number()
    listed, total = await platform.erasure.list_connection_proofs(
        caller.tenant_id, connection_id=asked.connection_id, limit=asked.size, offset=asked.offset
    )
    return page_response(request, [ConnectionErasureOut.of(proof) for proof in listed], asked, total)


@router.get("/erasures/{erasure_id}", response_model=ItemOf[ConnectionErasureOut])
async def get_erasure(
    erasure_id: Id, request: Request, platform: PlatformDep, caller: Caller, asked: Annotated[Parameters, Query()]
) -> Response:
    """Show the proof that a connection was erased."""
    proof = value_of(await platform.erasure.get_connection_proof(caller.tenant_id, erasure_id), caller, platform)
    return item_response(request, ConnectionErasureOut.of(proof), fields=asked.fields)
