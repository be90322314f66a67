"""Is a webhook from Teller? (For those who hold no client.)."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from bursar.providers.teller.sdk.webhooks import WebhookRejectedError, read_webhook


def is_from_teller(headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now: datetime) -> bool:
    """True when one of the secrets signed exactly these bytes within the three minutes before `now`."""
    try:
        read_webhook(headers, body, secrets=secrets, now=now)
    except WebhookRejectedError:
        return False
    return True
