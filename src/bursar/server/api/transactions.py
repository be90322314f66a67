"""What moved in the accounts?"""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import BeforeValidator, Field

from bursar.bootstrap import Platform
from bursar.domain.tenants import Principal
from bursar.domain.transactions import TransactionFilter
from bursar.server.deps import Caller, Id, PlatformDep, value_of
from bursar.server.errors import ApiError, Detail, invalid
from bursar.server.pagination import (
    CURSORS_ADVISED_FROM,
    Paging,
    cursor_meta,
    filter_mark,
    link_header,
    next_link,
    numbered_meta,
    read_cursor,
    write_cursor,
)
from bursar.server.parameters import Bound, Currency, Day, Instant, Parameters, Text, split_commas
from bursar.server.responses import item_response, list_response
from bursar.server.schemas.base import ItemOf, PageOf
from bursar.server.schemas.transactions import TransactionOut

router = APIRouter(tags=["transactions"])

_Status = Literal["pending", "settled", "cancelled", "failed", "booked"]


class RowFilters(Paging):
    """Which rows; all must hold, several values of one are alternatives, every bound is inclusive."""

    start_date: Day | None = None
    end_date: Day | None = None
    min_amount: Bound | None = None
    max_amount: Bound | None = None
    bank_id: Annotated[list[Text], BeforeValidator(split_commas)] = Field(default_factory=list[str], max_length=50)
    currency: Annotated[list[Currency], BeforeValidator(split_commas)] = Field(default_factory=list[str], max_length=50)
    status: Annotated[list[_Status], BeforeValidator(split_commas)] = Field(
        default_factory=list[_Status], max_length=10
    )
    direction: Literal["credit", "debit"] | None = None
    updated_since: Instant | None = None
    q: Annotated[Text, Field(max_length=200)] | None = None
    """Text in description, counterparty or memo, without regard to case."""
    sort: Literal["-transaction_date", "-transaction_date,-id"] | None = None
    """Newest first is the one order there is."""

    def to_filter(
        self, *, account_ids: tuple[UUID, ...] = (), connection_ids: tuple[UUID, ...] = ()
    ) -> TransactionFilter:
        """Return what to list.

        Raises:
            ApiError: each bound is fine and together they make no sense.
        """
        check_range("start_date", self.start_date, "end_date", self.end_date)
        check_range("min_amount", self.min_amount, "max_amount", self.max_amount)
        return TransactionFilter(
            account_ids=account_ids,
            connection_ids=connection_ids,
            institution_ids=tuple(sorted(set(self.bank_id))),
            start_date=self.start_date,
            end_date=self.end_date,
            min_amount=self.min_amount,
            max_amount=self.max_amount,
            currencies=tuple(sorted(set(self.currency))),
            statuses=tuple(sorted({"settled" if each == "booked" else each for each in self.status})),
            direction=self.direction,
            text=self.q or None,
            updated_since=self.updated_since,
        )


class AllRowFilters(RowFilters):
    """Which rows of the whole ledger."""

    account_id: Annotated[list[Id], BeforeValidator(split_commas)] = Field(default_factory=list[UUID], max_length=50)
    connection_id: Annotated[list[Id], BeforeValidator(split_commas)] = Field(default_factory=list[UUID], max_length=50)


def check_range(
    low_name: str, low: date | Decimal | datetime | None, high_name: str, high: date | Decimal | datetime | None
) -> None:
    """Return when the low end is not above the high one.

    Raises:
        ApiError: 422 naming both.
    """
    if low is not None and high is not None and low > high:  # pyright: ignore[reportOperatorIssue] - both of one kind
        message = f"{low_name} is after {high_name}."
        raise ApiError("unprocessable_entity", message, details=[Detail(field=low_name, message=message, code="range")])


@router.get("", response_model=PageOf[TransactionOut])
async def list_transactions(
    request: Request, platform: PlatformDep, caller: Caller, asked: Annotated[AllRowFilters, Query()]
) -> Response:
    """List the rows of the ledger, the newest first."""
    wanted = asked.to_filter(
        account_ids=tuple(sorted(set(asked.account_id))), connection_ids=tuple(sorted(set(asked.connection_id)))
    )
    return await answer_rows(request, platform, caller, asked, wanted)


@router.get("/{transaction_id}", response_model=ItemOf[TransactionOut])
async def get_transaction(
    transaction_id: Id, request: Request, platform: PlatformDep, caller: Caller, asked: Annotated[Parameters, Query()]
) -> Response:
    """Show one row; one that its institution took back still resolves, and says so."""
    row = value_of(await platform.queries.get_transaction(caller.tenant_id, transaction_id), caller, platform)
    return item_response(request, TransactionOut.of(row), fields=asked.fields)


async def answer_rows(
    request: Request, platform: Platform, caller: Principal, asked: RowFilters, wanted: TransactionFilter
) -> Response:
    """Return the page that was asked for: by number, or (with `cursor` or `limit`) by position."""
    mark = filter_mark(wanted)
    by_cursor = asked.cursor is not None or asked.limit is not None
    if by_cursor and asked.page is not None:
        raise invalid("page", "Use page, or cursor and limit, not both.", "state")
    position = read_cursor(platform, caller, mark, asked.cursor or "") if by_cursor else None
    page = await platform.queries.list_transactions(
        caller.tenant_id,
        wanted,
        limit=asked.size,
        offset=0 if by_cursor else asked.offset,
        after=(date.fromisoformat(position[0]), UUID(position[1])) if position else None,
        with_total=not by_cursor,
    )
    rows = [TransactionOut.of(row) for row in page.rows]
    if by_cursor:
        following = None
        if page.next_after is not None:
            following = write_cursor(platform, caller, mark, [page.next_after[0].isoformat(), str(page.next_after[1])])
        links = [next_link(request, cursor=following)] if following else []
        return list_response(rows, cursor_meta(asked.size, following), fields=asked.fields, headers=link_header(links))
    meta = numbered_meta(asked, page.total or 0) | {"has_more": page.next_after is not None}
    if not page.total_is_exact:
        meta["total_is_estimate"] = True
    links = [next_link(request, page=str(asked.number + 1))] if page.next_after is not None else []
    if asked.offset >= CURSORS_ADVISED_FROM:
        links.append(next_link(request, rel="alternate", cursor=""))
    return list_response(rows, meta, fields=asked.fields, headers=link_header(links))
