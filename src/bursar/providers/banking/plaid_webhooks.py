"""Is a webhook from Plaid, judged with keys that are at hand? (For those who hold no client.)."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

import msgspec

from bursar.providers.plaid.sdk.client import PlaidClient
from bursar.providers.plaid.sdk.models.items import WebhookKey, WebhookKeyAnswer
from bursar.providers.plaid.sdk.webhooks import WebhookRejectedError
from bursar.transport.timing import SYSTEM_TIMING

KeySource = Callable[[str], "Mapping[str, object] | None"]
"""Key id -> the public key (JWK), as `/webhook_verification_key/get` answers it in `key`; None for an unknown one."""

_USUAL = {"alg": "ES256", "use": "sig", "created_at": 0}
"""What a JWK from elsewhere may leave out. The curve is never taken for granted."""


class _KeyedClient(PlaidClient):
    """Judges as the client does; asks the source for keys, and nobody else."""

    def __init__(self, key_source: KeySource, now: datetime | None) -> None:
        timing = SYSTEM_TIMING if now is None else replace(SYSTEM_TIMING, now=lambda: now)
        super().__init__("", "", timing=timing)
        self._key_source = key_source

    async def get_webhook_key(self, key_id: str) -> WebhookKeyAnswer:
        """Return the key from the source."""
        key = self._key_source(key_id)
        if key is None:
            raise WebhookRejectedError("the key id is unknown")
        try:
            return WebhookKeyAnswer(request_id="", key=msgspec.convert({**_USUAL, "kid": key_id, **key}, WebhookKey))
        except msgspec.ValidationError:
            raise TypeError(
                "the key source gave no public key: hand over a JWK, as Plaid answers it in `key`"
            ) from None


def is_from_plaid(headers: Mapping[str, str], body: bytes, key_source: KeySource, now: datetime | None) -> bool:
    """True when Plaid signed exactly these bytes within the five minutes before `now`; nothing is sent."""
    judging = _KeyedClient(key_source, now).verify_webhook(headers, body)
    # Nothing in it waits for anything, so its first step is its last: it works inside a running loop as well.
    try:
        judging.send(None)
    except StopIteration as done:
        return bool(done.value)
    judging.close()
    raise RuntimeError("the proof of a webhook waited for something")


async def is_from_plaid_by_environment(headers: Mapping[str, str], body: bytes) -> bool:
    """As above, with the keys of the environment that `PLAID_CLIENT_ID` and the like name, fetched from Plaid."""
    async with PlaidClient.from_env() as client:
        return await client.verify_webhook(headers, body)
