"""How do the simulated servers get onto the network?"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta

from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from bursar.sandbox.control import ControlPlane
from bursar.sandbox.faces import Face, MountedFace, Receive, Scope, Send, StatementWriter
from bursar.sandbox.gate import Gate
from bursar.sandbox.world import World


class SandboxApp:
    """The ASGI application of a world: every face under `/<slug>`, the control plane under `/control`.

    `world` may be read and scripted directly by whoever runs in the same thread.
    """

    def __init__(
        self,
        world: World,
        *,
        control_token: str,
        faces: Iterable[Face],
        statements: Mapping[str, StatementWriter],
        pace: float,
        stopwatch: Callable[[], float],
    ) -> None:
        self.world = world
        self.faces: dict[str, MountedFace] = {face.slug: face.build(world) for face in faces}
        control = ControlPlane(
            world, token=control_token, faces=self.faces, statements=statements, advance=self.advance
        )
        mounts = [Mount(f"/{slug}", app=Gate(world, slug, face)) for slug, face in self.faces.items()]
        self._app = Starlette(routes=[Route("/", self._show_index), Mount("/control", app=control), *mounts])
        self._pace = pace
        self._stopwatch = stopwatch
        self._read_at = stopwatch()
        self._catching_up: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if self._pace and scope["type"] == "http":
            self._follow_wall_time()
        await self._app(scope, receive, send)

    async def advance(self, by: timedelta) -> None:
        """Moves the world's clock and lets every face do what fell due, webhooks included."""
        self.world.advance(by)
        await self._catch_up()

    def _follow_wall_time(self) -> None:
        elapsed_s = self._stopwatch() - self._read_at
        if elapsed_s < 1:
            return
        self._read_at += elapsed_s
        self.world.advance(timedelta(seconds=elapsed_s * self._pace))
        # In the background: a webhook receiver that hangs must not make the request wait.
        if self._catching_up is None or self._catching_up.done():
            self._catching_up = asyncio.create_task(self._catch_up())

    async def _catch_up(self) -> None:
        for face in self.faces.values():
            await face.catch_up()

    async def _show_index(self, _request: HttpRequest) -> Response:
        return JSONResponse({"sandbox": "bursar", "faces": sorted(self.faces), "control": "/control"})


def create_app(
    world: World,
    *,
    control_token: str,
    faces: Iterable[Face],
    statements: Mapping[str, StatementWriter] | None = None,
    pace: float = 0,
    stopwatch: Callable[[], float] = time.monotonic,
) -> SandboxApp:
    """The whole sandbox as one ASGI application.

    Args:
        world: The world behind all of it.
        control_token: The bearer token of the control plane; an empty one raises `ValueError`.
        faces: The providers' simulators, each served under `/<slug>`.
        statements: Statement writers by format name, offered by the control plane.
        pace: Virtual seconds per real second. 0 lets the clock stand still until somebody advances it, as tests want;
            1 suits a sandbox that people look at.
        stopwatch: Real seconds, for `pace` only.
    """
    if not control_token:
        raise ValueError("the control plane needs a token")
    return SandboxApp(
        world, control_token=control_token, faces=faces, statements=statements or {}, pace=pace, stopwatch=stopwatch
    )
