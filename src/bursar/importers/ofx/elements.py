"""What is inside what, in files that leave tags open, close them twice or invent their own?"""

import re
from collections.abc import Iterator

from bursar.importers.ofx.failures import OfxFileError
from bursar.importers.ofx.names import (
    AGGREGATES,
    FRAME_RANK,
    LEAVES,
    LIST_RECORDS,
    LISTS,
    RANKS,
    RESPONSES,
    ROW,
    ROWS,
    STATEMENTS,
)
from bursar.importers.ofx.notices import Notices
from bursar.importers.ofx.scanner import TEXT_LIMIT, PlainRow, Scanner

MAX_DEPTH = 64

ROW_LEAVES = (
    "TRNTYPE DTPOSTED DTUSER DTAVAIL TRNAMT FITID CORRECTFITID CORRECTACTION SRVRTID CHECKNUM REFNUM SIC PAYEEID NAME "
    "EXTDNAME MEMO"
).split()
"""The text elements of a bank row in the order of the format: the groups of a row that is read in one step."""

_EMITTED = STATEMENTS | RESPONSES | ROWS | {"SONRS", "ACCTINFO"}


# An amount of at most 20 digits without a fraction of three: `1.234` may be a grouped integer and is no plain amount.
_PLAIN_AMOUNT = r"[+-]?+[0-9]{1,20}+(?:\.(?:[0-9]{4,10}+|[0-9]{1,2}+))?+"


def _leaf_pattern(name: str) -> str:
    text = rf"[^<]{{0,{TEXT_LIMIT}}}+"
    if name == "TRNAMT":
        text = rf"\s{{0,999}}+(?P<plain>{_PLAIN_AMOUNT})\s{{0,999}}+(?=<)|{text}"
    return rf"(?:<{name}>({text})(?:</{name}>\s{{0,999}}+)?+)?+"


# Nearly every row of nearly every file is these elements, in this order, each at most once, and nothing else: such a
# row is one match. Every other row goes through the element reader, which means the same and takes its time.
_PLAIN_ROW = re.compile(
    rf"<{ROW}>\s{{0,999}}+" + "".join(_leaf_pattern(name) for name in ROW_LEAVES) + rf"</{ROW}>\s{{0,999}}+",
)
_OPENING, _CLOSING = f"<{ROW}>", f"</{ROW}>"


class Element:
    """One element of the file: text, or other elements; records are handed out instead of kept by their parents."""

    __slots__ = ("children", "is_tentative", "is_too_large", "line", "name", "text")

    def __init__(self, name: str, line: int, text: str = "", *, is_tentative: bool = False) -> None:
        self.name = name
        self.line = line
        self.text = text
        """Cleaned; empty means absent."""
        self.children: list[Element] = []
        self.is_tentative = is_tentative
        """True while nobody knows whether an element of an unknown name holds others."""
        self.is_too_large = False

    def find(self, *path: str) -> "Element | None":
        """Return the first element at a path of names below this one, or None."""
        element: Element | None = self
        for name in path:
            element = next((child for child in element.children if child.name == name), None)
            if element is None:
                return None
        return element

    def value(self, *path: str) -> str | None:
        """Return the text at a path, or None when it is absent or empty."""
        element = self.find(*path)
        return (element.text or None) if element is not None else None

    def search(self, name: str) -> "Element | None":
        """Return the first element of a name that has a text or children, at any depth, or None."""
        for child in self.children:
            if child.name == name and (child.text or child.children):
                return child
            found = child.search(name) if child.children else None
            if found is not None:
                return found
        return None

    def search_value(self, name: str) -> str | None:
        """Return the first text under a name at any depth, or None."""
        element = self.search(name)
        return (element.text or None) if element is not None else None

    def has_too_large(self) -> bool:
        """True when a text in it was longer than the limit and is therefore missing."""
        return self.is_too_large or any(child.has_too_large() for child in self.children)

    def __repr__(self) -> str:
        return f"Element({self.name!r}, line={self.line}, {len(self.children)} inside)"


Event = list[PlainRow] | Element
"""Plain bank rows (raw texts: those of ROW_LEAVES, then the amount where it is written plainly), or a whole record."""


