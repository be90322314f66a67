"""What has happened in the simulated world so far, and what is true there?"""

import heapq
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Protocol

from bursar.sandbox.cast import FAMILY_COUNT, build_cast
from bursar.sandbox.clock import VirtualClock
from bursar.sandbox.fates import Action
from bursar.sandbox.faults import FaultBoard
from bursar.sandbox.investing import Position, positions_of
from bursar.sandbox.ledger import AccountLog, Event, EventKind, Row, Truth
from bursar.sandbox.lifestyles import live_by_lifestyle
from bursar.sandbox.market import Market
from bursar.sandbox.people import Account, AccountKind, Bank, Household, Login
from bursar.sandbox.requests import RequestLog
from bursar.sandbox.scripting import Script
from bursar.sandbox.view import View

DEFAULT_HISTORY_DAYS = 730

_NOON = time(12, tzinfo=UTC)
PLANNING_LEAD = timedelta(days=1)
"""How long before its UTC midnight a day is planned, so that it has not begun in any zone."""


class DayPlanner(Protocol):
    """What a household does, day by day."""

    def __call__(self, world: "World", household: Household, on: date, /) -> None:
        """Plans one day with `world.at`, before it begins anywhere; days come in order, each exactly once."""
        ...


class World:
    """Households, banks and the ledger that is the truth; a pure function of its arguments and of scripted events.

    Life goes on as the clock advances, in the same way whatever the size of the steps. Providers see it through their
    faces; tests ask `truth`. `faults` and `requests` are the switches and the record of the servers in front of it:
    they ride along so that a face needs nothing else, and have no influence on the ledger.
    """

    def __init__(
        self,
        seed: int,
        *,
        start: date,
        history_days: int = DEFAULT_HISTORY_DAYS,
        families: int = FAMILY_COUNT,
        clock: VirtualClock | None = None,
        view: View | None = None,
        households: Sequence[Household] | None = None,
        plan_day: DayPlanner = live_by_lifestyle,
    ) -> None:
        """Builds the world and lives through its history until noon UTC of `start`.

        Args:
            seed: Everything that is random comes from it.
            start: The first present day; ignored when `clock` is given, whose instant is then the present.
            history_days: How long the accounts have existed.
            families: How many of the planned families live in it; fewer makes it smaller and faster.
            clock: A clock shared with the program under test; advancing it advances the world.
            view: The faults of data and identity that faces show; none by default.
            households: Who lives in it in place of the planned families.
            plan_day: What they do; by default what their lifestyle says.
        """
        self.seed = seed
        self.view = view or View(seed)
        self.clock = clock or VirtualClock(datetime.combine(start, _NOON))
        self.started_at = self.clock.now()
        self.faults = FaultBoard(seed)
        self.requests = RequestLog()
        first_day = self.started_at.date() - timedelta(days=history_days)
        if households is None:
            households = build_cast(seed, families, opening_instant(first_day))
        self.households = tuple(households)
        self.accounts = {account.account_id: account for home in self.households for account in home.accounts}
        self.logins: tuple[Login, ...] = tuple(login for home in self.households for login in home.logins)
        self.market = Market(seed, first_day)
        self._logs = {
            account.account_id: AccountLog(account.account_id, account.currency, account.opening_balance)
            for account in self.accounts.values()
        }
        self._agenda: list[tuple[datetime, int, Action]] = []
        self._agenda_count = 0
        self._sequence = 0
        self._next_day = first_day
        self._planning_at = opening_instant(first_day)
        self._plan_day = plan_day
        self._absences: dict[str, list[tuple[datetime, datetime | None]]] = {}
        self.script = Script(self)
        self._live_until(self.started_at)
        self.clock.on_advance(self._live_until)

    # What is true.

    @property
    def now(self) -> datetime:
        """The present instant in UTC."""
        return self.clock.now()

    @property
    def head(self) -> int:
        """The sequence number of the newest event of the whole world."""
        return self._sequence

    @property
    def banks(self) -> tuple[Bank, ...]:
        """The banks at which somebody has a login, by key."""
        return tuple(sorted({login.bank for login in self.logins}, key=lambda bank: bank.key))

    def get_log(self, account_id: str) -> AccountLog:
        """The event log of an account; an unknown one raises `KeyError`."""
        return self._logs[account_id]

    def truth(self, account_id: str, at: datetime | None = None) -> Truth:
        """What was true about an account at an instant of the past, by default at present.

        Raises `ValueError` for an instant in the future: it has not happened yet.
        """
        at = at or self.now
        if at > self.now:
            raise ValueError("the future of the simulated world is not known")
        return self._logs[account_id].truth(at)

    def balance(self, account_id: str) -> Decimal:
        """The present ledger balance, owed amounts negative; for a brokerage account its cash."""
        return self._logs[account_id].balance

    def events_after(self, sequence: int, account_ids: Sequence[str] | None = None) -> list[Event]:
        """The events of some accounts (by default of all) after a sequence number, in the order they happened."""
        logs = (self._logs[account_id] for account_id in (account_ids or self._logs))
        return sorted((event for log in logs for event in log.events_after(sequence)), key=lambda event: event.sequence)

    def positions(self, account_id: str, at: datetime | None = None) -> tuple[Position, ...]:
        """What a brokerage account held at an instant, valued at the close of that day; empty for other kinds."""
        if self.accounts[account_id].kind is not AccountKind.BROKERAGE:
            return ()
        truth = self.truth(account_id, at)
        on = self.accounts[account_id].bank.local_date(truth.at)
        # A late row moves the units when it is booked, as it moves the cash.
        return positions_of(truth.settled + truth.unlisted, self.market, on)

    def find_login(self, bank_key: str, username: str) -> Login | None:
        """The login of that name at a bank; None when there is none."""
        return next((one for one in self.logins if one.bank.key == bank_key and one.username == username), None)

    def shown_accounts(self, login: Login, at: datetime | None = None) -> tuple[Account, ...]:
        """The accounts that a login shows at an instant, by default at present: opened, and not hidden then."""
        at = at or self.now
        return tuple(
            account
            for account in login.accounts
            if account.opened_at <= at
            and not any(
                since <= at and (until is None or at < until)
                for since, until in self._absences.get(account.account_id, ())
            )
        )

    # What happens.

    def advance(self, by: timedelta) -> datetime:
        """Moves the clock forward, lives through that time and returns the new present."""
        return self.clock.advance(by)

    def at(self, instant: datetime, action: Action) -> None:
        """Runs `action(instant)` when the world gets there."""
        self._agenda_count += 1
        heapq.heappush(self._agenda, (instant, self._agenda_count, action))

    def hide(self, account_id: str, since: datetime, until: datetime | None = None) -> None:
        """Takes an account out of its logins from `since` until `until` (None: for good); its life goes on.

        Decide it before `since` has come, because what a login showed in the past must not change.
        """
        self._absences.setdefault(account_id, []).append((since, until))

    def record(self, instant: datetime, kind: EventKind, row: Row) -> Event:
        """Appends an event to the row's account; raises `ImpossibleEventError` when the row's state forbids it."""
        event = Event(self._sequence + 1, instant, kind, row)
        self._logs[row.account_id].append(event)
        self._sequence += 1
        return event

    def find_row(self, account_id: str, world_id: str) -> Row | None:
        """The row as listed or held at present; None when it does not exist or is gone."""
        return self._logs[account_id].find_row(world_id)

    def _live_until(self, now: datetime) -> None:
        while True:
            if self._planning_at <= now and (not self._agenda or self._planning_at <= self._agenda[0][0]):
                for home in self.households:
                    self._plan_day(self, home, self._next_day)
                self._next_day += timedelta(days=1)
                self._planning_at += timedelta(days=1)
            elif self._agenda and self._agenda[0][0] <= now:
                instant, _, action = heapq.heappop(self._agenda)
                action(instant)
            else:
                return


def opening_instant(first_day: date) -> datetime:
    """When accounts must be opened whose first day is `first_day`: when that day is planned."""
    return datetime.combine(first_day, time(), tzinfo=UTC) - PLANNING_LEAD
