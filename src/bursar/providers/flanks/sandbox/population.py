"""Which end users does an application have beyond the people of the simulated world?"""

from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

from bursar.providers.flanks.sandbox.extraction import Extraction, Member
from bursar.providers.flanks.sandbox.ids import IdMint
from bursar.sandbox.world import World

_NAMES = ("Núria Bosch", "山田 太郎", "Żaneta Wiśniewska", "Ольга Петрова", "José Ibáñez", "Ana Ruiz")
_CURRENCIES = ("EUR", "USD", "GBP", "JPY", "CHF")
_KINDS = ("F", "VI", "ETF", "FI", "L")
_LONG_AMOUNT = Decimal("12345678901234567.89")


def invent(world: World, mint: IdMint, token: str, number: int) -> Extraction:
    """Invent what one credential holds: everything of it follows from its number.

    Two portfolios, five positions, two accounts with 30 movements, a card, a debt, movements of each, one identity, two
    holders. Among them are an amount of more than 17 digits, a zero, a negative one and an unknown one, names in
    several scripts, and five currencies.
    """
    return _Inventor(world, mint, token, number).invent()


class _Inventor:
    def __init__(self, world: World, mint: IdMint, token: str, number: int) -> None:
        self._world = world
        self._mint = mint
        self._token = token
        self._number = number
        self._dice = Random(f"{world.seed}|flanks|{number}")  # noqa: S311 - reproducibility is the point
        self._person = _NAMES[number % len(_NAMES)]
        self._found = Extraction()

    def invent(self) -> Extraction:
        portfolios = [self._portfolio(index) for index in range(2)]
        for index in range(5):
            self._position(index, portfolios[index % 2])
        for index in range(2):
            self._account(index)
        self._card()
        self._debt()
        self._people()
        return self._found

    def _id(self, prefix: str, *parts: object) -> str:
        return self._mint.opaque(prefix, self._token, *(str(part) for part in parts))

    def _money(self, low: int, high: int) -> Decimal:
        return Decimal(self._dice.randint(low * 100, high * 100)).scaleb(-2)

    def _common(self, index: int = 0) -> Member:
        return {
            "currency": _CURRENCIES[(self._number + index) % len(_CURRENCIES)],
            "entity": "testbank",
            "external_id": None,
            "updated_at_timestamp": int(self._world.started_at.timestamp()),
        }

    def _portfolio(self, index: int) -> Member:
        portfolio: Member = {
            "_id": self._id("pf", index),
            "name": f"Cartera {self._person} {index + 1}",
            "type": "MIX",
            "balance": Decimal(0),
            "refValores": f"0049-{self._number:03d}{index}",
            "refAccount": None,
            "refAccounts": [],
            "owners": [self._person],
            **self._common(),
        }
        self._found.portfolios.append(portfolio)
        return portfolio

    def _position(self, index: int, portfolio: Member) -> None:
        value = Decimal(0) if index == 4 else self._money(500, 90_000)
        position: Member = {
            "_id": self._id("inv", index),
            "name": f"Fondo Global {index}",
            "isin": f"LU{self._number:05d}{index:05d}",
            "cusip": None,
            "symbol": None,
            "portfolio_id": portfolio["_id"],
            "type": _KINDS[index],
            "subtype": None,
            "amount": Decimal(self._dice.randint(1, 10**7)).scaleb(-4),
            "balance": value,
            **self._common(),
        }
        portfolio["balance"] += value
        self._found.investments.append(position)
        self._found.investment_transactions.append(
            self._movement("itx", index, "investment_id", position, -value)
            | {"refValores": portfolio["refValores"], "type": 1, "units": position["amount"], "price": None}
        )

    def _account(self, index: int) -> None:
        account: Member = {
            "_id": self._id("acc", index),
            "iban": f"ES{self._number:02d}0182{index:016d}",
            "alias": ("Cuenta nómina", "Ahorro")[index],
            "description": "Cuenta corriente",
            "balance": _LONG_AMOUNT if self._number == 0 and index == 0 else self._money(-100, 9_000),
            "isOwner": True,
            "numOwners": 1,
            "owners": [self._person],
            "type": "cashAccount",
            **self._common(index),
        }
        self._found.accounts.append(account)
        for step in range(15):
            amount = (Decimal(0), None)[step] if step < 2 and self._number == 0 else self._money(-300, 300)
            self._found.account_transactions.append(
                self._movement("tx", 15 * index + step, "account_id", account, amount)
                | {"balance": None, "productDescription": account["alias"], "cardNumber": None, "transfer": None}
                | {"category": "Ocio"}
            )

    def _card(self) -> None:
        card: Member = {
            "_id": self._id("card"),
            "name": "Visa Oro",
            "pan": f"************{self._number:04d}",
            "balance": self._money(-900, 0),
            "availableBalance": Decimal("2000.00"),
            "limit": 3000,
            "type": "credit",
            **self._common(),
        }
        self._found.cards.append(card)
        self._found.card_transactions.append(self._movement("ctx", 0, "card_id", card, Decimal("-25.00")))

    def _debt(self) -> None:
        debt: Member = {
            "_id": self._id("lia"),
            "name": "Hipoteca",
            "type": "Loan",
            "balance": -self._money(50_000, 200_000),
            "availableBalance": None,
            "limit": None,
            "interestRate": Decimal("2.5"),
            **self._common(),
        }
        self._found.liabilities.append(debt)
        self._found.liability_transactions.append(self._movement("ltx", 0, "liability_id", debt, Decimal("-620.15")))

    def _people(self) -> None:
        self._found.identity = {
            "_id": self._id("id"),
            "name": self._person,
            "contactInfo": {"email": f"user{self._number}@example.test", "phone": "+34600000000"},
            "address": {"street": "Gran Via 1", "city": "Madrid", "postalCode": "28013", "country": "ES"},
        }
        self._found.holders = [
            {
                "_id": self._id("hol", rel),
                "product_id": self._found.portfolios[0]["_id"],
                "rel": rel,
                "name": self._person,
                "document_type": "DNI",
                "document_number": f"{self._number:08d}T",
            }
            for rel in ("Titular", "Autorizado")
        ]

    def _movement(
        self, prefix: str, index: int, member: str, product: Member, amount: Decimal | None
    ) -> dict[str, Any]:
        day = self._world.started_at.date() - timedelta(days=index + 1)
        return {
            "_id": self._id(prefix, index),
            member: product["_id"],
            "amount": amount,
            "currency": product["currency"],
            "operationDate": day.isoformat(),
            "valueDate": day.isoformat(),
            "description": f"Movimiento {index} – {self._person}",
            "category": None,
            "entity": "testbank",
        }
