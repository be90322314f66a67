"""How does a request to the simulated Finicity become an answer?"""

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from html import escape
from typing import Any, Literal, cast
from urllib.parse import parse_qsl

import httpx2
import msgspec

from bursar.providers.finicity.sandbox.data import Data, Query
from bursar.providers.finicity.sandbox.desk import TEST_INSTITUTION, Desk, Visit
from bursar.providers.finicity.sandbox.ids import IdMint
from bursar.providers.finicity.sandbox.problems import (
    FinicityProblemError,
    for_status,
    missing,
    not_found,
    problem,
    refused,
)
from bursar.providers.finicity.sandbox.rendering import DayTimes, Member, Renderer
from bursar.sandbox.faces import Receive, RefusedActionError, Scope, Send
from bursar.sandbox.view import IdPolicy
from bursar.sandbox.world import World

_SLUG = "finicity"
_DEFAULT_USER, _DEFAULT_PASSWORD = "user_good", "pass_good"
# Numbers go out digit for digit: this encoder writes a Decimal as a JSON number without passing through float.
_ENCODER = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True)
class FinicityFace:
    """The simulated Finicity.

    Partner id, secret and app key let anybody in who knows them; they are published because they protect invented
    people only.

    Attributes:
        day_times: at which time of its day a day stands on the wire.
        amounts: `holder`: withdrawals are negative everywhere; `statement`: cards and investments turned round.
        owners: which versions of the owner's endpoints the plan has.
    """

    partner_id: str = "sandbox-partner"
    partner_secret: str = "sandbox-partner-secret"  # noqa: S105 - published on purpose
    app_key: str = "sandbox-app-key"
    day_times: DayTimes = "local_midnight"
    amounts: Literal["holder", "statement"] = "holder"
    owners: Literal["v3", "v1"] = "v3"

    @property
    def slug(self) -> str:
        """The path prefix."""
        return _SLUG

    def build(self, world: World) -> "FinicityServer":
        """A server without customers in front of a world."""
        return FinicityServer(world, self)


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: str
    base: str
    query: Query
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int
    body: Member | str | None = None
    content_type: str = "application/json"
    location: str | None = None


_Handler = Callable[..., "_Reply | Member | Awaitable[_Reply | Member]"]


