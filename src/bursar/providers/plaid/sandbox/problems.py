"""How does Plaid say no?"""

_DISPLAY = {
    "ITEM_LOGIN_REQUIRED": "Please sign in to your bank again.",
    "INSTITUTION_DOWN": "This bank is not available at the moment. Please try again later.",
}


class PlaidProblemError(Exception):
    """An error answer; almost all of them are HTTP 400. Clients branch on type and code, never on the text."""

    def __init__(self, error_type: str, error_code: str, message: str, *, status: int = 400) -> None:
        super().__init__(f"{error_type} / {error_code}: {message}")
        self.error_type = error_type
        self.error_code = error_code
        self.message = message
        self.status = status

    def body(self) -> dict[str, object]:
        """The error object without its request id, which webhooks and items leave out."""
        return {
            "error_type": self.error_type,
            "error_code": self.error_code,
            "error_code_reason": None,
            "error_message": self.message,
            "display_message": _DISPLAY.get(self.error_code),
            "documentation_url": f"https://plaid.com/docs/errors/#{self.error_code.lower()}",
            "suggested_action": None,
        }


def invalid_input(code: str, message: str) -> PlaidProblemError:
    """A well-formed request that names something wrong."""
    return PlaidProblemError("INVALID_INPUT", code, message)


def invalid_request(code: str, message: str, *, status: int = 400) -> PlaidProblemError:
    """A request that is wrong in its form."""
    return PlaidProblemError("INVALID_REQUEST", code, message, status=status)


def item_error(code: str, message: str) -> PlaidProblemError:
    """The item can not answer this."""
    return PlaidProblemError("ITEM_ERROR", code, message)


_STANDING = {
    "ITEM_LOGIN_REQUIRED": "the login details of this item have changed and must be given again in update mode",
    "INVALID_CREDENTIALS": "the provided credentials were not correct",
    "INVALID_MFA": "the provided multi-factor answer was not correct",
    "INSUFFICIENT_CREDENTIALS": "the authorization of the user was not completed",
    "PASSWORD_RESET_REQUIRED": "the user must reset their password at the institution",
    "USER_SETUP_REQUIRED": "the user must finish setting up their account at the institution",
    "ITEM_LOCKED": "the account is locked at the institution",
    "ACCESS_NOT_GRANTED": "access to this data was not granted",
    "NO_ACCOUNTS": "no valid accounts were found for this item",
    "USER_PERMISSION_REVOKED": "the holder of this account has revoked their permission",
    "ADDITIONAL_CONSENT_REQUIRED": "the user has not consented to this product",
}
_CONSENT_CODES = frozenset({"USER_PERMISSION_REVOKED", "ADDITIONAL_CONSENT_REQUIRED"})


def standing_problem(code: str) -> PlaidProblemError:
    """A problem that an item keeps until it is repaired; an unknown code raises `KeyError`."""
    message = _STANDING[code]
    return invalid_input(code, message) if code in _CONSENT_CODES else item_error(code, message)


def for_status(status: int) -> PlaidProblemError:
    """The error with which an outage or a limit of Plaid itself is reported."""
    if status == 429:
        return PlaidProblemError("RATE_LIMIT_EXCEEDED", "RATE_LIMIT", "too many requests", status=429)
    if status == 503:
        return PlaidProblemError("API_ERROR", "PLANNED_MAINTENANCE", "maintenance in progress", status=503)
    return PlaidProblemError("API_ERROR", "INTERNAL_SERVER_ERROR", "an unexpected error occurred", status=status)
