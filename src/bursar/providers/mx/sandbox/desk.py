"""What do all endpoints of the simulated MX share: users, logins, jobs, rows?"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from bursar.providers.mx.sandbox.blemishes import Blemishes, Body
from bursar.providers.mx.sandbox.ids import GuidMint
from bursar.providers.mx.sandbox.institutions import TEST_CODE, find_bank, get_name
from bursar.providers.mx.sandbox.listing import Loops
from bursar.providers.mx.sandbox.members import JOBS, Job, Member, User, wire_instant
from bursar.providers.mx.sandbox.problems import MXProblemError, not_found
from bursar.providers.mx.sandbox.rendering import Renderer
from bursar.providers.mx.sandbox.rows import MXShowing, RowGuids
from bursar.providers.mx.sandbox.webhooks import Outbox
from bursar.sandbox.faces import RefusedActionError
from bursar.sandbox.faults import FaultKind
from bursar.sandbox.neutral.ids import Series
from bursar.sandbox.people import CURRENCY_DECIMALS, Account, Login
from bursar.sandbox.world import World

AGGREGATION_PAUSE = timedelta(hours=3)
WIDGET_LIFETIME = timedelta(minutes=10)
CHALLENGING_PASSWORD = "challenge"  # noqa: S105 - published: the bank asks a question of whoever types it
CHALLENGE_ANSWER = "correct"


@dataclass(slots=True)
class Widget:
    """An address on which a user signs in, once."""

    token: str
    user: User
    ends_at: datetime
    institution_code: str | None
    member: Member | None
    """The login that is renewed; None for a new one."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A row of the wire, with what the filters of its listing ask."""

    body: Body
    date: str
    created_at: datetime
    updated_at: datetime


