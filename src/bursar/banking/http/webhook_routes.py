"""The route that takes what a provider tells unasked."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from inspect import isawaitable

from fastapi import APIRouter, BackgroundTasks, Request

from bursar.banking.exceptions import NotFoundError, UnsupportedError
from bursar.banking.http.problems import HttpProblem
from bursar.banking.http.routes import Deps
from bursar.banking.http.schemas import Received
from bursar.domain.webhooks import ProviderNotice

NoticeHook = Callable[[Sequence[ProviderNotice]], "Awaitable[None] | None"]
"""Called after the answer, with the notices that are new; read what they are about, and believe what is read."""

MAX_BODY_BYTES = 256 * 1024
NOTICES_REMEMBERED = 10_000


def add_webhook_route(router: APIRouter, deps: Deps, on_webhook: NoticeHook | None) -> None:
    """Put the route into a router: the sender is proven over the raw bytes, the answer is quick, work comes after."""
    seen: OrderedDict[str, None] = OrderedDict()

    def is_new(notice: ProviderNotice) -> bool:
        if notice.notice_id in seen:
            return False
        seen[notice.notice_id] = None
        if len(seen) > NOTICES_REMEMBERED:
            seen.popitem(last=False)
        return True

    async def tell(notices: Sequence[ProviderNotice]) -> None:
        if on_webhook is not None:
            done = on_webhook(notices)
            if isawaitable(done):
                await done

    @router.post("/webhooks/{provider}", response_model=Received, summary="What a provider tells unasked")
    async def take(provider: str, request: Request, tasks: BackgroundTasks) -> Received:
        if provider != deps.banking.provider:
            raise NotFoundError("No provider of this name sends here.")
        body = await _read(request)
        try:
            notices = await deps.banking.read_webhook(request.headers, body)
        except UnsupportedError as error:
            raise NotFoundError(error.message) from error
        new = [notice for notice in notices if is_new(notice)]
        if new:
            # Which tokens a login has is not known here: everybody's next question is asked anew.
            deps.cache.forget()
            tasks.add_task(tell, new)
        return Received()


async def _read(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise HttpProblem(413, "payload_too_large", "A webhook has at most 256 KiB.")
    return bytes(body)
