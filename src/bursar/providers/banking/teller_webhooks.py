"""Is a webhook from Teller? (For those who hold no client.)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib import import_module
from typing import Any


def is_from_teller(headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now: datetime) -> bool:
    """True when one of the secrets signed exactly these bytes within the three minutes before `now`."""
    sdk: Any = import_module("bursar.providers.teller.sdk.webhooks")
    try:
        sdk.read_webhook(headers, body, secrets=secrets, now=now)
    except sdk.WebhookRejectedError:
        return False
    return True
