"""Which banks and services can be connected here?"""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from bursar.domain.failures import NotFound
from bursar.server.deps import Caller, PlatformDep
from bursar.server.errors import from_failure
from bursar.server.pagination import Paging, page_response
from bursar.server.parameters import Parameters
from bursar.server.responses import item_response
from bursar.server.schemas.base import ItemOf, PageOf
from bursar.server.schemas.providers import ProviderOut

router = APIRouter(tags=["providers"])


@router.get("", response_model=PageOf[ProviderOut])
async def list_providers(
    request: Request, platform: PlatformDep, _caller: Caller, asked: Annotated[Paging, Query()]
) -> Response:
    """List the providers of this installation, by slug."""
    asked = asked.by_number()
    views = await platform.catalogue.list_providers()
    chosen = views[asked.offset : asked.offset + asked.size]
    return page_response(request, [ProviderOut.of(view) for view in chosen], asked, len(views))


@router.get("/{slug}", response_model=ItemOf[ProviderOut])
async def get_provider(
    slug: str, request: Request, platform: PlatformDep, caller: Caller, asked: Annotated[Parameters, Query()]
) -> Response:
    """Show one provider."""
    views = await platform.catalogue.list_providers()
    found = next((view for view in views if view.metadata.slug == slug), None)
    if found is None:
        hint = f"Supported providers: {', '.join(view.metadata.slug for view in views)}"
        raise from_failure(NotFound(what="provider", hint=hint), caller=caller, now=platform.clock.now())
    return item_response(request, ProviderOut.of(found), fields=asked.fields)
