"""Where does the partner token come from, and why is a refused partner not tried again?"""

from collections.abc import Awaitable, Callable, Mapping

from bursar.providers.finicity.sdk.errors import FinicityPartnerError
from bursar.transport.auth import BearerAuth, BearerToken
from bursar.transport.redaction import Secret
from bursar.transport.timing import Timing

APP_KEY, APP_TOKEN = "Finicity-App-Key", "Finicity-App-Token"

TOKEN_LIFETIME_S = 7200.0
"""Documented; the answer does not say."""
RENEWAL_MARGIN_S = 1800.0
"""The vendor advises to renew after 90 minutes."""


class PartnerTokenAuth:
    """The app key and the partner token: fetched when first needed, renewed once for all who wait.

    The wall clock plays no part: a token's age is measured by the clock that only moves forward. After Finicity has
    refused the partner's credentials no further token is asked for, because five refusals lock the partner's account.

    Args:
        app_key: of the application.
        fetch: gets a new token, sent once.
        timing: the monotonic clock.
    """

    def __init__(self, app_key: Secret, fetch: Callable[[], Awaitable[Secret]], timing: Timing) -> None:
        self._app_key = app_key
        self._fetch = fetch
        self._bearer = BearerAuth(self._obtain, margin_s=RENEWAL_MARGIN_S, timing=timing)
        self._is_refused = False

    async def headers(self) -> Mapping[str, str]:
        """The headers in clear: for the wire only."""
        bearer = (await self._bearer.headers())["Authorization"]
        return {APP_KEY: self._app_key.reveal(), APP_TOKEN: bearer.removeprefix("Bearer ")}

    async def renew(self, refused: Mapping[str, str]) -> bool:
        """Fetch a new token unless another call already did; True: try once more."""
        return await self._bearer.renew({"Authorization": f"Bearer {refused.get(APP_TOKEN, '')}"})

    async def _obtain(self) -> BearerToken:
        if self._is_refused:
            raise FinicityPartnerError(
                "Finicity refused this partner's credentials before, and five refusals lock the account: correct the "
                "partner id, the partner secret or the app key and make a new client",
                status=401,
            )
        try:
            token = await self._fetch()
        except FinicityPartnerError:
            self._is_refused = True
            raise
        return BearerToken(token, TOKEN_LIFETIME_S)

    def __repr__(self) -> str:
        return "PartnerTokenAuth(***)"
