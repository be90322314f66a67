"""How does a result become an answer? (Envelopes, entity tags, sparse members.)"""

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256

from fastapi import Request, Response
from pydantic import BaseModel

from bursar.server.errors import Detail, Validation


def item_response(
    request: Request,
    item: BaseModel,
    *,
    fields: Sequence[str] = (),
    status: int = 200,
    location: str | None = None,
) -> Response:
    """Return one thing in its envelope; a reader that has this very state already gets 304."""
    body = encode({"data": sparse(item, fields)})
    headers = {"Location": location} if location is not None else {}
    if request.method == "GET":
        tag = f'"{sha256(body).hexdigest()[:32]}"'
        headers |= {"ETag": tag}
        if _knows(request, tag):
            return Response(status_code=304, headers=headers)
    return Response(body, status_code=status, media_type="application/json", headers=headers)


def list_response(
    items: Sequence[BaseModel],
    meta: Mapping[str, object],
    *,
    fields: Sequence[str] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return a page in its envelope."""
    body = encode({"data": [sparse(item, fields) for item in items], "meta": dict(meta)})
    return Response(body, media_type="application/json", headers=dict(headers or {}))


def encode(value: object) -> bytes:
    """Return a value as the bytes of a JSON text."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def sparse(item: BaseModel, fields: Sequence[str]) -> dict[str, object]:
    """Return the members of a thing, or those that were asked for.

    Raises:
        ApiError: a member that there is not.
    """
    unknown = sorted(set(fields) - set(type(item).model_fields))
    if unknown:
        raise Validation([Detail(field="fields", message=f"There is no member {unknown[0][:50]!r}.", code="unknown")])
    return item.model_dump(mode="json", include=set(fields) or None)


def _knows(request: Request, tag: str) -> bool:
    sent = ",".join(request.headers.getlist("if-none-match"))
    return any(each.strip().removeprefix("W/") in (tag, "*") for each in sent.split(","))
