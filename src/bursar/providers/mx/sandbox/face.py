"""How does a request to the simulated MX become an answer?"""

import json
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from hmac import compare_digest
from typing import Any, cast
from urllib.parse import parse_qsl, unquote

import msgspec

from bursar.providers.mx.sandbox.desk import Desk, describe_done
from bursar.providers.mx.sandbox.endpoints import Answer, Call, find_handler
from bursar.providers.mx.sandbox.members import Job, Member
from bursar.providers.mx.sandbox.page import render_page
from bursar.providers.mx.sandbox.problems import MXProblemError, bad_request
from bursar.providers.mx.sandbox.webhooks import Subscription, delivery_of
from bursar.sandbox.faces import Receive, RefusedActionError, Scope, Send, WebhookDelivery
from bursar.sandbox.world import World

_SLUG = "mx"
_VERSION = b"v20250224"
_WIDGET = re.compile(r"/widgets/(WDG-[0-9a-f-]{36})")
# Numbers go out digit for digit: this encoder writes a Decimal as a JSON number without passing through float.
_ENCODER = msgspec.json.Encoder(decimal_format="number")
_JSON = b"application/json"


@dataclass(frozen=True, slots=True)
class MXFace:
    """The simulated MX of the integration environment.

    The client id and the API key let anybody in who knows them; they are published because they protect invented people
    only. Each job of a member takes `job_duration` of virtual time; with none it is done when somebody looks. What the
    bank books is seen at once, without a job.
    """

    client_id: str = "sandbox-client-id"
    api_key: str = "sandbox-api-key-mx"
    webhook_secret: str = "sandbox-webhook-secret-mx"  # noqa: S105 - published on purpose
    job_duration: timedelta = timedelta(0)

    @property
    def slug(self) -> str:
        """The path prefix."""
        return _SLUG

    def build(self, world: World) -> "MXServer":
        """A server without users in front of a world."""
        return MXServer(world, self)


