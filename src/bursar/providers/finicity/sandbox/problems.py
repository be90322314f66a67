"""Which refusals does Finicity know, and in which words?"""

from collections.abc import Mapping
from typing import Any


class FinicityProblemError(Exception):
    """An answer that is no success; a text body is sent as plain text."""

    def __init__(self, status: int, body: Mapping[str, Any] | str) -> None:
        super().__init__(f"{status} {body}")
        self.status = status
        self.body = body


def problem(status: int, code: int | str, message: str, title: str = "Error") -> FinicityProblemError:
    """The older shape."""
    return FinicityProblemError(
        status, {"code": code, "message": message, "status": str(status), "title": title, "level": "error"}
    )


def refused(status: int, reason: str, description: str) -> FinicityProblemError:
    """The newer shape."""
    return FinicityProblemError(
        status,
        {
            "Errors": {
                "Error": [
                    {
                        "Source": "OpenFinance",
                        "ReasonCode": reason,
                        "Description": description,
                        "Recoverable": False,
                        "Details": None,
                    }
                ]
            }
        },
    )


def missing(name: str) -> FinicityProblemError:
    """A parameter that must be there."""
    return problem(400, 10005, f"Missing required parameter: {name}", "Bad Request")


def unsupported_account() -> FinicityProblemError:
    """A type of account that has nothing of the kind."""
    return problem(400, 10106, "Account type not supported", "Bad Request")


def not_found(what: str) -> FinicityProblemError:
    """An id that nobody knows."""
    return problem(404, "14001", f"{what} not found", "Not Found")


def for_status(status: int) -> Mapping[str, Any]:
    """The body of an outage or a limit."""
    message = "Too many requests" if status == 429 else "Internal server error"
    return {"code": str(10000 + status), "message": message, "status": str(status), "title": "Error"}
