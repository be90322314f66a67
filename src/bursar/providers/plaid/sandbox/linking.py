"""Endpoints from the link token to the removal of an item."""

from typing import Any

from bursar.providers.plaid.sandbox.desk import DEFAULT_DAYS, KNOWN_PRODUCTS, Desk
from bursar.providers.plaid.sandbox.endpoints import (
    ACCESS_TOKEN,
    COUNTRY_CODES,
    DAYS_REQUESTED,
    FLAG,
    PAGE_COUNT,
    PAGE_OFFSET,
    Endpoint,
    endpoint,
)
from bursar.providers.plaid.sandbox.instants import wire_instant
from bursar.providers.plaid.sandbox.institutions import (
    INSTITUTIONS,
    OFFERED_PRODUCTS,
    get_institution,
    render_institution,
    routing_numbers,
)
from bursar.providers.plaid.sandbox.problems import invalid_input, invalid_request
from bursar.providers.plaid.sandbox.shapes import Listing, Shape, Text, Whole

_LANGUAGES = frozenset("da nl en et fr de hi it lv lt no pl pt ro es sv vi".split())
_REASONS = frozenset(
    "FRAUD_FIRST_PARTY FRAUD_FALSE_IDENTITY FRAUD_ABUSE FRAUD_OTHER CONNECTION_IS_NON_FUNCTIONAL OTHER".split()
)
_PRODUCT_LIST = Listing(Text())
_SEARCH_RESULT_LIMIT = 10


def require_products(products: list[str]) -> None:
    """Raises `INVALID_PRODUCT` for a product that can not be asked for."""
    for product in products:
        if product not in KNOWN_PRODUCTS:
            raise invalid_input("INVALID_PRODUCT", f"{product} is not a product that can be requested")


def _create_link_token(desk: Desk, _path: str, request: dict[str, Any]) -> dict[str, object]:
    user = request.get("user", {})
    if "user_id" not in request and not user.get("client_user_id"):
        raise invalid_request("MISSING_FIELDS", "the following required fields are missing: user.client_user_id")
    products: list[str] = request.get("products", [])
    item = None
    if "access_token" in request:
        if products:
            raise invalid_request("INVALID_FIELD", "products must be left out in update mode")
        item = desk.items.open(request["access_token"])
    elif not products:
        raise invalid_request("MISSING_FIELDS", "the following required fields are missing: products")
    optional = [
        product
        for member in ("required_if_supported_products", "optional_products", "additional_consented_products")
        for product in request.get(member, [])
    ]
    require_products([*products, *optional])
    if set(products) & set(optional):
        raise invalid_request("INVALID_FIELD", "a product may be named only once")
    days = request.get("transactions", {}).get("days_requested", DEFAULT_DAYS)
    wished = [*request.get("required_if_supported_products", []), *request.get("optional_products", [])]
    link = desk.items.issue_link_token(
        products,
        wished,
        request.get("webhook"),
        days_requested=days,
        item=item,
        selects_accounts=bool(request.get("update", {}).get("account_selection_enabled")),
    )
    return {"link_token": link.token, "expiration": wire_instant(link.expires_at)}


def _exchange(desk: Desk, _path: str, request: dict[str, Any]) -> dict[str, object]:
    access_token, item = desk.items.exchange(request["public_token"])
    return {"access_token": access_token, "item_id": item.item_id}


def _rotate(desk: Desk, _path: str, request: dict[str, Any]) -> dict[str, object]:
    return {"new_access_token": desk.items.rotate(request["access_token"])}


def _remove_item(desk: Desk, _path: str, request: dict[str, Any]) -> dict[str, object]:
    desk.items.remove(desk.items.open(request["access_token"]))
    return {}


def _update_webhook(desk: Desk, _path: str, request: dict[str, Any]) -> dict[str, object]:
    item = desk.items.open(request["access_token"])
    item.webhook = request["webhook"]
    desk.notify(item, "ITEM", "WEBHOOK_UPDATE_ACKNOWLEDGED", new_webhook_url=item.webhook)
    return {"item": desk.render_item(item)}


def _get_item(desk: Desk, _path: str, request: dict[str, Any]) -> dict[str, object]:
    item = desk.items.open(request["access_token"])
    pulled = {"last_successful_update": wire_instant(desk.world.now), "last_failed_update": None}
    status: dict[str, object] = {
        product: dict(pulled) for product in ("transactions", "investments") if product in item.products
    }
    if item.last_webhook is not None:
        sent_at, code = item.last_webhook
        status["last_webhook"] = {"sent_at": wire_instant(sent_at), "code_sent": code}
    return {"item": desk.render_item(item), "status": status}


