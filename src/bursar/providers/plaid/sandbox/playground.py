"""Endpoints that exist in the sandbox environment only, and the on-demand refresh they play with."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from bursar.providers.plaid.sandbox.desk import DEFAULT_DAYS, Desk, sync_progress
from bursar.providers.plaid.sandbox.endpoints import ACCESS_TOKEN, DAYS_REQUESTED, Endpoint, endpoint
from bursar.providers.plaid.sandbox.institutions import get_institution
from bursar.providers.plaid.sandbox.items import Item
from bursar.providers.plaid.sandbox.linking import require_products
from bursar.providers.plaid.sandbox.problems import PlaidProblemError, invalid_request, item_error, standing_problem
from bursar.providers.plaid.sandbox.shapes import Day, Listing, Number, Shape, Text
from bursar.providers.plaid.sandbox.transactions import TRANSACTION_KINDS
from bursar.sandbox.cast import QUIET_USERNAME
from bursar.sandbox.ledger import Purpose
from bursar.sandbox.merchants import DAILY
from bursar.sandbox.people import AccountKind

_OLDEST_CREATED = timedelta(days=14)
_MAX_CREATED = 10
_DEPOSITORY = frozenset({AccountKind.CHECKING, AccountKind.SAVINGS})


@dataclass(frozen=True, slots=True)
class _Firing:
    """The type a code belongs to by default, and the product an item needs for it."""

    webhook_type: str
    product: str | None = None


_CODES = {
    "DEFAULT_UPDATE": _Firing("TRANSACTIONS", "transactions"),
    "SYNC_UPDATES_AVAILABLE": _Firing("TRANSACTIONS", "transactions"),
    "RECURRING_TRANSACTIONS_UPDATE": _Firing("TRANSACTIONS", "transactions"),
    "NEW_ACCOUNTS_AVAILABLE": _Firing("ITEM"),
    "AUTHORIZATION_GRANTED": _Firing("ITEM"),
    "USER_PERMISSION_REVOKED": _Firing("ITEM"),
    "USER_ACCOUNT_REVOKED": _Firing("ITEM"),
    "PENDING_DISCONNECT": _Firing("ITEM"),
    "LOGIN_REPAIRED": _Firing("ITEM"),
    "ERROR": _Firing("ITEM"),
    "SMS_MICRODEPOSITS_VERIFICATION": _Firing("AUTH", "auth"),
    "PRODUCT_READY": _Firing("ASSETS", "assets"),
}
_TYPES = frozenset({"AUTH", "HOLDINGS", "INVESTMENTS_TRANSACTIONS", "ITEM", "LIABILITIES", "TRANSACTIONS", "ASSETS"})


def _create_public_token(desk: Desk, _path: str, request: dict[str, Any]) -> dict[str, object]:
    institution = get_institution(request["institution_id"])
    products: list[str] = request["initial_products"]
    if not products:
        raise invalid_request("MISSING_FIELDS", "the following required fields are missing: initial_products")
    require_products(products)
    options = request.get("options", {})
    history = options.get("transactions", {})
    first_day = history.get("start_date") or desk.first_day(history.get("days_requested", DEFAULT_DAYS))
    credentials = (options.get("override_username", "user_good"), options.get("override_password", "pass_good"))
    item = desk.link(institution, credentials, products, webhook=options.get("webhook"), first_day=first_day)
    return {"public_token": desk.items.issue_public_token(item)}


def _fire_webhook(desk: Desk, _path: str, request: dict[str, Any]) -> dict[str, object]:
    item = desk.items.open(request["access_token"])
    if not item.webhook:
        raise PlaidProblemError("SANDBOX_ERROR", "SANDBOX_WEBHOOK_INVALID", "no webhook is set for this item")
    code = request["webhook_code"]
    firing = _CODES[code]
    if firing.product is not None and firing.product not in item.products:
        raise PlaidProblemError("SANDBOX_ERROR", "SANDBOX_PRODUCT_NOT_ENABLED", f"the item has no {firing.product}")
    webhook_type = request.get("webhook_type", firing.webhook_type)
    desk.notify(item, webhook_type, code, **_extra(desk, item, webhook_type, code))
    return {"webhook_fired": True}


def _extra(desk: Desk, item: Item, webhook_type: str, code: str) -> dict[str, object]:
    if code == "SYNC_UPDATES_AVAILABLE":
        return sync_progress(item)
    if code == "DEFAULT_UPDATE" and webhook_type == "TRANSACTIONS":
        return {"new_transactions": 0}
    if code == "DEFAULT_UPDATE" and webhook_type == "HOLDINGS":
        return {"new_holdings": 0, "updated_holdings": 0}
    if code == "DEFAULT_UPDATE" and webhook_type == "INVESTMENTS_TRANSACTIONS":
        return {"new_investments_transactions": 0, "cancelled_investments_transactions": 0}
    if code in {"ERROR", "USER_PERMISSION_REVOKED"}:
        problem = standing_problem("ITEM_LOGIN_REQUIRED" if code == "ERROR" else code)
        return {"error": {**problem.body(), "status": problem.status}}
    if code == "PENDING_DISCONNECT":
        disconnect_at = desk.world.now + timedelta(days=7)
        return {"reason": "INSTITUTION_TOKEN_EXPIRATION", "disconnect_time": disconnect_at.isoformat()}
    if code in {"USER_ACCOUNT_REVOKED", "RECURRING_TRANSACTIONS_UPDATE"}:
        ids = list(item.account_ids.values())
        return {"account_id": ids[0]} if code == "USER_ACCOUNT_REVOKED" else {"account_ids": ids}
    return {}


def _reset_login(desk: Desk, _path: str, request: dict[str, Any]) -> dict[str, object]:
    item = desk.items.open(request["access_token"])
    desk.break_item(item, "ITEM_LOGIN_REQUIRED")
    return {"reset_login": True}


def _create_transactions(desk: Desk, _path: str, request: dict[str, Any]) -> dict[str, object]:
    item = desk.items.open(request["access_token"])
    account = next((one for one in item.accounts if one.kind in _DEPOSITORY), None)
    if item.login.username != QUIET_USERNAME or account is None:
        raise invalid_request("INVALID_FIELD", f"only for depository accounts of {QUIET_USERNAME}")
    today = account.bank.local_date(desk.world.now)
    for wanted in request["transactions"]:
        if wanted.get("iso_currency_code", "USD") != account.currency:
            raise invalid_request("INVALID_FIELD", "iso_currency_code must be the currency of the account")
        if not today - _OLDEST_CREATED <= wanted["date_transacted"] <= wanted["date_posted"]:
            raise invalid_request("INVALID_FIELD", "dates must be in order and at most 14 days back")
        if wanted["amount"] != wanted["amount"].quantize(Decimal("0.01")):
            raise invalid_request("INVALID_FIELD", "amount has too many decimals")
    for wanted in request["transactions"]:
        is_posted = wanted["date_posted"] <= today
        add = desk.world.script.add_settled if is_posted else desk.world.script.add_pending
        booked_on = wanted["date_posted"] if is_posted else wanted["date_transacted"]
        # Plaid counts money that leaves as positive.
        add(account.account_id, -wanted["amount"], wanted["description"], booked_on=booked_on)
    desk.notify_changes(item)
    return {}


def _refresh(desk: Desk, path: str, request: dict[str, Any]) -> dict[str, object]:
    item = desk.open_for_data(path, request)
    if "transactions" not in item.products:
        raise item_error("PRODUCT_NOT_ENABLED", "this item was not created with the transactions product")
    if item.login.username == QUIET_USERNAME:
        _stir(desk, item)
    desk.notify_changes(item)
    return {}


def _stir(desk: Desk, item: Item) -> None:
    """What a refresh does for the dynamic test user: everything moves one step."""
    script = desk.world.script
    for account in item.accounts:
        if account.kind not in TRANSACTION_KINDS:
            continue
        truth = desk.world.truth(account.account_id)
        for row in truth.pending:
            script.post(row.world_id)
        if truth.settled:
            earlier = truth.settled[-1]
            script.modify(earlier.world_id, amount=earlier.amount - 1)
        for merchant in DAILY[:3]:
            amount = -Decimal(merchant.low * 100 + 49).scaleb(-2)
            script.add_pending(
                account.account_id,
                amount,
                merchant.statement_text,
                purpose=Purpose(merchant.purpose),
                counterparty=merchant.name,
            )


ENDPOINTS: dict[str, Endpoint] = {
    "/sandbox/public_token/create": endpoint(
        _create_public_token,
        institution_id=Text(required=True),
        initial_products=Listing(Text(), required=True),
        options=Shape(
            {
                "webhook": Text(),
                "override_username": Text(nullable=False),
                "override_password": Text(nullable=False),
                "transactions": Shape({"start_date": Day(), "end_date": Day(), "days_requested": DAYS_REQUESTED}),
            }
        ),
        user_token=Text(),
        user_id=Text(),
    ),
    "/sandbox/item/fire_webhook": endpoint(
        _fire_webhook,
        access_token=ACCESS_TOKEN,
        webhook_code=Text(required=True, choices=frozenset(_CODES)),
        webhook_type=Text(choices=_TYPES),
    ),
    "/sandbox/item/reset_login": endpoint(_reset_login, access_token=ACCESS_TOKEN),
    "/sandbox/transactions/create": endpoint(
        _create_transactions,
        access_token=ACCESS_TOKEN,
        transactions=Listing(
            Shape(
                {
                    "date_transacted": Day(required=True),
                    "date_posted": Day(required=True),
                    "amount": Number(required=True),
                    "description": Text(required=True),
                    "iso_currency_code": Text(),
                }
            ),
            required=True,
            max_count=_MAX_CREATED,
        ),
    ),
    "/transactions/refresh": endpoint(_refresh, access_token=ACCESS_TOKEN),
}
"""Sandbox-only endpoints and the refresh by path."""
