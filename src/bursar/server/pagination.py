"""Which page was asked for, and how does a reader get to the next one?"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Request, Response
from pydantic import BaseModel, Field

from bursar.bootstrap import Platform
from bursar.domain.tenants import Principal
from bursar.security.tokens import CursorError, sign_cursor, verify_cursor
from bursar.server.errors import invalid
from bursar.server.parameters import Count, Parameters, Text
from bursar.server.responses import list_response

DEFAULT_SIZE = 20
CURSORS_ADVISED_FROM = 10_000

Size = Annotated[Count, Field(ge=1, le=100)]


class Paging(Parameters):
    """Pages by number."""

    page: Annotated[Count, Field(ge=1, le=10**12)] | None = None
    """From 1."""
    per_page: Size | None = None
    """Rows of a page; 20 without it."""
    cursor: Text | None = None
    limit: Size | None = None

    @property
    def size(self) -> int:
        """Rows of a page."""
        return self.limit or self.per_page or DEFAULT_SIZE

    @property
    def number(self) -> int:
        """The page, from 1."""
        return self.page or 1

    @property
    def offset(self) -> int:
        """Rows before the page."""
        return (self.number - 1) * self.size

    def by_number(self) -> "Paging":
        """Return these, on an address that knows no cursors.

        Raises:
            ApiError: a cursor or a limit was sent.
        """
        for name in ("cursor", "limit"):
            if getattr(self, name) is not None:
                raise invalid(name, "This collection is paged by page and per_page.", "unknown")
        return self


@dataclass(frozen=True, slots=True)
class Keyset:
    """Where a page by cursor starts: behind this row; None is the beginning."""

    after: tuple[date, UUID] | None


def page_response(request: Request, items: Sequence[BaseModel], paging: Paging, total: int) -> Response:
    """Return a page by number, with the way to the next one."""
    pages = -(-total // paging.size)
    links = [next_link(request, page=str(paging.number + 1))] if paging.number < pages else []
    return list_response(items, numbered_meta(paging, total), fields=paging.fields, headers=link_header(links))


def numbered_meta(paging: Paging, total: int) -> dict[str, object]:
    """Return the `meta` of a page by number."""
    pages = -(-total // paging.size)
    return {
        "total": total,
        "page": paging.number,
        "per_page": paging.size,
        "total_pages": pages,
        "has_more": paging.number < pages,
    }


def cursor_meta(size: int, following: str | None) -> dict[str, object]:
    """Return the `meta` of a page by cursor: nobody counted, so the total is unknown."""
    return {
        "total": None,
        "page": None,
        "per_page": size,
        "total_pages": None,
        "has_more": following is not None,
        "next_cursor": following,
        "prev_cursor": None,
    }


def next_link(request: Request, *, rel: str = "next", **changes: str) -> str:
    """Return a link to this address with other values of some parameters."""
    dropped = {"page", "cursor"} | changes.keys()
    kept = [(name, value) for name, value in request.query_params.multi_items() if name not in dropped]
    return f'<{request.url.path}?{urlencode([*kept, *changes.items()])}>; rel="{rel}"'


def link_header(links: Sequence[str]) -> dict[str, str]:
    """Return the header for links, if there are any."""
    return {"Link": ", ".join(links)} if links else {}


def filter_mark(wanted: object) -> str:
    """Return a short digest of what is listed: a cursor is good for the same listing only."""
    return sha256(repr(wanted).encode()).hexdigest()[:32]


def write_cursor(platform: Platform, caller: Principal, mark: str, position: Sequence[str]) -> str:
    """Return the signed cursor for a position in a listing."""
    payload = json.dumps([mark, *position]).encode()
    return sign_cursor(payload, key=platform.cursor_key, tenant_id=caller.tenant_id)


def read_cursor(platform: Platform, caller: Principal, mark: str, text: str) -> list[str] | None:
    """Return the position that a cursor names; None for the empty one, which starts from the beginning.

    Raises:
        ApiError: it was changed, or made for another tenant or other filters.
    """
    if not text:
        return None
    try:
        payload = verify_cursor(text, key=platform.cursor_key, tenant_id=caller.tenant_id)
    except CursorError as error:
        raise invalid("cursor", str(error)) from None
    made_for, *position = json.loads(payload)
    if made_for != mark:
        raise invalid("cursor", "This cursor belongs to other filters: start again from the first page.")
    return [str(part) for part in position]
