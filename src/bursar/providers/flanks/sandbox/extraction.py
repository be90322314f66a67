"""What does Flanks find behind one login of the simulated world?"""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from bursar.providers.flanks.sandbox.ids import IdMint
from bursar.sandbox.ledger import Purpose, Row
from bursar.sandbox.market import SECURITIES, SecurityKind
from bursar.sandbox.people import Account, AccountKind, Login
from bursar.sandbox.world import World

Member = dict[str, Any]

_INVESTMENT_TYPES = {SecurityKind.EQUITY: "VI", SecurityKind.ETF: "ETF", SecurityKind.MUTUAL_FUND: "F"}
# Flanks numbers kinds of movements from 1 to 90 and publishes no list; these numbers are this simulator's own.
_MOVEMENT_TYPES = {Purpose.BUY: 1, Purpose.SELL: 2, Purpose.DIVIDEND: 3, Purpose.FEE: 4, Purpose.INTEREST: 5}
_PERCENT = Decimal(100)
_IBAN_COUNTRIES = frozenset({"GB", "DE"})


@dataclass(slots=True)
class Extraction:
    """The objects of one credential, in the documented shape of Aggregation v1."""

    portfolios: list[Member] = field(default_factory=list[Member])
    investments: list[Member] = field(default_factory=list[Member])
    investment_transactions: list[Member] = field(default_factory=list[Member])
    accounts: list[Member] = field(default_factory=list[Member])
    account_transactions: list[Member] = field(default_factory=list[Member])
    liabilities: list[Member] = field(default_factory=list[Member])
    liability_transactions: list[Member] = field(default_factory=list[Member])
    cards: list[Member] = field(default_factory=list[Member])
    card_transactions: list[Member] = field(default_factory=list[Member])
    identity: Member = field(default_factory=dict[str, Any])
    holders: list[Member] = field(default_factory=list[Member])

    @property
    def products(self) -> list[tuple[str, Member]]:
        """Kind and object of everything that Aggregation v2 lists."""
        return [
            *(("Account", one) for one in self.accounts),
            *(("Card", one) for one in self.cards),
            *(("Investment", one) for one in self.investments),
            *(("Liability", one) for one in self.liabilities),
        ]

    @property
    def transactions(self) -> list[tuple[str, Member]]:
        """The name of the product's member, and the object, of every movement."""
        return [
            *(("account_id", one) for one in self.account_transactions),
            *(("card_id", one) for one in self.card_transactions),
            *(("investment_id", one) for one in self.investment_transactions),
            *(("liability_id", one) for one in self.liability_transactions),
        ]


def extract(world: World, login: Login, mint: IdMint, copy: int) -> Extraction:
    """Read a login as it is now.

    Args:
        world: the world.
        login: at one bank.
        mint: makes the ids.
        copy: how many credentials of this login were made before; their objects have other ids.
    """
    found = Extraction()
    for account in login.accounts:
        _Reader(world, account, mint, copy).read_into(found)
    if login.accounts:
        person = login.accounts[0].holders[0]
        found.identity = {
            "_id": mint.opaque("id", person.email, str(copy)),
            "name": person.name,
            "contactInfo": {"email": person.email, "phone": person.phone},
            "address": {
                "street": person.street,
                "city": person.city,
                "postalCode": person.postal_code,
                "country": person.country,
            },
        }
    return found


