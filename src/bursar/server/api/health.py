"""Is the server alive, is it ready, and what does it offer?"""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from bursar.observability.logging import get_logger
from bursar.server.deps import PlatformDep
from bursar.server.errors import ApiError
from bursar.server.parameters import Parameters
from bursar.server.responses import encode
from bursar.server.schemas.base import ItemOf, Out

READY_TIMEOUT_S = 1.0

log = get_logger(__name__)
router = APIRouter(tags=["health"])


class HealthOut(Out):
    """A word for a load balancer, and what was looked at."""

    status: str
    checks: dict[str, str]


def _answer(health: HealthOut) -> Response:
    return Response(encode({"data": health.model_dump(mode="json")}), media_type="application/json")


@router.get("/health/live", response_model=ItemOf[HealthOut])
async def get_live(_asked: Annotated[Parameters, Query()]) -> Response:
    """Say that the process answers."""
    return _answer(HealthOut(status="ok", checks={}))


@router.get("/health/ready", response_model=ItemOf[HealthOut])
async def get_ready(platform: PlatformDep, _asked: Annotated[Parameters, Query()]) -> Response:
    """Say whether requests can be served: the database, which holds the queue too, answers within a second."""
    try:
        await asyncio.wait_for(platform.database.ping(), READY_TIMEOUT_S)
    except Exception as error:  # noqa: BLE001 - whatever keeps the database from answering, the answer is "not ready"
        log.warning("not ready", reason=type(error).__name__)
        raise ApiError("retry", "The database does not answer.", retryable=True, retry_after=5) from None
    return _answer(HealthOut(status="ok", checks={"database": "ok"}))


@router.get("/openapi.json", include_in_schema=False)
async def get_openapi(request: Request, _asked: Annotated[Parameters, Query()]) -> Response:
    """Return the description of this interface, OpenAPI 3.1."""
    return Response(encode(request.app.openapi()), media_type="application/json")
