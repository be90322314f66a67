"""How is money moved over the API, and what became of it?"""

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import BeforeValidator, Field

from bursar.domain.transfers import TransferStatus
from bursar.server.bodies import Body, body_schema, json_body
from bursar.server.deps import Id, Mover, Onlooker, PlatformDep, value_of
from bursar.server.errors import invalid
from bursar.server.pagination import Paging, page_response
from bursar.server.parameters import Parameters, split_commas
from bursar.server.repeats import carry_out_once, sent_key
from bursar.server.responses import item_response
from bursar.server.schemas.base import ItemOf, PageOf
from bursar.server.schemas.connections import NoMembers
from bursar.server.schemas.transfers import DecisionBody, TransferBody, TransferOut

router = APIRouter(tags=["transfers"])


def _known_status(value: object) -> object:
    if not isinstance(value, str) or value not in TransferStatus.values():
        raise ValueError(f"one of {', '.join(TransferStatus.values())}")
    return value


class TransferFilters(Paging):
    """Which transfers."""

    status: Annotated[list[Annotated[str, BeforeValidator(_known_status)]], BeforeValidator(split_commas)] = Field(
        default_factory=list[str], max_length=10
    )
    account_id: Id | None = None
    """The account that money leaves or enters."""


@router.post("", status_code=201, response_model=ItemOf[TransferOut], openapi_extra=body_schema(TransferBody))
async def create_transfer(
    request: Request,
    platform: PlatformDep,
    caller: Mover,
    body: Annotated[Body[TransferBody], Depends(json_body(TransferBody))],
    _asked: Annotated[Parameters, Query()],
    _key: Annotated[
        str | None, Header(alias="Idempotency-Key", description="Required; one key is one transfer.")
    ] = None,
) -> Response:
    """Send a transfer, or stage it with `confirm`; needs an `Idempotency-Key`, and one key is one transfer for ever.

    201 says that the transfer exists, its `status` whether money moved. After `unknown` look at the transfer again: it
    is looked up at the provider and never sent twice.
    """
    key = sent_key(request)
    if key is None:
        raise invalid("Idempotency-Key", "A transfer needs a key of your own for it: send this header.", "required")

    async def work() -> Response:
        transfer = value_of(
            await platform.transfers.request(
                caller.tenant_id, caller.user_id, body.value.to_request(), idempotency_key=key
            ),
            caller,
            platform,
        )
        location = f"/api/v1/transfers/{transfer.id}"
        return item_response(request, TransferOut.of(transfer), status=201, location=location)

    return await carry_out_once(request, platform, caller, body.canonical, work)


@router.get("", response_model=PageOf[TransferOut])
async def list_transfers(
    request: Request, platform: PlatformDep, caller: Onlooker, asked: Annotated[TransferFilters, Query()]
) -> Response:
    """List the transfers, the newest first."""
    asked.by_number()
    listed, total = await platform.transfers.list_transfers(
        caller.tenant_id,
        limit=asked.size,
        offset=asked.offset,
        statuses=tuple(asked.status),
        account_id=asked.account_id,
    )
    return page_response(request, [TransferOut.of(each) for each in listed], asked, total)


@router.get("/{transfer_id}", response_model=ItemOf[TransferOut])
async def get_transfer(
    transfer_id: Id, request: Request, platform: PlatformDep, caller: Onlooker, asked: Annotated[Parameters, Query()]
) -> Response:
    """Show one transfer."""
    transfer = value_of(await platform.transfers.get_transfer(caller.tenant_id, transfer_id), caller, platform)
    return item_response(request, TransferOut.of(transfer), fields=asked.fields)


@router.post(
    "/{transfer_id}/confirmations",
    response_model=ItemOf[TransferOut],
    openapi_extra=body_schema(NoMembers, optional=True),
)
async def create_confirmation(
    transfer_id: Id,
    request: Request,
    platform: PlatformDep,
    caller: Mover,
    body: Annotated[Body[NoMembers], Depends(json_body(NoMembers, optional=True))],
    _asked: Annotated[Parameters, Query()],
) -> Response:
    """Send a staged transfer. However often it is confirmed, it is sent once; the answer is the transfer as it is."""

    async def work() -> Response:
        transfer = value_of(
            await platform.transfers.confirm(caller.tenant_id, caller.user_id, transfer_id), caller, platform
        )
        return item_response(request, TransferOut.of(transfer), status=200)

    return await carry_out_once(request, platform, caller, body.canonical, work)


@router.post("/{transfer_id}/decisions", response_model=ItemOf[TransferOut], openapi_extra=body_schema(DecisionBody))
async def create_decision(
    transfer_id: Id,
    request: Request,
    platform: PlatformDep,
    caller: Mover,
    body: Annotated[Body[DecisionBody], Depends(json_body(DecisionBody))],
    _asked: Annotated[Parameters, Query()],
) -> Response:
    """Say what became of a transfer that stays `unknown`, after a look at the provider; nothing is sent.

    `happened` true completes it, false fails it and gives its amount back to the day's limit. Possible from 15 minutes
    after it was sent; an outcome that is known cannot be changed.
    """

    async def work() -> Response:
        transfer = value_of(
            await platform.transfers.decide(
                caller.tenant_id, caller.user_id, transfer_id, happened=body.value.happened
            ),
            caller,
            platform,
        )
        return item_response(request, TransferOut.of(transfer), status=200)

    return await carry_out_once(request, platform, caller, body.canonical, work)


@router.delete("/{transfer_id}", status_code=204, response_class=Response)
async def delete_transfer(
    transfer_id: Id, platform: PlatformDep, caller: Mover, _asked: Annotated[Parameters, Query()]
) -> Response:
    """Call off a staged transfer; one that was sent cannot be called off."""
    value_of(await platform.transfers.cancel(caller.tenant_id, caller.user_id, transfer_id), caller, platform)
    return Response(status_code=204)
