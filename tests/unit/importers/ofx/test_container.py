"""Headers, character sets and everything that is not a statement."""

import gzip
import io
from decimal import Decimal

import pytest

from bursar.importers.ofx.adapter import IMPORTER
from bursar.ports.errors import ProviderValidationError
from bursar.ports.importer import ImportLimits, ImportOptions


def names(file):
    return [transaction.description for transaction in file.batch.transactions]


@pytest.fixture
def body(bank):
    return "<OFX>" + bank.sign_on + bank.statement(bank.row(NAME="CAFÉ ZÜRICH")) + "</OFX>"


V2 = '<?xml version="1.0" encoding="UTF-8"?>\n<?OFX OFXHEADER="200" VERSION="211" SECURITY="NONE" OLDFILEUID="NONE"?>\n'


def test_regular_header_names_the_version_and_warns_of_nothing(bank):
    file = bank.read_rows(bank.row())
    assert (file.format_name, file.batch.warnings, len(file.batch.transactions)) == ("ofx 1.0.2", [], 1)


@pytest.mark.parametrize(
    "header",
    [
        "OFXHEADER:100DATA:OFXSGMLVERSION:102SECURITY:NONEENCODING:USASCIICHARSET:1252COMPRESSION:NONE",
        "OFXHEADER:100 DATA:OFXSGML VERSION:102 SECURITY:NONE ENCODING:USASCII CHARSET:1252 COMPRESSION:NONE ",
        "\n\n\n\n\n\nOFXHEADER: 100\nDATA: OFXSGML\nVERSION: 102\nCHARSET: 1252\n\n",
        "   OFXHEADER:100\n\n\nDATA:OFXSGML\n\n\nVERSION:102\n",
        "ofxheader:100\nversion:102\n",
        "CHARSET:1252\nVERSION:102\nOFXHEADER:100\n",
        "HTTP/1.1 200 OK\nContent-Type: application/x-ofx; charset=utf-8\n\nOFXHEADER:100\nVERSION:102\n",
        "",
    ],
)
def test_irregular_header_is_read_with_a_warning(bank, codes, body, header):
    file = bank.read((header + body).encode("cp1252"))
    assert names(file) == ["CAFÉ ZÜRICH"]
    assert "header_irregular" in codes(file)
    assert file.format_name == ("ofx 1.0.2" if header and "VERSION" in header.upper().split("OFXHEADER")[-1] else "ofx")


def test_carriage_returns_alone_end_lines(bank):
    data = bank.file(bank.statement(bank.row() + bank.row(TRNAMT="null"))).replace(b"\n", b"\r")
    file = bank.read(data)
    assert len(file.batch.transactions) == 1
    assert file.batch.rejected[0].line == 19


def test_windows_line_ends_count_once(bank):
    data = bank.file(bank.statement(bank.row() + bank.row(TRNAMT="null"))).replace(b"\n", b"\r\n")
    assert bank.read(data).batch.rejected[0].line == 19


@pytest.mark.parametrize("quote", ['"', "'"])
@pytest.mark.parametrize("version", ["200", "203", "211", "220"])
def test_xml_header_is_read_in_either_quote_style(bank, body, quote, version):
    header = V2.replace('"', quote).replace("211", version)
    file = bank.read((header + body).encode())
    assert (names(file), file.format_name) == (["CAFÉ ZÜRICH"], f"ofx {'.'.join(version)}")
    assert file.batch.warnings == []


def test_sgml_header_with_closed_tags_and_xml_header_with_open_tags_are_both_read(bank):
    closed = "<STMTTRN><TRNTYPE>DEBIT</TRNTYPE><DTPOSTED>20240115</DTPOSTED><TRNAMT>-5</TRNAMT><NAME>A</NAME></STMTTRN>"
    assert names(bank.read_rows(closed)) == ["A"]
    assert names(bank.read(bank.file(bank.statement(bank.row()), header=V2))) == ["CORNER SHOP"]


def test_text_around_the_body_is_left_alone(bank):
    data = (
        b"Date: Mon\r\n\r\n" + bank.file(bank.statement(bank.row())) + b"\n-- \nsent from <b>my</b> phone <STMTTRN>\n"
    )
    assert names(bank.read(data)) == ["CORNER SHOP"]


