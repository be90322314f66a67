"""What does the invented provider answer to each question?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from bursar.sandbox.faults import FaultKind
from bursar.sandbox.ledger import RowState
from bursar.sandbox.neutral.consents import Consent, ConsentBook
from bursar.sandbox.neutral.feed import Feed, Page, cursor_unknown, data_changed
from bursar.sandbox.neutral.ids import Mint, Series
from bursar.sandbox.neutral.problems import NeutralProblemError, invalid_request
from bursar.sandbox.neutral.quota import QuotaBook
from bursar.sandbox.neutral.rendering import ENTERS, LEAVES, Renderer
from bursar.sandbox.neutral.showing import Showing
from bursar.sandbox.people import Account
from bursar.sandbox.world import World

_BANK_FAULTS = frozenset({FaultKind.INSTITUTION_DOWN, FaultKind.NOT_READY})


class Style(StrEnum):
    """How rows are read."""

    FEED = "feed"
    """A cursor feed of changes of all accounts of a login."""
    WINDOW = "window"
    """Pages of the rows between two days, one account at a time."""
    LIST = "list"
    """All booked and all pending rows of an account in one answer."""


Query = Mapping[str, str]


@dataclass(slots=True)
class Answer:
    """A 200: members of the body, and headers beside the usual ones."""

    body: dict[str, object]
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


class Desk:
    """The endpoints that need a consent."""

    def __init__(
        self,
        world: World,
        slug: str,
        consents: ConsentBook,
        showing: Showing,
        renderer: Renderer,
        mint: Mint,
        *,
        page_size: int,
        quota: QuotaBook | None,
    ) -> None:
        self._world = world
        self._view = world.view
        self._slug = slug
        self._consents = consents
        self._showing = showing
        self._renderer = renderer
        self._mint = mint
        self._page_size = page_size
        self._quota = quota
        self._feeds: dict[Series, Feed] = {}
        self._call_count = 0

    def require_bank(self, path: str, consent: Consent) -> None:
        """Raises the provider's word for a bank that does not answer, or that was not read yet."""
        fault = self._world.faults.strike(path, _BANK_FAULTS, bank=consent.login.bank.key)
        if fault is None:
            return
        code = "bank_unavailable" if fault.kind is FaultKind.INSTITUTION_DOWN else "not_ready"
        raise NeutralProblemError(503, code, "the bank can not be read at present")

    def login(self, consent: Consent, _query: Query) -> Answer:
        """`GET /login`: whose consent it is and how long it lasts."""
        return Answer(describe_login(consent))

    def accounts(self, consent: Consent, _query: Query) -> Answer:
        """`GET /accounts`: every account with its balance."""
        at = self._reading_instant(consent, "accounts")
        shown = self._world.shown_accounts(consent.login, at)
        return Answer(
            {
                "accounts": [
                    self._renderer.account(account, self._consents.account_id(consent, account), at)
                    for account in shown
                ]
            }
        )

    def holdings(self, consent: Consent, query: Query) -> Answer:
        """`GET /holdings?account=`: the positions of one account."""
        at = self._reading_instant(consent, "holdings")
        account = self._consents.find_account(consent, _require(query, "account"), at)
        return Answer(self._renderer.holdings(account, query["account"], at))

    def changes(self, consent: Consent, query: Query) -> Answer:
        """`GET /changes?cursor=`: one page of what changed in all accounts."""
        feed = self._feeds.get(consent.series)
        if feed is None:
            feed = self._feeds[consent.series] = Feed(self._mint, str(consent.series))
        cursor = query.get("cursor") or None
        now, login_id = self._world.now, consent.series.login_id
        is_first = feed.is_first(cursor)
        if cursor is not None and is_first and self._strikes_now("C11", login_id):
            raise cursor_unknown()
        if not is_first and self._strikes_this_call("C10", login_id):
            raise data_changed()
        accounts = self._world.shown_accounts(consent.login, now)
        by_id = {self._consents.account_id(consent, account): account for account in accounts}
        # C12: a replica that lags behind knows of nothing new.
        if is_first and not (feed.is_started and self._strikes_now("C12", login_id)):
            feed.catch_up(
                {
                    account_id: self._showing.rows(account, account_id, consent.series, now)
                    for account_id, account in by_id.items()
                }
            )
        page = feed.page(cursor, self._page_size)
        return Answer(self._render_changes(self._disturb(page, login_id, cursor), by_id))

    def window(self, consent: Consent, query: Query) -> Answer:
        """`GET /transactions?account=&from=&to=&page=`: one page of the rows between two days, both included."""
        account_id = _require(query, "account")
        account = self._consents.find_account(consent, account_id, self._world.now)
        since, until = _day(query, "from"), _day(query, "to")
        number = _page_number(query)
        at = self._reading_instant(consent, account_id)
        if number > 1 and self._strikes_this_call("C10", account_id, number):
            # Between two pages the list became another one, and nobody says so.
            at = self._world.now - timedelta(hours=1 + int(self._view.draw("mutation", account_id, number) * 48))
        rows = [
            one
            for one in self._showing.rows(account, account_id, consent.series, at)
            if (since is None or since <= one.row.booked_on) and (until is None or one.row.booked_on <= until)
        ]
        pages = max(1, -(-len(rows) // self._page_size))
        if number > pages:
            raise NeutralProblemError(410, "page_unknown", "begin this listing again")
        shown_number, following = number, number + 1 if number < pages else None
        if number > 1 and self._strikes_this_call("C9", account_id, number):
            # A page comes twice: what was asked for is not among them, and the caller must notice.
            shown_number = number - 1
        start = (shown_number - 1) * self._page_size
        positive = self._renderer.positive("window", account_id, ENTERS)
        return Answer(
            {
                "account_id": account_id,
                "from": None if since is None else since.isoformat(),
                "to": None if until is None else until.isoformat(),
                "page": shown_number,
                "total": len(rows),
                "positive": positive,
                "transactions": self._renderer.rows(rows[start : start + self._page_size], positive, account),
                "next_page": None if following is None else f"p{following}",
            }
        )

    def listing(self, consent: Consent, query: Query) -> Answer:
        """`GET /transactions?account=`: every booked and every pending row of one account."""
        account_id = _require(query, "account")
        account = self._consents.find_account(consent, account_id, self._world.now)
        headers: Mapping[str, str] = {}
        if self._quota is not None:
            headers = self._quota.spend(consent.consent_id, account.account_id, self._world.now)
        at = self._reading_instant(consent, account_id)
        rows = self._showing.rows(account, account_id, consent.series, at)
        if self._strikes_now("C9", account_id):
            rows.reverse()
        signs = {
            "booked": self._renderer.positive("booked", account_id, ENTERS),
            "pending": self._renderer.positive("pending", account_id, LEAVES),
        }
        pending = [one for one in rows if one.row.state is RowState.PENDING]
        booked = [one for one in rows if one.row.state is RowState.SETTLED]
        return Answer(
            {
                "account_id": account_id,
                "booked_positive": signs["booked"],
                "pending_positive": signs["pending"],
                "booked": self._renderer.rows(booked, signs["booked"], account),
                "pending": self._renderer.rows(pending, signs["pending"], account),
            },
            headers,
        )

    def _render_changes(self, page: Page, by_id: Mapping[str, Account]) -> dict[str, object]:
        lists: dict[str, list[dict[str, object]]] = {"added": [], "modified": [], "removed": []}
        positive = self._renderer.positive("changes", "", LEAVES)
        for change in page.changes:
            if change.kind == "removed":
                lists["removed"].append({"id": change.shown.row_id, "account_id": change.account_id})
                continue
            account = by_id.get(change.account_id)
            as_text = account is not None and self._view.strikes("A14", self._slug, "form", account.account_id)
            body = self._renderer.row(change.shown, positive, as_text=as_text)
            lists[change.kind].append({**body, "account_id": change.account_id})
        return {**lists, "positive": positive, "next_cursor": page.next_cursor, "has_more": page.has_more}

    def _disturb(self, page: Page, login_id: str, cursor: str | None) -> Page:
        """C9: the changes of a page come in another order; a word about one row never overtakes another about it."""
        if not self._strikes_now("C9", login_id, cursor):
            return page
        seen: set[tuple[str, str]] = set()
        for change in page.changes:
            key = (change.account_id, change.shown.row_id)
            if key in seen:
                return page
            seen.add(key)
        return Page(list(reversed(page.changes)), page.next_cursor, page.has_more)

    def _reading_instant(self, consent: Consent, what: str) -> datetime:
        """When the answer is from: now, or some hours ago (C12, and A16 where the balance is newer than the rows)."""
        now = self._world.now
        for fault in ("C12", "A16"):
            if fault == "A16" and what in ("accounts", "holdings"):
                continue
            key = (consent.series.login_id, what)
            if self._strikes_now(fault, "stale", *key):
                lag = 1 + int(self._view.draw("stale", *key, now.isoformat()) * 47)
                return max(now - timedelta(hours=lag), min(one.opened_at for one in consent.login.accounts))
        return now

    def _strikes_now(self, fault: str, *key: object) -> bool:
        return self._view.strikes(fault, self._slug, *key, self._world.now.isoformat(), transient=True)

    def _strikes_this_call(self, fault: str, *key: object) -> bool:
        """As `_strikes_now`, but asking again at the same instant may be answered well."""
        self._call_count += 1
        return self._strikes_now(fault, *key, self._call_count)


def describe_login(consent: Consent) -> dict[str, object]:
    """A consent and whose it is."""
    bank = consent.login.bank
    return {
        "login_id": consent.series.login_id,
        "consent_id": consent.consent_id,
        "bank": {"key": bank.key, "name": bank.name},
        "expires_at": None if consent.expires_at is None else consent.expires_at.isoformat(),
    }


def _require(query: Query, name: str) -> str:
    if not query.get(name):
        raise invalid_request(f"{name} is missing")
    return query[name]


def _day(query: Query, name: str) -> date | None:
    if not query.get(name):
        return None
    try:
        return date.fromisoformat(query[name])
    except ValueError:
        raise invalid_request(f"{name} is no date") from None


def _page_number(query: Query) -> int:
    text = query.get("page") or "p1"
    if not text.startswith("p") or not text[1:].isdigit() or int(text[1:]) < 1:
        raise invalid_request("page is none of ours")
    return int(text[1:])
