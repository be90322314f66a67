"""What does Plaid say about links, tokens and items (one login at one institution)?"""

from bursar.providers.plaid.sdk.wire import Answer
from bursar.transport.redaction import Secret
from bursar.transport.rows import Instant, WireModel


class ItemErrorState(WireModel, frozen=True, kw_only=True, gc=False):
    """The error that an item is in, as part of another answer or of a webhook."""

    error_type: str
    error_code: str
    error_message: str | None = None
    display_message: str | None = None
    error_code_reason: str | None = None


class Item(WireModel, frozen=True, kw_only=True, gc=False):
    """One login at one institution.

    `consent_expiration_time` is None where the consent does not end by itself (everywhere outside Europe).
    """

    item_id: str
    institution_id: str | None = None
    institution_name: str | None = None
    webhook: str | None = None
    auth_method: str | None = None
    error: ItemErrorState | None = None
    available_products: tuple[str, ...]
    billed_products: tuple[str, ...]
    products: tuple[str, ...] | None = None
    consented_products: tuple[str, ...] | None = None
    consent_expiration_time: Instant | None = None
    update_type: str
    created_at: Instant | None = None


class ProductUpdate(WireModel, frozen=True, kw_only=True, gc=False):
    """When a product was last read from the institution; None means never."""

    last_successful_update: Instant | None = None
    last_failed_update: Instant | None = None


class LastWebhook(WireModel, frozen=True, kw_only=True, gc=False):
    """The last webhook sent for an item."""

    sent_at: Instant | None = None
    code_sent: str | None = None


class ItemStatus(WireModel, frozen=True, kw_only=True, gc=False):
    """How fresh an item's data is."""

    transactions: ProductUpdate | None = None
    investments: ProductUpdate | None = None
    last_webhook: LastWebhook | None = None


class ItemAnswer(Answer, frozen=True, kw_only=True, gc=False):
    """Answer of `/item/get` and `/item/webhook/update`."""

    item: Item
    status: ItemStatus | None = None


class LinkToken(Answer, frozen=True, kw_only=True, gc=False):
    """A token that opens Link once; valid 4 hours, 30 minutes in update mode."""

    link_token: Secret
    expiration: Instant
    hosted_link_url: str | None = None


class ExchangedToken(Answer, frozen=True, kw_only=True, gc=False):
    """The lasting access to an item; it has no expiry and no refresh."""

    access_token: Secret
    item_id: str


class RotatedToken(Answer, frozen=True, kw_only=True, gc=False):
    """The token that replaces the one sent; the old one is dead at once, so store this first."""

    new_access_token: Secret


class PublicToken(Answer, frozen=True, kw_only=True, gc=False):
    """A token to exchange within 30 minutes, once."""

    public_token: Secret


class Acknowledgement(Answer, frozen=True, kw_only=True, gc=False):
    """An answer that says only that the request was carried out."""


class WebhookFired(Answer, frozen=True, kw_only=True, gc=False):
    """Answer of `/sandbox/item/fire_webhook`."""

    webhook_fired: bool


class LoginReset(Answer, frozen=True, kw_only=True, gc=False):
    """Answer of `/sandbox/item/reset_login`."""

    reset_login: bool


class WebhookKey(WireModel, frozen=True, kw_only=True, gc=False):
    """A public key (JWK) with which webhooks are signed; times are Unix seconds.

    `expired_at` None means that the key is in use; anything else means: refuse what it signed.
    """

    alg: str
    crv: str
    kid: str
    kty: str
    use: str
    x: str
    y: str
    created_at: int
    expired_at: int | None = None


class WebhookKeyAnswer(Answer, frozen=True, kw_only=True, gc=False):
    """Answer of `/webhook_verification_key/get`."""

    key: WebhookKey
