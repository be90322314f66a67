"""Who has enrolled, what does their token open, and how are they today?"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from bursar.providers.teller.sandbox.blemishes import PLACE, Blemishes, TellerRowIds
from bursar.providers.teller.sandbox.problems import TellerProblemError, disconnected, not_found
from bursar.sandbox.faces import RefusedActionError
from bursar.sandbox.faults import FaultKind
from bursar.sandbox.neutral.ids import Mint, Series
from bursar.sandbox.neutral.showing import Showing
from bursar.sandbox.people import Account, AccountKind, Login
from bursar.sandbox.view import IdPolicy
from bursar.sandbox.world import World

REASONS = (
    "account_locked",
    "credentials_invalid",
    "enrollment_inactive",
    "user_action.captcha_required",
    "user_action.contact_information_required",
    "user_action.insufficient_permissions",
    "user_action.mfa_required",
    "user_action.web_login_required",
)
SHOWN_KINDS = frozenset({AccountKind.CHECKING, AccountKind.SAVINGS, AccountKind.CREDIT_CARD})
_PASSWORD = "password"  # noqa: S105 - the vendor's published password of its sandbox
_BANK_FAULTS = frozenset({FaultKind.INSTITUTION_DOWN, FaultKind.NOT_READY})


def is_shown(account: Account) -> bool:
    """Teller has deposit accounts and cards."""
    return account.kind in SHOWN_KINDS


@dataclass(slots=True)
class Enrollment:
    """A user's permission to read one login through one application."""

    enrollment_id: str
    user_id: str
    token: str
    login: Login
    environment: str
    series: Series
    disconnected: str | None = None
    """The reason; empty for a disconnection without one, None while all is well."""
    disconnects_with: str | None = None
    """What the first request for data meets."""
    is_deleted: bool = False
    is_microdeposit: bool = False
    verified: set[str] = field(default_factory=set[str])
    """Accounts (of the world) whose micro-deposits were decided, because their rows were read."""
    deleted_accounts: set[str] = field(default_factory=set[str])


