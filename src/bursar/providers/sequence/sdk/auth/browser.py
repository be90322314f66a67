"""Which browser is driven, and how is it never left behind?

Playwright's blocking interface refuses to run where an event loop runs, so the login has its own thread. The thread
ends the browser on every way out; when the caller is interrupted, it stops the login at its next step first.
"""

import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from bursar.providers.sequence.sdk import config
from bursar.providers.sequence.sdk.auth.login import Login
from bursar.providers.sequence.sdk.auth.tokens import AuthTokens
from bursar.providers.sequence.sdk.auth.totp import SecondFactor
from bursar.providers.sequence.sdk.config import SequenceCredentials
from bursar.providers.sequence.sdk.eastern import EASTERN
from bursar.providers.sequence.sdk.exceptions import AuthenticationError, MissingDependencyError

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

INSTALL_PLAYWRIGHT = "the browser login needs Playwright: pip install 'bursar[sequence]'"
INSTALL_CHROMIUM = (
    "the browser login needs Chromium, and none was found: install it (Debian and Ubuntu: `apt-get install chromium`; "
    "elsewhere: `playwright install chromium`), or name one with SEQUENCE_CHROMIUM_PATH"
)
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# The identity site looks at this property; a person's browser answers false.
_INIT_SCRIPT = "Object.defineProperty(Navigator.prototype, 'webdriver', {get: () => false, configurable: true});"


def log_in(credentials: SequenceCredentials, second_factor: SecondFactor) -> AuthTokens:
    """Go through the login pages in a headless Chromium, which is gone when this returns or raises.

    Raises:
        AuthenticationError: a step failed; the text names it.
        MissingDependencyError: Playwright or Chromium is missing.
    """
    app_url, auth_url, chromium = config.app_url(), config.auth_url(), config.chromium_path()
    stop = threading.Event()

    def work() -> AuthTokens:
        return _drive(credentials, second_factor, app_url, auth_url, chromium, stop)

    with ThreadPoolExecutor(1, "sequence-login") as worker:
        running = worker.submit(work)
        try:
            return running.result()
        finally:
            stop.set()  # of an interrupted caller; leaving the block waits until the browser is gone


def _drive(
    credentials: SequenceCredentials,
    second_factor: SecondFactor,
    app_url: str,
    auth_url: str,
    chromium: str | None,
    stop: threading.Event,
) -> AuthTokens:
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError as error:
        raise MissingDependencyError(INSTALL_PLAYWRIGHT) from error
    step = "start of the browser"
    login: Login | None = None
    try:
        with sync_playwright() as playwright:
            browser = _launch(playwright, chromium)
            try:
                version = browser.version.partition(".")[0]
                context = browser.new_context(
                    # A headless browser would say so here.
                    user_agent=(
                        f"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
                        f"Chrome/{version}.0.0.0 Safari/537.36"
                    ),
                    locale="en-US",
                    timezone_id=EASTERN,
                )
                context.add_init_script(_INIT_SCRIPT)
                login = Login(context.new_page(), app_url, auth_url, stop)
                return login.run(credentials, second_factor, time.time)
            finally:
                browser.close()
    except Error as error:
        # Its text quotes addresses, and an address can hold the token.
        failure = type(error).__name__
    if login is not None:
        step = login.step
    raise AuthenticationError(f"the browser login failed at the {step} ({failure} of the browser)")


def _launch(playwright: "Playwright", chromium: str | None) -> "Browser":
    path = chromium or _find_chromium(playwright)
    if path is None or not Path(path).is_file():
        raise MissingDependencyError(
            INSTALL_CHROMIUM if chromium is None else "SEQUENCE_CHROMIUM_PATH names no file: correct or unset it"
        )
    return playwright.chromium.launch(headless=True, executable_path=path)


def _find_chromium(playwright: "Playwright") -> str | None:
    own = playwright.chromium.executable_path
    if own and Path(own).is_file():
        return own
    return next((found for name in _NAMES if (found := shutil.which(name)) is not None), None)
