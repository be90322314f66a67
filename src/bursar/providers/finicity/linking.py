"""How does a visit to Connect become a connection, and only that of the user who made it?

Finicity's customer ids are numbers that anybody could guess. What a user brings back to finish connecting is therefore
the id with a mark that only this partner can make, and that fits one user of ours.
"""

import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta

from bursar.ports.errors import ProviderAuthenticationError, ProviderUnavailableError, ProviderValidationError
from bursar.ports.links import mark_of, refuse_other_user
from bursar.providers.finicity.failures import NOT_READY_WAIT, SLUG
from bursar.providers.finicity.sdk.client import FinicityClient
from bursar.providers.finicity.sdk.models.accounts import Account

LINK_LIFE = timedelta(hours=24)
"""How long after `begin` a connection can be finished."""

LOGIN = "institution_login_id"
"""The name of the login in credentials, and in what a user may say when several institutions were connected."""

_PURPOSE = "link"


def make_link_token(client: FinicityClient, customer_id: str, user_reference: str, now: datetime) -> str:
    """Return the token for a customer, which is good for this user of ours alone."""
    text = f"{customer_id}.{int((now + LINK_LIFE).timestamp())}"
    return f"{text}.{_seal(client, text, user_reference)}"


def read_link_token(client: FinicityClient, token: str, user_reference: str, now: datetime) -> str:
    """Return the customer of a token.

    Raises:
        ProviderAuthenticationError: it was not made for this user, or is too old: the user starts again.
    """
    text, _, mark = token.strip().rpartition(".")
    customer_id, _, ends_at = text.rpartition(".")
    if not customer_id or not hmac.compare_digest(_seal(client, text, user_reference).encode(), mark.encode()):
        raise refuse_other_user(SLUG)
    if int(ends_at) < now.timestamp():
        raise ProviderAuthenticationError(
            "The sign-in took too long. Start it again.", code="link_expired", provider=SLUG
        )
    return customer_id


def _seal(client: FinicityClient, text: str, user_reference: str) -> str:
    return client.seal(_PURPOSE, f"{text}.{mark_of(user_reference)}")


def choose_login(accounts: Sequence[Account], wanted: str | None) -> Account:
    """Return an account of the login to connect.

    Raises:
        ProviderUnavailableError: no account was shared yet.
        ProviderValidationError: there are several logins, and the user has not said which.
    """
    by_login = {account.institution_login_id: account for account in accounts}
    if wanted and wanted in by_login:
        return by_login[wanted]
    if not by_login:
        raise ProviderUnavailableError(
            "No account was shared yet: finish the sign-in at Finicity's page first.",
            code="not_ready",
            provider=SLUG,
            retry_after=NOT_READY_WAIT,
        )
    if wanted or len(by_login) > 1:
        raise ProviderValidationError(
            "Several institutions were connected: name one of them as institution_login_id "
            f"({', '.join(sorted(by_login))}), and finish once more for each other one.",
            code="several_logins",
            field=LOGIN,
            provider=SLUG,
        )
    return next(iter(by_login.values()))
