"""Where is the next tag, and which text stands before it? One pass, linear, bounded, whatever the pieces.

Every quantifier is bounded or possessive: a tag attempt never looks twice at the same character, so 200,000 `<` cost as
much as 200,000 letters.
"""

import html.entities
import re
from collections.abc import Iterator

PlainRow = tuple[int, tuple[str | None, ...]]
"""Line of a row, and the groups of the pattern that matched it: raw texts."""

TEXT_LIMIT = 64 * 1024
"""Characters of one element's text; more is cut and its record refused."""

_TAG_LIMIT = 12_000
_TAG = re.compile(
    r"<(?:(/)?+([A-Za-z][A-Za-z0-9_.\-]{0,63}+)"
    r"(?:\s{1,16}+[A-Za-z_][\w:.\-]{0,63}+\s{0,16}+=\s{0,16}+"
    r"(?:\"[^\"<]{0,1000}+\"|'[^'<]{0,1000}+'|[^\s<>\"'/]{1,1000}+)){0,8}+"
    r"\s{0,16}+(/)?+>"
    r"|(!--)|(!\[CDATA\[)|\?[^<>]{0,1000}+>)"
)
# Some institutions put markup into names; the format has no element of these names, so they are part of the text.
_MARKUP = frozenset({"B", "BR", "EM", "FONT", "I", "SPAN", "STRONG", "U"})
_ENTITY = re.compile(r"&(?:#([0-9]{1,7})|#[xX]([0-9A-Fa-f]{1,6})|([A-Za-z][A-Za-z0-9]{1,31}));")


def clean(raw: str) -> str:
    """Return an element's text as meant: trimmed, entities decoded once, what is no entity left as it is."""
    text = raw.strip()
    if "&" in text:
        return _ENTITY.sub(_character, text).strip()
    return text


def _character(match: re.Match[str]) -> str:
    decimal, hexadecimal, name = match.groups()
    if name is not None:
        return html.entities.html5.get(name + ";", match[0])
    code = int(decimal) if decimal else int(hexadecimal, 16)
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        return "\ufffd"
    return chr(code) if code >= 0x20 or code in (9, 10, 13) else ""