def test_end_of_the_body_is_found_before_a_long_trailer(bank):
    data = bank.file(bank.statement(bank.row()))
    for length in (10, 65_536 - 3, 65_536, 200_000):
        assert names(bank.read(data + b"x" * length)) == ["CORNER SHOP"]


@pytest.mark.parametrize(
    ("encoding", "charset", "codec"),
    [
        ("USASCII", "1252", "cp1252"),
        ("USASCII", "1252", "utf-8"),
        ("USASCII", "NONE", "cp1252"),
        ("USASCII", "NONE", "utf-8"),
        ("USASCII", "", "cp1252"),
        ("", "", "utf-8"),
        ("USASCII", "ISO-8859-1", "iso8859-1"),
        ("USASCII", "8859-1", "iso8859-1"),
        ("USASCII", "8859-15", "iso8859-15"),
        ("USASCII", "1250", "cp1250"),
        ("USASCII", "1254", "cp1254"),
        ("USASCII", "850", "cp850"),
        ("USASCII", "437", "cp437"),
        ("UNICODE", "NONE", "utf-8"),
        ("UTF-8", "NONE", "utf-8"),
        ("UTF8", "1252", "utf-8"),
        ("USASCII", "UTF-8", "utf-8"),
    ],
)
def test_declared_character_set_is_used_unless_the_bytes_prove_another(bank, body, encoding, charset, codec):
    header = bank.header.replace("ENCODING:USASCII", f"ENCODING:{encoding}").replace("1252", charset)
    file = bank.read((header + body).encode(codec))
    assert (names(file), file.batch.warnings) == (["CAFÉ ZÜRICH"], [])


@pytest.mark.parametrize(
    ("charset", "text"), [("1251", "КАФЕ"), ("932", "東京ストア"), ("949", "서울"), ("936", "北京"), ("950", "台北")]
)
def test_code_pages_of_other_scripts_are_read(bank, charset, text):
    codec = "cp" + charset
    data = (
        bank.file(bank.statement(bank.row(NAME="@")))
        .replace(b"1252", charset.encode())
        .replace(b"@", text.encode(codec))
    )
    assert names(bank.read(data)) == [text]


def test_utf8_label_on_other_bytes_falls_back_with_a_warning(bank, codes, body):
    file = bank.read((bank.header.replace("USASCII", "UTF-8") + body).encode("cp1252"))
    assert (names(file), codes(file)) == (["CAFÉ ZÜRICH"], {"charset_mismatch"})


def test_unknown_character_set_falls_back_with_a_warning(bank, codes, body):
    file = bank.read((bank.header.replace("1252", "KLINGON-7") + body).encode("cp1252"))
    assert (names(file), codes(file)) == (["CAFÉ ZÜRICH"], {"charset_unknown"})


def test_bytes_that_the_character_set_lacks_become_a_mark(bank, codes):
    file = bank.read(bank.file(bank.statement(bank.row(NAME="A@B"))).replace(b"@", b"\x81"))
    assert (names(file), codes(file)) == (["A\ufffdB"], {"characters_replaced"})


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be", "utf-16", "utf-8-sig"])
def test_byte_order_marks_and_utf16_are_read(bank, body, codec):
    data = (bank.header + body).encode(codec)
    assert names(bank.read(data)) == ["CAFÉ ZÜRICH"]
    assert IMPORTER.sniff(data) == 100


