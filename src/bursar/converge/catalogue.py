"""Which faults does the convergence test know, where does each strike, and what can it not strike yet?

The codes are fixed: a failure's replay line, the coverage matrix and the regression seeds name them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from bursar.faultpoints import FaultPoint


class Layer(StrEnum):
    """Who makes a fault happen."""

    WORLD = "world"
    """The bank itself does it: the truth changes."""
    FACE = "face"
    """The provider shows the truth in a bad way."""
    WIRE = "wire"
    """The network or the provider's servers do it."""
    USER = "user"
    """People do it: logins, consents, files."""
    PROCESS = "process"
    """Our worker, our database, the machine."""
    TIME = "time"
    """When and how often somebody asks."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of trouble; `tier` is the cheapest tier that makes it happen."""

    code: str
    title: str
    layer: Layer
    tier: int = 1


_WORLD = {
    "A4": "the amount changes on posting",
    "A5": "the date moves by up to ten days on posting",
    "A6": "a pending row vanishes and never posts",
    "A8": "a posted row is removed",
    "A9": "a row is removed and comes back",
    "A10": "a row is modified long after it was booked",
    "A11": "a row is listed up to 45 days late",
    "A11x": "a row is never listed, though the balance holds it",
    "A12": "twin rows, and one of them is removed",
    "B8": "an account is replaced by a new number, both listed for a while",
    "B10": "an account disappears and returns",
}
_FACE = {
    "A2": "the link from the posted to the pending row is missing",
    "A3": "the posted row appears before the pending one goes",
    "A7": "a pending row comes back under another id",
    "A13": "texts are rewritten at each poll",
    "A14": "sign and decimals differ between endpoints",
    "A15": "unknown values, extra fields, missing optional fields, nulls",
    "A16": "balances older or newer than the rows, or missing",
    "A17": "a snapshot of positions lacks a part",
    "A18": "a row without a currency",
    "B1": "all transaction ids change with a new consent",
    "B2": "all account ids change with a new consent",
    "B3": "ids change with every request",
    "B4": "positional ids are renumbered",
    "B5": "one id stands for two rows",
    "B6": "blank ids",
    "B7": "ids are unique within an account only",
    "C9": "a page comes twice or in another order",
    "C10": "the data changes between two pages",
    "C11": "the cursor is rejected",
    "C12": "an answer is older than the one before",
}
_USER = {
    "B9": "a second login shows the same accounts",
    "B11": "an account moves to another provider while both are read",
    "B12": "files overlap what an API tells, before, after and both",
    "E7": "the consent ends in the middle of a run",
    "E9": "the tenant is erased in the middle of a run",
}
_WIRE = {
    "C1": "429, with a moment to come back in any notation, or none",
    "C2": "500, 502, 503, 504",
    "C3": "connecting, reading or waiting for a connection takes too long",
    "C4": "the connection is reset, before or after the effect",
    "C5": "truncated JSON, a cut body, a wrong length",
    "C6": "a page for people with status 200",
    "C7": "status 200 with an error in the body",
    "C8": "a slow answer",
    "C13": "a redirect to another host",
}
_PROCESS = {
    "D1": "the worker dies at a named place",
    "D4": "COMMIT is acknowledged to nobody",
    "D5": "a serialization failure or a deadlock",
    "D6": "the connection pool is exhausted",
    "D7": "the disk is full, or a statement times out",
    "D8": "a lease ends while its worker still runs",
}
_TIME = {
    "E1": "every trigger comes twice",
    "E2": "triggers are lost, delayed, or out of order",
    "E3": "webhooks of providers come for real, and forged and replayed ones beside them",
    "E4": "clocks of workers differ, by up to 26 hours",
    "E5": "triggers during the first sync",
    "E6": "manual, scheduled and file at the same moment",
}

FAULTS: Mapping[str, Fault] = {
    fault.code: fault
    for fault in (
        *(Fault(code, title, Layer.WORLD) for code, title in _WORLD.items()),
        *(Fault(code, title, Layer.FACE) for code, title in _FACE.items()),
        *(Fault(code, title, Layer.USER) for code, title in _USER.items()),
        *(Fault(code, title, Layer.WIRE) for code, title in _WIRE.items()),
        *(Fault(code, title, Layer.PROCESS) for code, title in _PROCESS.items()),
        Fault("D2", "the worker's process is killed", Layer.PROCESS, tier=2),
        Fault("D3", "the database restarts", Layer.PROCESS, tier=3),
        Fault("D9", "two versions of the program over one schema change", Layer.PROCESS, tier=3),
        *(Fault(code, title, Layer.TIME) for code, title in _TIME.items()),
    )
}

NOT_YET: Mapping[str, str] = {
    "E8": "rows have no fields of the user yet",
    "F1": "there are no outbound webhooks yet",
    "F2": "there are no exports yet",
}
"""Faults of the list that strike something the platform does not have; each joins with what it strikes."""

SYNC_POINTS = tuple(point for point in FaultPoint if point.value.startswith("sync."))
"""Where a worker can meet something."""

PROCESS_POINTS: Mapping[str, tuple[FaultPoint, ...]] = {
    "D1": tuple(FaultPoint),
    "D4": (
        FaultPoint.SYNC_AFTER_COMMIT,
        FaultPoint.SYNC_CLOSED,
        FaultPoint.CONNECT_AFTER_COMMIT,
        FaultPoint.IMPORT_AFTER_COMMIT,
    ),
    "D5": (
        FaultPoint.SYNC_ROWS_WRITTEN,
        FaultPoint.SYNC_BEFORE_COMMIT,
        FaultPoint.SYNC_CLOSING,
        FaultPoint.CONNECT_BEFORE_COMMIT,
        FaultPoint.IMPORT_BEFORE_COMMIT,
    ),
    "D6": (FaultPoint.SYNC_FETCHED, FaultPoint.SYNC_BEFORE_CLOSE, FaultPoint.IMPORT_READ),
    "D7": (FaultPoint.SYNC_ROWS_WRITTEN, FaultPoint.SYNC_CLOSING, FaultPoint.IMPORT_BEFORE_COMMIT),
    "D8": (FaultPoint.SYNC_OPENED, FaultPoint.SYNC_FETCHED, FaultPoint.SYNC_AFTER_COMMIT, FaultPoint.SYNC_BEFORE_CLOSE),
}
"""At which named places each fault of the process strikes: each pair is a cell of the coverage matrix."""


class Exemption(StrEnum):
    """Why a difference between ledger and truth is no divergence: nobody could have told. Each use is counted."""

    FILE_ONLY_CHANGE = "file_only_change"
    """The bank changed or withdrew a row that only files had told, after the file: no file says what it lacks."""
    HISTORY_BEFORE_ACCESS = "history_before_access"
    """An API that was connected later lists only its version of a row that an older file told otherwise."""
    SILENT_SOURCE = "silent_source"
    """Every source of the account has ended: the ledger keeps what was told last."""
    ACCOUNT_AWAY = "account_away"
    """A provider sends rows of an account that it does not list: they are kept as rejected, the run is partial."""
    HIDDEN_EXPLAINED = "hidden_explained"
    """Other rows happen to explain a row that is never listed, wholly or in part: the gaps do not add up to it."""
    CHANGED_UNSEEN = "changed_unseen"
    """A balance held a row that the bank took back or changed before any reading told of it: a gap that is true."""
    BALANCE_UNDATED = "balance_undated"
    """A provider states balances that are older or newer than its rows and does not say of when they are."""
    CLOCKS_DIFFER = "clocks_differ"
    """The moments of readings are those of clocks that differ: no bound of the proof holds."""
