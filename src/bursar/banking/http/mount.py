"""How do the banking routes become a part of an application?"""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.params import Depends
from fastapi.responses import HTMLResponse, JSONResponse

from bursar import __version__
from bursar.banking.balance_store import BalanceStore
from bursar.banking.face import Banking
from bursar.banking.http.cache import AnswerCache
from bursar.banking.http.guard import TokenResolver, UserResolver, guarded, mask_access_logs
from bursar.banking.http.history_routes import HistoryDeps, add_history_routes
from bursar.banking.http.limits import RateLimit, RateLimiter
from bursar.banking.http.pages import render_docs
from bursar.banking.http.routes import Deps, add_routes
from bursar.banking.http.webhook_routes import NoticeHook, add_webhook_route


def mount(
    app: FastAPI,
    banking: Banking,
    prefix: str,
    *,
    closes: bool,
    token_resolver: TokenResolver | None,
    link_user: UserResolver | None,
    on_webhook: NoticeHook | None,
    webhook_url: str | None,
    history_store: BalanceStore | None,
    history_owner: Callable[[Request], str] | None,
    rate_limit: RateLimit | None,
    dependencies: Sequence[Depends],
) -> None:
    """Put every route under a prefix and note the provider in the application's state."""
    limiter = RateLimiter(rate_limit) if rate_limit is not None else None
    deps = Deps(banking=banking, cache=AnswerCache(), resolver=token_resolver, user=link_user, webhook_url=webhook_url)
    router = APIRouter(prefix=prefix, tags=["banking"], route_class=guarded(limiter), dependencies=list(dependencies))
    add_routes(router, deps)
    add_history_routes(router, deps, HistoryDeps(history_store, history_owner))
    # A provider has no token of ours and its own pace: what it sends proves itself.
    webhooks = APIRouter(prefix=prefix, tags=["banking"], route_class=guarded(None))
    add_webhook_route(webhooks, deps, on_webhook)
    pages = APIRouter(prefix=prefix, include_in_schema=False)
    _add_pages(pages, [*router.routes, *webhooks.routes], prefix)
    for each in (router, webhooks, pages):
        app.include_router(each)
    app.state.banking_provider = banking
    mask_access_logs()
    if closes:
        _close_with(app, banking)


def _add_pages(pages: APIRouter, routes: list[Any], prefix: str) -> None:
    def schema() -> dict[str, Any]:
        return get_openapi(
            title="Banking",
            version=__version__,
            description="Any bank through one interface. Amounts are decimal texts, positive enters the account; "
            "days are those of the bank's calendar.",
            routes=routes,
        )

    @pages.get("/openapi.json")
    async def openapi() -> JSONResponse:
        return JSONResponse(schema())

    @pages.get("/docs")
    async def docs(request: Request) -> HTMLResponse:
        root = str(request.scope.get("root_path", "")).rstrip("/")
        return HTMLResponse(render_docs(schema(), f"{root}{prefix}/openapi.json"))


def _close_with(app: FastAPI, banking: Banking) -> None:
    """Close the provider's connections when the application ends, after what its own lifespan does."""
    inner = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(application: Any) -> AsyncGenerator[Any]:
        async with inner(application) as state:
            try:
                yield state
            finally:
                await banking.aclose()

    app.router.lifespan_context = lifespan
