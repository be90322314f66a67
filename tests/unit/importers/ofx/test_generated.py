"""Any statement, written in any dialect, is read back; any damage gives a result or the one typed error."""

import io
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from xml.sax.saxutils import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bursar.importers.ofx.adapter import IMPORTER
from bursar.importers.ofx.rows import iter_rows
from bursar.ports.errors import ProviderValidationError
from bursar.ports.importer import ImportOptions

CHARSETS = {
    "1252": "cp1252",
    "ISO-8859-1": "iso8859-1",
    "1251": "cp1251",
    "932": "cp932",
    "UTF-8": "utf-8",
    "NONE": "utf-8",
}
LETTERS = {
    "cp1252": "ABCabc 019&<>'\"-/éÜß€",
    "iso8859-1": "ABCabc 019&<>'\"-/éÜß",
    "cp1251": "ABCabc 019&<>'\"-/ЖЯфы",
    "cp932": "ABCabc 019&<>'\"-/東京ア",
    "utf-8": "ABCabc 019&<>'\"-/éЖ東🙂",
}
ZONES = ("", "000000", "120000[0:GMT]", "120000.000[0:GMT]", "233000[-5:EST]", "000000[+10:AEST]", "010000[+5.30:IST]")


@dataclass(frozen=True)
class Row:
    """What a row is meant to say."""

    on: date
    amount: Decimal
    fitid: str
    name: str
    memo: str
    check: str


@dataclass(frozen=True)
class Dialect:
    """How a file is written."""

    charset: str
    radix: str
    grouping: bool
    zone: str
    closing: str
    """`none`, `half` or `all` of the leaves get a closing tag."""
    order: tuple[int, ...]
    header: str
    line_end: str
    literal: bool
    vendor: str
    lower: bool

    @property
    def codec(self) -> str:
        return CHARSETS[self.charset]


dialects = st.builds(
    Dialect,
    charset=st.sampled_from(sorted(CHARSETS)),
    radix=st.sampled_from(".,"),
    grouping=st.booleans(),
    zone=st.sampled_from(ZONES),
    closing=st.sampled_from(["none", "half", "all"]),
    order=st.permutations(range(7)).map(tuple) | st.just(tuple(range(7))),
    header=st.sampled_from(["v1", "one line", "v2", "blank lines"]),
    line_end=st.sampled_from(["\n", "\r\n", "\r", ""]),
    literal=st.booleans(),
    vendor=st.sampled_from(["", "<X.EMPTY>", "<X.KIND>v", "<X.GROUP><X.A>b<X.C>d</X.GROUP>", "<!-- note -->"]),
    lower=st.booleans(),
)


def rows_for(codec: str) -> st.SearchStrategy[list[Row]]:
    text = st.text(LETTERS[codec], max_size=40).map(lambda text: " ".join(text.split()))
    text = text.filter(lambda text: codec == "utf-8" or text.isascii() or not _is_utf8(text.encode(codec)))
    row = st.builds(
        Row,
        on=st.integers(0, 18_000).map(lambda days: date(1975, 1, 1) + timedelta(days=days)),
        amount=st.integers(-(10**9), 10**9).map(lambda cents: Decimal(cents).scaleb(-2)),
        fitid=st.from_regex(r"[A-Z][A-Z0-9+/*:]{0,20}", fullmatch=True).filter(
            lambda text: text not in ("NULL", "NONE", "NA", "N/A")
        ),
        name=text,
        memo=text,
        check=st.sampled_from(["", "1042", "0007"]),
    )
    return st.lists(row, max_size=8)


