"""The routes that tell what an account held, day by day."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from bursar.banking.balance_store import BalanceHistory, BalanceStore
from bursar.banking.exceptions import NotFoundError
from bursar.banking.history import average_daily_balance, get_balance_history, get_trend
from bursar.banking.http.guard import bearer_token
from bursar.banking.http.routes import Deps
from bursar.banking.http.schemas import Day, HistoryAnswer, HistoryStatistics, RichHistoryAnswer, Snapshot


@dataclass(frozen=True, slots=True)
class HistoryDeps:
    """Where snapshots are, and whose."""

    store: BalanceStore | None
    owner_of: Callable[[Request], str] | None


def add_history_routes(router: APIRouter, deps: Deps, history: HistoryDeps) -> None:
    """Put the routes into a router. An account that the access token does not open is not found, whoever tracked it."""
    token_of = bearer_token(deps.resolver)

    async def find(
        request: Request, token: str, account_id: str, start: Day | None, end: Day | None
    ) -> list[BalanceHistory]:
        known = {account.id for account in await deps.accounts(token)}
        if account_id not in known:
            raise NotFoundError("The access token opens no account of this id.", provider=deps.banking.provider)
        owner = history.owner_of(request) if history.owner_of is not None else ""
        return await asyncio.to_thread(get_balance_history, account_id, start, end, owner=owner, store=history.store)

    @router.get("/balance-history", response_model=HistoryAnswer, summary="What an account held, day by day")
    async def balance_history(
        request: Request,
        token: Annotated[str, Depends(token_of)],
        account_id: Annotated[str, Query(min_length=1)],
        start_date: Annotated[Day | None, Query()] = None,
        end_date: Annotated[Day | None, Query()] = None,
    ) -> HistoryAnswer:
        found = await find(request, token, account_id, start_date, end_date)
        return HistoryAnswer(account_id=account_id, history=_snapshots(found), count=len(found))

    @router.get(
        "/accounts/{account_id}/history", response_model=RichHistoryAnswer, summary="The same, with what it says"
    )
    async def account_history(
        request: Request,
        token: Annotated[str, Depends(token_of)],
        account_id: str,
        start_date: Annotated[Day | None, Query()] = None,
        end_date: Annotated[Day | None, Query()] = None,
    ) -> RichHistoryAnswer:
        found = await find(request, token, account_id, start_date, end_date)
        return RichHistoryAnswer(
            account_id=account_id, history=_snapshots(found), count=len(found), statistics=_statistics(found)
        )


def _snapshots(found: list[BalanceHistory]) -> list[Snapshot]:
    return [Snapshot(date=one.date, balance=one.balance, currency=one.currency) for one in found]


def _statistics(found: list[BalanceHistory]) -> HistoryStatistics:
    if len({one.currency for one in found}) != 1:
        return HistoryStatistics()  # of nothing, or of two currencies, there is no figure
    trend, average = get_trend(found), average_daily_balance(found)
    return HistoryStatistics(
        direction=trend.direction if trend is not None else None,
        change=trend.change if trend is not None else None,
        change_percent=trend.change_percent if trend is not None else None,
        average_daily_balance=average.balance if average is not None else None,
        days=average.days if average is not None else 0,
    )
