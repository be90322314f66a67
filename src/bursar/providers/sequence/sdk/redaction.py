"""What may be kept of a text from outside, and how does an account number travel without being logged?"""

import re
from collections.abc import Iterable

from bursar.transport.redaction import EXCERPT_LIMIT, MASK, redact_text

# A JSON web token, whole or cut: the first part always begins with this.
_TOKEN = re.compile(r"\beyJ[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*){0,4}")
# The other opaque tokens of the identity site.
_REFRESH_TOKEN = re.compile(r"\bv1\.[A-Za-z0-9_.-]{8,}")


def safe_text(text: str, secrets: Iterable[str] = (), *, limit: int = EXCERPT_LIMIT) -> str:
    """The text without tokens, long digit runs, e-mail names and known secrets, cut to `limit` characters."""
    for pattern in (_TOKEN, _REFRESH_TOKEN):
        text = pattern.sub(MASK, text)
    return redact_text(text, secrets)[:limit]


class AccountNumber(str):
    """A `str` in every respect, except that `repr` shows the last four characters only.

    A pod's detail can so be handed on whole, and a log line that prints the dictionary tells nothing.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return f"'****{str(self)[-4:]}'" if len(self) > 4 else f"'{MASK}'"
