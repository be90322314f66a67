"""How is a listing by offset read whole while its rows may shift?"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from bursar.providers.plaid.sdk.errors import PlaidResponseError, PlaidServerError
from bursar.transport.timing import Timing

Page = TypeVar("Page")

MAX_RESTARTS = 5


@dataclass(frozen=True, slots=True)
class PageFacts(Generic[Page]):
    """A page, what it says about the whole, and how many rows it took from it (unreadable ones included)."""

    page: Page
    ids: Sequence[str]
    row_count: int
    total: int


async def drain(fetch: Callable[[int], Awaitable[PageFacts[Page]]], timing: Timing) -> list[Page]:
    """Read every page from offset 0 until the total is reached.

    Rows are counted from the newest, so a row that arrives between two pages moves all others by one: a changed total
    or a row seen twice means that the reading has to begin again.

    Raises:
        PlaidResponseError: a page is empty before the total is reached.
        PlaidServerError: the data changed during each of six readings.
    """
    for restart in range(MAX_RESTARTS + 1):
        if restart:
            await timing.sleep(min(8.0, 0.5 * 2.0 ** (restart - 1)) * (1.0 - timing.random() / 2))
        pages = await _drain_once(fetch)
        if pages is not None:
            return pages
    raise PlaidServerError("the listing changed during every attempt to read it")


async def _drain_once(fetch: Callable[[int], Awaitable[PageFacts[Page]]]) -> list[Page] | None:
    first = await fetch(0)
    facts, pages, seen, offset = first, [first.page], set(first.ids), first.row_count
    while offset < first.total:
        if facts.row_count == 0:
            raise PlaidResponseError("a page of the listing is empty though its total says that more rows follow")
        facts = await fetch(offset)
        if facts.total != first.total or not seen.isdisjoint(facts.ids):
            return None
        seen.update(facts.ids)
        pages.append(facts.page)
        offset += facts.row_count
    return pages
