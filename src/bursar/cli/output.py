"""How does an answer look, for people and for programs?"""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, cast
from uuid import UUID

if TYPE_CHECKING:
    from rich.console import Console

_PIPE_WIDTH = 200
"""Columns of a table that goes into a file or a pipe: nothing is cut there."""
_ID_ENDING = 8
RIGHT = ">"
"""What a column's name begins with when its cells are numbers."""


def say(text: str = "") -> None:
    """Write a line of the answer."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def note(text: str) -> None:
    """Write a line beside the answer: progress, warnings."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def emit_json(value: object) -> None:
    """Write the answer for a program: decimals as strings, ISO dates and instants."""
    say(json.dumps(value, default=plain, ensure_ascii=False, indent=2))


def plain(value: object) -> object:
    """Return what JSON has for a value of ours."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, Mapping):
        return dict(cast("Mapping[object, object]", value))
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def make_console() -> "Console":
    """Return the console for the answer; wide when nobody looks at it."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH, highlight=False)


def show_table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], *, title: str | None = None, console: "Console | None" = None
) -> None:
    """Show a table; columns of numbers are right-aligned and never broken."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        if name.startswith(RIGHT):
            table.add_column(name.removeprefix(RIGHT), justify="right", no_wrap=True)
        else:
            table.add_column(name, overflow="fold")
    for row in rows:
        # Texts come from banks: as Text, so that brackets in them are not markup.
        table.add_row(*(Text(cell) for cell in row))
    (console or make_console()).print(table)


def short(identifier: UUID | None) -> str:
    """Return the ending of an id, which commands take in place of the whole."""
    return str(identifier)[-_ID_ENDING:] if identifier is not None else ""


def when(instant: datetime | None) -> str:
    """Return an instant for people, in UTC; empty when there is none."""
    return f"{instant:%Y-%m-%d %H:%M}" if instant is not None else ""
