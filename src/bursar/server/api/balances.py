"""What did the institutions state, over all accounts?"""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from bursar.server.api.accounts import BalanceFilters
from bursar.server.api.transactions import check_range
from bursar.server.deps import Caller, Id, PlatformDep
from bursar.server.pagination import page_response
from bursar.server.schemas.balances import BalanceOut
from bursar.server.schemas.base import PageOf

router = APIRouter(tags=["balances"])


class SnapshotFilters(BalanceFilters):
    """Which balances, of one account or of all."""

    account_id: Id | None = None


@router.get("", response_model=PageOf[BalanceOut])
async def list_balance_snapshots(
    request: Request, platform: PlatformDep, caller: Caller, asked: Annotated[SnapshotFilters, Query()]
) -> Response:
    """List stated balances, the newest first."""
    asked.by_number()
    check_range("start_date", asked.start_date, "end_date", asked.end_date)
    listed, total = await platform.queries.list_all_balances(
        caller.tenant_id,
        limit=asked.size,
        offset=asked.offset,
        account_id=asked.account_id,
        start_date=asked.start_date,
        end_date=asked.end_date,
    )
    return page_response(request, [BalanceOut.of(snapshot) for snapshot in listed], asked, total)
