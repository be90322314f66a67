"""How is text from outside made safe to keep in an error, a log line or a stored payload?"""

import hmac
import re
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn, cast

import msgspec

EXCERPT_LIMIT = 500
_WHOLE_BODY_BYTES = 64 * 1024
MASK = "***"

_SENSITIVE_KEY = re.compile(r"token|secret|password|authorization|code|key|ssn|tax|street|address", re.IGNORECASE)
# Vocabulary that happens to contain "code": without it an error excerpt could not even say which error it was.
_HARMLESS_KEYS = frozenset(
    {
        "error_code",
        "error_code_reason",
        "webhook_code",
        "status_code",
        "transaction_code",
        "iso_currency_code",
        "unofficial_currency_code",
        "country_code",
        "country_codes",
    }
)

_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\b([A-Za-z0-9._%+-]{1,64}+)@([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)"), rf"{MASK}@\2"),
    (re.compile(r"\b[A-Z]{2}\d{2}(?:[ ]?[A-Z0-9]){7,26}([A-Z0-9]{4})\b"), r"****\1"),
    (re.compile(r"(?<!\d)\d{4,15}(\d{4})(?!\d)"), r"****\1"),
    (re.compile(r"\b(?:[Bb]earer|[Bb]asic)\s+[^\s\"',]+"), MASK),
    (
        # Members and form fields in text that is not, or no longer, whole JSON.
        re.compile(
            r"""(?i)((?:token|secret|password|authorization|api_?key|ssn)[\w-]{0,40}["']?\s{0,9}[:=]\s{0,9})"""
            r"""("[^"]*+"?|'[^']*+'?|[^\s,;&}<]+)"""
        ),
        rf"\1{MASK}",
    ),
    (re.compile(r"\b(?:access|public|link)-(?:sandbox|development|production)-[A-Za-z0-9-]+"), MASK),
    (
        re.compile(
            r"\b\d{1,5}[A-Za-z]?\s+(?:[A-Z][\w.]*\s+){1,4}"
            r"(?:Street|St|Avenue|Ave|Road|Rd|Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Ct|Way|Place|Pl)\b\.?"
        ),
        MASK,
    ),
)
_MAY_HOLD = re.compile(r"[\d@:=-]|[Bb]earer|[Bb]asic")
"""What a text has that any of the patterns knows; most texts, such as names of events, have nothing of it."""


class Secret:
    """A credential that can be carried around without showing itself.

    `repr`, `str` and f-strings give a mask, pickling is refused; `reveal()` is the one way to the clear text and is
    easy to search for.
    """

    __slots__ = ("_clear",)

    def __init__(self, clear: "str | Secret") -> None:
        self._clear: str = clear.reveal() if isinstance(clear, Secret) else clear

    def reveal(self) -> str:
        """The clear text: hand it to the wire, never to a message."""
        return self._clear

    def __repr__(self) -> str:
        return f"Secret({MASK!r})"

    def __str__(self) -> str:
        return MASK

    def __bool__(self) -> bool:
        return bool(self._clear)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._clear.encode(), other._clear.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._clear))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not pickled: seal it in the vault instead")

    def __copy__(self) -> "Secret":
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> "Secret":
        return self


def is_sensitive_key(key: str) -> bool:
    """Whether a member of this name is masked whatever its value is."""
    return key.lower() not in _HARMLESS_KEYS and _SENSITIVE_KEY.search(key) is not None


def redact_text(text: str, secrets: Iterable[str] = ()) -> str:
    """Mask known secrets, long digit runs (the last 4 stay), IBANs, e-mail local parts and street addresses."""
    # Longest first: a short secret that is part of a longer one must not cut the longer one open.
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= 4:
            text = text.replace(secret, MASK)
    if _MAY_HOLD.search(text) is not None:
        for pattern, replacement in _PATTERNS:
            text = pattern.sub(replacement, text)
    return text


def redact(value: Any, secrets: Iterable[str] = ()) -> Any:
    """A copy of a decoded JSON value with sensitive members masked and every text passed through `redact_text`."""
    known = tuple(secrets)
    if isinstance(value, Mapping):
        members = cast("Mapping[str, Any]", value)
        return {
            key: MASK if member is not None and is_sensitive_key(key) else redact(member, known)
            for key, member in members.items()
        }
    if isinstance(value, list | tuple):
        return [redact(item, known) for item in cast("Iterable[Any]", value)]
    if isinstance(value, Secret):
        return MASK
    if isinstance(value, str):
        return redact_text(value, known)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**7:
        return redact_text(str(value), known)
    return value


def excerpt(body: bytes, secrets: Iterable[str] = (), limit: int = EXCERPT_LIMIT) -> str:
    """At most `limit` characters of a body, redacted; JSON is redacted by member name, anything else by pattern."""
    if len(body) <= _WHOLE_BODY_BYTES:
        try:
            return msgspec.json.encode(redact(msgspec.json.decode(body), secrets)).decode()[:limit]
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            pass  # no JSON, or nested as no answer is: text, then
    # A cut can split a number or a secret so that no pattern knows it any more: redact first, cut afterwards.
    return redact_text(body[: 20 * limit].decode("utf-8", "replace"), secrets)[:limit]


def sensitive_values(value: Any) -> frozenset[str]:
    """Every text under a sensitive member name of a request body: what must never come back in an excerpt."""
    found: set[str] = set()
    _collect(value, False, found)
    return frozenset(found)


def _collect(value: Any, sensitive: bool, found: set[str]) -> None:
    if isinstance(value, Mapping):
        for key, member in cast("Mapping[str, Any]", value).items():
            _collect(member, is_sensitive_key(key), found)
    elif isinstance(value, list | tuple):
        for item in cast("Iterable[Any]", value):
            _collect(item, sensitive, found)
    elif sensitive and isinstance(value, Secret):
        found.add(value.reveal())
    elif sensitive and isinstance(value, str):
        found.add(value)
