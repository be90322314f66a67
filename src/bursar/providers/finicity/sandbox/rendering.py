"""How does Finicity describe accounts, rows, positions and owners, well or badly?"""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo

from bursar.providers.finicity.sandbox.listing import Listed
from bursar.sandbox.ledger import Purpose, Row
from bursar.sandbox.market import SECURITIES, SecurityKind
from bursar.sandbox.people import Account, AccountKind, Person
from bursar.sandbox.world import World

Member = dict[str, object]
DayTimes = Literal["local_midnight", "noon_utc"]

_PLACE = "finicity"
_TYPES = {
    AccountKind.CHECKING: "checking",
    AccountKind.SAVINGS: "savings",
    AccountKind.CREDIT_CARD: "creditCard",
    AccountKind.LOAN: "studentLoan",
    AccountKind.BROKERAGE: "brokerageAccount",
}
_OWED = frozenset({AccountKind.CREDIT_CARD, AccountKind.LOAN})
_TURNED = frozenset({AccountKind.CREDIT_CARD, AccountKind.BROKERAGE})
_SECURITY_TYPES = {SecurityKind.EQUITY: "Stock", SecurityKind.ETF: "ETF", SecurityKind.MUTUAL_FUND: "Mutual Fund"}
_CATEGORIES = {
    Purpose.SALARY: ("Paycheck", "directDeposit"),
    Purpose.RENT: ("Mortgage & Rent", "payment"),
    Purpose.UTILITIES: ("Utilities", "payment"),
    Purpose.SUBSCRIPTION: ("Streaming Services", "repeatPayment"),
    Purpose.GROCERIES: ("Groceries", "pointOfSale"),
    Purpose.COFFEE: ("Coffee Shops", "pointOfSale"),
    Purpose.RESTAURANT: ("Restaurants", "pointOfSale"),
    Purpose.FUEL: ("Gas & Fuel", "pointOfSale"),
    Purpose.SHOPPING: ("Shopping", "debit"),
    Purpose.CASH: ("Cash & ATM", "atm"),
    Purpose.CARD_PAYMENT: ("Credit Card Payment", "payment"),
    Purpose.TRANSFER: ("Transfer", "transfer"),
    Purpose.INTEREST: ("Interest Income", "interest"),
    Purpose.FEE: ("Bank Fee", "fee"),
    Purpose.LOAN_PAYMENT: ("Loan Payment", "payment"),
    Purpose.OTHER: ("Uncategorized", "other"),
}
_MOVEMENTS = {
    Purpose.BUY: "purchased",
    Purpose.SELL: "sold",
    Purpose.DIVIDEND: "dividend",
    Purpose.FEE: "fee",
    Purpose.INTEREST: "interest",
    Purpose.TRANSFER: "transfer",
}