class Desk:
    """The state of one simulated MX and the rules that do not belong to one endpoint."""

    def __init__(self, world: World, *, job_duration: timedelta) -> None:
        """Each job takes `job_duration` of virtual time."""
        self.world = world
        self.mint = GuidMint(world.seed)
        self.blemishes = Blemishes(world.view)
        self.renderer = Renderer(world, self.mint, self.blemishes)
        self.loops = Loops(self.blemishes, lambda: world.now)
        self.outbox = Outbox(world.clock)
        self.users: dict[str, User] = {}
        self.members: dict[str, Member] = {}
        self.accounts: dict[str, str] = {}
        """Guid of an account that was given out -> the world's account."""
        self._widgets: dict[str, Widget] = {}
        self._job_duration = job_duration
        self._ids = RowGuids(world.view, self.mint)
        self._showing = MXShowing(world, self._ids)
        self._known_since: dict[str, datetime] = {}
        self._listed: dict[str, set[str]] = {}

    # Users and logins.

    def find_user(self, name: str) -> User:
        """A user by guid or by the application's own id; raises 404, and 403 for one that is disabled."""
        for user in self.users.values():
            if name in (user.guid, user.own_id):
                return user
        raise not_found()

    def find_member(self, user: User, name: str) -> Member:
        """One of a user's logins, up to date; raises 404."""
        for member in self.members.values():
            if member.user is user and name in (member.guid, member.own_id):
                self.catch_up(member)
                return member
        raise not_found()

    def members_of(self, user: User) -> list[Member]:
        """A user's logins, up to date."""
        found = [member for member in self.members.values() if member.user is user]
        for member in found:
            self.catch_up(member)
        return found

    def delete_member(self, member: Member) -> None:
        """Forgets a login."""
        del self.members[member.guid]
        self.post({"type": "MEMBER", "action": "deleted", "member": {"guid": member.guid}, **_whose(member)})

    def open_widget(self, user: User, institution_code: str | None, member: Member | None) -> Widget:
        """A new address to sign in at."""
        token = self.mint.next("widget")
        widget = Widget(token, user, self.world.now + WIDGET_LIFETIME, institution_code, member)
        self._widgets[token] = widget
        return widget

    def find_widget(self, token: str) -> Widget:
        """A widget that can still be used; raises `RefusedActionError`."""
        widget = self._widgets.get(token)
        if widget is None or widget.ends_at <= self.world.now:
            raise RefusedActionError("the widget's address is unknown, used or too old")
        return widget

    def finish_widget(self, widget: Widget, institution_code: str | None, username: str, password: str) -> Member:
        """A person signs in on the page; returns the login, new or renewed.

        Raises `RefusedActionError` for what the page would not accept.
        """
        if widget.member is not None:
            member = widget.member
            if member.guid not in self.members:
                raise RefusedActionError("the login is gone")
            login = self._log_in(member.institution_code, username, password)
            if login is not member.login:
                raise RefusedActionError("this is another login")
            del self._widgets[widget.token]
            self._sign_in_again(member)
            return member
        code = institution_code or widget.institution_code or TEST_CODE
        login = self._log_in(code, username, password)
        del self._widgets[widget.token]
        present = next((one for one in self.members.values() if one.user is widget.user and one.login is login), None)
        if present is not None:
            self._sign_in_again(present)
            return present
        return self.make_member(widget.user, code, login, asks=password == CHALLENGING_PASSWORD)

    def make_member(self, user: User, code: str, login: Login, *, asks: bool = False, is_right: bool = True) -> Member:
        """A new login, whose first aggregation has begun; the bank asks a question, or refuses, when told."""
        guid = self.mint.next("member")
        now = self.world.now
        member = Member(guid, user, login, code, get_name(code), Series(guid, 0, 0), now)
        member.told_until = self.world.head
        member.next_status = "DENIED" if not is_right else "CHALLENGED" if asks else "CONNECTED"
        self.members[guid] = member
        self._begin(member, "aggregate")
        return member

    def _sign_in_again(self, member: Member) -> None:
        """The login works again, and guids may be others (B1, B2)."""
        number = member.consent_count
        member.consent_count += 1
        series = member.series
        rows = number if self.blemishes.changes_row_ids(member.guid, number) else series.row_epoch
        accounts = number if self.blemishes.changes_account_ids(member.guid, number) else series.account_epoch
        member.series = Series(series.login_id, accounts, rows)
        member.challenge_guid = None
        was_working = member.is_working
        member.job = None
        member.last_done.pop("aggregate", None)
        member.next_status = "CONNECTED" if was_working else "RECONNECTED"
        self._begin(member, "aggregate")

    def _log_in(self, code: str, username: str, password: str) -> Login:
        bank = find_bank(self.world, code)
        if bank is None:
            raise RefusedActionError("nobody in this simulated world banks at this institution")
        login = self.world.find_login(bank.key, username)
        if login is None or password not in (login.password, CHALLENGING_PASSWORD):
            raise RefusedActionError("the institution does not accept this login")
        return login

    # Jobs.

    def start_job(self, member: Member, kind: str) -> None:
        """Begins a job, or does nothing when it is running or was done a moment ago; raises 409 for another one."""
        if kind not in JOBS:
            raise not_found()
        if member.job is not None:
            if member.job.kind != kind:
                raise MXProblemError(409, "another job of this member is running")
            return
        done_at = member.last_done.get(kind)
        if kind == "aggregate" and done_at is not None and self.world.now < done_at + AGGREGATION_PAUSE:
            return
        if not member.is_working:
            return
        self._begin(member, kind)

    def resume(self, member: Member, answers: Mapping[str, str]) -> None:
        """Takes the answers to a bank's question; raises 422 when nothing was asked."""
        if member.challenge_guid is None or member.challenge_guid not in answers:
            raise MXProblemError(422, "there is no such challenge")
        is_right = answers[member.challenge_guid] == CHALLENGE_ANSWER
        member.challenge_guid = None
        member.status = "RESUMED"
        member.next_status = "CONNECTED" if is_right else "REJECTED"
        self._begin(member, "aggregate")

    def set_status(self, member: Member, status: str) -> None:
        """Puts a login into a state, and says so."""
        if member.status == status:
            return
        member.status = status
        self.post(
            {
                "type": "CONNECTION_STATUS",
                "action": "CHANGED",
                "connection_status": status,
                "connection_status_message": f"The connection is {status.lower()}.",
                **_whose(member),
            }
        )

    def catch_up(self, member: Member) -> None:
        """Ends the job that is due."""
        job = member.job
        if job is None or job.ends_at > self.world.now:
            return
        member.job = None
        member.aggregated_at = job.ends_at
        if job.kind == "aggregate" or not member.is_working:
            self.set_status(member, member.next_status)
        if member.status == "CHALLENGED":
            member.challenge_guid = self.mint.next("challenge")
        if not member.is_working:
            return
        member.successful_at = job.ends_at
        member.last_done[job.kind] = job.ends_at
        if job.kind in ("aggregate", "check_balance", "extend_history", "verify"):
            self._tell_done(member, job)

    def _begin(self, member: Member, kind: str) -> None:
        member.job = Job(self.mint.next("job"), kind, self.world.now + self._job_duration)

    # Webhooks.

    def post(self, payload: Body) -> None:
        """Queues a webhook."""
        self.outbox.post(payload)

    def tell_changes(self) -> None:
        """Queues webhooks for what has happened in the world since the last ones."""
        if self.outbox.subscription is None:
            return
        for member in list(self.members.values()):
            self.catch_up(member)
            accounts = [account.account_id for account in member.login.accounts]
            if not member.is_working or not self.world.events_after(member.told_until, accounts):
                continue
            member.told_until = self.world.head
            self._tell_done(member, Job(self.mint.next("job"), "aggregate", self.world.now))

    def _tell_done(self, member: Member, job: Job) -> None:
        if self.outbox.subscription is None:
            return
        before = self._listed.get(member.guid, set())
        present = {str(one.body["guid"]) for one in self.rows_of(member, self.world.now)}
        self._listed[member.guid] = present
        self.post(describe_done(member, job, created_count=len(present - before)))
        for guid in sorted(before - present):
            self.post({"type": "TRANSACTION", "action": "deleted", "transaction": {"guid": guid, **_whose(member)}})

    # What a login shows.

    def shown_accounts(self, member: Member, at: datetime | None = None) -> list[tuple[str, Account]]:
        """The accounts of a login with their guids; none before it was read once."""
        if member.successful_at is None:
            return []
        shown = self.world.shown_accounts(member.login, at)
        found = [(self.account_guid(member, account), account) for account in shown]
        self.accounts.update((guid, account.account_id) for guid, account in found)
        return found

    def account_guid(self, member: Member, account: Account) -> str:
        """The guid of an account."""
        return self.mint.opaque("account", member.guid, member.series.account_epoch, account.account_id)

    def find_account(self, user: User, guid: str) -> tuple[Member, Account]:
        """One of a user's accounts; raises 404."""
        for member in self.members_of(user):
            for known, account in self.shown_accounts(member):
                if known == guid:
                    return member, account
        raise not_found()

    def rows_of(self, member: Member, at: datetime, only: str | None = None) -> list[Listed]:
        """The rows of a login's accounts (or of one, by guid) as they are listed at an instant, the newest first."""
        at = min(at, self.blemishes.rows_at(member.guid, self.world.now))
        at = max(at, min((one.opened_at for one in member.login.accounts), default=at))
        found: list[Listed] = []
        for guid, account in self.shown_accounts(member):
            if only not in (None, guid) or account.opened_at > at:
                continue
            changed_at = self._changes_of(account.account_id, at)
            for shown in self._showing.rows(account, guid, member.series, at):
                known_since = self._known_since.setdefault(shown.row_id, self.world.now)
                updated_at = max(changed_at[shown.row.world_id], known_since)
                body = self.renderer.row(member, guid, shown, known_since, updated_at)
                found.append(Listed(body, str(body["date"]), known_since, updated_at))
        found.sort(key=lambda one: (one.date, str(one.body["guid"])), reverse=True)
        return found

    def trace_row(self, account_guid: str, row_guid: str) -> str | None:
        """The world id of the row behind a guid."""
        return self._ids.trace(account_guid, row_guid)

    def _changes_of(self, account_id: str, at: datetime) -> Mapping[str, datetime]:
        events = self.world.get_log(account_id).events_after(0)
        return {event.row.world_id: event.at for event in events if event.at <= at}

    # Faults that the simulator renders itself.

    def is_down(self, path: str, member: Member) -> bool:
        """Whether the bank does not answer MX now."""
        return self.world.faults.strike(path, _DOWN, bank=member.login.bank.key) is not None

    def is_not_ready(self, path: str) -> bool:
        """Whether the switch says that MX has not read the bank yet."""
        return self.world.faults.strike(path, _NOT_READY) is not None

    def mutate_after_page(self, path: str, member: Member, page: int) -> None:
        """Adds a row when the switch for this page is on, so that the next page finds other data."""
        if self.world.faults.strike(path, _MUTATE, page=page) is not None:
            account = member.login.accounts[0]
            amount = Decimal(-321).scaleb(-CURRENCY_DECIMALS[account.currency])
            self.world.script.add_settled(account.account_id, amount, "CORNER MKT BETWEEN PAGES")


