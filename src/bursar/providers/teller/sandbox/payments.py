"""How does the simulated Teller send money with Zelle?"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, cast

from bursar.providers.teller.sandbox.desk import Desk, Enrollment
from bursar.providers.teller.sandbox.problems import TellerProblemError, not_found
from bursar.providers.teller.sandbox.shapes import HOST, Member
from bursar.sandbox.faces import RefusedActionError
from bursar.sandbox.people import Account

_REMEMBERED = timedelta(hours=72)
_CODE = "0000"


@dataclass(slots=True)
class _Waiting:
    """A payment that waits for a second factor."""

    account: Account
    body: Mapping[str, Any]
    fails: bool


class PaymentDesk:
    """Payees and payments of all accounts; what is sent leaves the account in the world, too."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._made: dict[str, list[Member]] = {}
        self._remembered: dict[tuple[str, str, str], tuple[Any, Member]] = {}
        self._waiting: dict[str, _Waiting] = {}

    def options(self) -> Member:
        """What accounts support."""
        return {"schemes": [{"name": "zelle"}]}

    def list_payments(self, account: Account) -> list[Member]:
        """The payments of an account, newest first."""
        return self._made.get(account.account_id, [])[::-1]

    def find_payment(self, account: Account, payment_id: str) -> Member:
        """One payment; raises 404."""
        for one in self._made.get(account.account_id, []):
            if one["id"] == payment_id:
                return one
        raise not_found()

    def make_payee(self, enrollment: Enrollment, account: Account, content: bytes, key: str) -> Member:
        """Enters a payee, once for each key."""
        body = _object(content)
        _require_payee(body)
        made: Member = {**body, "links": {}}
        return self._once(enrollment, key, "payee", body, lambda: {"id": self._desk.new_id("pay"), **made})

    def make_payment(self, enrollment: Enrollment, account: Account, content: bytes, key: str) -> Member:
        """Sends money, once for each key; the memos `otp` and `otp_error` ask for a second factor first."""
        body = _object(content)
        payee = body.get("payee")
        _require_payee(cast("Mapping[str, Any]", payee) if isinstance(payee, dict) else {})
        _amount(body)
        return self._once(enrollment, key, "payment", body, lambda: self._pay_or_ask(account, body))

    def finish(self, connect_token: str, code: str) -> Member:
        """The person answers with a code; returns the payment.

        Raises `KeyError` for an unknown token and `RefusedActionError` for a wrong code or the memo `otp_error`.
        """
        waiting = self._waiting[connect_token]
        if code != _CODE or waiting.fails:
            raise RefusedActionError("the second factor failed")
        del self._waiting[connect_token]
        return self._pay(waiting.account, waiting.body)

    def _once(self, enrollment: Enrollment, key: str, kind: str, body: Mapping[str, Any], make: Any) -> Member:
        now = self._desk.world.now
        place = (enrollment.enrollment_id, kind, key)
        known = self._remembered.get(place) if key else None
        if known is not None and now - known[0] < _REMEMBERED:
            return known[1]
        made = cast("Member", make())
        self._remembered[place] = (now, made)
        return made

    def _pay_or_ask(self, account: Account, body: Mapping[str, Any]) -> Member:
        memo = body.get("memo")
        if memo not in ("otp", "otp_error"):
            return self._pay(account, body)
        token = self._desk.new_id("connect")
        self._waiting[token] = _Waiting(account, body, fails=memo == "otp_error")
        return {"connect_token": token}

    def _pay(self, account: Account, body: Mapping[str, Any]) -> Member:
        world = self._desk.world
        amount = _amount(body)
        world.script.add_settled(account.account_id, -amount, f"ZELLE {body['payee']['address']}".upper())
        payment_id = self._desk.new_id("zpay")
        made = {
            "id": payment_id,
            "amount": format(amount, "f"),
            "memo": body.get("memo"),
            "reference": payment_id[-8:].upper(),
            "date": account.bank.local_date(world.now).isoformat(),
            "payee": body["payee"],
            "links": {"self": f"{HOST}/payments/{payment_id}"},
        }
        self._made.setdefault(account.account_id, []).append(made)
        return made


def _object(content: bytes) -> Mapping[str, Any]:
    try:
        found: object = json.loads(content)
    except ValueError:
        raise TellerProblemError(400) from None
    if not isinstance(found, dict):
        raise TellerProblemError(422)
    return cast("Mapping[str, Any]", found)


def _require_payee(body: Mapping[str, Any]) -> None:
    if body.get("scheme") != "zelle" or not isinstance(body.get("address"), str) or not body["address"]:
        raise TellerProblemError(422)


def _amount(body: Mapping[str, Any]) -> Decimal:
    text = body.get("amount")
    try:
        amount = Decimal(text) if isinstance(text, str) else Decimal(0)
    except InvalidOperation:
        amount = Decimal(0)
    if not amount.is_finite() or amount <= 0:
        raise TellerProblemError(422)
    return amount
