"""How is a value that travels through a user's browser kept from naming somebody else's customer?

Finicity's customer ids are numbers that anybody could guess. What a user brings back to finish connecting is therefore
the id with a mark that only this partner can make.
"""

import hmac
from datetime import datetime, timedelta

from bursar.ports.errors import ProviderAuthenticationError
from bursar.providers.finicity.failures import SLUG
from bursar.providers.finicity.sdk.client import FinicityClient

LINK_LIFE = timedelta(hours=24)
"""How long after `begin` a connection can be finished."""

_PURPOSE = "link"


def make_link_token(client: FinicityClient, customer_id: str, now: datetime) -> str:
    """Return the token for a customer."""
    text = f"{customer_id}.{int((now + LINK_LIFE).timestamp())}"
    return f"{text}.{client.seal(_PURPOSE, text)}"


def read_link_token(client: FinicityClient, token: str, now: datetime) -> str:
    """Return the customer of a token.

    Raises:
        ProviderAuthenticationError: it is none of ours, or too old: the user starts again.
    """
    text, _, mark = token.strip().rpartition(".")
    customer_id, _, ends_at = text.rpartition(".")
    is_ours = bool(customer_id) and hmac.compare_digest(client.seal(_PURPOSE, text).encode(), mark.encode())
    if not is_ours or int(ends_at) < now.timestamp():
        raise ProviderAuthenticationError(
            "The sign-in took too long or was not started here. Start it again.", code="link_expired", provider=SLUG
        )
    return customer_id
