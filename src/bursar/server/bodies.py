"""How is a JSON body read, so that everyone reads the same from it?"""

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Generic, NoReturn, TypeVar, cast

from fastapi import Request
from pydantic import BaseModel, ValidationError

from bursar.server.deps import Writer
from bursar.server.errors import ApiError, from_validation

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 32

Model = TypeVar("Model", bound=BaseModel)

_JSON_TYPE = re.compile(r"application/(?:[a-z0-9.-]+\+)?json", re.ASCII)
# A string may end with the text: if it had to be closed, each quote of an unclosed one would be tried to the end.
_STRUCTURE = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[\[{]|[\]}]', re.DOTALL)
_UNFIT = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Body(Generic[Model]):
    """A body that fits its model, and its one canonical form."""

    value: Model
    canonical: bytes


def json_body(model: type[Model], *, optional: bool = False) -> Callable[..., Awaitable[Body[Model]]]:
    """Return the dependency that reads a body of this model; `optional` takes no body for an empty object."""

    # The caller comes first: who may not write is told so before anything is read.
    async def read(request: Request, _caller: Writer) -> Body[Model]:
        content = await read_limited(request, MAX_BYTES)
        if not content and optional:
            parsed: object = {}
        else:
            media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
            if _JSON_TYPE.fullmatch(media_type) is None:
                raise ApiError("unsupported_media_type", "The body must be JSON (Content-Type: application/json).")
            parsed = parse_json(content)
        try:
            value = model.model_validate(parsed)
        except ValidationError as error:
            raise from_validation(error) from None
        return Body(value, json.dumps(parsed, sort_keys=True, default=str).encode())

    return read


def body_schema(model: type[BaseModel], *, optional: bool = False) -> dict[str, Any]:
    """Return what the OpenAPI document says of a body that `json_body` reads."""
    schema = model.model_json_schema()
    return {"requestBody": {"required": not optional, "content": {"application/json": {"schema": schema}}}}


async def read_limited(request: Request, limit: int) -> bytes:
    """Return the whole body.

    Raises:
        ApiError: 413 as soon as it is known to be larger than the limit.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and len(announced) < 20 and int(announced) > limit:
        raise _too_large(limit)
    content = bytearray()
    async for block in request.stream():
        content += block
        if len(content) > limit:
            raise _too_large(limit)
    return bytes(content)


def parse_json(content: bytes) -> object:
    """Return the value of a JSON text; numbers with a fraction are Decimal, from their literal text.

    Raises:
        ApiError: it is no JSON, or JSON that two readers may read in two ways.
    """
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise _malformed("The body is not UTF-8.") from None
    depth = 0
    for found in _STRUCTURE.finditer(text):
        if found.group() in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise _malformed(f"The body is nested deeper than {MAX_DEPTH} levels.")
        elif found.group() in "]}":
            depth -= 1
    try:
        parsed: object = json.loads(
            text, parse_float=Decimal, parse_constant=_refuse_constant, object_pairs_hook=_unique_members
        )
    except ValueError:
        raise _malformed("The body is not JSON.") from None
    _check_texts(parsed)
    return parsed


def _unique_members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _malformed("A member is there twice.")
    return members


def _refuse_constant(_name: str) -> NoReturn:
    raise _malformed("Numbers are finite.")


def _check_texts(value: object) -> None:
    if isinstance(value, str):
        if _UNFIT.search(value):
            raise _malformed("Texts hold no NUL and no halves of characters.")
    elif isinstance(value, dict):
        for name, member in cast("dict[str, object]", value).items():
            _check_texts(name)
            _check_texts(member)
    elif isinstance(value, list):
        for member in cast("list[object]", value):
            _check_texts(member)


def _malformed(message: str) -> ApiError:
    return ApiError("malformed_request", message)


def _too_large(limit: int) -> ApiError:
    return ApiError("payload_too_large", f"A body has at most {limit} bytes.")
