"""What does the simulated Flanks tell of what credentials hold?"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from bursar.providers.flanks.sandbox.bodies import Body, Reader, matches
from bursar.providers.flanks.sandbox.desk import Application, page
from bursar.providers.flanks.sandbox.extraction import Extraction, Member
from bursar.providers.flanks.sandbox.problems import not_found, simple
from bursar.providers.flanks.sandbox.shapes import flat, flat_identity

# Path under /v0/bank/credentials -> the flag that governs it, the kind of object, where it is, what its id is called.
_LISTS: dict[str, tuple[str, str, Callable[[Extraction], list[Member]], str]] = {
    "portfolio": ("product.portfolio", "portfolio", lambda found: found.portfolios, "portfolio_id"),
    "investment": ("product.investment", "investment", lambda found: found.investments, "investment_id"),
    "investment/transaction": (
        "transaction.investment",
        "transaction",
        lambda found: found.investment_transactions,
        "transaction_id",
    ),
    "account": ("product.account", "account", lambda found: found.accounts, "account_id"),
    "data": ("transaction.account", "transaction", lambda found: found.account_transactions, "transaction_id"),
    "liability": ("product.liability", "liability", lambda found: found.liabilities, "liability_id"),
    "liability/transaction": (
        "transaction.liability",
        "transaction",
        lambda found: found.liability_transactions,
        "transaction_id",
    ),
    "card": ("product.card", "card", lambda found: found.cards, "card_id"),
    "card/transaction": ("transaction.card", "transaction", lambda found: found.card_transactions, "transaction_id"),
    "holder": ("product.holders", "holder", lambda found: found.holders, "holder_id"),
}
V1_PATHS = (*_LISTS, "auth")


def answer_v1(app: Application, reader: Reader, kind: str, *, is_flat: bool) -> Any:
    """One of the eleven endpoints of Aggregation v1."""
    credential = app.find(reader.required("credentials_token"))
    ignore_error = reader.flag("ignore_data_error")
    query = reader.members("query", required=False)
    flag = "product.auth" if kind == "auth" else _LISTS[kind][0]
    if credential.is_pending:
        raise simple(400, "Data not available yet", code="DATA_PENDING")
    if flag in credential.errored and not ignore_error:
        raise simple(400, "Data error", code="DATA_ERROR")
    found = app.extraction(credential)
    if kind == "auth":
        return flat_identity(found.identity) if is_flat else found.identity
    _, shape, listed, own_id = _LISTS[kind]
    rows = [row for row in listed(found) if _is_wanted(row, query, own_id) and row["_id"] not in found.unread]
    return [flat(shape, row) for row in rows] if is_flat else rows


def list_products(app: Application, reader: Reader, page_size: int) -> Body:
    """A page of the products of all credentials."""
    query = reader.query(("product_id_in", "connection_id_in", "product_type_in"))
    products = [
        {
            "product_id": product["_id"],
            "product_type": kind,
            "connection_id": token,
            "name": product.get("alias") or product.get("name"),
            "balance": product["balance"],
            "currency": product["currency"],
            "iban": product.get("iban"),
            "labels": app.labels.get(("product", product["_id"]), {}),
        }
        for token, credential in app.credentials.items()
        if matches(query, "connection_id_in", token)
        for kind, product in app.extraction(credential).products
        if matches(query, "product_type_in", kind) and matches(query, "product_id_in", product["_id"])
    ]
    items, following = page(reader, products, page_size)
    return {"items": items, "next_page_token": following}


def list_transactions(app: Application, reader: Reader, page_size: int) -> Body:
    """A page of the transactions of all credentials."""
    days = {"date_from", "date_to"}
    query = reader.query(("transaction_id_in", "product_id_in", "connection_id_in"), days)
    first, last = (day.isoformat() if (day := query.get(name)) else None for name in ("date_from", "date_to"))
    page_size, at = _choose_moment(app, reader, page_size)
    rows = [
        (member, row)
        for token, credential in app.credentials.items()
        if matches(query, "connection_id_in", token)
        for member, row in app.extraction(credential, at=at).transactions
        if matches(query, "transaction_id_in", row["_id"])
        and matches(query, "product_id_in", row[member])
        and (first is None or row["operationDate"] >= first)
        and (last is None or row["operationDate"] <= last)
    ]
    chosen, following = page(reader, rows, page_size)
    items = [_list_row(app, member, row) for member, row in chosen]
    app.blemishes.hide_currency(app.listing_count, items)
    return {"items": items, "next_page_token": following}


def _choose_moment(app: Application, reader: Reader, page_size: int) -> tuple[int, datetime | None]:
    """How long the pages of a listing are, and as of when this one is: mostly as the face says, and now."""
    app.listing_count += 1
    token = reader.text("page_token", required=False, nullable=True)
    if token is not None:
        if app.blemishes.rejects_page(f"{app.listing_count}"):
            raise reader.wrong("page_token", "invalid_value")
        return page_size, None
    short = app.blemishes.page_size(app.listing_count)
    return (page_size, None) if short is None else (short, app.world.now - app.blemishes.lead(app.listing_count))


def _list_row(app: Application, member: str, row: Member) -> Body:
    item: Body = {
        "transaction_id": row["_id"],
        "product_id": row[member],
        "amount": row["amount"],
        "currency": row["currency"],
        "description": row["description"],
        "date": row["operationDate"],
        "category": row.get("category"),
        "labels": app.labels.get(("transaction", row["_id"]), {}),
    }
    world_id = app.mint.rows.get(row["_id"])
    if world_id is not None:
        app.blemishes.vary_row(world_id, item)
    return item


def set_labels(app: Application, reader: Reader, kind: str) -> Body:
    """Replace the labels of a product or a transaction."""
    target = reader.required(f"{kind}_id")
    labels = reader.labels()
    extractions = [app.extraction(credential) for credential in app.credentials.values()]
    listed = [
        row["_id"] for found in extractions for _, row in (found.products if kind == "product" else found.transactions)
    ]
    if target not in listed:
        raise not_found()
    app.labels[kind, target] = labels
    return {"success": True}


def _is_wanted(row: Member, query: Body, own_id: str) -> bool:
    for name, wanted in query.items():
        if not isinstance(wanted, list):
            continue
        value = row["_id"] if name == own_id else row.get(name)
        if (name == own_id or name in row) and value not in wanted:
            return False
    return True
