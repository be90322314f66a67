import pytest

from bursar.transport.errors import PageLoopError
from bursar.transport.pages import iter_pages
from bursar.transport.ratelimit import RateLimiter


class Listing:
    """Rows behind a token that is the number of the next row; `short_at` gives an empty page once."""

    def __init__(self, row_count: int, page_size: int, short_at: int | None = None) -> None:
        self.rows = list(range(row_count))
        self.page_size = page_size
        self.short_at = short_at

    async def fetch(self, token: tuple[int, bool]) -> tuple[list[int], tuple[int, bool] | None]:
        start, was_short = token
        if start == self.short_at and not was_short:
            return [], (start, True)
        end = start + self.page_size
        return self.rows[start:end], (end, False) if end < len(self.rows) else None


@pytest.mark.parametrize("short_at", [None, 0, 500])
@pytest.mark.parametrize("row_count", [0, 1, 500, 501, 1250])
async def test_every_row_is_read_exactly_once(row_count, short_at) -> None:
    listing = Listing(row_count, 500, short_at)
    pages = iter_pages(listing.fetch, lambda page: page[1], first=(0, False))
    assert [row async for page in pages for row in page[0]] == listing.rows


async def test_repeated_token_is_an_error() -> None:
    tokens = {"": "a", "a": "b", "b": "a"}

    async def fetch(token: str) -> str:
        return tokens[token]

    with pytest.raises(PageLoopError, match="already used"):
        _ = [page async for page in iter_pages(fetch, lambda page: page, first="")]


async def test_endless_fresh_tokens_are_an_error() -> None:
    async def fetch(token: int) -> int:
        return token + 1

    with pytest.raises(PageLoopError, match="more than 7 pages"):
        _ = [page async for page in iter_pages(fetch, lambda page: page, first=0, max_pages=7)]


async def test_limiter_lets_a_burst_pass_and_then_spaces_calls(still) -> None:
    limiter = RateLimiter(60.0, burst=3, timing=still.timing)
    for _ in range(5):
        await limiter.acquire()
    assert still.slept == [1.0, 1.0]


def test_limiter_without_a_rate_is_refused() -> None:
    with pytest.raises(ValueError, match="positive"):
        RateLimiter(0)
