"""Which accounts are there, and what is in them?"""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from bursar.server.api.transactions import RowFilters, answer_rows, check_range
from bursar.server.deps import Caller, Id, PlatformDep, value_of
from bursar.server.pagination import Paging, page_response
from bursar.server.parameters import Day, Parameters
from bursar.server.responses import item_response
from bursar.server.schemas.accounts import AccountOut, HoldingOut
from bursar.server.schemas.balances import BalanceOut
from bursar.server.schemas.base import ItemOf, PageOf
from bursar.server.schemas.proofs import ProofOut
from bursar.server.schemas.transactions import TransactionOut

router = APIRouter(tags=["accounts"])


class AccountFilters(Paging):
    """Which accounts."""

    connection_id: Id | None = None
    is_active: Literal["true", "false"] | None = None


class BalanceFilters(Paging):
    """Which balances; both dates inclusive."""

    start_date: Day | None = None
    end_date: Day | None = None


class HoldingFilters(Paging):
    """Which positions."""

    with_closed: Literal["true", "false"] = "false"


@router.get("", response_model=PageOf[AccountOut])
async def list_accounts(
    request: Request, platform: PlatformDep, caller: Caller, asked: Annotated[AccountFilters, Query()]
) -> Response:
    """List the accounts by institution and name."""
    asked.by_number()
    listed, total = await platform.queries.list_accounts(
        caller.tenant_id,
        limit=asked.size,
        offset=asked.offset,
        connection_id=asked.connection_id,
        is_active=None if asked.is_active is None else asked.is_active == "true",
    )
    return page_response(request, [AccountOut.of(account) for account in listed], asked, total)


@router.get("/{account_id}", response_model=ItemOf[AccountOut])
async def get_account(
    account_id: Id, request: Request, platform: PlatformDep, caller: Caller, asked: Annotated[Parameters, Query()]
) -> Response:
    """Show one account."""
    account = value_of(await platform.queries.get_account(caller.tenant_id, account_id), caller, platform)
    return item_response(request, AccountOut.of(account), fields=asked.fields)


@router.get("/{account_id}/balances", response_model=PageOf[BalanceOut])
async def list_account_balances(
    account_id: Id, request: Request, platform: PlatformDep, caller: Caller, asked: Annotated[BalanceFilters, Query()]
) -> Response:
    """List what the institution stated that an account holds, the newest first."""
    asked.by_number()
    check_range("start_date", asked.start_date, "end_date", asked.end_date)
    listed, total = value_of(
        await platform.queries.list_balances(
            caller.tenant_id,
            account_id,
            limit=asked.size,
            offset=asked.offset,
            start_date=asked.start_date,
            end_date=asked.end_date,
        ),
        caller,
        platform,
    )
    return page_response(request, [BalanceOut.of(snapshot) for snapshot in listed], asked, total)


@router.get("/{account_id}/proof", response_model=ItemOf[ProofOut])
async def get_account_proof(
    account_id: Id, request: Request, platform: PlatformDep, caller: Caller, asked: Annotated[Parameters, Query()]
) -> Response:
    """Prove, from the stored rows and balances, whether anything is missing."""
    proven = value_of(await platform.proof.prove(caller.tenant_id, account_id), caller, platform)
    return item_response(request, ProofOut.of(proven), fields=asked.fields)


@router.get("/{account_id}/holdings", response_model=PageOf[HoldingOut])
async def list_account_holdings(
    account_id: Id, request: Request, platform: PlatformDep, caller: Caller, asked: Annotated[HoldingFilters, Query()]
) -> Response:
    """List the positions of an account by symbol."""
    asked.by_number()
    value_of(await platform.queries.get_account(caller.tenant_id, account_id), caller, platform)
    listed = await platform.queries.list_holdings(
        caller.tenant_id, account_id=account_id, with_closed=asked.with_closed == "true"
    )
    chosen = listed[asked.offset : asked.offset + asked.size]
    return page_response(request, [HoldingOut.of(holding) for holding in chosen], asked, len(listed))


@router.get("/{account_id}/transactions", response_model=PageOf[TransactionOut])
async def list_account_transactions(
    account_id: Id, request: Request, platform: PlatformDep, caller: Caller, asked: Annotated[RowFilters, Query()]
) -> Response:
    """List the rows of an account, the newest first."""
    value_of(await platform.queries.get_account(caller.tenant_id, account_id), caller, platform)
    return await answer_rows(request, platform, caller, asked, asked.to_filter(account_ids=(account_id,)))
