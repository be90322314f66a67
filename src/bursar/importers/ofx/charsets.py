"""In which character set is a file really written, whatever its header says?"""

import codecs
from collections.abc import Iterable
from typing import NamedTuple

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_ASCII_NAMES = frozenset({"", "USASCII", "ASCII", "NONE", "1252", "CP1252", "WINDOWS1252", "ANSI"})
_UTF8_NAMES = frozenset({"UNICODE", "UTF8", "UTF16", "65001"})
_CODECS = {
    "88591": "iso8859-1",
    "ISO88591": "iso8859-1",
    "LATIN1": "iso8859-1",
    "885915": "iso8859-15",
    "ISO885915": "iso8859-15",
    "LATIN9": "iso8859-15",
    "SHIFTJIS": "cp932",
    "EUCKR": "cp949",
    "BIG5": "cp950",
    "GBK": "cp936",
    "GB2312": "cp936",
}
_CODE_PAGES = frozenset({"437", "850", "852", "858", "866", "874", "932", "936", "949", "950"})


class Charset(NamedTuple):
    """The codec that decodes the file, and the notice to give when it is not the one that the header names."""

    codec: str
    notice: str | None = None


def byte_order_mark(head: bytes) -> tuple[str, int] | None:
    """Return the codec that a byte order mark names and the mark's length, or None without one."""
    for mark, codec in _BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return codec, len(mark)
    return None


def utf16_by_zeros(head: bytes) -> str | None:
    """Return the byte order of UTF-16 text without a mark, told by where its zero bytes stand; None for others."""
    sample = head[:256]
    if len(sample) < 8 or 0 not in sample:
        return None
    even, odd = sample[0::2], sample[1::2]
    if even.count(0) * 10 >= len(even) * 7 and odd.count(0) * 10 < len(odd):
        return "utf-16-be"
    if odd.count(0) * 10 >= len(odd) * 7 and even.count(0) * 10 < len(even):
        return "utf-16-le"
    return None


def decide(encoding: str, charset: str, *, is_utf8: bool, is_ascii: bool) -> Charset:
    """Return how to decode a file of single bytes.

    `encoding` and `charset` are the header's words (an XML declaration's counts as `encoding`). Many institutions
    write UTF-8 under a header that says Windows-1252: bytes that are valid UTF-8 and not ASCII are UTF-8.
    """
    words = [_word(encoding), _word(charset)]
    if any(word in _UTF8_NAMES for word in words):
        return Charset("utf-8") if is_utf8 else Charset("cp1252", "charset_mismatch")
    named = [word for word in words if word not in _ASCII_NAMES]
    if not named:
        return Charset("utf-8" if is_utf8 and not is_ascii else "cp1252")
    codec = _codec(named[-1])
    return Charset("cp1252", "charset_unknown") if codec is None else Charset(codec)


def inspect(chunks: Iterable[bytes]) -> tuple[bool, bool]:
    """Return whether bytes are valid UTF-8, and whether they are ASCII, at the speed of memory for ASCII."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    is_ascii = True
    try:
        for chunk in chunks:
            if is_ascii and chunk.isascii():
                continue
            is_ascii = False
            decoder.decode(chunk)
        decoder.decode(b"", True)
    except UnicodeDecodeError:
        return False, False
    return True, is_ascii


def _word(name: str) -> str:
    return "".join(letter for letter in name.upper() if letter.isalnum())


def _codec(word: str) -> str | None:
    if word in _CODECS:
        return _CODECS[word]
    digits = word.removeprefix("WINDOWS").removeprefix("CP").removeprefix("IBM").removeprefix("MS")
    if digits in _CODE_PAGES or (len(digits) == 4 and digits.startswith("125") and digits.isdigit()):
        try:
            return codecs.lookup("cp" + digits).name
        except LookupError:
            return None
    if word.startswith("ISO8859"):
        try:
            return codecs.lookup("iso8859-" + word.removeprefix("ISO8859")).name
        except LookupError:
            return None
    return None
