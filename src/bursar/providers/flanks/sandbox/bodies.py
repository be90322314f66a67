"""Does a request have the members that its endpoint knows?"""

from collections.abc import Iterable
from datetime import date
from typing import Any, cast

from bursar.providers.flanks.sandbox.ids import IdMint
from bursar.providers.flanks.sandbox.problems import FlanksProblemError, refused, simple

Body = dict[str, Any]


class Reader:
    """Reads members of a body and refuses in the words of its API: the newer envelope, or the v0 object."""

    def __init__(self, body: Body, mint: IdMint, *, is_v0: bool) -> None:
        self.body = body
        self._mint = mint
        self._is_v0 = is_v0

    def wrong(self, field: str, error_type: str) -> FlanksProblemError:
        """The refusal of a member."""
        if self._is_v0:
            return simple(400, f"{error_type}: {field}")
        return refused("ValidationError", self._mint.trace_id(), {"error_type": error_type, "field": field})

    def conflict(self, code: str) -> FlanksProblemError:
        """The refusal of what the present state does not allow."""
        return refused(code, self._mint.trace_id())

    def text(self, name: str, *, required: bool = True, nullable: bool = False) -> str | None:
        """A text."""
        if name not in self.body:
            if required:
                raise self.wrong(name, "missing")
            return None
        value = self.body[name]
        if value is None and nullable:
            return None
        if not isinstance(value, str) or not value:
            raise self.wrong(name, "invalid_type")
        return value

    def required(self, name: str) -> str:
        """A text that must be there."""
        return cast("str", self.text(name))

    def whole(self, name: str, *, default: int | None = None) -> int:
        """A whole number."""
        value = self.body.get(name, default)
        if name not in self.body and default is None:
            raise self.wrong(name, "missing")
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.wrong(name, "invalid_type")
        return value

    def flag(self, name: str) -> bool:
        """True or false; false when it is absent."""
        value = self.body.get(name, False)
        if not isinstance(value, bool):
            raise self.wrong(name, "invalid_type")
        return value

    def members(self, name: str, *, required: bool = True) -> Body:
        """An object."""
        if name not in self.body:
            if required:
                raise self.wrong(name, "missing")
            return {}
        value = self.body[name]
        if not isinstance(value, dict):
            raise self.wrong(name, "invalid_type")
        return cast("Body", value)

    def query(self, lists: Iterable[str], days: Iterable[str] = ()) -> Body:
        """The object `query`: lists of texts and days; anything else in it is refused."""
        query = self.members("query")
        known_lists, known_days = frozenset(lists), frozenset(days)
        for name, value in query.items():
            if name in known_lists:
                self._check_texts(f"query.{name}", value)
            elif name in known_days:
                query[name] = self.day_of(f"query.{name}", value)
            else:
                raise self.wrong(f"query.{name}", "unknown_field")
        return query

    def labels(self) -> dict[str, str]:
        """The map `labels`: texts to texts."""
        labels = self.members("labels")
        if not all(isinstance(value, str) for value in labels.values()):
            raise self.wrong("labels", "invalid_type")
        return cast("dict[str, str]", labels)

    def day_of(self, field: str, value: object) -> date:
        """A calendar date."""
        if isinstance(value, str) and len(value) == 10:
            try:
                return date.fromisoformat(value)
            except ValueError:
                pass
        raise self.wrong(field, "invalid_value")

    def _check_texts(self, field: str, value: object) -> None:
        if not isinstance(value, list) or not all(isinstance(one, str) for one in cast("list[Any]", value)):
            raise self.wrong(field, "invalid_type")


def matches(query: Body, member: str, value: str | None) -> bool:
    """Whether a value is among those that a query names; a query that names none takes all."""
    return member not in query or value in query[member]
