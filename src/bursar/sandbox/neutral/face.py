"""How does a request to the invented provider become an answer?"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from hmac import compare_digest
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from bursar.sandbox.faces import Receive, Scope, Send
from bursar.sandbox.neutral.consents import Consent, ConsentBook
from bursar.sandbox.neutral.endpoints import Answer, Desk, Query, Style, describe_login
from bursar.sandbox.neutral.ids import Mint, RowIds
from bursar.sandbox.neutral.problems import NeutralProblemError, for_status, invalid_request
from bursar.sandbox.neutral.quota import Quota, QuotaBook, Violation
from bursar.sandbox.neutral.rendering import Renderer
from bursar.sandbox.neutral.showing import Showing
from bursar.sandbox.view import IdPolicy
from bursar.sandbox.world import World

_PAGE_SIZES = (20, 50, 100)
_ENCODER = msgspec.json.Encoder(decimal_format="number")
_JSON = (b"content-type", b"application/json")

_Handler = Callable[[Consent, Query], Answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class NeutralFace:
    """An invented provider in one reading style.

    `policy` is what its documentation says of ids; a world's view may show it otherwise. `quota` limits the reads of an
    account (list style only). A `page_size` of None is drawn from the seed. Consents end after `consent_lifetime`.
    """

    slug: str
    style: Style
    policy: IdPolicy
    api_secret: str = "neutral-sandbox-secret"  # noqa: S105 - published on purpose
    page_size: int | None = None
    quota: Quota | None = None
    consent_lifetime: timedelta | None = timedelta(days=180)

    def build(self, world: World) -> "NeutralServer":
        """A server without consents in front of a world."""
        return NeutralServer(world, self)


class NeutralServer:
    """One simulated server: an ASGI application."""

    def __init__(self, world: World, face: NeutralFace) -> None:
        self._face = face
        self._secret = face.api_secret.encode()
        view = world.view
        self._mint = Mint(world.seed, face.slug)
        self._ids = RowIds(view, face.slug, self._mint, view.id_policies.get(face.slug, face.policy))
        self._quota = QuotaBook(face.quota) if face.quota is not None else None
        self._consents = ConsentBook(world, face.slug, self._mint, face.consent_lifetime)
        drawn = _PAGE_SIZES[int(view.draw("page size", face.slug) * len(_PAGE_SIZES))]
        desk = self._desk = Desk(
            world,
            face.slug,
            self._consents,
            Showing(world, face.slug, self._ids),
            Renderer(world, face.slug, dates_only=face.style is Style.LIST),
            self._mint,
            page_size=face.page_size or drawn,
            quota=self._quota,
        )
        self._handlers: dict[tuple[str, str], _Handler] = {
            ("GET", "/login"): desk.login,
            ("GET", "/accounts"): desk.accounts,
            ("GET", "/holdings"): desk.holdings,
        }
        if face.style is Style.FEED:
            self._handlers["GET", "/changes"] = desk.changes
        else:
            listing = desk.window if face.style is Style.WINDOW else desk.listing
            self._handlers["GET", "/transactions"] = listing

    @property
    def violations(self) -> tuple[Violation, ...]:
        """Calls that the published quota forbids, in their order."""
        return () if self._quota is None else tuple(self._quota.violations)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            return
        body = await _read_body(receive)
        try:
            answer = self._serve(scope, body)
            status, raw, extra = 200, _ENCODER.encode(answer.body), answer.headers
        except NeutralProblemError as problem:
            status, raw, extra = problem.status, _ENCODER.encode(problem.body()), problem.headers
        headers = [_JSON, (b"content-length", str(len(raw)).encode())]
        headers += [(name.encode("latin-1"), value.encode("latin-1")) for name, value in extra.items()]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": raw})

    async def catch_up(self) -> None:
        """Nothing falls due: this provider sends no webhooks."""

    def credentials(self) -> Mapping[str, str]:
        """The settings of a client."""
        return {"secret": self._face.api_secret}

    def error_body(self, status: int) -> bytes:
        """The body of an outage or a limit."""
        return _ENCODER.encode(for_status(status).body())

    def act(self, action: str, arguments: Mapping[str, str]) -> Mapping[str, str]:
        """What people do outside the API.

        Actions:
            consent: Gives consent for `link_token` as `username` with `password` at `bank`; returns a `code`.
            end_consent: The consents of `login_id` run out; with `how` = `withdrawn` the user takes them back.

        Raises `KeyError` for an unknown action, login or missing argument, `RefusedActionError` for an impossible one.
        """
        if action == "consent":
            code = self._consents.give(
                arguments["link_token"], arguments["bank"], arguments["username"], arguments["password"]
            )
            return {"code": code}
        if action == "end_consent":
            how = arguments.get("how", "expired")
            if how not in ("expired", "withdrawn"):
                raise KeyError(how)
            self._consents.end(arguments["login_id"], how)
            return {"login_id": arguments["login_id"]}
        raise KeyError(action)

    def trace_account(self, provider_account_id: str) -> str | None:
        """The world's account behind an id that this server gave out."""
        return self._consents.trace_account(provider_account_id)

    def trace_transaction(self, provider_account_id: str, provider_transaction_id: str) -> str | None:
        """The world id of the row behind an id that this server gave out; None when the id says nothing."""
        return self._ids.trace(provider_account_id, provider_transaction_id)

    def _serve(self, scope: Scope, body: bytes) -> Answer:
        path, method = str(scope["path"]).removeprefix(str(scope.get("root_path", ""))), str(scope["method"])
        path = path.removeprefix(f"/{self._face.slug}")
        headers = dict(scope["headers"])
        if not compare_digest(headers.get(b"x-api-secret", b""), self._secret):
            raise NeutralProblemError(401, "secret_unknown", "the client's secret is unknown")
        if (method, path) == ("POST", "/consents"):
            token, ends_at = self._consents.start()
            return Answer({"link_token": token, "expires_at": ends_at.isoformat()})
        if (method, path) == ("POST", "/consents/exchange"):
            token, consent = self._consents.exchange(_code(body))
            return Answer({"access_token": token, **describe_login(consent)})
        consent = self._consents.open(headers.get(b"x-access-token", b"").decode("latin-1"))
        if (method, path) == ("DELETE", "/login"):
            consent.ended = "withdrawn"
            return Answer({"login_id": consent.series.login_id})
        handler = self._handlers.get((method, path))
        if handler is None:
            raise NeutralProblemError(404, "endpoint_unknown", "no such endpoint")
        self._desk.require_bank(f"/{self._face.slug}{path}", consent)
        query = dict(parse_qsl(bytes(scope.get("query_string", b"")).decode("latin-1")))
        return handler(consent, query)


def _code(body: bytes) -> str:
    try:
        members: Any = msgspec.json.decode(body)
    except msgspec.DecodeError:
        raise invalid_request("the body is no JSON") from None
    code: Any = members.get("code") if isinstance(members, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - any JSON
    if not isinstance(code, str):
        raise invalid_request("code is missing")
    return code


async def _read_body(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if not message.get("more_body"):
            return body
