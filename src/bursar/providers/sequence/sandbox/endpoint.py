"""How does a GraphQL request over HTTP become an answer?"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

import graphql
from graphql import DocumentNode, ExecutionResult, GraphQLError
from starlette.requests import Request
from starlette.responses import Response

from bursar.providers.sequence.sandbox.resolvers import root_of
from bursar.providers.sequence.sandbox.schema import load_schema, name_of_operation, read_document
from bursar.providers.sequence.sandbox.site import Site
from bursar.providers.sequence.sandbox.switchboard import Dropped, Fault, FaultKind, play_before, put_null

_RESPONSE_JSON, _JSON = "application/graphql-response+json", "application/json"

Body = dict[str, Any]


async def answer_graphql(site: Site, request: Request) -> Response:
    """Answers a POST to the GraphQL address."""
    content = await request.body()
    asked = _read_body(content)
    document = _document_of(site, asked)
    operation = _operation_name(asked, document)
    site.switchboard.note(request, operation, asked.get("variables") if asked else None)
    objection = site.switchboard.objection(request, site.origins(request).app)
    if objection is not None:
        return objection
    media_type = choose_media_type(request.headers.get("accept"))
    if media_type is None:
        return _answer(406, _JSON, _refusal("No media type that is acceptable"))
    fault = site.switchboard.take(operation)
    instead = await play_before(fault)
    if instead is not None:
        return instead
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    subject = site.tokens.subject_of(token) if scheme == "Bearer" else None
    found = site.find_user(subject) if subject is not None else None
    if found is None:
        return _answer(401, media_type, _refusal("Unauthorized", "UNAUTHENTICATED"))
    if asked is None or document is None:
        return _answer(400, media_type, _refusal("The body must be a JSON object with a query", "BAD_REQUEST"))
    if fault is not None and fault.kind is FaultKind.GRAPHQL_ERROR and not fault.executes:
        return _answer(200, media_type, {"data": None, "errors": [_told_error(fault)]})
    status, told = _execute(*found, asked, document)
    return _play_after(fault, _answer(status if media_type == _RESPONSE_JSON else 200, media_type, told), told)


def choose_media_type(accept: str | None) -> str | None:
    """The best of what a client accepts, its own order deciding between equals; None when there is nothing."""
    if accept is None or not accept.strip():
        return _JSON
    best: tuple[float, str] | None = None
    for part in accept.split(","):
        name, *parameters = [piece.strip().lower() for piece in part.split(";")]
        quality = _quality(parameters)
        offered = {
            _RESPONSE_JSON: _RESPONSE_JSON,
            _JSON: _JSON,
            "application/*": _JSON,
            "*/*": _JSON,
        }.get(name)
        if offered is not None and quality > 0 and (best is None or quality > best[0]):
            best = (quality, offered)
    return best[1] if best else None


def _quality(parameters: Sequence[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


def _read_body(content: bytes) -> Body | None:
    try:
        body: object = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if not isinstance(body, dict):
        return None
    asked = cast("Body", body)
    variables, name = asked.get("variables"), asked.get("operationName")
    is_sound = (
        isinstance(asked.get("query"), str) and isinstance(variables, dict | None) and isinstance(name, str | None)
    )
    return asked if is_sound else None


def _document_of(site: Site, asked: Body | None) -> DocumentNode | tuple[GraphQLError, ...] | None:
    if asked is None:
        return None
    return read_document(asked["query"], introspection=site.manners.allows_introspection)


def _operation_name(asked: Body | None, document: DocumentNode | tuple[GraphQLError, ...] | None) -> str | None:
    if asked is None:
        return None
    if isinstance(document, DocumentNode):
        return name_of_operation(document, asked.get("operationName"))
    return asked.get("operationName")


def _execute(books: Any, user: Any, asked: Body, document: DocumentNode | tuple[GraphQLError, ...]) -> tuple[int, Body]:
    """The status under the newer media type, and the answer."""
    if not isinstance(document, DocumentNode):
        return 400, {"errors": [error.formatted for error in document]}
    # Not all of its signature is typed.
    result: ExecutionResult = cast("Any", graphql).execute_sync(
        load_schema(),
        document,
        root_of(books, user),
        variable_values=asked.get("variables"),
        operation_name=asked.get("operationName"),
    )
    errors = [_formatted(error) for error in result.errors or ()]
    if _is_request_error(result):
        return 400, {"errors": [error | {"extensions": {"code": "BAD_USER_INPUT"}} for error in errors]}
    told: Body = {"data": result.data}
    if errors:
        told["errors"] = errors
    return 200, told


def _is_request_error(result: ExecutionResult) -> bool:
    """Nothing ran: no such operation, or variables that do not fit. What failed while running has a path."""
    return result.data is None and all(error.path is None for error in result.errors or ())


def _formatted(error: GraphQLError) -> Body:
    formatted = cast("Body", dict(error.formatted))
    return {"extensions": {"code": "INTERNAL_SERVER_ERROR"}} | formatted


def _told_error(fault: Fault) -> Body:
    return {"message": fault.message, "extensions": {"code": fault.code}}


def _play_after(fault: Fault | None, response: Response, told: Body) -> Response:
    if fault is None:
        return response
    if fault.kind is FaultKind.DROP_AFTER:
        return Dropped()
    if fault.kind is FaultKind.BAD_JSON:
        content = bytes(response.body)
        return Response(content[: len(content) // 2], 200, media_type=response.media_type)
    if fault.kind is FaultKind.NULL_FIELD:
        put_null(told.get("data"), fault.path)
    elif fault.kind is FaultKind.GRAPHQL_ERROR:
        told["errors"] = [*told.get("errors", ()), _told_error(fault)]
    else:
        return response
    return _answer(response.status_code, str(response.media_type), told)


def _refusal(message: str, code: str | None = None) -> Mapping[str, Any]:
    extensions = {"extensions": {"code": code}} if code else {}
    return {"errors": [{"message": message, **extensions}]}


def _answer(status: int, media_type: str, told: Mapping[str, Any]) -> Response:
    content = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
    response = Response(content, status, {"content-type": f"{media_type}; charset=utf-8"})
    response.media_type = media_type
    return response
