"""How do tests and people steer the world over HTTP?"""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from hmac import compare_digest
from typing import Any, cast

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bursar.sandbox.faces import MountedFace, Receive, RefusedActionError, Scope, Send, StatementWriter
from bursar.sandbox.faults import Fault, FaultKind
from bursar.sandbox.ledger import ImpossibleEventError, Purpose, Row, Truth
from bursar.sandbox.world import World

_SCRIPT_ACTIONS = {"add_pending", "add_settled", "add_late", "surface", "post", "cancel", "modify", "remove", "restore"}


class ControlError(Exception):
    """A control request that can not be carried out; `status` is the HTTP status of the answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class ControlPlane:
    """The routes under `/control`; each needs `Authorization: Bearer <token>`. Money travels as strings."""

    def __init__(
        self,
        world: World,
        *,
        token: str,
        faces: Mapping[str, MountedFace],
        statements: Mapping[str, StatementWriter],
        advance: Callable[[timedelta], Awaitable[None]],
    ) -> None:
        self._world = world
        self._token = token.encode()
        self._faces = faces
        self._statements = statements
        self._advance = advance
        self._app = Starlette(
            routes=[
                Route("/users", self._show_users),
                Route("/clock", self._show_clock),
                Route("/clock", self._move_clock, methods=["POST"]),
                Route("/accounts", self._show_accounts),
                Route("/accounts/{account_id}/truth", self._show_truth),
                Route("/accounts/{account_id}/statement", self._show_statement),
                Route("/events", self._make_event, methods=["POST"]),
                Route("/faults", self._show_faults),
                Route("/faults", self._add_fault, methods=["POST"]),
                Route("/faults", self._clear_faults, methods=["DELETE"]),
                Route("/faces/{slug}/{action}", self._act, methods=["POST"]),
                Route("/requests", self._show_requests),
                Route("/requests", self._clear_requests, methods=["DELETE"]),
            ],
            exception_handlers={ControlError: _render_error},
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, if it carries the token."""
        headers = dict(scope["headers"])
        presented = headers.get(b"authorization", b"")
        if not compare_digest(presented, b"Bearer " + self._token):
            refusal = JSONResponse({"error": "the control plane needs its bearer token"}, 401)
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, send)

    async def _show_users(self, _request: Request) -> Response:
        logins = [
            {
                "bank": login.bank.key,
                "bank_name": login.bank.name,
                "username": login.username,
                "password": login.password,
                "accounts": [account.account_id for account in login.accounts],
            }
            for login in self._world.logins
        ]
        return JSONResponse(
            {"logins": logins, "faces": {slug: dict(face.credentials()) for slug, face in self._faces.items()}}
        )

    async def _show_clock(self, _request: Request) -> Response:
        return JSONResponse({"now": self._world.now.isoformat(), "seed": self._world.seed})

    async def _move_clock(self, request: Request) -> Response:
        body = await _read_object(request, {"days", "hours", "seconds"})
        try:
            step = timedelta(**{unit: float(str(amount)) for unit, amount in body.items()})
            await self._advance(step)
        except (ValueError, OverflowError) as error:
            raise ControlError(422, str(error)) from error
        return await self._show_clock(request)

    async def _show_accounts(self, _request: Request) -> Response:
        return JSONResponse(
            {
                "accounts": [
                    {
                        "account_id": account.account_id,
                        "bank": account.bank.key,
                        "zone": account.bank.zone.key,
                        "kind": account.kind,
                        "currency": account.currency,
                        "name": account.name,
                        "mask": account.mask,
                    }
                    for account in self._world.accounts.values()
                ]
            }
        )

    async def _show_truth(self, request: Request) -> Response:
        text = request.query_params.get("at")
        try:
            at = None if text is None else datetime.fromisoformat(text)
            truth = self._world.truth(self._account_id(request), at)
        except (ValueError, TypeError) as error:
            raise ControlError(422, str(error)) from error
        return JSONResponse(_render_truth(truth))

    async def _show_statement(self, request: Request) -> Response:
        account_id = self._account_id(request)
        writer = self._statements.get(request.query_params.get("format", "ofx"))
        if writer is None:
            raise ControlError(422, f"format must be one of {sorted(self._statements)}")
        try:
            start, end = (date.fromisoformat(request.query_params[edge]) for edge in ("from", "to"))
        except (KeyError, ValueError) as error:
            raise ControlError(422, "from and to must be dates") from error
        return Response(writer(self._world, account_id, start, end), media_type="application/x-ofx")

    async def _make_event(self, request: Request) -> Response:
        body = await _read_object(request)
        action = body.pop("action", None)
        if action not in _SCRIPT_ACTIONS:
            raise ControlError(422, f"action must be one of {sorted(_SCRIPT_ACTIONS)}")
        try:
            world_id: object = getattr(self._world.script, str(action))(**_script_arguments(body))
        except KeyError as error:
            raise ControlError(404, f"unknown {error}") from error
        except (TypeError, ValueError, InvalidOperation) as error:
            raise ControlError(422, str(error)) from error
        except ImpossibleEventError as error:
            raise ControlError(409, str(error)) from error
        await self._advance(timedelta(0))
        return JSONResponse({"world_id": world_id or body.get("world_id"), "head": self._world.head})

    async def _show_faults(self, _request: Request) -> Response:
        return JSONResponse({"faults": [_render_fault(fault) for fault in self._world.faults.list_all()]})

    async def _add_fault(self, request: Request) -> Response:
        body = await _read_object(request)
        try:
            kind = FaultKind(str(body.pop("kind", "")))
            fault = self._world.faults.add(kind, **body)
        except (TypeError, ValueError) as error:
            raise ControlError(422, str(error)) from error
        return JSONResponse(_render_fault(fault), 201)

    async def _clear_faults(self, _request: Request) -> Response:
        self._world.faults.clear()
        return Response(status_code=204)

    async def _act(self, request: Request) -> Response:
        face = self._faces.get(str(request.path_params["slug"]))
        if face is None:
            raise ControlError(404, "unknown face")
        arguments = {name: str(value) for name, value in (await _read_object(request)).items()}
        try:
            outcome = face.act(str(request.path_params["action"]), arguments)
        except KeyError as error:
            raise ControlError(404, f"unknown {error}") from error
        except RefusedActionError as error:
            raise ControlError(409, str(error)) from error
        await self._advance(timedelta(0))
        return JSONResponse(dict(outcome))

    async def _show_requests(self, _request: Request) -> Response:
        log = self._world.requests
        return JSONResponse(
            {
                "counts": log.count_by_path(),
                "requests": [{**asdict(request), "at": request.at.isoformat()} for request in log.list_all()],
            }
        )

    async def _clear_requests(self, _request: Request) -> Response:
        self._world.requests.clear()
        return Response(status_code=204)

    def _account_id(self, request: Request) -> str:
        account_id = str(request.path_params["account_id"])
        if account_id not in self._world.accounts:
            raise ControlError(404, "unknown account")
        return account_id


