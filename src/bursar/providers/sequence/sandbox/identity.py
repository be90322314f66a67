"""What does the identity site serve: pages to log in with, tokens, and the key that proves them?"""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from bursar.providers.sequence.sandbox import pages
from bursar.providers.sequence.sandbox.logins import BlockedError, Login, Step, WrongInputError, WrongStepError
from bursar.providers.sequence.sandbox.site import Site
from bursar.providers.sequence.sandbox.switchboard import Dropped, FaultKind, play_before
from bursar.providers.sequence.sandbox.tokens import LIFETIME_S, RefusedGrantError, key_set

_Handler = Callable[[Request], Awaitable[Response]]
_NO_STORE = {"cache-control": "no-store"}


def identity_routes(site: Site) -> list[Route]:
    """The routes of the identity site."""
    identity = _Identity(site)
    steps = (
        ("/u/login/identifier", identity.identifier),
        ("/u/login/password", identity.password),
        ("/u/mfa-otp-challenge", identity.code),
    )
    return [
        Route("/authorize", identity.watched(identity.authorize)),
        Route("/authorize/resume", identity.watched(identity.resume)),
        Route("/authorize/social", identity.watched(identity.social), methods=["POST"]),
        Route("/oauth/token", identity.token, methods=["POST"]),
        Route("/favicon.ico", _show_icon),
        Route("/.well-known/jwks.json", identity.watched(identity.keys)),
        *(Route(path, identity.watched(handler), methods=["GET", "POST"]) for path, handler in steps),
    ]


class _Identity:
    """The handlers of one identity site."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def watched(self, handler: _Handler) -> _Handler:
        """A handler whose requests are noted and which answers a step out of order with a page."""

        async def handle(request: Request) -> Response:
            self._site.switchboard.note(request)
            try:
                return await handler(request)
            except WrongStepError:
                return _page(400, pages.problem_page("This login has expired or was never begun.", base=_base(request)))
            except BlockedError:
                state = request.query_params.get("state", "")
                return _page(400, pages.blocked_page(state, base=_base(request)))

        return handle

    async def authorize(self, request: Request) -> Response:
        asked = request.query_params
        origins = self._site.origins(request)
        if asked.get("client_id") != self._site.tokens.client_id:
            return _page(400, pages.problem_page("Unknown client.", base=_base(request)))
        if asked.get("redirect_uri") != origins.callback:
            return _page(400, pages.problem_page("Callback URL mismatch.", base=_base(request)))
        app_state = asked.get("state", "")
        if asked.get("response_type") != "token":
            return _failure(origins.callback, "unsupported_response_type", "Unsupported response type", app_state)
        if asked.get("prompt") == "none":
            # No login outlives its callback here, so that nobody is ever logged in already.
            return _failure(origins.callback, "login_required", "Login required", app_state)
        login = self._site.logins.begin(origins.callback, app_state, asked.get("scope", ""))
        return _go(request, "/u/login/identifier", login)

    async def identifier(self, request: Request) -> Response:
        login = self._site.logins.at(request.query_params.get("state", ""), Step.IDENTIFIER)
        base = _base(request)
        if request.method == "GET":
            return _page(200, pages.identifier_page(login.state, base=base, typed=login.email))
        typed = (await _form(request)).get("username", "")
        try:
            self._site.logins.name(login, typed)
        except WrongInputError as wrong:
            return _page(400, pages.identifier_page(login.state, base=base, typed=typed, error=str(wrong)))
        return _go(request, "/u/login/password", login)

    async def password(self, request: Request) -> Response:
        login = self._site.logins.at(request.query_params.get("state", ""), Step.PASSWORD)
        base = _base(request)
        if request.method == "GET":
            return _page(200, pages.password_page(login.state, login.email, base=base))
        try:
            self._site.logins.enter_password(login, (await _form(request)).get("password", ""))
        except WrongInputError as wrong:
            return _page(400, pages.password_page(login.state, login.email, base=base, error=str(wrong)))
        return _go(request, "/u/mfa-otp-challenge", login)

    async def code(self, request: Request) -> Response:
        login = self._site.logins.at(request.query_params.get("state", ""), Step.CODE)
        base = _base(request)
        if request.method == "GET":
            return _page(200, pages.code_page(login.state, base=base))
        try:
            self._site.logins.enter_code(login, (await _form(request)).get("code", ""))
        except WrongInputError as wrong:
            return _page(400, pages.code_page(login.state, base=base, error=str(wrong)))
        return _go(request, "/authorize/resume", login)

    async def resume(self, request: Request) -> Response:
        login = self._site.logins.finish(request.query_params.get("state", ""))
        user_id = login.account.user_id if login.account is not None else ""
        tokens = self._site.tokens
        fragment = {
            "access_token": tokens.issue_access(user_id),
            "expires_in": str(LIFETIME_S),
            "token_type": "Bearer",
            "state": login.app_state,
        }
        if self._site.manners.issues_refresh_tokens:
            fragment["refresh_token"] = tokens.issue_refresh(user_id)
        return _redirect(f"{login.redirect_uri}#{urlencode(fragment)}")

    async def social(self, _request: Request) -> Response:
        return _page(200, pages.social_page())

    async def keys(self, _request: Request) -> Response:
        return JSONResponse(dict(key_set()))

    async def token(self, request: Request) -> Response:
        self._site.switchboard.note(request, "oauth/token")
        fault = self._site.switchboard.take("oauth/token")
        instead = await play_before(fault)
        if instead is not None:
            return instead
        try:
            answer = JSONResponse(dict(self._site.tokens.refresh(await _object(request))), headers=_NO_STORE)
        except RefusedGrantError as refusal:
            return JSONResponse(refusal.body, refusal.status, headers=_NO_STORE)
        if fault is not None and fault.kind is FaultKind.DROP_AFTER:
            return Dropped()
        if fault is not None and fault.kind is FaultKind.BAD_JSON:
            return Response(bytes(answer.body)[: len(answer.body) // 2], media_type="application/json")
        return answer


async def _show_icon(_request: Request) -> Response:
    return Response(status_code=204)


async def _form(request: Request) -> Mapping[str, str]:
    content = (await request.body()).decode("utf-8", "replace")
    return dict(parse_qsl(content, keep_blank_values=True))


async def _object(request: Request) -> Mapping[str, Any]:
    content = await request.body()
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return dict(parse_qsl(content.decode("utf-8", "replace")))
    try:
        body: object = json.loads(content)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise RefusedGrantError(400, "invalid_request", "The body must be a JSON object")
    return cast("dict[str, Any]", body)


def _base(request: Request) -> str:
    return str(request.scope.get("root_path", ""))


def _go(request: Request, path: str, login: Login) -> Response:
    return _redirect(f"{_base(request)}{path}?{urlencode({'state': login.state})}")


def _failure(callback: str, error: str, description: str, app_state: str) -> Response:
    told = {"error": error, "error_description": description, "state": app_state}
    return _redirect(f"{callback}#{urlencode(told)}")


def _redirect(address: str) -> Response:
    return RedirectResponse(address, 302, headers=_NO_STORE)


def _page(status: int, page: str) -> Response:
    return HTMLResponse(page, status, headers=_NO_STORE)
