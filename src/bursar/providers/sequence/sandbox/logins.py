"""How far has somebody got with logging in?"""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from hmac import compare_digest
from secrets import token_urlsafe

from bursar.providers.sequence.sandbox.otp import step_of

MOST_FAILURES = 10
"""After so many wrong passwords an address is blocked."""

_ADDRESS = re.compile(r"[^@\s]+@[^@\s.]+(?:\.[^@\s.]+)+")


class Step(IntEnum):
    """What a login waits for."""

    IDENTIFIER = 1
    PASSWORD = 2
    CODE = 3
    DONE = 4


class WrongStepError(Exception):
    """A page was asked for before its turn, or of a login that nobody has begun."""


class BlockedError(Exception):
    """Too many wrong passwords for this address."""


class WrongInputError(Exception):
    """What was typed is wrong; the text is shown on the same page."""


@dataclass(slots=True, kw_only=True)
class Account:
    """Somebody who may log in."""

    user_id: str
    email: str
    password: str = field(repr=False)
    totp_secret: str = field(repr=False)
    spent_steps: set[int] = field(default_factory=set[int], repr=False)
    """Each code is good once."""


@dataclass(slots=True, kw_only=True)
class Login:
    """One login under way."""

    state: str
    redirect_uri: str
    app_state: str
    scope: str
    step: Step = Step.IDENTIFIER
    email: str = ""
    account: Account | None = None


class Logins:
    """The logins that are under way, and who may succeed."""

    def __init__(self, accounts: Mapping[str, Account], wall_clock: Callable[[], datetime]) -> None:
        """`accounts` are by e-mail address in lower case; `wall_clock` is that of people's authenticators."""
        self._accounts = accounts
        self._wall_clock = wall_clock
        self._open: dict[str, Login] = {}
        self.failures: Counter[str] = Counter()
        """Wrong passwords by address."""

    def begin(self, redirect_uri: str, app_state: str, scope: str) -> Login:
        """A new login."""
        login = Login(state=token_urlsafe(24), redirect_uri=redirect_uri, app_state=app_state, scope=scope)
        self._open[login.state] = login
        return login

    def at(self, state: str, step: Step) -> Login:
        """The login of a state that has got as far as a step.

        Raises:
            WrongStepError: it has not, or there is none.
            BlockedError: its address is blocked.
        """
        login = self._open.get(state)
        if login is None or login.step < step:
            raise WrongStepError
        if step is Step.PASSWORD and self.failures[login.email] >= MOST_FAILURES:
            raise BlockedError
        return login

    def name(self, login: Login, address: str) -> None:
        """Takes the address; whether anybody has it is not told."""
        if _ADDRESS.fullmatch(address.strip()) is None:
            raise WrongInputError("Please enter a valid email address")
        login.email = address.strip().lower()
        login.account = None
        login.step = Step.PASSWORD

    def enter_password(self, login: Login, password: str) -> None:
        """Takes the password; ten wrong ones block the address."""
        account = self._accounts.get(login.email)
        is_right = account is not None and compare_digest(account.password.encode(), password.encode())
        if account is None or not is_right:
            login.step = Step.PASSWORD
            self.failures[login.email] += 1
            if self.failures[login.email] >= MOST_FAILURES:
                raise BlockedError
            raise WrongInputError("Wrong email or password")
        login.account = account
        login.step = Step.CODE

    def enter_code(self, login: Login, code: str) -> None:
        """Takes the second factor."""
        account = login.account
        seconds = int(self._wall_clock().timestamp())
        step = step_of(account.totp_secret, code.strip(), seconds) if account is not None else None
        if account is None or step is None or step in account.spent_steps:
            raise WrongInputError("The code you entered is invalid")
        account.spent_steps.add(step)
        login.step = Step.DONE

    def finish(self, state: str) -> Login:
        """Ends a login of which nothing is missing; its state is good for nothing afterwards."""
        login = self.at(state, Step.DONE)
        del self._open[state]
        self.failures.pop(login.email, None)
        return login
