"""How is an access token renewed without a browser? By the refresh grant, for logins that have a refresh token.

Source: https://auth0.com/docs/secure/tokens/refresh-tokens (read 2026-11-29).
"""

import asyncio
import json
import time
from typing import Any, cast

from bursar.providers.sequence.sdk import config
from bursar.providers.sequence.sdk.auth.tokens import LIFETIME_S, AuthTokens
from bursar.providers.sequence.sdk.exceptions import MissingDependencyError, TokenExpiredError
from bursar.providers.sequence.sdk.redaction import safe_text
from bursar.transport.impersonation import Answer, BrowserSession, LibraryMissingError, UnansweredError
from bursar.transport.portal import LoopThread

_PAUSE_S = 1.0
_TIMEOUT_S = 30.0


def exchange(refresh_token: str) -> AuthTokens:
    """Trade a refresh token for new tokens; call it with the token lock held, and save what it returns.

    One repetition, after a short pause, where the site was unreachable, overloaded or did not answer as itself. An
    exchange that broke off is not repeated: it may have used the token up, and using it twice ends the whole family.

    Raises:
        TokenExpiredError: the token is refused, or the site does not answer.
        ConfigurationError: `SEQUENCE_AUTH0_CLIENT_ID` is missing.
    """
    client_id = config.required("SEQUENCE_AUTH0_CLIENT_ID")
    origin = config.auth_url()
    loop = LoopThread("sequence-refresh")
    try:
        return loop.run(_exchange(origin, client_id, refresh_token))
    finally:
        loop.close()


async def _exchange(origin: str, client_id: str, refresh_token: str) -> AuthTokens:
    body = {"grant_type": "refresh_token", "client_id": client_id, "refresh_token": refresh_token}
    session = BrowserSession(timeout_s=_TIMEOUT_S)
    problem = ""
    try:
        for attempt in range(2):
            if attempt:
                await asyncio.sleep(_PAUSE_S)
            try:
                answer = await session.post(
                    f"{origin}/oauth/token",
                    headers={"accept": "application/json", "content-type": "application/json"},
                    content=json.dumps(body).encode(),
                    only_once=True,
                )
            except UnansweredError as error:
                problem = str(error)
                if error.kind == "connect":
                    continue
                break
            except LibraryMissingError as error:
                raise MissingDependencyError(str(error)) from error
            told = _object(answer)
            if answer.status == 200 and isinstance(told.get("access_token"), str) and told["access_token"]:
                return _tokens(told, refresh_token)
            problem = _problem(answer, told, refresh_token)
            if not (answer.status == 429 or answer.status >= 500 or not told):
                break
    finally:
        await session.aclose()
    raise TokenExpiredError(f"token refresh failed: {problem}")


def _object(answer: Answer) -> dict[str, Any]:
    try:
        decoded: Any = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", decoded) if isinstance(decoded, dict) else {}


def _tokens(told: dict[str, Any], refresh_token: str) -> AuthTokens:
    lifetime = told.get("expires_in")
    if isinstance(lifetime, bool) or not isinstance(lifetime, int | float) or not 0 < lifetime < 10**9:
        lifetime = LIFETIME_S
    renewed = told.get("refresh_token")
    # Without rotation the answer names no new one, and the old one stays good.
    kept = renewed if isinstance(renewed, str) and renewed else refresh_token
    return AuthTokens(told["access_token"], kept, time.time() + lifetime)


def _problem(answer: Answer, told: dict[str, Any], refresh_token: str) -> str:
    description = told.get("error_description") or told.get("error") or "no reason given"
    return safe_text(f"HTTP {answer.status}: {description}", {refresh_token})