class Scanner:
    """Walks from tag to tag over text that arrives in pieces of any size."""

    __slots__ = (
        "_buffer",
        "_counted",
        "_is_at_end",
        "_kept",
        "_line",
        "_parts",
        "_pieces",
        "_scan",
        "_tag_start",
        "_text_start",
        "is_closing",
        "is_empty",
        "is_overlong",
        "name",
        "text",
    )

    def __init__(self, pieces: Iterator[str], first_line: int = 1) -> None:
        self._pieces = pieces
        self._buffer = ""
        self._is_at_end = False
        self._text_start: int = 0
        self._scan: int = 0
        self._tag_start: int = 0
        self._counted: int = 0
        self._line: int = first_line
        self._parts: list[str] = []
        self._kept: int = 0
        self.name = ""
        """The present tag's name, upper case; empty at the end."""
        self.is_closing = False
        self.is_empty = False
        """True for a tag that closes itself, `<X/>`."""
        self.text = ""
        """What stood before the present tag, cleaned."""
        self.is_overlong = False
        """True when that text was longer than the limit and is not whole."""

    def advance(self) -> bool:
        """Move to the next tag and set its attributes and `text`; False at the end of the body."""
        self.is_overlong = False
        while True:
            match = _TAG.search(self._buffer, self._scan)
            if match is None:
                if self._load():
                    continue
                self._finish_text(len(self._buffer))
                self.name = ""
                return False
            closing, name, empty, comment, literal = match.groups()
            if name is not None and name.upper() not in _MARKUP:
                self._tag_start = match.start()
                self._finish_text(self._tag_start)
                self._text_start = self._scan = match.end()
                self.name = name.upper()
                self.is_closing = closing is not None
                self.is_empty = empty is not None
                return True
            self._keep(clean_untrimmed(self._buffer[self._text_start : match.start()]))
            self._text_start = self._scan = match.end()
            if comment is not None:
                self._pass("-->", keep=False)
            elif literal is not None:
                self._pass("]]>", keep=True)
            elif name is not None and name.upper() == "BR":
                self._keep(" ")

    def line(self) -> int:
        """Return the line of the present tag, from 1."""
        if self._tag_start > self._counted:
            self._line += self._buffer.count("\n", self._counted, self._tag_start)
            self._counted = self._tag_start
        return self._line

    def match_rows(self, pattern: re.Pattern[str], opening: str, closing: str) -> list[PlainRow]:
        """Return the rows from the present tag on that `pattern` matches, and stand behind them; none: stay.

        They end with the piece of text at hand: a next call looks at what follows.
        """
        rows: list[PlainRow] = []
        while True:
            buffer, position = self._buffer, self._tag_start
            line, counted = self._line, self._counted
            match_at, count = pattern.match, buffer.count
            start = buffer.find("<", position)
            while start >= 0 and (match := match_at(buffer, start)) is not None:
                line += count("\n", counted, start)
                counted = start
                position = match.end()
                rows.append((line, match.groups()))
                # A row's match ends behind the blanks that follow it: most often the next row begins right there.
                start = position if buffer.startswith("<", position) else buffer.find("<", position)
            if rows:
                self._line, self._counted = line, counted
                self._tag_start = self._text_start = self._scan = position
                return rows
            begin = start if start >= 0 else len(buffer)
            is_cut = (
                len(buffer) - position < TEXT_LIMIT
                and opening.startswith(buffer[begin : begin + len(opening)])
                and buffer.find(closing, begin) < 0
            )
            if not is_cut or not self._load(position):
                return rows

    def _finish_text(self, end: int) -> None:
        raw = self._buffer[self._text_start : end]
        if self._parts or self._kept:
            self._keep(clean_untrimmed(raw))
            self.text = "".join(self._parts).strip()
            self._parts.clear()
            self._kept = 0
        elif len(raw) > TEXT_LIMIT:
            self.is_overlong = True
        else:
            self.text = clean(raw)
        if self.is_overlong:
            self.text = ""

    def _keep(self, text: str) -> None:
        """Add a part of a text that comments or literal sections interrupt."""
        self._kept += len(text)
        if self._kept > TEXT_LIMIT:
            self.is_overlong = True
        elif text:
            self._parts.append(text)

    def _pass(self, end: str, *, keep: bool) -> None:
        """Move behind the next `end`, or to the end of the body, keeping what stands before as text."""
        while True:
            found = self._buffer.find(end, self._scan)
            if found >= 0:
                if keep:
                    self._keep(self._buffer[self._text_start : found])
                self._text_start = self._scan = found + len(end)
                return
            self._scan = max(self._scan, len(self._buffer) - len(end) + 1)
            if not keep or self._scan - self._text_start > TEXT_LIMIT:
                self.is_overlong = self.is_overlong or keep
                self._text_start = self._scan
            if not self._load(self._text_start, rescan=False):
                self._text_start = self._scan = len(self._buffer)
                return

    def _load(self, start: int | None = None, *, rescan: bool = True) -> bool:
        """Append the next piece and forget what lies before the text (or `start`); False when there is no more."""
        if self._is_at_end:
            return False
        piece = next(self._pieces, None)
        if piece is None:
            self._is_at_end = True
            return False
        if start is None and rescan:
            self._scan = self._last_possible_tag()
            if self._scan - self._text_start > TEXT_LIMIT:
                self.is_overlong = True
                self._text_start = self._scan
        cut = self._text_start if start is None else min(start, self._text_start)
        if cut > self._counted:
            self._line += self._buffer.count("\n", self._counted, cut)
            self._counted = cut
        self._buffer = self._buffer[cut:] + piece
        self._text_start -= cut
        self._scan -= cut
        self._counted -= cut
        self._tag_start -= cut
        return True

    def _last_possible_tag(self) -> int:
        """Return where a tag that the next piece completes would begin: no tag holds a second `<`."""
        end = len(self._buffer)
        found = self._buffer.rfind("<", max(self._scan, end - _TAG_LIMIT))
        return found if found >= 0 else end


def clean_untrimmed(raw: str) -> str:
    """Return a part of an element's text with its entities decoded and its blanks as they are."""
    return _ENTITY.sub(_character, raw) if "&" in raw else raw
