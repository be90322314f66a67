"""What is on the screen, and what would a person do now?

Email, password and code each have a page of their own at the identity site; then the web application receives the token
in the fragment of its address and keeps it in the tab's session storage. From that moment no address may be logged.
"""

import logging
import random
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bursar.providers.sequence.sdk.auth.tokens import AuthTokens, expiry_of
from bursar.providers.sequence.sdk.auth.totp import SecondFactor
from bursar.providers.sequence.sdk.config import SequenceCredentials
from bursar.providers.sequence.sdk.exceptions import AuthenticationError
from bursar.providers.sequence.sdk.redaction import safe_text

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page, Response

LONGEST_WAIT_S = 30.0
"""For any one page."""

SETTLING_S = 3.0
"""A page that was loaded and shows nothing that is known after this long is another page than expected."""

TOKEN_WAIT_S = 10.0
_LOOK_EVERY_MS = 100
_TOKEN_EVERY_MS = 500

# Milliseconds, as a person takes them: before a page is used, before it is sent, between two keys.
PAUSE_A = (500.0, 2000.0)
PAUSE_B = (300.0, 1000.0)
KEY_GAP = (50.0, 150.0)

_USERNAME = 'input[name="username"], input[type="email"]'
_PASSWORD = 'input[name="password"]'  # noqa: S105 - where it is typed, not what
_CODE = 'input[name="code"], input[inputmode="numeric"]'
# The site's primary button first; other buttons of the form show the password or choose another way to log in.
_PRIMARY = 'button[data-action-button-primary="true"]'
_SUBMIT = 'button[type="submit"]:not([data-provider]), input[type="submit"], button:not([type])'
_ALERT = (
    '[role="alert"], [aria-live="assertive"], [id^="error-element"], .ulp-input-error-message, #prompt-alert, .error'
)

_log = logging.getLogger("bursar.sequence.auth")


@dataclass
class _Navigation:
    """What the main frame has loaded since it was last asked."""

    count: int = 0
    refused: int | None = None

    def saw(self, status: int) -> None:
        self.count += 1
        if status >= 400:
            self.refused = status


