"""Calls that exist in Plaid's sandbox only: how is an item made, broken and fed without a browser?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from bursar.providers.plaid.sdk.models.items import Acknowledgement, LoginReset, PublicToken, WebhookFired
from bursar.providers.plaid.sdk.session import PlaidSession
from bursar.transport.redaction import Secret
from bursar.transport.rows import without_none


@dataclass(frozen=True, slots=True)
class SandboxTransaction:
    """A transaction to make up; `amount` has Plaid's sign, dates reach back 14 days at most."""

    date_transacted: date
    date_posted: date
    amount: Decimal
    description: str
    iso_currency_code: str = "USD"


class SandboxCalls(PlaidSession):
    """Sandbox-only calls; elsewhere they raise PlaidRequestError with code SANDBOX_ONLY."""

    async def create_sandbox_public_token(
        self,
        institution_id: str,
        initial_products: Sequence[str] = ("transactions",),
        *,
        webhook: str | None = None,
        username: str | None = None,
        password: str | None = None,
        transactions: Mapping[str, Any] | None = None,
    ) -> PublicToken:
        """A public token as if a user had gone through Link.

        Source: https://plaid.com/docs/api/sandbox/ (read 2026-11-21).
        """
        options = without_none(
            {
                "webhook": webhook,
                "override_username": username,
                "override_password": password,
                "transactions": transactions,
            }
        )
        body = {
            "institution_id": institution_id,
            "initial_products": list(initial_products),
            "options": options or None,
        }
        return await self._change("/sandbox/public_token/create", body, PublicToken)

    async def fire_sandbox_webhook(
        self, access_token: str | Secret, webhook_code: str, *, webhook_type: str | None = None
    ) -> WebhookFired:
        """Have a webhook sent to the item's address now."""
        body = {"access_token": access_token, "webhook_code": webhook_code, "webhook_type": webhook_type}
        return await self._change("/sandbox/item/fire_webhook", body, WebhookFired)

    async def reset_sandbox_login(self, access_token: str | Secret) -> LoginReset:
        """Put the item into ITEM_LOGIN_REQUIRED."""
        return await self._change("/sandbox/item/reset_login", {"access_token": access_token}, LoginReset)

    async def create_sandbox_transactions(
        self, access_token: str | Secret, transactions: Sequence[SandboxTransaction]
    ) -> Acknowledgement:
        """Make up at most ten transactions; only for items of the user `user_transactions_dynamic`."""
        rows = [
            {
                "date_transacted": row.date_transacted,
                "date_posted": row.date_posted,
                "amount": row.amount,
                "description": row.description,
                "iso_currency_code": row.iso_currency_code,
            }
            for row in transactions
        ]
        body = {"access_token": access_token, "transactions": rows}
        return await self._change("/sandbox/transactions/create", body, Acknowledgement)
