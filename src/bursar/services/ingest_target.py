"""Where does a batch belong, and what are its source's words worth?"""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from bursar.domain.balances import SnapshotSource
from bursar.domain.evidence import IdTrust


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestTarget:
    """The connection that a batch was read through."""

    connection_id: UUID
    provider_slug: str
    institution_name: str | None
    id_trust: IdTrust
    sync_run_id: UUID
    snapshot_source: SnapshotSource
    hash_identity: Callable[[str], str]
    """Turns a real account number into the tenant's keyed hash of it."""
    is_file: bool = False
    """True for a file: its words are of the day it was made, and an API that is read now knows better."""
    into_account_id: UUID | None = None
    """The account that a file was said to belong to; None when the file says it itself."""
