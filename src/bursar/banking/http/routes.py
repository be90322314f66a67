"""The routes that read a bank and let users in."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Query, Request, Response

from bursar.banking.face import Banking
from bursar.banking.filters import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, SortBy, SortOrder, TransactionFilters
from bursar.banking.http.cache import AnswerCache
from bursar.banking.http.guard import (
    BearerCredentials,
    TokenResolver,
    UserResolver,
    bearer_token,
    find_token,
    find_user,
)
from bursar.banking.http.schemas import (
    AccountsAnswer,
    BalancesAnswer,
    Completeness,
    Day,
    ExchangeRequest,
    IdentityAnswer,
    LinkRequest,
    PageMeta,
    TransactionsAnswer,
)
from bursar.domain.sync import RecordBatch
from bursar.models import BankAccount, LinkedItem, LinkStart


@dataclass(frozen=True, slots=True, kw_only=True)
class Deps:
    """What the routes stand on."""

    banking: Banking
    cache: AnswerCache
    resolver: TokenResolver | None
    user: UserResolver | None
    webhook_url: str | None

    async def accounts(self, token: str, *, refresh: bool = False) -> RecordBatch[BankAccount]:
        """The accounts, from the cache where it has them."""
        return await self.cache.get(token, "accounts", {}, lambda: self.banking.get_accounts(token), refresh=refresh)


@dataclass(frozen=True, slots=True)
class Asked:
    """The parameters of a listing of transactions."""

    start: Day | None
    end: Day | None
    filters: TransactionFilters


Live = Annotated[
    bool, Query(description="Ask the bank itself: slow, and at some providers billed for each call. Else as last read.")
]


def asked(
    start_date: Annotated[Day | None, Query(description="First day; 30 days before the end when left out.")] = None,
    end_date: Annotated[Day | None, Query(description="Last day, inclusive; open when left out.")] = None,
    min_amount: Annotated[Decimal | None, Query(ge=0, description="Least size, whatever the sign.")] = None,
    max_amount: Annotated[Decimal | None, Query(ge=0)] = None,
    merchant_name: Annotated[str | None, Query(min_length=1, description="A part of the name, in any case.")] = None,
    category: Annotated[
        list[str] | None, Query(description="A category's key or name; repeat it, or use commas, for several.")
    ] = None,
    account_id: Annotated[str | None, Query(min_length=1)] = None,
    exclude_pending: Annotated[bool | None, Query()] = None,
    sort_by: Annotated[SortBy, Query(description="`amount` is the size, `signed_amount` the value.")] = "date",
    sort_order: Annotated[SortOrder | None, Query(description="`desc` when left out.")] = None,
    page: Annotated[int, Query(ge=1)] = 1,
    page_size: Annotated[
        int | None, Query(ge=1, le=MAX_PAGE_SIZE, description=f"{DEFAULT_PAGE_SIZE} when left out.")
    ] = None,
    merchant: Annotated[str | None, Query(min_length=1, include_in_schema=False)] = None,
    is_pending: Annotated[bool | None, Query(include_in_schema=False)] = None,
    order: Annotated[SortOrder | None, Query(include_in_schema=False)] = None,
    per_page: Annotated[int | None, Query(ge=1, le=MAX_PAGE_SIZE, include_in_schema=False)] = None,
) -> Asked:
    """Collect the parameters; other names of the same filter are accepted and not advertised."""
    given: dict[str, Any] = {
        "min_amount": min_amount,
        "max_amount": max_amount,
        "merchant_name": merchant_name,
        "merchant": merchant,
        "category": category or None,
        "account_id": account_id,
        "exclude_pending": exclude_pending,
        "is_pending": is_pending,
        "sort_by": sort_by,
        "sort_order": sort_order,
        "order": order,
        "page": page,
        "page_size": page_size,
        "per_page": per_page,
    }
    filters: Any = {name: value for name, value in given.items() if value is not None}
    return Asked(start_date, end_date, filters)


def add_routes(router: APIRouter, deps: Deps) -> None:
    """Put the reading and linking routes into a router."""
    token_of = bearer_token(deps.resolver)
    banking = deps.banking

    @router.get("/accounts", response_model=AccountsAnswer, summary="The user's accounts")
    async def get_accounts(token: Annotated[str, Depends(token_of)]) -> AccountsAnswer:
        return _accounts(await deps.accounts(token))

    @router.post("/accounts/refresh", response_model=AccountsAnswer, summary="The same, read anew")
    async def refresh_accounts(token: Annotated[str, Depends(token_of)]) -> AccountsAnswer:
        return _accounts(await deps.accounts(token, refresh=True))

    async def balances(token: str, *, live: bool, refresh: bool) -> BalancesAnswer:
        # What the bank itself says is kept as the newest answer; it is never taken from what is kept.
        found = await deps.cache.get(
            token, "balances", {}, lambda: banking.get_balances(token, live=live), refresh=refresh or live
        )
        return BalancesAnswer(balances=list(found), meta=_completeness(found))

    @router.get("/balances", response_model=BalancesAnswer, summary="The balances of the accounts")
    async def get_balances(token: Annotated[str, Depends(token_of)], live: Live = False) -> BalancesAnswer:
        return await balances(token, live=live, refresh=False)

    @router.post("/balances/refresh", response_model=BalancesAnswer, summary="The same, read anew")
    async def refresh_balances(token: Annotated[str, Depends(token_of)], live: Live = False) -> BalancesAnswer:
        return await balances(token, live=live, refresh=True)

    async def transactions(token: str, wanted: Asked, *, refresh: bool) -> TransactionsAnswer:
        query = banking.query_of(wanted.start, wanted.end, **wanted.filters)
        # Cached are the days, not the page: turning pages or sorting anew asks the bank nothing.
        window = {"start": str(query.start), "end": str(query.end), "account": query.account_id}
        found = await deps.cache.get(
            token, "transactions", window, lambda: banking.read_transactions(token, query), refresh=refresh
        )
        rows = query.choose(found)
        page = query.cut(rows)
        meta = PageMeta(
            total=len(rows),
            page=query.page or 1,
            page_size=query.page_size,
            total_pages=query.count_pages(len(rows)),
            complete=found.complete,
            rejected=len(found.rejected),
        )
        return TransactionsAnswer(transactions=page, count=len(page), meta=meta)

    @router.get("/transactions", response_model=TransactionsAnswer, summary="Transactions of some days, filtered")
    async def get_transactions(
        token: Annotated[str, Depends(token_of)], wanted: Annotated[Asked, Depends(asked)]
    ) -> TransactionsAnswer:
        return await transactions(token, wanted, refresh=False)

    @router.post("/transactions/refresh", response_model=TransactionsAnswer, summary="The same, read anew")
    async def refresh_transactions(
        token: Annotated[str, Depends(token_of)], wanted: Annotated[Asked, Depends(asked)]
    ) -> TransactionsAnswer:
        return await transactions(token, wanted, refresh=True)

    @router.get("/identity", response_model=IdentityAnswer, summary="Who owns the accounts (private data)")
    async def get_identity(token: Annotated[str, Depends(token_of)]) -> IdentityAnswer:
        return IdentityAnswer(owners=list((await banking.get_identity(token)).owners))

    @router.post("/link", response_model=LinkStart, summary="Begin to link a bank, or to sign in again")
    async def link(request: Request, given: BearerCredentials, body: Annotated[LinkRequest, Body()]) -> LinkStart:
        user_id = await find_user(request, body.user_id, deps.user)
        renewed = await find_token(request, given, deps.resolver) if body.update else None
        return await banking.create_link_token(
            user_id,
            renewed,
            item_id=body.item_id,
            account_selection=body.account_selection,
            institution_id=body.institution_id,
            redirect_uri=body.redirect_uri,
            webhook_url=deps.webhook_url,
        )

    @router.post("/exchange", response_model=LinkedItem, summary="Turn what the user brought back into an access token")
    async def exchange(request: Request, body: Annotated[ExchangeRequest, Body()]) -> LinkedItem:
        user_id = await find_user(request, body.user_id, deps.user)
        values: Mapping[str, str] = body.__pydantic_extra__
        return await banking.exchange_public_token(
            body.public_token, user_id=user_id, link_session=body.link_session, **values
        )

    @router.delete("/item", status_code=204, response_class=Response, summary="Withdraw the access at the provider")
    async def remove_item(token: Annotated[str, Depends(token_of)]) -> Response:
        await banking.remove_item(token)
        deps.cache.forget(token)
        return Response(status_code=204)


def _accounts(found: RecordBatch[BankAccount]) -> AccountsAnswer:
    return AccountsAnswer(accounts=list(found), meta=_completeness(found))


def _completeness(found: RecordBatch[Any]) -> Completeness:
    return Completeness(complete=found.complete, rejected=len(found.rejected))
