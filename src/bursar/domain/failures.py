"""How may a use case end without success, and what does the caller do about it?

Public functions of `services/` return one of these in a `Failure`; the doors match on them exhaustively.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class NotFound:
    """No such thing in this tenant (another tenant's thing looks exactly the same)."""

    what: str
    """The noun: `connection`, `account`, `provider`."""
    hint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Invalid:
    """An argument is wrong; nothing was done."""

    field: str
    message: str
    code: str = "invalid"
    senseless: bool = False
    """True when each argument is well-formed and only the whole makes no sense (start after end)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """The request contradicts the present state: a duplicate, a run in progress, a move that is not allowed."""

    code: str
    message: str
    retry_after_s: int | None = None
    candidates: tuple[Mapping[str, str], ...] = ()
    """Choices to ask the user for, such as the accounts that a file may belong to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRefused:
    """The uploaded file is not taken; nothing was changed."""

    code: str
    """`file_unreadable`, `unsupported_file_format` or `file_too_large`."""
    message: str
    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderFailed:
    """The provider did not do its part; `action` says whose turn it is."""

    code: str
    """Stable, lower snake case, from the closed list of the ports' errors."""
    message: str
    provider: str
    action: str
    """`reauthenticate` (the user), `widen_consent` (the user), `wait` (nobody), `configure` (the operator),
    `report` (a developer), `change_request` (the caller)."""
    retryable: bool
    next_attempt_at: datetime | None = None
    upstream_code: str | None = None
    upstream_request_id: str | None = None
    details: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseLost:
    """Another run took over while this one was asleep; what this one had not yet committed was dropped."""

    message: str = "Another run has taken over this connection."


ServiceFailure: TypeAlias = NotFound | Invalid | Conflict | FileRefused | ProviderFailed | LeaseLost
"""Everything that a use case may answer instead of its result."""
