"""Which refusals does Teller know, and in which words?"""

_WORDS = {
    400: ("bad_request", "The request is malformed, or needs a client certificate."),
    401: ("unauthorized", "The request carries no access token."),
    403: ("forbidden", "The access token is not valid."),
    404: ("not_found", "There is no such object."),
    410: ("account.closed", "The account was closed."),
    422: ("unprocessable_entity", "The body is not valid."),
    429: ("too_many_requests", "Slow down."),
    500: ("internal_server_error", "Something went wrong here."),
    502: ("bad_gateway", "The institution does not answer."),
}


class TellerProblemError(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, code: str | None = None, message: str | None = None) -> None:
        known_code, known_message = _WORDS.get(status, ("error", "Something went wrong."))
        super().__init__(f"{status} {code or known_code}")
        self.status = status
        self.code = code or known_code
        self.message = message or known_message

    def body(self) -> dict[str, object]:
        """The answer's body."""
        return {"error": {"code": self.code, "message": self.message}}


def not_found() -> TellerProblemError:
    """An unknown path or object."""
    return TellerProblemError(404)


def disconnected(reason: str) -> TellerProblemError:
    """A login that must be renewed; `reason` is what follows `enrollment.disconnected`, empty for nothing."""
    code = f"enrollment.disconnected.{reason}" if reason else "enrollment.disconnected"
    return TellerProblemError(404, code, "The enrollment is disconnected.")
