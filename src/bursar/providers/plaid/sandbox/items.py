"""Which items exist, and which tokens open them?"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from bursar.providers.plaid.sandbox.blemishes import Blemishes
from bursar.providers.plaid.sandbox.feed import ItemFeed
from bursar.providers.plaid.sandbox.ids import IdMint
from bursar.providers.plaid.sandbox.institutions import Institution
from bursar.providers.plaid.sandbox.paging import Pager
from bursar.providers.plaid.sandbox.problems import PlaidProblemError, invalid_input, item_error
from bursar.providers.plaid.sandbox.transactions import TRANSACTION_KINDS
from bursar.sandbox.people import Account, Login
from bursar.sandbox.world import World

_PUBLIC_TOKEN_LIFE = timedelta(minutes=30)
_LINK_TOKEN_LIFE = timedelta(hours=4)
_UPDATE_TOKEN_LIFE = timedelta(minutes=30)
_INITIAL_HISTORY = timedelta(days=30)


@dataclass(slots=True)
class Item:
    """One login at one institution as Plaid keeps it."""

    item_id: str
    institution: Institution
    login: Login
    products: list[str]
    webhook: str | None
    created_at: datetime
    account_ids: dict[str, str]
    """World account id to Plaid account id; a new item gives new ids to the same accounts."""
    world: World
    mint: IdMint
    blemishes: Blemishes
    feed: ItemFeed = field(init=False)
    pager: Pager = field(init=False)
    problem: PlaidProblemError | None = None
    """What keeps the item from telling data, until somebody repairs it."""
    is_removed: bool = False
    is_armed: bool = False
    """Whether `/transactions/sync` was called once; before that Plaid sends no word of sync updates."""
    notified_until: int = 0
    last_webhook: tuple[datetime, str] | None = None
    history_due_at: datetime | None = None
    """When the older part of the history arrives; None when it is complete."""
    first_day: date = date.min
    """The first day of the complete history."""
    read_until: int = 0
    """The newest event of the world that investment webhooks have covered."""
    repaired_at: datetime | None = None
    consents: int = 1
    """How often the user has given consent."""
    investment_eras: dict[str, int] = field(default_factory=dict[str, int])
    """By world account id: how often the ids of its investment transactions have changed."""
    withheld: frozenset[str] = frozenset()
    """World ids of the accounts that the user has not let us see; any other that the login will ever have, we see."""

    @property
    def accounts(self) -> list[Account]:
        """The accounts that the login shows at present and that the user lets us see."""
        return [one for one in self.world.shown_accounts(self.login) if one.account_id not in self.withheld]

    def shown_ids(self) -> Collection[str]:
        """The world ids of these accounts."""
        return [account.account_id for account in self.accounts]

    def share_only(self, names: Collection[str]) -> None:
        """Lets us see the accounts of these names and no other, as `withheld_from` reads names."""
        withheld = withheld_from(self.login, names)
        self.feed.catch_up()
        self.withheld = withheld

    def start_feed(self, first_day: date) -> None:
        """Begins the log of transactions with rows booked from `first_day` on."""
        kept = [account.account_id for account in self.login.accounts if account.kind in TRANSACTION_KINDS]
        self.feed = ItemFeed(self.world, self.mint, self.blemishes, self, kept, first_day)
        self.pager = Pager(self.feed, self.mint, self.blemishes)
        self.notified_until = self.feed.catch_up()

    def repair(self, now: datetime) -> None:
        """Ends the standing problem, as a successful login does."""
        self.problem = None
        self.repaired_at = now

    def renew(self, now: datetime) -> None:
        """A repair by a new consent; identifiers change with it where a fault says so."""
        self.repair(now)
        self.consents += 1
        number, faults = self.consents, self.blemishes
        moved = [one for one in self.login.accounts if faults.changes_account_id(self.item_id, number, one)]
        renewed = self.login.accounts if faults.changes_row_ids(self.item_id, number) else moved
        if not renewed:
            return
        self.feed.catch_up()
        for account in moved:
            world_id = account.account_id
            self.account_ids[world_id] = self.mint.account_id(world_id, self.item_id, str(number))
        for account in renewed:
            self.investment_eras[account.account_id] = number
        is_announced = faults.announces_new_ids(self.item_id, number)
        self.feed.renew_ids({account.account_id for account in renewed}, is_announced=is_announced)

    def world_account_id(self, account_id: str) -> str:
        """The world's id of one of the item's accounts; others are `INVALID_ACCOUNT_ID`."""
        for world_id in self.shown_ids():
            if self.account_ids[world_id] == account_id:
                return world_id
        raise invalid_input("INVALID_ACCOUNT_ID", "account_id is not one of the item's accounts")

    def select(self, account_ids: Sequence[str] | None) -> list[Account]:
        """The accounts of these Plaid ids, by default all."""
        if account_ids is None:
            return self.accounts
        wanted = {self.world_account_id(account_id) for account_id in account_ids}
        return [account for account in self.accounts if account.account_id in wanted]


def withheld_from(login: Login, names: Collection[str] | None) -> frozenset[str]:
    """The world ids of the accounts whose names are not among these; None withholds nothing.

    An unknown name, or no name at all, raises `KeyError`.
    """
    if names is None:
        return frozenset()
    known = {account.name: account.account_id for account in login.accounts}
    if not names:
        raise KeyError("accounts")
    return frozenset(known.values()) - {known[name] for name in names}


@dataclass(frozen=True, slots=True)
class LinkToken:
    """What a Link session may do: make a new item, or repair an old one."""

    token: str
    expires_at: datetime
    products: tuple[str, ...]
    optional_products: tuple[str, ...]
    """Products that the item gets when one of its accounts has them."""
    webhook: str | None
    days_requested: int
    item_id: str | None
    selects_accounts: bool = False
    """Whether the user may choose in update mode which accounts we see."""


class ItemRegistry:
    """All items and all tokens."""

    def __init__(self, world: World, mint: IdMint, blemishes: Blemishes) -> None:
        self._world = world
        self._mint = mint
        self._blemishes = blemishes
        self._items: dict[str, Item] = {}
        self._access: dict[str, str] = {}
        self._public: dict[str, tuple[str, datetime]] = {}
        self._link: dict[str, LinkToken] = {}
        self._token_count = 0

    def list_live(self) -> list[Item]:
        """Every item that has not been removed."""
        return [item for item in self._items.values() if not item.is_removed]

    def find(self, item_id: str) -> Item | None:
        """An item by its id."""
        return self._items.get(item_id)

    def create(
        self,
        institution: Institution,
        login: Login,
        products: Sequence[str],
        webhook: str | None,
        *,
        first_day: date,
        history_delay: timedelta | None,
        withheld: frozenset[str] = frozenset(),
    ) -> Item:
        """A new item with new account ids; its transactions go back to `first_day`.

        With a delay only the last 30 days are there at first. `withheld` are accounts that the user keeps back.
        """
        item_id = self._mint.opaque("item", str(len(self._items)))
        account_ids = {
            account.account_id: self._mint.account_id(account.account_id, item_id) for account in login.accounts
        }
        recent = self._world.now.date() - _INITIAL_HISTORY
        feed_first_day = first_day if history_delay is None else max(first_day, recent)
        item = Item(
            item_id=item_id,
            institution=institution,
            login=login,
            products=list(products),
            webhook=webhook,
            created_at=self._world.now,
            first_day=first_day,
            history_due_at=None if history_delay is None else self._world.now + history_delay,
            account_ids=account_ids,
            withheld=withheld,
            world=self._world,
            mint=self._mint,
            blemishes=self._blemishes,
        )
        item.start_feed(feed_first_day)
        item.read_until = self._world.head
        self._items[item_id] = item
        return item

    def issue_link_token(
        self,
        products: Sequence[str],
        optional_products: Sequence[str],
        webhook: str | None,
        *,
        days_requested: int,
        item: Item | None,
        selects_accounts: bool = False,
    ) -> LinkToken:
        """A link token; with an item it is for update mode."""
        life = _LINK_TOKEN_LIFE if item is None else _UPDATE_TOKEN_LIFE
        link = LinkToken(
            self._next_token("link"),
            self._world.now + life,
            tuple(products),
            tuple(optional_products),
            webhook,
            days_requested,
            item and item.item_id,
            selects_accounts,
        )
        self._link[link.token] = link
        return link

    def take_link_token(self, token: str) -> LinkToken:
        """Uses a link token up; an unknown, used or expired one is `INVALID_LINK_TOKEN`."""
        link = self._link.pop(token, None)
        if link is None or link.expires_at < self._world.now:
            raise invalid_input("INVALID_LINK_TOKEN", "could not find matching link token")
        return link

    def issue_public_token(self, item: Item) -> str:
        """A public token for an item: one use, 30 minutes."""
        token = self._next_token("public")
        self._public[token] = (item.item_id, self._world.now + _PUBLIC_TOKEN_LIFE)
        return token

    def exchange(self, public_token: str) -> tuple[str, Item]:
        """Uses a public token up and returns a new access token and its item."""
        item_id, expires_at = self._public.pop(public_token, ("", self._world.now))
        item = self._items.get(item_id)
        if item is None or item.is_removed or expires_at < self._world.now:
            raise invalid_input("INVALID_PUBLIC_TOKEN", "could not find matching public token")
        return self._issue_access_token(item), item

    def rotate(self, access_token: str) -> str:
        """A new access token; the old one is dead at once."""
        item = self.open(access_token)
        del self._access[access_token]
        return self._issue_access_token(item)

    def open(self, access_token: str) -> Item:
        """The item of an access token, in whatever condition it is."""
        item = self._items.get(self._access.get(access_token, ""))
        if item is None:
            raise invalid_input("INVALID_ACCESS_TOKEN", "could not find matching access token")
        if item.is_removed:
            raise item_error("ITEM_NOT_FOUND", "the item you requested cannot be found; it has been removed")
        return item

    def remove(self, item: Item) -> None:
        """Removes an item for ever."""
        item.is_removed = True

    def _issue_access_token(self, item: Item) -> str:
        token = self._next_token("access")
        self._access[token] = item.item_id
        return token

    def _next_token(self, kind: str) -> str:
        self._token_count += 1
        return self._mint.token(kind, str(self._token_count))
