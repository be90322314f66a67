"""What does a record of an investment statement mean in the words of the ledger?

Source: OFX 2.2 specification, chapter "Investments", read 2026-11-21.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from bursar.domain.holdings import ProviderHoldingData
from bursar.domain.transactions import ProviderTransactionData, TransactionSubtype, TransactionType
from bursar.importers.ofx.accounts import AccountKey
from bursar.importers.ofx.banking import Kind, conversion, redact
from bursar.importers.ofx.document import Document
from bursar.importers.ofx.elements import Element
from bursar.importers.ofx.rows import RejectedRow, read_currency, real_id
from bursar.importers.ofx.securities import Securities, Security

_T, _S = TransactionType, TransactionSubtype
_INCOME = {
    "DIV": _S.DIVIDEND,
    "INTEREST": _S.INTEREST,
    "CGLONG": _S.CAPITAL_GAIN,
    "CGSHORT": _S.CAPITAL_GAIN,
    "MISC": _S.DISTRIBUTION,
}
_CLOSURES = {"EXERCISE": _S.EXERCISE, "ASSIGN": _S.ASSIGNMENT, "EXPIRE": _S.EXPIRATION}
_BOUGHT_BACK = frozenset({"BUYTOCOVER", "BUYTOCLOSE"})
_SOLD_SHORT = frozenset({"SELLSHORT", "SELLTOOPEN"})
_RAW_NAMES = (
    "INCOMETYPE NUMERATOR DENOMINATOR OLDUNITS NEWUNITS FRACCASH RELFITID RELTYPE SUBACCTSEC SUBACCTFUND SUBACCTFROM "
    "SUBACCTTO INV401KSOURCE ACCRDINT TAXEXEMPT AVGCOSTBASIS GAIN TFERACTION POSTYPE OPTACTION HELDINACCT SRVRTID "
    "REINVDIV REINVCG DTPURCHASE"
).split()
_TOLERANCE = Decimal("0.01")
_PER_HUNDRED = Decimal("0.01")


class _UnreadableError(Exception):
    def __init__(self, reason: str, field: str, value: str | None) -> None:
        super().__init__(reason)
        self.reason, self.field, self.value = reason, field, value


@dataclass(frozen=True, slots=True)
class InvestmentMapper:
    """Maps the records of one investment account."""

    document: Document
    securities: Securities
    account: AccountKey
    currency: str

    def map_trade(self, record: Element) -> ProviderTransactionData | RejectedRow:
        """Return the ledger's record of a trade, income, transfer or charge, or why it cannot be read."""
        fitid = real_id(record.search_value("FITID") or "")
        if record.has_too_large():
            return RejectedRow(record.line, "too_large", record.name, fitid, None)
        try:
            return self._trade(record, fitid)
        except _UnreadableError as error:
            return RejectedRow(record.line, error.reason, f"{record.name}.{error.field}", fitid, error.value)

    def map_position(self, record: Element, taken: Collection[str]) -> ProviderHoldingData | RejectedRow:
        """Return the ledger's record of a position, with an id that is not taken yet, or why it cannot be read."""
        try:
            return self._position(record, taken)
        except _UnreadableError as error:
            return RejectedRow(record.line, error.reason, f"{record.name}.{error.field}", None, error.value)

    def _trade(self, record: Element, fitid: str | None) -> ProviderTransactionData:
        traded_on, traded_at = self._date(record, "DTTRADE")
        settle_text = record.search_value("DTSETTLE")
        settled = None if settle_text is None else self.document.dates.read(settle_text, record.line)
        units, total = self._number(record, "UNITS"), self._number(record, "TOTAL")
        security = self.securities.of(record)
        kind, quantity, amount = self._effect(record, units, total, security)
        price = self._number(record, "UNITPRICE")
        commission = self._number(record, "COMMISSION")
        fees = self._sum(record, ("FEES", "TAXES", "LOAD", "WITHHOLDING"))
        raw = self._raw(record)
        if record.name == "REINVEST" and total is not None:
            raw["income"] = {"type": record.search_value("INCOMETYPE"), "total": str(total)}
        if record.name in ("JRNLFUND", "JRNLSEC"):
            raw |= {
                name.lower(): str(number) for name, number in (("TOTAL", total), ("UNITS", units)) if number is not None
            }
        raw |= self.securities.details(record)
        multiplier = None if security is None else security.multiplier
        if kind[0] is _T.TRADE and quantity and price and total:
            multiplier = self._fitting_multiplier(record, quantity, price, total, multiplier or Decimal(1))
        stated = read_currency(record, self.document.numbers)
        converted = conversion(stated, self.currency)
        if converted is None:
            raise _UnreadableError("inconsistent", "CURRENCY.CURRATE", None)
        original = None if total is None else converted.original(total)
        if kind[0] is _T.TRADE and security is None:
            raise _UnreadableError("missing_field", "SECID.UNIQUEID", None)
        reversal = real_id(record.search_value("REVERSALFITID") or "")
        memo = record.value("INVTRAN", "MEMO") or record.search_value("MEMO")
        return ProviderTransactionData(
            provider_account_id=self.account.id,
            provider_transaction_id=fitid,
            transaction_type=kind[0].value,
            subtype=kind[1].value,
            amount=converted.convert(amount),
            currency=self.currency,
            transaction_date=traded_on,
            description=self._describe(record, kind, security, memo)[:500],
            settlement_date=None if settled is None else settled.on,
            occurred_at=traded_at,
            symbol=None if security is None else security.symbol,
            security_name=None if security is None else security.name,
            security_id=None if security is None else security.id,
            security_id_type=None if security is None else security.id_type,
            asset_type=None if security is None else security.asset_type.value,
            quantity=quantity,
            unit_price=None if price is None else converted.convert(price),
            multiplier=multiplier,
            commission=None if commission is None else converted.convert(commission),
            fees=None if fees is None else converted.convert(fees),
            original_amount=original,
            original_currency=None if original is None else converted.original_currency,
            fx_rate=converted.rate,
            memo=memo,
            identity_text=self._identity(record, memo, security, quantity),
            corrects_transaction_id=reversal,
            correction="delete" if reversal else None,
            raw_data=raw,
        )

    def _effect(
        self, record: Element, units: Decimal | None, total: Decimal | None, security: Security | None
    ) -> tuple[Kind, Decimal | None, Decimal]:
        """Return the kind, the quantity with the sign of its effect, and the cash with the sign of its effect."""
        name = record.name
        if name.startswith("BUY"):
            action = (record.value("BUYTYPE") or record.value("OPTBUYTYPE") or "").upper()
            subtype = _S.BUY_TO_COVER if action in _BOUGHT_BACK else _S.BUY
            bought, cash = self._required(units, "UNITS"), self._required(total, "TOTAL")
            # Units that leave while cash comes back are a buy that the broker took back.
            is_taken_back = bought < 0 < cash
            return (_T.TRADE, subtype), bought if is_taken_back else bought.copy_abs(), cash
        if name.startswith("SELL"):
            action = (record.value("SELLTYPE") or record.value("OPTSELLTYPE") or "").upper()
            subtype = _S.SHORT_SELL if action in _SOLD_SHORT else _S.SELL
            return (_T.TRADE, subtype), _leaving(self._required(units, "UNITS")), self._required(total, "TOTAL")
        if name == "REINVEST":
            # The income pays for the units: cash stays as it was.
            return (_T.TRADE, _S.REINVEST), self._required(units, "UNITS").copy_abs(), Decimal(0)
        if name == "INCOME":
            subtype = _INCOME.get((record.search_value("INCOMETYPE") or "").upper(), _S.DISTRIBUTION)
            return (_T.INCOME, subtype), None, self._required(total, "TOTAL")
        if name == "RETOFCAP":
            return (_T.INCOME, _S.RETURN_OF_CAPITAL), None, self._required(total, "TOTAL")
        if name == "TRANSFER":
            return self._transfer(record, self._required(units, "UNITS"))
        if name == "SPLIT":
            old, new = self._number(record, "OLDUNITS"), self._number(record, "NEWUNITS")
            change = new - old if old is not None and new is not None else units
            cash = self._number(record, "FRACCASH")
            return (_T.TRADE, _S.SPLIT), change, cash if cash is not None else Decimal(0)
        if name == "CLOSUREOPT":
            subtype = _CLOSURES.get((record.search_value("OPTACTION") or "").upper(), _S.EXPIRATION)
            return (_T.TRADE, subtype), self._required(units, "UNITS"), Decimal(0)
        if name in ("JRNLFUND", "JRNLSEC"):
            # Both sub-accounts belong to this account: what leaves one enters the other.
            return (_T.TRANSFER, _S.INTERNAL), None, Decimal(0)
        if name == "MARGININTEREST":
            return (_T.FEE, _S.MARGIN_INTEREST), None, self._required(total, "TOTAL")
        if name == "INVEXPENSE":
            return (_T.FEE, _S.OTHER_FEE), None, self._required(total, "TOTAL")
        self.document.notices.add("unknown_transaction", record.line)
        return (_T.OTHER, _S.OTHER), units, self._required(total, "TOTAL")

    def _transfer(self, record: Element, units: Decimal) -> tuple[Kind, Decimal, Decimal]:
        action = (record.search_value("TFERACTION") or "").upper()
        is_out = action == "OUT" or (action != "IN" and units < 0)
        subtype = _S.TRANSFER_OUT if is_out else _S.TRANSFER_IN
        return (_T.TRANSFER, subtype), _leaving(units) if is_out else units.copy_abs(), Decimal(0)

    def _position(self, record: Element, taken: Collection[str]) -> ProviderHoldingData:
        security = self.securities.of(record)
        if security is None:
            raise _UnreadableError("missing_field", "SECID.UNIQUEID", None)
        units = self._required(self._number(record, "UNITS"), "UNITS")
        price, value = self._number(record, "UNITPRICE"), self._number(record, "MKTVAL")
        is_short = (record.search_value("POSTYPE") or "").upper() == "SHORT"
        if is_short:
            units = _leaving(units)
            value = None if value is None else _leaving(value)
        if (
            units
            and price
            and value
            and not _fits(value, units, price, (Decimal(1), security.multiplier, _PER_HUNDRED))
        ):
            self.document.notices.add("quantity_suspect", record.line)
        as_of = record.search_value("DTPRICEASOF")
        moment = None if as_of is None else self.document.dates.read(as_of, record.line)
        raw = self._raw(record)
        raw |= self.securities.details(record)
        source = record.search_value("INV401KSOURCE")
        held_in = (record.search_value("HELDINACCT") or "").upper()
        parts = (
            f"{security.id_type}:{security.id}",
            "short" if is_short else "",
            source or "",
            "" if held_in == "CASH" else held_in,
        )
        identity = holding_id = "|".join(part for part in parts if part)
        number = 1
        while holding_id in taken:
            number += 1
            holding_id = f"{identity}|{number}"
        return ProviderHoldingData(
            provider_account_id=self.account.id,
            provider_holding_id=holding_id,
            symbol=security.symbol,
            security_name=security.name,
            asset_type=security.asset_type.value,
            quantity=units,
            currency=self.currency,
            market_value=value,
            current_price=price,
            price_as_of=None if moment is None else moment.at,
            price_on=None if moment is None else moment.on,
            multiplier=security.multiplier,
            security_id=security.id,
            security_id_type=security.id_type,
            raw_data=raw,
        )

    def _fitting_multiplier(
        self, record: Element, quantity: Decimal, price: Decimal, total: Decimal, usual: Decimal
    ) -> Decimal:
        """Return the factor by which quantity times price gives the total: bonds are priced per hundred."""
        charges = self._sum(record, ("COMMISSION", "FEES", "TAXES", "LOAD", "WITHHOLDING", "ACCRDINT", "MARKUP"))
        for factor in dict.fromkeys((usual, Decimal(1), _PER_HUNDRED)):
            if _fits(total, quantity, price, (factor,), charges or Decimal(0)):
                return factor
        self.document.notices.add("inconsistent_trade", record.line)
        return usual

    def _date(self, record: Element, name: str) -> tuple[date, datetime | None]:
        text = record.search_value(name)
        moment = None if text is None else self.document.dates.read(text, record.line)
        if moment is None:
            raise _UnreadableError("bad_date", name, text)
        return moment

    def _number(self, record: Element, name: str) -> Decimal | None:
        """Return a number of the record, None when it is absent; one that is present and unreadable rejects it."""
        text = record.search_value(name)
        if text is None:
            return None
        number = self.document.numbers.read(text, record.line)
        if number is None:
            raise _UnreadableError("bad_number", name, text)
        return number

    def _sum(self, record: Element, names: tuple[str, ...]) -> Decimal | None:
        found = [number for name in names if (number := self._number(record, name)) is not None]
        return sum(found, Decimal(0)) if found else None

    @staticmethod
    def _required(number: Decimal | None, name: str) -> Decimal:
        if number is None:
            raise _UnreadableError("bad_number", name, None)
        return number

    def _raw(self, record: Element) -> dict[str, object]:
        raw: dict[str, object] = {"line": record.line, "element": record.name}
        for name in _RAW_NAMES:
            text = record.search_value(name)
            if text is not None:
                raw[name.lower()] = redact(text[:500])
        return raw

    def _describe(self, record: Element, kind: Kind, security: Security | None, memo: str | None) -> str:
        label = kind[1].value.replace("_", " ").capitalize() if kind[1] is not _S.OTHER else record.name.capitalize()
        words = label if security is None else f"{label} {security.symbol}"
        return f"{words} – {' '.join(memo.split())}" if memo else words

    @staticmethod
    def _identity(record: Element, memo: str | None, security: Security | None, quantity: Decimal | None) -> str:
        parts = (
            record.name,
            "" if security is None else security.id,
            "" if quantity is None else f"{quantity:f}",
            memo,
        )
        source = record.search_value("INV401KSOURCE")
        return "\n".join(part or "" for part in (*parts, source))


def _leaving(units: Decimal) -> Decimal:
    """Return a quantity or value with the sign of what leaves or is owed, digit for digit."""
    return units.copy_abs().copy_negate() if units else units


def _fits(
    value: Decimal, units: Decimal, price: Decimal, factors: tuple[Decimal, ...], charges: Decimal = Decimal(0)
) -> bool:
    target = abs(value)
    for factor in factors:
        plain = abs(units * price) * factor
        margin = _TOLERANCE * max(target, plain) + abs(charges)
        if abs(target - plain) <= margin:
            return True
    return False
