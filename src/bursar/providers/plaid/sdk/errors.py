"""Which error of Plaid's means what to the caller?"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bursar.transport.errors import Problem, TransportError, describe
from bursar.transport.json import JsonError, decode_object
from bursar.transport.redaction import redact_text


class PlaidError(TransportError):
    """A call that gave no usable answer; the base of everything this SDK raises about the wire.

    Branch on the class, or on (`error_type`, `error_code`); Plaid's texts change without notice.

    Attributes:
        error_type: Plaid's group, None when the answer was not Plaid's error object.
        error_code: Plaid's code within the group; also in `code`.
        error_code_reason: Plaid's finer word on OAuth refusals, usually None.
        display_message: Plaid's sentence for the user, redacted, usually None.
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
        error_type: str | None = None,
        error_code_reason: str | None = None,
        display_message: str | None = None,
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
        self.error_type = error_type
        self.error_code_reason = error_code_reason
        self.display_message = display_message

    @property
    def error_code(self) -> str | None:
        """Plaid's code, None when the answer was not Plaid's error object."""
        return self.code


class PlaidConnectionError(PlaidError):
    """No answer came: try again later."""


class PlaidTimeoutError(PlaidConnectionError):
    """No answer came in time; what the call does may have happened."""


class PlaidResponseError(PlaidError):
    """Something answered that is not Plaid as documented: no JSON, a missing member, a redirect."""


class PlaidServerError(PlaidError):
    """Plaid failed or is down for maintenance: try again later."""


class PlaidRateLimitError(PlaidError):
    """Too many calls: wait until `retry_at`. Plaid's windows are minutes."""


class PlaidItemError(PlaidError):
    """The item cannot be read as it stands; the subclasses say why."""


class PlaidLoginRequiredError(PlaidItemError):
    """The user must log in again: open Link in update mode, stop polling meanwhile."""


class PlaidItemGoneError(PlaidItemError):
    """The item was deleted: the user connects anew."""


class PlaidItemUnsupportedError(PlaidItemError):
    """The login can never be read through Plaid."""


class PlaidConsentError(PlaidItemError):
    """The user's consent does not cover this: open Link in update mode and ask for it."""


class PlaidConsentRevokedError(PlaidItemError):
    """The user took the consent back."""


class PlaidNoAccountsError(PlaidItemError):
    """The item has no account of the kind that was asked for; no outage."""


class PlaidProductUnavailableError(PlaidItemError):
    """The product is not enabled for the item, or the institution does not offer it."""


class PlaidProductNotReadyError(PlaidItemError):
    """Plaid is still reading the institution for the first time: wait for the webhook, or 10 s, 30 s, 2 min."""


class PlaidRequestError(PlaidError):
    """The request is wrong: a mistake on our side; the subclasses name the cases a program can act on."""


class PlaidInvalidAccessTokenError(PlaidRequestError):
    """The token is dead, rotated, or of another environment: the user connects anew."""


class PlaidLinkExpiredError(PlaidRequestError):
    """The public or link token is used up or too old: the user starts Link again."""


class PlaidConfigurationError(PlaidRequestError):
    """Client id, secret or environment are refused: the operator must act; no call of anybody will work."""


class PlaidAccountNotFoundError(PlaidRequestError):
    """The account id is unknown to the item: closed, or deselected by the user."""


class PlaidInstitutionDownError(PlaidError):
    """The bank does not answer Plaid: try again later, the connection is fine."""


class PlaidInstitutionUnsupportedError(PlaidError):
    """Plaid no longer reads this bank, or not for this client: the operator must act."""


class PlaidSyncMutationError(PlaidError):
    """The data changed while its pages were read: read all pages again from the first cursor."""


class PlaidSandboxError(PlaidError):
    """The sandbox refused a sandbox-only call."""


def _codes(error_type: str, codes: str, error_class: type[PlaidError]) -> dict[tuple[str, str], type[PlaidError]]:
    return {(error_type, code): error_class for code in codes.split()}


