"""Who began to link a bank, when, and has it come to its end?

A session is a short text that goes out with the start of a link and comes back with what the user brings. It says
nothing by itself: the seal on it fits one user for half an hour. Nothing is kept of one that is begun, so that any
process with the same key takes it back; of those that have let a login in, each process keeps a note until they are too
old anyway.
"""

import hmac
import secrets
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bursar.banking.exceptions import LinkRefusedError
from bursar.domain.time import Clock

LIFETIME = timedelta(minutes=30)
"""From the beginning of a link to its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkSession:
    """A session that was begun."""

    text: str
    ends_at: datetime


class LinkSessions:
    """Sessions of one provider.

    Args:
        key: seals them; whoever has it can make sessions of anybody.
        provider: another provider's sessions do not fit.
        clock: says what is too old.
    """

    def __init__(self, key: bytes, provider: str, clock: Clock) -> None:
        self._key = key
        self._provider = provider
        self._clock = clock
        self._lock = threading.Lock()
        self._ended: dict[tuple[str, str], datetime] = {}

    def begin(self, user_id: str) -> LinkSession:
        """Return a new session of a user."""
        ends_at = int((self._clock.now() + LIFETIME).timestamp())
        text = f"{ends_at}.{secrets.token_hex(16)}"
        return LinkSession(text=f"{text}.{self._seal(text, user_id)}", ends_at=datetime.fromtimestamp(ends_at, UTC))

    def check(self, text: str, user_id: str) -> LinkSession:
        """Return the session that a text is.

        Raises:
            LinkRefusedError: it was begun for another user, or not here, or is too old. The first two look alike.
        """
        body, _, seal = text.rpartition(".")
        if not hmac.compare_digest(self._seal(body, user_id).encode(), seal.encode("utf-8", "replace")):
            raise LinkRefusedError(
                "This link was not begun here for this user. Begin a new one.", provider=self._provider
            )
        ends_at = datetime.fromtimestamp(int(body.partition(".")[0]), UTC)
        if ends_at <= self._clock.now():
            raise self._expired()
        return LinkSession(text=text, ends_at=ends_at)

    def end(self, session: LinkSession, item_id: str | None) -> None:
        """Note that a session has let a login in, which it does once; a visit may bring several logins.

        Raises:
            LinkRefusedError: it has let this login in before.
        """
        ended = (session.text, item_id or "")
        with self._lock:
            now = self._clock.now()
            self._ended = {one: ends_at for one, ends_at in self._ended.items() if ends_at > now}
            if ended in self._ended:
                raise self._expired()
            self._ended[ended] = session.ends_at

    def _seal(self, text: str, user_id: str) -> str:
        return hmac.digest(self._key, f"link\n{self._provider}\n{text}\n{user_id}".encode(), "sha256").hex()

    def _expired(self) -> LinkRefusedError:
        return LinkRefusedError(
            "This link was already used, or took longer than 30 minutes. Begin a new one.",
            code="link_expired",
            provider=self._provider,
        )

    def __repr__(self) -> str:
        return f"LinkSessions(provider={self._provider!r})"
