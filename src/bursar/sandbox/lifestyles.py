"""What does a household of the planned families do on a given day?"""

from collections.abc import Sequence
from datetime import date, datetime
from random import Random
from typing import Protocol

from bursar.sandbox.investing import invest
from bursar.sandbox.ledger import AccountLog
from bursar.sandbox.life import Day, LivingStage, live_family_day, live_quiet_day
from bursar.sandbox.market import Market
from bursar.sandbox.people import Account, AccountKind, Household, Lifestyle


class HomeStage(LivingStage, Protocol):
    """The world as whole households need it."""

    seed: int
    started_at: datetime
    market: Market

    def get_log(self, account_id: str) -> AccountLog:
        """The event log of an account."""
        ...


def live_by_lifestyle(stage: HomeStage, household: Household, on: date, /) -> None:
    """Plans one day of a family or of the quiet household; each day has random numbers of its own."""
    rng = Random(f"{stage.seed}|day|{household.key}|{on}")  # noqa: S311 - reproducibility is the point
    day = Day(stage, household, on, rng)
    if household.lifestyle is Lifestyle.QUIET:
        live_quiet_day(day, (stage.started_at.date() - on).days)
        return
    live_family_day(day)
    brokerage = _first_brokerage(household.accounts)
    invest(day, brokerage and stage.get_log(brokerage.account_id), stage.market)


def _first_brokerage(accounts: Sequence[Account]) -> Account | None:
    return next((account for account in accounts if account.kind is AccountKind.BROKERAGE), None)
