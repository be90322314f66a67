"""How does the server run inside a process that somebody else owns?"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress

import uvicorn

from bursar.bootstrap import Platform
from bursar.server.app import create_app
from bursar.server.limits import RateLimiter

SHUTDOWN_S = 10
"""How long requests may take to end after the signal to stop."""

OnListening = Callable[[str, int], None]
Background = Callable[[], Awaitable[None]]


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, on_listening: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_listening = on_listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_listening()


async def serve(
    platform: Platform,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    on_listening: OnListening | None = None,
    background: Background | None = None,
    stop: asyncio.Event | None = None,
    limiter: RateLimiter | None = None,
) -> None:
    """Serve until a signal (SIGINT, SIGTERM) or `stop`; requests that run are finished first.

    Args:
        platform: open; the caller closes it afterwards.
        host: the address to listen on.
        port: 0 takes a free one.
        on_listening: called once with host and real port, when connections are accepted.
        background: runs beside the server and is cancelled with it, such as a worker; when it fails, the server stops
            and the error is raised.
        stop: set it to stop the server.
        limiter: how often a tenant may call; the default limits without it.

    Raises:
        OSError: the address cannot be listened on.
    """
    listener = _listen(host, port)
    real_port = int(listener.getsockname()[1])
    config = uvicorn.Config(
        create_app(platform, limiter=limiter),
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="off",
        ws="none",
        timeout_graceful_shutdown=SHUTDOWN_S,
    )
    server = _Server(config, lambda: on_listening(host, real_port) if on_listening is not None else None)
    beside: list[asyncio.Task[None]] = []
    if background is not None:
        beside.append(asyncio.create_task(_beside(background, server), name="background"))
    if stop is not None:
        beside.append(asyncio.create_task(_stopped(stop, server), name="stop"))
    try:
        await server.serve(sockets=[listener])
    finally:
        listener.close()
        failed: BaseException | None = None
        for task in beside:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.wait([task])
            if not task.cancelled():
                failed = failed or task.exception()
    if failed is not None:
        raise failed


async def _beside(background: Background, server: uvicorn.Server) -> None:
    try:
        await background()
    except Exception:
        server.should_exit = True
        raise


async def _stopped(stop: asyncio.Event, server: uvicorn.Server) -> None:
    await stop.wait()
    server.should_exit = True


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because asyncio switches off the delay of small answers only where it is: 40 ms each.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener
