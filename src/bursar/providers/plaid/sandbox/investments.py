"""How does Plaid describe securities, holdings and investment transactions?"""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from bursar.providers.plaid.sandbox.ids import IdMint
from bursar.providers.plaid.sandbox.transactions import plain
from bursar.sandbox.investing import Position
from bursar.sandbox.ledger import Purpose, Row
from bursar.sandbox.market import SECURITIES, SecurityKind
from bursar.sandbox.world import World

_CASH = "CUR:USD"
_TYPES = {SecurityKind.EQUITY: "equity", SecurityKind.ETF: "etf", SecurityKind.MUTUAL_FUND: "mutual fund"}
_KINDS = {
    Purpose.BUY: ("buy", "buy"),
    Purpose.SELL: ("sell", "sell"),
    Purpose.DIVIDEND: ("cash", "dividend"),
    Purpose.FEE: ("fee", "account fee"),
    Purpose.INTEREST: ("cash", "interest"),
}


def render_security(mint: IdMint, world: World, symbol: str, on: date) -> dict[str, object]:
    """The wire object of a security or of cash; CUSIP and ISIN are withheld, as they are without a licence."""
    security = SECURITIES.get(symbol)
    unknown = dict.fromkeys(
        (
            "isin",
            "cusip",
            "sedol",
            "figi",
            "institution_security_id",
            "institution_id",
            "proxy_security_id",
            "market_identifier_code",
            "sector",
            "industry",
            "cfi_code",
            "option_contract",
            "fixed_income",
        ),
        None,
    )
    return {
        **unknown,
        "security_id": _security_id(mint, symbol),
        "name": "U S Dollar" if security is None else security.name,
        "ticker_symbol": symbol,
        "is_cash_equivalent": security is None,
        "type": "cash" if security is None else _TYPES[security.kind],
        "close_price": Decimal(1) if security is None else world.market.price(symbol, on),
        "close_price_as_of": on.isoformat(),
        "update_datetime": None,
        "iso_currency_code": "USD" if security is None else security.currency,
        "unofficial_currency_code": None,
    }


def render_holdings(mint: IdMint, world: World, world_account_id: str, account_id: str) -> list[dict[str, object]]:
    """The positions of an account and its cash, which Plaid lists as one more holding."""
    cash = world.balance(world_account_id)
    on = world.accounts[world_account_id].bank.local_date(world.now)
    cash_position = Position(_CASH, cash, cash, Decimal(1), on)
    return [
        {
            "account_id": account_id,
            "security_id": _security_id(mint, position.symbol),
            "quantity": position.quantity,
            "institution_price": position.price,
            "institution_price_as_of": position.price_on.isoformat(),
            "institution_price_datetime": None,
            "institution_value": position.value,
            "cost_basis": position.cost,
            "vested_quantity": None,
            "vested_value": None,
            "iso_currency_code": "USD",
            "unofficial_currency_code": None,
        }
        for position in (*world.positions(world_account_id), cash_position)
    ]


def symbols_held(world: World, world_account_ids: Iterable[str]) -> list[str]:
    """The symbols that the holdings of some accounts mention, cash included."""
    held = {position.symbol for account_id in world_account_ids for position in world.positions(account_id)}
    return [*sorted(held), _CASH]


def render_investment_transaction(mint: IdMint, item_id: str, row: Row, account_id: str) -> dict[str, object]:
    """The wire object; amounts are positive when cash leaves, quantities when units arrive."""
    kind, subtype = _KINDS.get(row.purpose, ("cash", "deposit" if row.amount > 0 else "withdrawal"))
    trade = row.trade
    return {
        "investment_transaction_id": mint.opaque("investment", item_id, row.world_id),
        "account_id": account_id,
        "security_id": _security_id(mint, trade.symbol if trade else _CASH),
        "date": row.booked_on.isoformat(),
        "transaction_datetime": None,
        "name": row.description,
        "quantity": trade.quantity if trade else Decimal(0),
        "amount": plain(-row.amount),
        "price": trade.price if trade and trade.quantity else Decimal(0),
        "fees": trade.fees if trade else None,
        "type": kind,
        "subtype": subtype,
        "cancel_transaction_id": None,
        "iso_currency_code": row.currency,
        "unofficial_currency_code": None,
    }


def _security_id(mint: IdMint, symbol: str) -> str:
    return mint.opaque("security", symbol)
