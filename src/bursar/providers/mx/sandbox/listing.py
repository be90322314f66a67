"""How does MX hand out a listing page by page, and what befalls it meanwhile?"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from bursar.providers.mx.sandbox.blemishes import Blemishes, Body
from bursar.providers.mx.sandbox.problems import bad_request

Query = Mapping[str, str]
_DEFAULT, _SMALLEST, _LARGEST = 25, 10, 1000
_FURTHEST = 4102444800
"""The first second of 2100."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which page of a listing, and how long pages are."""

    page: int
    per_page: int


def read_paging(query: Query, *, largest: int = _LARGEST) -> Asked:
    """What a request asks for; what is no number is refused, what is out of bounds is moved into them."""
    page = _whole(query, "page")
    per_page = _whole(query, "records_per_page")
    if page is not None and page < 1:
        raise bad_request("page must be at least 1")
    return Asked(page or 1, _DEFAULT if per_page is None else min(max(per_page, _SMALLEST), largest))


def read_moment(query: Query, name: str) -> datetime | None:
    """A bound in unix seconds."""
    seconds = _whole(query, name)
    if seconds is None:
        return None
    if not -_FURTHEST < seconds < _FURTHEST:
        raise bad_request(f"{name} must be a time of this century")
    return datetime.fromtimestamp(seconds, UTC)


def read_day(query: Query, name: str) -> date | None:
    """The day of a bound, in UTC."""
    moment = read_moment(query, name)
    return None if moment is None else moment.date()


def paged(name: str, rows: list[Body], asked: Asked, *, shown_page: int | None = None) -> Body:
    """One page with its envelope; `shown_page` is the page that is given in place of the one that was asked for."""
    page = shown_page or asked.page
    start = (page - 1) * asked.per_page
    return {
        name: rows[start : start + asked.per_page],
        "pagination": {
            "current_page": page,
            "per_page": asked.per_page,
            "total_entries": len(rows),
            "total_pages": max(1, -(-len(rows) // asked.per_page)),
        },
    }


@dataclass(slots=True)
class _Loop:
    number: int
    trouble: str | None
    per_page: int | None


class Loops:
    """Remembers what befalls which listing, from its first page to its last."""

    def __init__(self, blemishes: Blemishes, now: Callable[[], datetime]) -> None:
        self._blemishes = blemishes
        self._now = now
        self._loops: dict[tuple[str, tuple[tuple[str, str], ...]], _Loop] = {}
        self._count = 0

    def serve(self, path: str, query: Query, name: str, rows_at: Callable[[datetime], list[Body]]) -> Body:
        """One page of the rows that `rows_at` gives for an instant."""
        asked = read_paging(query)
        question = tuple(sorted(pair for pair in query.items() if pair[0] != "page"))
        loop = self._loops.get((path, question))
        if loop is None or asked.page == 1:
            loop = self._loops[path, question] = self._begin(path)
        at = self._now() - self._blemishes.staleness(path, loop.number)
        if loop.per_page is not None:
            asked = Asked(asked.page, loop.per_page)
        if loop.trouble == "changed" and asked.page == 1:
            at = min(at, self._now() - self._blemishes.lead(path, loop.number))
        rows = rows_at(at)
        if asked.page > 1 and loop.trouble == "repeated":
            return paged(name, rows, asked, shown_page=asked.page - 1)
        answer = paged(name, rows, asked)
        listed = answer[name]
        if loop.trouble == "reordered" and isinstance(listed, list):
            listed.reverse()
        return answer

    def _begin(self, path: str) -> _Loop:
        self._count += 1
        trouble = self._blemishes.loop(path, self._count)
        return _Loop(self._count, trouble, None if trouble is None else self._blemishes.page_size(path, self._count))


def _whole(query: Query, name: str) -> int | None:
    text = query.get(name)
    if text is None or text == "":
        return None
    if not text.lstrip("-").isdecimal() or len(text) > 12:
        raise bad_request(f"{name} must be a whole number")
    return int(text)
