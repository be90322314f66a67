"""Which statements, accounts and securities does a file hold?"""

from dataclasses import dataclass, field
from datetime import date
from typing import BinaryIO

from bursar.importers.ofx.container import Container, open_container
from bursar.importers.ofx.dates import DateReader
from bursar.importers.ofx.elements import Element, ElementReader, Event
from bursar.importers.ofx.failures import OfxFileError
from bursar.importers.ofx.names import RESPONSES, ROWS, STATEMENTS
from bursar.importers.ofx.notices import Notices
from bursar.importers.ofx.numbers import NumberReader
from bursar.importers.ofx.rows import BankRow, RejectedRow, RowReader
from bursar.importers.ofx.scanner import Scanner

_LOWEST_ERROR = 2000
"""Status codes from here on are errors where the severity is missing."""


@dataclass(slots=True)
class Statement:
    """One statement as the file has it: what is said once in `element`, its rows and records beside it."""

    element: Element
    """STMTRS, CCSTMTRS, LOANSTMTRS, INVSTMTRS, or a placeholder for rows that stood outside of any."""
    rows: list[BankRow] = field(default_factory=list[BankRow])
    rejected: list[RejectedRow] = field(default_factory=list[RejectedRow])
    trades: list[Element] = field(default_factory=list[Element])
    positions: list[Element] = field(default_factory=list[Element])
    is_bare: bool = False
    """True when the rows name no account."""


@dataclass(slots=True)
class Document:
    """A file, read whole."""

    container: Container
    notices: Notices
    dates: DateReader
    numbers: NumberReader
    sign_on: Element | None = None
    statements: list[Statement] = field(default_factory=list[Statement])
    accounts: list[Element] = field(default_factory=list[Element])
    """ACCTINFO elements: accounts without a statement."""
    securities: list[Element] = field(default_factory=list[Element])
    refused: list[str] = field(default_factory=list[str])
    """Status codes of the statements that the institution refused."""
    rows_read: int = 0


def read_document(
    source: bytes | BinaryIO,
    *,
    today: date | None = None,
    allow_truncated: bool = False,
    max_bytes: int | None = None,
    max_rows: int | None = None,
    max_statements: int | None = None,
) -> Document:
    """Return everything a file holds; unreadable rows are in their statement's `rejected`.

    Raises:
        OfxFileError: the file as a whole cannot be read, holds nothing, or is over a limit.
    """
    notices = Notices()
    container = open_container(source, notices, max_bytes=max_bytes, allow_truncated=allow_truncated)
    numbers = NumberReader(notices, container.texts)
    document = Document(container, notices, DateReader(notices, today), numbers)
    reader = ElementReader(Scanner(container.texts(notices), container.first_line), notices)
    collector = _Collector(document, max_rows=max_rows, max_statements=max_statements)
    for event in reader.events():
        collector.take(event)
    if not reader.is_complete:
        if not allow_truncated:
            raise OfxFileError("truncated")
        for event in reader.end_early():
            collector.take(event)
    collector.finish()
    if container.is_truncated:
        notices.add("truncated")
        if not all(_has_balance(statement) for statement in document.statements):
            raise OfxFileError("truncated")
    _refuse_nothing(document)
    return document


class _Collector:
    """Puts each record where it belongs: rows come before the end of the statement that they stand in."""

    def __init__(self, document: Document, *, max_rows: int | None, max_statements: int | None) -> None:
        self._document = document
        self._max_rows = max_rows
        self._max_statements = max_statements
        self._rows = RowReader(document.dates, document.numbers)
        self._open = _placeholder()
        self._answered = False

    def take(self, record: Event) -> None:
        if isinstance(record, list):
            for row in self._rows.read_plain(record):
                self._take_row(row)
        elif record.name in ROWS:
            self._take_row(self._rows.read_element(record))
        elif record.name in STATEMENTS:
            self._end_statement(record)
        elif record.name in RESPONSES:
            self._end_response(record)
        elif record.name == "SONRS":
            self._document.sign_on = record
            self._note_status(record)
        elif record.name == "ACCTINFO":
            self._document.accounts.append(record)
        else:
            self._take_listed(record)

    def finish(self) -> None:
        """Keep the rows that no statement claimed."""
        open_ = self._open
        if open_.rows or open_.rejected or open_.trades or open_.positions:
            self._document.notices.add("content_outside_statement")
            self._document.statements.append(open_)

    def _take_row(self, row: BankRow | RejectedRow) -> None:
        self._count()
        if isinstance(row, BankRow):
            self._open.rows.append(row)
        else:
            position = len(self._open.rows) + len(self._open.rejected)
            self._open.rejected.append(row._replace(position=position))

    def _take_listed(self, record: Element) -> None:
        if record.find("SECINFO") is not None:
            self._document.securities.append(record)
        elif record.find("INVPOS") is not None or record.name.startswith("POS"):
            self._open.positions.append(record)
        elif record.name != "INVBANKTRAN":
            self._count()
            self._open.trades.append(record)

    def _count(self) -> None:
        self._document.rows_read += 1
        if self._max_rows is not None and self._document.rows_read > self._max_rows:
            raise OfxFileError("too_many_rows")

    def _end_statement(self, element: Element) -> None:
        statement, self._open = self._open, _placeholder()
        statement.element = element
        statement.is_bare = False
        self._answered = True
        self._document.statements.append(statement)
        if self._max_statements is not None and len(self._document.statements) > self._max_statements:
            raise OfxFileError("too_many_statements")

    def _end_response(self, response: Element) -> None:
        is_error = self._note_status(response)
        if is_error and not self._answered:
            self._document.refused.append(response.value("STATUS", "CODE") or "")
        self._answered = False

    def _note_status(self, element: Element) -> bool:
        """Warn about a status that is not zero; True when it is an error."""
        code = (element.value("STATUS", "CODE") or "0").strip()
        if not code.strip("0"):
            return False
        self._document.notices.add("status_not_ok", element.line)
        severity = (element.value("STATUS", "SEVERITY") or "").upper()
        return severity == "ERROR" or (not severity and code.isdecimal() and int(code) >= _LOWEST_ERROR)


def _placeholder() -> Statement:
    return Statement(Element("", 0), is_bare=True)


def _has_balance(statement: Statement) -> bool:
    return any(statement.element.search(name) is not None for name in ("LEDGERBAL", "INVBAL", "AVAILBAL"))


def _refuse_nothing(document: Document) -> None:
    """Raise when a file holds nothing to import: a refused sign-on, refused statements, or no message at all."""
    if document.statements or document.accounts:
        if document.refused:
            document.notices.add("statement_refused")
        return
    codes = list(document.refused)
    if document.sign_on is not None:
        code = document.sign_on.value("STATUS", "CODE") or "0"
        if code.strip("0"):
            codes.insert(0, code)
    if codes:
        raise OfxFileError("statement_refused", status=codes[0][:8] if codes[0].isdecimal() else None)
    raise OfxFileError("no_statement")
