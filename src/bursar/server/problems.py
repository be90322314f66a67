"""How does an error become an answer? (One body for all of them.)"""

import json
from collections.abc import Iterable

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match

from bursar.server.errors import TITLES, ApiError, ResourceNotFound, Validation, to_details

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_BY_STATUS = {
    400: ("malformed_request", "The request cannot be read."),
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address does not offer this method."),
    413: ("payload_too_large", "The body is too large."),
    415: ("unsupported_media_type", "The body must be JSON."),
}


def request_id_of(request: Request) -> str:
    """Return the id that the outermost layer gave to this request."""
    return str(getattr(request.state, "request_id", ""))


def problem_response(request: Request, error: ApiError) -> Response:
    """Return the answer for an error: the platform's `error` member inside an RFC 9457 problem."""
    accepted = ",".join(request.headers.getlist("accept")).lower()
    as_problem = "application/problem+json" in accepted or "application/*+json" in accepted
    detail = "; ".join(f"{each.field}: {each.message}" if each.field else each.message for each in error.details)
    body = {
        "error": error.to_dict() | {"request_id": request_id_of(request)},
        "type": f"/errors/{error.error_code.replace('_', '-')}",
        "title": TITLES[error.status_code],
        "status": error.status_code,
        "detail": detail or error.message,
        "instance": request.url.path,
    }
    return Response(
        json.dumps(body, separators=(",", ":")),
        status_code=error.status_code,
        media_type="application/problem+json" if as_problem else "application/json",
        headers=error.headers,
    )


def install_handlers(app: FastAPI) -> None:
    """Make every error of the framework, and every one of ours, take the one form."""

    async def from_ours(request: Request, error: Exception) -> Response:
        return problem_response(request, error if isinstance(error, ApiError) else ApiError())

    async def from_parameters(request: Request, error: Exception) -> Response:
        errors = list(error.errors()) if isinstance(error, RequestValidationError) else []
        misnamed = [str(each["loc"][-1]) for each in errors if each["loc"][0] == "path"]
        if misnamed:
            # An id that could not be one names nothing, like any other id that is not there.
            return problem_response(request, ResourceNotFound(misnamed[0].removesuffix("_id")))
        return problem_response(request, Validation(to_details(errors, skip=1)))

    async def from_framework(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        if status == 405:
            allowed = _allowed_methods(request, app.routes)
            if request.method == "OPTIONS":
                return Response(status_code=204, headers={"Allow": allowed})
            code, message = _BY_STATUS[405]
            return problem_response(request, ApiError(code, message, headers={"Allow": allowed}))
        if status not in _BY_STATUS:
            return problem_response(request, ApiError())
        return problem_response(request, ApiError(*_BY_STATUS[status]))

    app.add_exception_handler(ApiError, from_ours)
    app.add_exception_handler(RequestValidationError, from_parameters)
    app.add_exception_handler(HTTPException, from_framework)


def _allowed_methods(request: Request, routes: Iterable[BaseRoute]) -> str:
    # The framework names the methods of the first route at this path only; several routes may share it.
    found = [
        method
        for method in _METHODS
        if any(route.matches(dict(request.scope, method=method))[0] is Match.FULL for route in routes)
    ]
    return ", ".join([*found, *(["HEAD"] if "GET" in found else []), "OPTIONS"])
