"""Which rows would a person call equal, and which changed in any way?"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from functools import lru_cache
from hashlib import sha256
from operator import attrgetter

from bursar.domain.transactions import ProviderTransactionData


def fingerprint(row: ProviderTransactionData) -> bytes:
    """Return 16 bytes that are equal for rows that a person would call equal: date, amount, currency, text, cheque.

    Amounts are compared by value (`1.50` is `1.5`), texts without regard to case, width and runs of blanks.
    """
    text = "\x1f".join(
        (
            row.transaction_date.isoformat(),
            canonical_decimal(row.amount),
            row.currency,
            fold_text(row.identity_text if row.identity_text is not None else row.description),
            row.check_number or "",
        )
    )
    return sha256(text.encode()).digest()[:16]


def canonical_decimal(amount: Decimal) -> str:
    """Return equal text for equal numbers: no zeros at the end, no exponent, no negative zero."""
    text = f"{amount:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text


_BLANKS = re.compile(r"\s+")


@lru_cache(maxsize=8192)
def fold_text(text: str) -> str:
    """Return a text as it is compared: NFKC, case-folded, runs of blanks collapsed."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return _BLANKS.sub(" ", text).strip().casefold()


_NOT_CONTENT = frozenset({"provider_account_id", "provider_transaction_id", "raw_data", "pending_transaction_id"})
_CONTENT_FIELDS = tuple(field.name for field in fields(ProviderTransactionData) if field.name not in _NOT_CONTENT)
_get_content = attrgetter(*_CONTENT_FIELDS)


def content_hash(row: ProviderTransactionData) -> bytes:
    """Return 16 bytes that change whenever anything that the ledger keeps of the row changes."""
    values: tuple[object, ...] = _get_content(row)
    parts = [
        f"{name}={canonical_decimal(value) if isinstance(value, Decimal) else value}"
        for name, value in zip(_CONTENT_FIELDS, values, strict=True)
        if value is not None and value != ""
    ]
    return sha256("\x1f".join(parts).encode()).digest()[:16]


@dataclass(frozen=True, slots=True)
class MarkedRows:
    """Rows of one account with their marks, computed once."""

    rows: Sequence[ProviderTransactionData]
    fingerprints: list[bytes]
    content_hashes: list[bytes]

    def ids(self) -> list[str]:
        """Return the ids under which stored evidence may concern these rows: own, linked and corrected ones."""
        ids: dict[str, None] = {}
        for row in self.rows:
            for name in (row.provider_transaction_id, row.pending_transaction_id, row.corrects_transaction_id):
                if name:
                    ids[name] = None
        return list(ids)


def mark_rows(rows: Sequence[ProviderTransactionData]) -> MarkedRows:
    """Return the rows with their fingerprints and content hashes."""
    return MarkedRows(rows, [fingerprint(row) for row in rows], [content_hash(row) for row in rows])
