"""How does one run the convergence test from the terminal?"""

import asyncio
import os
import random
import subprocess
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, cast

import typer

from bursar.cli.output import note, say
from bursar.cli.session import CommandError

if TYPE_CHECKING:
    from bursar.converge.plan import Limits
    from bursar.converge.runner import Summary

_RANDOM_SEEDS = 2**31
_MUTANT_SEEDS = 200
_SHRINK_AT_MOST = 3
"""So many failures of a long run are shrunk; the others are told as they are."""


def converge(
    seed: Annotated[int | None, typer.Option(help="One seed: tell what happens in it.")] = None,
    seeds: Annotated[
        str | None, typer.Option(help="A range of seeds, such as 1..300; `random:100` draws some.")
    ] = None,
    minutes: Annotated[float | None, typer.Option(help="Random seeds, or the range, for so long.")] = None,
    providers: Annotated[str, typer.Option(help="Slugs of providers and file formats; all by default.")] = "",
    faults: Annotated[str, typer.Option(help="Codes of faults, or `none`; all by default.")] = "",
    tier: Annotated[
        int,
        typer.Option(
            min=1,
            max=3,
            help="1: one process. 2: workers are processes that are killed. 3: the database restarts, changes and "
            "is restored as well. A kill at a named place is the seed's, one at any moment the machine's: from tier 2 "
            "on a seed does not repeat itself to the byte, so run a failing one several times.",
        ),
    ] = 1,
    tenants: Annotated[int, typer.Option(min=1, max=3, help="At most so many tenants.")] = 3,
    days: Annotated[int, typer.Option(min=5, max=120, help="At most so many virtual days.")] = 120,
    logins: Annotated[int, typer.Option(min=1, max=9, help="At most so many logins.")] = 9,
    processes: Annotated[int, typer.Option(min=1, help="How many processes; one per core by default.")] = os.cpu_count()
    or 1,
    matrix: Annotated[bool, typer.Option(help="Show what was hit where, and fail when something never was.")] = False,
    shrink: Annotated[bool, typer.Option(help="Look for the smallest form of a failure.")] = True,
    trace: Annotated[bool, typer.Option(help="With --seed: show every step.")] = False,
    mutants: Annotated[
        bool, typer.Option(help="Put deliberate faults into our own code, one by one: each must be noticed.")
    ] = False,
) -> None:
    """Prove that the ledger equals the truth whatever fails: simulated banks, every kind of fault, one oracle.

    Each seed is a world of banks and a schedule of faults. A failure prints one line that repeats it.
    """
    limits = _limits(providers, faults, tier, tenants, days, logins)
    if mutants:
        asyncio.run(_mutants(limits, processes))
        return
    if seed is not None:
        asyncio.run(_one(seed, limits, shrink=shrink, trace=trace))
        return
    chosen = _seeds(seeds, minutes)
    asyncio.run(_many(chosen, limits, processes=processes, minutes=minutes, matrix=matrix, shrink=shrink))


def _limits(providers: str, faults: str, tier: int, tenants: int, days: int, logins: int) -> "Limits":
    from bursar.converge.catalogue import FAULTS, NOT_YET
    from bursar.converge.plan import Limits, every_fault

    chosen = frozenset(word.strip() for word in faults.split(",") if word.strip())
    unknown = chosen - FAULTS.keys() - {"none"}
    if unknown:
        reasons = [NOT_YET.get(code, "there is no such fault") for code in sorted(unknown)]
        raise CommandError(f"--faults {', '.join(sorted(unknown))}: {'; '.join(reasons)}. Known: {', '.join(FAULTS)}.")
    slugs = tuple(word.strip() for word in providers.split(",") if word.strip())
    known = _known_slugs()
    strange = [slug for slug in slugs if slug not in known]
    if strange:
        raise CommandError(f"--providers {', '.join(strange)}: not registered. Known: {', '.join(known)}.")
    return Limits(
        faults=chosen - {"none"} if chosen else every_fault(tier),
        channels=slugs,
        tenants=tenants,
        days=days,
        logins=logins,
        tier=tier,
    )


def _known_slugs() -> list[str]:
    from bursar.converge.stage import full_registry

    registry = full_registry()
    return [*registry.providers, *registry.importers]


def _seeds(text: str | None, minutes: float | None) -> Iterator[int]:
    if text is None:
        if minutes is None:
            raise CommandError("Say which seeds: --seed 7, --seeds 1..300, --seeds random:100, or --minutes 10.")
        return (random.randrange(_RANDOM_SEEDS) for _ in count())  # noqa: S311 - any seed is as good as another
    first, dots, last = text.partition("..")
    word, colon, amount = text.partition(":")
    if dots and first.isdigit() and last.isdigit() and int(first) <= int(last):
        return iter(range(int(first), int(last) + 1))
    if colon and word == "random" and amount.isdigit():
        drawn = [random.randrange(_RANDOM_SEEDS) for _ in range(int(amount))]  # noqa: S311 - as above
        say(f"seeds: {' '.join(map(str, drawn))}")
        return iter(drawn)
    raise CommandError(f"--seeds {text}: write 1..300 or random:100.")