class _Reader:
    """One account of the world, told as Flanks tells it."""

    def __init__(self, world: World, account: Account, mint: IdMint, copy: int) -> None:
        self._world = world
        self._account = account
        self._mint = mint
        self._copy = str(copy)
        # An id is made from the credential and the account, so a second credential gives other ids.
        self._id = account.account_id if copy == 0 else f"{account.account_id}.{copy}"

    def read_into(self, found: Extraction) -> None:
        kind = self._account.kind
        rows = self._world.truth(self._account.account_id).settled
        if kind is AccountKind.BROKERAGE:
            found.portfolios.append(self._portfolio())
            found.investments.extend(self._investments())
            found.investment_transactions.extend(self._investment_transaction(row) for row in rows)
        elif kind is AccountKind.CREDIT_CARD:
            found.cards.append(self._card())
            found.card_transactions.extend(self._movement(row, "card_id") for row in rows)
        elif kind is AccountKind.LOAN:
            found.liabilities.append(self._liability())
            found.liability_transactions.extend(self._movement(row, "liability_id") for row in rows)
        else:
            found.accounts.append(self._cash_account())
            found.account_transactions.extend(
                self._movement(row, "account_id") | {"cardNumber": None, "transfer": None} for row in rows
            )
        for holder in self._account.holders:
            found.holders.append(
                {
                    "_id": self._mint.opaque("hol", self._id, holder.email),
                    "product_id": self._id,
                    "rel": "Titular",
                    "name": holder.name,
                    "document_type": None,
                    "document_number": None,
                }
            )

    def _common(self) -> Member:
        account = self._account
        return {
            "currency": account.currency,
            "entity": account.bank.key,
            "external_id": None,
            "updated_at_timestamp": int(self._world.now.timestamp()),
        }

    def _owners(self) -> list[str]:
        return [person.name for person in self._account.holders]

    def _cash_account(self) -> Member:
        account = self._account
        return {
            "_id": self._id,
            "iban": iban_of(account) if account.bank.country in _IBAN_COUNTRIES else None,
            "alias": account.name,
            "description": account.official_name,
            "balance": self._world.balance(account.account_id),
            "isOwner": True,
            "numOwners": len(account.holders),
            "owners": self._owners(),
            "type": "cashAccount",
            **self._common(),
        }

    def _card(self) -> Member:
        account = self._account
        log = self._world.get_log(account.account_id)
        limit = account.credit_limit
        return {
            "_id": self._id,
            "name": account.name,
            "pan": "*" * (len(account.number) - 4) + account.mask,
            "balance": log.balance,
            "availableBalance": None if limit is None else limit + log.balance + log.pending_total,
            "limit": limit,
            "type": "credit",
            **self._common(),
        }

    def _liability(self) -> Member:
        account = self._account
        return {
            "_id": self._id,
            "name": account.name,
            "type": "Loan",
            "balance": self._world.balance(account.account_id),
            "availableBalance": None,
            "limit": None,
            "interestRate": account.annual_rate * _PERCENT,
            **self._common(),
        }

    def _portfolio(self) -> Member:
        account = self._account
        total = sum((one["balance"] for one in self._investments()), Decimal(0))
        return {
            "_id": self._id,
            "name": account.name,
            "type": "MIX",
            "balance": total,
            "refValores": account.number,
            "refAccount": None,
            "refAccounts": None,
            "owners": self._owners(),
            **self._common(),
        }

    def _investments(self) -> list[Member]:
        account_id = self._account.account_id
        cash = self._world.balance(account_id)
        held = [
            {
                "_id": self._investment_id(position.symbol),
                "name": SECURITIES[position.symbol].name,
                "isin": SECURITIES[position.symbol].isin,
                "cusip": SECURITIES[position.symbol].cusip,
                "symbol": position.symbol,
                "portfolio_id": self._id,
                "type": _INVESTMENT_TYPES[SECURITIES[position.symbol].kind],
                "subtype": None,
                "amount": position.quantity,
                "balance": position.value,
                **self._common(),
            }
            for position in self._world.positions(account_id)
        ]
        liquidity = {
            "_id": self._investment_id("cash"),
            "name": "Cash",
            "isin": None,
            "cusip": None,
            "symbol": None,
            "portfolio_id": self._id,
            "type": "L",
            "subtype": None,
            "amount": cash,
            "balance": cash,
            **self._common(),
        }
        return [*held, liquidity]

    def _investment_transaction(self, row: Row) -> Member:
        trade = row.trade
        return {
            "_id": self._mint.opaque("itx", row.world_id, self._copy),
            "investment_id": self._investment_id(trade.symbol if trade else "cash"),
            "refValores": self._account.number,
            "type": _MOVEMENT_TYPES.get(row.purpose, 6 if row.amount > 0 else 7),
            "amount": row.amount,
            "units": trade.quantity if trade and trade.quantity else None,
            "price": trade.price if trade and trade.quantity else None,
            "currency": row.currency,
            "operationDate": row.booked_on.isoformat(),
            "valueDate": row.booked_on.isoformat(),
            "description": row.description,
            "entity": self._account.bank.key,
        }

    def _movement(self, row: Row, product_member: str) -> Member:
        return {
            "_id": self._mint.opaque("tx", row.world_id, self._copy),
            product_member: self._id,
            "amount": row.amount,
            "balance": None,
            "currency": row.currency,
            "operationDate": row.booked_on.isoformat(),
            "valueDate": row.booked_on.isoformat(),
            "description": row.description,
            "productDescription": self._account.official_name,
            "category": row.purpose.value.replace("_", " ").capitalize(),
            "entity": self._account.bank.key,
        }

    def _investment_id(self, symbol: str) -> str:
        return f"{self._id}/{symbol}"


def iban_of(account: Account) -> str:
    """The international number with correct check digits."""
    bank = account.bank
    inner = f"{bank.bic[:4]}{bank.bank_code}{account.number[-8:]}" if bank.country == "GB" else ""
    inner = inner or f"{bank.bank_code}{account.number}"
    digits = "".join(str(int(letter, 36)) for letter in f"{inner}{bank.country}00")
    return f"{bank.country}{98 - int(digits) % 97:02d}{inner}"
