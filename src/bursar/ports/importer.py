"""What does a file format implement so that the platform can import a statement?"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import BinaryIO, Protocol

from bursar.domain.connections import ProviderCapability, ProviderCategory
from bursar.domain.evidence import IdTrust
from bursar.domain.sync import SyncBatch


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportLimits:
    """The budget of one import; what is over it is a clear error and changes nothing."""

    max_bytes: int = 10 * 1024 * 1024
    max_rows: int = 200_000
    max_statements: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """What the caller may add to what the file says."""

    file_name: str = ""
    """A hint only: the content decides."""
    default_currency: str | None = None
    """Used where the file names none; None then makes the statement's rows rejected records."""
    allow_truncated: bool = False
    """True takes a file whose end is missing when its lists and balances are complete."""
    today: date | None = None
    """The date against which "too far ahead" is judged; None switches that check off."""
    limits: ImportLimits = field(default_factory=ImportLimits)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementFile:
    """A file, read: one batch like any provider's, and what the file says about itself."""

    batch: SyncBatch
    """Accounts carry `id_is_sensitive` where the file has real account numbers; the core stores keyed hashes only."""
    provider_slug: str
    """Which catalogue entry the institution in the file belongs to, such as `ofx_file`."""
    format_name: str
    """`ofx`, with the dialect where it matters: `ofx 1.0.2`, `ofx 2.0.3`."""
    institution_id: str | None = None
    institution_name: str | None = None
    period_start: date | None = None
    period_end: date | None = None
    rows_read: int = 0
    """Rows found in the file, rejected ones included: read = new + duplicate + changed + rejected."""
    needs_account: bool = False
    """True when the file names no account: the caller must say which one it belongs to."""


class StatementReader(Protocol):
    """Reads one file whole; raises ProviderValidationError (fixed wording) before anything is delivered."""

    def __call__(self, stream: BinaryIO, options: ImportOptions) -> StatementFile:
        """Return the statements of the file."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FileProvider:
    """A catalogue entry that a format's files can belong to (a bank with habits of its own, or any bank)."""

    slug: str
    display_name: str
    category: ProviderCategory
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImporterSpec:
    """The one declaration from which the platform derives everything about a file format."""

    slug: str
    """Equal to the name of the importer's folder."""
    display_name: str
    extensions: tuple[str, ...]
    """Lower case, with the dot; hints, never the decision."""
    media_types: tuple[str, ...]
    file_providers: tuple[FileProvider, ...]
    capabilities: frozenset[ProviderCapability]
    carries_account_identity: bool
    sniff: Callable[[bytes], int]
    """0 (not mine) to 100 (mine) from the first 64 KiB."""
    read: StatementReader
    id_trust: IdTrust = IdTrust.CONTENT
