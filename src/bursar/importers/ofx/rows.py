"""What does one row of a bank or card statement say, in types?"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from hashlib import sha256
from typing import BinaryIO, NamedTuple

from bursar.importers.ofx.container import CHUNK_SIZE, open_container
from bursar.importers.ofx.dates import DateReader, Moment
from bursar.importers.ofx.elements import ROW_LEAVES, Element, ElementReader
from bursar.importers.ofx.failures import OfxFileError
from bursar.importers.ofx.names import PENDING_ROW, ROWS
from bursar.importers.ofx.notices import Notices
from bursar.importers.ofx.numbers import NumberReader
from bursar.importers.ofx.scanner import PlainRow, Scanner, clean

_DETAILS = ("DTUSER", "DTAVAIL", "CORRECTFITID", "CORRECTACTION", "SRVRTID", "REFNUM", "SIC", "PAYEEID", "EXTDNAME")
_MOST_KINDS = 1000
_ID_LIMIT = 255
_NO_IDS = frozenset({"null", "none", "n/a", "na"})
_EXTRA_LIMIT = 32
_KNOWN = frozenset({*ROW_LEAVES, "DTTRAN", "DTEXPIRE"})


class RowCurrency(NamedTuple):
    """The currency element of a row: CURRENCY (the amount is in `symbol`) or ORIGCURRENCY (it was, before)."""

    symbol: str
    rate: Decimal | None
    """Units of the account's currency for one of `symbol`; None when absent or unreadable."""
    is_original: bool


class RowDetails(NamedTuple):
    """What only some rows have; None means that the file does not say."""

    user_date: date | None = None
    available_on: date | None = None
    corrects_id: str | None = None
    correction: str | None = None
    """`REPLACE` or `DELETE`."""
    server_id: str | None = None
    reference: str | None = None
    industry_code: str | None = None
    payee_id: str | None = None
    extended_name: str | None = None
    currency: RowCurrency | None = None
    extras: tuple[tuple[str, str], ...] = ()
    """Vendor elements, name and text."""


NO_DETAILS = RowDetails()


class BankRow(NamedTuple):
    """One row of a bank or card statement. The amount has the sign as sent: positive enters the account."""

    line: int
    kind: str
    """TRNTYPE, upper case; empty when absent."""
    posted: Moment
    amount: Decimal
    fitid: str | None
    """None when absent or a placeholder (`0`, `null`, `N/A`)."""
    name: str | None
    memo: str | None
    check_number: str | None
    is_pending: bool = False
    details: RowDetails = NO_DETAILS

    @property
    def posted_on(self) -> date:
        """The booking day in the institution's calendar."""
        return self.posted.on

    @property
    def occurred_at(self) -> datetime | None:
        """The instant, in UTC, where the row really states one."""
        return self.posted.at


_make_row: Callable[[Iterable[object]], BankRow] = partial(tuple.__new__, BankRow)  # pyright: ignore[reportUnknownMemberType] - typeshed leaves the items of tuple.__new__ open
"""`BankRow(*values)` at a third of its price."""


class RejectedRow(NamedTuple):
    """A row that is present and cannot be read."""

    line: int
    reason: str
    """`bad_date`, `bad_number`, `inconsistent` or `too_large`; for trades also `missing_field`."""
    field: str
    """Path of the element, such as `STMTTRN.TRNAMT`."""
    fitid: str | None
    value: str | None
    """What stood there, not redacted; None when nothing did."""
    position: int = 0
    """Position among the rows (or trades, or positions) of its statement, from 0."""


