"""Which error of Teller's means what to the caller?"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from bursar.transport.errors import Problem, TransportError, describe
from bursar.transport.json import JsonError, decode_object
from bursar.transport.redaction import redact_text


class TellerError(TransportError):
    """A call that gave no usable answer; the base of everything this SDK raises about the wire.

    Branch on the class. `code` is Teller's own, such as `enrollment.disconnected.account_locked`; None when the answer
    had none. Teller's texts change without notice.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
        body_excerpt: str = "",
        retry_at: datetime | None = None,
        attempts: int = 1,
        reason: str | None = None,
    ) -> None:
        super().__init__(
            message,
            status=status,
            code=code,
            request_id=request_id,
            body_excerpt=body_excerpt,
            retry_at=retry_at,
            attempts=attempts,
        )
        self.reason = reason
        """What follows the known part of a code: `account_locked`, `user_action.mfa_required`; None when nothing."""


class TellerConfigurationError(TellerError, ValueError):
    """A setting is missing or makes no sense; raised before anything is sent. The text says which and what to do.

    Attributes:
        settings: names of the environment variables that it is about, never values.
    """

    def __init__(self, message: str, *settings: str) -> None:
        super().__init__(f"{' and '.join(settings)}: {message}" if settings else message)
        self.settings = settings


class TellerArgumentError(TellerError, ValueError):
    """An argument of a call makes no sense; raised before anything is sent."""


class TellerConnectionError(TellerError):
    """No answer came: try again later."""


class TellerTimeoutError(TellerConnectionError):
    """No answer came in time; what the call does may have happened."""


class TellerCertificateError(TellerError):
    """The TLS certificate of one side was refused, so no request was carried out: the operator must act."""


class TellerBadRequestError(TellerError):
    """400: the request is malformed, or needs the application's certificate and came without it."""


class TellerAccessError(TellerError):
    """401 or 403: the token is invalid, was revoked, or belongs to another environment: the user enrols anew."""


class TellerNotFoundError(TellerError):
    """404: no such object, or the account was deleted from the enrolment."""


class TellerDisconnectedError(TellerError):
    """404 with `enrollment.disconnected...`: the user must sign in again, in Connect with the enrolment's id.

    The same access token works afterwards. `reason` says what the institution wants.
    """


class TellerVerificationError(TellerError):
    """404 on account details: micro-deposits are on their way (`pending`, up to 3 business days) or `expired`."""


class TellerAccountClosedError(TellerError):
    """410: the account was closed at the institution, with all that belongs to it."""


class TellerInvalidRequestError(TellerError):
    """422 and other refusals of a request: a mistake on our side."""


class TellerRateLimitError(TellerError):
    """429: wait until `retry_at`, or a minute when it is None."""


class TellerInstitutionError(TellerError):
    """502: the institution does not answer Teller; the enrolment is fine, try again later."""


class TellerServerError(TellerError):
    """Teller itself failed or is down: try again later."""


class TellerResponseError(TellerError):
    """Something answered that is not Teller as documented: no JSON, a missing member, a redirect."""


# A 404 means three things, so the code decides before the status; the longest prefix that fits counts.
_BY_CODE: tuple[tuple[str, type[TellerError]], ...] = (
    ("enrollment.disconnected", TellerDisconnectedError),
    ("account_number_verification", TellerVerificationError),
    ("account.closed", TellerAccountClosedError),
)
_BY_STATUS: Mapping[int, type[TellerError]] = {
    400: TellerBadRequestError,
    401: TellerAccessError,
    403: TellerAccessError,
    404: TellerNotFoundError,
    410: TellerAccountClosedError,
    429: TellerRateLimitError,
    502: TellerInstitutionError,
}


def teller_error(problem: Problem) -> TellerError:
    """Return the error of this tree for a failed exchange."""
    code = _code(problem)
    class_, reason = _class_of(problem, code)
    message = describe(problem)
    return class_(
        message if code is None else f"{message} ({code})",
        status=problem.status,
        code=code,
        request_id=problem.headers.get("x-request-id") or problem.headers.get("teller-request-id"),
        body_excerpt=problem.body_excerpt(),
        retry_at=problem.retry_at,
        attempts=problem.attempts,
        reason=reason,
    )


def _class_of(problem: Problem, code: str | None) -> tuple[type[TellerError], str | None]:
    if problem.certificate_refused:
        return TellerCertificateError, None
    if problem.kind in ("connect", "network"):
        return TellerConnectionError, None
    if problem.kind == "timeout":
        return TellerTimeoutError, None
    status = problem.status
    if problem.kind != "status" or status is None:
        return TellerResponseError, None
    if code is not None and status < 500 and status != 429:
        for prefix, class_ in _BY_CODE:
            rest = code.removeprefix(prefix)
            if code == prefix or (code.startswith(prefix) and rest[0] in "._"):
                return class_, rest[1:] or None
    if status == 403 and problem.is_html:
        return TellerServerError, None
    known = _BY_STATUS.get(status)
    if known is not None:
        return known, None
    if status >= 500 or status in (408, 425):
        return TellerServerError, None
    return TellerInvalidRequestError, None


def _code(problem: Problem) -> str | None:
    """Teller's code; even a code may quote the request, so what was secret in it is masked."""
    try:
        error: Any = decode_object(problem.body).get("error")
    except JsonError:
        return None
    code = cast("Mapping[str, Any]", error).get("code") if isinstance(error, Mapping) else None
    return redact_text(code[:100], problem.secrets) if isinstance(code, str) and code else None
