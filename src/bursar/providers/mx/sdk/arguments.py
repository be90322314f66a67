"""Does an argument make sense, before anything is sent?"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from urllib.parse import quote

from bursar.providers.mx.sdk.errors import MXArgumentError

Moment = date | datetime | str
"""A day, an aware instant, or either of them in ISO 8601; a day means its beginning in UTC."""

PAGE_SIZES = range(10, 1001)


@dataclass(frozen=True, slots=True)
class Place:
    """A path, and the ids in it: whose data it is stands in no log and no error."""

    path: str
    names: frozenset[str]

    def at(self, tail: str) -> "Place":
        """Return the place below; `tail` is a constant of ours."""
        return Place(self.path + tail, self.names)


def user_place(user: str, *, member: str | None = None, account: str | None = None) -> Place:
    """Return where a user, one of their members, or one of their accounts is.

    Raises:
        MXArgumentError: an id is empty or no id at all.
    """
    path = f"/users/{_segment(user, 'user')}"
    names = {user}
    for kind, name in (("member", member), ("account", account)):
        if name is not None:
            path += f"/{kind}s/{_segment(name, kind)}"
            names.add(name)
    return Place(path, frozenset(names))


def institution_place(code: str) -> Place:
    """Return where an institution is."""
    return Place(f"/institutions/{_segment(code, 'institution')}", frozenset())


def one_of(member: str | None, account: str | None) -> None:
    """Refuse a listing of a member and of an account at once."""
    if member is not None and account is not None:
        raise MXArgumentError("name a member or an account, not both")


def span(name: str, start: Moment | None, end: Moment | None, *, suffix: str = "") -> dict[str, str]:
    """Return a span as the two query members `from_<name>` and `to_<name>`, in unix seconds.

    Raises:
        MXArgumentError: a moment is unreadable or has no zone, or the span is reversed.
    """
    names = (f"from_{name}{suffix}", f"to_{name}{suffix}")
    seconds = [None if moment is None else _seconds(moment, of) for moment, of in zip((start, end), names, strict=True)]
    first, last = seconds
    if first is not None and last is not None and first > last:
        raise MXArgumentError(f"{names[0]} is after {names[1]}: exchange them")
    return {of: str(at) for of, at in zip(names, seconds, strict=True) if at is not None}


def _seconds(moment: Moment, name: str) -> int:
    if isinstance(moment, str):
        try:
            moment = datetime.fromisoformat(moment) if len(moment) > 10 else date.fromisoformat(moment)
        except ValueError:
            raise MXArgumentError(f"{name} is no date: write it as 2026-01-31") from None
    if not isinstance(moment, datetime):
        return int(datetime.combine(moment, time(), tzinfo=UTC).timestamp())
    if moment.tzinfo is None:
        raise MXArgumentError(f"{name} has no zone: nobody can say which instant it is")
    return int(moment.timestamp())


def _segment(text: str, kind: str) -> str:
    # A dot alone would be taken for a folder by whatever stands between us and MX.
    if not text or text.strip(".") == "" or len(text) > 255:
        raise MXArgumentError(f"the {kind}'s id is empty or no id at all")
    return quote(text, safe="")
