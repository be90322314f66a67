"""What do all endpoints of the simulated Plaid share?"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from bursar.providers.plaid.sandbox.accounts import render_account
from bursar.providers.plaid.sandbox.ids import IdMint
from bursar.providers.plaid.sandbox.institutions import (
    Institution,
    bank_of,
    institution_down,
    require_reachable,
)
from bursar.providers.plaid.sandbox.items import Item, ItemRegistry
from bursar.providers.plaid.sandbox.problems import PlaidProblemError, item_error
from bursar.providers.plaid.sandbox.webhooks import Outbox, SigningKeys
from bursar.sandbox.cast import QUIET_USERNAME
from bursar.sandbox.faults import FaultKind
from bursar.sandbox.people import CURRENCY_DECIMALS, Account, Login
from bursar.sandbox.world import World

KNOWN_PRODUCTS = frozenset({"transactions", "auth", "identity", "investments", "liabilities", "assets"})
"""The products that can be asked for at linking; `balance` comes with every item and is refused."""

DEFAULT_DAYS = 90


class Desk:
    """The state of one simulated Plaid and the rules that do not belong to one endpoint."""

    def __init__(self, world: World, prefix: str) -> None:
        """`prefix` is the path the face is served under, as faults name it."""
        self.world = world
        self.mint = IdMint(world.seed)
        self.items = ItemRegistry(world, self.mint)
        self.keys = SigningKeys(self.mint, world.clock)
        self.outbox = Outbox(self.keys, world.clock)
        self._prefix = prefix

    def open_for_data(self, path: str, request: Mapping[str, Any]) -> Item:
        """The item of a request for data, if its login and its bank are all right."""
        item = self.items.open(request["access_token"])
        if item.error is not None:
            raise item.error
        require_reachable(item.institution)
        down = frozenset({FaultKind.INSTITUTION_DOWN})
        if self.world.faults.strike(self._prefix + path, down, bank=item.login.bank.key):
            raise institution_down()
        return item

    def is_not_ready(self, path: str) -> bool:
        """Whether the switch says that the first pull has not finished."""
        return self.world.faults.strike(self._prefix + path, frozenset({FaultKind.NOT_READY})) is not None

    def mutate_after_page(self, path: str, item: Item, page: int) -> None:
        """Adds a row to the item when the switch for this page is on, so that the next page finds other data."""
        kinds = frozenset({FaultKind.MUTATE_BETWEEN_PAGES})
        if self.world.faults.strike(self._prefix + path, kinds, page=page) is not None:
            account = item.accounts[0]
            amount = Decimal(-321).scaleb(-CURRENCY_DECIMALS[account.currency])
            self.world.script.add_settled(account.account_id, amount, "CORNER MKT BETWEEN PAGES")

    def link(
        self,
        institution: Institution,
        credentials: tuple[str, str],
        products: Sequence[str],
        *,
        webhook: str | None,
        first_day: date | None,
    ) -> Item:
        """Makes an item as a finished Link session does; raises the problem Link would show."""
        require_reachable(institution)
        login = self._log_in(institution, *credentials)
        start = first_day or self.first_day(DEFAULT_DAYS)
        item = self.items.create(institution, login, products, webhook, start)
        if "transactions" in products:
            count = len(item.feed.listed())
            self.notify(item, "TRANSACTIONS", "INITIAL_UPDATE", new_transactions=count)
            self.notify(item, "TRANSACTIONS", "HISTORICAL_UPDATE", new_transactions=count)
        return item

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
        payload: dict[str, object] = {
            "environment": "sandbox",
            "error": None,
            "item_id": item.item_id,
            "webhook_code": webhook_code,
            "webhook_type": webhook_type,
            **extra,
        }
        self.outbox.post(item.webhook, dict(sorted(payload.items())))
        item.last_webhook = (self.world.now, webhook_code)

    def notify_error(self, item: Item) -> None:
        """Queues the `ITEM / ERROR` webhook of the item's standing problem."""
        if item.error is not None:
            self.notify(item, "ITEM", "ERROR", error={**item.error.body(), "status": item.error.status})

    def notify_changes(self, item: Item) -> None:
        """Queues the webhooks for what has changed since the last ones; of sync updates only once sync was called."""
        head = item.feed.catch_up()
        changes = item.feed.changes_after(item.notified_until)
        item.notified_until = head
        if not changes or item.needs_login or "transactions" not in item.products:
            return
        added = sum(change.kind == "added" for change in changes)
        removed = [change.entry.transaction_id for change in changes if change.kind == "removed"]
        self.notify(item, "TRANSACTIONS", "DEFAULT_UPDATE", new_transactions=added)
        if removed:
            self.notify(item, "TRANSACTIONS", "TRANSACTIONS_REMOVED", removed_transactions=removed)
        if item.is_armed:
            self.notify_sync_updates(item)

    def notify_sync_updates(self, item: Item) -> None:
        """Queues `SYNC_UPDATES_AVAILABLE`."""
        self.notify(
            item,
            "TRANSACTIONS",
            "SYNC_UPDATES_AVAILABLE",
            initial_update_complete=True,
            historical_update_complete=True,
        )

    def render_accounts(self, item: Item, accounts: Sequence[Account]) -> list[dict[str, object]]:
        """The wire objects of some of the item's accounts."""
        return [render_account(self.world, account, item.account_ids[account.account_id]) for account in accounts]

    def render_item(self, item: Item) -> dict[str, object]:
        """The wire object of an item."""
        unused = sorted(KNOWN_PRODUCTS - set(item.products) - {"assets"})
        return {
            "item_id": item.item_id,
            "institution_id": item.institution.institution_id,
            "institution_name": item.institution.name,
            "webhook": item.webhook or "",
            "auth_method": None,
            "error": None if item.error is None else item.error.body(),
            "available_products": ["balance", *unused],
            "billed_products": sorted(item.products),
            "products": sorted(item.products),
            "consent_expiration_time": None,
            "update_type": "background",
            "created_at": wire_instant(item.created_at),
        }


def wire_instant(instant: datetime) -> str:
    """An instant as Plaid writes it."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
