"""How does a request to the simulated Flanks become an answer?"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from hmac import compare_digest
from typing import Any, Literal, cast
from urllib.parse import parse_qs

import msgspec

from bursar.providers.flanks.sandbox import aggregation, connecting, management
from bursar.providers.flanks.sandbox.bodies import Body, Reader
from bursar.providers.flanks.sandbox.desk import Application, Credential, Session, Tokens
from bursar.providers.flanks.sandbox.ids import IdMint
from bursar.providers.flanks.sandbox.problems import FlanksProblemError, for_status, not_found, simple
from bursar.providers.flanks.sandbox.shapes import as_texts, drifted
from bursar.sandbox.faces import Receive, RefusedActionError, Scope, Send
from bursar.sandbox.world import World

_SLUG = "flanks"
_V0 = "/v0/bank/credentials"
_DEFAULT_CONNECTOR = "first_river"
# Numbers go out digit for digit: this encoder writes a Decimal as a JSON number without passing through float.
_ENCODER = msgspec.json.Encoder(decimal_format="number")

Handler = Callable[["FlanksServer", Application, Reader], Any]


@dataclass(frozen=True, slots=True)
class FlanksFace:
    """The simulated Flanks.

    Ids and secrets let anybody in who knows them; they are published because they protect invented people only. The
    second application sees nothing of the first.

    Attributes:
        shape: `documented`, or `flat` (bare lists, snake_case names, numbers as texts). The data are the same.
        legacy_get: by which methods `list-links` and `list-templates` answer, where sources disagree.
        page_size: items on a page.
        expires_in: seconds that a token lives.
        single_active_token: a new token kills the one before.
        drift: every object has a member and every kind a value that nobody knows.
        invented_count: credentials of each application beside those that are connected; 60 have every oddity.
        freezes_reports: a report stays as it is.
    """

    client_id: str = "sandbox-app-1"
    client_secret: str = "sandbox-flanks-secret-1"  # noqa: S105 - published on purpose
    other_client_id: str = "sandbox-app-2"
    other_client_secret: str = "sandbox-flanks-secret-2"  # noqa: S105 - published on purpose
    shape: Literal["documented", "flat"] = "documented"
    legacy_get: Literal["both", "post_only", "get_only"] = "both"
    page_size: int = 50
    expires_in: int = 3600
    single_active_token: bool = False
    drift: bool = False
    invented_count: int = 0
    freezes_reports: bool = False

    @property
    def slug(self) -> str:
        """The path prefix."""
        return _SLUG

    def build(self, world: World) -> "FlanksServer":
        """A server without connected credentials in front of a world."""
        return FlanksServer(world, self)


class FlanksServer:
    """One simulated Flanks: an ASGI application."""

    def __init__(self, world: World, face: FlanksFace) -> None:
        self.face = face
        self._world = world
        self.record: list[dict[str, Any]] = []
        """Every request in order: method, path, query, headers (the bearer masked), body, instant."""
        self._mint = IdMint(world.seed)
        self._tokens = Tokens(world, self._mint, face.expires_in, single_active=face.single_active_token)
        self._applications = {
            client_id: Application(world, client_id, secret, self._mint, face.invented_count)
            for client_id, secret in (
                (face.client_id, face.client_secret),
                (face.other_client_id, face.other_client_secret),
            )
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            return
        content = await _read_body(receive)
        self._note(scope, content)
        status, answer, extra = self._answer(scope, content)
        raw = _ENCODER.encode(answer)
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(raw)).encode())]
        headers += [(name.encode(), value.encode()) for name, value in extra.items()]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": raw})

    async def catch_up(self) -> None:
        """Nothing falls due: Flanks sends no webhooks."""

    def credentials(self) -> Mapping[str, str]:
        """The settings of a client; the connector is the bank that a login page is opened for by default."""
        return {
            "client_id": self.face.client_id,
            "client_secret": self.face.client_secret,
            "connector_id": _DEFAULT_CONNECTOR,
        }

    def error_body(self, status: int) -> bytes:
        """The body of an outage or a limit."""
        return _ENCODER.encode(for_status(status))

    def act(self, action: str, arguments: Mapping[str, str]) -> Mapping[str, str]:
        """What people do outside the API.

        Actions:
            consent: Types `username` and `password` (or the answer to a challenge) on the page of the session in
                `authorization_url` or `session_id`; returns `session_id`, and `connection_id` when there is one. With
                `bank` the person first chooses another institution than the page was opened for.
            visit_link: Connects through the page of `link_token` and leaves a `code`; `extra_<name>` comes back in it.
            block: The login of `connection_id`, or of the one whose SHA-256 is `login_id`, no longer works.
            revoke_tokens: No bearer token is good any more; returns how many there were.

        Raises `KeyError` for an unknown action, id or missing argument and `RefusedActionError` for what is impossible.
        """
        if action == "revoke_tokens":
            return {"count": str(self._tokens.revoke())}
        app = self._applications[arguments.get("client_id", self.face.client_id)]
        if action == "consent":
            session = _session_of(app, arguments)
            username, password = arguments.get("username", "user_good"), arguments.get("password", "pass_good")
            if "bank" in arguments and session.connection_id is None:
                session.connector_id = arguments["bank"]
            connecting.submit(app, session, username, password)
            found = {"connection_id": session.connection_id} if session.connection_id else {}
            return {"session_id": session.session_id, **found}
        if action == "visit_link":
            return _visit_link(app, arguments)
        if action == "block":
            credential = _credential_of(app, arguments)
            credential.is_blocked = True
            credential.tokens["reset"] = app.new_id("rst")
            return {"connection_id": credential.token}
        raise KeyError(action)

    def trace_account(self, provider_account_id: str) -> str | None:
        """The world's account behind an id that this server gave out."""
        return self._mint.accounts.get(provider_account_id)

    def trace_transaction(self, provider_account_id: str, provider_transaction_id: str) -> str | None:
        """The world id of the row behind an id that this server gave out."""
        return self._mint.rows.get(provider_transaction_id)

    @property
    def is_flat(self) -> bool:
        """Whether it speaks the flat shape."""
        return self.face.shape == "flat"

    def _answer(self, scope: Scope, content: bytes) -> tuple[int, Any, dict[str, str]]:
        try:
            answer = self._serve(scope, content)
        except FlanksProblemError as problem:
            return problem.status, dict(problem.body), problem.headers
        if self.face.drift:
            answer = drifted(answer)
        return 200, as_texts(answer) if self.is_flat else answer, {}

    def _note(self, scope: Scope, content: bytes) -> None:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if "authorization" in headers:
            headers["authorization"] = "Bearer ***"
        try:
            body = _read_object(content) if content else None
        except FlanksProblemError:
            body = content
        if isinstance(body, dict) and "client_secret" in body:
            body["client_secret"] = "***"  # noqa: S105 - the mask
        self.record.append(
            {
                "at": self._world.now,
                "method": str(scope["method"]),
                "path": str(scope["path"]).removeprefix(str(scope.get("root_path", ""))),
                "query": scope.get("query_string", b"").decode("latin-1"),
                "headers": headers,
                "body": body,
            }
        )

    def _serve(self, scope: Scope, content: bytes) -> Any:
        path = str(scope["path"]).removeprefix(str(scope.get("root_path", "")))
        method = str(scope["method"])
        if path == "/v0/token":
            return self._issue_token(method, content)
        routes = _ROUTES.get(path.rstrip("/") if path == f"{_V0}/auth/" else path)
        if routes is None:
            raise not_found()
        allowed = self._allowed(path, routes)
        if method not in allowed:
            raise FlanksProblemError(405, {"error": "Method not allowed"}, {"allow": ", ".join(sorted(allowed))})
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        app = self._authenticate(headers)
        is_v0 = path.startswith(("/v0/bank", "/v0/platform"))
        body: Body = {}
        if method == "GET":
            body = {
                name: values[0] for name, values in parse_qs(scope.get("query_string", b"").decode("latin-1")).items()
            }
        elif content:
            if headers.get("content-type", "").partition(";")[0].strip() != "application/json":
                raise simple(400, "invalid_request")
            body = _read_object(content)
        return routes[method](self, app, Reader(body, self._mint, is_v0=is_v0))

    def _allowed(self, path: str, routes: Mapping[str, Handler]) -> frozenset[str]:
        if path not in _DISPUTED:
            return frozenset(routes)
        return {"both": frozenset({"GET", "POST"}), "post_only": frozenset({"POST"}), "get_only": frozenset({"GET"})}[
            self.face.legacy_get
        ]

    def _authenticate(self, headers: Mapping[str, str]) -> Application:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        client_id = self._tokens.owner_of(token) if scheme == "Bearer" else None
        if client_id is None:
            raise simple(401, "Invalid credentials")
        return self._applications[client_id]

    def _issue_token(self, method: str, content: bytes) -> Body:
        if method != "POST":
            raise FlanksProblemError(405, {"error": "Method not allowed"}, {"allow": "POST"})
        body = _read_object(content)
        app = self._applications.get(str(body.get("client_id")))
        secret = str(body.get("client_secret"))
        is_right = app is not None and compare_digest(secret.encode(), app.secret.encode())
        if app is None or not is_right or body.get("grant_type") != "client_credentials":
            raise simple(403, "access_denied")
        return self._tokens.issue(app.client_id)