class RowReader:
    """Types the rows of one file."""

    def __init__(self, dates: DateReader, numbers: NumberReader) -> None:
        self._dates = dates
        self._numbers = numbers
        self._kinds: dict[str | None, str] = {}

    def read_plain(self, rows: list[PlainRow]) -> Iterator[BankRow | RejectedRow]:
        """Yield the rows that plain texts make. A million of them pass here: every line below is worth its place."""
        kinds, days = self._kinds, self._dates.known
        for line, texts in rows:
            (
                kind, posted, user, avail, amount_text, plain, fitid, fixes, fix, server, check, ref,
                sic, payee, name, extd, memo,
            ) = texts  # fmt: skip
            moment = None if posted is None else days.get(posted) or self._dates.read(posted, line)
            if plain is not None:
                amount = Decimal(plain)
            else:
                amount = None if amount_text is None else self._numbers.read(clean(amount_text), line)
            if fitid is not None:
                fitid = fitid.strip()
                if not fitid or fitid[0] in "0nN" or "&" in fitid or len(fitid) > _ID_LIMIT:
                    fitid = real_id(clean(fitid))
            if moment is None or amount is None:
                bad_date = ("STMTTRN.DTPOSTED", posted) if moment is None else None
                yield _rejected(line, fitid, bad_date or ("STMTTRN.TRNAMT", amount_text))
                continue
            if name is not None:
                name = name.strip()
                name = (clean(name) if "&" in name else name) or None
            if memo is not None:
                memo = memo.strip()
                memo = (clean(memo) if "&" in memo else memo) or None
            details = NO_DETAILS
            if ref or sic or user or avail or server or payee or extd or fixes or fix:
                details = self._details(
                    line, [text and clean(text) for text in (user, avail, fixes, fix, server, ref, sic, payee, extd)]
                )
            word = kinds.get(kind)
            if word is None:
                word = self._kind(kind)
            number = None if check is None else clean(check) or None
            yield _make_row((line, word, moment, amount, fitid, name, memo, number, False, details))

    def read_element(self, row: Element) -> BankRow | RejectedRow:
        """Return the row that an element of any shape makes."""
        is_pending = row.name == PENDING_ROW
        date_name = "DTTRAN" if is_pending else "DTPOSTED"
        texts = {child.name: child.text or None for child in reversed(row.children)}
        value = texts.get
        fitid = real_id(value("FITID") or "")
        if row.has_too_large():
            return RejectedRow(row.line, "too_large", row.name, fitid, None)
        if any(child.name == "TRNAMT" and child.text not in ("", value("TRNAMT")) for child in row.children):
            # Two rows whose border was lost: neither amount is this row's for sure.
            return RejectedRow(row.line, "inconsistent", f"{row.name}.TRNAMT", fitid, None)
        posted, amount_text = value(date_name), value("TRNAMT")
        moment = None if posted is None else self._dates.read(posted, row.line)
        amount = None if amount_text is None else self._numbers.read(amount_text, row.line)
        if moment is None or amount is None:
            bad_date = (f"{row.name}.{date_name}", posted) if moment is None else None
            return _rejected(row.line, fitid, bad_date or (f"{row.name}.TRNAMT", amount_text))
        details = self._details(row.line, [value(name) for name in _DETAILS])
        currency, extras = read_currency(row, self._numbers), _extras(row)
        if currency is not None or extras:
            details = details._replace(currency=currency, extras=extras)
        return BankRow(
            row.line,
            (value("TRNTYPE") or "").upper(),
            moment,
            amount,
            fitid,
            value("NAME") or row.value("PAYEE", "NAME"),
            value("MEMO"),
            value("CHECKNUM"),
            is_pending,
            details,
        )

    def _kind(self, kind: str | None) -> str:
        """Return the TRNTYPE in upper case; a file has few different ones."""
        word = clean(kind or "").upper()
        if len(self._kinds) < _MOST_KINDS:
            self._kinds[kind] = word
        return word

    def _details(self, line: int, texts: Sequence[str | None]) -> RowDetails:
        user, avail, fixes, fix, server, ref, sic, payee, extended = texts
        user_moment = self._dates.read(user, line) if user else None
        available = self._dates.read(avail, line) if avail else None
        details = RowDetails(
            user_date=None if user_moment is None else user_moment.on,
            available_on=None if available is None else available.on,
            corrects_id=real_id(fixes) if fixes else None,
            correction=fix.upper() if fix else None,
            server_id=server or None,
            reference=ref or None,
            industry_code=sic or None,
            payee_id=payee or None,
            extended_name=extended or None,
        )
        return NO_DETAILS if details == NO_DETAILS else details


def read_currency(row: Element, numbers: NumberReader) -> RowCurrency | None:
    """Return the currency element of a row or investment record, or None without one."""
    for name in ("CURRENCY", "ORIGCURRENCY"):
        element = row.search(name)
        if element is None:
            continue
        symbol = element.value("CURSYM") or element.text
        if not symbol:
            continue
        rate_text = element.value("CURRATE")
        rate = None if rate_text is None else numbers.read(rate_text, element.line)
        return RowCurrency(symbol.upper(), rate, name == "ORIGCURRENCY")
    return None


def real_id(text: str) -> str | None:
    """Return a transaction id as it is kept, or None for what institutions write when they have none.

    An id longer than the format allows is kept as its hash.
    """
    if not text.strip("0") or text.lower() in _NO_IDS:
        return None
    return text if len(text) <= _ID_LIMIT else f"sha256:{sha256(text.encode()).hexdigest()}"


def iter_rows(source: bytes | BinaryIO, *, chunk_size: int = CHUNK_SIZE) -> Iterator[BankRow | RejectedRow]:
    """Yield the bank and card rows of a file of any size in constant memory, whichever statement they stand in.

    Raises:
        OfxFileError: the file is not OFX, or its end is missing; before the first row where that can be seen.
    """
    notices = Notices()
    container = open_container(source, notices)
    rows = RowReader(DateReader(notices), NumberReader(notices, container.texts))
    reader = ElementReader(Scanner(container.texts(chunk_size=chunk_size), container.first_line), notices)
    for record in reader.events():
        if isinstance(record, list):
            yield from rows.read_plain(record)
        elif record.name in ROWS:
            yield rows.read_element(record)
    if not reader.is_complete:
        raise OfxFileError("truncated")


def _extras(row: Element) -> tuple[tuple[str, str], ...]:
    found = [(child.name, child.text) for child in row.children if child.text and child.name not in _KNOWN]
    return tuple(found[:_EXTRA_LIMIT])


def _rejected(line: int, fitid: str | None, bad: tuple[str, str | None]) -> RejectedRow:
    field, value = bad
    reason = "bad_number" if field.endswith("TRNAMT") else "bad_date"
    return RejectedRow(line, reason, field, fitid, value and value.strip())
