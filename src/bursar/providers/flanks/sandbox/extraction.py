"""What does Flanks find behind one login of the simulated world?"""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from bursar.providers.flanks.sandbox.blemishes import Blemishes
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
    unread: frozenset[str] = frozenset()
    """Ids of positions that the products list and whose details are missing."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Whose eyes a login is read with: ids belong to the credential, and some to the last time its holder signed in.

    `copy` counts the credentials of the login that were made before. The epochs are zero until an id changes.
    """

    token: str
    login: Login
    copy: int
    account_epoch: int = 0
    row_epoch: int = 0


def extract(world: World, access: Access, mint: IdMint, *, at: datetime | None = None) -> Extraction:
    """Read a login as it is now, or with its movements as of an earlier instant.

    Args:
        world: the world.
        access: the login, and what its ids are made from.
        mint: makes the ids.
        at: as of when the movements are; None: as new as they are.
    """
    found = Extraction()
    blemishes = Blemishes(world.view)
    rows_at = min(blemishes.rows_at(access.token, world.now), at or world.now)
    shown = world.shown_accounts(access.login)
    for account in shown:
        _Reader(world, account, mint, access, blemishes, rows_at).read_into(found)
    if shown:
        person = shown[0].holders[0]
        found.identity = {
            "_id": mint.opaque("id", person.email, str(access.copy)),
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

    def __init__(
        self, world: World, account: Account, mint: IdMint, access: Access, blemishes: Blemishes, rows_at: datetime
    ) -> None:
        self._world = world
        self._account = account
        self._mint = mint
        self._access = access
        self._blemishes = blemishes
        self._rows_at = rows_at
        told_at = blemishes.balance_at(access.token, account, world.now)
        self._is_balance_told = told_at is not None
        self._told_at = told_at or world.now
        self._truth = world.truth(account.account_id, self._told_at)
        # An id is made from the credential and the account, so a second credential gives other ids.
        epoch = access.account_epoch if shows_number(account) else 0
        self._id = account.account_id + (f".{access.copy}" if access.copy else "") + (f"~{epoch}" if epoch else "")
        mint.accounts[self._id] = account.account_id

    def read_into(self, found: Extraction) -> None:
        kind = self._account.kind
        rows = self._world.truth(self._account.account_id, self._rows_at).settled
        if kind is AccountKind.BROKERAGE:
            found.portfolios.append(self._portfolio())
            found.investments.extend(self._investments())
            found.unread |= self._unread_positions()
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
            "updated_at_timestamp": int(self._told_at.timestamp()),
        }

    def _varied(self, member: Member) -> Member:
        if not self._is_balance_told:
            member["balance"] = None
        self._blemishes.vary_account(self._account, member)
        return member

    def _owners(self) -> list[str]:
        return [person.name for person in self._account.holders]

    def _cash_account(self) -> Member:
        account = self._account
        return self._varied(
            {
                "_id": self._id,
                "iban": iban_of(account) if shows_number(account) else None,
                "alias": account.name,
                "description": account.official_name,
                "balance": self._truth.balance,
                "isOwner": True,
                "numOwners": len(account.holders),
                "owners": self._owners(),
                "type": "cashAccount",
                **self._common(),
            }
        )

    def _card(self) -> Member:
        account = self._account
        truth = self._truth
        limit = account.credit_limit
        return self._varied(
            {
                "_id": self._id,
                "name": account.name,
                "pan": "*" * (len(account.number) - 4) + account.mask,
                "balance": truth.balance,
                "availableBalance": None
                if limit is None
                else limit + truth.balance + sum((row.amount for row in truth.pending), Decimal(0)),
                "limit": limit,
                "type": "credit",
                **self._common(),
            }
        )

    def _liability(self) -> Member:
        account = self._account
        return self._varied(
            {
                "_id": self._id,
                "name": account.name,
                "type": "Loan",
                "balance": self._truth.balance,
                "availableBalance": None,
                "limit": None,
                "interestRate": account.annual_rate * _PERCENT,
                **self._common(),
            }
        )

    def _portfolio(self) -> Member:
        account = self._account
        total = sum((one["balance"] for one in self._investments()), Decimal(0))
        return {
            "_id": self._id,
            "name": account.name,
            "type": "MIX",
            "balance": total if self._is_balance_told else None,
            "refValores": account.number,
            "refAccount": None,
            "refAccounts": None,
            "owners": self._owners(),
            **self._common(),
        }

    def _investments(self) -> list[Member]:
        account_id = self._account.account_id
        cash = self._truth.balance
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
            for position in self._world.positions(account_id, self._told_at)
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
            "_id": self._row_id("itx", row),
            "investment_id": self._investment_id(trade.symbol if trade else "cash"),
            "refValores": self._account.number,
            "type": _MOVEMENT_TYPES.get(row.purpose, 6 if row.amount > 0 else 7),
            "amount": row.amount,
            "units": trade.quantity if trade and trade.quantity else None,
            "price": trade.price if trade and trade.quantity else None,
            "currency": row.currency,
            "operationDate": row.booked_on.isoformat(),
            "valueDate": row.booked_on.isoformat(),
            "description": self._blemishes.reword(row.world_id, row.description, self._world.now),
            "entity": self._account.bank.key,
        }

    def _movement(self, row: Row, product_member: str) -> Member:
        return {
            "_id": self._row_id("tx", row),
            product_member: self._id,
            "amount": row.amount,
            "balance": None,
            "currency": row.currency,
            "operationDate": row.booked_on.isoformat(),
            "valueDate": row.booked_on.isoformat(),
            "description": self._blemishes.reword(row.world_id, row.description, self._world.now),
            "productDescription": self._account.official_name,
            "category": row.purpose.value.replace("_", " ").capitalize(),
            "entity": self._account.bank.key,
        }

    def _row_id(self, prefix: str, row: Row) -> str:
        epoch = self._access.row_epoch
        row_id = self._mint.opaque(prefix, row.world_id, str(self._access.copy), *((str(epoch),) if epoch else ()))
        self._mint.rows[row_id] = row.world_id
        return row_id

    def _unread_positions(self) -> frozenset[str]:
        now, account = self._world.now, self._account
        return frozenset(
            self._investment_id(position.symbol)
            for position in self._world.positions(account.account_id, self._told_at)
            if self._blemishes.lacks_position(self._access.token, position.symbol, account, now)
        )

    def _investment_id(self, symbol: str) -> str:
        return f"{self._id}/{symbol}"


def shows_number(account: Account) -> bool:
    """Whether the number of an account or card is told, all of it or its end.

    The id of any other is made from the credential for ever: nothing would say under another id that it is the same.
    """
    if account.kind in (AccountKind.CHECKING, AccountKind.SAVINGS):
        return account.bank.country in _IBAN_COUNTRIES
    return account.kind is AccountKind.CREDIT_CARD


def iban_of(account: Account) -> str:
    """The international number with correct check digits."""
    bank = account.bank
    inner = f"{bank.bic[:4]}{bank.bank_code}{account.number[-8:]}" if bank.country == "GB" else ""
    inner = inner or f"{bank.bank_code}{account.number}"
    digits = "".join(str(int(letter, 36)) for letter in f"{inner}{bank.country}00")
    return f"{bank.country}{98 - int(digits) % 97:02d}{inner}"
