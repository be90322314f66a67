"""How do many seeds run on several cores, and what is told of them at the end?"""

import asyncio
import gc
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from subprocess import PIPE, Popen
from tempfile import TemporaryDirectory
from typing import cast

from bursar.converge.database import open_database, open_server
from bursar.converge.findings import Verdict
from bursar.converge.plan import Limits, draw_plan, every_fault
from bursar.converge.stage import Stage
from bursar.converge.tiers import begin_of, open_tier
from bursar.converge.verdict import run_seed

TWICE_EVERY = 100
"""One seed of so many is run twice, to see that it does the same again."""

_RARELY = 100_000
"""After so many new objects the youngest are looked through for cycles that nothing needs any more."""


@dataclass(slots=True)
class Summary:
    """The sum of many verdicts."""

    seed_count: int = 0
    run_count: int = 0
    row_count: int = 0
    repeated_count: int = 0
    failures: list[tuple[int, list[str]]] = field(default_factory=list[tuple[int, list[str]]])
    """Seed, and what diverged."""
    exemptions: Counter[str] = field(default_factory=Counter[str])
    exempted_seeds: int = 0
    struck: Counter[tuple[str, str, str]] = field(default_factory=Counter[tuple[str, str, str]])
    """(fault, channel, place) -> how often."""
    seconds: float = 0.0

    def add(self, told: dict[str, object]) -> None:
        """Add what a worker has told of a seed."""
        self.seed_count += 1
        self.run_count += int(str(told["runs"]))
        self.row_count += int(str(told["rows"]))
        self.repeated_count += bool(told["repeated"])
        divergences: list[str] = cast("list[str]", told["divergences"])
        if divergences:
            self.failures.append((int(str(told["seed"])), divergences))
        exemptions: dict[str, int] = told["exemptions"]  # pyright: ignore[reportAssignmentType] - made by `_tell`
        self.exemptions.update(exemptions)
        self.exempted_seeds += bool(exemptions)
        struck: list[tuple[str, str, str, int]] = told["struck"]  # pyright: ignore[reportAssignmentType] - as above
        for code, channel, place, count in struck:
            self.struck[code, channel, place] += count


def tell(verdict: Verdict, *, repeated: bool) -> dict[str, object]:
    """Return a verdict as a line between processes."""
    return {
        "seed": verdict.seed,
        "runs": verdict.run_count,
        "rows": verdict.row_count,
        "repeated": repeated,
        "divergences": [f"{one.invariant}: {one.detail}" for one in verdict.divergences],
        "exemptions": dict(verdict.exemptions),
        "struck": [[*cell, count] for cell, count in verdict.struck.items()],
    }


async def judge(stage: Stage, seed: int, limits: Limits) -> Verdict:
    """Run one seed; an exception of the harness or the platform is a divergence as well."""
    policies = {slug: channel.traits.policies for slug, channel in stage.channels.items()}
    plan = draw_plan(seed, limits, policies)
    return await run_seed(stage, plan, begin_of(limits.tier))


async def judge_twice(stage: Stage, seed: int, limits: Limits) -> tuple[Verdict, bool]:
    """Run a seed, and one of so many a second time: the same seed must do the same."""
    verdict = await judge(stage, seed, limits)
    if seed % TWICE_EVERY or limits.tier > 1:
        return verdict, False
    again = await judge(stage, seed, limits)
    if again.trace_mark != verdict.trace_mark:
        from bursar.converge.oracle import Divergence

        first = next((pair for pair in zip(verdict.trace, again.trace, strict=False) if pair[0] != pair[1]), ("", ""))
        verdict.divergences.append(Divergence("I15", f"not the same when run again: {first[0]!r} then {first[1]!r}"))
    return verdict, True


async def shrink(stage: Stage, seed: int, limits: Limits, say: Callable[[str], None]) -> Limits:
    """Leave out what a failure does not need: kinds of fault first, then days, logins and tenants."""

    async def still_fails(fewer: Limits) -> bool:
        try:
            return bool((await judge(stage, seed, fewer)).divergences)
        except Exception:  # noqa: BLE001 - a crash is a failure that is worth keeping
            return True

    policies = {slug: channel.traits.policies for slug, channel in stage.channels.items()}
    used = draw_plan(seed, limits, policies).faults
    best = replace(limits, faults=frozenset(used))
    if not await still_fails(best):
        return limits
    for code in sorted(used):
        fewer = replace(best, faults=best.faults - {code})
        if await still_fails(fewer):
            best = fewer
    for days in (10, 20, 30, 60, 90):
        if days < best.days and await still_fails(replace(best, days=days)):
            best = replace(best, days=days)
            break
    for tenants in (1, 2):
        if tenants < best.tenants and await still_fails(replace(best, tenants=tenants)):
            best = replace(best, tenants=tenants)
            break
    for logins in (1, 2, 3):
        if logins < best.logins and await still_fails(replace(best, logins=logins)):
            best = replace(best, logins=logins)
            break
    say(f"shrunk from {len(used)} kinds of fault to {len(best.faults)}")
    return best


def replay_line(seed: int, limits: Limits, commit: str) -> str:
    """Return the command that repeats a failure."""
    parts = [f"bursar converge --seed {seed}"]
    if limits.faults != every_fault(limits.tier):
        parts.append(f"--faults {','.join(sorted(limits.faults)) or 'none'}")
    if limits.channels:
        parts.append(f"--providers {','.join(limits.channels)}")
    defaults = Limits()
    parts.extend(
        f"--{name} {getattr(limits, name)}"
        for name in ("tier", "tenants", "days", "logins")
        if getattr(limits, name) != getattr(defaults, name)
    )
    return " ".join(parts) + (f"  # at commit {commit}" if commit else "")