def test_control_characters_are_removed(bank):
    data = bank.file(bank.statement(bank.row(NAME="A@@B", MEMO="x@y") * 10)).replace(b"@", b"\x00")
    data = bank.header.encode() + b" " * 1100 + data[len(bank.header) :]
    assert names(bank.read(data)) == ["AB – xy"] * 10


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("A &amp; B", "A & B"),
        ("A&amp;amp;B", "A&amp;B"),
        ("&lt;b&gt;", "<b>"),
        ("A&nbsp;B", "A B"),
        ("&quot;A&quot; &apos;B&apos;", "\"A\" 'B'"),
        ("&#38;&#x26;", "&&"),
        ("AT&T", "AT&T"),
        ("AT&T;X &unknown; &#xZZ;", "AT&T;X &unknown; &#xZZ;"),
        ("A<B", "A<B"),
        ("1 < 2 <3", "1 < 2 <3"),
        ("A > B", "A > B"),
        ("caf&eacute;", "café"),
        ("&#55296;", "\ufffd"),
        ("&#99999999;", "&#99999999;"),
        ("<![CDATA[ <b> & &amp; ]]>", "<b> & &amp;"),
        ("A<![CDATA[B]]>C<!-- no -->D", "ABCD"),
        ("A<?pi x?>B", "AB"),
        ("<b>Shop</b> Ltd", "Shop Ltd"),
        ("Shop<BR>Ltd<br/>x", "Shop Ltd x"),
        ('<FONT color="red">Shop</FONT>', "Shop"),
    ],
)
def test_text_is_decoded_once_and_otherwise_left_as_it_is(bank, written, meant):
    assert names(bank.read_rows(bank.row(NAME=written, MEMO=""))) == [meant]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty_file"),
        (b" \r\n\r\n", "empty_file"),
        (b"<!DOCTYPE html><html><body>Sign in</body></html>", "html_page"),
        (b"<html><head></head></html>", "html_page"),
        (b"%PDF-1.7 ...", "pdf_file"),
        (gzip.compress(b"OFXHEADER:100", mtime=0), "compressed_file"),
        (b"PK\x03\x04....", "compressed_file"),
        (b"\xd0\xcf\x11\xe0....", "office_file"),
        (b"Date,Amount\n2024-01-15,5\n", "not_ofx"),
        (b"\x00\x01\x02\x03" * 100, "binary_file"),
        (b"OFXHEADER:100\nDATA:OFXSGML\n", "no_body"),
        (b"OFXHEADER:100\n\n<OFX></OFX>", "no_statement"),
        (b"OFXHEADER:100\nSECURITY:TYPE1\n\n<OFX></OFX>", "unsupported_security"),
        (b"OFXHEADER:100VERSION:102SECURITY:TYPE1<OFX></OFX>", "unsupported_security"),
        (b"OFXHEADER:100\nCOMPRESSION:GZIP\n\n<OFX></OFX>", "unsupported_compression"),
        (b'<?xml version="1.0"?><!DOCTYPE OFX [<!ENTITY a "b">]><OFX>&a;</OFX>', "document_type"),
        (b"OFXHEADER:100\n\n<OFX><BANKMSGSRSV1><STMTTRNRS>", "truncated"),
    ],
)
def test_file_that_is_no_statement_is_refused_in_fixed_words(bank, data, code):
    with pytest.raises(ProviderValidationError) as caught:
        bank.read(data)
    assert (caught.value.code, caught.value.provider) == (code, "ofx")
    assert "Date" not in caught.value.message


def test_limit_of_bytes_is_kept(bank):
    data = bank.file(bank.statement(bank.row()))
    options = ImportOptions(limits=ImportLimits(max_bytes=len(data) - 1))
    with pytest.raises(ProviderValidationError) as caught:
        IMPORTER.read(io.BytesIO(data), options)
    assert caught.value.code == "too_large"


def test_stream_that_cannot_seek_is_read(bank):
    class Pipe(io.RawIOBase):
        def __init__(self, data):
            self._rest = data

        def readable(self):
            return True

        def readinto(self, into):
            size = min(len(into), 100, len(self._rest))
            into[:size], self._rest = self._rest[:size], self._rest[size:]
            return size

    file = IMPORTER.read(Pipe(bank.file(bank.statement(bank.row()))), ImportOptions())
    assert [row.amount for row in file.batch.transactions] == [Decimal("-12.34")]


@pytest.mark.parametrize("data", [b"Date,Amount\n", b"%PDF-1.7 <OFX>", b"!Type:Bank\n", b":20:A\n:25:B\n", b""])
def test_sniff_knows_what_is_not_ofx(data):
    assert IMPORTER.sniff(data) == 0


@pytest.mark.parametrize(
    "data",
    [b"OFXHEADER:100", b"\n\n<?xml version='1.0'?><?OFX x?>", b"<ofx><SIGNONMSGSRSV1>", b"\xef\xbb\xbfOFXHEADER:100"],
)
def test_sniff_knows_ofx_by_its_content(data):
    assert IMPORTER.sniff(data) == 100
