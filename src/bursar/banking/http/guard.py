"""What holds for every banking route? No secret in the address, no flood, and each failure an answer that helps."""

import logging
import re
from collections.abc import Awaitable, Callable, Coroutine
from inspect import isawaitable
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from bursar.banking.exceptions import BankingProviderError, InvalidInputError, LinkRefusedError
from bursar.banking.http.limits import RateLimiter
from bursar.banking.http.problems import HttpProblem, to_response, too_many, unreadable

TokenResolver = Callable[[Request], "str | Awaitable[str | None] | None"]
"""Finds the access token of a request's user; None: this user has connected no bank."""

UserResolver = Callable[[Request], "str | Awaitable[str | None] | None"]
"""Finds the id of the user who sends a request; None: nobody is signed in."""

ACCESS_LOGS = ("uvicorn.access", "gunicorn.access", "hypercorn.access")
_SECRET_NAME = re.compile(r"token|secret|password|authorization|api_?key", re.IGNORECASE)
_SECRET_MEMBER = re.compile(
    r"(?P<name>[?&][^=&\s]{0,60}?(?:token|secret|password|authorization|api_?key)[^=&\s]{0,60}=)[^&\s\"']+",
    re.IGNORECASE,
)


def guarded(limiter: RateLimiter | None) -> type[APIRoute]:
    """Return the class of routes that are counted by a limiter (None: not counted) and answer failures in our way."""

    class GuardedRoute(APIRoute):
        """A route whose refusals do not depend on the handlers of the application around it."""

        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def answer(request: Request) -> Response:
                try:
                    _check(request, limiter)
                    if self.body_field is not None:
                        _check_content_type(request)
                    response = await handle(request)
                except HttpProblem as problem:
                    return problem.response()
                except BankingProviderError as error:
                    return to_response(error)
                except RequestValidationError as error:
                    return unreadable(error.errors())
                # Everything here is somebody's money or the way to it: it stays out of caches on the way.
                response.headers.setdefault("Cache-Control", "no-store")
                return response

            return answer

    return GuardedRoute


BearerCredentials = Annotated[
    HTTPAuthorizationCredentials | None,
    Depends(HTTPBearer(auto_error=False, description="The access token, or what the application finds it by.")),
]


def bearer_token(resolver: TokenResolver | None) -> Callable[..., Awaitable[str]]:
    """Return the dependency that yields the access token: the request's bearer token, or what the resolver finds."""

    async def token_of(request: Request, given: BearerCredentials) -> str:
        return await find_token(request, given, resolver)

    return token_of


async def find_token(
    request: Request, given: HTTPAuthorizationCredentials | None, resolver: TokenResolver | None
) -> str:
    """Return the access token of a request.

    Raises:
        HttpProblem: 401 without a bearer token; 404 where the resolver knows of no bank.
    """
    if resolver is not None:
        found = resolver(request)
        token = await found if isawaitable(found) else found
        if not token:
            raise HttpProblem(404, "no_bank_connected", "No bank connected")
        return token
    if given is None or not given.credentials:
        raise HttpProblem(
            401,
            "auth_required",
            "Send the access token as `Authorization: Bearer <token>`.",
            {"WWW-Authenticate": "Bearer"},
        )
    return given.credentials


def _check(request: Request, limiter: RateLimiter | None) -> None:
    if limiter is not None:
        wait_s = limiter.take(request.client.host if request.client is not None else "")
        if wait_s:
            raise too_many(wait_s)
    named = sorted({name for name in request.query_params if _SECRET_NAME.search(name)})
    if named:
        raise HttpProblem(
            400,
            "secret_in_query",
            f"{' and '.join(named)[:200]} must not stand in an address, which servers and proxies write down: send the "
            "token as `Authorization: Bearer <token>`, anything else in the body, and replace the one that was sent.",
        )


async def find_user(request: Request, said: str | None, resolver: UserResolver | None) -> str:
    """Return the id of the user who sends a request: as the application knows it, else as the request says.

    Raises:
        HttpProblem: 401 where the application knows nobody.
        LinkRefusedError: the request says another one than the application.
        InvalidInputError: nobody says who it is.
    """
    if resolver is None:
        if not said or not said.strip():
            raise InvalidInputError("user_id is an opaque id of the user at your side.", field="user_id")
        return said
    found = resolver(request)
    user = await found if isawaitable(found) else found
    if not user:
        raise HttpProblem(401, "auth_required", "Sign in first.", {"WWW-Authenticate": "Bearer"})
    if said is not None and said != user:
        raise LinkRefusedError("The user_id is not of the user who is signed in: leave it out.", field="user_id")
    return user


def _check_content_type(request: Request) -> None:
    """Refuse a body that any page on the web may send with the user's cookies: JSON asks the browser first."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise HttpProblem(415, "unsupported_media_type", "Send the body as application/json.")


class AddressFilter(logging.Filter):
    """Masks secrets in the addresses that an access log writes down."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record through, without what is nobody's business."""
        if isinstance(record.args, tuple):
            record.args = tuple(mask_address(one) if isinstance(one, str) else one for one in record.args)
        elif isinstance(record.args, dict):
            record.args = {
                name: mask_address(one) if isinstance(one, str) else one for name, one in record.args.items()
            }
        if isinstance(record.msg, str):  # pyright: ignore[reportUnnecessaryIsInstance] - anything can be logged
            record.msg = mask_address(record.msg)
        return True


def mask_address(text: str) -> str:
    """Return a text whose query members with secret names have `***` for a value."""
    return _SECRET_MEMBER.sub(r"\g<name>***", text)


def mask_access_logs() -> None:
    """Let the access logs of the usual servers mask secrets in addresses; once is enough."""
    for name in ACCESS_LOGS:
        logger = logging.getLogger(name)
        if not any(isinstance(one, AddressFilter) for one in logger.filters):
            logger.addFilter(AddressFilter())
