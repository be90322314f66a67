"""How does a user connect a bank, and what becomes of the connection?"""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BeforeValidator, Field

from bursar.bootstrap import Platform
from bursar.domain.connections import Connection, ConnectionStatus
from bursar.domain.tenants import Principal
from bursar.ports.provider import ConnectStart
from bursar.server.api.transactions import RowFilters, answer_rows
from bursar.server.bodies import Body, body_schema, json_body
from bursar.server.deps import Caller, Id, PlatformDep, Writer, require_admin, value_of
from bursar.server.errors import ApiError, Detail, Validation
from bursar.server.pagination import Paging, page_response
from bursar.server.parameters import Parameters, split_commas
from bursar.server.repeats import carry_out_once
from bursar.server.responses import item_response
from bursar.server.schemas.accounts import AccountOut
from bursar.server.schemas.base import ItemOf, PageOf
from bursar.server.schemas.connections import ConnectBody, ConnectionOut, NoMembers, RenewBody
from bursar.server.schemas.transactions import TransactionOut
from bursar.services.connect import ConnectionStarted

router = APIRouter(tags=["connections"])

_FINISHED: dict[int | str, dict[str, Any]] = {
    200: {"model": ItemOf[ConnectionOut], "description": "A connection that was begun earlier is active now."}
}


def _known_status(value: object) -> object:
    if not isinstance(value, str) or value not in ConnectionStatus.values():
        raise ValueError(f"one of {', '.join(ConnectionStatus.values())}")
    return value


class ConnectionFilters(Paging):
    """Which connections."""

    status: Annotated[list[Annotated[str, BeforeValidator(_known_status)]], BeforeValidator(split_commas)] = Field(
        default_factory=list[str], max_length=10
    )


class LeaveOptions(Parameters):
    """Whether the data goes, too."""

    erase: Literal["true", "false"] = "false"
    """True deletes what only this connection has told of; administrators only."""


@router.post(
    "",
    status_code=201,
    response_model=ItemOf[ConnectionOut],
    responses=_FINISHED,
    openapi_extra=body_schema(ConnectBody),
)
async def create_connection(
    request: Request,
    platform: PlatformDep,
    caller: Writer,
    body: Annotated[Body[ConnectBody], Depends(json_body(ConnectBody))],
    _asked: Annotated[Parameters, Query()],
) -> Response:
    """Begin to connect (201, pending), or finish with what came back from the user (then active).

    With `connection_id` a connection that was begun earlier is finished (200). A body with a provider and with what
    came back begins and finishes at once (201). A login that was connected before is renewed: the answer is then the
    older connection, with its accounts.
    """

    async def work() -> Response:
        if body.value.connection_id is not None:
            connection = await _complete(platform, caller, body.value.connection_id, body.value)
            return _answer(request, platform, connection, status=200)
        started = await _begin(platform, caller, body.value)
        if not body.value.given():
            return _answer(request, platform, started, status=201)
        try:
            connection = await _complete(platform, caller, started.connection.id, body.value)
        except ApiError:
            # Nobody will come back for it: the caller has only this one answer.
            await platform.connect.disconnect(caller.tenant_id, started.connection.id, user_id=caller.user_id)
            raise
        return _answer(request, platform, connection, status=201)

    return await carry_out_once(request, platform, caller, body.canonical, work)


async def _begin(platform: Platform, caller: Principal, asked: ConnectBody) -> ConnectionStarted:
    slug = asked.provider
    if slug is None:
        slug = await _only_provider(platform)
    return value_of(
        await platform.connect.begin(
            caller.tenant_id,
            caller.user_id,
            provider_slug=slug,
            alias=asked.alias,
            institution_id=asked.institution_id,
            redirect_uri=asked.redirect_uri,
            options=asked.options,
        ),
        caller,
        platform,
    )


async def _only_provider(platform: Platform) -> str:
    """Return the one provider that the operator has set up, whatever else is installed.

    One that needs no settings can always be connected, so it has to be named.
    """
    known = platform.registry.providers
    views = [view for view in await platform.catalogue.list_providers() if view.metadata.slug in known]
    ready = [
        view.metadata.slug
        for view in views
        if view.is_active and view.is_configured and known[view.metadata.slug].required_settings
    ]
    if len(ready) == 1:
        return ready[0]
    message = f"Say which provider: one of {', '.join(ready or known)}."
    raise Validation([Detail(field="provider", message=message, code="required")])


async def _complete(platform: Platform, caller: Principal, connection_id: UUID, asked: ConnectBody) -> Connection:
    return value_of(
        await platform.connect.complete(
            caller.tenant_id,
            connection_id,
            asked.given(),
            redirect_uri=asked.redirect_uri,
            user_id=caller.user_id,
        ),
        caller,
        platform,
        completing=True,
    )


def _shown(platform: Platform, connection: Connection, start: ConnectStart | None = None) -> ConnectionOut:
    return ConnectionOut.of(connection, platform.connect.health_of(connection), start)


def _answer(request: Request, platform: Platform, outcome: Connection | ConnectionStarted, *, status: int) -> Response:
    if isinstance(outcome, ConnectionStarted):
        shown = _shown(platform, outcome.connection, outcome.start)
    else:
        shown = _shown(platform, outcome)
    location = f"/api/v1/connections/{shown.id}" if status == 201 else None
    return item_response(request, shown, status=status, location=location)