class Renderer:
    """Turns what is true into wire objects.

    Args:
        world: the world.
        day_times: at which time of its day a day stands on the wire.
        amounts: `holder` (withdrawals are negative everywhere), or `statement` (cards and investments turned round).
    """

    def __init__(self, world: World, day_times: DayTimes, amounts: Literal["holder", "statement"]) -> None:
        self._world = world
        self._view = world.view
        self._day_times = day_times
        self._amounts = amounts

    def account(self, account: Account, ids: Member, created_at: datetime, code: int, *, is_ready: bool) -> Member:
        """An account; `ids` are its own, its customer's, its institution's and its login's."""
        now = self._world.now
        at, is_told = self._balance_at(account, str(ids["id"]))
        truth = self._world.truth(account.account_id, None if at >= now else at)
        balance = truth.balance
        if account.kind is AccountKind.BROKERAGE:
            balance += sum((one.value for one in self._world.positions(account.account_id, at)), Decimal(0))
        # Most institutions say how much is owed; some say it as a negative balance.
        owed_positive = not self._view.strikes("A14", _PLACE, "balance", account.account_id)
        shown = -balance if account.kind in _OWED and owed_positive else balance
        known = is_told and is_ready
        days = [row.booked_on for row in truth.settled]
        member: Member = {
            **ids,
            "number": f"xxxx{account.mask}",
            "accountNumberDisplay": account.mask,
            "realAccountNumberLast4": account.mask,
            "name": account.name,
            "balance": plain(shown) if known else None,
            "type": _TYPES[account.kind],
            "status": "active" if is_ready else "pending",
            "aggregationStatusCode": code,
            "currency": account.currency,
            "createdDate": int(created_at.timestamp()),
            "balanceDate": int(at.timestamp()) if known else None,
            "aggregationSuccessDate": int(now.timestamp()) if code == 0 else None,
            "aggregationAttemptDate": int(now.timestamp()),
            "lastTransactionDate": self.stamp(max(days), account.bank.zone) if days else None,
            "oldestTransactionDate": self.stamp(min(days), account.bank.zone) if days else None,
            "detail": self._detail(account, truth.balance, sum((row.amount for row in truth.pending), Decimal(0))),
        }
        if account.kind is AccountKind.BROKERAGE:
            member["position"] = self.positions(account, str(ids["id"]), at)
        self._vary_account(account, member)
        return member

    def positions(self, account: Account, account_id: str, at: datetime) -> list[Member]:
        """The holdings at an instant; with A17 one of them lacks its units."""
        listed: list[Member] = []
        for position in self._world.positions(account.account_id, at):
            security = SECURITIES[position.symbol]
            member: Member = {
                "id": f"{account_id}{len(position.symbol)}{security.cusip}",
                "symbol": position.symbol,
                "securityName": security.name,
                "description": security.name,
                "units": position.quantity,
                "currentPrice": position.price,
                "currentPriceDate": self.stamp(position.price_on, account.bank.zone),
                "marketValue": position.value,
                "costBasis": position.cost,
                "securityType": _SECURITY_TYPES[security.kind],
                "posType": "LONG",
                "securityId": security.cusip,
                "securityIdType": "CUSIP",
                "securityCurrency": security.currency,
            }
            if self._strikes_now("A17", account.account_id, position.symbol):
                del member["units"]
            listed.append(member)
        return listed

    def transactions(self, account: Account, account_id: int, customer_id: int, rows: Sequence[Listed]) -> list[Member]:
        """The rows of one account with the balance after each, in their order."""
        running = self._world.get_log(account.account_id).opening_balance
        owed_positive = not self._view.strikes("A14", _PLACE, "balance", account.account_id)
        trimmed = self._view.strikes("A14", _PLACE, "decimals", account.account_id)
        is_turned = self._amounts == "statement" and account.kind in _TURNED
        members: list[Member] = []
        for one in rows:
            if one.status == "active":
                running += one.row.amount
            member = self._transaction(one, account, account_id, customer_id)
            amount = plain(-one.row.amount if is_turned else one.row.amount)
            member["amount"] = short(amount) if trimmed else amount
            if one.status == "active" and account.kind is not AccountKind.BROKERAGE:
                member["runningBalanceAmount"] = plain(-running if account.kind in _OWED and owed_positive else running)
            self._vary_row(one.row, member)
            members.append(member)
        return members

    def stamp(self, day: date, zone: ZoneInfo) -> int:
        """A calendar date of a bank as seconds since 1970."""
        if self._day_times == "noon_utc":
            return int(datetime.combine(day, time(12), ZoneInfo("UTC")).timestamp())
        return int(datetime.combine(day, time(), zone).timestamp())

    def _transaction(self, one: Listed, account: Account, account_id: int, customer_id: int) -> Member:
        row, zone = one.row, account.bank.zone
        category, word = _CATEGORIES.get(row.purpose, ("Investments", None))
        member: Member = {
            "id": one.number,
            "uniqueTransactionId": f"{account_id}-{one.number}",
            "accountId": account_id,
            "customerId": customer_id,
            "amount": Decimal(0),
            "status": one.status,
            "description": one.text,
            "memo": None,
            "type": word,
            "transactionDate": self.stamp(one.happened_on, zone),
            "createdDate": int(row.occurred_at.timestamp()),
            "categorization": {
                "normalizedPayeeName": row.counterparty or row.description.title(),
                "category": category,
                "bestRepresentation": row.description,
                "country": "USA",
            },
        }
        if one.status == "active":
            member["postedDate"] = self.stamp(row.booked_on, zone)
        if account.kind is AccountKind.BROKERAGE:
            member["type"] = None
            member["investmentTransactionType"] = _MOVEMENTS.get(row.purpose, "otherInfo")
        if row.trade is not None:
            security = SECURITIES[row.trade.symbol]
            member |= {
                "ticker": row.trade.symbol,
                "securityId": security.cusip,
                "securityIdType": "CUSIP",
                "unitQuantity": row.trade.quantity,
                "unitPrice": row.trade.price,
                "commissionAmount": row.trade.fees,
            }
        return member

    def _detail(self, account: Account, balance: Decimal, pending: Decimal) -> Member:
        if account.kind is AccountKind.CREDIT_CARD and account.credit_limit is not None:
            left = account.credit_limit + balance + pending
            return {"creditMaxAmount": account.credit_limit, "creditAvailableAmount": plain(left)}
        if account.kind is AccountKind.LOAN:
            return {"interestRate": f"{account.annual_rate * 100:f}", "principalBalance": abs(balance)}
        if account.kind is AccountKind.BROKERAGE:
            return {}
        return {"availableBalanceAmount": plain(balance + pending)}

    def _balance_at(self, account: Account, account_id: str) -> tuple[datetime, bool]:
        """A16: as of when a balance is, and whether it is told at all."""
        now = self._world.now
        if not self._strikes_now("A16", account_id):
            return now, True
        if self._view.draw("A16 how", account_id, now.isoformat()) < 0.4:
            return now, False
        lag = timedelta(hours=1 + int(self._view.draw("A16 lag", account_id, now.isoformat()) * 47))
        return max(now - lag, account.opened_at), True

    def _vary_account(self, account: Account, member: Member) -> None:
        """A15: what the contract allows an account to be without announcing it."""
        if not self._view.strikes("A15", _PLACE, account.account_id):
            return
        manner = int(self._view.draw("A15 how", account.account_id) * 3)
        if manner == 0:
            member |= {"esgScore": {"letter": "A", "points": [1, 2]}, "marketSegment": "galactic"}
        elif manner == 1:
            member |= dict.fromkeys(("number", "oldestTransactionDate", "aggregationAttemptDate"))
            if account.kind not in _OWED:
                member["detail"] = None
        else:
            for name in ("number", "accountNumberDisplay", "aggregationAttemptDate"):
                del member[name]
            if account.kind is AccountKind.SAVINGS:
                member["type"] = "moonDeposit"

    def _vary_row(self, row: Row, member: Member) -> None:
        """A15: the same for a row."""
        if not self._view.strikes("A15", _PLACE, row.world_id):
            return
        manner = int(self._view.draw("A15 how", row.world_id) * 3)
        if manner == 0:
            member |= {"carbon": {"grams": 12}, "type": "barter"}
        elif manner == 1:
            member |= dict.fromkeys(("memo", "categorization", "runningBalanceAmount", "createdDate", "type"))
        else:
            for name in ("uniqueTransactionId", "categorization", "type", "memo"):
                del member[name]

    def _strikes_now(self, fault: str, *key: object) -> bool:
        return self._view.strikes(fault, _PLACE, *key, self._world.now.isoformat(), transient=True)


