"""In which calendar does an institution write its dates?"""

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from bursar.providers.finicity.sdk.models.customers import Institution

DEFAULT_ZONE = "America/New_York"


def _states(words: str, zone: str) -> dict[str, str]:
    return dict.fromkeys(words.split(), zone)


# Finicity names no zone. Of a state with two, the one of its larger part: dates without a time of day, at noon or at
# midnight, are the same in both but for the hour around midnight.
_STATE_ZONES: Mapping[str, str] = {
    **_states("CT DC DE FL GA IN KY MA MD ME MI NC NH NJ NY OH PA RI SC VA VT WV", "America/New_York"),
    **_states("AL AR IA IL KS LA MN MO MS ND NE OK SD TN TX WI", "America/Chicago"),
    **_states("CO ID MT NM UT WY", "America/Denver"),
    "AZ": "America/Phoenix",
    **_states("CA NV OR WA", "America/Los_Angeles"),
    "AK": "America/Anchorage",
    "HI": "Pacific/Honolulu",
    "PR": "America/Puerto_Rico",
    **_states("ON QC", "America/Toronto"),
    **_states("BC YT", "America/Vancouver"),
    "AB": "America/Edmonton",
    "SK": "America/Regina",
    "MB": "America/Winnipeg",
    **_states("NB NS PE", "America/Halifax"),
    "NL": "America/St_Johns",
}
_COUNTRY_ZONES: Mapping[str, str] = {
    **dict.fromkeys(("GB", "GBR", "UK"), "Europe/London"),
    **dict.fromkeys(("DE", "DEU"), "Europe/Berlin"),
    **dict.fromkeys(("JP", "JPN"), "Asia/Tokyo"),
    **dict.fromkeys(("KW", "KWT"), "Asia/Kuwait"),
}


def zone_of(institution: Institution) -> str | None:
    """The IANA name of the zone in which an institution lies, by its address; None when that does not say."""
    address = institution.address
    if address is None:
        return None
    country = (address.country or "").strip().upper()
    if country in _COUNTRY_ZONES:
        return _COUNTRY_ZONES[country]
    return _STATE_ZONES.get((address.state or "").strip().upper())


def find_zone(name: str | None) -> ZoneInfo | None:
    """The zone of a name; None for no name and for one that nobody knows."""
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None
