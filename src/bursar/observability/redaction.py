"""How does any value become something that may stand in a log line?

The last net: what is logged should hold nothing private in the first place. Values are masked by the name that they
are logged under and by what they look like; what JSON cannot express becomes text, and nothing here ever raises.
"""

import math
import re
from collections.abc import Collection, Mapping
from functools import lru_cache
from itertools import islice
from typing import cast
from uuid import UUID

from bursar.transport.redaction import MASK, is_sensitive_key, redact_text

MAX_DEPTH = 6
MAX_MEMBERS = 100
MAX_CHARACTERS = 8000

_SENSITIVE = re.compile(
    r"token|secret|passw|passphrase|authorization|cookie|credential|api_?key|private|iban|email|"
    r"account_?number|(^|_)(code|key|pin|otp|ssn)$",
    re.IGNORECASE,
)
# Names that look sensitive to a pattern and say only which error, which kind of work or which object it was.
_PLAIN_NAMES = frozenset(
    "error_code code_name status_code provider_code upstream_code event_code currency_code iso_currency_code "
    "country_code exit_code key_id master_key_id token_id idempotency_key_reused".split()
)
# Made or checked where they come in, and no use when they are not whole.
_OUR_IDS = frozenset({"request_id", "trace_id", "span_id"})
_TOO_DEEP = "<nested too deep>"
_COUNT_NAMES = re.compile(r"(^|_)(bytes|count|total|ms|s|port|pid|line|lineno|status|attempt|size)$")

_UUID = re.compile(r"(?<![0-9A-Za-z-])[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?![0-9A-Za-z-])")
_SECRET_TEXTS = re.compile(
    r"\b(?:access|public|link|processor)-[a-z]{2,20}-[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
    r"|bursar_[0-9a-fA-F]{32}_[0-9A-Za-z]+"
    r"|\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*"
    r"|\b(?:sk|rk|whsec)_[A-Za-z0-9_]{8,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
)
_CARD = re.compile(r"(?<![0-9A-Za-z-])(?:\d[ -]?){12,18}\d(?![0-9A-Za-z-])")
_URL_PASSWORD = re.compile(r"(?P<scheme>\b[a-z][a-z0-9+.-]{1,20}://[^\s:/@]{0,200}):[^\s/@]{1,500}@")
_LONG_DIGITS = re.compile(r"\d{4,}(\d{4})")


def clean_text(text: str) -> str:
    """Return a text without tokens, passwords in addresses, long numbers (the last four stay), IBANs and addresses.

    Ids of ours (UUIDs) stay whole: they are what a person searches the log for.
    """
    # A cut may split a secret so that no pattern knows it any more: cut generously, mask, then cut again.
    text = _mask_secrets(text[: 2 * MAX_CHARACTERS])
    cleaned: list[str] = []
    end = 0
    for found in _UUID.finditer(text):
        cleaned += (_clean_between_ids(text[end : found.start()]), found.group())
        end = found.end()
    cleaned.append(_clean_between_ids(text[end:]))
    whole = "".join(cleaned)
    return whole if len(whole) <= MAX_CHARACTERS else whole[:MAX_CHARACTERS] + "..."


def clean_value(value: object, *, name: str = "", depth: int = 0) -> object:
    """Return a value as JSON can hold it and a log may show it: text, int, finite float, bool, None, list or dict."""
    if value is None or isinstance(value, bool):
        return value
    if name and _is_sensitive(name):
        return MASK
    if isinstance(value, str):
        return _mask_secrets(value[:MAX_CHARACTERS]) if name in _OUR_IDS else clean_text(value)
    if isinstance(value, int):
        return _clean_int(value, name)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, bytes | bytearray):
        return f"<{len(value)} bytes>"
    if isinstance(value, Mapping):
        return _clean_mapping(cast("Mapping[object, object]", value), depth)
    if isinstance(value, list | tuple | set | frozenset):
        return _clean_items(cast("Collection[object]", value), depth)
    return clean_text(_printed(value))


def _clean_mapping(members: Mapping[object, object], depth: int) -> object:
    if depth >= MAX_DEPTH:
        return _TOO_DEEP
    cleaned: dict[str, object] = {}
    for key in islice(members, MAX_MEMBERS):
        name = _printed(key)
        cleaned[clean_text(name)] = clean_value(members[key], name=name, depth=depth + 1)
    if len(members) > MAX_MEMBERS:
        cleaned["..."] = f"{len(members) - MAX_MEMBERS} more"
    return cleaned


def _clean_items(items: Collection[object], depth: int) -> object:
    if depth >= MAX_DEPTH:
        return _TOO_DEEP
    cleaned = [clean_value(item, depth=depth + 1) for item in islice(items, MAX_MEMBERS)]
    if len(items) > MAX_MEMBERS:
        cleaned.append(f"{len(items) - MAX_MEMBERS} more")
    return cleaned


@lru_cache(maxsize=256)
def _is_sensitive(name: str) -> bool:
    lowered = name.lower()
    if lowered in _PLAIN_NAMES:
        return False
    return _SENSITIVE.search(lowered) is not None or is_sensitive_key(lowered)


def _clean_int(number: int, name: str) -> int | str:
    if abs(number) < 10**7 or _COUNT_NAMES.search(name.lower()):
        # Beyond 64 bits readers of JSON disagree about the digits, and Python refuses to print the longest ones.
        return number if abs(number) < 2**63 else "<number>"
    return clean_text(str(number)) if abs(number) < 10**100 else "<number>"


def _mask_secrets(text: str) -> str:
    return _URL_PASSWORD.sub(rf"\g<scheme>:{MASK}@", _SECRET_TEXTS.sub(MASK, text))


def _clean_between_ids(text: str) -> str:
    if not text:
        return text
    text = _CARD.sub(lambda found: f"****{re.sub('[ -]', '', found.group())[-4:]}", text)
    return _LONG_DIGITS.sub(r"****\1", redact_text(text))


def _printed(value: object) -> str:
    try:
        return str(value)
    # A broken __str__ must not take the log line, or the request, with it.
    except Exception:  # lint: allow broad-except - any object comes here, with any __str__  # noqa: BLE001
        return f"<unprintable {type(value).__name__}>"
