"""How is a small world made in which everything can go wrong?"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from random import Random

from bursar.sandbox.cast import BANKS
from bursar.sandbox.clock import VirtualClock
from bursar.sandbox.ledger import EventKind, ImpossibleEventError, Row
from bursar.sandbox.people import CURRENCY_DECIMALS, Account, Household
from bursar.sandbox.turmoil_cast import OVERLAP, Casting, draw_absences, draw_households
from bursar.sandbox.turmoil_fates import Fates, Step, mirror
from bursar.sandbox.turmoil_life import TurbulentDay
from bursar.sandbox.view import View
from bursar.sandbox.world import World, opening_instant

AFTERMATH = timedelta(days=45)
"""How long after the last day the fates of its rows may still run."""

SHOWN_AFTER_CLOSE = timedelta(days=7)
"""How long a replaced account is still shown after the last thing has happened to it."""

_FIRST_PRESENT_HOUR = time(12, tzinfo=UTC)
_SLOWING = 60
"""After so many days a household does half as much as at first, so that a long story is not a large one."""


def build_turmoil(
    seed: int,
    *,
    tenants: int,
    start: date,
    days: int,
    view: View,
    clock: VirtualClock | None = None,
    banks: Sequence[str] = tuple(BANKS),
    currencies: Sequence[str] = tuple(CURRENCY_DECIMALS),
) -> World:
    """A world of unrelated households `t0`, `t1`, ..., small and fast, with the faults that `view` has shares of.

    A pure function of its arguments. What has happened until the present does not depend on `days` and `tenants`
    (except near the end), so that a failure can be made smaller.

    Args:
        seed: Everything that is random comes from it, and from the view's seed for who is hit.
        tenants: How many households.
        start: The first present day. There is a history of some days to some weeks before it.
        days: How many days life goes on, `start` included; afterwards nothing begins, and within `AFTERMATH` the
            last fate of a row has run out.
        view: The shares of faults; see the sandbox's README for those that the world itself plays.
        clock: A clock shared with the program under test, whose instant must lie on `start`; else `ValueError`.
        banks: The keys of the banks at which people may have logins.
        currencies: What their accounts may be kept in; a brokerage account is kept in USD.
    """
    clock = clock or VirtualClock(datetime.combine(start, _FIRST_PRESENT_HOUR))
    if clock.now().date() != start:
        raise ValueError(f"the clock is at {clock.now()}, not on {start}")
    history_days = 3 + int(view.draw("history", seed) ** 2 * 25)
    first_day = start - timedelta(days=history_days)
    casting = Casting(
        seed=seed,
        view=view,
        opened_at=opening_instant(first_day),
        start=start,
        days=days,
        banks=tuple(BANKS[key] for key in banks),
        currencies=tuple(currencies),
    )
    households = draw_households(casting, tenants)
    world = World(
        seed,
        start=start,
        history_days=history_days,
        clock=clock,
        view=view,
        households=households,
        plan_day=Turmoil(seed, view, first_day=first_day, end=start + timedelta(days=days)),
    )
    for account_id, since, until in draw_absences(casting, households):
        world.hide(account_id, since, until)
    return world


class Turmoil:
    """Plans the days of turbulent households; see `DayPlanner`."""

    def __init__(self, seed: int, view: View, *, first_day: date, end: date) -> None:
        """Nothing begins on `end` or later."""
        self._seed = seed
        self._view = view
        self._first_day = first_day
        self._end = end
        self._latest = datetime.combine(end, time(), tzinfo=UTC) + AFTERMATH
        self._fates = Fates(view, first_day, self._latest)
        self._homes: dict[str, _Home] = {}

    def __call__(self, world: World, household: Household, on: date, /) -> None:
        """Plans one day of a household."""
        home = self._homes.get(household.key)
        if home is None:
            home = self._homes[household.key] = _Home(self._seed, household)
        for account in home.successors.values():
            if on == account.opened_at.date() + OVERLAP + timedelta(days=3):
                self._close_replaced(world, home, account)
        if on >= self._end:
            return
        rate = home.rate / (1 + (on - self._first_day).days / _SLOWING)
        count = int(rate + home.rng.random() * 2 - 0.5)
        if count <= 0:
            return
        day = TurbulentDay(
            world.market, self._view, self._fates, home.rng, home.accounts, on, self._first_day, home.units
        )
        for _ in range(count):
            for account, steps in day.draw_lives():
                self._route(world, home, account, steps)

    def _route(self, world: World, home: "_Home", account: Account, steps: list[Step]) -> None:
        """Gives a row's life to its account, to the account's successor, or in the days of overlap to both."""
        successor = home.successors.get(account.account_id)
        if successor is None:
            _schedule(world, steps)
            return
        begins_at = steps[0][0]
        if begins_at < successor.opened_at + OVERLAP:
            _schedule(world, steps)
            home.last_steps.setdefault(account.account_id, []).append(steps[-1][0])
        if begins_at >= successor.opened_at:
            _schedule(world, mirror(steps, successor.account_id))

    def _close_replaced(self, world: World, home: "_Home", successor: Account) -> None:
        """Takes a replaced account off the list, on a day on which all that will happen to it is known."""
        replaced = str(successor.replaces)
        overlap_ends_at = successor.opened_at + OVERLAP
        gone_at = max([overlap_ends_at, *home.last_steps.get(replaced, ())]) + SHOWN_AFTER_CLOSE
        if gone_at <= self._latest:
            world.hide(replaced, gone_at)


class _Home:
    """What is remembered of a household from day to day."""

    def __init__(self, seed: int, household: Household) -> None:
        self.rng = Random(f"{seed}|turmoil|{household.key}")  # noqa: S311 - reproducibility is the point
        self.accounts = [account for account in household.accounts if account.replaces is None]
        self.successors = {one.replaces: one for one in household.accounts if one.replaces is not None}
        self.rate = 0.5 + 0.25 * len(self.accounts)
        self.last_steps: dict[str, list[datetime]] = {}
        self.units: dict[tuple[str, str], Decimal] = {}


def _schedule(world: World, steps: list[Step]) -> None:
    for at, kind, row in steps:
        world.at(at, partial(_take, world, kind, row))


def _take(world: World, kind: EventKind, row: Row, at: datetime) -> None:
    try:
        world.record(at, kind, row)
    except ImpossibleEventError:
        return  # A script has changed the row.
