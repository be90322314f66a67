"""How does a request to the simulated Teller become an answer?"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote

from bursar.providers.teller.sandbox.connect import ConnectDesk, SignedForm, page
from bursar.providers.teller.sandbox.desk import Desk, Enrollment
from bursar.providers.teller.sandbox.listing import Listing
from bursar.providers.teller.sandbox.payments import PaymentDesk
from bursar.providers.teller.sandbox.problems import TellerProblemError, not_found
from bursar.providers.teller.sandbox.shapes import account_object, balances_object, owner_object
from bursar.providers.teller.sandbox.webhooks import Outbox
from bursar.sandbox.faces import Receive, RefusedActionError, Scope, Send, WebhookDelivery
from bursar.sandbox.people import Account
from bursar.sandbox.world import World

_SLUG = "teller"
CLIENT_CERTIFICATE = "bursar.client_certificate"
"""Member of an ASGI scope's extensions: set by a TLS server whose caller presented a certificate that it accepts."""
_VERSION = "2020-10-12"
_PRODUCTS = ("verify", "balance", "transactions", "identity")
_ACCOUNT_PATH = re.compile(r"/accounts/([^/]+)(?:/(details|balances|transactions|payees|payments)(?:/([^/]+))?)?")
_JSON, _HTML = b"application/json", b"text/html; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class TellerFace:
    """The simulated Teller.

    Ids, keys and secrets let anybody in who knows them; they are published because they protect invented people only.

    Attributes:
        application_id: of the application that enrols.
        webhook_secrets: the newest first; every one of them signs.
        signing_seed: makes the token signing key.
        signed_form: whether the digest of a result is signed, or the text: public sources leave it open.
        page_size: what a tester's client should ask for at once, so that small worlds have pages.
        environment: what a tester must configure; tokens of another one come from Connect's own options.
    """

    application_id: str = "app_sandbox"
    webhook_secrets: tuple[str, ...] = ("sandbox-teller-webhook-2", "sandbox-teller-webhook-1")
    signing_seed: bytes = b"sandbox-teller-signing"
    signed_form: SignedForm = "digest"
    page_size: int = 20
    environment: str = "sandbox"

    @property
    def slug(self) -> str:
        """The path prefix."""
        return _SLUG

    def build(self, world: World) -> "TellerServer":
        """A server without enrolments in front of a world."""
        return TellerServer(world, self)

    def varied(self, **changes: Any) -> "TellerFace":
        """The same face with some attributes changed."""
        return replace(self, **changes)


