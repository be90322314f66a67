"""How much may still be moved today? A limit that holds although many processes ask at once and any may die.

The file maps a date to users to entries, as older clients of Sequence wrote it; they sum `amount_cents` and ignore the
rest.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path
from uuid import uuid4
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bursar.providers.sequence.sdk.config import data_dir
from bursar.providers.sequence.sdk.exceptions import LimitExceededError
from bursar.providers.sequence.sdk.files import locked
from bursar.providers.sequence.sdk.money import checked_cents, format_cents
from bursar.providers.sequence.sdk.safeguards.limit_file import Days, Entry, read_days, write_days

_NAME = ".daily_limits.json"
EVERYBODY = "__global__"
_KEPT_DAYS = 2
UserId = int | str | None


def _utc_now() -> datetime:
    return datetime.now(UTC)


class DailyLimitTracker:
    """Counts what was moved on a calendar day, for each user and for calls without a user.

    `reserve` is the way to a limit that holds; `check` followed by `record` lets two callers pass the same check.

    Args:
        path: by default `.daily_limits.json` in `SEQUENCE_DATA_DIR`, worked out now.
        max_daily_cents: for each user, and for the calls without a user.
        max_total_cents: for all of them together; None for no such limit.
        tz: where the day begins and ends; by default where this process runs. Servers pass `America/New_York`.
        strict: raise instead of starting from nothing when the file cannot be read. Servers pass True: forgetting what
            was spent must not widen the limit.
        now: the clock (aware).

    Raises:
        LimitFileError: the file cannot be read and `strict` is set.
        ValueError: a limit is no whole number of cents from 0, or the zone is none.
    """

    def __init__(
        self,
        path: str | Path | None = None,
        max_daily_cents: int = 2_500_000,
        *,
        max_total_cents: int | None = None,
        tz: tzinfo | str | None = None,
        strict: bool = False,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self.path = Path(path) if path is not None else data_dir() / _NAME
        self.max_daily_cents = checked_limit(max_daily_cents, "max_daily_cents")
        self.max_total_cents = None if max_total_cents is None else checked_limit(max_total_cents, "max_total_cents")
        self._tz = _zone(tz)
        self._strict = strict
        self._now = now
        if self.path.exists():
            with self._opened():
                pass  # old files are migrated, old days dropped

    def check(self, amount_cents: int, *, user_id: UserId = None) -> tuple[bool, int]:
        """Whether an amount fits today, and what is left before it, never below 0. Changes nothing.

        Raises:
            ValueError: the amount is no whole number of cents from 0 up.
        """
        amount = checked_cents(amount_cents, lowest=0)
        with self._opened() as days:
            remaining = self._remaining(days, self._today(), _user(user_id))
        return amount <= remaining, remaining

    def record(self, amount_cents: int, transfer_id: str, *, user_id: UserId = None) -> None:
        """Count an amount that has been moved, whether or not it fits.

        Raises:
            ValueError: the amount is no whole number of cents from 1 up.
        """
        entry = self._entry(amount_cents, transfer_id)
        with self._opened() as days:
            days.setdefault(self._today(), {}).setdefault(_user(user_id), []).append(entry)

    def reserve(self, amount_cents: int, *, user_id: UserId = None) -> "Reservation":
        """Check and book in one step. What is booked counts until it is released, or until the day ends.

        Raises:
            LimitExceededError: it does not fit; nothing was booked.
            ValueError: the amount is no whole number of cents from 1 up.
        """
        user = _user(user_id)
        entry = self._entry(amount_cents, "unknown")
        entry |= {"reservation_id": uuid4().hex, "state": "reserved"}
        with self._opened() as days:
            today = self._today()
            remaining = self._remaining(days, today, user)
            if amount_cents > remaining:
                raise LimitExceededError(
                    f"{format_cents(amount_cents)} does not fit the daily limit: {format_cents(remaining)} is left",
                    remaining,
                )
            days.setdefault(today, {}).setdefault(user, []).append(entry)
        return Reservation(self, today, user, entry)

    def settle(self, day: str, user: str, entry: Entry, *, keep: bool) -> None:
        """Replace a reservation's entry by another one, or remove it; `Reservation` calls this."""
        with self._opened() as days:
            entries = days.get(day, {}).get(user, [])
            index = next(
                (at for at, kept in enumerate(entries) if kept.get("reservation_id") == entry["reservation_id"]), None
            )
            if not keep:
                if index is not None:
                    del entries[index]
            elif index is not None:
                entries[index] = entry
            else:
                # The file was lost or set aside meanwhile; what has been moved counts all the same.
                days.setdefault(day, {}).setdefault(user, []).append(entry)

    def _entry(self, amount_cents: int, transfer_id: str) -> Entry:
        return {
            "transfer_id": transfer_id,
            "amount_cents": checked_cents(amount_cents, lowest=1),
            "timestamp": self._instant().astimezone(UTC).isoformat(),
        }

    def _today(self) -> str:
        # Asked anew each time: a tracker that lives for months rolls over at midnight like any other.
        return self._instant().astimezone(self._tz).date().isoformat()

    def _instant(self) -> datetime:
        now = self._now()
        if now.tzinfo is None:
            # Taken for local time, it could be another day.
            raise ValueError("now must return a time with its zone")
        return now

    def _remaining(self, days: Days, day: str, user: str) -> int:
        users = days.get(day, {})
        remaining = self.max_daily_cents - _sum(users.get(user, []))
        if self.max_total_cents is not None:
            remaining = min(remaining, self.max_total_cents - sum(map(_sum, users.values())))
        return max(0, remaining)

    @contextmanager
    def _opened(self) -> Generator[Days]:
        """The file's content under the lock; what was changed in it is written, unless the block raises."""
        with locked(self.path):
            days, is_outdated = read_days(self.path, strict=self._strict, everybody=EVERYBODY)
            before = _snapshot(days)
            self._prune(days)
            yield days
            if is_outdated or _snapshot(days) != before:
                write_days(self.path, days)

    def _prune(self, days: Days) -> None:
        oldest = date.fromisoformat(self._today()) - timedelta(days=_KEPT_DAYS)
        for day in [day for day in days if date.fromisoformat(day) < oldest]:
            del days[day]