class MXServer:
    """One simulated MX: an ASGI application."""

    def __init__(self, world: World, face: MXFace) -> None:
        self._face = face
        self._desk = Desk(world, job_duration=face.job_duration)
        self._authorization = b"Basic " + b64encode(f"{face.client_id}:{face.api_key}".encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            return
        content = await _read_body(receive)
        path = str(scope["path"]).removeprefix(str(scope.get("root_path", "")))
        widget = _WIDGET.fullmatch(path)
        if widget is not None:
            status, kind, raw = self._show_widget(widget.group(1), str(scope["method"]), content)
        else:
            status, answer = self._answer(scope, path, content)
            kind, raw = _JSON, b"" if answer is None else _ENCODER.encode(answer)
        headers = [(b"content-type", kind), (b"content-length", str(len(raw)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers if raw else headers[1:]})
        await send({"type": "http.response.body", "body": raw})

    async def catch_up(self) -> None:
        """Ends jobs that are due, and sends webhooks about what has happened."""
        for member in list(self._desk.members.values()):
            self._desk.catch_up(member)
        self._desk.tell_changes()
        await self._desk.outbox.send_due()

    def credentials(self) -> Mapping[str, str]:
        """The settings of a client."""
        face = self._face
        return {
            "client_id": face.client_id,
            "api_key": face.api_key,
            "environment": "integration",
            "webhook_secret": face.webhook_secret,
        }

    def error_body(self, status: int) -> bytes:
        """The body of an outage or a limit."""
        return _ENCODER.encode(MXProblemError(status, "the request could not be answered").body())

    def act(self, action: str, arguments: Mapping[str, str]) -> Mapping[str, str]:
        """What people do outside the API.

        Actions:
            complete_link: Signs in on the widget whose address is in `authorization_url` or `link_token`, as `username`
                with `password` at `institution_id`; returns `member_guid`, `user_guid` and the `link_token`. The
                password `challenge` makes the bank ask a question, to which `correct` is the answer.
            set_status: The login `member_guid` gets the `status`, such as `EXPIRED`.
            subscribe: From now on webhooks go to `url`, with `username` and the published password, or `password`.

        Raises `KeyError` for an unknown action, login or missing argument, `RefusedActionError` for an impossible one.
        """
        desk = self._desk
        if action == "complete_link":
            text = arguments.get("authorization_url") or arguments["link_token"]
            found = _WIDGET.search(text)
            widget = desk.find_widget(found.group(1) if found is not None else "")
            member = desk.finish_widget(
                widget,
                arguments.get("institution_id"),
                arguments.get("username", "user_good"),
                arguments.get("password", "pass_good"),
            )
            return _told(member) | {"link_token": arguments.get("link_token", "")}
        if action == "set_status":
            member = desk.members[arguments["member_guid"]]
            desk.catch_up(member)
            desk.set_status(member, arguments["status"])
            return _told(member)
        if action == "subscribe":
            desk.outbox.subscription = Subscription(
                arguments["url"],
                arguments.get("username", "mx"),
                arguments.get("password", self._face.webhook_secret),
            )
            return {"url": arguments["url"]}
        raise KeyError(action)

    def trace_account(self, provider_account_id: str) -> str | None:
        """The world's account behind a guid that this server gave out."""
        return self._desk.accounts.get(provider_account_id)

    def trace_transaction(self, provider_account_id: str, provider_transaction_id: str) -> str | None:
        """The world id of the row behind a guid that this server gave out; None when it stands for no single row."""
        return self._desk.trace_row(provider_account_id, provider_transaction_id)

    def make_delivery(self, external_login_id: str) -> WebhookDelivery:
        """A new event: MX has read the bank of a member; an unknown one raises `KeyError`."""
        member = self._desk.members[external_login_id]
        job = Job(self._desk.mint.next("job"), "aggregate", self._desk.world.now)
        return delivery_of(self._subscription(self._face.webhook_secret), describe_done(member, job, created_count=1))

    def repeat_delivery(self, delivery: WebhookDelivery) -> WebhookDelivery:
        """The same once more: MX changes nothing in it."""
        return delivery

    def forge_delivery(self, delivery: WebhookDelivery) -> WebhookDelivery:
        """The same from somebody who does not know the password."""
        headers = {**delivery.headers, "Authorization": self._subscription("guessed").authorization}
        return replace(delivery, headers=headers)

    def _subscription(self, password: str) -> Subscription:
        return Subscription("", "mx", password)

    def _answer(self, scope: Scope, path: str, content: bytes) -> Answer:
        try:
            return self._serve(scope, path, content)
        except MXProblemError as problem:
            return problem.status, dict(problem.body())

    def _serve(self, scope: Scope, path: str, content: bytes) -> Answer:
        headers = {bytes(name).lower(): bytes(value) for name, value in scope["headers"]}
        if not compare_digest(headers.get(b"authorization", b""), self._authorization):
            raise MXProblemError(401, "the client id or the API key is wrong")
        if headers.get(b"accept-version") != _VERSION:
            raise MXProblemError(406, "the header Accept-Version must name a version of this API")
        segments = tuple(unquote(part) for part in path.split("/")[1:])
        handler, names = find_handler(str(scope["method"]), segments)
        call = Call(
            desk=self._desk,
            fault_path=f"/{_SLUG}{path}",
            base_url=_base_url(scope, headers),
            names=names,
            query=dict(parse_qsl(bytes(scope.get("query_string", b"")).decode("latin-1"), keep_blank_values=True)),
            body=_read_object(content) if content else {},
        )
        return handler(call)

    def _show_widget(self, token: str, method: str, content: bytes) -> tuple[int, bytes, bytes]:
        """The page on which a person signs in."""
        kind = b"text/html; charset=utf-8"
        try:
            widget = self._desk.find_widget(token)
            if method != "POST":
                return 200, kind, render_page(widget.user.guid)
            typed = dict(parse_qsl(content.decode("utf-8", "replace")))
            member = self._desk.finish_widget(
                widget, typed.get("institution"), typed.get("username", ""), typed.get("password", "")
            )
        except RefusedActionError as refused:
            return 422, kind, render_page("", message=str(refused))
        return 200, kind, render_page(member.user.guid, member_guid=member.guid)


def _told(member: Member) -> dict[str, str]:
    return {"member_guid": member.guid, "user_guid": member.user.guid}


def _base_url(scope: Scope, headers: Mapping[bytes, bytes]) -> str:
    host = headers.get(b"host", b"mx.example").decode("latin-1")
    return f"{scope.get('scheme', 'http')}://{host}{scope.get('root_path', '')}"


def _read_object(content: bytes) -> dict[str, Any]:
    try:
        body: object = json.loads(content, parse_float=Decimal)
    except (ValueError, RecursionError):
        raise bad_request("the body is not valid JSON") from None
    if not isinstance(body, dict):
        raise bad_request("the body must be a JSON object")
    return cast("dict[str, Any]", body)


async def _read_body(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if not message.get("more_body"):
            return body
