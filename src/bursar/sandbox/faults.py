"""Which misbehaviour of the servers is switched on, and what has been asked of them?"""

from collections import Counter
from dataclasses import dataclass, fields, replace
from datetime import datetime
from enum import StrEnum

import msgspec


class FaultKind(StrEnum):
    """What goes wrong."""

    STATUS = "status"
    """The answer is an error of `status`, with `Retry-After` when `retry_after` is set."""
    RESET = "reset"
    """The connection is cut without an answer."""
    TRUNCATE = "truncate"
    """The body breaks off half way although the header announced all of it."""
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


TRANSPORT_FAULTS = frozenset({FaultKind.STATUS, FaultKind.RESET, FaultKind.TRUNCATE, FaultKind.SLOW, FaultKind.HTML})
"""The faults that any face has without knowing it; the others each face renders in its provider's manner."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One switched-on fault.

    `path` is a prefix of the request path, face prefix included (`/plaid/transactions`). `skip` calls pass before it
    strikes; `times` is how often it strikes, None until it is switched off. With `after_effect` a transport fault
    strikes after the request was carried out, so its effect has happened although the caller can not know.
    """

    fault_id: int
    kind: FaultKind
    path: str = "/"
    times: int | None = 1
    skip: int = 0
    after_effect: bool = False
    status: int = 500
    retry_after: str | None = None
    delay_s: float = 0.2
    page: int = 1
    bank: str | None = None


class FaultBoard:
    """The switches: tests add faults, servers ask whether one strikes now."""

    def __init__(self) -> None:
        self._faults: dict[int, Fault] = {}
        self._added_count = 0

    def add(self, kind: FaultKind, **settings: object) -> Fault:
        """Switches a fault on; `settings` are the other fields of `Fault`.

        Raises `TypeError` for an unknown setting or one of another type.
        """
        unknown = settings.keys() - {member.name for member in fields(Fault)}
        if unknown:
            raise TypeError(f"a fault has no {', '.join(sorted(unknown))}")
        self._added_count += 1
        try:
            fault = msgspec.convert({"fault_id": self._added_count, "kind": kind.value, **settings}, Fault)
        except msgspec.ValidationError as error:
            raise TypeError(str(error)) from error
        self._faults[fault.fault_id] = fault
        return fault

    def remove(self, fault_id: int) -> None:
        """Switches a fault off; one that is gone already is no error."""
        self._faults.pop(fault_id, None)

    def clear(self) -> None:
        """Switches everything off."""
        self._faults.clear()

    def list_all(self) -> tuple[Fault, ...]:
        """The faults that can still strike, oldest first."""
        return tuple(self._faults.values())

    def strike(
        self, path: str, kinds: frozenset[FaultKind], *, page: int | None = None, bank: str | None = None
    ) -> Fault | None:
        """The first fault of these kinds that strikes this request, counted down; None when all is well."""
        for fault in self._faults.values():
            if fault.kind not in kinds or not path.startswith(fault.path):
                continue
            if (page is not None and fault.page != page) or (fault.bank is not None and fault.bank != bank):
                continue
            if fault.skip > 0:
                self._faults[fault.fault_id] = replace(fault, skip=fault.skip - 1)
                continue
            self._count_down(fault)
            return fault
        return None

    def _count_down(self, fault: Fault) -> None:
        if fault.times is None:
            return
        if fault.times <= 1:
            del self._faults[fault.fault_id]
        else:
            self._faults[fault.fault_id] = replace(fault, times=fault.times - 1)


@dataclass(frozen=True, slots=True)
class Request:
    """One call as it arrived: no header, no query and no body, because those may carry credentials."""

    at: datetime
    method: str
    path: str
    status: int | None


class RequestLog:
    """Every call that a face received, so that tests can count them."""

    def __init__(self) -> None:
        self._requests: list[Request] = []

    def add(self, request: Request) -> None:
        """Notes a call; `status` is None when the connection was cut without an answer."""
        self._requests.append(request)

    def clear(self) -> None:
        """Forgets everything."""
        self._requests.clear()

    def list_all(self) -> tuple[Request, ...]:
        """The calls in the order of their answers."""
        return tuple(self._requests)

    def count_by_path(self) -> dict[str, int]:
        """How often each path was called."""
        return dict(Counter(request.path for request in self._requests))