class Reservation:
    """An amount that is booked for one transfer: end it with exactly one of `commit`, `release`, `keep_unknown`.

    One whose process died goes on counting until its day ends. It belongs to the day on which it was made.
    """

    def __init__(self, tracker: DailyLimitTracker, day: str, user: str, entry: Entry) -> None:
        self._tracker = tracker
        self._day = day
        self._user = user
        self._entry = entry
        self._ended_as: str | None = None

    @property
    def reservation_id(self) -> str:
        """Its name in the file."""
        return str(self._entry["reservation_id"])

    @property
    def amount_cents(self) -> int:
        """US cents."""
        return int(self._entry["amount_cents"])

    def commit(self, transfer_id: str | None = None) -> None:
        """The money has moved; the id may be unknown."""
        self._end("recorded", transfer_id)

    def release(self) -> None:
        """No money has moved: the amount is free again."""
        self._end("released", None)

    def keep_unknown(self) -> None:
        """Nobody knows whether money has moved: the amount goes on counting."""
        self._end("unknown", None)

    def _end(self, state: str, transfer_id: str | None) -> None:
        # From "unknown" there is a way on, once the activity log has told what happened.
        if self._ended_as not in (None, "unknown", state):
            raise ValueError(f"this reservation has ended already: {self._ended_as}")
        entry = self._entry | {"state": state, "transfer_id": transfer_id or "unknown"}
        self._tracker.settle(self._day, self._user, entry, keep=state != "released")
        self._entry, self._ended_as = entry, state


def _zone(tz: tzinfo | str | None) -> tzinfo | None:
    if tz is None or isinstance(tz, tzinfo):
        return tz
    try:
        return ZoneInfo(tz)
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        raise ValueError("tz must be the name of a zone such as America/New_York, or a tzinfo") from None


def checked_limit(cents: int, name: str) -> int:
    """Return a limit in US cents.

    Raises:
        ValueError: it is a bool, no int, or below 0.
    """
    if isinstance(cents, bool) or not isinstance(cents, int) or cents < 0:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValueError(f"{name} must be a whole number of cents, 0 or more")
    return cents


def _user(user_id: UserId) -> str:
    if user_id is None:
        return EVERYBODY
    is_name = isinstance(user_id, int | str) and not isinstance(user_id, bool)  # pyright: ignore[reportUnnecessaryIsInstance] - callers without types
    if not is_name or str(user_id) == EVERYBODY or not str(user_id).strip():
        raise ValueError(f"user_id must be a number or a text, and not {EVERYBODY!r}")
    return str(user_id)


def _sum(entries: list[Entry]) -> int:
    return sum(int(entry["amount_cents"]) for entry in entries)


def _snapshot(days: Days) -> dict[str, dict[str, list[Entry]]]:
    return {day: {user: list(entries) for user, entries in users.items()} for day, users in days.items()}