async def _mutants(limits: "Limits", processes: int) -> None:
    from bursar.converge import runner
    from bursar.converge.mutants import MUTANTS

    missed: list[str] = []

    def tell(number: int, seed: int | None, why: str) -> None:
        name = MUTANTS[number].name
        say(f"{'MISSED' if seed is None else f'seed {seed}':>9}  {name}" + (f"  ({why[:100]})" if why else ""))
        if seed is None:
            missed.append(name)

    await runner.run_mutants(range(len(MUTANTS)), limits, processes=processes, most_seeds=_MUTANT_SEEDS, on_caught=tell)
    say(f"{len(MUTANTS) - len(missed)} of {len(MUTANTS)} deliberate faults were noticed within {_MUTANT_SEEDS} seeds")
    if missed:
        raise CommandError(f"{len(missed)} deliberate faults were not noticed.")


async def _one(seed: int, limits: "Limits", *, shrink: bool, trace: bool) -> None:
    from bursar.converge import runner
    from bursar.converge.database import open_database, open_server
    from bursar.converge.tiers import open_tier

    with open_server() as server, open_database(server) as url, TemporaryDirectory() as home:
        async with open_tier(limits.tier, url, Path(home)) as stage:
            verdict, _ = await runner.judge_twice(stage, seed, limits)
            if trace:
                for line in verdict.trace:
                    say(line)
            for divergence in verdict.divergences:
                say(f"{divergence.invariant}: {divergence.detail}")
            say(f"seed {seed}: {verdict.run_count} runs, {verdict.row_count} rows compared")
            for exemption, uses in verdict.exemptions.items():
                say(f"exemption {exemption}: {uses}")
            if not verdict.divergences:
                say("It converges.")
                return
            smaller = await runner.shrink(stage, seed, limits, note) if shrink else limits
            raise CommandError(f"It diverges: {runner.replay_line(seed, smaller, _commit())}")


async def _many(
    seeds: Iterator[int],
    limits: "Limits",
    *,
    processes: int,
    minutes: float | None,
    matrix: bool,
    shrink: bool,
) -> None:
    from bursar.converge import runner

    def tell(told: dict[str, object], summary: "Summary") -> None:
        if told["divergences"]:
            first = cast("list[str]", told["divergences"])[0]
            say(f"DIVERGES  {runner.replay_line(int(str(told['seed'])), limits, _commit())}\n          {first}")
        elif summary.seed_count % 100 == 0:
            note(f"{summary.seed_count} seeds, {len(summary.failures)} diverge")

    summary = await runner.run_many(
        seeds, limits, processes=processes, seconds=None if minutes is None else minutes * 60, on_verdict=tell
    )
    _show(summary)
    unhit = _show_matrix(summary, limits) if matrix else 0
    if summary.failures and shrink:
        for seed, _ in summary.failures[:_SHRINK_AT_MOST]:
            await _shrink_and_say(seed, limits)
    if summary.failures:
        raise CommandError(f"{len(summary.failures)} of {summary.seed_count} seeds diverge.")
    if unhit:
        raise CommandError(f"{unhit} cells of the matrix were never hit: run more seeds, or mend the test.")


def _show(summary: "Summary") -> None:
    minutes = summary.seconds / 60
    say("")
    say(f"seeds                {summary.seed_count}")
    say(f"  run twice          {summary.repeated_count}")
    say(f"sync runs            {summary.run_count}")
    say(f"rows compared        {summary.row_count}")
    say(f"faults injected      {sum(summary.struck.values())}")
    say(f"divergences          {len(summary.failures)}")
    say(
        f"seeds with exemption {summary.exempted_seeds}"
        + "".join(f"\n  {k}: {v}" for k, v in summary.exemptions.items())
    )
    say(f"seeds per minute     {summary.seed_count / minutes:.0f}" if minutes else "")


def _show_matrix(summary: "Summary", limits: "Limits") -> int:
    from bursar.converge import coverage
    from bursar.converge.stage import find_channels, full_registry

    registry = full_registry()
    channels = {
        slug: channel
        for slug, channel in find_channels(registry).items()
        if not limits.channels or slug in limits.channels
    }
    formats = [slug for slug in registry.importers if not limits.channels or slug in limits.channels]
    cells = coverage.cells_to_hit(channels, formats, limits.faults, limits.tier)
    say("")
    for line in coverage.show_matrix(cells, summary.struck):
        say(line)
    unhit = coverage.missing_cells(cells, summary.struck)
    for cell in unhit:
        say(f"never hit: {' '.join(part for part in cell if part)}")
    return len(unhit)


async def _shrink_and_say(seed: int, limits: "Limits") -> None:
    from bursar.converge import runner
    from bursar.converge.database import open_database, open_server
    from bursar.converge.tiers import open_tier

    with open_server() as server, open_database(server) as url, TemporaryDirectory() as home:
        async with open_tier(limits.tier, url, Path(home)) as stage:
            smaller = await runner.shrink(stage, seed, limits, note)
    say(f"smallest: {runner.replay_line(seed, smaller, _commit())}")


def _commit() -> str:
    """Return the short name of the commit that this runs at; empty outside of a checkout."""
    try:
        found = subprocess.run(  # noqa: S603 - a fixed command
            ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"],  # noqa: S607 - whatever git there is
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return ""
    return found.stdout.strip()
