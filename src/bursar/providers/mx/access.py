"""Which user and which login does a token of ours stand for?

MX has no token for a login: whoever has the API key names a user and a member and reads them. Their ids are no secret,
so what we hand out in place of a token carries a seal that only the holder of the API key can make.
"""

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from typing import NoReturn

from bursar.ports.errors import ProviderAuthenticationError
from bursar.ports.links import mark_of, refuse_other_user
from bursar.ports.provider import Credentials
from bursar.providers.mx.failures import SLUG

ACCESS_TOKEN, USER, MEMBER = "access_token", "user_guid", "member_guid"
_PREFIX = "mx-access-"
_USER_GUID = re.compile(r"USR-[0-9A-Za-z-]{1,64}")
_MEMBER_GUID = re.compile(r"MBR-[0-9A-Za-z-]{1,64}")
_PURPOSE = b"bursar: tokens that stand for logins at MX"


@dataclass(frozen=True, slots=True)
class Access:
    """A login, by the ids of its user and its member."""

    user: str = field(repr=False)
    member: str = field(repr=False)


class Seal:
    """Makes and opens what stands for a login or for a user.

    Args:
        api_key: without it nobody makes a token; with another one older tokens no longer open.
    """

    def __init__(self, api_key: str) -> None:
        self._key = hmac.digest(api_key.encode(), _PURPOSE, sha256)

    def access_token(self, access: Access) -> str:
        """Return the token of a login."""
        return _PREFIX + self._close("access", f"{access.user}\n{access.member}")

    def link_token(self, url: str, user: str, reference: str) -> str:
        """Return a widget's address that also says, behind the `#`, for which user of MX's it was made.

        `reference` is our user, for whom alone it opens again.
        """
        return f"{url}#{self._close(_kind_of_link(reference), user)}"

    def open_link(self, token: str, reference: str) -> str:
        """Return the user of MX's for whom a widget was opened.

        Raises:
            ProviderAuthenticationError: the token is none that this deployment has made for this user of ours.
        """
        user = self._open(_kind_of_link(reference), token.rpartition("#")[2])
        if user is None:
            raise refuse_other_user(SLUG)
        return user

    def open(self, credentials: Credentials) -> Access:
        """Return the login that credentials are for: by its ids where they are stored, else by the token.

        Raises:
            ProviderAuthenticationError: nothing is there, or the token is none that this deployment has made.
        """
        user, member = credentials.get(USER, ""), credentials.get(MEMBER, "")
        if not user and not member:
            token = credentials.require(ACCESS_TOKEN)
            text = self._open("access", token.removeprefix(_PREFIX)) if token.startswith(_PREFIX) else None
            user, _, member = (text or "").partition("\n")
        if not (_USER_GUID.fullmatch(user) and _MEMBER_GUID.fullmatch(member)):
            raise ProviderAuthenticationError(
                "The access token is none of ours, or older than the present API key. Connect the bank again.",
                code="access_token_unknown",
                provider=SLUG,
            )
        return Access(user, member)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a seal is not pickled")

    def _close(self, kind: str, text: str) -> str:
        return f"{urlsafe_b64encode(text.encode()).decode().rstrip('=')}.{self._mark(kind, text)}"

    def _open(self, kind: str, closed: str) -> str | None:
        encoded, _, mark = closed.partition(".")
        try:
            text = urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
        except ValueError:
            return None
        return text if hmac.compare_digest(mark.encode(), self._mark(kind, text).encode()) else None

    def _mark(self, kind: str, text: str) -> str:
        return hmac.digest(self._key, f"{kind}\n{text}".encode(), sha256).hex()


def _kind_of_link(reference: str) -> str:
    return f"link {mark_of(reference)}"