_DOWN = frozenset({FaultKind.INSTITUTION_DOWN})
_NOT_READY = frozenset({FaultKind.NOT_READY})
_MUTATE = frozenset({FaultKind.MUTATE_BETWEEN_PAGES})


def _whose(member: Member) -> Body:
    return {"member_guid": member.guid, "user_guid": member.user.guid, "user_id": member.user.own_id}


def describe_done(member: Member, job: Job, *, created_count: int) -> Body:
    """The event about a job that is done."""
    types = {"check_balance": "BALANCE", "extend_history": "HISTORY", "verify": "VERIFICATION"}
    return {
        "type": types.get(job.kind, "AGGREGATION"),
        "action": "member_data_updated",
        "completed_at": int(job.ends_at.timestamp()),
        "completed_on": job.ends_at.date().isoformat(),
        "is_background": job.kind == "aggregate",
        "job_guid": job.guid,
        "transactions_created_count": created_count,
        "transactions_updated_count": 0,
        **_whose(member),
    }


def describe_status(member: Member, *, is_down: bool, is_not_ready: bool) -> Body:
    """The wire object of a login's state, as a fault makes it look."""
    body = member.render_status()
    if is_down:
        body["connection_status"] = "FAILED"
    if is_not_ready:
        body |= {
            "connection_status": "CREATED",
            "is_being_aggregated": True,
            "has_processed_accounts": False,
            "has_processed_transactions": False,
            "successfully_aggregated_at": wire_instant(None),
        }
    return body