def _read_object(content: bytes) -> Body:
    try:
        body: object = json.loads(content, parse_float=Decimal)
    except (ValueError, RecursionError):
        raise simple(400, "invalid_request") from None
    if not isinstance(body, dict):
        raise simple(400, "invalid_request")
    return cast("Body", body)


def _session_of(app: Application, arguments: Mapping[str, str]) -> Session:
    session_id = arguments.get("session_id") or arguments["authorization_url"].rpartition("/")[2]
    return app.sessions[session_id]


def _visit_link(app: Application, arguments: Mapping[str, str]) -> Mapping[str, str]:
    link = app.links[arguments["link_token"]]
    login = app.world.find_login(arguments.get("bank", _DEFAULT_CONNECTOR), arguments.get("username", "user_good"))
    if not link["active"] or login is None:
        raise RefusedActionError("the link is paused, or nobody logs in so")
    code = app.new_id("cod")
    app.codes[code] = {
        "code": code,
        "link_token": link["token"],
        "extra": {name[6:]: value for name, value in arguments.items() if name.startswith("extra_")},
        "credentials_token": app.connect(login, external_id=arguments.get("external_id")).token,
    }
    return {"code": code}


async def _read_body(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if not message.get("more_body"):
            return body


_CONNECT_HOST = "https://connect.example"


def _v1(kind: str) -> Handler:
    return lambda server, app, reader: aggregation.answer_v1(app, reader, kind, is_flat=server.is_flat)


def _list_links(server: FlanksServer, app: Application, reader: Reader) -> Any:
    return management.list_links(app, is_flat=server.is_flat)


def _list_templates(server: FlanksServer, app: Application, reader: Reader) -> Any:
    return {"items": list(management.TEMPLATES)}


_DISPUTED = frozenset({"/v0/links/list-links", "/report/v1/list-templates"})
_ROUTES: dict[str, dict[str, Handler]] = {
    "/connect/v2/connectors/list-connectors": {
        "POST": lambda server, app, reader: connecting.list_connectors(app, reader, server.face.page_size)
    },
    "/connect/v2/sessions/create-session": {
        "POST": lambda server, app, reader: connecting.create_session(
            app, reader, _CONNECT_HOST, is_flat=server.is_flat
        )
    },
    "/connect/v2/sessions/list-sessions": {
        "POST": lambda server, app, reader: connecting.list_sessions(app, reader, server.face.page_size, _CONNECT_HOST)
    },
    "/v0/bank/available": {"GET": lambda server, app, reader: connecting.entities(app)},
    f"{_V0}/status": {
        "POST": lambda server, app, reader: management.credential_status(app, reader, is_flat=server.is_flat),
        "PUT": lambda server, app, reader: management.force(app, reader),
    },
    f"{_V0}/list": {
        "POST": lambda server, app, reader: management.list_credentials(app, reader, server.face.page_size)
    },
    _V0: {"DELETE": lambda server, app, reader: management.delete_credential(app, reader)},
    **{f"{_V0}/{kind}": {"POST": _v1(kind)} for kind in aggregation.V1_PATHS},
    "/aggregation/v2/list-products": {
        "POST": lambda server, app, reader: aggregation.list_products(app, reader, server.face.page_size)
    },
    "/aggregation/v2/list-transactions": {
        "POST": lambda server, app, reader: aggregation.list_transactions(app, reader, server.face.page_size)
    },
    "/aggregation/v2/set-product-labels": {
        "POST": lambda server, app, reader: aggregation.set_labels(app, reader, "product")
    },
    "/aggregation/v2/set-transaction-labels": {
        "POST": lambda server, app, reader: aggregation.set_labels(app, reader, "transaction")
    },
    "/v0/links/list-links": {"POST": _list_links, "GET": _list_links},
    "/v0/links/create-link": {
        "POST": lambda server, app, reader: management.create_link(app, reader, is_flat=server.is_flat)
    },
    "/v0/links/edit-link": {
        "POST": lambda server, app, reader: management.edit_link(app, reader, is_flat=server.is_flat)
    },
    "/v0/links/delete-link": {
        "POST": lambda server, app, reader: management.delete_link(app, reader, is_flat=server.is_flat)
    },
    "/v0/links/pause-link": {
        "POST": lambda server, app, reader: management.switch_link(app, reader, active=False, is_flat=server.is_flat)
    },
    "/v0/links/resume-link": {
        "POST": lambda server, app, reader: management.switch_link(app, reader, active=True, is_flat=server.is_flat)
    },
    "/v0/platform/link": {
        "GET": lambda server, app, reader: management.list_codes(app, reader.text("link_token", required=False)),
        "POST": lambda server, app, reader: management.exchange_code(app, reader),
    },
    "/report/v1/list-templates": {"POST": _list_templates, "GET": _list_templates},
    "/report/v1/build-report": {"POST": lambda server, app, reader: management.build_report(app, reader)},
    "/report/v1/get-report-status": {
        "POST": lambda server, app, reader: management.report_status(app, reader, is_frozen=server.face.freezes_reports)
    },
    "/report/v1/get-report-content": {"POST": lambda server, app, reader: management.report_content(app, reader)},
}


def _credential_of(app: Application, arguments: Mapping[str, str]) -> Credential:
    if "login_id" not in arguments:
        return app.credentials[arguments["connection_id"]]
    digests = {sha256(token.encode()).hexdigest(): one for token, one in app.credentials.items()}
    return digests[arguments["login_id"]]
