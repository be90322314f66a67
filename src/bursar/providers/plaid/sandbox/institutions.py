"""Which institutions does the simulated Plaid offer, and which simulated bank stands behind each?"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bursar.providers.plaid.sandbox.problems import PlaidProblemError, invalid_input
from bursar.sandbox.people import Bank
from bursar.sandbox.world import World

OFFERED_PRODUCTS = frozenset({"transactions", "auth", "identity", "investments", "liabilities", "balance"})
"""What every institution of the directory offers."""


@dataclass(frozen=True, slots=True)
class Institution:
    """An entry of the directory. Several entries may lead to the same bank, as brands do."""

    institution_id: str
    name: str
    bank_key: str
    countries: tuple[str, ...] = ("US",)
    oauth: bool = False
    health: str = "HEALTHY"
    supported: bool = True


INSTITUTIONS = {
    one.institution_id: one
    for one in (
        Institution("ins_109508", "First Platypus Bank", "first_river"),
        Institution("ins_109509", "First Gingham Credit Union", "goldcoast"),
        Institution("ins_109510", "Tattersall Federal Credit Union", "first_river"),
        Institution("ins_109511", "Tartan Bank", "first_river"),
        Institution("ins_109512", "Houndstooth Bank", "goldcoast"),
        Institution("ins_127287", "Platypus OAuth Bank", "first_river", oauth=True),
        Institution("ins_132363", "Unhealthy Platypus Bank - Degraded", "first_river", health="DEGRADED"),
        Institution("ins_132361", "Unhealthy Platypus Bank - Down", "first_river", health="DOWN"),
        Institution("ins_133402", "Unsupported Platypus Bank", "first_river", supported=False),
        Institution("ins_43", "Tartan-Dominion Bank of Canada", "goldcoast", ("CA",)),
        Institution("ins_117650", "Royal Bank of Plaid", "thameside", ("GB",), oauth=True),
        Institution("ins_128026", "Capital One", "first_river"),
        # These two exist in our world only: a bank in euros and one whose currency has no decimals.
        Institution("ins_900001", "Spreebank (simulated)", "spreebank", ("DE",), oauth=True),
        Institution("ins_900002", "Sumida Bank (simulated)", "sumida"),
    )
}
"""The whole directory by institution id."""


def get_institution(institution_id: str) -> Institution:
    """An entry of the directory; an unknown id is Plaid's `INVALID_INSTITUTION`."""
    found = INSTITUTIONS.get(institution_id)
    if found is None:
        raise invalid_input("INVALID_INSTITUTION", "invalid institution_id provided")
    return found


def bank_of(world: World, institution: Institution) -> Bank | None:
    """The simulated bank behind an institution; None when nobody of this world banks there."""
    return next((bank for bank in world.banks if bank.key == institution.bank_key), None)


def routing_numbers(world: World, institution: Institution) -> list[str]:
    """The routing numbers of the bank behind an institution; other countries have none."""
    bank = bank_of(world, institution)
    return [bank.bank_code] if bank is not None and bank.country == "US" else []


def require_reachable(institution: Institution) -> None:
    """Raises the problem of an institution that is down or no longer supported."""
    if not institution.supported:
        raise PlaidProblemError(
            "INSTITUTION_ERROR", "INSTITUTION_NO_LONGER_SUPPORTED", "this institution is no longer supported"
        )
    if institution.health == "DOWN":
        raise institution_down()


def institution_down() -> PlaidProblemError:
    """The transient problem of a bank that does not answer."""
    return PlaidProblemError("INSTITUTION_ERROR", "INSTITUTION_DOWN", "this institution is not currently responding")


def render_institution(world: World, institution: Institution, options: dict[str, Any]) -> dict[str, object]:
    """The wire object; metadata and status only when asked for."""
    body: dict[str, object] = {
        "institution_id": institution.institution_id,
        "name": institution.name,
        "products": sorted(OFFERED_PRODUCTS),
        "country_codes": list(institution.countries),
        "routing_numbers": routing_numbers(world, institution),
        "dtc_numbers": [],
        "oauth": institution.oauth,
        "connection_availability": "SUPPORTED" if institution.supported else "NOT_SUPPORTED",
    }
    if options.get("include_optional_metadata"):
        slug = institution.institution_id.replace("_", "-")
        body |= {"url": f"https://{slug}.example.test", "primary_color": "#1f5c99", "logo": None}
    if options.get("include_status"):
        success = {"HEALTHY": "0.98", "DEGRADED": "0.55", "DOWN": "0"}[institution.health]
        changed_at = f"{world.started_at:%Y-%m-%dT%H:%M:%SZ}"
        body["status"] = {
            "item_logins": {
                "status": institution.health,
                "last_status_change": changed_at,
                "breakdown": _breakdown(success),
            }
        }
    return body


def _breakdown(success: str) -> dict[str, object]:
    share = Decimal(success)
    return {
        "success": share,
        "error_plaid": Decimal(0),
        "error_institution": 1 - share,
        "refresh_interval": "NORMAL",
    }


def find_institution_of(bank_key: str) -> Institution:
    """The first healthy entry that leads to a simulated bank; an unknown bank raises `LookupError`."""
    for one in INSTITUTIONS.values():
        if one.bank_key == bank_key and one.health == "HEALTHY" and one.supported:
            return one
    raise LookupError(bank_key)
