"""Which number does an amount text mean, when institutions write `1,234.56`, `1.234,56`, `(12.34)` and `10,000`?"""

import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Literal

from bursar.importers.ofx.notices import Notices

Mark = Literal[".", ","]

_MAX_DIGITS = 30
_SHAPE = re.compile(
    r"(\()?+\s*+([+-])?+\s*+([$€£¥₹]|[A-Za-z]{3}\b|[A-Z]{1,2}\$)?+\s*+([+-])?+\s*+"
    r"([0-9][0-9.,' ]*+|[.,][0-9]++)"
    r"([+-])?+\s*+([$€£¥₹]|[A-Za-z]{3})?+\s*+(\))?+"
)
_SPACED = re.compile(r"[0-9]{1,3}+(?:[ '][0-9]{3})++(?:[.,][0-9]*+)?+")
_GROUPED = {
    ".": re.compile(r"[0-9]{1,3}(?:\.[0-9]{2,3})*\.[0-9]{3}"),
    ",": re.compile(r"[0-9]{1,3}(?:,[0-9]{2,3})*,[0-9]{3}"),
}
_UNDECIDED = re.compile(r"[1-9][0-9]{0,2}[.,][0-9]{3}")
_ELEMENTS = (
    "TRNAMT|BALAMT|TOTAL|UNITS|UNITPRICE|MKTVAL|COMMISSION|FEES|TAXES|LOAD|AVAILCASH|MARGINBALANCE|SHORTBALANCE|"
    "BUYPOWER|VALUE|CURRATE|AVGCOSTBASIS|GAIN|MARKUP|ACCRDINT"
)
_IN_FILE = re.compile(rf"<(?:{_ELEMENTS})>\s*+([^<\r\n]{{1,80}}+)", re.IGNORECASE)
_TYPOGRAPHY = {0x2212: "-", 0x2013: "-", 0x00A0: " ", 0x202F: " ", 0x2009: " ", 0x2007: " ", 0x2019: "'"}


class NumberReader:
    """Reads the numbers of one file; the meaning of `10,000` is decided by all of the file, once, when it is met."""

    def __init__(self, notices: Notices, text_of_file: Callable[[], Iterable[str]]) -> None:
        self._notices = notices
        self._text_of_file = text_of_file
        self._radix: Mark | None = None
        self._is_surveyed = False

    def read(self, text: str, line: int | None = None) -> Decimal | None:
        """Return the number, with the scale as written, or None when the text is no number; never zero instead."""
        text = text.translate(_TYPOGRAPHY).strip()
        match = _SHAPE.fullmatch(text) if len(text) <= 80 else None
        if match is None:
            return None
        opened, before, symbol, after_symbol, body, behind, unit, closed = match.groups()
        signs = [sign for sign in (before, after_symbol, behind) if sign]
        if (opened is None) != (closed is None) or len(signs) + bool(opened) > 1 or (symbol and unit):
            return None
        number = self._magnitude(body.rstrip(), line)
        if number is None:
            return None
        if symbol or unit or opened or behind or after_symbol:
            self._notices.add("number_irregular", line)
        return number.copy_negate() if opened or "-" in signs else number

    def _magnitude(self, body: str, line: int | None) -> Decimal | None:
        if " " in body or "'" in body:
            if _SPACED.fullmatch(body) is None:
                return None
            body = body.replace(" ", "").replace("'", "")
        if _UNDECIDED.fullmatch(body) is not None:
            return self._undecided(body, line)
        split = _split(body)
        if split is None:
            return None
        whole, fraction, has_mark = split
        if len(whole) + len(fraction) > _MAX_DIGITS:
            return None
        return Decimal(f"{whole or '0'}.{fraction}" if has_mark and fraction else whole or "0")

    def _undecided(self, body: str, line: int | None) -> Decimal:
        mark = "." if "." in body else ","
        radix = self._radix_of_file()
        if radix is None:
            self._notices.add("ambiguous_number", line)
        return Decimal(body.replace(mark, "." if radix in (None, mark) else ""))

    def _radix_of_file(self) -> Mark | None:
        if not self._is_surveyed:
            self._is_surveyed = True
            self._radix = decide_radix(self._text_of_file())
        return self._radix


def decide_radix(texts: Iterable[str]) -> Mark | None:
    """Return the decimal mark that the numbers of a file prove, or None when they prove none or contradict."""
    seen: set[Mark] = set()
    rest = ""
    for text in texts:
        window = rest + text
        for value in _IN_FILE.findall(window):
            mark = _proof(value)
            if mark is not None:
                seen.add(mark)
        if len(seen) == 2:
            return None
        rest = window[-128:]
    return seen.pop() if len(seen) == 1 else None


def _proof(value: str) -> Mark | None:
    """Return the decimal mark that one number proves by itself."""
    body = value.translate(_TYPOGRAPHY).strip().strip("+-()$€£¥₹ ").replace(" ", "").replace("'", "")
    if _UNDECIDED.fullmatch(body) is not None:
        return None
    points, commas = body.count("."), body.count(",")
    if not points + commas or _split(body) is None:
        return None
    if points and commas:
        return "." if body.rfind(".") > body.rfind(",") else ","
    if points + commas == 1:
        return "." if points else ","
    return "," if points else "."


def _split(body: str) -> tuple[str, str, bool] | None:
    """Return whole digits, fraction digits and whether a decimal mark stood there; None for what is no number."""
    point, comma = body.rfind("."), body.rfind(",")
    if point < 0 and comma < 0:
        return (body, "", False) if body.isdecimal() else None
    if point >= 0 and comma >= 0:
        radix, grouping = (".", ",") if point > comma else (",", ".")
        whole, _, fraction = body.partition(radix)
        if _GROUPED[grouping].fullmatch(whole) is None:
            return None
        whole = whole.replace(grouping, "")
    else:
        mark = "." if point >= 0 else ","
        if body.count(mark) > 1:
            return (body.replace(mark, ""), "", False) if _GROUPED[mark].fullmatch(body) is not None else None
        whole, _, fraction = body.partition(mark)
    if (whole and not whole.isdecimal()) or (fraction and not fraction.isdecimal()):
        return None
    return whole, fraction, True
