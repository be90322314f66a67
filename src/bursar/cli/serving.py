"""How do the long-running parts start: the HTTP server, the worker, the simulated world?"""

import asyncio
import secrets
import signal
from datetime import UTC, datetime
from typing import Annotated

import typer

from bursar.cli.output import note, say
from bursar.cli.session import CommandError


def serve(
    host: Annotated[str | None, typer.Option(help="The address to listen on.", show_default="127.0.0.1")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.", show_default="8787")
    ] = None,
    no_worker: Annotated[bool, typer.Option("--no-worker", help="Workers run elsewhere: bursar worker.")] = False,
) -> None:
    """Serve the HTTP API, with a worker in the same process, until Ctrl-C."""

    async def command() -> None:
        from bursar.bootstrap import open_platform, read_settings
        from bursar.observability.logging import configure_logging
        from bursar.server.run import serve as serve_http
        from bursar.worker.app import work

        settings = read_settings()
        configure_logging(level=settings.log_level)
        address = (host or settings.host, settings.port if port is None else port)
        async with open_platform(settings) as platform:
            local = await platform.access.ensure_local_user()

            def tell(real_host: str, real_port: int) -> None:
                shown = f"[{real_host}]" if ":" in real_host else real_host
                say(f"Bursar listens at http://{shown}:{real_port}")
                if local.new_token is not None:
                    say(f"Your token, shown this once: {local.new_token}")
                note("Stop with Ctrl-C.")

            stop = asyncio.Event()
            signals = asyncio.create_task(_set_at_signal(stop), name="signals")
            try:
                await serve_http(
                    platform,
                    host=address[0],
                    port=address[1],
                    on_listening=tell,
                    background=None if no_worker else lambda: work(platform, name="serve"),
                    stop=stop,
                )
            except OSError as error:
                raise CommandError(
                    f"Cannot listen on {address[0]}:{address[1]}: {error.strerror}. Choose another with --port."
                ) from None
            finally:
                signals.cancel()

    asyncio.run(command())


async def _set_at_signal(stop: asyncio.Event) -> None:
    await wait_for_signal()
    stop.set()


async def wait_for_signal() -> None:
    """Return at SIGINT or SIGTERM; a second one ends the process as it always does."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)
    for number in numbers:
        loop.add_signal_handler(number, stop.set)
    try:
        await stop.wait()
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


def worker(
    concurrency: Annotated[int, typer.Option(min=1, max=64, help="Jobs at the same time.")] = 4,
    heartbeat: Annotated[float, typer.Option(min=0.1, help="Seconds between two signs of life.")] = 5.0,
    stalled_after: Annotated[float, typer.Option(min=0.2, help="Seconds of silence that mean death.")] = 15.0,
    poll: Annotated[float, typer.Option(min=0.1, help="Seconds between two looks for jobs whose time has come.")] = 5.0,
    retry_after: Annotated[float, typer.Option(min=0.05, help="Seconds to the first repetition; they double.")] = 5.0,
    grace: Annotated[float, typer.Option(min=0, help="Seconds that a stopping worker gives its jobs.")] = 20.0,
) -> None:
    """Carry out jobs until SIGTERM or Ctrl-C; any number of workers may run."""
    if stalled_after < 2 * heartbeat:
        raise typer.BadParameter(
            "at least twice the heartbeat, or living workers count as dead", param_hint="--stalled-after"
        )

    async def command() -> None:
        from datetime import timedelta

        from bursar.bootstrap import open_platform, read_settings
        from bursar.observability.logging import configure_logging
        from bursar.worker.app import WorkerPlan, work_until_signalled
        from bursar.worker.retry import RetrySchedule

        settings = read_settings()
        configure_logging(level=settings.log_level)
        plan = WorkerPlan(
            concurrency=concurrency,
            heartbeat_s=heartbeat,
            stalled_after_s=stalled_after,
            poll_s=poll,
            graceful_s=grace,
            reconnect_s=min(heartbeat, 1.0),
            retries=RetrySchedule(first=timedelta(seconds=retry_after)),
        )
        async with open_platform(settings) as platform:
            note("The worker waits for jobs.")
            await work_until_signalled(platform, plan)
        note("The worker has stopped.")

    asyncio.run(command())


def sandbox(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8788,
    seed: Annotated[int, typer.Option(help="Another number, another world.")] = 1,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    pace: Annotated[float, typer.Option(min=0, help="Virtual seconds per second; 0 stands still.")] = 1.0,
    control_token: Annotated[
        str | None, typer.Option(envvar="BURSAR_SANDBOX_TOKEN", help="Made up without it.", show_default=False)
    ] = None,
) -> None:
    """Serve a simulated world of banks behind the providers' own interfaces, until Ctrl-C."""

    async def command() -> None:
        from bursar.cli.loopback import serving
        from bursar.cli.simulator import face_settings, load_faces, load_statements
        from bursar.registry import Registry
        from bursar.sandbox.app import create_app
        from bursar.sandbox.clock import VirtualClock
        from bursar.sandbox.world import World

        registry = Registry.discover()
        now = datetime.now(UTC)
        world = World(seed, start=now.date(), clock=VirtualClock(now))
        token = control_token or secrets.token_urlsafe(24)
        app = create_app(
            world, control_token=token, faces=load_faces(registry), statements=load_statements(registry), pace=pace
        )
        async with serving(app, host=host, port=port) as address:
            say(f"The simulated world listens at {address}")
            say(f"Control token: {token}")
            say("To read its banks, set in the environment of Bursar:")
            for slug, face in app.faces.items():
                for name, value in face_settings(slug, address, dict(face.credentials())).items():
                    say(f"  export {name.upper()}={value}")
            note("Stop with Ctrl-C.")
            await wait_for_signal()

    asyncio.run(command())