@dataclass
class Login:
    """One login in one tab.

    Attributes:
        step: what is being done, for messages.
    """

    page: "Page"
    app_url: str
    auth_url: str
    stop: threading.Event
    step: str = "page of the web application"
    _seen: _Navigation = field(default_factory=_Navigation)
    _alerts_before: frozenset[str] = frozenset()
    _secrets: frozenset[str] = frozenset()

    def run(
        self, credentials: SequenceCredentials, second_factor: SecondFactor, now: Callable[[], float]
    ) -> AuthTokens:
        """Log in and return the tokens.

        Raises:
            AuthenticationError: a step failed; the text names it.
        """
        self._secrets = frozenset({credentials.password, credentials.totp, credentials.email})
        self.page.set_default_timeout(LONGEST_WAIT_S * 1000)
        self.page.on("response", self._note)
        self.page.goto(f"{self.app_url}/", wait_until="domcontentloaded")
        button = self.page.get_by_role("button", name=re.compile("log in", re.IGNORECASE)).first
        button.wait_for(state="visible")
        self._pause(PAUSE_A)
        self._before_submit()
        button.click()
        self._begin("email step")
        self._fill(self._wait_for(_USERNAME, after="start of the login"), lambda: credentials.email)
        self._begin("password step")
        self._fill(self._wait_for(_PASSWORD, after="email step"), lambda: credentials.password)
        self._begin("code step")
        code_field = self._wait_for(_CODE, after="password step", or_app=True)
        if code_field is not None:
            self._fill(code_field, lambda: self._code(second_factor, now))
            self._begin("return to the web application")
            self._wait_for(None, after="code step", or_app=True)
        self._begin("end of the login")
        return self._tokens(now)

    def _begin(self, step: str) -> None:
        self.step = step
        _log.debug("login: %s", step)

    def _note(self, response: "Response") -> None:
        request = response.request
        is_page = request.is_navigation_request() and request.frame == self.page.main_frame
        if is_page and not 300 <= response.status < 400:
            self._seen.saw(response.status)

    def _pause(self, bounds: tuple[float, float]) -> None:
        self._wait_ms(random.uniform(*bounds))  # noqa: S311 - a person's rhythm, no secret

    def _wait_ms(self, milliseconds: float) -> None:
        if self.stop.is_set():
            raise AuthenticationError(f"the browser login was interrupted at the {self.step}")
        self.page.wait_for_timeout(milliseconds)

    def _fill(self, field_: "Locator | None", text: Callable[[], str]) -> None:
        if field_ is None:
            raise AuthenticationError(f"the {self.step} has no field to fill")
        self._pause(PAUSE_A)
        field_.click()
        for character in text():
            self.page.keyboard.type(character)
            self._pause(KEY_GAP)
        self._pause(PAUSE_B)
        self._before_submit()
        self._submit(field_)

    def _submit(self, field_: "Locator") -> None:
        form = field_.locator("xpath=ancestor::form[1]")
        for selector in (_PRIMARY, _SUBMIT):
            button = form.locator(selector).filter(visible=True).first
            if button.count():
                button.click(no_wait_after=True)
                return
        field_.press("Enter")

    def _code(self, second_factor: SecondFactor, now: Callable[[], float]) -> str:
        wait_s = second_factor.wait_s(now())
        if wait_s > 0:
            self._wait_ms(wait_s * 1000 + 50)
        return second_factor.code(now())

    def _before_submit(self) -> None:
        self._seen.count, self._seen.refused = 0, None
        self._alerts_before = self._alerts()

    def _wait_for(self, selector: str | None, *, after: str, or_app: bool = False) -> "Locator | None":
        """Wait for a field, for the web application (then None), or for a sign that the step before was refused."""
        loaded_ms = waited_ms = 0.0
        while waited_ms < LONGEST_WAIT_S * 1000:
            if or_app and self._is_in_app():
                return None
            if selector is not None and (found := self._visible(selector)) is not None:
                return found
            self._refuse_if_told(after)
            if self._seen.count and not self._is_loading() and not self._is_in_app():
                loaded_ms += _LOOK_EVERY_MS
                if loaded_ms >= SETTLING_S * 1000:
                    raise AuthenticationError(
                        f"the login stopped after the {after} at an unexpected page: {self._path()}"
                    )
            self._wait_ms(_LOOK_EVERY_MS)
            waited_ms += _LOOK_EVERY_MS
        raise AuthenticationError(f"nothing came after the {after} within {LONGEST_WAIT_S:.0f} s")

    def _refuse_if_told(self, before: str) -> None:
        told = self._alerts() - self._alerts_before
        if self._seen.refused is None and not told:
            return
        if not told:
            # The refusal is known before the page that explains it has been drawn.
            self._wait_ms(5 * _LOOK_EVERY_MS)
            told = self._alerts() - self._alerts_before
        reason = safe_text(" ".join(sorted(told, key=len)[:1]), self._secrets, limit=200)
        status = "" if self._seen.refused is None else f" (HTTP {self._seen.refused})"
        raise AuthenticationError(f"the {before} was refused{status} at {self._path()}: {reason or 'no reason shown'}")

    def _alerts(self) -> frozenset[str]:
        from playwright.sync_api import Error

        try:
            shown = self.page.locator(_ALERT).filter(visible=True).all_inner_texts()
        except Error:
            return frozenset()  # the page is just being replaced
        return frozenset(" ".join(text.split()) for text in shown if text.strip())

    def _visible(self, selector: str) -> "Locator | None":
        from playwright.sync_api import Error

        try:
            found = self.page.locator(selector).filter(visible=True).first
            return found if found.count() else None
        except Error:
            return None  # the page is just being replaced

    def _is_loading(self) -> bool:
        from playwright.sync_api import Error

        try:
            return self.page.evaluate("document.readyState") == "loading"
        except Error:
            return True

    def _is_in_app(self) -> bool:
        return f"{self.page.url}/".startswith(f"{self.app_url}/")

    def _path(self) -> str:
        # The path only: query and fragment carry states and tokens.
        parts = urlsplit(self.page.url)
        host = "" if f"{parts.scheme}://{parts.netloc}" == self.auth_url else parts.netloc
        return safe_text(f"{host}{parts.path}", self._secrets, limit=120)

    def _tokens(self, now: Callable[[], float]) -> AuthTokens:
        waited_ms = 0.0
        while True:
            access_token = self._stored("access_token")
            if access_token:
                return AuthTokens(access_token, self._stored("refresh_token"), expiry_of(access_token, now()))
            if waited_ms >= TOKEN_WAIT_S * 1000:
                raise AuthenticationError("the login ended, but no access token found in sessionStorage")
            self._wait_ms(_TOKEN_EVERY_MS)
            waited_ms += _TOKEN_EVERY_MS

    def _stored(self, key: str) -> str | None:
        from playwright.sync_api import Error

        try:
            found = self.page.evaluate("key => sessionStorage.getItem(key)", key) if self._is_in_app() else None
        except Error:
            return None  # the page is just being replaced
        return found if isinstance(found, str) and found else None
