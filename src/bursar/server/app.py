"""How are the routes put together into one application?"""

from functools import cache

from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import APIRoute

from bursar import __version__
from bursar.bootstrap import Platform
from bursar.server.api import (
    accounts,
    audit,
    balances,
    changes,
    connections,
    gaps,
    health,
    imports,
    owners,
    providers,
    retention,
    syncs,
    tenants,
    transactions,
    transfers,
    webhooks,
)
from bursar.server.deps import check_form, limit_address
from bursar.server.frame import RequestFrame
from bursar.server.limits import RateLimiter
from bursar.server.problems import install_handlers
from bursar.server.schemas.base import Problem

PREFIX = "/api/v1"
PUBLIC_PATHS = frozenset(
    {
        f"{PREFIX}/health/live",
        f"{PREFIX}/health/ready",
        f"{PREFIX}/imports/formats",
        f"{PREFIX}/openapi.json",
        # Proven by the provider's signature.
        f"{PREFIX}/webhooks/{{provider}}",
    }
)
"""Every address that answers without a token; a test holds all the others to asking for one."""


def create_app(platform: Platform, *, limiter: RateLimiter | None = None) -> FastAPI:
    """Return the application that serves a platform; the caller opens and closes the platform."""
    app = describe_app()
    app.state.limiter = limiter or RateLimiter()
    app.state.platform = platform
    return app


def describe_app() -> FastAPI:
    """Return the application without a platform behind it, which is enough to describe it."""
    app = FastAPI(
        title="Bursar",
        version=__version__,
        description="Every financial account in one ledger that you own.",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
    )
    app.include_router(_api())
    app.add_middleware(RequestFrame)
    install_handlers(app)
    return app


def _operation_id(route: APIRoute) -> str:
    return route.name


@cache
def _api() -> APIRouter:
    """Return all routes; made once, because to make them takes longer than anything else in an application's start."""
    api = APIRouter(
        prefix=PREFIX,
        dependencies=[Depends(check_form)],
        responses={"default": {"model": Problem, "description": "Every error."}},
    )
    api.include_router(health.router, dependencies=[Depends(limit_address)])
    api.include_router(imports.public, prefix="/imports", dependencies=[Depends(limit_address)])
    api.include_router(webhooks.router, prefix="/webhooks", dependencies=[Depends(limit_address)])
    api.include_router(providers.router, prefix="/providers")
    for name, documented in (("/connections", True), ("/bank_connections", False)):
        api.include_router(connections.router, prefix=name, include_in_schema=documented)
        api.include_router(syncs.of_connection, prefix=name, include_in_schema=documented)
    for name, documented in (("/accounts", True), ("/bank_accounts", False)):
        api.include_router(accounts.router, prefix=name, include_in_schema=documented)
        api.include_router(owners.of_account, prefix=name, include_in_schema=documented)
    api.include_router(transactions.router, prefix="/transactions")
    api.include_router(balances.router, prefix="/balance_snapshots")
    api.include_router(gaps.router, prefix="/balance_gaps")
    api.include_router(transfers.router, prefix="/transfers")
    api.include_router(audit.router, prefix="/audit_events")
    api.include_router(imports.router, prefix="/imports")
    api.include_router(retention.policies, prefix="/retention_policies")
    api.include_router(retention.runs, prefix="/retention_runs")
    api.include_router(tenants.router, prefix="/tenant")
    api.include_router(syncs.router, prefix="/syncs")
    api.include_router(changes.feed, prefix="/changes")
    api.include_router(changes.rejected, prefix="/rejected_records")
    return api