@router.get("", response_model=PageOf[ConnectionOut])
async def list_connections(
    request: Request, platform: PlatformDep, caller: Caller, asked: Annotated[ConnectionFilters, Query()]
) -> Response:
    """List the connections, the newest first."""
    asked.by_number()
    listed, total = await platform.connect.list_connections(
        caller.tenant_id, limit=asked.size, offset=asked.offset, statuses=tuple(asked.status)
    )
    return page_response(request, [_shown(platform, each) for each in listed], asked, total)


@router.get("/{connection_id}", response_model=ItemOf[ConnectionOut])
async def get_connection(
    connection_id: Id, request: Request, platform: PlatformDep, caller: Caller, asked: Annotated[Parameters, Query()]
) -> Response:
    """Show one connection."""
    connection = value_of(await platform.connect.get_connection(caller.tenant_id, connection_id), caller, platform)
    return item_response(request, _shown(platform, connection), fields=asked.fields)


@router.delete("/{connection_id}", status_code=204, response_class=Response)
async def delete_connection(
    connection_id: Id, platform: PlatformDep, caller: Writer, asked: Annotated[LeaveOptions, Query()]
) -> Response:
    """Withdraw the access and destroy the credentials; accounts and rows stay, unless `erase=true` deletes them, too.

    Only an administrator may erase, also what was disconnected before.
    """
    if asked.erase == "true":
        require_admin(caller)
        erased = await platform.erasure.erase_connection(caller.tenant_id, caller.user_id, connection_id)
        value_of(erased, caller, platform)
    else:
        left = await platform.connect.disconnect(caller.tenant_id, connection_id, user_id=caller.user_id)
        value_of(left, caller, platform)
    return Response(status_code=204)


@router.post(
    "/{connection_id}/renewals",
    status_code=201,
    response_model=ItemOf[ConnectionOut],
    openapi_extra=body_schema(RenewBody, optional=True),
)
async def create_renewal(
    connection_id: Id,
    request: Request,
    platform: PlatformDep,
    caller: Writer,
    body: Annotated[Body[RenewBody], Depends(json_body(RenewBody, optional=True))],
    _asked: Annotated[Parameters, Query()],
) -> Response:
    """Begin to renew a consent; finish with a POST to /connections that names the connection.

    With `account_selection` the user may also add accounts of the login and take others away, at a provider with the
    capability `account_selection`. They are read after the renewal is finished: nothing is there twice, and an account
    that was taken away stays with its history and is no longer active.
    """

    async def work() -> Response:
        started = value_of(
            await platform.connect.renew(
                caller.tenant_id,
                connection_id,
                redirect_uri=body.value.redirect_uri,
                selects_accounts=body.value.account_selection,
            ),
            caller,
            platform,
        )
        return _answer(request, platform, started, status=201)

    return await carry_out_once(request, platform, caller, body.canonical, work)


@router.post(
    "/{connection_id}/pause",
    response_model=ItemOf[ConnectionOut],
    openapi_extra=body_schema(NoMembers, optional=True),
)
async def pause_connection(
    connection_id: Id,
    request: Request,
    platform: PlatformDep,
    caller: Writer,
    body: Annotated[Body[NoMembers], Depends(json_body(NoMembers, optional=True))],
    _asked: Annotated[Parameters, Query()],
) -> Response:
    """Let a connection rest: nothing reads it until it is resumed."""

    async def work() -> Response:
        paused = value_of(await platform.connect.pause(caller.tenant_id, connection_id), caller, platform)
        return _answer(request, platform, paused, status=200)

    return await carry_out_once(request, platform, caller, body.canonical, work)


@router.post(
    "/{connection_id}/resume",
    response_model=ItemOf[ConnectionOut],
    openapi_extra=body_schema(NoMembers, optional=True),
)
async def resume_connection(
    connection_id: Id,
    request: Request,
    platform: PlatformDep,
    caller: Writer,
    body: Annotated[Body[NoMembers], Depends(json_body(NoMembers, optional=True))],
    _asked: Annotated[Parameters, Query()],
) -> Response:
    """End a pause: the connection is read when it is due."""

    async def work() -> Response:
        resumed = value_of(await platform.connect.resume(caller.tenant_id, connection_id), caller, platform)
        return _answer(request, platform, resumed, status=200)

    return await carry_out_once(request, platform, caller, body.canonical, work)


@router.get("/{connection_id}/accounts", response_model=PageOf[AccountOut])
async def list_connection_accounts(
    connection_id: Id, request: Request, platform: PlatformDep, caller: Caller, asked: Annotated[Paging, Query()]
) -> Response:
    """List the accounts that are, or were, read through a connection."""
    asked.by_number()
    value_of(await platform.connect.get_connection(caller.tenant_id, connection_id), caller, platform)
    listed, total = await platform.queries.list_accounts(
        caller.tenant_id, limit=asked.size, offset=asked.offset, connection_id=connection_id
    )
    return page_response(request, [AccountOut.of(account) for account in listed], asked, total)


@router.get("/{connection_id}/transactions", response_model=PageOf[TransactionOut])
async def list_connection_transactions(
    connection_id: Id, request: Request, platform: PlatformDep, caller: Caller, asked: Annotated[RowFilters, Query()]
) -> Response:
    """List the rows of the accounts of a connection, the newest first."""
    value_of(await platform.connect.get_connection(caller.tenant_id, connection_id), caller, platform)
    return await answer_rows(request, platform, caller, asked, asked.to_filter(connection_ids=(connection_id,)))
