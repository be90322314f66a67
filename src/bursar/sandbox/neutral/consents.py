"""Who has let the platform in, for how long, and under which ids does it see the accounts?"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from bursar.sandbox.faces import RefusedActionError
from bursar.sandbox.neutral.ids import Mint, Series
from bursar.sandbox.neutral.problems import NeutralProblemError, unknown_account
from bursar.sandbox.people import Account, Login
from bursar.sandbox.world import World

_LINK_LIFE = timedelta(hours=4)
_CODE_LIFE = timedelta(minutes=30)

_ENDS = {
    "expired": NeutralProblemError(401, "consent_expired", "the consent has run out"),
    "withdrawn": NeutralProblemError(401, "consent_withdrawn", "the user has withdrawn the consent"),
}


@dataclass(slots=True)
class Consent:
    """A permission to read one login."""

    consent_id: str
    login: Login
    series: Series
    expires_at: datetime | None
    ended: str | None = None
    """`expired` or `withdrawn`; None while it holds."""


class ConsentBook:
    """All consents, and the tokens and codes that lead to them."""

    def __init__(self, world: World, slug: str, mint: Mint, lifetime: timedelta | None) -> None:
        self._world = world
        self._slug = slug
        self._mint = mint
        self._lifetime = lifetime
        self._links: dict[str, datetime] = {}
        self._codes: dict[str, tuple[Consent, datetime]] = {}
        self._tokens: dict[str, Consent] = {}
        self._by_login: dict[str, list[Consent]] = {}
        self._accounts: dict[str, str] = {}
        self._count = 0

    def start(self) -> tuple[str, datetime]:
        """A link token and when it ends."""
        token = self._next("link")
        self._links[token] = self._world.now + _LINK_LIFE
        return token, self._links[token]

    def give(self, link_token: str, bank: str, username: str, password: str) -> str:
        """A person gives consent on the bank's page; returns the code. Renewals may change ids (B1, B2).

        Raises `RefusedActionError` for a used link and for a login that the bank does not know.
        """
        if self._links.pop(link_token, self._world.now) <= self._world.now:
            raise RefusedActionError("the link is unknown, used or too old")
        login = self._world.find_login(bank, username)
        if login is None or login.password != password:
            raise RefusedActionError("the bank does not know this login")
        consent = self._new_consent(login)
        code = self._next("code")
        self._codes[code] = (consent, self._world.now + _CODE_LIFE)
        return code

    def exchange(self, code: str) -> tuple[str, Consent]:
        """Uses a code up; returns an access token and its consent."""
        found = self._codes.pop(code, None)
        if found is None or found[1] <= self._world.now:
            raise NeutralProblemError(400, "code_unusable", "the code is unknown, used or too old")
        token = self._next("access")
        self._tokens[token] = found[0]
        return token, found[0]

    def open(self, token: str | None) -> Consent:
        """The living consent behind an access token."""
        consent = self._tokens.get(token or "")
        if consent is None:
            raise NeutralProblemError(401, "token_unknown", "the access token is unknown")
        if consent.ended is None and consent.expires_at is not None and consent.expires_at <= self._world.now:
            consent.ended = "expired"
        if consent.ended is not None:
            raise _ENDS[consent.ended]
        return consent

    def end(self, login_id: str, how: str) -> None:
        """Ends every living consent of a login; an unknown login raises `KeyError`."""
        for consent in self._by_login[login_id]:
            consent.ended = consent.ended or how

    def account_id(self, consent: Consent, account: Account) -> str:
        """The provider's id of an account under a consent."""
        series = consent.series
        account_id = self._mint.opaque("account", series.login_id, series.account_epoch, account.account_id)
        self._accounts[account_id] = account.account_id
        return account_id

    def find_account(self, consent: Consent, account_id: str, at: datetime) -> Account:
        """An account that the consent shows at an instant; any other raises the provider's 404."""
        for account in self._world.shown_accounts(consent.login, at):
            if self.account_id(consent, account) == account_id:
                return account
        raise unknown_account()

    def trace_account(self, account_id: str) -> str | None:
        """The world's account behind an id that was given out."""
        return self._accounts.get(account_id)

    def _new_consent(self, login: Login) -> Consent:
        login_id = self._mint.opaque("login", login.bank.key, login.username)
        earlier = self._by_login.setdefault(login_id, [])
        number = len(earlier)
        account_epoch, row_epoch = 0, 0
        if earlier:
            before = earlier[-1].series
            view = self._world.view
            account_epoch = number if view.strikes("B2", self._slug, login_id, number) else before.account_epoch
            row_epoch = number if view.strikes("B1", self._slug, login_id, number) else before.row_epoch
        consent = Consent(
            consent_id=self._mint.opaque("consent", login_id, number),
            login=login,
            series=Series(login_id, account_epoch, row_epoch),
            expires_at=None if self._lifetime is None else self._world.now + self._lifetime,
        )
        earlier.append(consent)
        return consent

    def _next(self, kind: str) -> str:
        self._count += 1
        return f"{kind}-{self._mint.fresh(kind, self._count)}"
