"""Which institutions does the simulated MX know, and how are they described?"""

from bursar.providers.mx.sandbox.ids import GuidMint
from bursar.providers.mx.sandbox.problems import not_found
from bursar.sandbox.cast import BANKS
from bursar.sandbox.people import Bank
from bursar.sandbox.world import World

TEST_CODE = "mxbank"
"""The vendor's test institution; here another name of the first bank of the world."""


def find_bank(world: World, code: str) -> Bank | None:
    """The bank that an institution's code stands for; None when nobody banks there."""
    if code == TEST_CODE:
        return world.banks[0] if world.banks else None
    return next((bank for bank in world.banks if bank.key == code), None)


def get_name(code: str) -> str:
    """An institution's name; an unknown code raises 404."""
    if code == TEST_CODE:
        return "MX Bank"
    if code not in BANKS:
        raise not_found()
    return BANKS[code].name


def list_codes(text: str) -> list[str]:
    """The codes of the institutions whose name has a text, regardless of case."""
    return [code for code in (TEST_CODE, *sorted(BANKS)) if text.lower() in get_name(code).lower()]


def render_institution(mint: GuidMint, code: str) -> dict[str, object]:
    """The wire object."""
    name = get_name(code)
    return {
        "code": code,
        "guid": mint.opaque("institution", code),
        "name": name,
        "url": f"https://{code.replace('_', '-')}.example",
        "iso_country_code": "US" if code == TEST_CODE else BANKS[code].country,
        "supports_oauth": False,
        "supports_account_identification": True,
        "supports_account_verification": True,
        "supports_transaction_history": True,
    }


def render_fields(mint: GuidMint, code: str) -> list[dict[str, object]]:
    """The wire objects of an institution's login fields: a name and a password."""
    get_name(code)
    return [
        {
            "guid": field_guid(mint, code, name),
            "field_name": name,
            "field_type": kind,
            "label": name.title(),
            "display_order": order,
        }
        for order, (name, kind) in enumerate((("username", "LOGIN"), ("password", "PASSWORD")), 1)
    ]


def field_guid(mint: GuidMint, code: str, name: str) -> str:
    """The guid of a login field."""
    return mint.opaque("credential", code, name)