async def _read_object(request: Request, allowed: set[str] | None = None) -> dict[str, Any]:
    try:
        body: object = json.loads(await request.body())
    except ValueError as error:
        raise ControlError(400, "the body must be JSON") from error
    if not isinstance(body, dict):
        raise ControlError(400, "the body must be a JSON object")
    members = cast("dict[str, Any]", body)
    if allowed is not None and not allowed.issuperset(members):
        raise ControlError(422, f"only {sorted(allowed)} are understood")
    return members


def _script_arguments(body: Mapping[str, Any]) -> dict[str, Any]:
    """Turns the JSON members of a scripted event into the types the script takes."""
    arguments = dict(body)
    if arguments.get("amount") is not None:
        if not isinstance(arguments["amount"], str):
            raise TypeError("amount must be a string")
        arguments["amount"] = Decimal(arguments["amount"])
    if arguments.get("booked_on") is not None:
        arguments["booked_on"] = date.fromisoformat(arguments["booked_on"])
    if "purpose" in arguments:
        arguments["purpose"] = Purpose(arguments["purpose"])
    if "listed_after_days" in arguments:
        arguments["listed_after"] = timedelta(days=arguments.pop("listed_after_days"))
    return arguments


def _render_truth(truth: Truth) -> dict[str, object]:
    return {
        "account_id": truth.account_id,
        "at": truth.at.isoformat(),
        "currency": truth.currency,
        "opening_balance": str(truth.opening_balance),
        "balance": str(truth.balance),
        "gap": str(truth.gap),
        "rows": [_render_row(row) for row in truth.rows],
        "unlisted": [_render_row(row) for row in truth.unlisted],
    }


def _render_row(row: Row) -> dict[str, object]:
    return {
        "world_id": row.world_id,
        "state": row.state,
        "amount": str(row.amount),
        "currency": row.currency,
        "booked_on": row.booked_on.isoformat(),
        "description": row.description,
        "purpose": row.purpose,
        "reference": row.reference,
    }


def _render_fault(fault: Fault) -> dict[str, object]:
    return asdict(fault)


async def _render_error(_request: Request, error: Exception) -> Response:
    status = error.status if isinstance(error, ControlError) else 500
    return JSONResponse({"error": str(error)}, status)
