"""Which misbehaviour of the servers is switched on, and whom does it strike?"""

from collections import Counter
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from random import Random

import msgspec


class FaultKind(StrEnum):
    """What goes wrong."""

    STATUS = "status"
    """The answer is an error of `status`, with `Retry-After` when `retry_after` or `retry_after_s` is set."""
    CONNECT_TIMEOUT = "connect_timeout"
    """No connection comes about within the caller's patience; the request never arrives."""
    POOL_TIMEOUT = "pool_timeout"
    """The caller waits in vain for a free connection of its own; the request never arrives."""
    READ_TIMEOUT = "read_timeout"
    """The request arrives and no answer comes."""
    RESET = "reset"
    """The connection is cut without an answer."""
    TRUNCATE = "truncate"
    """The body breaks off half way although the header announced all of it."""
    WRONG_LENGTH = "wrong_length"
    """The whole body arrives, but the header announced more, and the connection ends."""
    CUT_JSON = "cut_json"
    """Half of the body arrives as a complete answer with the right length."""
    CUT_GZIP = "cut_gzip"
    """Half of the compressed body arrives as a complete answer with the right length."""
    ERROR_BODY = "error_body"
    """The provider's own error of `status` arrives with status 200."""
    REDIRECT = "redirect"
    """The answer sends the caller to the same path of `host`."""
    STALE = "stale"
    """The answer that the same question had at an earlier instant is given again: a replica lags."""
    REPEATED_PAGE = "repeated_page"
    """The answer to the question before (same path, other parameters) is given again: a page comes twice."""
    REORDERED_PAGE = "reordered_page"
    """The longest list of a JSON answer comes in the opposite order."""
    SLOW = "slow"
    """The right answer comes after `delay_s` real seconds."""
    HTML = "html"
    """A page for people arrives with status 200."""
    MUTATE_BETWEEN_PAGES = "mutate_between_pages"
    """A row is added to the account right after page `page` of a listing was served."""
    INSTITUTION_DOWN = "institution_down"
    """The bank does not answer the provider; `bank` names it, None means every bank."""
    NOT_READY = "not_ready"
    """The provider has not pulled the first data yet."""


TRANSPORT_FAULTS = frozenset(FaultKind) - {
    FaultKind.MUTATE_BETWEEN_PAGES,
    FaultKind.INSTITUTION_DOWN,
    FaultKind.NOT_READY,
}
"""The faults that any face has without knowing it; the others each face renders in its provider's manner."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One switched-on fault.

    `path` is a prefix of the request path, face prefix included (`/plaid/transactions`), in which a part `*` stands for
    any one. `skip` calls pass before it strikes; `times` is how often it strikes, None until it is switched off. With a
    `share` (0 to 1) it strikes that part of the requests, drawn from the board's seed. With `after_effect` a transport
    fault strikes after the request was carried out, so its effect has happened although the caller can not know.
    `retry_after` is sent as it is, however absurd; `retry_after_s` are virtual seconds, sent as a number or, with
    `retry_after_as_date`, as an HTTP date. `delay_s` are real seconds: how slow a slow answer is, and how long a
    socket hangs that times out.
    """

    fault_id: int
    kind: FaultKind
    path: str = "/"
    times: int | None = 1
    skip: int = 0
    share: float | None = None
    after_effect: bool = False
    status: int = 500
    retry_after: str | None = None
    retry_after_s: int | None = None
    retry_after_as_date: bool = False
    delay_s: float = 0.2
    page: int = 1
    bank: str | None = None
    host: str = "elsewhere.example"


class FaultBoard:
    """The switches: tests add faults, servers ask whether one strikes now."""

    def __init__(self, seed: int = 0) -> None:
        """The seed decides which requests a fault with a share strikes."""
        self._seed = seed
        self._faults: dict[int, Fault] = {}
        self._dice: dict[int, Random] = {}
        self._added_count = 0
        self.hits: Counter[tuple[FaultKind, str]] = Counter()
        """(kind, slug of the face) -> how often it struck."""
        self.is_stopped = False

    def add(self, kind: FaultKind, **settings: object) -> Fault:
        """Switches a fault on; `settings` are the other fields of `Fault`.

        One with a share lasts until it is switched off, unless `times` is told.
        Raises `TypeError` for an unknown setting or one of another type.
        """
        unknown = settings.keys() - {member.name for member in fields(Fault)}
        if unknown:
            raise TypeError(f"a fault has no {', '.join(sorted(unknown))}")
        if settings.get("share") is not None:
            settings = {"times": None, **settings}
        self._added_count += 1
        try:
            fault = msgspec.convert({"fault_id": self._added_count, "kind": kind.value, **settings}, Fault)
        except msgspec.ValidationError as error:
            raise TypeError(str(error)) from error
        self._faults[fault.fault_id] = fault
        if fault.share is not None:
            # Named after what it does, so that other faults may come and go without changing whom it strikes.
            self._dice[fault.fault_id] = Random(f"{self._seed}|{kind}|{fault.path}|{fault.status}")  # noqa: S311
        return fault

    def remove(self, fault_id: int) -> None:
        """Switches a fault off; one that is gone already is no error."""
        self._faults.pop(fault_id, None)

    def clear(self) -> None:
        """Switches everything off."""
        self._faults.clear()

    def stop(self) -> None:
        """Nothing strikes any more, whatever is added later."""
        self.is_stopped = True
        self.clear()

    def has(self, kinds: frozenset[FaultKind]) -> bool:
        """Whether a fault of these kinds can still strike."""
        return any(fault.kind in kinds for fault in self._faults.values())

    def list_all(self) -> tuple[Fault, ...]:
        """The faults that can still strike, oldest first."""
        return tuple(self._faults.values())

    def strike(
        self, path: str, kinds: frozenset[FaultKind], *, page: int | None = None, bank: str | None = None
    ) -> Fault | None:
        """The first fault of these kinds that strikes this request, counted; None when all is well."""
        if self.is_stopped:
            return None
        for fault in self._faults.values():
            if fault.kind not in kinds or not _is_below(path, fault.path):
                continue
            if (page is not None and fault.page != page) or (fault.bank is not None and fault.bank != bank):
                continue
            if fault.skip > 0:
                self._faults[fault.fault_id] = replace(fault, skip=fault.skip - 1)
                continue
            if fault.share is not None and self._dice[fault.fault_id].random() >= fault.share:
                continue
            self._count_down(fault)
            self.hits[fault.kind, _slug(path)] += 1
            return fault
        return None

    def take_back(self, fault: Fault, path: str) -> None:
        """Uncounts a strike that had nothing to spoil."""
        self.hits[fault.kind, _slug(path)] -= 1

    def _count_down(self, fault: Fault) -> None:
        if fault.times is None:
            return
        if fault.times <= 1:
            del self._faults[fault.fault_id]
        else:
            self._faults[fault.fault_id] = replace(fault, times=fault.times - 1)


def _is_below(path: str, prefix: str) -> bool:
    if "*" not in prefix:
        return path.startswith(prefix)
    parts, wanted = path.split("/"), prefix.split("/")
    return len(parts) >= len(wanted) and all(one in ("*", part) for one, part in zip(wanted, parts, strict=False))


def _slug(path: str) -> str:
    return path.split("/", 2)[1]
