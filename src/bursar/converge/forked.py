"""What runs in a worker process of the convergence test? The real worker, and a listener that kills it where it says.

The process is forked from one that has imported everything, opens its platform, and waits until it is called.
"""

import asyncio
import os
import signal
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import httpx2
import psycopg
import structlog
from pydantic import SecretStr

from bursar import faultpoints
from bursar.bootstrap import Platform, open_platform, read_settings
from bursar.converge.board import Board, BoardClock, Trap, Victim
from bursar.converge.bridge import CALLER_HEADER, CONTROL, LOST, LOST_HEADER
from bursar.converge.stage import find_channels, full_registry, provider_settings
from bursar.converge.trouble import failure_of
from bursar.faultpoints import FaultPoint
from bursar.observability.logging import configure_logging
from bursar.transport.timing import Timing
from bursar.worker import app as worker
from bursar.worker.app import WorkerPlan

NO_DATABASE = 75
"""The exit code of a worker that began while the database was away; whoever watches over it starts another one."""
_LOOKS_S = 0.01
_ORPHAN_LOOKS_S = 1.0
KILLED, TOLD = "D2", frozenset({"D8", "E7", "E9"})
"""Faults that end the process, and those that the seed makes while the worker waits at the place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerPlace:
    """Where a worker process finds what it shares with its seed."""

    database_url: str
    home: Path
    board: Path
    socket: Path
    log: Path
    parent: int
    """The seed's process: without it, a worker ends."""
    plan: WorkerPlan


def serve(place: WorkerPlace, slot: int) -> None:
    """The entry of a worker process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with place.log.open("a", buffering=1) as log:
        configure_logging(level="INFO", style="json", stream=log)
        asyncio.run(_serve(place, slot))


async def _serve(place: WorkerPlace, slot: int) -> None:
    board = Board(place.board)
    orphaned = asyncio.create_task(_end_with(place.parent), name="look for the seed")
    registry = full_registry()
    channels = find_channels(registry)
    transport = httpx2.AsyncHTTPTransport(uds=str(place.socket))
    async with httpx2.AsyncClient(transport=_Line(transport), timeout=60.0) as client:

        async def sleep(seconds: float) -> None:
            await client.post(f"{CONTROL}/sleep", json={"seconds": seconds})

        async with AsyncExitStack() as opened:
            opening = open_platform(
                read_settings(database_url=SecretStr(place.database_url), home=place.home, database_pool_size=6),
                registry=registry,
                clock=BoardClock(board, slot),
                extra_settings=provider_settings(channels),
                http_clients=dict.fromkeys(channels, client),
                timing=Timing(sleep=sleep),
            )
            try:
                platform = await opened.enter_async_context(opening)
            except psycopg.OperationalError:
                os._exit(NO_DATABASE)
            while not board.is_called(slot):  # noqa: ASYNC110 - another process calls
                await asyncio.sleep(_LOOKS_S)
            _tell_number(platform, board, slot)
            faultpoints.listen(_Listener(board, slot, client).listen)
            # What is due by the machine's clock has no place in a world with a time of its own.
            worker.register_schedules = _nothing_is_due
            await worker.work(platform, place.plan, name=f"worker {slot}")
    orphaned.cancel()


def _nothing_is_due(_platform: Platform) -> None:
    """Stand in for the timetable; the seed asks for what would be due."""


def _tell_number(platform: Platform, board: Board, slot: int) -> None:
    """Have the number of this worker in the job engine's table written on the board, each time it gets one."""
    jobs = platform.queue.app.job_manager
    register = jobs.register_worker

    async def register_and_tell() -> int:
        number = await register()
        board.set_number(slot, number)
        return number

    jobs.register_worker = register_and_tell


async def _end_with(parent: int) -> None:
    while True:
        await asyncio.sleep(_ORPHAN_LOOKS_S)
        try:
            os.kill(parent, 0)
        except ProcessLookupError:
            os._exit(1)


class _Listener:
    """Meets what waits for this process at the named places."""

    def __init__(self, board: Board, slot: int, client: httpx2.AsyncClient) -> None:
        self._board = board
        self._slot = slot
        self._client = client

    async def listen(self, point: FaultPoint) -> None:
        """Pass a place; this may be the last thing that the process does."""
        if point is FaultPoint.SYNC_OPENED:
            self._board.count_run(self._slot)
        trap = self._board.pass_by(point, _who())
        if trap is None:
            return
        if trap.code == KILLED:
            os.kill(os.getpid(), signal.SIGKILL)
        if trap.code in TOLD:
            await self._tell(trap)
            return
        raise failure_of(trap.code, trap.nth)

    async def _tell(self, trap: Trap) -> None:
        await self._client.post(f"{CONTROL}/strike", json={"trap": trap.index}, timeout=60.0)


def _who() -> Victim:
    bound = structlog.contextvars.get_contextvars()
    return Victim(
        tenant_id=UUID(str(bound["tenant_id"])),
        connection_id=UUID(str(bound["connection_id"])),
        run_id=UUID(str(bound["sync_run_id"])),
    )


class _Line(httpx2.AsyncBaseTransport):
    """The way to the seed's process, whatever host is asked for."""

    def __init__(self, transport: httpx2.AsyncHTTPTransport) -> None:
        self._transport = transport

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Ask the seed's process; what the network lost there is lost here."""
        caller = structlog.contextvars.get_contextvars().get("connection_id")
        if caller is not None:
            request.headers[CALLER_HEADER] = str(caller)
        response = await self._transport.handle_async_request(request)
        lost = response.headers.get(LOST_HEADER)
        if lost is not None:
            await response.aclose()
            raise LOST[lost]("played by the seed", request=request)
        return response

    async def aclose(self) -> None:
        """Close the way."""
        await self._transport.aclose()
