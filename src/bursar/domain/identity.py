"""Is this incoming row one that the ledger already holds?"""

from bursar.domain.vocabulary import Vocabulary


class IdTrust(Vocabulary):
    """What an equal transaction id means at a source."""

    STABLE = "stable"
    """Equal id, same row: a different amount or date is an edit by the institution."""
    CONTENT = "content"
    """Ids are reused and renumbered: an equal id counts only when the content agrees."""
    NONE = "none"
    """Ids mean nothing from one reading to the next: only the content, counted, tells rows apart."""
