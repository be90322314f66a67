"""Which webhook keys do we know, and may we ask for another one?"""

from datetime import datetime

from bursar.providers.plaid.sdk.models.items import WebhookKey

KEY_LIFETIME_S = 24 * 3600.0
MAX_LOOKUPS_PER_MINUTE = 10


class WebhookKeyring:
    """Keys by their id, kept for a day; look-ups are counted, because forged ids must not make us hammer Plaid.

    Where Plaid has named a moment, nobody looks up before it: a webhook that is sent again must not make us ask early.
    """

    def __init__(self) -> None:
        self._keys: dict[str, tuple[float, WebhookKey]] = {}
        self._lookups_at: list[float] = []
        self._wait: tuple[float, datetime] | None = None

    def find(self, kid: str, now_s: float) -> WebhookKey | None:
        """The key, None when it is unknown or was fetched more than a day ago."""
        kept = self._keys.get(kid)
        return kept[1] if kept is not None and now_s - kept[0] < KEY_LIFETIME_S else None

    def keep(self, kid: str, key: WebhookKey, now_s: float) -> None:
        """Remember a key that Plaid gave."""
        self._keys[kid] = (now_s, key)

    def take_lookup(self, now_s: float) -> bool:
        """True, and counted, when a look-up is allowed now."""
        self._lookups_at = [at for at in self._lookups_at if now_s - at < 60.0]
        if len(self._lookups_at) >= MAX_LOOKUPS_PER_MINUTE:
            return False
        self._lookups_at.append(now_s)
        return True

    def wait(self, until_s: float, until: datetime) -> None:
        """Look nothing up before a moment that Plaid named; told as monotonic seconds and as an instant in UTC."""
        self._wait = (until_s, until)

    def waits_until(self, now_s: float) -> datetime | None:
        """The instant (UTC) before which nothing may be looked up; None when there is none, or it has passed."""
        return self._wait[1] if self._wait is not None and now_s < self._wait[0] else None
