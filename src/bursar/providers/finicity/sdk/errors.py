"""Which error of Finicity's means what to the caller?"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from bursar.providers.finicity.sdk.statuses import LoginState, state_of
from bursar.transport.errors import Problem, TransportError, describe
from bursar.transport.json import JsonError, decode_object
from bursar.transport.redaction import redact_text


class FinicityError(TransportError):
    """The base of everything that this client raises; branch on the class.

    Attributes:
        code: Finicity's own code: digits, or a word such as `INVALID_REQUEST`; None when the answer had none.
    """


class FinicityArgumentError(FinicityError, ValueError):
    """An argument makes no sense; nothing was sent. The text names it and says what is right."""


class FinicityConfigError(FinicityError):
    """A setting of the client is missing or makes no sense, or the client was closed."""


class FinicityConnectionError(FinicityError):
    """No answer came: try again later. What the call does may have happened."""


class FinicityResponseError(FinicityError):
    """Something answered that is not Finicity as documented: no JSON, a missing member, a redirect."""


class FinicityServerError(FinicityError):
    """Finicity failed or is down: try again later."""


class FinicityRateLimitError(FinicityError):
    """Too many calls: wait until `retry_at`, or a minute when it is None."""


class FinicityRequestError(FinicityError):
    """The request is wrong (400, 405, 409, 422): repeating it changes nothing."""


class FinicityUnsupportedError(FinicityRequestError):
    """Code 10106: accounts of this type do not have what was asked for."""


class FinicityConflictError(FinicityRequestError):
    """409: it exists already, such as a customer of this user name."""


class FinicityAccessError(FinicityError):
    """403: the plan, or the consent, does not cover this."""


class FinicityNotFoundError(FinicityError):
    """404: the customer, login, account or institution does not exist (any more)."""


class FinicityAuthError(FinicityError):
    """401, also with a fresh token: the app key or the token is refused. The operator acts."""


class FinicityPartnerError(FinicityAuthError):
    """Partner id, secret or app key are refused. Five refusals lock the partner's account, so this client does not ask
    again: correct the settings and make a new client.
    """


class FinicityAggregationError(FinicityError):
    """The institution could not be read; `aggregation_code` says why. Usually it passes.

    Attributes:
        aggregation_code: Finicity's status code, 100 to 999.
    """

    @property
    def aggregation_code(self) -> int:
        """The status code."""
        return int(self.code or "0")


class FinicityLoginError(FinicityAggregationError):
    """The user has to sign in again: send them through `generate_fix_link`."""


_BY_STATUS: Mapping[int, type[FinicityError]] = {
    401: FinicityAuthError,
    403: FinicityAccessError,
    404: FinicityNotFoundError,
    408: FinicityServerError,
    409: FinicityConflictError,
    425: FinicityServerError,
    429: FinicityRateLimitError,
}
_BY_CODE: Mapping[str, type[FinicityError]] = {"10106": FinicityUnsupportedError}


def finicity_error(problem: Problem) -> FinicityError:
    """The error of this tree for a failed exchange."""
    code = _code_of(problem)
    message = describe(problem)
    if code is not None:
        message = f"{message} (code {code})"
    return _class_of(problem, code)(
        message,
        status=problem.status,
        code=code,
        request_id=_request_id(problem),
        body_excerpt=problem.body_excerpt(),
        retry_at=problem.retry_at,
        attempts=problem.attempts,
    )


def response_error(message: str, *, retry_at: datetime | None = None) -> FinicityResponseError:
    """An error for answers that are readable and contradict each other."""
    return FinicityResponseError(message, retry_at=retry_at)


def _class_of(problem: Problem, code: str | None) -> type[FinicityError]:
    if problem.kind in ("connect", "network", "timeout"):
        return FinicityConnectionError
    if problem.kind != "status" or problem.status is None:
        return FinicityResponseError
    if problem.status >= 500:
        # Older endpoints report what the institution said with status 500: there the code decides.
        if code is not None and code.isdigit() and 100 <= int(code) <= 999:
            needs_user = state_of(int(code)) is LoginState.NEEDS_USER
            return FinicityLoginError if needs_user else FinicityAggregationError
        return FinicityServerError
    if problem.status == 403 and problem.is_html:
        return FinicityServerError
    known = _BY_CODE.get(code or "") if problem.status == 400 else None
    return known or _BY_STATUS.get(problem.status, FinicityRequestError)


def _code_of(problem: Problem) -> str | None:
    """The code of either error shape; it can be a number or a text, and may quote the request."""
    try:
        members = decode_object(problem.body)
    except JsonError:
        return None
    found: Any = members.get("code")
    if found is None:
        listed = members.get("Errors")
        errors = cast("Mapping[str, Any]", listed).get("Error") if isinstance(listed, Mapping) else None
        first = cast("list[Any]", errors)[0] if isinstance(errors, list) and errors else None
        found = cast("Mapping[str, Any]", first).get("ReasonCode") if isinstance(first, Mapping) else None
    if isinstance(found, bool) or not isinstance(found, str | int):
        return None
    text = redact_text(str(found)[:40], problem.secrets)
    return text if text.replace("_", "").isalnum() and text.isascii() else None


def _request_id(problem: Problem) -> str | None:
    text = problem.headers.get("finicity-request-id") or problem.headers.get("x-request-id")
    return None if text is None else redact_text(text[:100], problem.secrets)