def simple_owner(account: Account, now: datetime) -> Member:
    """Version 1: all names in one text."""
    first = account.holders[0]
    return {
        "ownerName": " & ".join(person.name for person in account.holders),
        "ownerAddress": f"{first.street}, {first.city} {first.postal_code}",
        "asOfDate": int(now.timestamp()),
    }


def holder(person: Person) -> Member:
    """Version 3: one owner."""
    return {
        "relationship": "PRIMARY_JOINT",
        "ownerName": person.name,
        "firstName": person.name.split()[0],
        "lastName": person.name.split()[-1],
        "nameClassification": "person",
        "addresses": [
            {
                "ownerAddress": f"{person.street}, {person.city} {person.postal_code}",
                "line1": person.street,
                "line2": None,
                "city": person.city,
                "state": None,
                "postalCode": person.postal_code,
                "country": person.country,
                "type": "HOME",
            }
        ],
        "emails": [{"email": person.email, "isPrimary": True, "emailType": "PERSONAL"}],
        "phones": [{"phone": person.phone, "type": "CELL", "country": person.country}],
        "documentations": [{"documentationType": "SSN", "documentationId": "900-00-0000"}],
    }


def plain(amount: Decimal) -> Decimal:
    """The amount without a negative zero, which JSON could express and no bank means."""
    return amount or abs(amount)


def short(amount: Decimal) -> Decimal:
    """The same amount without the zeros at its end, and without an exponent."""
    trimmed = plain(amount).normalize()
    return trimmed if int(trimmed.as_tuple().exponent) <= 0 else trimmed.quantize(Decimal(1))
