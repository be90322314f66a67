"""What does Plaid say in a webhook?"""

from dataclasses import dataclass
from datetime import datetime

from bursar.providers.plaid.sdk.models.items import ItemErrorState
from bursar.transport.rows import WireModel


class Webhook(WireModel, frozen=True, kw_only=True, gc=False):
    """One event; what else it carries (counts, ids of rows) is left out: data is read, never taken from here.

    `item_id` is None for events of Link sessions, which are about no item yet.

    Source: https://plaid.com/docs/api/webhooks/ (read 2026-11-21).
    """

    webhook_type: str
    webhook_code: str
    item_id: str | None = None
    environment: str | None = None
    error: ItemErrorState | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedWebhook:
    """A webhook whose sender is proven."""

    webhook: Webhook
    signed_at: datetime
    """When Plaid signed this delivery, to the second, in UTC; a delivery that is repeated later is signed anew."""
    body_sha256: str
    """Two events about one item can have the same body: Plaid's webhooks have no id."""
