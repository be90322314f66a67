"""What do all endpoints of the simulated Plaid share?"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from bursar.providers.plaid.sandbox.accounts import render_account
from bursar.providers.plaid.sandbox.blemishes import Blemishes
from bursar.providers.plaid.sandbox.ids import IdMint
from bursar.providers.plaid.sandbox.instants import wire_instant
from bursar.providers.plaid.sandbox.institutions import (
    Institution,
    bank_of,
    institution_down,
    require_reachable,
)
from bursar.providers.plaid.sandbox.items import Item, ItemRegistry, withheld_from
from bursar.providers.plaid.sandbox.problems import PlaidProblemError, item_error, standing_problem
from bursar.providers.plaid.sandbox.webhooks import Outbox, SigningKeys
from bursar.sandbox.cast import QUIET_USERNAME
from bursar.sandbox.faults import FaultKind
from bursar.sandbox.ledger import EventKind
from bursar.sandbox.people import CURRENCY_DECIMALS, Account, AccountKind, Login
from bursar.sandbox.world import World

KNOWN_PRODUCTS = frozenset({"transactions", "auth", "identity", "investments", "liabilities", "assets"})
"""The products that can be asked for at linking; `balance` comes with every item and is refused."""

DEFAULT_DAYS = 90

_NEEDED_KINDS = {
    "auth": frozenset({AccountKind.CHECKING, AccountKind.SAVINGS}),
    "investments": frozenset({AccountKind.BROKERAGE}),
    "liabilities": frozenset({AccountKind.CREDIT_CARD, AccountKind.LOAN}),
}


class Desk:
    """The state of one simulated Plaid and the rules that do not belong to one endpoint."""

    def __init__(
        self, world: World, prefix: str, *, login_lifetime: timedelta | None, history_delay: timedelta | None
    ) -> None:
        """`prefix` is the path the face is served under, as faults name it.

        With None logins last for ever, and histories are complete at once.
        """
        self.world = world
        self.mint = IdMint(world.seed)
        self.blemishes = Blemishes(world.view)
        self.items = ItemRegistry(world, self.mint, self.blemishes)
        self.keys = SigningKeys(self.mint, world.clock)
        self.outbox = Outbox(self.keys, world.clock)
        self._prefix = prefix
        self._login_lifetime = login_lifetime
        self._history_delay = history_delay

    def open_for_data(self, path: str, request: Mapping[str, Any]) -> Item:
        """The item of a request for data, if its login and its bank are all right."""
        item = self.items.open(request["access_token"])
        self._age_login(item)
        if item.problem is not None:
            raise item.problem
        self._complete_history(item)
        require_reachable(item.institution)
        down = frozenset({FaultKind.INSTITUTION_DOWN})
        if self.world.faults.strike(self._prefix + path, down, bank=item.login.bank.key):
            raise institution_down()
        return item

    def is_not_ready(self, path: str) -> bool:
        """Whether the switch says that the first pull has not finished."""
        return self.world.faults.strike(self._prefix + path, frozenset({FaultKind.NOT_READY})) is not None

    def mutate_after_page(self, path: str, item: Item, page: int, stream: str = "") -> None:
        """Adds a row to the item when the switch for this page is on, so that the next page finds other data.

        The row goes to the account of the stream that is read; an empty one is that of the whole item.
        """
        kinds = frozenset({FaultKind.MUTATE_BETWEEN_PAGES})
        if self.world.faults.strike(self._prefix + path, kinds, page=page) is not None:
            account = self.world.accounts[stream] if stream else item.accounts[0]
            amount = Decimal(-321).scaleb(-CURRENCY_DECIMALS[account.currency])
            self.world.script.add_settled(account.account_id, amount, "CORNER MKT BETWEEN PAGES")

    def link(
        self,
        institution: Institution,
        credentials: tuple[str, str],
        products: Sequence[str],
        *,
        webhook: str | None,
        first_day: date,
        optional_products: Sequence[str] = (),
        shared: Sequence[str] | None = None,
    ) -> Item:
        """Makes an item as a finished Link session does; raises the problem Link would show."""
        require_reachable(institution)
        login = self._log_in(institution, *credentials)
        item = self.items.create(
            institution,
            login,
            [*products, *(one for one in optional_products if _supports(login, one))],
            webhook,
            first_day=first_day,
            history_delay=self._history_delay,
            withheld=withheld_from(login, shared),
        )
        if "transactions" in products:
            count = len(item.feed.listed())
            self.notify(item, "TRANSACTIONS", "INITIAL_UPDATE", new_transactions=count)
            if item.history_due_at is None:
                self.notify(item, "TRANSACTIONS", "HISTORICAL_UPDATE", new_transactions=count)
        return item

    def _complete_history(self, item: Item) -> None:
        """Lets the older part of the history arrive when its time has come."""
        if item.history_due_at is None or item.history_due_at > self.world.now:
            return
        before = item.feed.catch_up()
        item.feed.extend_back(item.first_day)
        item.history_due_at = None
        if "transactions" in item.products:
            count = len(item.feed.changes_after(before))
            self.notify(item, "TRANSACTIONS", "HISTORICAL_UPDATE", new_transactions=count)

    def _log_in(self, institution: Institution, username: str, password: str) -> Login:
        if bank_of(self.world, institution) is None:
            raise PlaidProblemError(
                "INSTITUTION_ERROR",
                "INSTITUTION_NOT_ENABLED_IN_ENVIRONMENT",
                "nobody in this simulated world banks at this institution",
            )
        login = self.world.find_login(institution.bank_key, username)
        if login is None or (password != login.password and username != QUIET_USERNAME):
            raise item_error("INVALID_CREDENTIALS", "the provided credentials were not correct")
        return login

    def first_day(self, days_requested: int) -> date:
        """The first day of a history that long."""
        return self.world.now.date() - timedelta(days=days_requested)

    def notify(self, item: Item, webhook_type: str, webhook_code: str, **extra: object) -> None:
        """Queues a webhook to the item's address, if it has one."""
        if not item.webhook:
            return
        self.outbox.post(item.webhook, render_webhook(item, webhook_type, webhook_code, **extra))
        item.last_webhook = (self.world.now, webhook_code)

    def break_item(self, item: Item, code: str) -> None:
        """Gives an item a standing problem and queues the webhook about it; an unknown code raises `KeyError`."""
        item.problem = standing_problem(code)
        webhook_code = "USER_PERMISSION_REVOKED" if code == "USER_PERMISSION_REVOKED" else "ERROR"
        error = {**item.problem.body(), "status": item.problem.status}
        self.notify(item, "ITEM", webhook_code, error=error)

    def notify_changes(self, item: Item) -> None:
        """Queues the webhooks for what has changed since the last ones; of sync updates only once sync was called."""
        self._age_login(item)
        if item.problem is not None:
            return  # Nobody can look behind a broken login; what has happened meanwhile is announced after the repair.
        self._complete_history(item)
        self._notify_investments(item)
        head = item.feed.catch_up()
        changes = item.feed.changes_after(item.notified_until)
        item.notified_until = head
        if not changes or "transactions" not in item.products:
            return
        added = sum(change.kind == "added" for change in changes)
        removed = [change.entry.transaction_id for change in changes if change.kind == "removed"]
        self.notify(item, "TRANSACTIONS", "DEFAULT_UPDATE", new_transactions=added)
        if removed:
            self.notify(item, "TRANSACTIONS", "TRANSACTIONS_REMOVED", removed_transactions=removed)
        if item.is_armed:
            self.notify_sync_updates(item)

    def _notify_investments(self, item: Item) -> None:
        events = self.world.events_after(item.read_until, _brokerages(item)) if _brokerages(item) else []
        item.read_until = self.world.head
        if not events or "investments" not in item.products:
            return
        booked = sum(event.kind in {EventKind.POSTED, EventKind.SURFACED} for event in events)
        cancelled = sum(event.kind is EventKind.REMOVED for event in events)
        self.notify(
            item,
            "INVESTMENTS_TRANSACTIONS",
            "DEFAULT_UPDATE",
            new_investments_transactions=booked,
            cancelled_investments_transactions=cancelled,
        )
        self.notify(item, "HOLDINGS", "DEFAULT_UPDATE", new_holdings=0, updated_holdings=booked)

    def _age_login(self, item: Item) -> None:
        """Lets a login end by itself when the face says that logins do."""
        if self._login_lifetime is None or item.problem is not None:
            return
        if (item.repaired_at or item.created_at) + self._login_lifetime <= self.world.now:
            self.break_item(item, "ITEM_LOGIN_REQUIRED")

    def notify_sync_updates(self, item: Item) -> None:
        """Queues `SYNC_UPDATES_AVAILABLE`."""
        self.notify(item, "TRANSACTIONS", "SYNC_UPDATES_AVAILABLE", **sync_progress(item))

    def render_accounts(self, item: Item, accounts: Sequence[Account]) -> list[dict[str, object]]:
        """The wire objects of some of the item's accounts."""
        return [render_account(item, account) for account in accounts]

    def render_item(self, item: Item) -> dict[str, object]:
        """The wire object of an item."""
        unused = sorted(KNOWN_PRODUCTS - set(item.products) - {"assets"})
        return {
            "item_id": item.item_id,
            "institution_id": item.institution.institution_id,
            "institution_name": item.institution.name,
            "webhook": item.webhook or "",
            "auth_method": None,
            "error": None if item.problem is None else item.problem.body(),
            "available_products": ["balance", *unused],
            "billed_products": sorted(item.products),
            "products": sorted(item.products),
            "consent_expiration_time": None,
            "update_type": "background",
            "created_at": wire_instant(item.created_at),
        }


def render_webhook(item: Item, webhook_type: str, webhook_code: str, **extra: object) -> dict[str, object]:
    """The wire object of a webhook about an item."""
    payload: dict[str, object] = {
        "environment": "sandbox",
        "error": None,
        "item_id": item.item_id,
        "webhook_code": webhook_code,
        "webhook_type": webhook_type,
        **extra,
    }
    return dict(sorted(payload.items()))


def sync_progress(item: Item) -> dict[str, object]:
    """What `SYNC_UPDATES_AVAILABLE` adds."""
    return {"initial_update_complete": True, "historical_update_complete": item.history_due_at is None}


def _supports(login: Login, product: str) -> bool:
    """Whether one of the login's accounts has what a product tells."""
    needed = _NEEDED_KINDS.get(product)
    return needed is None or any(account.kind in needed for account in login.accounts)


def _brokerages(item: Item) -> list[str]:
    return [account.account_id for account in item.accounts if account.kind is AccountKind.BROKERAGE]
