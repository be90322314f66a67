"""Which transfers does a listing show, in which order, on which page?"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from hashlib import sha256
from typing import Any

from graphql import GraphQLError

from bursar.providers.sequence.sandbox.calendars import NEW_YORK
from bursar.providers.sequence.sandbox.records import Direction, ExternalEntity, Merchant, Place, Transfer

DEFAULT_PAGE, LARGEST_PAGE = 10, 100

Node = dict[str, Any]
_Test = Callable[[Transfer], bool]


def newest_first(transfers: Sequence[Transfer]) -> list[Transfer]:
    """The order of every listing: by creation, then by id, both descending."""
    return sorted(transfers, key=_position, reverse=True)


def matching(transfers: Sequence[Transfer], wanted: Mapping[str, Any] | None) -> Sequence[Transfer]:
    """Those that a `TransferReferenceFilter` lets through: all of its members, any value of a list."""
    tests = _tests_of(wanted or {})
    return [one for one in transfers if all(test(one) for test in tests)] if tests else transfers


def page_of(
    transfers: Sequence[Transfer],
    first: int | None,
    after: str | None,
    render: Callable[[Transfer], Node],
    *,
    most: int = LARGEST_PAGE,
) -> Node:
    """One page of a listing as a `TransferReferenceConnection`.

    A cursor says where a row stands, not how many stand before it, so that new rows do not shift pages and the page
    goes on even where its row is gone. A page may have fewer rows than were asked for (`most`), and say that it is not
    the last one.
    """
    size = DEFAULT_PAGE if first is None else first
    if not 1 <= size <= LARGEST_PAGE:
        raise bad_input(f"first must be between 1 and {LARGEST_PAGE}")
    size = min(size, most)
    start = 0
    if after:
        # The listing descends: what is smaller than the cursor's position follows it.
        start = bisect_right(transfers, _Descending(_read_cursor(after)), key=lambda one: _Descending(_position(one)))
    shown = transfers[start : start + size]
    cursors = [_cursor(one) for one in shown]
    return {
        "edges": [{"cursor": cursor, "node": render(one)} for cursor, one in zip(cursors, shown, strict=True)],
        "pageInfo": {
            "startCursor": cursors[0] if cursors else None,
            "endCursor": cursors[-1] if cursors else None,
            "hasPreviousPage": start > 0,
            "hasNextPage": start + size < len(transfers),
        },
    }


def bad_input(message: str) -> GraphQLError:
    """An argument that is of the right type and still makes no sense."""
    return GraphQLError(message, extensions={"code": "BAD_USER_INPUT"})


def name_of(end: object) -> str:
    """How a participant is called; empty for one that is not told."""
    return end.name if isinstance(end, Place | Merchant | ExternalEntity) else ""


def _tests_of(wanted: Mapping[str, Any]) -> list[_Test]:
    tests: list[_Test] = []
    span: Mapping[str, Any] = wanted.get("createdAt") or {}
    if span.get("start"):
        earliest = _bound(span["start"], is_end=False)
        tests.append(lambda one: one.created_at >= earliest)
    if span.get("end"):
        latest = _bound(span["end"], is_end=True)
        tests.append(lambda one: one.created_at <= latest)
    for member, attribute in (("statuses", "status"), ("directions", "direction"), ("activityTypes", "activity_type")):
        if wanted.get(member):
            tests.append(_is_among(attribute, frozenset(map(str, wanted[member]))))
    if wanted.get("hideInternalTransfers"):
        tests.append(lambda one: one.direction is not Direction.INTERNAL)
    if wanted.get("name"):
        part = str(wanted["name"]).casefold()
        tests.append(lambda one: any(part in name_of(end).casefold() for end in (one.source, one.destination)))
    return tests


def _is_among(attribute: str, values: frozenset[str]) -> _Test:
    return lambda one: str(getattr(one, attribute)) in values


def _bound(text: str, *, is_end: bool) -> datetime:
    """An instant; a day alone is all of it in New York."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise bad_input("createdAt must be a date or a timestamp") from None
    if len(text) == 10:
        day = instant.date() + timedelta(days=1 if is_end else 0)
        begins = datetime.combine(day, time(), tzinfo=NEW_YORK).astimezone(UTC)
        return begins - timedelta(microseconds=1) if is_end else begins
    if instant.tzinfo is None:
        raise bad_input("a timestamp of createdAt needs an offset")
    return instant.astimezone(UTC)


def _position(transfer: Transfer) -> tuple[datetime, str]:
    return transfer.created_at, transfer.transfer_id


class _Descending:
    """A position that counts as smaller the later it is."""

    __slots__ = ("position",)

    def __init__(self, position: tuple[datetime, str]) -> None:
        self.position = position

    def __lt__(self, other: "_Descending") -> bool:
        return self.position > other.position


def _cursor(transfer: Transfer) -> str:
    text = f"{transfer.created_at.isoformat()}|{transfer.transfer_id}"
    return urlsafe_b64encode(f"{_seal(text)}|{text}".encode()).decode()


def _read_cursor(cursor: str) -> tuple[datetime, str]:
    try:
        seal, _, text = urlsafe_b64decode(cursor.encode()).decode().partition("|")
        created_at, _, transfer_id = text.partition("|")
        if seal == _seal(text):
            return datetime.fromisoformat(created_at), transfer_id
    except ValueError:
        pass
    raise bad_input("after is no cursor of this listing")


def _seal(text: str) -> str:
    return sha256(f"sequence cursor {text}".encode()).hexdigest()[:12]
