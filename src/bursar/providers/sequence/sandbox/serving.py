"""How does a simulator get onto two ports of this machine?"""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager

import uvicorn

from bursar.providers.sequence.sandbox.simulator import Simulator


class _Server(uvicorn.Server):
    """Leaves the signals to whoever started it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


@contextmanager
def serving(simulator: Simulator, *, app_port: int = 0, auth_port: int = 0) -> Generator[Simulator]:
    """Serves a simulator on 127.0.0.1 while the block runs; 0 takes a free port.

    Both origins run in one thread of their own, so that they share the state without locks. The simulator's origins
    are those of the ports.
    """
    sockets = [_bind(app_port), _bind(auth_port)]
    app_url, auth_url = (f"http://127.0.0.1:{one.getsockname()[1]}" for one in sockets)
    simulator.move_to(app_url, auth_url)
    applications = (simulator.application, simulator.identity)
    servers = [_Server(uvicorn.Config(one, log_config=None, lifespan="off", access_log=False)) for one in applications]
    is_up = threading.Event()

    async def run() -> None:
        tasks = [
            asyncio.create_task(server.serve(sockets=[bound])) for server, bound in zip(servers, sockets, strict=True)
        ]
        while not all(server.started for server in servers):
            if any(task.done() for task in tasks):
                break
            await asyncio.sleep(0.002)
        is_up.set()
        await asyncio.gather(*tasks)

    thread = threading.Thread(target=lambda: asyncio.run(run()), name="sequence-sandbox", daemon=True)
    thread.start()
    is_up.wait(10)
    try:
        yield simulator
    finally:
        for server in servers:
            server.should_exit = server.force_exit = True
        thread.join(10)
        for bound in sockets:
            bound.close()


def _bind(port: int) -> socket.socket:
    # With the protocol named, asyncio switches Nagle's algorithm off.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", port))
    return bound