# Nearly everything is HTTP 400, "the bank is down" included: the pair decides, never the status.
# Source: https://plaid.com/docs/errors/ (read 2026-11-21)
ERROR_TABLE: Mapping[tuple[str, str], type[PlaidError]] = {
    **_codes(
        "ITEM_ERROR",
        "ITEM_LOGIN_REQUIRED INVALID_CREDENTIALS INVALID_MFA INSUFFICIENT_CREDENTIALS PASSWORD_RESET_REQUIRED "
        "USER_SETUP_REQUIRED ITEM_LOCKED",
        PlaidLoginRequiredError,
    ),
    **_codes("ITEM_ERROR", "ITEM_NOT_FOUND ITEM_CONCURRENTLY_DELETED", PlaidItemGoneError),
    **_codes("ITEM_ERROR", "ITEM_NOT_SUPPORTED MFA_NOT_SUPPORTED", PlaidItemUnsupportedError),
    **_codes("ITEM_ERROR", "ACCESS_NOT_GRANTED", PlaidConsentError),
    **_codes(
        "ITEM_ERROR", "NO_ACCOUNTS NO_AUTH_ACCOUNTS NO_INVESTMENT_ACCOUNTS NO_LIABILITY_ACCOUNTS", PlaidNoAccountsError
    ),
    **_codes("ITEM_ERROR", "PRODUCT_NOT_ENABLED PRODUCTS_NOT_SUPPORTED", PlaidProductUnavailableError),
    **_codes("ITEM_ERROR", "PRODUCT_NOT_READY", PlaidProductNotReadyError),
    **_codes("INVALID_INPUT", "INVALID_ACCESS_TOKEN", PlaidInvalidAccessTokenError),
    **_codes("INVALID_INPUT", "INVALID_PUBLIC_TOKEN INVALID_LINK_TOKEN", PlaidLinkExpiredError),
    **_codes("INVALID_INPUT", "INVALID_API_KEYS UNAUTHORIZED_ENVIRONMENT", PlaidConfigurationError),
    **_codes("INVALID_INPUT", "INVALID_ACCOUNT_ID", PlaidAccountNotFoundError),
    **_codes("INVALID_INPUT", "ADDITIONAL_CONSENT_REQUIRED", PlaidConsentError),
    **_codes("INVALID_INPUT", "USER_PERMISSION_REVOKED", PlaidConsentRevokedError),
    **_codes(
        "INSTITUTION_ERROR",
        "INSTITUTION_DOWN INSTITUTION_NOT_RESPONDING INSTITUTION_NOT_AVAILABLE UNSUPPORTED_RESPONSE",
        PlaidInstitutionDownError,
    ),
    **_codes(
        "INSTITUTION_ERROR",
        "INSTITUTION_NO_LONGER_SUPPORTED INSTITUTION_NOT_ENABLED_IN_ENVIRONMENT INSTITUTION_REGISTRATION_REQUIRED "
        "UNAUTHORIZED_INSTITUTION",
        PlaidInstitutionUnsupportedError,
    ),
    **_codes("TRANSACTIONS_ERROR", "TRANSACTIONS_SYNC_MUTATION_DURING_PAGINATION", PlaidSyncMutationError),
}

# A code that Plaid adds later still says which group it belongs to.
GROUP_TABLE: Mapping[str, type[PlaidError]] = {
    "ITEM_ERROR": PlaidItemError,
    "INVALID_INPUT": PlaidRequestError,
    "INVALID_REQUEST": PlaidRequestError,
    "INSTITUTION_ERROR": PlaidInstitutionDownError,
    "TRANSACTIONS_ERROR": PlaidServerError,
    "RATE_LIMIT_EXCEEDED": PlaidRateLimitError,
    "API_ERROR": PlaidServerError,
    "SANDBOX_ERROR": PlaidSandboxError,
}


def plaid_error(problem: Problem) -> PlaidError:
    """The error of this tree for a failed exchange."""
    members = _error_object(problem)
    error_type = _text(problem, members, "error_type")
    error_code = _text(problem, members, "error_code")
    message = describe(problem)
    if error_code is not None:
        message = f"{message} ({error_type} / {error_code})"
    return _class_of(problem, error_type, error_code)(
        message,
        status=problem.status,
        code=error_code,
        request_id=_text(problem, members, "request_id"),
        body_excerpt=problem.body_excerpt(),
        retry_at=problem.retry_at,
        attempts=problem.attempts,
        error_type=error_type,
        error_code_reason=_text(problem, members, "error_code_reason"),
        display_message=_text(problem, members, "display_message"),
    )


def error_class_of(error_type: str | None, error_code: str | None) -> type[PlaidError]:
    """The class for a pair of Plaid's words, wherever they stand: an answer, an item's state, a webhook."""
    if error_type is None or error_code is None:
        return PlaidResponseError
    return ERROR_TABLE.get((error_type, error_code)) or GROUP_TABLE.get(error_type, PlaidError)


def _class_of(problem: Problem, error_type: str | None, error_code: str | None) -> type[PlaidError]:
    if problem.kind in ("connect", "network"):
        return PlaidConnectionError
    if problem.kind == "timeout":
        return PlaidTimeoutError
    if problem.kind != "status" or problem.status is None:
        return PlaidResponseError
    if error_type is not None:
        return error_class_of(error_type, error_code)
    if problem.status == 429:
        return PlaidRateLimitError
    if problem.status >= 500 or problem.status in (408, 425) or (problem.status == 403 and problem.is_html):
        return PlaidServerError
    return PlaidResponseError


def _error_object(problem: Problem) -> Mapping[str, Any]:
    try:
        return decode_object(problem.body)
    except JsonError:
        return {}


def _text(problem: Problem, members: Mapping[str, Any], name: str) -> str | None:
    """A member of the error object; even a code may quote the request, so what was secret in it is masked."""
    value = members.get(name)
    return redact_text(value[:500], problem.secrets) if isinstance(value, str) else None
