"""What can go wrong with a call to Flanks, and what does the caller learn from it?"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from bursar.transport.errors import TransportError

NetworkFailure = Literal["connect", "network", "timeout"]
"""`connect`: nothing was sent. `network` and `timeout`: the request may have been carried out, or not."""


class FlanksError(TransportError):
    """The base of everything that this client raises. No text in it holds a credential."""


class FlanksConfigError(FlanksError):
    """The client cannot work as it was configured, or was used after it was closed."""


class FlanksArgumentError(FlanksConfigError, ValueError):
    """An argument is wrong; nothing was sent.

    Attributes:
        argument: its name.
    """

    def __init__(self, message: str, argument: str = "") -> None:
        super().__init__(message)
        self.argument = argument


class FlanksAPIError(FlanksError):
    """Flanks answered, and not with what was asked for.

    Attributes:
        status_code: HTTP status; None only when the error was not made from an answer.
        response_body: the answer: decoded JSON, else at most 2,000 characters of text, else None for an empty one.
            The secrets of the request are masked in it.
        code: the word of Flanks for the error, None when there is none.
        details: what was wrong with which field, as Flanks lists it.
        trace_id: the name of the exchange: quote it to Flanks' support.
        headers: of the answer, lower-case names, without cookies.
        request: method and path, such as `POST /v0/token`.
    """

    def __init__(
        self,
        message: str,
        status_code: int | None = None,
        response_body: Any = None,
        *,
        code: str | None = None,
        details: tuple[Mapping[str, Any], ...] = (),
        trace_id: str | None = None,
        headers: Mapping[str, str] | None = None,
        request: str | None = None,
        retry_at: datetime | None = None,
        attempts: int = 1,
    ) -> None:
        super().__init__(
            message, status=status_code, code=code, request_id=trace_id, retry_at=retry_at, attempts=attempts
        )
        self.status_code = status_code
        self.response_body = response_body
        self.details = details
        self.trace_id = trace_id
        self.headers: Mapping[str, str] = dict(headers or {})
        self.request = request

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.message!r}, status_code={self.status_code}, code={self.code!r})"


class FlanksAuthError(FlanksAPIError):
    """401 or 403: the credentials or the token are refused, also after one renewal of the token."""


class FlanksPermissionError(FlanksAuthError):
    """403 from an endpoint: the token is valid and does not cover this."""


class FlanksValidationError(FlanksAPIError):
    """400 or 422: Flanks understood the request and does not accept it."""


class FlanksNotFoundError(FlanksAPIError):
    """404: the object or the endpoint does not exist."""


class FlanksRateLimitError(FlanksAPIError):
    """429: too many requests.

    Attributes:
        retry_after: seconds that Flanks asks to wait, None when it did not say.
    """

    retry_after: float | None = None


class FlanksServerError(FlanksAPIError):
    """5xx: Flanks, or the gateway in front of it, failed."""


class FlanksResponseError(FlanksAPIError):
    """An answer that breaks the contract: not JSON, another shape, a model that does not fit, a page told twice.

    Attributes:
        fields: dotted paths of what did not fit, such as `items.3.amount`.
    """

    fields: tuple[str, ...] = ()


class FlanksNetworkError(FlanksError):
    """No answer: name resolution, connection, TLS, a broken stream or a timeout.

    Attributes:
        kind: `connect` (nothing was sent), `network` or `timeout` (it may have been carried out).
    """

    kind: NetworkFailure = "network"

    def __init__(self, message: str, cause: Exception | None = None) -> None:
        super().__init__(message)
        self.__cause__ = cause


class FlanksWaitTimeoutError(FlanksError, TimeoutError):
    """What was waited for did not finish in the given time; it may still do so."""
