"""What has been asked of the simulated servers, and how often at once?"""

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

_KEPT_REQUESTS = 20_000
_KEPT_COUNTS = 50_000


@dataclass(frozen=True, slots=True)
class Request:
    """One call as it arrived: no header, no query and no body, because those may carry credentials.

    `status` is None when the connection was cut without an answer; `has_arrived` is False when the call never came
    through to the provider, whose quota it then does not touch.
    """

    at: datetime
    method: str
    path: str
    status: int | None
    has_arrived: bool = True


class RequestLog:
    """The newest calls that faces received, and their counts, so that tests can judge quotas."""

    def __init__(self) -> None:
        self._requests: deque[Request] = deque(maxlen=_KEPT_REQUESTS)
        self._counts: dict[tuple[str, str, datetime], int] = {}

    def add(self, request: Request) -> None:
        """Notes a call."""
        self._requests.append(request)
        if not request.has_arrived:
            return
        key = (request.path.split("/", 2)[1], request.path, request.at)
        self._counts[key] = self._counts.get(key, 0) + 1
        if len(self._counts) > _KEPT_COUNTS:
            del self._counts[next(iter(self._counts))]

    def clear(self) -> None:
        """Forgets everything."""
        self._requests.clear()
        self._counts.clear()

    def list_all(self) -> tuple[Request, ...]:
        """The calls in the order of their answers."""
        return tuple(self._requests)

    def count_by_path(self) -> dict[str, int]:
        """How often each path was called."""
        return dict(Counter(request.path for request in self._requests))

    def counts(self) -> Mapping[tuple[str, str, datetime], int]:
        """(slug of the face, path, virtual instant) -> how many calls arrived."""
        return self._counts

    def busiest(self, prefix: str, window: timedelta) -> dict[str, int]:
        """Path -> the most calls that arrived within any span of that length, both ends not included."""
        by_path: dict[str, list[tuple[datetime, int]]] = {}
        for (_, path, at), count in self._counts.items():
            if path.startswith(prefix):
                by_path.setdefault(path, []).append((at, count))
        return {path: _peak(sorted(calls), window) for path, calls in by_path.items()}


def _peak(calls: list[tuple[datetime, int]], window: timedelta) -> int:
    peak = total = first = 0
    for at, count in calls:
        total += count
        while at - calls[first][0] >= window:
            total -= calls[first][1]
            first += 1
        peak = max(peak, total)
    return peak
