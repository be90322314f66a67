"""Does a request have the members that its endpoint knows?"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Protocol, cast

from bursar.providers.plaid.sandbox.problems import PlaidProblemError, invalid_request


class Member(Protocol):
    """The rule for one member."""

    @property
    def required(self) -> bool:
        """Whether leaving it out is an error."""
        ...

    def read(self, value: object, name: str) -> Any:
        """The value in our type; raises `INVALID_FIELD` when it is something else."""
        ...


@dataclass(frozen=True, slots=True)
class Text:
    """A string, perhaps one of a list; with `nullable` also null."""

    required: bool = False
    choices: frozenset[str] | None = None
    max_length: int | None = None
    nullable: bool = False

    def read(self, value: object, name: str) -> str | None:
        """The string as it is."""
        if value is None and self.nullable:
            return None
        if not isinstance(value, str) or (self.max_length is not None and len(value) > self.max_length):
            raise _wrong(name, "must be a string of the permitted length")
        if self.choices is not None and value not in self.choices:
            raise _wrong(name, f"must be one of {', '.join(sorted(self.choices))}")
        return value


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number between two bounds."""

    low: int
    high: int
    required: bool = False

    def read(self, value: object, name: str) -> int:
        """The number as it is."""
        if not isinstance(value, int) or isinstance(value, bool) or not self.low <= value <= self.high:
            raise _wrong(name, f"must be a whole number from {self.low} to {self.high}")
        return value


@dataclass(frozen=True, slots=True)
class Number:
    """Any JSON number."""

    required: bool = False

    def read(self, value: object, name: str) -> Decimal:
        """The number exactly as written."""
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise _wrong(name, "must be a number")
        return Decimal(value)


@dataclass(frozen=True, slots=True)
class Flag:
    """true or false."""

    required: bool = False

    def read(self, value: object, name: str) -> bool:
        """The flag as it is."""
        if not isinstance(value, bool):
            raise _wrong(name, "must be true or false")
        return value


@dataclass(frozen=True, slots=True)
class Day:
    """A calendar date, `YYYY-MM-DD`."""

    required: bool = False

    def read(self, value: object, name: str) -> date:
        """The date."""
        if isinstance(value, str) and len(value) == 10:
            try:
                return date.fromisoformat(value)
            except ValueError:
                pass
        raise _wrong(name, "must be a date in the form YYYY-MM-DD")


@dataclass(frozen=True, slots=True)
class Listing:
    """An array whose entries follow one rule."""

    entry: Member
    required: bool = False
    max_count: int = 1_000

    def read(self, value: object, name: str) -> list[Any]:
        """The entries, each read."""
        if not isinstance(value, list):
            raise _wrong(name, "must be an array")
        entries = cast("list[object]", value)
        if len(entries) > self.max_count:
            raise _wrong(name, f"must have at most {self.max_count} entries")
        return [self.entry.read(entry, f"{name}[{index}]") for index, entry in enumerate(entries)]


@dataclass(frozen=True, slots=True)
class Shape:
    """An object with known members; an open one lets unknown members pass unread."""

    members: Mapping[str, Member]
    required: bool = False
    is_open: bool = False

    def read(self, value: object, name: str) -> dict[str, Any]:
        """The members that were sent; a null for an optional one counts as not sent, unless it is nullable."""
        if not isinstance(value, dict):
            raise _wrong(name, "must be an object")
        sent = cast("dict[str, object]", value)
        prefix = f"{name}." if name else ""
        unknown = [key for key in sent if key not in self.members]
        if unknown and not self.is_open:
            names = ", ".join(prefix + key for key in unknown)
            raise invalid_request(
                "UNKNOWN_FIELDS", f"the following fields are not recognized by this endpoint: {names}"
            )
        missing = [key for key, member in self.members.items() if member.required and key not in sent]
        if missing:
            names = ", ".join(prefix + key for key in missing)
            raise invalid_request("MISSING_FIELDS", f"the following required fields are missing: {names}")
        read: dict[str, Any] = {}
        for key, member in self.members.items():
            if key not in sent or (sent[key] is None and not member.required and not _is_nullable(member)):
                continue
            read[key] = member.read(sent[key], prefix + key)
        return read


def _is_nullable(member: Member) -> bool:
    return isinstance(member, Text) and member.nullable


def _wrong(name: str, rule: str) -> PlaidProblemError:
    return invalid_request("INVALID_FIELD", f"{name or 'body'} {rule}")
