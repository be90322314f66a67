"""How do tests steer a simulator of its own over HTTP? (Nothing of this exists at the real service.)"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Any, Protocol, cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from bursar.providers.sequence.sandbox.payments import PULL, PUSH
from bursar.providers.sequence.sandbox.reference import id_of
from bursar.providers.sequence.sandbox.site import Site
from bursar.providers.sequence.sandbox.tokens import LIFETIME_S

Body = dict[str, Any]
_Handler = Callable[[Request, Body], Awaitable[Response]]


class Clock(Protocol):
    """A clock that can be moved; see `SimulatorClock`."""

    def now(self) -> datetime: ...  # noqa: D102 - see the protocol
    def advance(self, by: timedelta) -> None: ...  # noqa: D102 - see the protocol
    def set(self, instant: datetime) -> None: ...  # noqa: D102 - see the protocol
    def run(self, pace: float) -> None: ...  # noqa: D102 - see the protocol


class Ledger(Protocol):
    """Books that live through time; see `ReferenceBooks`."""

    def catch_up(self, now: datetime) -> None: ...  # noqa: D102 - see the protocol
    def let_fail(self, transfer_id: str, leg: str, reason: str) -> bool: ...  # noqa: D102 - see the protocol


class Controlled(Protocol):
    """What the controls act on; see `Simulator`."""

    @property
    def site(self) -> Site: ...  # noqa: D102 - see the protocol
    @property
    def clock(self) -> Clock: ...  # noqa: D102 - see the protocol
    @property
    def books(self) -> Ledger: ...  # noqa: D102 - see the protocol

    def reset(self) -> None: ...  # noqa: D102 - see the protocol


class _ControlError(Exception):
    """A control request that cannot be carried out."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def control_routes(simulator: Controlled) -> Mount:
    """The controls, for callers on this machine only."""
    controls = _Controls(simulator)
    posts: dict[str, _Handler] = {
        "/reset": controls.reset,
        "/clock": controls.move_clock,
        "/faults": controls.add_fault,
        "/tokens/revoke": controls.revoke_token,
        "/tokens/issue": controls.issue_token,
        "/strict": controls.be_strict,
        "/manners": controls.choose_manners,
        "/payments/fail": controls.let_fail,
    }
    routes = [Route(path, _guarded(handler), methods=["POST"]) for path, handler in posts.items()]
    return Mount("/_control", routes=[*routes, Route("/requests", _guarded(controls.show_requests))])


class _Controls:
    """The handlers."""

    def __init__(self, simulator: Controlled) -> None:
        self._simulator = simulator

    async def reset(self, _request: Request, _body: Body) -> Response:
        self._simulator.reset()
        return self._show_clock()

    async def show_requests(self, _request: Request, _body: Body) -> Response:
        return JSONResponse({"requests": list(self._simulator.site.switchboard.requests)})

    async def move_clock(self, _request: Request, body: Body) -> Response:
        clock = self._simulator.clock
        try:
            if "set" in body:
                clock.set(datetime.fromisoformat(str(body["set"])))
            if "advance" in body:
                clock.advance(timedelta(**body["advance"]))
            if "pace" in body:
                clock.run(float(body["pace"]))
        except (TypeError, ValueError, OverflowError) as error:
            raise _ControlError(422, str(error)) from error
        self._simulator.books.catch_up(clock.now())
        return self._show_clock()

    async def add_fault(self, _request: Request, body: Body) -> Response:
        try:
            fault = self._simulator.site.switchboard.add(body)
        except TypeError as error:
            raise _ControlError(422, str(error)) from error
        return JSONResponse(asdict(fault), 201)

    async def revoke_token(self, _request: Request, body: Body) -> Response:
        if not self._simulator.site.tokens.revoke(str(body.get("token", ""))):
            raise _ControlError(404, "nobody knows this token")
        return Response(status_code=204)

    async def issue_token(self, _request: Request, body: Body) -> Response:
        tokens = self._simulator.site.tokens
        user_id, lifetime_s = str(body.get("user_id", id_of(3))), body.get("lifetime_s", LIFETIME_S)
        if not isinstance(lifetime_s, int):
            raise _ControlError(422, "lifetime_s must be a whole number of seconds")
        issued: Body = {"access_token": tokens.issue_access(user_id, lifetime_s=lifetime_s), "expires_in": lifetime_s}
        if body.get("refresh_token"):
            issued["refresh_token"] = tokens.issue_refresh(user_id)
        return JSONResponse(issued)

    async def be_strict(self, _request: Request, body: Body) -> Response:
        strictness = self._simulator.site.switchboard.strictness
        _switch(strictness, body, {"headers": bool, "pacing": bool})
        return JSONResponse(asdict(strictness))

    async def choose_manners(self, _request: Request, body: Body) -> Response:
        site = self._simulator.site
        tokens = {name: body.pop(name) for name in ("rotates", "allows_refresh") if name in body}
        _switch(site.tokens, tokens, {"rotates": bool, "allows_refresh": bool})
        kinds = {"token_delay_ms": int, "issues_refresh_tokens": bool, "allows_introspection": bool}
        _switch(site.manners, body, kinds)
        return JSONResponse(
            asdict(site.manners) | {"rotates": site.tokens.rotates, "allows_refresh": site.tokens.allows_refresh}
        )

    async def let_fail(self, _request: Request, body: Body) -> Response:
        leg, reason = body.get("leg"), str(body.get("reason", "PAYMENT_FAILED"))
        if leg not in {PULL, PUSH}:
            raise _ControlError(422, "leg must be pull or push")
        if not self._simulator.books.let_fail(str(body.get("transfer_id", "")), str(leg), reason):
            raise _ControlError(404, "no such transfer was made here")
        return Response(status_code=204)

    def _show_clock(self) -> Response:
        return JSONResponse({"now": self._simulator.clock.now().isoformat()})


def _switch(target: object, chosen: Body, kinds: dict[str, type]) -> None:
    """Sets switches; an unknown one, or a value of another type, changes nothing."""
    for name, value in chosen.items():
        if name not in kinds or type(value) is not kinds[name]:
            raise _ControlError(422, f"the switches are {', '.join(f'{one}: {kinds[one].__name__}' for one in kinds)}")
    for name, value in chosen.items():
        setattr(target, name, value)


def _guarded(handler: _Handler) -> Callable[[Request], Awaitable[Response]]:
    """A handler for callers on this machine, and for no page that a browser on it shows."""

    async def handle(request: Request) -> Response:
        if not _is_local(request):
            return JSONResponse({"error": "the controls are for this machine only"}, 403)
        try:
            return await handler(request, await _read(request))
        except _ControlError as error:
            return JSONResponse({"error": str(error)}, error.status)

    return handle


def _is_local(request: Request) -> bool:
    try:
        is_loopback = request.client is not None and ip_address(request.client.host).is_loopback
    except ValueError:
        return False
    # A page of another origin can send a form, but no JSON without asking first, which nobody answers here.
    return is_loopback and (request.method == "GET" or _is_json(request) or not request.headers.get("origin"))


def _is_json(request: Request) -> bool:
    return request.headers.get("content-type", "").partition(";")[0].strip() == "application/json"


async def _read(request: Request) -> Body:
    content = await request.body()
    if not content:
        return {}
    try:
        body: object = json.loads(content)
    except (ValueError, RecursionError):
        raise _ControlError(400, "the body must be JSON") from None
    if not isinstance(body, dict):
        raise _ControlError(400, "the body must be a JSON object")
    return cast("Body", body)