class Desk:
    """Enrolments, and what everything else stands on."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.mint = Mint(world.seed, PLACE)
        policy = world.view.id_policies.get(PLACE, IdPolicy.SAME_WHEN_POSTED)
        self.row_ids = TellerRowIds(world.view, self.mint, policy)
        self.showing = Showing(world, PLACE, self.row_ids)
        self.blemishes = Blemishes(world.view)
        self.closed: dict[str, str] = {}
        """The world's account -> why its bank closed it; empty for no reason."""
        self.without: dict[str, set[str]] = {}
        """The world's account -> links that its institution does not have."""
        self.enrollments: dict[str, Enrollment] = {}
        self._by_token: dict[str, Enrollment] = {}
        self._account_ids: dict[str, str] = {}
        self._count = 0

    def new_id(self, prefix: str, *parts: object) -> str:
        """An id that is a pure function of the seed, of what is asked for and of how much was asked before."""
        self._count += 1
        return f"{prefix}_{self.mint.fresh(prefix, self._count, *parts)[1:]}"

    # Enrolling.

    def enroll(self, arguments: Mapping[str, str], environment: str) -> Enrollment:
        """A person signs in at a bank; raises `RefusedActionError` when the bank says no."""
        bank = arguments["institution_id"]
        username = arguments.get("username", "user_good")
        password = arguments.get("password", "pass_good")
        login = self.world.find_login(bank, username)
        reason = None
        if login is None or login.password != password:
            login, reason = self._play(bank, username, password, arguments)
        number = sum(one.login is login for one in self.enrollments.values())
        enrollment_id = f"enr_{self.mint.opaque('enrollment', login.bank.key, login.username, number)[1:]}"
        prefix = "test_token" if environment == "sandbox" else "token"
        made = Enrollment(
            enrollment_id=enrollment_id,
            user_id=f"usr_{self.mint.opaque('user', login.username)[1:]}",
            token=f"{prefix}_{sha256(f'{self.world.seed}|{enrollment_id}'.encode()).hexdigest()[:26]}",
            login=login,
            environment=environment,
            series=Series(enrollment_id, 0, 0),
            disconnects_with=reason,
            is_microdeposit=username == "verify.microdeposit",
        )
        self.enrollments[enrollment_id] = made
        self._by_token[made.token] = made
        return made

    def repair(self, enrollment_id: str, arguments: Mapping[str, str]) -> Enrollment:
        """A person signs in again to the same enrolment; its token works again, and its ids stay."""
        enrollment = self.enrollments.get(enrollment_id)
        if enrollment is None or enrollment.is_deleted:
            raise RefusedActionError("there is no such enrollment")
        password = arguments.get("password", enrollment.login.password)
        if password not in (enrollment.login.password, _PASSWORD):
            raise RefusedActionError("the bank does not know this login")
        enrollment.disconnected = enrollment.disconnects_with = None
        return enrollment

    def _play(self, bank: str, username: str, password: str, arguments: Mapping[str, str]) -> tuple[Login, str | None]:
        """The vendor's user names: they show the accounts of the bank's first login."""
        login = next((one for one in self.world.logins if one.bank.key == bank), None)
        is_reason = username == "disconnected" or username in REASONS
        known = is_reason or username in ("username", "otp", "challenge", "verify.microdeposit")
        if login is None or not known or password != _PASSWORD:
            raise RefusedActionError("the bank does not know this login")
        if username == "otp" and arguments.get("code") != "0000":
            raise RefusedActionError("the one-time code is 0000")
        if username == "challenge" and arguments.get("answer") != "blue":
            raise RefusedActionError("the answer is blue")
        if not is_reason:
            return login, None
        return login, "" if username == "disconnected" else username

    # Reading.

    def open(self, token: str, *, has_certificate: bool) -> Enrollment:
        """The enrolment behind a token; raises Teller's refusal."""
        enrollment = self._by_token.get(token)
        if token.startswith("token_") and not has_certificate:
            raise TellerProblemError(400)
        if enrollment is None or enrollment.is_deleted:
            raise TellerProblemError(403)
        return enrollment

    def require_data(self, enrollment: Enrollment, path: str) -> None:
        """Raise what a question for data meets."""
        if enrollment.disconnects_with is not None:
            enrollment.disconnected, enrollment.disconnects_with = enrollment.disconnects_with, None
        if enrollment.disconnected is not None:
            raise disconnected(enrollment.disconnected)
        if self.world.faults.strike(path, _BANK_FAULTS, bank=enrollment.login.bank.key) is not None:
            raise TellerProblemError(502)

    def shown(self, enrollment: Enrollment, at: datetime) -> Iterator[Account]:
        """The accounts of an enrolment at an instant."""
        for account in self.world.shown_accounts(enrollment.login, at):
            if is_shown(account) and account.account_id not in enrollment.deleted_accounts:
                yield account

    def account_id(self, enrollment: Enrollment, account: Account) -> str:
        """Teller's id of an account in an enrolment."""
        made = f"acc_{self.mint.opaque('account', enrollment.enrollment_id, account.account_id)[1:]}"
        self._account_ids[made] = account.account_id
        return made

    def find_account(self, enrollment: Enrollment, account_id: str) -> Account:
        """An account of an enrolment; raises 404 for any other, and 410 for a closed one's parts elsewhere."""
        for account in self.shown(enrollment, self.world.now):
            if self.account_id(enrollment, account) == account_id:
                return account
        raise not_found()

    def require_open(self, account: Account, link: str) -> None:
        """Raise for a closed account, and for a link that its institution does not have."""
        reason = self.closed.get(account.account_id)
        if reason is not None:
            raise TellerProblemError(410, f"account.closed.{reason}" if reason else None)
        if link in self.without.get(account.account_id, ()):
            raise not_found()

    def trace_account(self, account_id: str) -> str | None:
        """The world's account behind an id that was given out."""
        return self._account_ids.get(account_id)

    def disconnect(self, enrollment_id: str, reason: str) -> Enrollment:
        """The login stops working; an unknown enrolment or reason raises `KeyError`."""
        enrollment = self.enrollments[enrollment_id]
        if reason and reason not in REASONS:
            raise KeyError(reason)
        enrollment.disconnected = reason
        return enrollment
