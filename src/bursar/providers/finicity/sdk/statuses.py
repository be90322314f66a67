"""What does an aggregation status code say about a login, and who has to act?"""

from enum import StrEnum


class LoginState(StrEnum):
    """What a status code comes down to."""

    ACTIVE = "active"
    NEEDS_USER = "needs_user"
    """The user signs in again through the fix flow."""
    ACCOUNT_GONE = "account_gone"
    """The institution no longer knows this account; its login works."""
    DUPLICATE = "duplicate"
    """The same account is there twice."""
    TRANSIENT = "transient"
    """The institution, or the reading of it, failed for now; what was read before still stands."""


NEEDS_USER_CODES = frozenset({103, 108, 109, 185, 187, 331, 945, 947, 948})
"""Wrong or expired password, action needed at the bank's site, second factor, move to OAuth, the bank's token ended.

Source: https://developer.mastercard.com/open-finance-us/documentation/products/manage/account-aggregation/ (read
2026-11-29); 945 to 948 from public integrations.
"""

ACCOUNT_GONE_CODE = 946
DUPLICATE_CODE = 169


def state_of(code: int | None) -> LoginState:
    """The meaning of an account's `aggregationStatusCode`; None, as on an account that was never read, is active."""
    if code is None or code == 0:
        return LoginState.ACTIVE
    if code in NEEDS_USER_CODES:
        return LoginState.NEEDS_USER
    if code == ACCOUNT_GONE_CODE:
        return LoginState.ACCOUNT_GONE
    return LoginState.DUPLICATE if code == DUPLICATE_CODE else LoginState.TRANSIENT
