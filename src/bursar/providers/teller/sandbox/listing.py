"""Which rows does an account list, newest first, and which of them are on the page that was asked for?"""

from datetime import date, datetime
from decimal import Decimal

from bursar.providers.teller.sandbox.desk import Desk, Enrollment
from bursar.providers.teller.sandbox.problems import TellerProblemError, not_found
from bursar.providers.teller.sandbox.shapes import Member, is_credit, row_object
from bursar.sandbox.faults import FaultKind
from bursar.sandbox.ledger import RowState
from bursar.sandbox.neutral.showing import Shown
from bursar.sandbox.people import Account

_BETWEEN = frozenset({FaultKind.MUTATE_BETWEEN_PAGES})


class Listing:
    """Answers the questions for rows."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._listings = 0
        self._requests = 0

    def page(self, enrollment: Enrollment, account: Account, query: dict[str, str], path: str) -> list[Member]:
        """A page, or all rows without a `count`; raises 400 for nonsense and 404 for an unknown `from_id`."""
        desk = self._desk
        count, from_id = _count(query.get("count")), query.get("from_id")
        start, end = _day(query.get("start_date")), _day(query.get("end_date"))
        self._requests += 1
        at = desk.blemishes.rows_at(enrollment.enrollment_id, desk.world.now)
        if from_id is None:
            self._listings += 1
            lead = desk.blemishes.is_older(self._listings) if count is not None else None
            if lead is not None and desk.world.now - lead >= account.opened_at:
                at = min(at, desk.world.now - lead)
        rows = self.rows(enrollment, account, at)
        if from_id is not None:
            place = next((index for index, one in enumerate(rows) if one["id"] == from_id), None)
            if place is None or desk.blemishes.rejects_place(self._requests):
                raise not_found()
            rows = rows[place + 1 :]
        wanted = [
            one
            for one in rows
            if (start is None or start.isoformat() <= one["date"]) and (end is None or one["date"] <= end.isoformat())
        ]
        if desk.world.faults.strike(path, _BETWEEN, page=1 if from_id is None else 2) is not None:
            desk.world.script.add_settled(account.account_id, Decimal(-1), "BETWEEN TWO PAGES")
        return wanted if count is None else wanted[:count]

    def find(self, enrollment: Enrollment, account: Account, transaction_id: str) -> Member:
        """One row; raises 404."""
        at = self._desk.blemishes.rows_at(enrollment.enrollment_id, self._desk.world.now)
        for one in self.rows(enrollment, account, at):
            if one["id"] == transaction_id:
                return one
        raise not_found()

    def rows(self, enrollment: Enrollment, account: Account, at: datetime) -> list[Member]:
        """Every row as of an instant, newest first."""
        desk = self._desk
        account_id = desk.account_id(enrollment, account)
        at = max(at, account.opened_at)
        shown = desk.showing.rows(account, account_id, enrollment.series, at)
        running = _running_balances(shown, account)
        made: list[Member] = []
        for one, balance in zip(shown, running, strict=True):
            member = row_object(one, account, account_id, balance, desk.world.now)
            desk.blemishes.vary_row(one.row.world_id, member)
            made.append(member)
        return made[::-1]


def _running_balances(shown: list[Shown], account: Account) -> list[Decimal | None]:
    """The ledger balance after each posted row, in the order of the list; cards have none."""
    balance = account.opening_balance
    found: list[Decimal | None] = []
    for one in shown:
        if one.row.state is RowState.PENDING:
            found.append(None)
            continue
        balance += one.row.amount
        found.append(None if is_credit(account) else balance)
    return found


def _count(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 100_000):
        raise TellerProblemError(400)
    return int(text)


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise TellerProblemError(400) from None
