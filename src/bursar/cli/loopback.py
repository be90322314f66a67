"""How is an ASGI application served from within a command?"""

import asyncio
import socket
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager

import uvicorn

from bursar.cli.session import CommandError

STOP_S = 5


class QuietServer(uvicorn.Server):
    """A server that leaves signals to the command around it."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Capture none."""
        yield


@asynccontextmanager
async def serving(app: object, *, host: str = "127.0.0.1", port: int = 0) -> AsyncGenerator[str]:
    """Serve an application while the block runs; give its address.

    Raises:
        CommandError: the port is taken, or the application did not start.
    """
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise CommandError(f"Cannot listen on {host}:{port}: {error.strerror}. Choose another with --port.") from None
    server = QuietServer(
        uvicorn.Config(app, log_config=None, access_log=False, lifespan="auto", timeout_graceful_shutdown=STOP_S)  # pyright: ignore[reportArgumentType] - any ASGI application
    )
    task = asyncio.create_task(server.serve([listener]), name="http server")
    try:
        while not server.started:
            if task.done():
                raise CommandError("The HTTP server did not start: its log says why.")
            await asyncio.sleep(0.01)
        shown = f"[{host}]" if ":" in host else host
        yield f"http://{shown}:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
        listener.close()
