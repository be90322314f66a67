"""Is an event of Connect really from Finicity, and how are an account's changes subscribed to?"""

import hashlib
import hmac
from collections.abc import Mapping

import msgspec

from bursar.providers.finicity.sdk.errors import FinicityArgumentError
from bursar.providers.finicity.sdk.models.customers import Subscription, SubscriptionsAnswer
from bursar.providers.finicity.sdk.session import FinicitySession, segment
from bursar.providers.finicity.sdk.wire import WireId
from bursar.transport import json

SIGNATURE_HEADER = "x-finicity-signature"


class WebhookRejectedError(Exception):
    """The delivery is not to be believed; `reason` is our fixed wording. Answer 401, never 200."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"webhook rejected: {reason}")
        self.reason = reason


class EventAccount(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An account that an event names."""

    wire_login_id: WireId | None = msgspec.field(default=None, name="institutionLoginId")


class EventPayload(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What an event is about."""

    institution_id: WireId | None = msgspec.field(default=None, name="institutionId")
    wire_login_id: WireId | None = msgspec.field(default=None, name="institutionLoginId")
    accounts: tuple[EventAccount, ...] | None = None


class ConnectEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One event of Connect; a repetition has the same `event_id`."""

    wire_customer_id: WireId | None = msgspec.field(default=None, name="customerId")
    event_type: str = msgspec.field(name="eventType")
    """`adding`, `added`, `done`; more exist."""
    event_id: str = msgspec.field(name="eventId")
    payload: EventPayload | None = None
    webhook_data: dict[str, str] | None = msgspec.field(default=None, name="webhookData")

    @property
    def login_ids(self) -> tuple[str, ...]:
        """The logins that it names, each once."""
        payload = self.payload
        found = (
            [] if payload is None else [payload.wire_login_id, *(one.wire_login_id for one in payload.accounts or ())]
        )
        found.append((self.webhook_data or {}).get("institutionLoginId"))
        return tuple(dict.fromkeys(str(one) for one in found if one is not None))


class WebhookCalls(FinicitySession):
    """Events of Connect, and TxPUSH."""

    def read_connect_event(self, headers: Mapping[str, str], body: bytes) -> ConnectEvent:
        """Prove that Finicity signed exactly these bytes, and return what they say.

        The signature covers no time, so an old event is known by its `event_id` only.

        Raises:
            TypeError: `body` is not bytes: a parsed body can not be verified.
            WebhookRejectedError: no signature, a wrong one, or a body that is no event.
        """
        if not isinstance(body, bytes | bytearray):  # pyright: ignore[reportUnnecessaryIsInstance] - callers are untyped
            raise TypeError("verify the raw body bytes: a parsed body can not be verified")
        signature = next((value for name, value in headers.items() if name.lower() == SIGNATURE_HEADER), None)
        if not signature:
            raise WebhookRejectedError("the X-Finicity-Signature header is missing")
        expected = hmac.new(self._partner_secret.reveal().encode(), body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected.encode(), signature.strip().lower().encode("utf-8", "replace")):
            raise WebhookRejectedError("the signature does not fit")
        try:
            event = json.decode(bytes(body), ConnectEvent)
        except json.JsonError:
            raise WebhookRejectedError("the body is no event of Connect") from None
        if not event.event_id or not event.event_type:
            raise WebhookRejectedError("the event has no id or no type")
        return event

    async def subscribe_txpush(self, customer_id: str, account_id: str, callback_url: str) -> tuple[Subscription, ...]:
        """Have an account's changes pushed to an address; it is first asked by GET for a code that it must echo.

        How a push is signed is not published: take it as a hint to read, never as data.
        """
        if not callback_url.startswith("https://"):
            raise FinicityArgumentError("callback_url must be an https address")
        customer, account = segment(customer_id, "customer_id"), segment(account_id, "account_id")
        response = await self._change(
            f"/aggregation/v1/customers/{customer}/accounts/{account}/txpush",
            {"callbackUrl": callback_url},
            ids=(customer_id, account_id),
        )
        return self._decode(response, SubscriptionsAnswer).subscriptions

    async def delete_txpush(self, customer_id: str, subscription_id: str) -> None:
        """End one record of a subscription."""
        customer, subscription = segment(customer_id, "customer_id"), segment(subscription_id, "subscription_id")
        await self._change(
            f"/aggregation/v1/customers/{customer}/subscriptions/{subscription}",
            None,
            method="DELETE",
            ids=(customer_id,),
        )
