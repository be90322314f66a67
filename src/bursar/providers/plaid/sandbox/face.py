"""How does a request to the simulated Plaid become an answer?"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from hmac import compare_digest
from typing import Any, cast

import msgspec

from bursar.providers.plaid.sandbox import data, linking, playground
from bursar.providers.plaid.sandbox.desk import Desk, render_webhook, sync_progress
from bursar.providers.plaid.sandbox.endpoints import Endpoint
from bursar.providers.plaid.sandbox.institutions import get_institution
from bursar.providers.plaid.sandbox.items import Item
from bursar.providers.plaid.sandbox.limits import LimitBook
from bursar.providers.plaid.sandbox.problems import PlaidProblemError, for_status, invalid_input, invalid_request
from bursar.providers.plaid.sandbox.webhooks import write_body, write_headers
from bursar.sandbox.faces import Receive, RefusedActionError, Scope, Send, WebhookDelivery
from bursar.sandbox.world import World

_SLUG = "plaid"
_VERSION = "2020-09-14"
_ENDPOINTS: dict[str, Endpoint] = {**linking.ENDPOINTS, **data.ENDPOINTS, **playground.ENDPOINTS}
# Numbers go out digit for digit: this encoder writes a Decimal as a JSON number without passing through float.
_ENCODER = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True)
class PlaidFace:
    """The simulated Plaid of the sandbox environment.

    The client id and secret let anybody in who knows them; they are published because they protect invented people
    only. `rate_limits` switches the published limits of the sandbox environment, counted on the virtual clock: in a
    world whose clock stands still they never recover. `login_lifetime` lets logins end by themselves, as they do after
    30 days in the vendor's sandbox; None lets them last. With a `history_delay` a new item has the last 30 days of
    transactions at first and the rest after that time; None gives everything at once.
    """

    client_id: str = "sandbox-client-id"
    secret: str = "sandbox-secret"  # noqa: S105 - published on purpose
    rate_limits: bool = True
    login_lifetime: timedelta | None = None
    history_delay: timedelta | None = None

    @property
    def slug(self) -> str:
        """The path prefix."""
        return _SLUG

    def build(self, world: World) -> "PlaidServer":
        """A server without items in front of a world."""
        return PlaidServer(world, self)


class PlaidServer:
    """One simulated Plaid: an ASGI application."""

    def __init__(self, world: World, face: PlaidFace) -> None:
        self._face = face
        self._desk = Desk(world, f"/{_SLUG}", login_lifetime=face.login_lifetime, history_delay=face.history_delay)
        self._limits = LimitBook()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            return
        body = await _read_body(receive)
        status, answer = self._answer(scope, body)
        raw = self._encode(answer)
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(raw)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": raw})
        self._desk.outbox.send_soon()

    async def catch_up(self) -> None:
        """Queues webhooks for what has happened and sends everything that is due."""
        for item in self._desk.items.list_live():
            self._desk.notify_changes(item)
        await self._desk.outbox.send_due()

    def credentials(self) -> Mapping[str, str]:
        """The settings of a client."""
        return {"client_id": self._face.client_id, "secret": self._face.secret, "environment": "sandbox"}

    def error_body(self, status: int) -> bytes:
        """The body of an outage or a limit."""
        return self._encode(for_status(status).body())

    def trace_account(self, provider_account_id: str) -> str | None:
        """The world's id of the account behind any account id that was ever told; None for an unknown one."""
        return self._desk.mint.trace_account(provider_account_id)

    def trace_transaction(self, provider_account_id: str, provider_transaction_id: str) -> str | None:
        """The world's id of the row behind any transaction id that was ever told; None for an unknown pair."""
        return self._desk.mint.trace_row(provider_account_id, provider_transaction_id)

    def make_delivery(self, external_login_id: str) -> WebhookDelivery:
        """`SYNC_UPDATES_AVAILABLE` about an item, whether it has an address or not."""
        item = self._find_item({"item_id": external_login_id})
        body = write_body(render_webhook(item, "TRANSACTIONS", "SYNC_UPDATES_AVAILABLE", **sync_progress(item)))
        return WebhookDelivery(headers=write_headers(self._desk.keys.sign(body)), body=body)

    def repeat_delivery(self, delivery: WebhookDelivery) -> WebhookDelivery:
        """The same body, signed at the present instant: Plaid's webhooks have no id of their own."""
        return WebhookDelivery(headers=write_headers(self._desk.keys.sign(delivery.body)), body=delivery.body)

    def forge_delivery(self, delivery: WebhookDelivery) -> WebhookDelivery:
        """The same body under the genuine key's id, signed with another key."""
        return WebhookDelivery(headers=write_headers(self._desk.keys.forge(delivery.body)), body=delivery.body)

    def act(self, action: str, arguments: Mapping[str, str]) -> Mapping[str, str]:
        """What users do outside the API.

        Actions:
            complete_link: Finishes the Link session of `link_token` and returns a `public_token`. A new item also needs
                `institution_id` and may name `username` and `password`; in update mode the item is repaired.
                `accounts` are the names of those that the user shares, with commas; without it a new item shares all,
                and in update mode nothing changes. There the token must allow the selection of accounts.
            break_item: Gives `item_id` a standing problem with the error code `code`.
            repair_login: Repairs `item_id` outside our Link, so that `LOGIN_REPAIRED` is sent.
            rotate_webhook_key: Signs with a new key from now on and returns its `key_id`.

        Raises `KeyError` for an unknown action, item, code or missing argument and `RefusedActionError` for what Link
        would refuse.
        """
        try:
            return self._act(action, arguments)
        except PlaidProblemError as problem:
            raise RefusedActionError(str(problem)) from problem

    def _act(self, action: str, arguments: Mapping[str, str]) -> Mapping[str, str]:
        if action == "complete_link":
            return {"public_token": self._complete_link(arguments)}
        if action == "repair_login":
            item = self._find_item(arguments)
            item.repair(self._desk.world.now)
            self._desk.notify(item, "ITEM", "LOGIN_REPAIRED")
            return {"item_id": item.item_id}
        if action == "break_item":
            item = self._find_item(arguments)
            self._desk.break_item(item, arguments["code"])
            return {"item_id": item.item_id}
        if action == "rotate_webhook_key":
            return {"key_id": self._desk.keys.rotate()}
        raise KeyError(action)

    def _find_item(self, arguments: Mapping[str, str]) -> Item:
        item = self._desk.items.find(arguments["item_id"])
        if item is None or item.is_removed:
            raise KeyError(arguments["item_id"])
        return item

    def _complete_link(self, arguments: Mapping[str, str]) -> str:
        desk = self._desk
        link = desk.items.take_link_token(arguments["link_token"])
        if link.item_id is not None:
            item = desk.items.find(link.item_id)
            if item is None or item.is_removed:
                raise invalid_input("INVALID_LINK_TOKEN", "the item of this link token is gone")
            if "accounts" in arguments:
                if not link.selects_accounts:
                    raise invalid_request("INVALID_FIELD", "this link token does not let the user choose accounts")
                item.share_only(_names(arguments["accounts"]))
            item.renew(desk.world.now)
            return desk.items.issue_public_token(item)
        item = desk.link(
            get_institution(arguments["institution_id"]),
            (arguments.get("username", "user_good"), arguments.get("password", "pass_good")),
            link.products,
            webhook=link.webhook,
            first_day=desk.first_day(link.days_requested),
            optional_products=link.optional_products,
            shared=_names(arguments["accounts"]) if "accounts" in arguments else None,
        )
        return desk.items.issue_public_token(item)

    def _answer(self, scope: Scope, body: bytes) -> tuple[int, dict[str, object]]:
        try:
            return 200, self._serve(scope, body)
        except PlaidProblemError as problem:
            return problem.status, problem.body()

    def _serve(self, scope: Scope, body: bytes) -> dict[str, object]:
        path = str(scope["path"]).removeprefix(str(scope.get("root_path", "")))
        found = _ENDPOINTS.get(path)
        if scope["method"] != "POST" or found is None:
            raise invalid_request("NOT_FOUND", "the requested endpoint does not exist", status=404)
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if headers.get("plaid-version", _VERSION) != _VERSION:
            raise invalid_request("INVALID_HEADERS", f"this sandbox speaks version {_VERSION} only")
        request = _read_object(body)
        self._require_credentials(headers, request)
        members = found.shape.read(request, "")
        if self._face.rate_limits:
            self._limits.spend(path, members.get("access_token"), self._desk.world.now)
        return found.handler(self._desk, path, members)

    def _require_credentials(self, headers: Mapping[str, str], request: dict[str, Any]) -> None:
        """Takes the credentials from headers or body, whichever has them, and out of the body."""
        expected = {"client_id": self._face.client_id, "secret": self._face.secret}
        for name, header in (("client_id", "plaid-client-id"), ("secret", "plaid-secret")):
            sent = [value for value in (headers.get(header), request.pop(name, None)) if value is not None]
            if not sent:
                raise invalid_request("MISSING_FIELDS", f"the following required fields are missing: {name}")
            if not all(isinstance(one, str) and compare_digest(one.encode(), expected[name].encode()) for one in sent):
                raise invalid_input("INVALID_API_KEYS", "invalid client_id or secret provided")

    def _encode(self, answer: dict[str, object]) -> bytes:
        return _ENCODER.encode({**answer, "request_id": self._desk.mint.next_request_id()})


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _read_object(body: bytes) -> dict[str, Any]:
    try:
        request: object = json.loads(body, parse_float=Decimal)
    except ValueError as error:
        raise invalid_request("INVALID_BODY", "the body is not valid JSON") from error
    if not isinstance(request, dict):
        raise invalid_request("INVALID_BODY", "the body must be a JSON object")
    return cast("dict[str, Any]", request)


async def _read_body(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if not message.get("more_body"):
            return body
