"""How does a call reach MX: which host, which headers, repeated or not?"""

import os
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any, Self, TypeVar

import msgspec

from bursar.providers.mx.sdk.arguments import PAGE_SIZES, Place
from bursar.providers.mx.sdk.errors import MXArgumentError, MXDataChangedError, mx_error
from bursar.providers.mx.sdk.wire import Page, Rows
from bursar.transport.auth import HeaderAuth
from bursar.transport.client import Hook, HttpClient, Response, Timeouts
from bursar.transport.ratelimit import RateLimiter
from bursar.transport.redaction import Secret
from bursar.transport.retry import RetryPolicy
from bursar.transport.rows import decode_answer
from bursar.transport.session import ApiSession
from bursar.transport.timing import SYSTEM_TIMING, Timing
from bursar.transport.wire import AsyncWire

T = TypeVar("T", bound=msgspec.Struct)
PageT = TypeVar("PageT", bound=Page)

# Source: https://docs.mx.com/api-reference/platform-api/ (as our contract of it was on 2026-11-21)
API_VERSION = "v20250224"
HOSTS: Mapping[str, str] = {
    "integration": "https://int-api.mx.com",
    "production": "https://api.mx.com",
}

# No limit is published for this version, so a 429 without a wait is taken for a minute: no repetition within the call.
MX_RETRY = RetryPolicy(rate_limit_wait_s=60.0)
MAX_READINGS = 6
"""How often a listing is read whose pages do not fit together, the first time included."""


class MXSession(ApiSession):
    """The part of the client that every group of calls stands on.

    Args:
        client_id: of the application at MX.
        api_key: of this environment: whoever has it reads every user's data.
        environment: `integration` (MX's test system) or `production`.
        base_url: another address instead of the environment's host; may carry a path prefix.
        page_size: rows that are asked for at once, 10 to 1000.
        retry: how calls that are harmless to repeat are repeated.
        timeouts: waits on the network.
        limiter: asked before each attempt.
        http_client: an open `httpx2` or `httpx` client to use; its owner closes it.
        on_request, on_response: hooks around each attempt.
        timing: clock, sleep and dice.
    """

    def __init__(
        self,
        client_id: str,
        api_key: str | Secret,
        *,
        environment: str = "integration",
        base_url: str | None = None,
        page_size: int = 500,
        retry: RetryPolicy = MX_RETRY,
        timeouts: Timeouts | None = None,
        limiter: RateLimiter | None = None,
        http_client: AsyncWire | None = None,
        on_request: Sequence[Hook] = (),
        on_response: Sequence[Hook] = (),
        timing: Timing = SYSTEM_TIMING,
    ) -> None:
        if environment not in HOSTS:
            raise ValueError("the environment is integration or production")
        if page_size not in PAGE_SIZES:
            raise ValueError("a page has 10 to 1000 rows")
        self.environment = environment
        self._page_size = page_size
        self._timing = timing
        key = Secret(api_key).reveal()
        pair = b64encode(f"{client_id}:{key}".encode()).decode()
        # An answer could quote them, taken apart or not.
        self._secrets = frozenset({key, pair})
        self._http = HttpClient(
            base_url or HOSTS[environment],
            name="mx",
            auth=HeaderAuth({"Authorization": Secret(f"Basic {pair}")}),
            # Without the version, or with one that has ended, everything is answered 406.
            headers={"Accept-Version": API_VERSION, "User-Agent": "bursar-mx"},
            classify=mx_error,
            retry=retry,
            timeouts=timeouts or Timeouts(),
            limiter=limiter,
            on_request=on_request,
            on_response=on_response,
            timing=timing,
            client=http_client,
        )

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Self:
        """A client from `MX_CLIENT_ID`, `MX_API_KEY`, `MX_ENVIRONMENT` and `MX_BASE_URL`.

        Raises:
            ValueError: naming the variables that are missing, never a value.
        """
        values = os.environ if environ is None else environ
        missing = [name for name in ("MX_CLIENT_ID", "MX_API_KEY") if not values.get(name)]
        if missing:
            raise ValueError(f"set {' and '.join(missing)}")
        return cls(
            values["MX_CLIENT_ID"],
            values["MX_API_KEY"],
            environment=values.get("MX_ENVIRONMENT") or "integration",
            base_url=values.get("MX_BASE_URL") or None,
        )

    async def _send(
        self,
        method: str,
        place: Place,
        *,
        params: Mapping[str, str] | None = None,
        body: dict[str, Any] | None = None,
        idempotent: bool | None = None,
    ) -> Response:
        return await self._http.send(
            method,
            place.path,
            params=params,
            json_body=body,
            idempotent=idempotent,
            secrets=self._secrets | place.names,
        )

    async def _get(self, place: Place, type_: type[T], params: Mapping[str, str] | None = None) -> T:
        return self._http.decode(await self._send("GET", place, params=params), type_)

    async def _read_page(self, place: Place, type_: type[PageT], params: Mapping[str, str], number: int) -> PageT:
        """Read one page of a listing."""
        response = await self._send(
            "GET", place, params={**params, "page": str(number), "records_per_page": str(self._page_size)}
        )
        return decode_answer(self._http, response, type_)

    async def _read_all(self, place: Place, type_: type[PageT], params: Mapping[str, str]) -> Rows[Any]:
        """Read every page of a listing; again from the first when they do not fit together.

        Pages are counted from the front of a listing that moves while it is read, so rows can be missed or come twice.
        MX tells how many there are: a listing counts only when all pages name the same total and the rows add up to
        it.

        Raises:
            MXDataChangedError: they never did.
        """
        for _ in range(MAX_READINGS):
            pages = await self._read_once(place, type_, params)
            if pages is not None:
                return _joined(pages)
        raise MXDataChangedError("the pages of a listing never fitted together", status=200)

    async def _read_once(self, place: Place, type_: type[PageT], params: Mapping[str, str]) -> list[PageT] | None:
        pages: list[PageT] = []
        while True:
            number = len(pages) + 1
            page = await self._read_page(place, type_, params, number)
            told, count = page.pagination, _count(page)
            first = pages[0].pagination if pages else told
            if told.current_page != number or (told.total_entries, told.total_pages) != (
                first.total_entries,
                first.total_pages,
            ):
                return None
            pages.append(page)
            if number >= told.total_pages:
                break
            if not count:
                return None
        if sum(map(_count, pages)) != pages[0].pagination.total_entries:
            return None
        guids = [getattr(row, "guid", None) for page in pages for row in _rows(page)]
        named = [guid for guid in guids if guid is not None]
        return pages if len(named) == len(set(named)) else None


def choose(words: Mapping[str, str], name: str, kind: str) -> str:
    """Return the path's word for a name of ours.

    Raises:
        MXArgumentError: there is none; the text lists what there is.
    """
    if name not in words:
        raise MXArgumentError(f"{kind} is one of {', '.join(words)}")
    return words[name]


def _rows(page: Page) -> tuple[Any, ...]:
    return getattr(page, page.row_members[0])


def _count(page: Page) -> int:
    return len(_rows(page)) + len(page.rejected)


def _joined(pages: Sequence[Page]) -> Rows[Any]:
    rows: Rows[Any] = Rows()
    offset = 0
    for page in pages:
        rows.extend(_rows(page))
        rows.rejected.extend(row.at(row.index + offset) for row in page.rejected)
        offset += _count(page)
    return rows
