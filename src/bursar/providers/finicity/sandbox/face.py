"""How does a request to the simulated Finicity become an answer?"""

import re
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, replace
from html import escape
from typing import Literal
from urllib.parse import parse_qsl

import msgspec

from bursar.providers.finicity.sandbox.data import Data
from bursar.providers.finicity.sandbox.desk import TEST_INSTITUTION, Desk, Visit
from bursar.providers.finicity.sandbox.events import SignedEvent
from bursar.providers.finicity.sandbox.ids import IdMint
from bursar.providers.finicity.sandbox.management import Management
from bursar.providers.finicity.sandbox.problems import FinicityProblemError, for_status, not_found
from bursar.providers.finicity.sandbox.rendering import DayTimes, Renderer
from bursar.providers.finicity.sandbox.requests import Reply, Request, read_object
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


class FinicityServer:
    """One simulated Finicity: an ASGI application."""

    def __init__(self, world: World, face: FinicityFace) -> None:
        self._face = face
        self._world = world
        policy = world.view.id_policies.get(_SLUG, IdPolicy.STABLE)
        self._mint = IdMint(world.view, policy)
        self._desk = Desk(world, self._mint, (face.partner_id, face.partner_secret, face.app_key))
        renderer = Renderer(world, face.day_times, face.amounts)
        data = Data(self._desk, renderer, f"/{_SLUG}", has_holders=face.owners == "v3")
        every = [*Management(self._desk, face.partner_id).endpoints(), *data.endpoints()]
        self._routes = [
            (method, re.compile(pattern.replace("{", "(?P<").replace("}", ">[^/]+)")), handler)
            for method, pattern, handler in every
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
            reply = Reply(refusal.status, body, "text/plain" if is_text else "application/json")
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

    def make_delivery(self, external_login_id: str) -> SignedEvent:
        """A new event of Connect about a login: accounts were added. Raises `KeyError` for an unknown login."""
        customer, held = self._desk.get_login(external_login_id)
        return self._desk.outbox.sign(self._desk.event(customer.customer_id, "added", held))

    def repeat_delivery(self, delivery: SignedEvent) -> SignedEvent:
        """The same event again: the same bytes, so the same signature."""
        return SignedEvent(headers=self._desk.outbox.headers(delivery.body), body=delivery.body)

    def forge_delivery(self, delivery: SignedEvent) -> SignedEvent:
        """The same event from somebody who does not have the partner's secret."""
        return SignedEvent(headers=self._desk.outbox.headers(delivery.body, "not-the-secret"), body=delivery.body)

    async def _serve(self, scope: Scope, raw: bytes) -> Reply:
        root = str(scope.get("root_path", ""))
        path = str(scope["path"]).removeprefix(root)
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        query = dict(parse_qsl(bytes(scope.get("query_string", b"")).decode("latin-1"), keep_blank_values=True))
        base = f"{scope.get('scheme', 'http')}://{headers.get('host', 'localhost')}{root}"
        if path.startswith("/connect/page/"):
            return self._show_page(str(scope["method"]), path.rpartition("/")[2], raw)
        request = Request(str(scope["method"]), path, base, query, read_object(raw))
        app_key = headers.get("finicity-app-key", "")
        if path == "/aggregation/v2/partners/authentication":
            token = self._desk.issue_token(app_key, request.body.get("partnerId"), request.body.get("partnerSecret"))
            return Reply(200, {"token": token})
        self._desk.require_token(app_key, headers.get("finicity-app-token", ""))
        for method, pattern, handler in self._routes:
            found = pattern.fullmatch(path)
            if found is not None and method == request.method:
                answer = handler(replace(request, ids=found.groupdict()))
                if isinstance(answer, Awaitable):
                    answer = await answer
                return answer if isinstance(answer, Reply) else Reply(200, answer)
        raise not_found("Endpoint")

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

    def _show_page(self, method: str, visit_id: str, raw: bytes) -> Reply:
        """The page on which a person signs in, and where they go from there."""
        visit = self._desk.visits.get(visit_id)
        if visit is None or visit.is_used:
            return Reply(404, "<h1>This link is unknown or was used.</h1>", "text/html; charset=utf-8")
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
                    return Reply(303, None, "text/plain", visit.redirect_uri)
                return Reply(200, "<h1>Connected. You may close this page.</h1>", "text/html; charset=utf-8")
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
        return Reply(200, page, "text/html; charset=utf-8")


async def _read_body(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if not message.get("more_body"):
            return body
