"""How does the invented provider describe rows, accounts and positions, well or badly?"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from bursar.sandbox.ledger import Row, RowState
from bursar.sandbox.market import SECURITIES
from bursar.sandbox.neutral.showing import Shown
from bursar.sandbox.people import Account, AccountKind
from bursar.sandbox.world import World

ENTERS, LEAVES = "enters", "leaves"
HELD, OWED = "held", "owed"

_OWED_KINDS = frozenset({AccountKind.CREDIT_CARD, AccountKind.LOAN})
_KINDS = {AccountKind.CREDIT_CARD: "card"}


class Renderer:
    """Turns what is shown into wire objects of one face.

    Amounts say by their list's `positive` which way is positive, balances by their account's; the convention differs
    between endpoints, and with A14 between accounts, as does whether a number is a JSON number or a text.
    """

    def __init__(self, world: World, slug: str, *, dates_only: bool) -> None:
        """With `dates_only` a balance states the bank's calendar date and no instant."""
        self._world = world
        self._view = world.view
        self._slug = slug
        self._dates_only = dates_only

    def positive(self, endpoint: str, account_id: str, usual: str) -> str:
        """Which way is positive in a list of an account."""
        if not self._view.strikes("A14", self._slug, endpoint, account_id):
            return usual
        return LEAVES if usual == ENTERS else ENTERS

    def rows(self, listed: Sequence[Shown], positive: str, account: Account) -> list[dict[str, object]]:
        """Rows of one account's list."""
        as_text = self._view.strikes("A14", self._slug, "form", account.account_id)
        return [self.row(one, positive, as_text=as_text) for one in listed]

    def row(self, shown: Shown, positive: str, *, as_text: bool = False) -> dict[str, object]:
        """One row; optional members that have no value are left out."""
        row = shown.row
        amount = row.amount if positive == ENTERS else -row.amount
        body: dict[str, object] = {
            "id": shown.row_id,
            "amount": _number(amount, as_text=as_text),
            "currency": row.currency,
            "date": row.booked_on.isoformat(),
            "state": "pending" if row.state is RowState.PENDING else "booked",
            "text": shown.text,
            "kind": row.purpose.value,
        }
        if row.counterparty is not None:
            body["counterparty"] = row.counterparty
        if shown.replaces is not None:
            body["replaces"] = shown.replaces
        if row.trade is not None:
            body["trade"] = {
                "symbol": row.trade.symbol,
                "name": SECURITIES[row.trade.symbol].name,
                "quantity": row.trade.quantity,
                "price": row.trade.price,
                "fees": row.trade.fees,
            }
        self._spoil_row(body, row)
        return body

    def account(self, account: Account, account_id: str, at: datetime) -> dict[str, object]:
        """An account with its balance of an instant (A16 makes it older, or leaves it out)."""
        body: dict[str, object] = {
            "id": account_id,
            "name": account.name,
            "kind": _KINDS.get(account.kind, account.kind.value),
            "currency": account.currency,
            "mask": account.mask,
            "zone": str(account.bank.zone),
        }
        if not self._view.strikes("no_number", self._slug, account.account_id):
            body |= {"number": account.number, "bank_code": account.bank.bank_code}
        if account.credit_limit is not None:
            body["limit"] = account.credit_limit
        if self._view.strikes("A15", self._slug, account.account_id):
            body |= {"shiny_new_member": {"of": ["somebody", 7]}, "limit": body.get("limit")}
            del body["zone"]
        body |= self._balance(account, account_id, at)
        return body

    def holdings(self, account: Account, account_id: str, at: datetime) -> dict[str, object]:
        """The positions of an account; with A17 some are missing, and `complete` says so."""
        positions = self._world.positions(account.account_id, at)
        kept = list(positions)
        now = self._world.now.isoformat()
        if len(positions) > 0 and self._view.strikes("A17", self._slug, account.account_id, now, transient=True):
            kept = kept[: int(self._view.draw("kept", account.account_id, now) * len(kept))]
        return {
            "account_id": account_id,
            "complete": len(kept) == len(positions),
            "as_of": at.isoformat(),
            "holdings": [
                {
                    "id": f"{account_id}/{position.symbol}",
                    "symbol": position.symbol,
                    "name": SECURITIES[position.symbol].name,
                    "class": SECURITIES[position.symbol].kind.value,
                    "isin": SECURITIES[position.symbol].isin,
                    "quantity": position.quantity,
                    "price": position.price,
                    "price_date": position.price_on.isoformat(),
                    "value": position.value,
                    "cost": position.cost,
                    "currency": account.currency,
                }
                for position in kept
            ],
        }

    def _balance(self, account: Account, account_id: str, at: datetime) -> dict[str, object]:
        now = self._world.now
        is_stated = True
        if self._view.strikes("A16", self._slug, account.account_id, now.isoformat(), transient=True):
            luck = self._view.draw("balance", account.account_id, now.isoformat())
            if luck < 0.34:
                return {"positive": HELD, "ledger": None}
            lag = timedelta(hours=6 + int(self._view.draw("lag", account.account_id, now.isoformat()) * 42))
            at = max(min(at, now - lag), account.opened_at)
            is_stated = luck < 0.8
        truth = self._world.truth(account.account_id, None if at >= now else at)
        ledger = truth.balance
        pending = sum((row.amount for row in truth.pending), Decimal(0))
        body: dict[str, object] = {}
        available: Decimal | None = ledger + pending
        if account.kind is AccountKind.BROKERAGE:
            body["cash"] = ledger
            available = None
            ledger += sum((one.value for one in self._world.positions(account.account_id, at)), Decimal(0))
        elif account.kind in _OWED_KINDS:
            available = None if account.credit_limit is None else account.credit_limit + ledger + pending
        owed = account.kind in _OWED_KINDS
        if self._view.strikes("A14", self._slug, "balance", account.account_id):
            owed = not owed
        as_text = self._view.strikes("A14", self._slug, "balance form", account.account_id)
        body |= {"positive": OWED if owed else HELD, "ledger": _number(-ledger if owed else ledger, as_text=as_text)}
        if available is not None:
            body["available"] = _number(available, as_text=as_text)
        if is_stated:
            body |= {"date": account.bank.local_date(at).isoformat()} if self._dates_only else {"as_of": at.isoformat()}
        return body

    def _spoil_row(self, body: dict[str, object], row: Row) -> None:
        """A15 and A18: what the documentation does not promise."""
        if self._view.strikes("A18", self._slug, row.world_id):
            del body["currency"]
        if not self._view.strikes("A15", self._slug, row.world_id):
            return
        luck = int(self._view.draw("oddity", row.world_id) * 4)
        if luck == 0:
            body["kind"] = "QUANTUM_SETTLEMENT"
        elif luck == 1:
            body["brand_new"] = [{"nested": None}, 3]
        elif luck == 2:
            del body["kind"]
            body.pop("counterparty", None)
        else:
            body |= {"original_amount": None, "fee": None, "counterparty": None}


def _number(number: Decimal, *, as_text: bool) -> Decimal | str:
    """The number without a negative zero, which no bank means; as text with two more decimals."""
    plain = number or abs(number)
    return f"{plain:f}{'00' if '.' in f'{plain:f}' else '.00'}" if as_text else plain
