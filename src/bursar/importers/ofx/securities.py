"""Which security does a record name, by which symbol, and of which kind is it?"""

import re
from decimal import Decimal
from typing import NamedTuple

from bursar.domain.holdings import AssetType
from bursar.importers.ofx.elements import Element
from bursar.importers.ofx.notices import Notices
from bursar.importers.ofx.numbers import NumberReader

_OPTION_CONTRACT = Decimal(100)
_ID_TYPES = frozenset({"cusip", "isin", "sedol", "figi", "ticker"})
_BY_LIST_ELEMENT = {
    "STOCKINFO": AssetType.EQUITY,
    "MFINFO": AssetType.MUTUAL_FUND,
    "DEBTINFO": AssetType.FIXED_INCOME,
    "OPTINFO": AssetType.OPTION,
    "OTHERINFO": AssetType.OTHER,
}
_BY_ENDING = (
    ("STOCK", AssetType.EQUITY),
    ("MF", AssetType.MUTUAL_FUND),
    ("DEBT", AssetType.FIXED_INCOME),
    ("OPT", AssetType.OPTION),
)
_ETF = re.compile(r"\bETFS?\b|EXCHANGE[- ]TRADED", re.IGNORECASE)
_MONEY_MARKET = re.compile(
    r"MONEY\s?(?:MARKET|MKT)|\bMMKT\b|\bMMF\b|CASH RESERVES?|FEDERAL MM|SETTLEMENT FUND|GOVERNMENT CASH|"
    r"TREASURY ONLY MM|PRIME MM",
    re.IGNORECASE,
)


class Security(NamedTuple):
    """A security as the file's list and its records describe it."""

    id: str
    id_type: str
    """`cusip`, `isin`, `sedol`, `figi`, `ticker` or `provider`."""
    symbol: str
    name: str
    asset_type: AssetType
    multiplier: Decimal
    """Units of the underlying in one contract: 1 for all but options."""
    has_ticker: bool


class Securities:
    """The securities of one file, wherever its list stands and whatever it lacks."""

    def __init__(self, listed: list[Element], numbers: NumberReader, notices: Notices) -> None:
        self._numbers = numbers
        self._notices = notices
        self._listed: dict[tuple[str, str], Element] = {}
        for element in listed:
            key = _key(element.find("SECINFO"))
            if key is not None:
                self._listed.setdefault(key, element)

    def of(self, record: Element) -> Security | None:
        """Return the security of a trade or position, or None when it names none."""
        key = _key(record) or _key(record.find("INVPOS")) or _key_anywhere(record)
        if key is None:
            return None
        unique_type, unique_id = key
        listed = self._listed.get(key)
        info = None if listed is None else listed.find("SECINFO")
        ticker = None if info is None else info.value("TICKER")
        if ticker is None and unique_type == "TICKER":
            ticker = unique_id
        if ticker is None:
            self._notices.add("no_ticker", record.line)
        name = (info.value("SECNAME") if info is not None else None) or ticker or unique_id
        asset_type = _asset_type(record, listed, name)
        return Security(
            id=unique_id,
            id_type=unique_type.lower() if unique_type.lower() in _ID_TYPES else "provider",
            symbol=ticker or unique_id,
            name=name,
            asset_type=asset_type,
            multiplier=self._multiplier(record, listed) if asset_type is AssetType.OPTION else Decimal(1),
            has_ticker=ticker is not None,
        )

    def _multiplier(self, record: Element, listed: Element | None) -> Decimal:
        text = record.search_value("SHPERCTRCT") or (None if listed is None else listed.value("SHPERCTRCT"))
        number = None if text is None else self._numbers.read(text, record.line)
        return number if number is not None and number > 0 else _OPTION_CONTRACT

    def details(self, record: Element) -> dict[str, object]:
        """Return what the list says about an option beyond its name, as text; empty for others."""
        key = _key(record) or _key_anywhere(record)
        listed = None if key is None else self._listed.get(key)
        if listed is None or listed.name != "OPTINFO":
            return {}
        names = ("OPTTYPE", "STRIKEPRICE", "DTEXPIRE", "SHPERCTRCT")
        return {name.lower(): text for name in names if (text := listed.value(name)) is not None}


def _key(holder: Element | None) -> tuple[str, str] | None:
    identity = None if holder is None else holder.find("SECID")
    return None if identity is None else _key_of(identity)


def _key_anywhere(record: Element) -> tuple[str, str] | None:
    identity = record.search("SECID")
    return None if identity is None else _key_of(identity)


def _key_of(identity: Element) -> tuple[str, str] | None:
    unique_id = identity.value("UNIQUEID")
    if unique_id is None:
        return None
    return (identity.value("UNIQUEIDTYPE") or "").upper(), unique_id


def _asset_type(record: Element, listed: Element | None, name: str) -> AssetType:
    if listed is not None:
        kind = _BY_LIST_ELEMENT.get(listed.name, AssetType.OTHER)
        classes = f"{name} {listed.value('ASSETCLASS') or ''} {listed.value('STOCKTYPE') or ''}"
    else:
        kind = next((kind for ending, kind in _BY_ENDING if record.name.endswith(ending)), AssetType.OTHER)
        if record.name == "CLOSUREOPT":
            kind = AssetType.OPTION
        classes = name
    if kind in (AssetType.EQUITY, AssetType.MUTUAL_FUND) and _ETF.search(classes):
        return AssetType.ETF
    if kind in (AssetType.MUTUAL_FUND, AssetType.OTHER) and _MONEY_MARKET.search(name):
        return AssetType.CASH_EQUIVALENT
    return kind
