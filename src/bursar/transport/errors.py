"""What can go wrong between a request and its answer, and what does the caller learn from it?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from bursar.transport.redaction import excerpt, redact_text

ProblemKind = Literal["connect", "network", "timeout", "status", "redirect", "payload"]
"""`connect`: nothing was sent. `network` and `timeout`: the request may have been carried out, or not."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One failed exchange, as raw as the wire gave it; an SDK turns it into an error of its own tree.

    `reason` is our fixed wording. `secrets` are the clear texts of this request's credentials: they are removed from
    whatever is kept of the answer.
    """

    kind: ProblemKind
    method: str
    path: str
    reason: str
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    body: bytes = field(default=b"", repr=False)
    retry_at: datetime | None = None
    attempts: int = 1
    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    certificate_refused: bool = False
    """One side did not accept the other's TLS certificate: nothing was carried out, and nothing changes by itself."""

    @property
    def is_html(self) -> bool:
        """Whether a page came where an API answer should be: a firewall, a proxy or a maintenance screen spoke."""
        return "html" in self.headers.get("content-type", "").lower() or self.body.lstrip()[:1] == b"<"

    def body_excerpt(self) -> str:
        """What may be kept of the body: at most 500 characters, redacted."""
        return excerpt(self.body, self.secrets) if self.body else ""


class TransportError(Exception):
    """A request that gave no usable answer; the base of every SDK's error tree.

    Attributes:
        status: HTTP status, None when no answer came.
        code: the provider's own code, None when it gave none.
        request_id: the provider's name for this exchange: quote it to their support.
        body_excerpt: at most 500 characters of the answer, redacted.
        retry_at: the earliest instant (UTC) at which the provider wants to hear from us again, None if it did not say.
        attempts: how many times the request went out.
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
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code
        self.request_id = request_id
        self.body_excerpt = body_excerpt
        self.retry_at = retry_at
        self.attempts = attempts

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.message!r}, status={self.status}, code={self.code!r})"


class ConnectionFailedError(TransportError):
    """No answer arrived: name resolution, connection, TLS or a broken stream. Try again later."""


class RequestTimeoutError(ConnectionFailedError):
    """No answer in time. The request may have been carried out: repeat it only if that is harmless."""


class RequestRejectedError(TransportError):
    """The provider understood and refused (400, 409, 422 and other 4xx): repeating it changes nothing."""


class CredentialsRejectedError(TransportError):
    """401, also after one renewal of the token: the user or the operator must act."""


class AccessDeniedError(TransportError):
    """403 from the API itself: the consent does not cover this."""


class NotFoundError(TransportError):
    """404: the object, or the endpoint, does not exist."""


class RateLimitedError(TransportError):
    """429: wait until `retry_at`, or a minute when it is None."""


class UnavailableError(TransportError):
    """408, 425, 5xx, or a firewall's page: transient, try again later."""


class UnexpectedPayloadError(TransportError):
    """An answer that breaks the provider's contract: a redirect, not JSON, or JSON of another shape."""


class PageLoopError(UnexpectedPayloadError):
    """The provider handed out the same page token twice, or more pages than any history can have."""


_BY_STATUS: Mapping[int, type[TransportError]] = {
    401: CredentialsRejectedError,
    403: AccessDeniedError,
    404: NotFoundError,
    408: UnavailableError,
    425: UnavailableError,
    429: RateLimitedError,
}

_BY_KIND: Mapping[ProblemKind, type[TransportError]] = {
    "connect": ConnectionFailedError,
    "network": ConnectionFailedError,
    "timeout": RequestTimeoutError,
    "redirect": UnexpectedPayloadError,
    "payload": UnexpectedPayloadError,
}


def error_class(problem: Problem) -> type[TransportError]:
    """The class of the plain tree that a problem belongs to."""
    if problem.kind != "status":
        return _BY_KIND[problem.kind]
    status = problem.status or 0
    if status == 403 and problem.is_html:
        return UnavailableError
    if status >= 500:
        return UnavailableError
    return _BY_STATUS.get(status, RequestRejectedError)


def describe(problem: Problem) -> str:
    """Our own sentence about a problem: never a word of the answer, ids in the path masked."""
    return f"{problem.method} {redact_text(problem.path, problem.secrets)}: {problem.reason}"


def classify(problem: Problem) -> TransportError:
    """The plain tree's error for a problem; an SDK passes its own function of this shape to its client."""
    return error_class(problem)(
        describe(problem),
        status=problem.status,
        request_id=problem.headers.get("x-request-id"),
        body_excerpt=problem.body_excerpt(),
        retry_at=problem.retry_at,
        attempts=problem.attempts,
    )
