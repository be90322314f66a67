"""How is a paged listing read to its end, and no further?"""

from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from typing import TypeVar

from bursar.transport.errors import PageLoopError

Page = TypeVar("Page")
Token = TypeVar("Token", bound=Hashable)

MAX_PAGES = 10_000


async def iter_pages(
    fetch: Callable[[Token], Awaitable[Page]],
    next_token: Callable[[Page], Token | None],
    *,
    first: Token,
    max_pages: int = MAX_PAGES,
    loop_error: Callable[[str], Exception] = PageLoopError,
) -> AsyncIterator[Page]:
    """Yield every page, one at a time, until a page names no successor.

    Args:
        fetch: reads the page that a token stands for.
        next_token: the token of the page after this one; None ends the listing. An empty page does not.
        first: the token of the first page.
        max_pages: a stop for providers that invent a fresh token for ever.
        loop_error: makes the error from our words, for SDKs with a tree of their own.

    Raises:
        PageLoopError: a token came back that was already used, or there are more than `max_pages` pages. What was
            yielded until then is not the whole listing and must not be treated as such.
    """
    token: Token | None = first
    seen: set[Token] = set()
    while token is not None:
        if token in seen:
            raise loop_error("the provider returned a page token that was already used")
        if len(seen) >= max_pages:
            raise loop_error(f"the provider returned more than {max_pages} pages")
        seen.add(token)
        page = await fetch(token)
        yield page
        token = next_token(page)
