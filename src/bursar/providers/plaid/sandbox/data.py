"""Endpoints that tell accounts, transactions and everything else about an item."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, cast

from bursar.providers.plaid.sandbox.accounts import render_numbers, render_owners
from bursar.providers.plaid.sandbox.desk import Desk
from bursar.providers.plaid.sandbox.endpoints import (
    ACCESS_TOKEN,
    ACCOUNT_IDS,
    CATEGORY_VERSION,
    DAYS_REQUESTED,
    FLAG,
    PAGE_COUNT,
    PAGE_OFFSET,
    Endpoint,
    account_endpoint,
    endpoint,
)
from bursar.providers.plaid.sandbox.feed import Entry
from bursar.providers.plaid.sandbox.ids import IdMint
from bursar.providers.plaid.sandbox.investments import (
    positions_with_cash,
    render_holdings,
    render_investment_transaction,
    render_security,
    symbol_of,
)
from bursar.providers.plaid.sandbox.items import Item
from bursar.providers.plaid.sandbox.liabilities import render_card, render_student_loan
from bursar.providers.plaid.sandbox.problems import invalid_request, item_error
from bursar.providers.plaid.sandbox.shapes import Day, Shape, Text
from bursar.providers.plaid.sandbox.transactions import TRANSACTION_KINDS, render_transaction, trimmed
from bursar.sandbox.ledger import Row
from bursar.sandbox.people import Account, AccountKind

_DEFAULT_COUNT = 100
_INVESTMENT_HISTORY = timedelta(days=731)
_CAPITAL_ONE = "ins_128026"
_DEPOSITORY = frozenset({AccountKind.CHECKING, AccountKind.SAVINGS})


def _get_accounts(desk: Desk, path: str, request: dict[str, Any]) -> dict[str, object]:
    item = desk.open_for_data(path, request)
    accounts = item.select(request.get("options", {}).get("account_ids"))
    return {"accounts": desk.render_accounts(item, accounts), "item": desk.render_item(item)}


def _get_balances(desk: Desk, path: str, request: dict[str, Any]) -> dict[str, object]:
    item = desk.open_for_data(path, request)
    options = request.get("options", {})
    accounts = item.select(options.get("account_ids"))
    needs_age = item.institution.institution_id == _CAPITAL_ONE and any(a.kind not in _DEPOSITORY for a in accounts)
    if needs_age and "min_last_updated_datetime" not in options:
        raise invalid_request("INVALID_FIELD", "min_last_updated_datetime is required for accounts at this institution")
    return {"accounts": desk.render_accounts(item, accounts), "item": desk.render_item(item)}


def _sync_transactions(desk: Desk, path: str, request: dict[str, Any]) -> dict[str, object]:
    item = desk.open_for_data(path, request)
    options = request.get("options", {})
    _begin_transactions(desk, item, options)
    item.is_armed = True
    if desk.is_not_ready(path):
        return {
            "transactions_update_status": "NOT_READY",
            "accounts": [],
            "added": [],
            "modified": [],
            "removed": [],
            "next_cursor": "",
            "has_more": False,
        }
    stream = item.world_account_id(options["account_id"]) if "account_id" in options else ""
    page = None
    if request.get("cursor") == "now":
        cursor = item.pager.cursor_at_head(stream, desk.world.now)
    else:
        text = request.get("cursor", "")
        start = item.pager.decode(text, stream, desk.world.now) if text else None
        page = item.pager.page(start, stream, request.get("count", _DEFAULT_COUNT), desk.world.now)
        cursor = page.next_cursor
    changes = page.changes if page is not None else ()
    active = {change.entry.row.account_id for change in changes}
    added = _render(desk, (c.entry for c in changes if c.kind == "added"), options)
    modified = _render(desk, (c.entry for c in changes if c.kind == "modified"), options)
    desk.blemishes.hide_currency(item.item_id, item.pager.loops, [*added, *modified])
    answer: dict[str, object] = {
        "transactions_update_status": (
            "HISTORICAL_UPDATE_COMPLETE" if item.history_due_at is None else "INITIAL_UPDATE_COMPLETE"
        ),
        "accounts": desk.render_accounts(item, [one for one in item.accounts if one.account_id in active]),
        "added": added,
        "modified": modified,
        "removed": [
            {"transaction_id": change.entry.transaction_id, "account_id": change.entry.account_id}
            for change in changes
            if change.kind == "removed"
        ],
        "next_cursor": item.pager.encode(cursor),
        "has_more": page is not None and page.has_more,
    }
    if page is not None and page.has_more:
        desk.mutate_after_page(path, item, page.number, stream)
    return answer


def _get_transactions(desk: Desk, path: str, request: dict[str, Any]) -> dict[str, object]:
    item = desk.open_for_data(path, request)
    options = request.get("options", {})
    _begin_transactions(desk, item, options)
    if desk.is_not_ready(path):
        raise item_error("PRODUCT_NOT_READY", "the requested product is not yet ready; try again later")
    _require_order(request)
    accounts = [one for one in item.select(options.get("account_ids")) if one.kind in TRANSACTION_KINDS]
    wanted = {account.account_id for account in accounts}
    item.feed.catch_up()
    found = [
        entry
        for entry in item.feed.listed()
        if entry.row.account_id in wanted and request["start_date"] <= entry.row.booked_on <= request["end_date"]
    ]
    found.sort(key=lambda entry: (entry.row.booked_on, entry.row.occurred_at, entry.transaction_id), reverse=True)
    start, count = options.get("offset", 0), options.get("count", _DEFAULT_COUNT)
    answer: dict[str, object] = {
        "accounts": desk.render_accounts(item, accounts),
        "transactions": _render(desk, found[start : start + count], options, is_list=True),
        "total_transactions": len(found),
        "item": desk.render_item(item),
    }
    if start + count < len(found):
        desk.mutate_after_page(path, item, start // count + 1)
    return answer


def _begin_transactions(desk: Desk, item: Item, options: dict[str, Any]) -> None:
    """Adds the product to an item that was linked without it; only then its history can still be chosen."""
    if "transactions" in item.products:
        return
    item.products.append("transactions")
    if "days_requested" in options:
        item.start_feed(desk.first_day(options["days_requested"]))


def _render(
    desk: Desk, entries: Iterable[Entry], options: dict[str, Any], *, is_list: bool = False
) -> list[dict[str, object]]:
    with_original = options.get("include_original_description", False)
    version = options.get("personal_finance_category_version", "v2")
    rendered: list[dict[str, object]] = []
    for entry in entries:
        row = entry.row
        account = desk.world.accounts[row.account_id]
        body = render_transaction(desk.mint, entry, account, with_original=with_original, category_version=version)
        if is_list and desk.blemishes.is_trimmed(row):
            body["amount"] = trimmed(-row.amount)
        desk.blemishes.vary_row(row, body)
        rendered.append(body)
    return rendered


def _get_identity(desk: Desk, path: str, request: dict[str, Any]) -> dict[str, object]:
    item = desk.open_for_data(path, request)
    accounts = item.select(request.get("options", {}).get("account_ids"))
    rendered = desk.render_accounts(item, accounts)
    owned = [{**wire, "owners": render_owners(account)} for wire, account in zip(rendered, accounts, strict=True)]
    return {"accounts": owned, "item": desk.render_item(item)}


def _get_auth(desk: Desk, path: str, request: dict[str, Any]) -> dict[str, object]:
    item = desk.open_for_data(path, request)
    accounts = _of_kinds(item, request, _DEPOSITORY)
    if not accounts:
        raise item_error("NO_AUTH_ACCOUNTS", "there are no accounts with numbers for this item")
    numbers = render_numbers([(account, item.account_ids[account.account_id]) for account in accounts])
    return {
        "accounts": desk.render_accounts(item, accounts),
        "numbers": numbers,
        "item": desk.render_item(item),
    }


def _get_liabilities(desk: Desk, path: str, request: dict[str, Any]) -> dict[str, object]:
    item = desk.open_for_data(path, request)
    accounts = _of_kinds(item, request, frozenset({AccountKind.CREDIT_CARD, AccountKind.LOAN}))
    if not accounts:
        raise item_error("NO_LIABILITY_ACCOUNTS", "there are no liability accounts for this item")
    cards = [one for one in accounts if one.kind is AccountKind.CREDIT_CARD]
    loans = [one for one in accounts if one.kind is AccountKind.LOAN]
    ids = item.account_ids
    return {
        "accounts": desk.render_accounts(item, accounts),
        "liabilities": {
            "credit": [render_card(desk.world, one, ids[one.account_id]) for one in cards] or None,
            "mortgage": None,
            "student": [render_student_loan(desk.world, one, ids[one.account_id]) for one in loans] or None,
        },
        "item": desk.render_item(item),
    }


def _get_holdings(desk: Desk, path: str, request: dict[str, Any]) -> dict[str, object]:
    item = desk.open_for_data(path, request)
    accounts = _investment_accounts(item, request)
    holdings: list[dict[str, object]] = []
    symbols: set[str] = set()
    for account in accounts:
        held = positions_with_cash(desk.world, account)
        told, nameless = desk.blemishes.spoil_holdings(item.item_id, account, held, desk.world.now)
        holdings += render_holdings(desk.mint, account, item.account_ids[account.account_id], told)
        symbols |= {position.symbol for position in told if position.symbol not in nameless}
    return {
        "accounts": _render_investment_accounts(desk, item, accounts),
        "holdings": holdings,
        "securities": _render_securities(desk, accounts, sorted(symbols)),
        "item": desk.render_item(item),
        "is_investments_fallback_item": False,
    }


def _get_investment_transactions(desk: Desk, path: str, request: dict[str, Any]) -> dict[str, object]:
    item = desk.open_for_data(path, request)
    _require_order(request)
    options = request.get("options", {})
    accounts = _investment_accounts(item, request)
    earliest = max(request["start_date"], (desk.world.now - _INVESTMENT_HISTORY).date())
    rows = [
        row
        for account in accounts
        for row in desk.world.truth(account.account_id).settled
        if earliest <= row.booked_on <= request["end_date"]
    ]
    rows.sort(key=lambda row: (row.booked_on, row.occurred_at, row.world_id), reverse=True)
    start, count = options.get("offset", 0), options.get("count", _DEFAULT_COUNT)
    served = rows[start : start + count]
    symbols = sorted({symbol_of(row) for row in served})
    return {
        "accounts": _render_investment_accounts(desk, item, accounts),
        "investment_transactions": [
            render_investment_transaction(
                row, item.account_ids[row.account_id], _investment_id(desk.mint, item, row), desk.mint
            )
            for row in served
        ],
        "securities": _render_securities(desk, accounts, symbols),
        "total_investment_transactions": len(rows),
        "item": desk.render_item(item),
        "is_investments_fallback_item": False,
    }


def _investment_id(mint: IdMint, item: Item, row: Row) -> str:
    """The id of an investment transaction: the same for as long as the item and its consent."""
    era = item.investment_eras.get(row.account_id)
    parts = (item.item_id,) if era is None else (item.item_id, str(era))
    return mint.row_id("investment", row.account_id, row.world_id, *parts)


def _render_investment_accounts(desk: Desk, item: Item, accounts: list[Account]) -> list[dict[str, object]]:
    rendered = desk.render_accounts(item, accounts)
    for wire in rendered:
        # Only the investment endpoints have this member; the vendor's client insists on it there.
        wire["balances"] = {**cast("dict[str, object]", wire["balances"]), "margin_loan_amount": None}
    return rendered


def _render_securities(desk: Desk, accounts: list[Account], symbols: list[str]) -> list[dict[str, object]]:
    on = accounts[0].bank.local_date(desk.world.now)
    return [render_security(desk.mint, desk.world, symbol, on) for symbol in symbols]


def _investment_accounts(item: Item, request: dict[str, Any]) -> list[Account]:
    accounts = _of_kinds(item, request, frozenset({AccountKind.BROKERAGE}))
    if not accounts:
        raise item_error("NO_INVESTMENT_ACCOUNTS", "there are no investment accounts for this item")
    return accounts


def _of_kinds(item: Item, request: dict[str, Any], kinds: frozenset[AccountKind]) -> list[Account]:
    selected = item.select(request.get("options", {}).get("account_ids"))
    return [account for account in selected if account.kind in kinds]


def _require_order(request: dict[str, Any]) -> None:
    if request["start_date"] > request["end_date"]:
        raise invalid_request("INVALID_FIELD", "start_date must not be after end_date")


_TRANSACTION_OPTIONS = {
    "include_original_description": FLAG,
    "personal_finance_category_version": CATEGORY_VERSION,
    "days_requested": DAYS_REQUESTED,
}

ENDPOINTS: dict[str, Endpoint] = {
    "/accounts/get": account_endpoint(_get_accounts),
    "/accounts/balance/get": account_endpoint(_get_balances, min_last_updated_datetime=Text()),
    "/transactions/sync": endpoint(
        _sync_transactions,
        access_token=ACCESS_TOKEN,
        cursor=Text(max_length=256),
        count=PAGE_COUNT,
        options=Shape({**_TRANSACTION_OPTIONS, "account_id": Text()}),
    ),
    "/transactions/get": endpoint(
        _get_transactions,
        access_token=ACCESS_TOKEN,
        start_date=Day(required=True),
        end_date=Day(required=True),
        options=Shape({**_TRANSACTION_OPTIONS, "account_ids": ACCOUNT_IDS, "count": PAGE_COUNT, "offset": PAGE_OFFSET}),
    ),
    "/identity/get": account_endpoint(_get_identity),
    "/auth/get": account_endpoint(_get_auth),
    "/liabilities/get": account_endpoint(_get_liabilities),
    "/investments/holdings/get": account_endpoint(_get_holdings),
    "/investments/transactions/get": endpoint(
        _get_investment_transactions,
        access_token=ACCESS_TOKEN,
        start_date=Day(required=True),
        end_date=Day(required=True),
        options=Shape({"account_ids": ACCOUNT_IDS, "count": PAGE_COUNT, "offset": PAGE_OFFSET, "async_update": FLAG}),
    ),
}
"""Endpoints that read an item's data by path."""
