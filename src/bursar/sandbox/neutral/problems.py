"""How does the invented provider say that a call did not work?"""

from collections.abc import Mapping


class NeutralProblemError(Exception):
    """An answer other than 2xx: a status, a code of the provider's own, and perhaps headers."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = dict(headers or {})

    def body(self) -> dict[str, object]:
        """The JSON body."""
        return {"error": {"code": self.code, "message": str(self)}}


def for_status(status: int) -> NeutralProblemError:
    """The problem behind a status that the network or an overloaded server answers with."""
    if status == 429:
        return NeutralProblemError(429, "too_many_requests", "slow down")
    if status == 503:
        return NeutralProblemError(503, "maintenance", "back soon")
    return NeutralProblemError(status, "internal", "something broke")


def invalid_request(message: str) -> NeutralProblemError:
    """A request that the provider can not understand."""
    return NeutralProblemError(400, "invalid_request", message)


def unknown_account() -> NeutralProblemError:
    """An account that the consent does not cover."""
    return NeutralProblemError(404, "account_unknown", "no such account in this consent")
