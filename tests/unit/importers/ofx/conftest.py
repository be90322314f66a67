"""Statements in pieces, with synthetic names, and the importer as the platform calls it."""

import io
from collections.abc import Callable
from datetime import date

import pytest

from bursar.importers.ofx.adapter import IMPORTER
from bursar.ports.importer import ImportLimits, ImportOptions, StatementFile

HEADER = (
    "OFXHEADER:100\nDATA:OFXSGML\nVERSION:102\nSECURITY:NONE\nENCODING:USASCII\nCHARSET:1252\nCOMPRESSION:NONE\n"
    "OLDFILEUID:NONE\nNEWFILEUID:NONE\n\n"
)
SIGN_ON = (
    "<SIGNONMSGSRSV1><SONRS><STATUS><CODE>0<SEVERITY>INFO</STATUS><DTSERVER>20240131<LANGUAGE>ENG"
    "<FI><ORG>NORTHBANK<FID>4242</FI></SONRS></SIGNONMSGSRSV1>"
)
CHECKING = "<BANKACCTFROM><BANKID>0021<ACCTID>000123456789<ACCTTYPE>CHECKING</BANKACCTFROM>"
BALANCE = "<LEDGERBAL><BALAMT>100.50<DTASOF>20240131</LEDGERBAL>"
TODAY = date(2026, 11, 21)


def a_row(**leaves: str) -> str:
    """Return an SGML row of some plain leaves, overridden or joined by others."""
    fields = {
        "TRNTYPE": "DEBIT",
        "DTPOSTED": "20240115",
        "TRNAMT": "-12.34",
        "FITID": "F1",
        "NAME": "CORNER SHOP",
    } | leaves
    return "<STMTTRN>" + "".join(f"<{name}>{text}\n" for name, text in fields.items()) + "</STMTTRN>\n"


def a_statement(
    rows: str = "", *, account: str = CHECKING, balance: str = BALANCE, currency: str = "USD", kind: str = "STMT"
) -> str:
    """Return one statement with its response around it."""
    message = {"STMT": "BANK", "CCSTMT": "CREDITCARD", "LOANSTMT": "LOAN"}[kind]
    return (
        f"<{message}MSGSRSV1><{kind}TRNRS><TRNUID>1<STATUS><CODE>0<SEVERITY>INFO</STATUS><{kind}RS><CURDEF>{currency}\n"
        f"{account}<BANKTRANLIST><DTSTART>20240101<DTEND>20240131\n{rows}</BANKTRANLIST>{balance}"
        f"</{kind}RS></{kind}TRNRS></{message}MSGSRSV1>"
    )


def an_investment(
    trades: str = "", *, positions: str = "", balance: str = "", securities: str = "", extra: str = ""
) -> str:
    """Return one investment statement, followed by its list of securities."""
    return (
        "<INVSTMTMSGSRSV1><INVSTMTTRNRS><TRNUID>1<STATUS><CODE>0<SEVERITY>INFO</STATUS><INVSTMTRS>"
        "<DTASOF>20240131160000[-5:EST]<CURDEF>USD<INVACCTFROM><BROKERID>broker.example<ACCTID>X99-1234567</INVACCTFROM>"
        f"<INVTRANLIST><DTSTART>20240101<DTEND>20240131{trades}</INVTRANLIST>{positions}{balance}{extra}"
        f"</INVSTMTRS></INVSTMTTRNRS></INVSTMTMSGSRSV1><SECLISTMSGSRSV1><SECLIST>{securities}</SECLIST></SECLISTMSGSRSV1>"
    )


def a_file(*bodies: str, header: str = HEADER, sign_on: str = SIGN_ON) -> bytes:
    """Return a whole file."""
    return (header + "<OFX>" + sign_on + "".join(bodies) + "</OFX>\n").encode("cp1252")


def read(data: bytes, *, max_rows: int = 200_000, max_statements: int = 100, **options: object) -> StatementFile:
    """Read a file as the platform does."""
    limits = ImportLimits(max_rows=max_rows, max_statements=max_statements)
    return IMPORTER.read(io.BytesIO(data), ImportOptions(limits=limits, **({"today": TODAY} | options)))  # pyright: ignore[reportArgumentType] - options by name


class Bank:
    """What the tests of this folder write and read with."""

    header, sign_on, checking, balance = HEADER, SIGN_ON, CHECKING, BALANCE
    row, statement, investment, file, read = map(staticmethod, (a_row, a_statement, an_investment, a_file, read))

    @staticmethod
    def read_rows(rows: str, **parts: str):
        """Read a file of one statement with these rows."""
        return read(a_file(a_statement(rows, **parts)))


@pytest.fixture(scope="session")
def bank() -> type[Bank]:
    """Writer of statements, reader of files."""
    return Bank


@pytest.fixture(scope="session")
def codes() -> Callable[[StatementFile], set[str]]:
    """Return the codes of a file's warnings."""
    return lambda file: {warning.code for warning in file.batch.warnings}