class FinicityServer:
    """One simulated Finicity: an ASGI application."""

    def __init__(self, world: World, face: FinicityFace) -> None:
        self._face = face
        self._world = world
        policy = world.view.id_policies.get(_SLUG, IdPolicy.STABLE)
        self._mint = IdMint(world.view, policy)
        self._desk = Desk(world, self._mint, (face.partner_id, face.partner_secret, face.app_key))
        self._data = Data(self._desk, Renderer(world, face.day_times, face.amounts), f"/{_SLUG}")
        self._routes = [
            (method, re.compile(pattern.replace("{", "(?P<").replace("}", ">[^/]+)")), handler)
            for method, pattern, handler in self._endpoints()
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            return
        raw = await _read_body(receive)
        try:
            reply = await self._serve(scope, raw)
        except FinicityProblemError as refusal:
            is_text = isinstance(refusal.body, str)
            body = refusal.body if isinstance(refusal.body, str) else dict(refusal.body)
            reply = _Reply(refusal.status, body, "text/plain" if is_text else "application/json")
        content = b""
        if reply.body is not None:
            content = reply.body.encode() if isinstance(reply.body, str) else _ENCODER.encode(reply.body)
        headers = [
            (b"content-type", reply.content_type.encode()),
            (b"content-length", str(len(content)).encode()),
            (b"finicity-request-id", self._mint.word("request").encode()),
        ]
        if reply.location is not None:
            headers.append((b"location", reply.location.encode()))
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": content})
        self._desk.outbox.send_soon()

    async def catch_up(self) -> None:
        """Sends the events that are due."""
        await self._desk.outbox.send_due()

    def credentials(self) -> Mapping[str, str]:
        """The settings of a client."""
        return {
            "partner_id": self._face.partner_id,
            "partner_secret": self._face.partner_secret,
            "app_key": self._face.app_key,
            "environment": "test",
        }

    def error_body(self, status: int) -> bytes:
        """The body of an outage or a limit."""
        return _ENCODER.encode(for_status(status))

    def act(self, action: str, arguments: Mapping[str, str]) -> Mapping[str, str]:
        """What people do outside the API.

        Actions:
            complete_link: Signs in on the page of `authorization_url`, or on the newest page of the customer with whose
                id `link_token` begins, at `institution_id` (Finicity's or the bank's key) as `username` with
                `password`. Returns `institution_login_id` and the `link_token`.
            break_login: `institution_login_id` gets the aggregation status `code`.
            revoke_tokens: No partner token is good any more; returns how many there were.

        Raises `KeyError` for an unknown action, id or missing argument and `RefusedActionError` for what Connect would
        refuse.
        """
        if action == "revoke_tokens":
            return {"count": str(self._desk.revoke_tokens())}
        if action == "break_login":
            _, held = self._desk.get_login(arguments["institution_login_id"])
            held.code = int(arguments["code"])
            return {"institution_login_id": held.login_id}
        if action == "complete_link":
            visit = self._find_visit(arguments)
            held = self._desk.sign_in(
                visit,
                arguments.get("institution_id", TEST_INSTITUTION),
                arguments.get("username", _DEFAULT_USER),
                arguments.get("password", _DEFAULT_PASSWORD),
            )
            return {"institution_login_id": held.login_id, "link_token": arguments.get("link_token", "")}
        raise KeyError(action)

    def trace_account(self, provider_account_id: str) -> str | None:
        """The world's account behind an id that this server gave out."""
        return self._mint.accounts.get(provider_account_id)

    def trace_transaction(self, provider_account_id: str, provider_transaction_id: str) -> str | None:
        """The world id of the row behind an id that this server gave out; both spellings of it are known."""
        number = provider_transaction_id.removeprefix(f"{provider_account_id}-")
        return self._mint.rows.get((provider_account_id, number))

    async def _serve(self, scope: Scope, raw: bytes) -> _Reply:
        root = str(scope.get("root_path", ""))
        path = str(scope["path"]).removeprefix(root)
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        query = dict(parse_qsl(bytes(scope.get("query_string", b"")).decode("latin-1"), keep_blank_values=True))
        base = f"{scope.get('scheme', 'http')}://{headers.get('host', 'localhost')}{root}"
        if path.startswith("/connect/page/"):
            return self._show_page(str(scope["method"]), path.rpartition("/")[2], raw)
        request = _Request(str(scope["method"]), path, base, query, _read_object(raw))
        app_key = headers.get("finicity-app-key", "")
        if path == "/aggregation/v2/partners/authentication":
            token = self._desk.issue_token(app_key, request.body.get("partnerId"), request.body.get("partnerSecret"))
            return _Reply(200, {"token": token})
        self._desk.require_token(app_key, headers.get("finicity-app-token", ""))
        for method, pattern, handler in self._routes:
            found = pattern.fullmatch(path)
            if found is not None and method == request.method:
                answer = handler(request, **found.groupdict())
                answer = await answer if isinstance(answer, Awaitable) else answer
                return answer if isinstance(answer, _Reply) else _Reply(200, answer)
        raise not_found("Endpoint")

    def _endpoints(self) -> list[tuple[str, str, _Handler]]:
        data = self._data
        v1, v2, v3, v4 = (f"/aggregation/v{number}/customers" for number in (1, 2, 3, 4))
        one = "/{customer_id}/accounts/{account_id}"
        login = "/{customer_id}/institutionLogins/{login_id}"
        return [
            ("POST", f"{v2}/testing", self._add_customer),
            ("POST", f"{v2}/active", self._add_customer),
            ("GET", v1, self._list_customers),
            ("DELETE", f"{v1}/{{customer_id}}", self._delete_customer),
            ("DELETE", f"{v1}{login}", self._delete_login),
            ("POST", "/connect/v2/generate", self._generate),
            ("POST", "/connect/v2/generate/fix", self._generate),
            ("GET", f"{v1}/{{customer_id}}/accounts", lambda request, **ids: data.accounts(request.path, **ids)),
            ("GET", f"{v1}{login}/accounts", lambda request, **ids: data.accounts(request.path, **ids)),
            ("POST", f"{v2}/{{customer_id}}/accounts", lambda request, **ids: data.refresh(request.path, **ids)),
            ("POST", f"{v2}{login}/accounts", lambda request, **ids: data.refresh(request.path, **ids)),
            ("GET", f"{v2}{one}", lambda request, **ids: data.account(request.path, **ids)),
            (
                "GET",
                f"{v1}{one}/availableBalance/live",
                lambda request, **ids: data.live_balance(**ids, query=request.query),
            ),
            ("GET", f"{v1}{one}/owner", lambda request, **ids: data.owner(**ids)),
            ("GET", f"{v3}{one}/owner", self._holders),
            ("GET", f"{v1}{one}/details", lambda request, **ids: data.ach(**ids)),
            (
                "GET",
                f"{v3}/{{customer_id}}/transactions",
                lambda request, **ids: data.customer_transactions(**ids, query=request.query),
            ),
            (
                "GET",
                f"{v4}{one}/transactions",
                lambda request, **ids: data.account_transactions(**ids, query=request.query),
            ),
            ("POST", f"{v1}{one}/transactions/historic", self._load_history),
            ("POST", "/aggregation/customers/{customer_id}/transactions/refreshes", self._refresh_rows),
            ("POST", f"{v1}{one}/transactions", self._add_test_row),
            ("POST", f"{v1}{one}/txpush", self._subscribe),
            ("DELETE", f"{v1}/{{customer_id}}/subscriptions/{{subscription_id}}", self._unsubscribe),
            ("GET", "/institution/v2/institutions", self._search_institutions),
            ("GET", "/institution/v2/institutions/{institution_id}", self._show_institution),
        ]

    # Customers and Connect.

    def _add_customer(self, request: _Request) -> _Reply:
        username = _text(request.body, "username")
        if len(username) < 6:
            raise refused(400, "INVALID_REQUEST", "username is too short")
        customer = self._desk.add_customer(username)
        created = str(int(customer.created_at.timestamp()))
        return _Reply(201, {"id": customer.customer_id, "username": username, "createdDate": created})

    def _list_customers(self, request: _Request) -> Member:
        wanted = request.query.get("username")
        found = [one for one in self._desk.customers.values() if wanted in (None, one.username)]
        customers = [{"id": one.customer_id, "username": one.username, "type": "testing"} for one in found]
        return {"found": len(found), "displaying": len(found), "moreAvailable": False, "customers": customers}

    def _delete_customer(self, request: _Request, customer_id: str) -> _Reply:
        del self._desk.customers[self._desk.find_customer(customer_id).customer_id]
        return _Reply(204)

    def _delete_login(self, request: _Request, customer_id: str, login_id: str) -> _Reply:
        self._desk.find_login(customer_id, login_id)
        del self._desk.customers[customer_id].logins[login_id]
        return _Reply(204)

    def _generate(self, request: _Request) -> Member:
        if _text(request.body, "partnerId") != self._face.partner_id:
            raise refused(400, "INVALID_REQUEST", "partnerId is not this partner's")
        login_id = _text(request.body, "institutionLoginId") if request.path.endswith("/fix") else None
        visit = self._desk.visit(
            _text(request.body, "customerId"),
            login_id,
            redirect_uri=request.body.get("redirectUri"),
            webhook=request.body.get("webhook"),
            webhook_data=request.body.get("webhookData"),
        )
        return {"link": f"{request.base}/connect/page/{visit.visit_id}"}

    def _find_visit(self, arguments: Mapping[str, str]) -> Visit:
        if arguments.get("authorization_url"):
            return self._desk.visits[arguments["authorization_url"].rpartition("/")[2]]
        token = arguments["link_token"]
        found = [
            one for one in self._desk.visits.values() if token.partition(".")[0] in (one.customer_id, one.visit_id)
        ]
        if not found:
            raise KeyError(token)
        return found[-1]

    def _show_page(self, method: str, visit_id: str, raw: bytes) -> _Reply:
        """The page on which a person signs in, and where they go from there."""
        visit = self._desk.visits.get(visit_id)
        if visit is None or visit.is_used:
            return _Reply(404, "<h1>This link is unknown or was used.</h1>", "text/html; charset=utf-8")
        message = ""
        if method == "POST":
            form = dict(parse_qsl(raw.decode("utf-8", "replace")))
            try:
                self._desk.sign_in(
                    visit, form.get("institution_id", ""), form.get("username", ""), form.get("password", "")
                )
            except RefusedActionError as error:
                message = f"<p role='alert'>{escape(str(error))}</p>"
            else:
                if visit.redirect_uri is not None:
                    return _Reply(303, None, "text/plain", visit.redirect_uri)
                return _Reply(200, "<h1>Connected. You may close this page.</h1>", "text/html; charset=utf-8")
        options = "".join(
            f"<option value='{self._desk.institution_id(bank)}'>{escape(bank.name)}</option>"
            for bank in self._world.banks
        )
        page = (
            f"<!doctype html><title>Connect</title><h1>Connect your bank</h1>{message}<form method='post'>"
            f"<label>Bank <select name='institution_id'>{options}</select></label>"
            "<label>User name <input name='username'></label>"
            "<label>Password <input name='password' type='password'></label><button>Sign in</button></form>"
        )
        return _Reply(200, page, "text/html; charset=utf-8")

    # What is told beside accounts and rows.

    def _holders(self, request: _Request, customer_id: str, account_id: str) -> Member:
        if self._face.owners == "v1":
            raise problem(403, 10403, "The plan does not have this product", "Forbidden")
        return self._data.holders(customer_id, account_id)

    def _load_history(self, request: _Request, customer_id: str, account_id: str) -> _Reply:
        held, _ = self._desk.find_account(customer_id, account_id)
        return _Reply(203, {"questions": []}) if held.code in (185, 187, 331) else _Reply(204)

    def _refresh_rows(self, request: _Request, customer_id: str) -> _Reply:
        held = self._desk.find_login(customer_id, _text(request.body, "institutionLoginId"))
        return _Reply(
            202,
            {
                "refreshId": self._mint.word("refresh"),
                "customerId": customer_id,
                "institutionLoginId": held.login_id,
                "status": "NEW",
            },
        )

    def _add_test_row(self, request: _Request, customer_id: str, account_id: str) -> _Reply:
        _, account = self._desk.find_account(customer_id, account_id)
        amount = request.body.get("amount")
        if isinstance(amount, bool) or not isinstance(amount, int | Decimal):
            raise missing("amount")
        world_id = self._world.script.add_settled(
            account.account_id, Decimal(amount), str(request.body.get("description", "TEST TRANSACTION"))
        )
        return _Reply(
            201, {"id": self._mint.number("test row", world_id), "createdDate": int(self._world.now.timestamp())}
        )

    async def _subscribe(self, request: _Request, customer_id: str, account_id: str) -> _Reply:
        self._desk.find_account(customer_id, account_id)
        url, code = _text(request.body, "callbackUrl"), self._mint.word("code")
        try:
            async with httpx2.AsyncClient(timeout=5.0) as client:
                echoed = (await client.get(url, params={"txpush_verification_code": code})).text
        except (httpx2.HTTPError, httpx2.InvalidURL):
            echoed = ""
        if echoed.strip() != code:
            raise refused(400, "INVALID_REQUEST", "the callback address did not echo the code")
        made: list[Member] = []
        for kind in ("account", "transaction"):
            number = self._mint.next("subscription")
            made.append(
                {
                    "id": number,
                    "accountId": account_id,
                    "type": kind,
                    "callbackUrl": url,
                    "signingKey": self._mint.word("signing"),
                }
            )
            self._desk.subscriptions[str(number)] = made[-1]
        return _Reply(201, {"subscriptions": made})

    def _unsubscribe(self, request: _Request, customer_id: str, subscription_id: str) -> _Reply:
        if self._desk.subscriptions.pop(subscription_id, None) is None:
            raise not_found("Subscription")
        return _Reply(204)

    def _search_institutions(self, request: _Request) -> Member:
        search = request.query.get("search", "").lower()
        every = [self._desk.institution(bank) for bank in self._world.banks]
        every.append(self._desk.institution(self._world.logins[0].bank, TEST_INSTITUTION))
        found = [one for one in every if search in str(one["name"]).lower()]
        start, limit = int(request.query.get("start", "1")), int(request.query.get("limit", "25"))
        shown = found[(start - 1) * limit : start * limit]
        has_more = start * limit < len(found)
        return {"found": len(found), "displaying": len(shown), "moreAvailable": has_more, "institutions": shown}

    def _show_institution(self, request: _Request, institution_id: str) -> Member:
        bank = self._desk.find_bank(institution_id)
        if bank is None:
            raise not_found("Institution")
        known = institution_id if institution_id == TEST_INSTITUTION else None
        return {"institution": self._desk.institution(bank, known)}


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise missing(name)
    return value


def _read_object(raw: bytes) -> dict[str, Any]:
    if not raw:
        return {}
    try:
        body: object = json.loads(raw, parse_float=Decimal)
    except (ValueError, RecursionError):
        raise refused(400, "INVALID_REQUEST", "the body is no JSON") from None
    if not isinstance(body, dict):
        raise refused(400, "INVALID_REQUEST", "the body is no JSON object")
    return cast("dict[str, Any]", body)


async def _read_body(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if not message.get("more_body"):
            return body
