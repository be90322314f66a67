"""Who takes the money in daily life, and what do the bank's texts look like?"""

from dataclasses import dataclass

from bursar.sandbox.ledger import Purpose


@dataclass(frozen=True, slots=True)
class Merchant:
    """A shop and the range of its bills, in whole units of a dollar-like currency."""

    name: str
    statement_text: str
    purpose: Purpose
    low: int
    high: int


DAILY = (
    Merchant("Corner Market", "PURCHASE CORNER MKT #1700", Purpose.GROCERIES, 12, 95),
    Merchant("Greenleaf Grocers", "GREENLEAF GROCERS & CO", Purpose.GROCERIES, 20, 140),
    Merchant("Copper Kettle Coffee", "SQ *COPPER KETTLE", Purpose.COFFEE, 3, 6),
    Merchant("Noodle Lantern", "NOODLE LANTERN 0042", Purpose.RESTAURANT, 14, 70),
    Merchant("Bistro Quatre", "BISTRO QUATRE", Purpose.RESTAURANT, 25, 120),
    Merchant("Northway Fuel", "NORTHWAY FUEL PUMP 3", Purpose.FUEL, 25, 80),
    Merchant("Paper & Pine", "PAPER & PINE ONLINE", Purpose.SHOPPING, 8, 160),
    Merchant("Volt Electronics", "VOLT ELECTRONICS", Purpose.SHOPPING, 30, 420),
)
"""Where a family shops."""

DAILY_CHANCE = {
    Purpose.GROCERIES: 0.22,
    Purpose.COFFEE: 0.40,
    Purpose.RESTAURANT: 0.12,
    Purpose.FUEL: 0.12,
    Purpose.SHOPPING: 0.09,
}
"""The chance that a family visits one merchant of a purpose on one day."""

LOCAL_SCALE = {"USD": 100, "EUR": 100, "GBP": 80, "JPY": 150, "KWD": 310, "XAU": 1_000}
"""Minor units of a currency that buy what one dollar buys."""
