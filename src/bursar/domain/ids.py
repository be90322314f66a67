"""How is a row named for ever?"""

import secrets
import threading
import time
from uuid import UUID

_RANDOM_BITS = 62
_lock = threading.Lock()
_last = (0, 0)


def new_id() -> UUID:
    """Return a UUIDv7: time-ordered to the millisecond, unique, strictly increasing within one process.

    Order within a millisecond comes from a 12-bit counter that borrows from the next millisecond when it overflows.
    Source: RFC 9562, sections 5.7 and 6.2 (read 2026-11-21).
    """
    global _last  # noqa: PLW0603 - one counter per process is what makes the ids increase
    with _lock:
        millisecond = time.time_ns() // 1_000_000  # lint: allow clock - an id's time orders ids, it is not a fact
        last_millisecond, counter = _last
        if millisecond > last_millisecond:
            counter = secrets.randbits(10)
        else:
            millisecond, counter = last_millisecond, counter + 1
            if counter > 0xFFF:
                millisecond, counter = millisecond + 1, 0
        _last = (millisecond, counter)
    return UUID(int=(millisecond << 80) | (0x7 << 76) | (counter << 64) | (0b10 << 62) | secrets.randbits(_RANDOM_BITS))


def new_ids(count: int) -> list[UUID]:
    """Return `count` increasing UUIDv7 at a fraction of the price of as many single calls."""
    if count <= 0:
        return []
    global _last  # noqa: PLW0603 - one counter per process is what makes the ids increase
    random = secrets.token_bytes(8 * count)
    with _lock:
        millisecond = max(time.time_ns() // 1_000_000, _last[0] + 1)  # lint: allow clock - see new_id
        last = millisecond + (count - 1) // 0x1000
        _last = (last, (count - 1) % 0x1000)
    ids: list[UUID] = []
    for index in range(count):
        stamp = ((millisecond + index // 0x1000) << 80) | (0x7 << 76) | ((index % 0x1000) << 64) | (0b10 << 62)
        tail = int.from_bytes(random[8 * index : 8 * index + 8], "big") & ((1 << _RANDOM_BITS) - 1)
        ids.append(UUID(int=stamp | tail))
    return ids


def parse_id(text: str) -> UUID | None:
    """Return the id that a text names, or None when it is not one in the canonical form."""
    try:
        parsed = UUID(text)
    except ValueError:
        return None
    return parsed if str(parsed) == text.lower() else None
