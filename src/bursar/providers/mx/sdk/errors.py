"""Which error of MX's means what to the caller?"""

import re
from collections.abc import Mapping
from typing import Any, cast

from bursar.transport.errors import Problem, TransportError, describe
from bursar.transport.json import JsonError, decode_object
from bursar.transport.redaction import redact_text


class MXError(TransportError):
    """A call that gave no usable answer; the base of everything this SDK raises.

    `code` is MX's own word where its answer has one. Branch on the class: MX publishes no list of codes.
    """


class MXArgumentError(MXError):
    """An argument makes no sense: nothing was sent. The text says which and how it is written."""


class MXConnectionError(MXError):
    """No answer came: try again later."""


class MXTimeoutError(MXConnectionError):
    """No answer came in time; what the call does may have happened."""


class MXResponseError(MXError):
    """Something answered that is not MX as documented: no JSON, a missing member, a redirect, a wrong method."""


class MXServerError(MXError):
    """MX failed or is down for maintenance: try again later."""


class MXDataChangedError(MXServerError):
    """The pages of one listing never fitted together, because the data changed while they were read: try later."""


class MXRateLimitError(MXError):
    """Too many calls: wait until `retry_at`, or a minute when it is None."""


class MXCredentialsError(MXError):
    """Client id and API key are refused, or belong to the other environment: the operator must act."""


class MXForbiddenError(MXError):
    """Production lets only registered addresses in, and disabled users are not read: the operator must act."""


class MXNotFoundError(MXError):
    """MX does not know the user, member, account or institution (any more)."""


class MXConflictError(MXError):
    """The object exists already, or another job of the member is running: wait for it."""


class MXRequestError(MXError):
    """The request is wrong (400, 422): a mistake on our side."""


class MXVersionError(MXError):
    """MX does not speak this version of its API any more: a newer client is needed."""


class MXJobTimeoutError(MXServerError):
    """The job is not done within the time that the caller gave it; it goes on at MX."""


# Source: https://docs.mx.com/api-reference/platform-api/overview/errors/ (read 2026-11-21)
_BY_STATUS: Mapping[int, type[MXError]] = {
    400: MXRequestError,
    401: MXCredentialsError,
    403: MXForbiddenError,
    404: MXNotFoundError,
    406: MXVersionError,
    408: MXServerError,
    409: MXConflictError,
    422: MXRequestError,
    425: MXServerError,
    429: MXRateLimitError,
}
_A_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")


def mx_error(problem: Problem) -> MXError:
    """Return the error of this tree for a failed exchange."""
    code = _code(problem)
    message = describe(problem)
    return _class_of(problem)(
        message if code is None else f"{message} ({code})",
        status=problem.status,
        code=code,
        request_id=_text(problem, problem.headers.get("x-request-id")),
        body_excerpt=problem.body_excerpt(),
        retry_at=problem.retry_at,
        attempts=problem.attempts,
    )


def _class_of(problem: Problem) -> type[MXError]:
    if problem.kind in ("connect", "network"):
        return MXConnectionError
    if problem.kind == "timeout":
        return MXTimeoutError
    if problem.kind != "status" or problem.status is None:
        return MXResponseError
    if problem.status >= 500 or (problem.status == 403 and problem.is_html):
        return MXServerError
    return _BY_STATUS.get(problem.status, MXResponseError)


def _code(problem: Problem) -> str | None:
    """Return MX's word for the error; the shape of its error bodies is not settled, so all known ones are tried."""
    try:
        body = decode_object(problem.body)
    except JsonError:
        return None
    inner = body.get("error")
    objects: list[Mapping[str, Any]] = [body]
    if isinstance(inner, dict):
        objects.insert(0, cast("Mapping[str, Any]", inner))
    for members in objects:
        for name in ("code", "type", "error_code", "error_type"):
            text = _text(problem, members.get(name))
            if text is not None and _A_CODE.fullmatch(text):
                return text
    return None


def _text(problem: Problem, value: object) -> str | None:
    """Return a text of the answer; even a code may quote the request, so what was secret in it is masked."""
    return redact_text(value[:200], problem.secrets) if isinstance(value, str) and value else None
