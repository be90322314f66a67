"""In which ways can a JSON answer be wrong?"""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from random import Random
from typing import Any, cast

import msgspec

_DECODER = msgspec.json.Decoder(float_hook=Decimal)
_ENCODER = msgspec.json.Encoder(decimal_format="number")
_RAW = "raw-token:"

BAD_NUMBERS: tuple[Any, ...] = (f"{_RAW}NaN", f"{_RAW}Infinity", f"{_RAW}1e400", "NaN", "", "null", "1,234.50", True)
"""What stands where a number should be; the first three are bare words in the JSON text."""

LONG_NUMBERS = ("0.1", "1234567.89", "12345678901234567.89")
"""Numbers that do not survive a float."""

_ODDITIES: tuple[Any, ...] = (
    *BAD_NUMBERS,
    *(None, False, 0, -1, 10**40, Decimal("1.5"), [], {}, [[]], {"a": 1}, "x" * 3000, [None]),
    *("2026-02-30", "9999-99-99", "2026-01-01T00:00:00", "\u0000", "\U0001f600"),
)


def decode(body: bytes) -> Any:
    """Return a JSON value; fractions are exact."""
    return _DECODER.decode(body)


def encode(value: Any) -> bytes:
    """Return JSON; numbers digit for digit, and raw tokens as the bare words that they stand for."""
    text = _ENCODER.encode(value)
    for token in ("NaN", "Infinity", "1e400", *LONG_NUMBERS):
        text = text.replace(f'"{_RAW}{token}"'.encode(), token.encode())
    return text


def raw(token: str) -> str:
    """Return what `encode` writes as a bare token of that spelling."""
    return _RAW + token


@dataclass(frozen=True, slots=True)
class Place:
    """A member of a row of a listing: `added.3.amount`."""

    listing: tuple[str | int, ...]
    row: int
    keys: tuple[str, ...]

    def __str__(self) -> str:
        return ".".join(str(part) for part in (*self.listing, self.row, *self.keys))

    def find_row(self, body: Any) -> dict[str, Any]:
        """Return the row in a decoded answer."""
        for part in (*self.listing, self.row):
            body = body[part]
        return cast("dict[str, Any]", body)

    def get(self, body: Any) -> Any:
        """Return the member's value."""
        return self._holder(body)[self.keys[-1]]

    def put(self, body: Any, value: Any) -> None:
        """Write the member."""
        self._holder(body)[self.keys[-1]] = value

    def drop(self, body: Any) -> None:
        """Take the member away."""
        del self._holder(body)[self.keys[-1]]

    def _holder(self, body: Any) -> dict[str, Any]:
        row = self.find_row(body)
        for key in self.keys[:-1]:
            row = row[key]
        return row


def places(body: Any) -> Iterator[Place]:
    """Yield the members of the last row of each listing in an answer, members of members included."""
    for listing, rows in _listings(body, ()):
        yield from (Place(listing, len(rows) - 1, keys) for keys in _members(rows[-1], ()))


def _listings(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], list[dict[str, Any]]]]:
    if isinstance(value, dict):
        for key, member in cast("dict[str, Any]", value).items():
            yield from _listings(member, (*path, key))
    elif isinstance(value, list):
        rows = cast("list[Any]", value)
        if rows and all(isinstance(row, dict) for row in rows):
            yield path, rows


def _members(row: dict[str, Any], path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for key, member in row.items():
        yield (*path, key)
        if isinstance(member, dict):
            yield from _members(cast("dict[str, Any]", member), (*path, key))


def _wrong_type(value: Any) -> Any:
    if isinstance(value, bool):
        return "yes"
    if isinstance(value, str):
        return {"unexpected": 7}
    return ["unexpected"]


DAMAGES: dict[str, Callable[[Place, Any], None]] = {
    "missing": lambda place, body: place.drop(body),
    "null": lambda place, body: place.put(body, None),
    "of_the_wrong_type": lambda place, body: place.put(body, _wrong_type(place.get(body))),
}
"""How a member can be wrong, by name."""


def as_number(value: Any) -> Decimal | None:
    """Return a JSON number, or a text that is one, exactly; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return None
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def mutate(body: bytes, dice: Random) -> bytes:
    """Return an answer with one to three random faults, now and then cut or with a foreign byte."""
    try:
        value = decode(body)
    except msgspec.DecodeError:
        return body[: dice.randrange(len(body) + 1)]
    for _ in range(dice.randint(1, 3)):
        found = list(_everything(value))
        if not found:
            break
        container, key = dice.choice(found)
        if isinstance(container, dict) and dice.random() < 0.3:
            del container[key]
        else:
            container[key] = deepcopy(dice.choice(_ODDITIES))
    text = encode(value)
    if dice.random() < 0.1:
        text = text[: dice.randrange(len(text))]
    if dice.random() < 0.05:
        at = dice.randrange(len(text) + 1)
        text = text[:at] + bytes([dice.randrange(256)]) + text[at:]
    return text


def _everything(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        for key, member in members.items():
            yield members, key
            yield from _everything(member)
    elif isinstance(value, list):
        items = cast("list[Any]", value)
        for index, item in enumerate(items):
            yield items, index
            yield from _everything(item)
