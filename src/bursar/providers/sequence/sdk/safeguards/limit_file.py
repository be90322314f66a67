"""How is the file of the daily limits read, and what becomes of one that cannot be?"""

import json
import logging
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, cast

from bursar.providers.sequence.sdk.exceptions import LimitFileError
from bursar.providers.sequence.sdk.files import replace_file, tighten

Entry = dict[str, Any]
Days = dict[str, dict[str, list[Entry]]]

_log = logging.getLogger("bursar.sequence.limits")


def read_days(path: Path, *, strict: bool, everybody: str) -> tuple[Days, bool]:
    """The content, and whether it must be written anew because it was in the older form. Call it with the lock held.

    A missing file is empty. One that cannot be read is set aside and its place is empty, too, unless `strict`.

    Raises:
        LimitFileError: it cannot be read and `strict` is set.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return {}, False
    tighten(path)
    try:
        return _parsed(content, everybody)
    except (ValueError, RecursionError):
        pass
    if strict:
        raise LimitFileError(
            f"{path.name} is no file of daily limits: repair it, or move it away if nothing was moved today"
        )
    aside = path.with_name(f"{path.name}.corrupt-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}")
    path.replace(aside)
    _log.error(
        "%s is no file of daily limits; set aside as %s: what was moved today is forgotten", path.name, aside.name
    )
    return {}, False


def write_days(path: Path, days: Days) -> None:
    """Write the content. Call it with the lock held."""
    replace_file(path, (json.dumps(days, indent=2) + "\n").encode())


def _parsed(content: bytes, everybody: str) -> tuple[Days, bool]:
    decoded: Any = json.loads(content)
    if not isinstance(decoded, dict):
        raise ValueError("no object")
    days: Days = {}
    is_outdated = False
    for day, users in cast("dict[str, Any]", decoded).items():
        if date.fromisoformat(day).isoformat() != day:
            raise ValueError("no date")
        if isinstance(users, list):
            days[day], is_outdated = {everybody: _entries(users)}, True
        elif isinstance(users, dict):
            days[day] = {user: _entries(found) for user, found in cast("dict[str, Any]", users).items()}
        else:
            raise ValueError("no users")
    return days, is_outdated


def _entries(found: Any) -> list[Entry]:
    if not isinstance(found, list):
        raise ValueError("no entries")
    entries: list[Entry] = []
    for entry in cast("list[Any]", found):
        if not isinstance(entry, dict):
            raise ValueError("no entry")
        kept = cast("Entry", entry)
        cents = kept.get("amount_cents")
        if isinstance(cents, bool) or not isinstance(cents, int) or cents < 0:
            raise ValueError("no amount")
        entries.append(kept)
    return entries
