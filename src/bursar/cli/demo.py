"""What does somebody see who tries Bursar for the first time? (Everything at work on a simulated world.)."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bursar.cli.output import say
from bursar.cli.session import CommandError, describe_error

if TYPE_CHECKING:
    from bursar.cli.demo_story import Stage, Steps
    from bursar.sandbox.app import SandboxApp
    from bursar.sandbox.world import World

SEED = 20
_TICK_S = 1


def demo(
    once: Annotated[bool, typer.Option("--once", help="Print and leave; without it the server stays.")] = False,
    home: Annotated[
        Path | None, typer.Option(help="Keep the ledger in this folder; it is thrown away otherwise.", file_okay=False)
    ] = None,
) -> None:
    """Connect a simulated bank, import a file, let a week pass, and show what the ledger knows."""
    from bursar.cli.demo_story import Steps

    steps = Steps()
    kept = home is not None
    folder = home if home is not None else Path(tempfile.mkdtemp(prefix="bursar-demo-"))
    try:
        asyncio.run(_play(steps, folder, once=once))
    except KeyboardInterrupt:
        say("Stopped.")
    except CommandError as error:
        raise CommandError(f"The demo failed at this step: {steps.current}.\n{error}") from error
    except Exception as error:
        raise CommandError(f"The demo failed at this step: {steps.current}.\n{describe_error(error)}") from error
    finally:
        if not kept:
            shutil.rmtree(folder, ignore_errors=True)


async def _play(steps: "Steps", home: Path, *, once: bool) -> None:
    from bursar.cli.serving import wait_for_signal
    from bursar.observability.logging import configure_logging

    configure_logging(level="CRITICAL")
    playing = asyncio.create_task(wait_for_signal(), name="signals")
    try:
        await _play_until(playing, steps, home, once=once)
    except Exception:
        # Ctrl-C reaches the database's processes too: what they did not finish is no failure then.
        await asyncio.sleep(0)
        if not playing.done():
            raise
        say("Stopped.")


async def _play_until(playing: "asyncio.Task[None]", steps: "Steps", home: Path, *, once: bool) -> None:
    async with _open_stage(steps, home) as (stage, sandbox):
        story = asyncio.create_task(_tell(stage, steps), name="story")
        await asyncio.wait({playing, story}, return_when=asyncio.FIRST_COMPLETED)
        if not story.done():
            story.cancel()
            await asyncio.wait({story})
            say("Stopped.")
            return
        story.result()
        if once:
            playing.cancel()
            return
        say(f"\nThe server stays at {stage.address}/api/v1; its token: {stage.token}")
        say(f'Try: curl -H "Authorization: Bearer {stage.token}" {stage.address}/api/v1/accounts')
        say("Stop with Ctrl-C.")
        following = asyncio.create_task(_follow_time(sandbox), name="time")
        await playing
        following.cancel()


async def _tell(stage: "Stage", steps: "Steps") -> None:
    from bursar.cli.demo_pages import show_ledger
    from bursar.cli.demo_story import play

    told = await play(stage, steps)
    with steps.step("ask the ledger, and prove it"):
        await show_ledger(stage, told)
    say("Timings: " + ", ".join(f"{what} {seconds:.1f} s" for what, seconds in steps.took))
    say(f"Done in {sum(seconds for _, seconds in steps.took):.1f} s.")


@asynccontextmanager
async def _open_stage(steps: "Steps", home: Path) -> "AsyncGenerator[tuple[Stage, SandboxApp]]":
    """Start the simulated world, the database, the worker and the server; stop them all again."""
    from bursar.bootstrap import open_platform, read_settings
    from bursar.cli.demo_story import CONTROL_TOKEN, PROVIDER, Stage
    from bursar.cli.loopback import serving
    from bursar.cli.simulator import face_settings, load_faces, load_statements
    from bursar.registry import Registry
    from bursar.sandbox.app import create_app as create_sandbox
    from bursar.sandbox.clock import VirtualClock
    from bursar.sandbox.world import World
    from bursar.server.app import create_app as create_server
    from bursar.worker.app import working

    with steps.step("make a world of banks with 24 months of history"):
        registry = Registry.discover()
        now = datetime.now(UTC)
        world = World(SEED, start=now.date(), families=1, clock=VirtualClock(now))
        sandbox = create_sandbox(
            world, control_token=CONTROL_TOKEN, faces=load_faces(registry), statements=load_statements(registry), pace=0
        )
    async with serving(sandbox) as sandbox_address:
        steps.begin("start the database, the worker and the server")
        # The demo has a database and keys of its own, whatever the environment says.
        settings = read_settings(home=home, database_url=None, master_keys=None)
        extra = face_settings(PROVIDER, sandbox_address, dict(sandbox.faces[PROVIDER].credentials()))
        async with open_platform(
            settings, registry=registry, clock=WorldClock(world), extra_settings=extra
        ) as platform:
            local = await platform.access.ensure_local_user()
            token = local.new_token or await platform.access.create_token(local.tenant_id, local.user_id, name="demo")
            async with working(platform, name="demo"), serving(create_server(platform)) as address:
                steps.end()
                yield (
                    Stage(
                        platform=platform,
                        tenant_id=local.tenant_id,
                        address=address,
                        token=token,
                        sandbox_address=sandbox_address,
                        today=now.date(),
                    ),
                    sandbox,
                )


class WorldClock:
    """The time of the simulated world, for the platform that reads it."""

    def __init__(self, world: "World") -> None:
        self._world = world

    def now(self) -> datetime:
        """Return the present instant there."""
        return self._world.now


async def _follow_time(sandbox: "SandboxApp") -> None:
    """Let the world's time go on as ours does."""
    while True:
        await asyncio.sleep(_TICK_S)
        await sandbox.advance(timedelta(seconds=_TICK_S))
