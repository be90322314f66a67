"""How does one seed live: which people do what, when, and what goes wrong meanwhile?"""

import asyncio
import heapq
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from uuid import UUID

from bursar import faultpoints
from bursar.converge import network, wire
from bursar.converge.baton import Baton
from bursar.converge.clock import SKEW
from bursar.converge.plan import Plan
from bursar.converge.stage import Channel, Stage
from bursar.converge.trouble import Armed, Troublemaker, WorkerKilledError, draw_armed
from bursar.domain.result import Success
from bursar.sandbox.faces import MountedFace, Receive, Scope, Send
from bursar.sandbox.faults import FaultKind
from bursar.sandbox.gate import Gate
from bursar.sandbox.people import Household, Login
from bursar.sandbox.turmoil import build_turmoil
from bursar.sandbox.view import View
from bursar.sandbox.world import World
from bursar.worker.retry import RetrySchedule, TryAgainError
from bursar.worker.tasks import carry_out, follow

RESCUE = timedelta(seconds=15)
"""After how long the job of a dead worker is given to another one."""
SETTLING = timedelta(days=50)
"""Later than every late row, quota and retry."""

Action = Callable[[], Awaitable[None]]


@dataclass(slots=True, kw_only=True)
class Person:
    """A tenant of the platform, and the household of the world that it is."""

    household: Household
    tenant_id: UUID
    user_ids: tuple[UUID, UUID]
    is_erased: bool = False


@dataclass(slots=True, kw_only=True)
class Link:
    """A login of the world that the platform reads through a channel."""

    person: Person
    login: Login
    channel: Channel
    connection_id: UUID
    external_id: str | None
    is_ended: bool = False
    is_broken: bool = False
    """The consent ended and the user has not renewed it."""


@dataclass(frozen=True, slots=True)
class FileTold:
    """What a file said of an account, for the exemptions of the oracle."""

    account_id: str
    made_at: datetime
    start: date


@dataclass(slots=True, kw_only=True)
class Job:
    """A run that waits for a worker."""

    tenant_id: UUID
    connection_id: UUID
    run_id: UUID
    attempts: int = 0


@dataclass(slots=True)
class Happened:
    """What a seed has lived through, for its table and its coverage."""

    trace: list[str] = field(default_factory=list[str])
    struck: Counter[tuple[str, str, str]] = field(default_factory=Counter[tuple[str, str, str]])
    """(fault, channel, place) -> how often; the place is empty for all but the process."""
    run_count: int = 0
    errors: list[str] = field(default_factory=list[str])
    """Exceptions of ours: each is a divergence."""