def _is_utf8(data: bytes) -> bool:
    """Whether bytes of another charset are UTF-8 by accident: a file that is so as a whole is taken for UTF-8."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


cases = dialects.flatmap(lambda dialect: st.tuples(st.just(dialect), rows_for(dialect.codec)))


def write(dialect: Dialect, rows: list[Row]) -> bytes:
    """Return the file that says `rows` in a dialect."""
    body = "<OFX><SIGNONMSGSRSV1><SONRS><STATUS><CODE>0<SEVERITY>INFO</STATUS></SONRS></SIGNONMSGSRSV1><BANKMSGSRSV1>"
    body += "<STMTTRNRS><STMTRS><CURDEF>USD<BANKACCTFROM><BANKID>1<ACCTID>55667788<ACCTTYPE>CHECKING</BANKACCTFROM>"
    body += (
        "<BANKTRANLIST>" + "".join(_row(dialect, row, number) for number, row in enumerate(rows)) + "</BANKTRANLIST>"
    )
    body += "</STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>"
    return (_header(dialect) + body).encode(dialect.codec)


def _header(dialect: Dialect) -> str:
    encoding = "UTF-8" if dialect.codec == "utf-8" else "USASCII"
    keys = [
        "OFXHEADER:100",
        "DATA:OFXSGML",
        "VERSION:102",
        "SECURITY:NONE",
        f"ENCODING:{encoding}",
        f"CHARSET:{dialect.charset}",
    ]
    if dialect.header == "v2" and dialect.codec in ("utf-8", "iso8859-1", "cp1252"):
        name = {"cp1252": "windows-1252"}.get(dialect.codec, dialect.codec.replace("iso", "iso-"))
        return f'<?xml version="1.0" encoding="{name}"?><?OFX OFXHEADER="200" VERSION="203" SECURITY="NONE"?>\n'
    return ("" if dialect.header == "one line" else "\n\n" if dialect.header == "blank lines" else "\n").join(
        keys
    ) + "\n\n"


def _row(dialect: Dialect, row: Row, number: int) -> str:
    leaves = [
        ("TRNTYPE", "DEBIT"),
        ("DTPOSTED", f"{row.on:%Y%m%d}{dialect.zone}"),
        ("TRNAMT", _amount(dialect, row.amount)),
        ("FITID", row.fitid),
        ("CHECKNUM", row.check),
        ("NAME", _text(dialect, row.name)),
        ("MEMO", _text(dialect, row.memo)),
    ]
    parts = []
    for place in dialect.order:
        name, text = leaves[place]
        tag = name.lower() if dialect.lower else name
        is_closed = dialect.closing == "all" or (dialect.closing == "half" and (place + number) % 2)
        parts.append(f"<{tag}>{text}" + (f"</{tag}>" if is_closed else "") + dialect.line_end)
    parts.insert(number % 8, dialect.vendor)
    outer = "stmttrn" if dialect.lower else "STMTTRN"
    return f"<{outer}>{dialect.line_end}{''.join(parts)}</{outer}>{dialect.line_end}"


def _amount(dialect: Dialect, amount: Decimal) -> str:
    text = f"{amount:,.2f}" if dialect.grouping else f"{amount:.2f}"
    return text.translate({ord("."): ",", ord(","): "."}) if dialect.radix == "," else text


def _text(dialect: Dialect, text: str) -> str:
    if dialect.literal and text:
        return f"<![CDATA[{text}]]>"
    return escape(text)


def meant(rows: list[Row]) -> list[tuple[object, ...]]:
    return [(row.on, row.amount, row.fitid, row.name or None, row.memo or None, row.check or None) for row in rows]


@settings(max_examples=300, deadline=None)
@given(cases)
def test_any_statement_in_any_dialect_is_read_back(case):
    dialect, rows = case
    data = write(dialect, rows)
    read = [
        (row.posted_on, row.amount, row.fitid, row.name, row.memo, row.check_number)
        for row in iter_rows(data)  # a rejected row has none of these and fails here
    ]
    assert read == meant(rows)


@settings(max_examples=100, deadline=None)
@given(cases)
def test_import_counts_every_row_of_any_dialect(case):
    dialect, rows = case
    file = IMPORTER.read(io.BytesIO(write(dialect, rows)), ImportOptions(today=date(2026, 11, 21)))
    assert (file.rows_read, file.batch.rejected) == (len(rows), [])
    assert [(row.transaction_date, row.amount) for row in file.batch.transactions] == [
        (row.on, row.amount) for row in rows
    ]
    assert len(file.batch.accounts) == 1


@settings(max_examples=60, deadline=None)
@given(cases, st.integers(1, 200))
def test_size_of_the_pieces_changes_nothing(case, size):
    data = write(*case)
    assert list(iter_rows(data, chunk_size=size)) == list(iter_rows(data))


TOKENS = (
    b"< > </ & <![CDATA[ ]]> <!-- --> </STMTTRN> <STMTTRN> </BANKTRANLIST> </OFX> <OFX> <NAME> </NAME> NaN -- E9 . ,"
).split()
edits = st.lists(
    st.tuples(
        st.sampled_from(["replace", "insert", "delete", "cut"]),
        st.integers(0, 10**6),
        st.binary(min_size=1, max_size=6).filter(lambda data: b"0" not in data)
        | st.sampled_from(TOKENS),
        st.integers(1, 40),
    ),
    min_size=1,
    max_size=4,
)  # fmt: skip


def damage(data: bytes, changes: list[tuple[str, int, bytes, int]]) -> bytes:
    for kind, place, content, length in changes:
        at = place % (len(data) + 1)
        if kind == "replace":
            data = data[:at] + content + data[at + len(content) :]
        elif kind == "insert":
            data = data[:at] + content + data[at:]
        elif kind == "delete":
            data = data[:at] + data[at + length :]
        else:
            data = data[: max(at, 1)]
    return data


@settings(max_examples=500, deadline=None)
@given(edits)
def test_damaged_file_gives_a_result_or_the_typed_error_and_invents_no_zero(bank, changes):
    position = (
        "<INVPOSLIST><POSSTOCK><INVPOS><SECID><UNIQUEID>1<UNIQUEIDTYPE>CUSIP</SECID><UNITS>3<UNITPRICE>2<MKTVAL>6"
        "<DTPRICEASOF>20240131</INVPOS></POSSTOCK></INVPOSLIST>"
    )
    income = "<INCOME><INVTRAN><FITID>I<DTTRADE>20240115</INVTRAN><INCOMETYPE>DIV<TOTAL>7.77</INCOME>"
    data = bank.file(
        bank.statement(bank.row() + bank.row(TRNAMT="98,76", NAME="<![CDATA[x]]>") + bank.row(PAYEE="<NAME>y</PAYEE>")),
        bank.investment(income, positions=position),
    )
    try:
        file = bank.read(damage(data, changes), allow_truncated=True)
    except ProviderValidationError as error:
        assert error.code and error.message
        return
    assert all(row.amount for row in file.batch.transactions)
    known = [account.balance for account in file.batch.accounts if account.balance_known]
    assert all(known)
    assert file.rows_read == len(file.batch.transactions) + sum(
        record.kind == "transaction" for record in file.batch.rejected
    )


@pytest.mark.parametrize("head", [b"", b"OFXHEADER:100\n\n<OFX>"])
@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_give_the_typed_error_or_a_result(head, data):
    try:
        IMPORTER.read(io.BytesIO(head + data + b"</OFX>"), ImportOptions())
    except ProviderValidationError as error:
        assert error.code
    assert IMPORTER.sniff(head + data) in (0, 100)
