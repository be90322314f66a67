"""Where do rows and balances disagree, and where did they?"""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from bursar.server.deps import Caller, Id, PlatformDep, value_of
from bursar.server.pagination import Paging, page_response
from bursar.server.parameters import Parameters
from bursar.server.responses import item_response
from bursar.server.schemas.base import ItemOf, PageOf
from bursar.server.schemas.proofs import BalanceGapOut

router = APIRouter(tags=["balances"])


class GapFilters(Paging):
    """Which gaps."""

    account_id: Id | None = None
    is_open: Literal["true", "false"] | None = None


@router.get("", response_model=PageOf[BalanceGapOut])
async def list_balance_gaps(
    request: Request, platform: PlatformDep, caller: Caller, asked: Annotated[GapFilters, Query()]
) -> Response:
    """List what rows fail to explain, open and closed, the latest days first."""
    asked.by_number()
    listed, total = await platform.proof.list_gaps(
        caller.tenant_id,
        account_id=asked.account_id,
        is_open=None if asked.is_open is None else asked.is_open == "true",
        limit=asked.size,
        offset=asked.offset,
    )
    return page_response(request, [BalanceGapOut.of(gap) for gap in listed], asked, total)


@router.get("/{gap_id}", response_model=ItemOf[BalanceGapOut])
async def get_balance_gap(
    gap_id: Id, request: Request, platform: PlatformDep, caller: Caller, asked: Annotated[Parameters, Query()]
) -> Response:
    """Show one gap; a closed one still resolves, and says why it closed."""
    gap = value_of(await platform.proof.get_gap(caller.tenant_id, gap_id), caller, platform)
    return item_response(request, BalanceGapOut.of(gap), fields=asked.fields)
