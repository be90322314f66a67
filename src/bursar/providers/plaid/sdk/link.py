"""Calls about links, tokens and items: how does access begin, change and end?"""

from collections.abc import Mapping, Sequence
from typing import Any

from bursar.providers.plaid.sdk.models.items import (
    Acknowledgement,
    ExchangedToken,
    ItemAnswer,
    LinkToken,
    RotatedToken,
)
from bursar.providers.plaid.sdk.session import PlaidSession
from bursar.transport.redaction import Secret
from bursar.transport.retry import NEVER_REPEAT
from bursar.transport.rows import decode_answer


class LinkCalls(PlaidSession):
    """The life of an item: link token, public token, access token, removal."""

    async def create_link_token(
        self,
        *,
        user_id: str,
        client_name: str = "Bursar",
        products: Sequence[str] = ("transactions",),
        country_codes: Sequence[str] = ("US",),
        language: str = "en",
        access_token: str | Secret | None = None,
        webhook: str | None = None,
        redirect_uri: str | None = None,
        optional_products: Sequence[str] | None = None,
        required_if_supported_products: Sequence[str] | None = None,
        additional_consented_products: Sequence[str] | None = None,
        days_requested: int | None = None,
        account_selection: bool = False,
        account_filters: Mapping[str, Any] | None = None,
        hosted_link: Mapping[str, Any] | None = None,
        link_customization_name: str | None = None,
        android_package_name: str | None = None,
    ) -> LinkToken:
        """Create the token that opens Link in the user's browser.

        `user_id` is our opaque id of the user, never an e-mail address or a phone number. Of `client_name` Plaid shows
        at most 30 characters, and "This Application" for anything longer. `products` must not name `balance`: it comes
        with every item. `days_requested` (1 to 730) is fixed when the item is made and cannot be widened later.

        With `access_token` it is update mode: the user logs in again, the token stays as it is, nothing is exchanged;
        `account_selection` then lets the user add and remove accounts. With `hosted_link` the answer has
        `hosted_link_url`, the address of a page at Plaid.

        Source: https://plaid.com/docs/api/link/#linktokencreate (read 2026-11-21).
        """
        updating = access_token is not None
        return await self._read(
            "/link/token/create",
            {
                "user": {"client_user_id": user_id},
                "client_name": client_name,
                "country_codes": list(country_codes),
                "language": language,
                # Update mode refuses products: the item has them already.
                "products": None if updating else list(products),
                "access_token": access_token,
                "update": {"account_selection_enabled": True} if updating and account_selection else None,
                "webhook": webhook,
                "redirect_uri": redirect_uri,
                "optional_products": _list(optional_products),
                "required_if_supported_products": _list(required_if_supported_products),
                "additional_consented_products": _list(additional_consented_products),
                "transactions": {"days_requested": days_requested} if days_requested and not updating else None,
                "account_filters": account_filters,
                "hosted_link": hosted_link,
                "link_customization_name": link_customization_name,
                "android_package_name": android_package_name,
            },
            LinkToken,
        )

    async def exchange_public_token(self, public_token: str | Secret) -> ExchangedToken:
        """Exchange the token that Link gave the user: works once, within 30 minutes; sent at most once.

        Raises:
            PlaidLinkExpiredError: used or too old: the user starts Link again.
            PlaidTimeoutError: the token may be used up and the item exist without anybody holding its access token.
        """
        return await self._change(
            "/item/public_token/exchange", {"public_token": public_token}, ExchangedToken, retry=NEVER_REPEAT
        )

    async def invalidate_access_token(self, access_token: str | Secret) -> RotatedToken:
        """Replace an access token; the old one is dead at once, so the answer must be stored. Sent at most once."""
        return await self._change(
            "/item/access_token/invalidate", {"access_token": access_token}, RotatedToken, retry=NEVER_REPEAT
        )

    async def remove_item(
        self, access_token: str | Secret, *, reason_code: str | None = None, reason_note: str | None = None
    ) -> Acknowledgement:
        """End the access for ever, and Plaid's billing for it."""
        return await self._change(
            "/item/remove",
            {"access_token": access_token, "reason_code": reason_code, "reason_note": reason_note},
            Acknowledgement,
        )

    async def get_item(self, access_token: str | Secret) -> ItemAnswer:
        """The item and how fresh its data is; the cheapest call that proves an access token."""
        return await self._read("/item/get", {"access_token": access_token}, ItemAnswer)

    async def update_item_webhook(self, access_token: str | Secret, webhook: str | None) -> ItemAnswer:
        """Send the item's webhooks to another address, or nowhere (None)."""
        response = await self._http.send(
            "POST",
            "/item/webhook/update",
            json_body={"access_token": access_token, "webhook": webhook},
            idempotent=True,
        )
        return decode_answer(self._http, response, ItemAnswer)


def _list(values: Sequence[str] | None) -> list[str] | None:
    return None if values is None else list(values)