class SeedRun:
    """One seed on a stage."""

    def __init__(self, stage: Stage, plan: Plan) -> None:
        self.stage = stage
        self.plan = plan
        self.view = View(plan.seed, plan.shares, plan.id_policies)
        self.world: World = build_turmoil(
            plan.seed, tenants=plan.tenants, start=plan.start, days=plan.days, view=self.view
        )
        self.faces: dict[str, MountedFace] = {
            slug: channel.face.build(self.world) for slug, channel in stage.channels.items()
        }
        self._gates = {slug: Gate(self.world, slug, face) for slug, face in self.faces.items()}
        self.baton = Baton(plan.rng("baton"))
        self.trouble = Troublemaker(self.baton)
        self.people: list[Person] = []
        self.links: list[Link] = []
        self.files: list[FileTold] = []
        self.happened = Happened()
        self.begins_at = self.world.now
        self.ends_at = self.world.now + timedelta(days=plan.days)
        self.is_calm = False
        """True once faults have stopped."""
        self.on_broken: Callable[[Link], Action] = _nobody_renews
        """What the user of a broken link does some time later."""
        self._agenda: list[tuple[datetime, int, str, Action]] = []
        self._agenda_count = 0
        self._attempt_count = 0
        self._retries = RetrySchedule()
        self._hit_owners: dict[tuple[FaultKind, str], str] = {}

    # The frame.

    async def begin(self) -> None:
        """Put the world in front of the platform and make its tenants."""
        stage = self.stage
        # Adapters remember tokens of the seed before: a seed must not depend on what ran before it.
        await stage.platform.providers.aclose()
        # Notices belong to no tenant: a seed that runs again would find its own.
        await stage.witness.execute("DELETE FROM webhook_notices")
        stage.clock.follow(self.world)
        stage.wire.connect(self._serve, self.world, self._interlude)
        stage.dice.begin(self.plan.seed)
        self._hit_owners = network.switch_on(self.world.faults, self.plan, stage.channels)
        stage.log.seek(0)
        stage.log.truncate()
        faultpoints.listen(self.trouble.listen)
        for household in self.world.households:
            rng = self.plan.rng("tenant", household.key)
            person = Person(
                household=household,
                tenant_id=_uuid(rng),
                user_ids=(_uuid(rng), _uuid(rng)),
            )
            for user_id in person.user_ids:
                await stage.platform.access.create_tenant(person.tenant_id, user_id, name=household.key)
            self.people.append(person)

    async def live(self) -> None:
        """Live through the agenda to its end."""
        while self._agenda:
            due = self._take_due()
            names = ", ".join(name for name, _ in due)
            self.note(f"{self.world.now:%m-%d %H:%M} {names}")
            if len(due) > 1 and self.plan.has("E6"):
                self.happened.struck["E6", "", ""] += 1
                await self.baton.run([action() for _, action in due])
            else:
                for _, action in due:
                    await action()
            await self.collect_jobs()

    def end(self) -> None:
        """Let go of the process's switches."""
        faultpoints.listen(None)
        self.happened.struck.update(self.trouble.struck)
        for (fault, place), count in self.view.hits.items():
            self.happened.struck[fault, place, ""] += count
        for kind_and_slug, count in self.world.faults.hits.items():
            if kind_and_slug in self._hit_owners:
                self.happened.struck[self._hit_owners[kind_and_slug], kind_and_slug[1], ""] += count

    @asynccontextmanager
    async def restored(self) -> AsyncGenerator["SeedRun | None"]:
        """Give the same seed on a restored backup, if one was made; only the dearest tier makes one."""
        yield None

    def at(self, instant: datetime, name: str, action: Action) -> None:
        """Put something on the agenda; an instant that has passed is now."""
        self._agenda_count += 1
        heapq.heappush(self._agenda, (max(instant, self.world.now), self._agenda_count, name, action))

    def note(self, text: str) -> None:
        """Add a line to the trace."""
        self.happened.trace.append(text)

    async def move_to(self, instant: datetime) -> None:
        """Let virtual time pass."""
        if instant > self.world.now:
            self.world.advance(instant - self.world.now)

    def _take_due(self) -> list[tuple[str, Action]]:
        instant, _, name, action = heapq.heappop(self._agenda)
        if instant > self.world.now:
            self.world.advance(instant - self.world.now)
        due = [(name, action)]
        while self._agenda and self._agenda[0][0] <= self.world.now:
            _, _, name, action = heapq.heappop(self._agenda)
            due.append((name, action))
        return due

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        slug = str(scope["path"]).split("/", 2)[1]
        await self._gates[slug]({**scope, "root_path": f"/{slug}"}, receive, send)

    async def _interlude(self, _path: str) -> None:
        """What happens between two requests: time passes, so the bank may have booked something meanwhile."""
        self.world.advance(timedelta(milliseconds=300))

    # Jobs, as the job engine and its workers would treat them.

    async def collect_jobs(self) -> None:
        """Take the jobs that were enqueued, and put them on the agenda; notices of webhooks are followed before."""
        jobs, has_notices = await self._take_jobs()
        if has_notices:
            await follow(self.stage.platform, self._retries, attempts_before=0)
            jobs += (await self._take_jobs())[0]
        for job in sorted(jobs, key=lambda job: self._order(job.connection_id)):
            self._enqueue(job, timedelta(0))

    async def _take_jobs(self) -> tuple[list[Job], bool]:
        """Take every job off the job engine's table; return the runs, and whether notices wait to be followed."""
        found = await self.stage.witness.execute(
            "DELETE FROM procrastinate_jobs WHERE status = 'todo' AND queue_name IN ('notices', 'sync') "
            "RETURNING queue_name, args"
        )
        taken = await found.fetchall()
        jobs = [
            Job(
                tenant_id=UUID(args["tenant_id"]),
                connection_id=UUID(args["connection_id"]),
                run_id=UUID(args["run_id"]),
            )
            for queue, args in taken
            if queue == "sync"
        ]
        return jobs, len(jobs) < len(taken)

    def _enqueue(self, job: Job, wait: timedelta) -> None:
        self.at(self.world.now + wait, f"job {self._order(job.connection_id)}", lambda: self._work(job))

    def _order(self, connection_id: UUID) -> int:
        return next((number for number, link in enumerate(self.links) if link.connection_id == connection_id), -1)

    def find_link(self, connection_id: UUID) -> Link | None:
        """Return the link of a connection."""
        return next((link for link in self.links if link.connection_id == connection_id), None)

    async def _work(self, job: Job) -> None:
        """One attempt of a worker at a job."""
        link = self.find_link(job.connection_id)
        slug = link.channel.slug if link is not None else ""
        self._attempt_count += 1
        self.happened.run_count += 1
        rng = self.plan.rng("attempt", self._attempt_count)
        armed = None if self.is_calm or job.attempts > 4 else draw_armed(rng, self.plan.faults, slug, "sync")
        action = self._action_of(armed, job, link) if armed is not None else None
        caller = wire.CALLER.set(str(job.connection_id))
        skew = SKEW.set(self._draw_skew(rng))
        self.trouble.arm(armed, action)
        try:
            await carry_out(
                self.stage.platform,
                self._retries,
                job.tenant_id,
                job.connection_id,
                job.run_id,
                attempts_before=job.attempts,
            )
            self.note(f"job {self._order(job.connection_id)} done")
            if armed is not None and armed.code == "D8":
                # Who has lost the lease is told to wait as well, and has nobody to tell it to.
                self.stage.wire.forgive(str(job.connection_id))
        except TryAgainError as again:
            wait = again.wait if again.wait is not None else self._retries.wait(job.attempts, rng)
            self.note(f"job {self._order(job.connection_id)} again: {again}")
            if armed is not None:
                self.stage.wire.forgive(str(job.connection_id))
            job.attempts += 1
            self._enqueue(job, max(wait, timedelta(0)) + timedelta(seconds=1))
        except WorkerKilledError:
            self.note(f"job {self._order(job.connection_id)} killed at {armed.point if armed else '?'}")
            self.stage.wire.forgive(str(job.connection_id))
            job.attempts += 1
            self._enqueue(job, RESCUE)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a fault of ours
            self.happened.errors.append(f"run of {slug}: {type(error).__name__}: {error}")
        finally:
            self.trouble.arm(None)
            wire.CALLER.reset(caller)
            SKEW.reset(skew)

    def _action_of(self, armed: Armed, job: Job, link: Link | None) -> Action | None:
        if armed.code == "D8":
            return lambda: self._overtake(job)
        if armed.code == "E7" and link is not None:
            return lambda: self._break_consent(link)
        if armed.code == "E9" and link is not None:
            return lambda: self.erase(link.person)
        return None

    async def _overtake(self, job: Job) -> None:
        """Let the lease of the present worker end, and another worker do the same job from beginning to end.

        What one of the two is told meanwhile, such as to wait, the other cannot know.
        """
        self.world.advance(timedelta(seconds=61))
        self.stage.wire.forgive(str(job.connection_id))
        context = copy_context()
        done = context.run(_start, self._attempt_again(job))
        await done
        self.stage.wire.forgive(str(job.connection_id))

    async def _attempt_again(self, job: Job) -> None:
        try:
            await carry_out(
                self.stage.platform,
                self._retries,
                job.tenant_id,
                job.connection_id,
                job.run_id,
                attempts_before=job.attempts,
            )
        except TryAgainError:
            job.attempts += 1
            self._enqueue(job, timedelta(seconds=30))

    def _draw_skew(self, rng: Random) -> timedelta:
        if self.is_calm or not self.plan.has("E4") or rng.random() < 0.5:
            return timedelta(0)
        self.happened.struck["E4", "", ""] += 1
        return timedelta(seconds=rng.randint(-26 * 3600, 26 * 3600))

    # Trouble that people make.

    async def _break_consent(self, link: Link) -> None:
        if link.external_id is None or link.is_ended:
            return
        action, arguments = link.channel.traits.end_consent(link.external_id)
        self.faces[link.channel.slug].act(action, arguments)
        link.is_broken = True
        wait = timedelta(hours=self.plan.rng("renewal", self._attempt_count).randint(1, 60))
        self.at(self.world.now + wait, "renew", self.on_broken(link))

    async def erase(self, person: Person) -> None:
        """The tenant leaves for good."""
        if person.is_erased:
            return
        person.is_erased = True
        await self.stage.platform.access.erase_tenant(person.tenant_id)


def _start(work: Awaitable[None]) -> Awaitable[None]:
    return asyncio.ensure_future(work)


def _nobody_renews(_link: Link) -> Action:
    raise LookupError("nobody has said what users of broken links do")


def _uuid(rng: Random) -> UUID:
    return UUID(int=rng.getrandbits(128), version=4)


def outcome_of(result: object) -> str:
    """Return a result in one word for the trace."""
    if isinstance(result, Success):
        return "ok"
    error = getattr(result, "error", None)
    return str(getattr(error, "code", type(error).__name__))
