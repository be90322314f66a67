"""How are cents written, and which number is an amount?"""

from typing import Any

MAX_AMOUNT_CENTS = 2**31 - 1
"""GraphQL's `Int` has 32 bits: no single amount is larger. Source: https://spec.graphql.org/October2021/#sec-Int"""


def format_cents(cents: int) -> str:
    """Write US cents as Sequence does: `$1,234.56`, the sign before the dollar: `-$5.00`."""
    dollars, rest = divmod(abs(cents), 100)
    return f"{'-' if cents < 0 else ''}${dollars:,}.{rest:02d}"


def checked_cents(cents: Any, *, lowest: int, name: str = "amount_cents") -> int:
    """Return an amount in cents that is a whole number in range.

    Raises:
        ValueError: it is a bool (True would be one cent), no int, or out of range.
    """
    if isinstance(cents, bool) or not isinstance(cents, int):
        raise ValueError(f"{name} must be a whole number of cents (int)")
    if not lowest <= cents <= MAX_AMOUNT_CENTS:
        raise ValueError(f"{name} must be from {lowest} to {MAX_AMOUNT_CENTS}")
    return cents
