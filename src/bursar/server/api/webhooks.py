"""How do providers tell unasked that something has changed?"""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from bursar.domain.result import Failure
from bursar.domain.webhooks import WebhookRefused
from bursar.server.bodies import read_limited
from bursar.server.deps import PlatformDep
from bursar.server.errors import ApiError, from_failure
from bursar.server.parameters import Parameters, Text
from bursar.server.responses import encode
from bursar.server.schemas.base import ItemOf, Out

MAX_BYTES = 256 * 1024
"""More than any provider sends: what they tell is read from them, not taken from here."""

router = APIRouter(tags=["webhooks"])

_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "As the provider sends it; read byte by byte, because that is what the provider signs.",
        "content": {"application/json": {"schema": {}}},
    }
}


class WebhookParameters(Parameters):
    """What stands in the addresses that providers are given."""

    link: Annotated[Text | None, Field(max_length=100)] = None
    """Says for which user the provider's own link was begun; nothing is taken from it here."""


class WebhookReceiptOut(Out):
    """That a delivery was taken."""

    status: str
    """`received`, however often it was delivered before, and whether anybody here has the login or not."""


@router.post("/{provider}", response_model=ItemOf[WebhookReceiptOut], openapi_extra=_BODY)
async def receive_webhook(
    provider: str, request: Request, platform: PlatformDep, _asked: Annotated[WebhookParameters, Query()]
) -> Response:
    """Take a webhook of a provider: proven by the provider's own signature or secret, not by a token of ours.

    401 `webhook_refused` without such a proof, 503 while it cannot be checked. What a delivery says is only a hint: the
    connection is read, soon and once, however many deliveries say so.
    """
    body = await read_limited(request, MAX_BYTES)
    # A header that comes twice is no proof: joined, it fits no signature.
    headers = {name: ", ".join(request.headers.getlist(name)) for name in request.headers}
    outcome = await platform.webhooks.receive(provider, headers, body)
    if isinstance(outcome, Failure):
        failure = outcome.error
        if isinstance(failure, WebhookRefused):
            challenge = {"WWW-Authenticate": "Signature"}
            raise ApiError("webhook_refused", failure.message, headers=challenge)
        raise from_failure(failure, caller=None, now=platform.clock.now())
    answer = WebhookReceiptOut(status="received")
    return Response(encode({"data": answer.model_dump(mode="json")}), media_type="application/json")