def _list_institutions(desk: Desk, _path: str, request: dict[str, Any]) -> dict[str, object]:
    options = request.get("options", {})
    found = [
        one
        for one in INSTITUTIONS.values()
        if set(one.countries) & set(request["country_codes"])
        and ("oauth" not in options or one.oauth == options["oauth"])
    ]
    if "routing_numbers" in options:
        wanted = set(options["routing_numbers"])
        found = [one for one in found if wanted.intersection(routing_numbers(desk.world, one))]
    if not set(options.get("products", [])) <= OFFERED_PRODUCTS:
        found = []
    start, end = request["offset"], request["offset"] + request["count"]
    page = [render_institution(desk.world, one, options) for one in found[start:end]]
    return {"institutions": page, "total": len(found)}


def _get_institution(desk: Desk, _path: str, request: dict[str, Any]) -> dict[str, object]:
    institution = get_institution(request["institution_id"])
    if not set(institution.countries) & set(request["country_codes"]):
        raise invalid_input("INVALID_INSTITUTION", "invalid institution_id provided")
    return {"institution": render_institution(desk.world, institution, request.get("options", {}))}


def _search_institutions(desk: Desk, _path: str, request: dict[str, Any]) -> dict[str, object]:
    words = request["query"].casefold().split()
    found = [
        render_institution(desk.world, one, request.get("options", {}))
        for one in INSTITUTIONS.values()
        if set(one.countries) & set(request["country_codes"]) and all(word in one.name.casefold() for word in words)
    ]
    return {"institutions": found[:_SEARCH_RESULT_LIMIT]}


def _get_verification_key(desk: Desk, _path: str, request: dict[str, Any]) -> dict[str, object]:
    return {"key": desk.keys.publish(request["key_id"])}


_INSTITUTION_OPTIONS = Shape(
    {
        "products": _PRODUCT_LIST,
        "routing_numbers": Listing(Text()),
        "oauth": FLAG,
        "include_optional_metadata": FLAG,
        "include_auth_metadata": FLAG,
        "include_payment_initiation_metadata": FLAG,
        "include_status": FLAG,
    },
)
_OPEN = Shape({}, is_open=True)

ENDPOINTS: dict[str, Endpoint] = {
    "/link/token/create": endpoint(
        _create_link_token,
        client_name=Text(required=True),
        language=Text(required=True, choices=_LANGUAGES),
        country_codes=COUNTRY_CODES,
        user=Shape({"client_user_id": Text()}, is_open=True),
        user_id=Text(),
        products=_PRODUCT_LIST,
        required_if_supported_products=_PRODUCT_LIST,
        optional_products=_PRODUCT_LIST,
        additional_consented_products=_PRODUCT_LIST,
        webhook=Text(),
        access_token=Text(),
        update=Shape({"account_selection_enabled": FLAG}, is_open=True),
        redirect_uri=Text(),
        transactions=Shape({"days_requested": DAYS_REQUESTED}),
        account_filters=_OPEN,
        link_customization_name=Text(),
        android_package_name=Text(),
        hosted_link=_OPEN,
    ),
    "/item/public_token/exchange": endpoint(_exchange, public_token=Text(required=True)),
    "/item/access_token/invalidate": endpoint(_rotate, access_token=ACCESS_TOKEN),
    "/item/remove": endpoint(
        _remove_item, access_token=ACCESS_TOKEN, reason_code=Text(choices=_REASONS), reason_note=Text(max_length=512)
    ),
    "/item/webhook/update": endpoint(
        _update_webhook, access_token=ACCESS_TOKEN, webhook=Text(required=True, nullable=True)
    ),
    "/item/get": endpoint(_get_item, access_token=ACCESS_TOKEN),
    "/institutions/get": endpoint(
        _list_institutions,
        count=Whole(PAGE_COUNT.low, PAGE_COUNT.high, required=True),
        offset=Whole(PAGE_OFFSET.low, PAGE_OFFSET.high, required=True),
        country_codes=COUNTRY_CODES,
        options=_INSTITUTION_OPTIONS,
    ),
    "/institutions/get_by_id": endpoint(
        _get_institution,
        institution_id=Text(required=True),
        country_codes=COUNTRY_CODES,
        options=_INSTITUTION_OPTIONS,
    ),
    "/institutions/search": endpoint(
        _search_institutions,
        query=Text(required=True),
        country_codes=COUNTRY_CODES,
        products=_PRODUCT_LIST,
        options=_INSTITUTION_OPTIONS,
    ),
    "/webhook_verification_key/get": endpoint(_get_verification_key, key_id=Text(required=True)),
}
"""Endpoints of linking, items, institutions and webhook keys by path."""
