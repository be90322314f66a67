"""How does MX say no?"""

from collections.abc import Mapping

_TYPES = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    409: "conflict",
    422: "unprocessable_entity",
    429: "too_many_requests",
    503: "service_unavailable",
}


class MXProblemError(Exception):
    """An error answer. The vendor does not publish the shape of its body; this one is the simulator's choice."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status
        self.message = message

    def body(self) -> Mapping[str, object]:
        """The error object."""
        return {
            "error": {
                "status": str(self.status),
                "type": _TYPES.get(self.status, "internal_server_error"),
                "message": self.message,
            }
        }


def not_found() -> MXProblemError:
    """Nothing is there, or not for this user."""
    return MXProblemError(404, "the requested resource was not found")


def bad_request(message: str) -> MXProblemError:
    """A request that is wrong in its form."""
    return MXProblemError(400, message)
