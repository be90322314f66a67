"""How does a program get an access token? From the cache, by the refresh grant, or through a browser.

`get_access_token` is all most programs need. It may be called from any thread, also while an event loop runs in it.
"""

import logging
import time

from bursar.providers.sequence.sdk.auth import cooldown
from bursar.providers.sequence.sdk.auth.browser import log_in
from bursar.providers.sequence.sdk.auth.refresh import exchange
from bursar.providers.sequence.sdk.auth.tokens import (
    MARGIN_S,
    AuthTokens,
    forget_access_token,
    read_tokens,
    save_tokens,
    token_lock,
)
from bursar.providers.sequence.sdk.auth.totp import SecondFactor
from bursar.providers.sequence.sdk.config import get_credentials
from bursar.providers.sequence.sdk.exceptions import AuthenticationError, ConfigurationError, TokenExpiredError

__all__ = ["AuthTokens", "SecondFactor", "authenticate", "forget_access_token", "get_access_token", "refresh"]

_log = logging.getLogger("bursar.sequence.auth")


def get_access_token() -> str:
    """Return an access token that lives for more than 60 s.

    The cached one if it does, else a renewed one if there is a refresh token, else that of a browser login, which takes
    about ten seconds. Processes that share `SEQUENCE_DATA_DIR` wait for each other, so that one of them renews.

    Raises:
        AuthenticationError: the login failed; the text names the step.
        ConfigurationError: a variable, a library or the browser is missing.
    """
    tokens = read_tokens()
    if tokens is not None and _is_fresh(tokens):
        return tokens.access_token
    with token_lock():
        tokens = read_tokens()  # another process may just have renewed it
        if tokens is not None and _is_fresh(tokens):
            return tokens.access_token
        if tokens is not None and tokens.refresh_token:
            try:
                return _renewed(tokens.refresh_token).access_token
            except (TokenExpiredError, ConfigurationError) as error:
                _log.warning("%s; logging in with the browser", error)
        return _logged_in().access_token


def authenticate() -> AuthTokens:
    """Log in through a browser with `SEQUENCE_EMAIL`, `SEQUENCE_PASSWORD` and `SEQUENCE_TOTP`, and keep the tokens.

    After three failures in a row the next login waits for 15 minutes.

    Raises:
        AuthenticationError: the login failed, or waits; the text names the step.
        ConfigurationError: a variable, a library or the browser is missing.
    """
    with token_lock():
        return _logged_in()


def refresh(refresh_token: str) -> AuthTokens:
    """Trade a refresh token for new tokens, and keep them.

    Raises:
        TokenExpiredError: it is refused, or the identity site does not answer.
        ConfigurationError: `SEQUENCE_AUTH0_CLIENT_ID` or a library is missing.
    """
    with token_lock():
        return _renewed(refresh_token)


def _is_fresh(tokens: AuthTokens) -> bool:
    return tokens.expires_at - time.time() > MARGIN_S


def _renewed(refresh_token: str) -> AuthTokens:
    tokens = exchange(refresh_token)
    save_tokens(tokens)
    _log.info("renewed the access token")
    return tokens


def _logged_in() -> AuthTokens:
    credentials = get_credentials()
    second_factor = SecondFactor.parse(credentials.totp)
    cooldown.check()
    try:
        tokens = log_in(credentials, second_factor)
    except AuthenticationError:
        cooldown.count_failure()
        raise
    cooldown.forget_failures()
    save_tokens(tokens)
    _log.info("logged in with the browser")
    return tokens