async def _serve_seeds(database_url: str, home: Path, limits: Limits) -> None:
    """A process of its own: read seeds from standard input, one a line, and tell each verdict."""
    async with open_tier(limits.tier, database_url, home) as stage:
        # What is there now stays; a seed makes much that lives until its end, and looking for waste in it finds none.
        gc.freeze()
        gc.set_threshold(_RARELY, 20, 20)
        for line in sys.stdin:
            seed = int(line)
            try:
                verdict, repeated = await judge_twice(stage, seed, limits)
                told = tell(verdict, repeated=repeated)
            except Exception as error:  # noqa: BLE001 - whatever breaks a seed is told with it
                told = tell(Verdict(seed=seed), repeated=False)
                told["divergences"] = [f"crash: {type(error).__name__}: {error}"]
            sys.stdout.write(json.dumps(told) + "\n")
            sys.stdout.flush()


def serve_seeds(arguments: Sequence[str]) -> None:
    """The entry of a seed process: database URL, home, limits as JSON."""
    database_url, home, packed = arguments
    asyncio.run(_serve_seeds(database_url, Path(home), unpack(packed)))


def pack(limits: Limits) -> str:
    """Return limits as a text between processes."""
    return json.dumps(
        [sorted(limits.faults), list(limits.channels), limits.tenants, limits.days, limits.logins, limits.tier]
    )


def unpack(text: str) -> Limits:
    """Return limits from a text."""
    faults, channels, tenants, days, logins, tier = json.loads(text)
    return Limits(
        faults=frozenset(faults), channels=tuple(channels), tenants=tenants, days=days, logins=logins, tier=tier
    )


@contextmanager
def _process(server_url: str, limits: Limits, *, mutant: int | None = None) -> Generator["Popen[str]"]:
    with (
        TemporaryDirectory(prefix="bursar-converge-home-") as home,
        # A server that is restarted is nobody else's.
        nullcontext(server_url) if limits.tier < 3 else open_server() as own_server,
        open_database(own_server) as url,
    ):
        first = [] if mutant is None else ["--mutant", str(mutant)]
        process = Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "bursar.converge", *first, url, home, pack(limits)],
            stdin=PIPE,
            stdout=PIPE,
            text=True,
        )
        try:
            yield process
        finally:
            if process.stdin is not None:
                process.stdin.close()
            process.wait(timeout=30)


async def run_many(
    seeds: Iterable[int],
    limits: Limits,
    *,
    processes: int,
    seconds: float | None,
    on_verdict: Callable[[dict[str, object], Summary], None],
) -> Summary:
    """Run seeds on several processes, each with a database of its own, until they or the time are used up."""
    summary = Summary()
    begun = time.monotonic()
    waiting = iter(seeds)
    with open_server() as server_url:
        async with asyncio.TaskGroup() as group:
            for _ in range(processes):
                group.create_task(_feed(server_url, limits, waiting, summary, begun, seconds, on_verdict))
    summary.seconds = time.monotonic() - begun
    return summary


async def run_mutants(
    numbers: Iterable[int],
    limits: Limits,
    *,
    processes: int,
    most_seeds: int,
    on_caught: Callable[[int, int | None, str], None],
) -> None:
    """Give each mutant seeds, from 1 on, until one diverges.

    `on_caught(number, seed, why)` is called for each; a seed of None means that none of them has.
    """
    waiting = iter(numbers)

    async def work(server_url: str) -> None:
        for number in waiting:
            seed, why = await asyncio.to_thread(_hunt, server_url, limits, number, most_seeds)
            on_caught(number, seed, why)

    with open_server() as server_url:
        async with asyncio.TaskGroup() as group:
            for _ in range(processes):
                group.create_task(work(server_url))


def _hunt(server_url: str, limits: Limits, number: int, most_seeds: int) -> tuple[int | None, str]:
    with _process(server_url, limits, mutant=number) as process:
        for seed in range(1, most_seeds + 1):
            line = _ask(process, seed)
            if not line:
                return seed, "the process ended"
            divergences: list[str] = json.loads(line)["divergences"]
            if divergences:
                return seed, divergences[0]
    return None, ""


async def _feed(
    server_url: str,
    limits: Limits,
    waiting: "Iterable[int]",
    summary: Summary,
    begun: float,
    seconds: float | None,
    on_verdict: Callable[[dict[str, object], Summary], None],
) -> None:
    """Give seeds to one process, one after the other."""
    with _process(server_url, limits) as process:
        for seed in waiting:
            if seconds is not None and time.monotonic() - begun > seconds:
                return
            line = await asyncio.to_thread(_ask, process, seed)
            told = json.loads(line) if line else {**tell(Verdict(seed=seed), repeated=False)}
            if not line:
                told["divergences"] = ["crash: the seed's process ended"]
            summary.add(told)
            on_verdict(told, summary)
            if not line:
                return


def _ask(process: "Popen[str]", seed: int) -> str:
    if process.stdin is None or process.stdout is None:
        return ""
    try:
        process.stdin.write(f"{seed}\n")
        process.stdin.flush()
        return process.stdout.readline()
    except BrokenPipeError:
        return ""
