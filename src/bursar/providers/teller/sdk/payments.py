"""How is money sent from an account (Zelle, in beta at Teller)?

The platform moves no money through Teller; these calls are for programs that use the client alone.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from bursar.providers.teller.sdk.errors import TellerArgumentError
from bursar.providers.teller.sdk.models import Payee, Payment, PaymentOptions, SecondFactorNeeded
from bursar.providers.teller.sdk.session import TellerSession, segment
from bursar.providers.teller.sdk.wire import Rows
from bursar.transport import json
from bursar.transport.redaction import Secret
from bursar.transport.rows import WireModel, without_none

MadeT = TypeVar("MadeT", bound=WireModel)


class _Asked(msgspec.Struct, frozen=True):
    connect_token: Secret | None = None


class PaymentCalls(TellerSession):
    """Payees and payments of an account."""

    async def get_payment_options(self, access_token: str | Secret, account_id: str) -> PaymentOptions:
        """What the account supports."""
        return await self._read(_payments(account_id), access_token, PaymentOptions, method="OPTIONS")

    async def create_payee(
        self, access_token: str | Secret, account_id: str, payee: Payee, *, idempotency_key: str
    ) -> Payee | SecondFactorNeeded:
        """Enter a payee.

        Args:
            access_token: of the enrolment.
            account_id: whom the money will leave.
            payee: its scheme and address; name and type where the bank wants them.
            idempotency_key: one for each intent: the same key within 72 hours does it once.
        """
        body = without_none({"scheme": payee.scheme, "address": payee.address, "name": payee.name, "type": payee.type})
        path = f"/accounts/{segment(account_id, 'account id')}/payees"
        return await self._make(path, access_token, body, Payee, idempotency_key)

    async def create_payment(
        self,
        access_token: str | Secret,
        account_id: str,
        amount: Decimal,
        payee: Payee,
        *,
        idempotency_key: str,
        memo: str | None = None,
    ) -> Payment | SecondFactorNeeded:
        """Send money.

        Args:
            access_token: of the enrolment.
            account_id: whom the money leaves.
            amount: above zero, with the currency's decimals at most.
            payee: whom it goes to.
            idempotency_key: one for each intent: the same key within 72 hours sends once, whatever the network does.
            memo: for the payee.

        Raises:
            TellerArgumentError: no amount that can be sent, or no key; nothing was sent.
            TellerConnectionError: it may or may not have been carried out: ask again with the same key.
        """
        if not amount.is_finite() or amount <= 0:
            raise TellerArgumentError("the amount is a number above zero")
        body = {
            "amount": format(amount, "f"),
            "memo": memo,
            "payee": without_none({"scheme": payee.scheme, "address": payee.address, "name": payee.name}),
        }
        return await self._make(_payments(account_id), access_token, without_none(body), Payment, idempotency_key)

    async def list_payments(self, access_token: str | Secret, account_id: str) -> Rows[Payment]:
        """The payments that were made from an account."""
        return await self._read_rows(_payments(account_id), access_token, Payment)

    async def get_payment(self, access_token: str | Secret, account_id: str, payment_id: str) -> Payment:
        """One payment."""
        return await self._read(f"{_payments(account_id)}/{segment(payment_id, 'payment id')}", access_token, Payment)

    async def _make(
        self,
        path: str,
        access_token: str | Secret,
        body: Mapping[str, Any],
        type_: type[MadeT],
        idempotency_key: str,
    ) -> MadeT | SecondFactorNeeded:
        if not idempotency_key:
            raise TellerArgumentError("an idempotency key is needed, so that nothing is carried out twice")
        answer = await self._send("POST", path, access_token, body=body, idempotency_key=idempotency_key)
        try:
            asked = json.decode(answer.body, _Asked).connect_token
        except json.JsonError as error:
            raise self._http.payload_error(answer, error) from None
        if asked is not None:
            return SecondFactorNeeded(connect_token=asked)
        return self._http.decode(answer, type_)


def _payments(account_id: str) -> str:
    return f"/accounts/{segment(account_id, 'account id')}/payments"
