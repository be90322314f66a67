"""How does a group of calls turn answers into models, and pages into listings?"""

from collections.abc import AsyncIterator, Mapping
from typing import Any, TypeVar, cast

from pydantic import ValidationError

from bursar.providers.flanks.sdk import arguments
from bursar.providers.flanks.sdk.connection import FlanksConnection, read_answer
from bursar.providers.flanks.sdk.exceptions import FlanksAPIError, FlanksResponseError
from bursar.providers.flanks.sdk.model import FlanksModel, failed_fields, read_row, read_rows
from bursar.providers.flanks.sdk.pagination import InvalidItem, PagedResponse
from bursar.providers.flanks.sdk.responses import FlanksResponse
from bursar.providers.flanks.sdk.secret_text import SecretText
from bursar.transport.pages import MAX_PAGES, iter_pages

T = TypeVar("T", bound=FlanksModel)

_METHOD_UNKNOWN = frozenset({404, 405})


class BaseClient:
    """What every group of calls stands on.

    Args:
        transport: the connection; shared, never closed by the group.
    """

    def __init__(self, transport: FlanksConnection) -> None:
        self._transport = transport

    async def _paginate(
        self, path: str, body: dict[str, Any], item_key: str, model: type[T], *, max_items: int | None = None
    ) -> AsyncIterator[T]:
        """Yield every item of a listing, page by page, at most `max_items`.

        Raises:
            FlanksResponseError: a page has no listing, an item does not fit, or a page token comes back. The items
                before that have been yielded; they are not the whole listing.
        """
        if max_items is not None:
            arguments.whole("max_items", max_items, least=0)
        left = max_items

        async def fetch(token: str) -> tuple[list[T], FlanksResponseError | None, str | None]:
            return await self._fetch(path, body, item_key, model, token or None)

        def loop_error(reason: str) -> Exception:
            return FlanksResponseError(f"POST {path}: {reason}", request=f"POST {path}")

        if left == 0:
            return
        # The first page has no token; an empty text is none either, so it stands for it.
        pages = iter_pages(fetch, lambda page: page[2] or None, first="", max_pages=MAX_PAGES, loop_error=loop_error)
        async for items, failure, _ in pages:
            for item in items if left is None else items[:left]:
                yield item
            if left is not None:
                left -= len(items)
                if left <= 0:
                    return
            if failure is not None:
                raise failure

    async def _page(
        self, path: str, body: dict[str, Any], item_key: str, model: type[T], page_token: str | None
    ) -> PagedResponse[T]:
        """Return one page of a listing."""
        items, failure, next_token = await self._fetch(
            path, body, item_key, model, arguments.optional_text("page_token", page_token)
        )
        if failure is not None:
            raise failure
        return PagedResponse(items, next_token)

    async def _list(
        self,
        path: str,
        body: Mapping[str, Any] | None,
        model: type[T],
        *,
        method: str = "POST",
        params: Mapping[str, str] | None = None,
    ) -> list[T]:
        """Return a listing that comes at once: a bare list, or an object with `items`."""
        response = await self._transport.request(path, body, method, params=params)
        return self._read_list(response, model)

    def _read_list(self, response: FlanksResponse, model: type[T]) -> list[T]:
        answer = read_answer(response)
        member = ""
        if isinstance(answer, dict):
            member, answer = "items", cast("dict[str, Any]", answer).get("items")
        if not isinstance(answer, list):
            raise response.broken("the answer is no list")
        items, failure = self._read_items(response, member, cast("list[Any]", answer), model)
        if failure is not None:
            raise failure
        return items

    async def _list_by_working_method(self, path: str, model: type[T]) -> list[T]:
        """Return a listing whose method sources disagree about: POST, then GET once; the one that worked stays."""
        known = self._transport.working_methods
        method = known.get(path, "POST")
        try:
            response = await self._transport.request(path, {} if method == "POST" else None, method)
        except FlanksAPIError as refused:
            if path in known or refused.status_code not in _METHOD_UNKNOWN:
                raise
            method = "GET"
            response = await self._transport.request(path, None, method)
        known[path] = method
        return self._read_list(response, model)

    async def _object(
        self, path: str, body: Mapping[str, Any], model: type[T], *, wrapped_in: str | None = None, retry: bool = True
    ) -> T:
        """Return one object: bare, or under the member `wrapped_in`."""
        response = await self._transport.request(path, body, retry=retry)
        answer = read_answer(response)
        if wrapped_in is not None and isinstance(answer, dict) and wrapped_in in answer:
            answer = cast("dict[str, Any]", answer)[wrapped_in]
        return self._read_object(response, answer, model)

    def _read_object(self, response: FlanksResponse, answer: Any, model: type[T]) -> T:
        if not isinstance(answer, dict):
            raise response.broken("the answer is no object")
        read = read_row(model, answer)
        if isinstance(read, ValidationError):
            raise response.broken("the answer does not fit", failed_fields(read))
        return read

    async def _text_member(self, path: str, body: Mapping[str, Any], member: str, *, method: str, retry: bool) -> str:
        """Return a text that the answer has under a name; it is masked by `repr`."""
        response = await self._transport.request(path, body, method, retry=retry)
        answer = read_answer(response)
        value = cast("dict[str, Any]", answer).get(member) if isinstance(answer, dict) else None
        if not isinstance(value, str) or not value:
            # Without the body: it may hold the very secret under another name.
            raise response.broken("the answer does not fit", (member,))
        return SecretText(value)

    async def _send(self, path: str, body: Mapping[str, Any], *, method: str = "POST") -> None:
        """Make a change whose answer says nothing."""
        read_answer(await self._transport.request(path, body, method, retry=False))

    async def _fetch(
        self, path: str, body: dict[str, Any], item_key: str, model: type[T], page_token: str | None
    ) -> tuple[list[T], FlanksResponseError | None, str | None]:
        response = await self._transport.request(path, {**body, "page_token": page_token})
        answer = read_answer(response)
        if not isinstance(answer, dict):
            raise response.broken("the answer is no page")
        members = cast("dict[str, Any]", answer)
        rows = members.get(item_key)
        if not isinstance(rows, list):
            raise response.broken("the page has no listing", (item_key,))
        next_token = members.get("next_page_token")
        if next_token is not None and not isinstance(next_token, str):
            raise response.broken("the page token is no text", ("next_page_token",))
        items, failure = self._read_items(response, item_key, cast("list[Any]", rows), model)
        return items, failure, next_token or None

    def _read_items(
        self, response: FlanksResponse, member: str, rows: list[Any], model: type[T]
    ) -> tuple[list[T], FlanksResponseError | None]:
        """Return the items that fit, up to the first that does not and its error; all of them where it is reported."""
        try:
            return read_rows(model, rows), None
        except ValidationError:
            pass
        report = self._transport.options.on_invalid_item
        items: list[T] = []
        for index, row in enumerate(rows):
            read = read_row(model, row)
            if not isinstance(read, ValidationError):
                items.append(read)
                continue
            fields = failed_fields(read, f"{member}.{index}" if member else str(index))
            if report is None:
                return items, response.broken("an item does not fit", fields)
            report(InvalidItem(response.path, index, fields, row))
        return items, None