class TellerServer:
    """One simulated Teller: an ASGI application."""

    def __init__(self, world: World, face: TellerFace) -> None:
        self.face = face
        self._world = world
        self.desk = Desk(world)
        self.outbox = Outbox(self.desk, face.webhook_secrets)
        self._listing = Listing(self.desk)
        self._payments = PaymentDesk(self.desk)
        self._connect = ConnectDesk(self.desk, face.application_id, face.signing_seed, face.signed_form)
        self._told = world.head

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            return
        content = await _read_body(receive)
        path = str(scope["path"]).removeprefix(str(scope.get("root_path", ""))).removeprefix(f"/{_SLUG}")
        if path == "/connect":
            status, raw, kind = self._show_connect(scope, content)
        else:
            status, raw = self._answer(scope, path, content)
            kind = _JSON
        headers = [(b"content-type", kind), (b"content-length", str(len(raw)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": raw})

    async def catch_up(self) -> None:
        """Tells of rows that are new since the last time, and sends what waits."""
        if self.outbox.urls:
            self._tell_new_rows()
        self._told = self._world.head
        await self.outbox.send_due()

    def credentials(self) -> Mapping[str, str]:
        """The settings of a client."""
        return {
            "application_id": self.face.application_id,
            "environment": self.face.environment,
            "token_signing_key": self._connect.public_key,
            "webhook_secrets": ",".join(self.face.webhook_secrets),
            "page_size": str(self.face.page_size),
        }

    def error_body(self, status: int) -> bytes:
        """The body of an outage or a limit."""
        return json.dumps(TellerProblemError(status).body()).encode()

    def act(self, action: str, arguments: Mapping[str, str]) -> Mapping[str, str]:
        """What people do outside the API.

        Actions:
            complete_link: Signs in with the options of Connect in `link_token` at `institution_id` as `username` with
                `password` (and `code`, `answer`); returns `enrollment` (what the page gets, as JSON), `nonce`,
                `access_token` and `enrollment_id`. With an enrolment to repair nothing new is made.
            disconnect: The login of `enrollment_id` no longer works, for a `reason` of Teller's list, or none.
            close_account: The bank closes the account behind `account_id` (Teller's), for a `reason` or none.
            withhold: The institution of `account_id` does not have `link` (`details`, `balances`, `transactions`).
            register_webhook: Notices go to `url` from now on.
            test_webhook: Sends a test notice, signed `age_s` seconds ago; returns its `id`.
            repeat_webhook: Sends the last notice once more.
            finish_payment: Answers the second factor of `connect_token` with `code`; returns `payment_id`.

        Raises `KeyError` for an unknown action, id or missing argument and `RefusedActionError` for what is impossible.
        """
        if action == "complete_link":
            return self._connect.finish(arguments["link_token"], arguments)
        if action == "disconnect":
            reason = arguments.get("reason", "")
            enrollment = self.desk.disconnect(arguments["enrollment_id"], reason)
            said = f"disconnected.{reason}" if reason else "disconnected"
            self.outbox.post("enrollment.disconnected", {"enrollment_id": enrollment.enrollment_id, "reason": said})
            return {"enrollment_id": enrollment.enrollment_id}
        if action in ("close_account", "withhold"):
            world_id = self.desk.trace_account(arguments["account_id"])
            if world_id is None:
                raise KeyError(arguments["account_id"])
            if action == "close_account":
                self.desk.closed[world_id] = arguments.get("reason", "")
            else:
                self.desk.without.setdefault(world_id, set()).add(arguments["link"])
            return {"account_id": arguments["account_id"]}
        if action == "finish_payment":
            made = self._payments.finish(arguments["connect_token"], arguments.get("code", "0000"))
            return {"payment_id": str(made["id"])}
        return self._act_on_webhooks(action, arguments)

    def make_delivery(self, external_login_id: str) -> WebhookDelivery:
        """`transactions.processed` about an enrolment, whether an address is registered or not."""
        enrollment = self.desk.enrollments[external_login_id]
        _, body = self.outbox.write(
            "transactions.processed", {"transactions": [], "enrollment_id": enrollment.enrollment_id}
        )
        return self.outbox.hand_out(body)

    def repeat_delivery(self, delivery: WebhookDelivery) -> WebhookDelivery:
        """The same body, and so the same id, signed at the present instant."""
        return self.outbox.hand_out(delivery.body)

    def forge_delivery(self, delivery: WebhookDelivery) -> WebhookDelivery:
        """The same body, signed with a secret that was never ours."""
        return self.outbox.hand_out(delivery.body, ["not-the-secret"])

    def trace_account(self, provider_account_id: str) -> str | None:
        """The world's account behind an id that this server gave out."""
        return self.desk.trace_account(provider_account_id)

    def trace_transaction(self, provider_account_id: str, provider_transaction_id: str) -> str | None:
        """The world id of the row behind an id that this server gave out."""
        return self.desk.row_ids.trace(provider_account_id, provider_transaction_id)

    def _act_on_webhooks(self, action: str, arguments: Mapping[str, str]) -> Mapping[str, str]:
        if action == "register_webhook":
            self.outbox.urls.append(arguments["url"])
            return {"url": arguments["url"]}
        if action == "test_webhook":
            age = timedelta(seconds=int(arguments.get("age_s", "0")))
            return {"id": self.outbox.post("webhook.test", {}, age=age)}
        if action == "repeat_webhook":
            self.outbox.repeat()
            return {}
        raise KeyError(action)

    def _tell_new_rows(self) -> None:
        for enrollment in self.desk.enrollments.values():
            if enrollment.is_deleted or enrollment.disconnected is not None:
                continue
            rows: list[dict[str, Any]] = []
            for account in self.desk.shown(enrollment, self._world.now):
                changed = {event.row.world_id for event in self._world.events_after(self._told, [account.account_id])}
                account_id = self.desk.account_id(enrollment, account)
                listed = self._listing.rows(enrollment, account, self._world.now) if changed else []
                rows += [one for one in listed if self.trace_transaction(account_id, one["id"]) in changed]
            if rows:
                self.outbox.post(
                    "transactions.processed", {"transactions": rows, "enrollment_id": enrollment.enrollment_id}
                )

    def _show_connect(self, scope: Scope, content: bytes) -> tuple[int, bytes, bytes]:
        if scope["method"] == "GET":
            query = parse_qs(bytes(scope.get("query_string", b"")).decode("latin-1"))
            return 200, page(query.get("setup", [""])[0]).encode(), _HTML
        form = dict(parse_qsl(content.decode("utf-8", "replace")))
        try:
            done = self._connect.finish(form.get("setup", ""), form)
        except (RefusedActionError, KeyError) as refusal:
            return 200, page(form.get("setup", ""), str(refusal)).encode(), _HTML
        return 200, done["enrollment"].encode(), _JSON

    def _answer(self, scope: Scope, path: str, content: bytes) -> tuple[int, bytes]:
        try:
            answer = self._serve(scope, path, content)
        except TellerProblemError as problem:
            return problem.status, json.dumps(problem.body()).encode()
        return (204, b"") if answer is None else (200, json.dumps(answer).encode())

    def _serve(self, scope: Scope, path: str, content: bytes) -> Any:
        method = str(scope["method"])
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if headers.get("teller-version", _VERSION) != _VERSION:
            raise TellerProblemError(400)
        if path == "/institutions" and method == "GET":
            return [{"id": bank.key, "name": bank.name, "products": list(_PRODUCTS)} for bank in self._world.banks]
        has_certificate = bool(scope.get("extensions", {}).get(CLIENT_CERTIFICATE))
        enrollment = self.desk.open(_token(headers), has_certificate=has_certificate)
        full_path = f"/{_SLUG}{path}"
        if path == "/accounts":
            if method == "DELETE":
                enrollment.is_deleted = True
                return None
            _require(method, "GET")
            self.desk.require_data(enrollment, full_path)
            return [self._account(enrollment, one) for one in self.desk.shown(enrollment, self._world.now)]
        if path == "/identity":
            _require(method, "GET")
            self.desk.require_data(enrollment, full_path)
            return [
                {"account": self._account(enrollment, one), "owners": [owner_object(each) for each in one.holders]}
                for one in self.desk.shown(enrollment, self._world.now)
            ]
        found = _ACCOUNT_PATH.fullmatch(path)
        if found is None:
            raise not_found()
        account_id, part, item = (unquote(group) if group else "" for group in found.groups())
        self.desk.require_data(enrollment, full_path)
        account = self.desk.find_account(enrollment, account_id)
        if not part:
            if method == "DELETE":
                enrollment.deleted_accounts.add(account.account_id)
                return None
            _require(method, "GET")
            return self._account(enrollment, account)
        if part in ("payees", "payments"):
            return self._pay(enrollment, account, (method, part, item), headers, content)
        _require(method, "GET")
        self.desk.require_open(account, part)
        query = dict(parse_qsl(bytes(scope.get("query_string", b"")).decode("latin-1")))
        return self._part(enrollment, account, part, item, query, full_path)

    def _part(
        self, enrollment: Enrollment, account: Account, part: str, item: str, query: dict[str, str], path: str
    ) -> Any:
        if part == "transactions":
            enrollment.verified.add(account.account_id)
            if item:
                return self._listing.find(enrollment, account, item)
            return self._listing.page(enrollment, account, query, path)
        if item:
            raise not_found()
        account_id = self.desk.account_id(enrollment, account)
        if part == "details":
            return self._details(enrollment, account, account_id)
        told_at = self.desk.blemishes.balance_at(enrollment.enrollment_id, account, self._world.now)
        at = max(told_at or self._world.now, account.opened_at)
        truth = self._world.truth(account.account_id, at)
        return balances_object(account, account_id, truth, has_ledger=told_at is not None)

    def _pay(
        self,
        enrollment: Enrollment,
        account: Account,
        place: tuple[str, str, str],
        headers: dict[str, str],
        content: bytes,
    ) -> Any:
        self.desk.require_open(account, "payments")
        key = headers.get("idempotency-key", "")
        method, part, item = place
        if part == "payees" and method == "POST" and not item:
            return self._payments.make_payee(enrollment, account, content, key)
        if part == "payments" and method == "GET":
            return self._payments.find_payment(account, item) if item else self._payments.list_payments(account)
        if part == "payments" and not item and method in ("OPTIONS", "POST"):
            if method == "OPTIONS":
                return self._payments.options()
            return self._payments.make_payment(enrollment, account, content, key)
        raise not_found()

    def _account(self, enrollment: Enrollment, account: Account) -> dict[str, Any]:
        made = account_object(
            account,
            self.desk.account_id(enrollment, account),
            enrollment.enrollment_id,
            status="closed" if account.account_id in self.desk.closed else "open",
            without=self.desk.without.get(account.account_id, set()),
            name=self._verification(enrollment, account),
        )
        self.desk.blemishes.vary_account(account, made)
        return made

    def _verification(self, enrollment: Enrollment, account: Account) -> str | None:
        """The name of an account whose micro-deposits end so, as the vendor's test user has them; None for others."""
        if not enrollment.is_microdeposit:
            return None
        first = next(iter(self.desk.shown(enrollment, self._world.now)))
        return "Success" if account.account_id == first.account_id else "Failure"

    def _details(self, enrollment: Enrollment, account: Account, account_id: str) -> dict[str, Any]:
        verification = self._verification(enrollment, account)
        if verification is not None and account.account_id not in enrollment.verified:
            raise TellerProblemError(404, "account_number_verification_pending")
        if verification == "Failure":
            raise TellerProblemError(404, "account_number_verification_expired")
        return {
            "account_id": account_id,
            "account_number": account.number,
            "routing_numbers": {"ach": account.bank.bank_code, "wire": None, "bacs": None},
            "links": {},
        }


def _token(headers: Mapping[str, str]) -> str:
    """The user name of HTTP Basic; anything else than an empty password is refused."""
    scheme, _, encoded = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        raise TellerProblemError(401)
    try:
        name, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        raise TellerProblemError(401) from None
    if not name or not colon or password:
        raise TellerProblemError(401)
    return name


def _require(method: str, allowed: str) -> None:
    if method != allowed:
        raise not_found()


async def _read_body(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if not message.get("more_body"):
            return body
