"""What does the application's origin serve: its page, and its GraphQL interface?"""

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from bursar.providers.sequence.sandbox.endpoint import answer_graphql
from bursar.providers.sequence.sandbox.pages import application_page
from bursar.providers.sequence.sandbox.site import Site


def application_routes(site: Site) -> list[Route]:
    """The routes of the application's origin."""

    async def show_page(request: Request) -> Response:
        site.switchboard.note(request)
        origins = site.origins(request)
        page = application_page(
            {
                "authorizeUrl": f"{origins.auth}/authorize",
                "clientId": site.tokens.client_id,
                "redirectUri": origins.callback,
                "audience": origins.audience,
                "tokenDelayMs": site.manners.token_delay_ms,
            }
        )
        return HTMLResponse(page, headers={"cache-control": "no-store"})

    async def show_icon(_request: Request) -> Response:
        return Response(status_code=204)

    async def graphql(request: Request) -> Response:
        return await answer_graphql(site, request)

    return [
        Route("/", show_page),
        Route("/callback", show_page),
        Route("/favicon.ico", show_icon),
        Route("/api/graphql", graphql, methods=["POST"]),
    ]
