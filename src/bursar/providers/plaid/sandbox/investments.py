"""How does Plaid describe securities, holdings and investment transactions?"""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from bursar.providers.plaid.sandbox.ids import IdMint
from bursar.providers.plaid.sandbox.transactions import currency_codes, plain
from bursar.sandbox.investing import Position
from bursar.sandbox.ledger import Purpose, Row
from bursar.sandbox.market import SECURITIES, SecurityKind
from bursar.sandbox.people import Account
from bursar.sandbox.world import World

_CASH = "CUR:"
_CASH_NAMES = {"USD": "U S Dollar"}
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
    cash_currency = symbol.removeprefix(_CASH)
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
        "name": security.name if security else _CASH_NAMES.get(cash_currency, cash_currency),
        "ticker_symbol": symbol,
        "is_cash_equivalent": security is None,
        "type": "cash" if security is None else _TYPES[security.kind],
        "close_price": Decimal(1) if security is None else world.market.price(symbol, on),
        "close_price_as_of": on.isoformat(),
        "update_datetime": None,
        **currency_codes(security.currency if security else cash_currency),
    }


def positions_with_cash(world: World, account: Account) -> list[Position]:
    """The positions of an account and its cash, which Plaid lists as one more holding."""
    cash = world.balance(account.account_id)
    on = account.bank.local_date(world.now)
    return [*world.positions(account.account_id), Position(_CASH + account.currency, cash, cash, Decimal(1), on)]


def render_holdings(
    mint: IdMint, account: Account, account_id: str, positions: Iterable[Position]
) -> list[dict[str, object]]:
    """The wire objects of an account's positions."""
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
            **currency_codes(account.currency),
        }
        for position in positions
    ]


def symbol_of(row: Row) -> str:
    """The symbol that a row concerns; cash has one too."""
    return row.trade.symbol if row.trade else _CASH + row.currency


def render_investment_transaction(row: Row, account_id: str, transaction_id: str, mint: IdMint) -> dict[str, object]:
    """The wire object; amounts are positive when cash leaves, quantities when units arrive."""
    kind, subtype = _KINDS.get(row.purpose, ("cash", "deposit" if row.amount > 0 else "withdrawal"))
    trade = row.trade
    return {
        "investment_transaction_id": transaction_id,
        "account_id": account_id,
        "security_id": _security_id(mint, symbol_of(row)),
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
        **currency_codes(row.currency),
    }


def _security_id(mint: IdMint, symbol: str) -> str:
    return mint.opaque("security", symbol)
