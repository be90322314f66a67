"""What does a login of the simulated world look like from inside Sequence?

A checking account is a port, a savings account a pod; both only in US dollars, because Sequence knows no other money.
Each login is one user with one organization.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from bursar.providers.sequence.sandbox.activity import MADE_HERE, list_transfers
from bursar.providers.sequence.sandbox.blemishes import Blemishes
from bursar.providers.sequence.sandbox.ids import IdMint
from bursar.providers.sequence.sandbox.listing import LARGEST_PAGE, bad_input
from bursar.providers.sequence.sandbox.payments import Order, check
from bursar.providers.sequence.sandbox.records import Kyc, OpenPage, Organization, Place, PlaceKind, Transfer, User
from bursar.sandbox.ledger import EventKind, Purpose, Row, RowState
from bursar.sandbox.people import Account, AccountKind, Login
from bursar.sandbox.world import World

_KINDS = {AccountKind.CHECKING: PlaceKind.PORT, AccountKind.SAVINGS: PlaceKind.POD}
_ICONS = {PlaceKind.PORT: "briefcase", PlaceKind.POD: "umbrella"}


def is_shown(account: Account) -> bool:
    """Whether Sequence can show an account at all."""
    return account.currency == "USD" and account.kind in _KINDS


@dataclass(slots=True)
class _Listing:
    """How a listing is spoilt: pages that are short, a first page that is older, a first cursor that is refused."""

    most: int = LARGEST_PAGE
    lead: timedelta = timedelta(0)
    is_rejecting: bool = False


class WorldBooks:
    """The books of one simulated world, read anew whenever something has happened in it."""

    def __init__(self, world: World, mint: IdMint) -> None:
        self._world = world
        self._mint = mint
        self._blemishes = Blemishes(world.view)
        self._logins = {self.user_id(login): login for login in world.logins}
        self._transfers: dict[str, tuple[object, list[Transfer]]] = {}
        self._listing_count = 0
        self._listings: dict[str, _Listing] = {}
        """User -> the listing that is under way."""
        self._payment_count = 0

    @property
    def now(self) -> datetime:
        """The present instant of the world."""
        return self._world.now

    def user_id(self, login: Login) -> str:
        """The user that a login is."""
        return self._mint.uuid("user", login.bank.key, login.username)

    def find_login(self, user_id: str) -> Login | None:
        """The login that a user is."""
        return self._logins.get(user_id)

    def find_user(self, user_id: str) -> User | None:
        """A user with the places that the login shows at present."""
        login = self._logins.get(user_id)
        if login is None:
            return None
        names = {kind: self._mint.uuid(kind, user_id) for kind in ("membership", "summary", "settings")}
        return User(
            user_id=user_id,
            summary_id=names["summary"],
            settings_id=names["settings"],
            memberships=[(names["membership"], self._organization(user_id, login))],
        )

    def pay(self, organization: Organization, order: Order) -> None:
        """Moves money between two places; it is complete at once, and the world's books have both sides."""
        ends = check(order, organization)
        self._payment_count += 1
        amount = Decimal(order.cents).scaleb(-2)
        names = [self._mint.accounts[place.place_id] for place in (ends.source, ends.destination)]
        reference = f"{names[0]}{MADE_HERE}{self._payment_count}"
        for account_id, signed in zip(names, (-amount, amount), strict=True):
            self._book(account_id, signed, reference, order.description)

    def _book(self, account_id: str, amount: Decimal, reference: str, description: str | None) -> None:
        now, account = self._world.now, self._world.accounts[account_id]
        today = account.bank.local_date(now)
        verb = "TRANSFER TO" if amount < 0 else "TRANSFER FROM"
        row = Row(
            world_id=f"{account_id}{MADE_HERE}{self._payment_count}",
            account_id=account_id,
            state=RowState.SETTLED,
            amount=amount,
            currency=account.currency,
            booked_on=today,
            occurred_at=now,
            authorized_on=today,
            description=description or f"{verb} SEQUENCE",
            purpose=Purpose.TRANSFER,
            reference=reference,
        )
        self._world.record(now, EventKind.POSTED, row)

    def _organization(self, user_id: str, login: Login) -> Organization:
        shown = [account for account in self._world.shown_accounts(login) if is_shown(account)]
        places = {account.account_id: self._place(user_id, account) for account in shown}
        rows_at = self._blemishes.rows_at(user_id, self._world.now)

        def transfers(at: datetime) -> list[Transfer]:
            return self._list(user_id, login, places, at)

        def open_page(after: str | None) -> OpenPage:
            rows = transfers(rows_at)
            listing = self._listings.setdefault(user_id, _Listing())
            if after:
                if listing.is_rejecting:
                    listing.is_rejecting = False
                    raise bad_input("after is no cursor of this listing")
                return OpenPage(rows, listing.most)
            listing = self._listings[user_id] = self._begin_listing(len(rows))
            return OpenPage(transfers(rows_at - listing.lead) if listing.lead else rows, listing.most)

        holder = login.accounts[0].holders[0].name if login.accounts else login.username
        return Organization(
            organization_id=self._mint.uuid("organization", user_id),
            places=list(places.values()),
            list_transfers=lambda: transfers(rows_at),
            kycs=(Kyc(self._mint.uuid("kyc", user_id), holder),),
            plan_id=self._mint.uuid("plan", user_id),
            open_page=open_page,
        )

    def _begin_listing(self, row_count: int) -> "_Listing":
        self._listing_count += 1
        listing, number = _Listing(), self._listing_count
        if row_count < 2:
            # There is no second page that anything could happen to.
            return listing
        if self._blemishes.changes_between_pages(number):
            listing.lead = self._blemishes.lead(number)
        listing.is_rejecting = self._blemishes.rejects_cursor(number)
        if listing.lead or listing.is_rejecting:
            listing.most = self._blemishes.page_size(number, row_count)
        return listing

    def _place(self, user_id: str, account: Account) -> Place:
        kind = _KINDS[account.kind]
        place_id = self._mint.uuid("place", account.account_id)
        self._mint.accounts[place_id] = account.account_id
        told_at = self._blemishes.balance_at(user_id, account, self._world.now)
        place = Place(
            place_id=place_id,
            kind=kind,
            name=account.name,
            icon=_ICONS[kind],
            type="REGULAR" if kind is PlaceKind.POD else None,
            metadata_id=self._mint.uuid("metadata", account.account_id),
            balance_cents=None if told_at is None else self._balance(account, told_at),
            beneficiary=account.holders[0].name,
            account_number=account.number if kind is PlaceKind.PORT else None,
            routing_number=account.bank.bank_code if kind is PlaceKind.PORT else None,
            created_at=account.opened_at,
            has_metadata=told_at is not None or not self._blemishes.drops_metadata(user_id, account, self._world.now),
        )
        self._blemishes.vary_place(account, place)
        return place

    def _balance(self, account: Account, at: datetime) -> int:
        """The balance in cents: what is on its way out has left already, what is on its way in is not there yet."""
        truth = self._world.truth(account.account_id, at if at < self._world.now else None)
        leaving = sum((row.amount for row in truth.pending if row.amount < 0), Decimal(0))
        return int((truth.balance + leaving).scaleb(2))

    def _list(self, user_id: str, login: Login, places: dict[str, Place], at: datetime) -> list[Transfer]:
        moment = (self._world.head, self._world.now, self._blemishes.is_stopped, at)
        cached = self._transfers.get(user_id)
        if cached is not None and cached[0] == moment:
            return cached[1]
        accounts = [account for account in login.accounts if is_shown(account)]
        found = list_transfers(self._world, accounts, places, self._mint, at=at)
        self._transfers[user_id] = (moment, found)
        return found
