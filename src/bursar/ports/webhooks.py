"""What does a provider implement that tells unasked when something has changed?"""

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from bursar.domain.webhooks import ProviderNotice
from bursar.ports.errors import ProviderError
from bursar.ports.provider import ProviderAdapter


class WebhookRefusedError(ProviderError):
    """The sender of a webhook is not proven (signature, age, body): answered 401, nothing is done or kept."""

    default_code = "webhook_refused"


@runtime_checkable
class WebhookAdapter(ProviderAdapter, Protocol):
    """An adapter whose provider sends webhooks: what the capability `webhooks` promises."""

    async def read_webhook(self, headers: Mapping[str, str], body: bytes) -> Sequence[ProviderNotice]:
        """Prove the sender of a delivery and return what it tells.

        Args:
            headers: by name, in any case.
            body: exactly as received: the proof covers bytes, not what they mean.

        Raises:
            WebhookRefusedError: the delivery is forged, altered or too old.
            ProviderUnavailableError: the proof needs a key that cannot be fetched now; the provider sends again.
            ProviderNotConfiguredError: this deployment has no secret to prove it with.
        """
        ...
