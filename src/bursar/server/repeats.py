"""How is a POST carried out once, however often it is sent?"""

import re
from collections.abc import Awaitable, Callable
from hashlib import sha256

from fastapi import Request, Response

from bursar.bootstrap import Platform
from bursar.domain.tenants import Principal
from bursar.server.errors import ApiError, invalid
from bursar.server.problems import problem_response
from bursar.services.idempotency import Answered, Fresh, KeyUse, Reused, Running

_KEY = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)


def sent_key(request: Request) -> str | None:
    """Return the request's `Idempotency-Key`; None without one.

    Raises:
        ApiError: 400, it is no key.
    """
    sent = request.headers.getlist("idempotency-key")
    if not sent:
        return None
    if len(sent) > 1 or _KEY.fullmatch(sent[0]) is None:
        raise invalid("Idempotency-Key", "1 to 255 visible ASCII characters, once.")
    return sent[0]


async def carry_out_once(
    request: Request,
    platform: Platform,
    caller: Principal,
    said: bytes,
    work: Callable[[], Awaitable[Response]],
) -> Response:
    """Return the answer of `work`, or the one that an earlier request with the same `Idempotency-Key` got.

    Without the header the work is simply done. Answers of 5xx are not kept: the caller may send the request again.

    Args:
        request: carries the key.
        platform: keeps keys and answers.
        caller: keys belong to one user of one tenant.
        said: everything in the body that makes a difference.
        work: makes the answer; may raise ApiError.
    """
    key = sent_key(request)
    if key is None:
        return await work()
    use = KeyUse(
        scope=f"{caller.user_id} {request.method} {request.url.path}",
        key=key,
        request_mark=sha256(request.url.query.encode() + b"\n" + said).digest(),
    )
    match await platform.idempotency.begin(caller.tenant_id, use):
        case Running():
            raise ApiError(
                "idempotency_in_progress", "The first request with this key still runs.", retryable=True, retry_after=1
            )
        case Reused():
            raise ApiError("idempotency_key_reused", "This key was used for a request that said something else.")
        case Answered() as known:
            headers = {"Idempotency-Replayed": "true"} | ({"Location": known.location} if known.location else {})
            return Response(known.body, status_code=known.status, media_type="application/json", headers=headers)
        case Fresh():
            return await _first_time(request, platform, caller, use, work)


async def _first_time(
    request: Request,
    platform: Platform,
    caller: Principal,
    use: KeyUse,
    work: Callable[[], Awaitable[Response]],
) -> Response:
    kept = False
    try:
        try:
            response = await work()
        except ApiError as error:
            response = problem_response(request, error)
        if response.status_code < 500 and response.status_code != 429:
            answer = Answered(response.status_code, response.headers.get("location"), bytes(response.body))
            await platform.idempotency.finish(caller.tenant_id, use, answer)
            kept = True
        return response
    finally:
        if not kept:
            await platform.idempotency.release(caller.tenant_id, use)