class ElementReader:
    """Turns the tags of one file into records, in one pass; keeps the open elements and nothing of the closed rows."""

    def __init__(self, scanner: Scanner, notices: Notices) -> None:
        self._scanner = scanner
        self._notices = notices
        self._stack: list[Element] = []
        self._latest: Element | None = None
        """The element that the previous tag opened, while its text may still come."""
        self._last_leaf = ""
        self._ready: list[Element] = []

    def events(self) -> Iterator[Event]:
        """Yield plain rows and records in the order in which they end; the open elements at the end stay open.

        Raises:
            OfxFileError: the nesting is deeper than any statement's.
        """
        scanner = self._scanner
        while scanner.advance():
            self._take_text()
            name = scanner.name
            if scanner.is_closing:
                self._close(name)
            elif name == ROW and self._stack:
                self._make_room(name)
                yield from self._hand_out()
                yield from self._plain_rows()
            else:
                self._open(name)
            if self._ready:
                yield from self._hand_out()
        self._take_text()

    @property
    def is_complete(self) -> bool:
        """True when every element has ended."""
        return not self._stack

    def end_early(self) -> Iterator[Event]:
        """Yield what is still open when the file's end is missing and nothing but the outer frame was lost.

        Raises:
            OfxFileError: a list, a balance or a row was cut.
        """
        if any(RANKS.get(element.name, len(RANKS)) > FRAME_RANK for element in self._stack):
            raise OfxFileError("truncated")
        self._close_down_to(0, is_expected=False)
        yield from self._hand_out()

    def _plain_rows(self) -> Iterator[Event]:
        rows = self._scanner.match_rows(_PLAIN_ROW, _OPENING, _CLOSING)
        if not rows:
            self._open(ROW)
        while rows:
            yield rows
            rows = self._scanner.match_rows(_PLAIN_ROW, _OPENING, _CLOSING)

    def _hand_out(self) -> Iterator[Event]:
        yield from self._ready
        self._ready.clear()

    def _take_text(self) -> None:
        """Give the text before the present tag to the element that the previous tag opened."""
        latest, self._latest = self._latest, None
        self._last_leaf = ""
        if latest is None:
            return
        scanner = self._scanner
        if latest.name in LEAVES or self._stack[-1] is not latest:
            self._last_leaf = latest.name
        elif (scanner.text or scanner.is_overlong) and (latest.is_tentative or latest.name not in RANKS):
            # Text right behind the tag: an unknown element (or a level written as a plain value) is a leaf after all.
            self._stack.pop()
            latest.is_tentative = False
            self._attach(latest)
            self._last_leaf = latest.name
        else:
            return
        latest.text = scanner.text
        if scanner.is_overlong:
            latest.is_too_large = True
            self._notices.add("text_too_long", latest.line)

    def _open(self, name: str) -> None:
        line = self._scanner.line()
        if not self._stack and name != "OFX":
            if name not in RANKS:
                return
            self._stack.append(Element("OFX", line))
        element = Element(name, line)
        if name in LEAVES:
            self._stack[-1].children.append(element)
            self._latest = None if self._scanner.is_empty else element
            return
        self._make_room(name)
        if self._scanner.is_empty:
            self._attach(element)
            return
        if len(self._stack) >= MAX_DEPTH:
            raise OfxFileError("too_deep", line=line)
        is_known = name in AGGREGATES and (name not in LIST_RECORDS or self._is_in_list())
        element.is_tentative = not is_known and self._parent_name() not in LISTS
        self._stack.append(element)
        self._latest = element

    def _make_room(self, name: str) -> None:
        """Close what cannot hold an element of this name: a row's predecessor, a list before a balance."""
        rank = RANKS.get(name)
        if name in LIST_RECORDS and not self._is_in_list():
            # Outside their lists these are words like others: a bank row may hold a vendor's <TRANSFER> or <SPLIT>.
            rank = None
        for depth, element in enumerate(self._stack):
            if element.name == name or (rank is not None and RANKS.get(element.name, -1) >= rank):
                self._close_down_to(depth, is_expected=element.is_tentative)
                return

    def _close(self, name: str) -> None:
        if name == self._last_leaf:
            return
        for depth in range(len(self._stack) - 1, -1, -1):
            if self._stack[depth].name == name:
                self._stack[depth].is_tentative = False
                self._close_down_to(depth, is_expected=True)
                return
        self._notices.add("stray_close", self._scanner.line())

    def _close_down_to(self, depth: int, *, is_expected: bool) -> None:
        while len(self._stack) > depth:
            element = self._stack.pop()
            is_target = len(self._stack) == depth
            if element.is_tentative:
                # It never closed, so it was an empty leaf, and what followed it belongs to its parent.
                element.is_tentative = False
                children, element.children = element.children, []
                self._attach(element)
                for child in children:
                    self._attach(child)
                continue
            if not (is_target and is_expected):
                self._notices.add("unclosed", element.line)
            self._attach(element)

    def _attach(self, element: Element) -> None:
        """Hand a record out, give everything else to the element around it."""
        if element.name in _EMITTED or (element.children and self._parent_name() in LISTS):
            self._ready.append(element)
        elif self._stack:
            self._stack[-1].children.append(element)

    def _is_in_list(self) -> bool:
        return any(element.name in LISTS for element in self._stack)

    def _parent_name(self) -> str:
        return self._stack[-1].name if self._stack else ""
