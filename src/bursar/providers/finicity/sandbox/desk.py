"""What does the simulated Finicity remember: tokens, customers, logins, visits to Connect?"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hmac import compare_digest

from bursar.providers.finicity.sandbox.events import Outbox
from bursar.providers.finicity.sandbox.ids import IdMint
from bursar.providers.finicity.sandbox.listing import Eyes, Lister
from bursar.providers.finicity.sandbox.problems import FinicityProblemError, not_found, problem
from bursar.sandbox.faces import RefusedActionError
from bursar.sandbox.people import Account, Bank, Login
from bursar.sandbox.world import World

TOKEN_LIFE = timedelta(hours=2)
MOST_FAILURES = 5
TEST_INSTITUTION, TEST_USER = "102105", "profile_03"
_SLUG = "finicity"
_BANK_IDS = ("first_river", "goldcoast", "thameside", "spreebank", "sumida")
_STATES = {"America/New_York": "NY", "America/Los_Angeles": "CA"}


@dataclass(slots=True)
class Customer:
    """An end user of the partner."""

    customer_id: str
    username: str
    created_at: datetime
    logins: "dict[str, InstitutionLogin]" = field(default_factory=lambda: dict[str, InstitutionLogin]())


@dataclass(slots=True)
class InstitutionLogin:
    """One customer's login at one institution."""

    login_id: str
    login: Login
    created_at: datetime
    code: int = 0
    """The aggregation status code of its accounts."""
    consent_count: int = 1
    account_epoch: int = 0
    row_epoch: int = 0


@dataclass(slots=True)
class Visit:
    """One page of Connect."""

    visit_id: str
    customer_id: str
    login_id: str | None
    """The login that is repaired; None to connect another one."""
    redirect_uri: str | None
    webhook: str | None
    webhook_data: dict[str, object] | None
    is_used: bool = False


class Desk:
    """The state of one simulated Finicity and the rules that do not belong to one endpoint."""

    def __init__(self, world: World, mint: IdMint, partner: tuple[str, str, str]) -> None:
        """`partner` is its id, its secret and its app key."""
        self.world = world
        self.view = world.view
        self.mint = mint
        self.lister = Lister(world, mint)
        self.outbox = Outbox(partner[1], world.clock)
        self.customers: dict[str, Customer] = {}
        self.visits: dict[str, Visit] = {}
        self.subscriptions: dict[str, dict[str, object]] = {}
        self._partner = partner
        self._tokens: dict[str, datetime] = {}
        self._failures = 0
        self._call_count = 0
        self._copies: Counter[tuple[str, str]] = Counter()

    # The partner.

    def issue_token(self, app_key: str, partner_id: object, secret: object) -> str:
        """A token for the right credentials; the fifth wrong ones lock the partner out."""
        given = (str(partner_id), str(secret), app_key)
        if self._failures >= MOST_FAILURES:
            raise problem(401, 10022, "Account locked", "Authentication")
        if not all(
            compare_digest(one.encode(), known.encode()) for one, known in zip(given, self._partner, strict=True)
        ):
            self._failures += 1
            raise problem(401, 10001, "Invalid credentials", "Authentication")
        self._failures = 0
        token = self.mint.word("token")
        self._tokens[token] = self.world.now + TOKEN_LIFE
        return token

    def require_token(self, app_key: str, token: str) -> None:
        """Raises 401 for a wrong key, and for a token that is unknown or has ended."""
        if not compare_digest(app_key.encode(), self._partner[2].encode()):
            raise FinicityProblemError(401, "Invalid (Finicity-App-Key)")
        if self._tokens.get(token, self.world.now) <= self.world.now:
            raise problem(401, 10023, "The partner token is no longer valid.", "Authentication")

    def revoke_tokens(self) -> int:
        """No token is good any more; returns how many there were."""
        count = len(self._tokens)
        self._tokens.clear()
        return count

    # Institutions.

    def institution_id(self, bank: Bank) -> str:
        """Finicity's id of a bank."""
        return str(200_001 + _BANK_IDS.index(bank.key)) if bank.key in _BANK_IDS else str(300_000 + len(bank.key))

    def find_bank(self, institution_id: str) -> Bank | None:
        """The bank of an id of Finicity's, or of its own key; the test institution is the first bank."""
        banks = self.world.banks
        if institution_id == TEST_INSTITUTION:
            return self.world.logins[0].bank
        return next((one for one in banks if institution_id in (one.key, self.institution_id(one))), None)

    def institution(self, bank: Bank, institution_id: str | None = None) -> dict[str, object]:
        """The wire object of a bank."""
        name = "FinBank Profiles - A" if institution_id == TEST_INSTITUTION else bank.name
        return {
            "id": int(institution_id or self.institution_id(bank)),
            "name": name,
            "urlHomeApp": f"https://{bank.key.replace('_', '-')}.example",
            "currency": "USD",
            "oauthEnabled": False,
            "address": {"city": None, "state": _STATES.get(bank.zone.key), "country": bank.country},
        }

    # Customers and logins.

    def add_customer(self, username: str) -> Customer:
        """A new customer; 409 for a name that is taken."""
        if any(one.username == username for one in self.customers.values()):
            raise problem(409, 11000, "Customer with this username already exists", "Conflict")
        customer = Customer(str(self.mint.next("customer")), username, self.world.now)
        self.customers[customer.customer_id] = customer
        return customer

    def find_customer(self, customer_id: str) -> Customer:
        """A customer; raises 404."""
        customer = self.customers.get(customer_id)
        if customer is None:
            raise not_found("Customer")
        return customer

    def find_login(self, customer_id: str, login_id: str) -> InstitutionLogin:
        """A login of a customer; raises 404."""
        found = self.find_customer(customer_id).logins.get(login_id)
        if found is None:
            raise not_found("Institution login")
        return found

    def get_login(self, login_id: str) -> tuple[Customer, InstitutionLogin]:
        """A login by its id alone; raises `KeyError`."""
        for customer in self.customers.values():
            if login_id in customer.logins:
                return customer, customer.logins[login_id]
        raise KeyError(login_id)

    def account_id(self, held: InstitutionLogin, account: Account) -> str:
        """Finicity's id of an account under a login."""
        number = self.mint.number("account", held.login_id, held.account_epoch, account.account_id)
        self.mint.accounts[str(number)] = account.account_id
        return str(number)

    def accounts(self, held: InstitutionLogin) -> Sequence[Account]:
        """The accounts that a login shows at present."""
        return self.world.shown_accounts(held.login)

    def find_account(self, customer_id: str, account_id: str) -> tuple[InstitutionLogin, Account]:
        """An account of a customer; raises 404."""
        for held in self.find_customer(customer_id).logins.values():
            for account in self.accounts(held):
                if self.account_id(held, account) == account_id:
                    return held, account
        raise not_found("Account")

    def eyes(self, held: InstitutionLogin, account: Account) -> Eyes:
        """Whose eyes the account's rows are seen with."""
        return Eyes(held.login_id, held.row_epoch, self.account_id(held, account))

    def rows_at(self, held: InstitutionLogin) -> datetime:
        """A16: as of when the rows of a login are; before now they are older than the balances."""
        now = self.world.now
        key = (held.login_id, "rows", now.isoformat())
        if not self.view.strikes("A16", _SLUG, *key, transient=True):
            return now
        lag = timedelta(hours=1 + int(self.view.draw("A16 rows", *key) * 29))
        return max(now - lag, min(one.opened_at for one in held.login.accounts))

    def disturbed_page(self) -> tuple[int, timedelta] | None:
        """C10: how short this first page is and how much older than the next ones; None: the data stand still."""
        self._call_count += 1
        if not self.view.strikes("C10", _SLUG, self._call_count, transient=True):
            return None
        size = 1 + int(self.view.draw("C10 size", self._call_count) * 12)
        return size, timedelta(hours=1 + int(self.view.draw("C10 lead", self._call_count) * 47))

    # Connect.

    def visit(self, customer_id: str, login_id: str | None, **settings: object) -> Visit:
        """A new page of Connect."""
        self.find_customer(customer_id)
        if login_id is not None:
            self.find_login(customer_id, login_id)
        redirect_uri, webhook, data = (settings.get(name) for name in ("redirect_uri", "webhook", "webhook_data"))
        visit = Visit(
            self.mint.word("visit"),
            customer_id,
            login_id,
            None if redirect_uri is None else str(redirect_uri),
            None if webhook is None else str(webhook),
            data if isinstance(data, dict) else None,  # pyright: ignore[reportUnknownArgumentType] - any JSON object
        )
        self.visits[visit.visit_id] = visit
        return visit

    def sign_in(self, visit: Visit, institution_id: str, username: str, password: str) -> InstitutionLogin:
        """What a person types on the page of a visit; raises `RefusedActionError` for what Connect would refuse."""
        if visit.is_used:
            raise RefusedActionError("this link was used before")
        customer = self.customers.get(visit.customer_id)
        if customer is None:
            raise RefusedActionError("the customer of this link is gone")
        if institution_id == TEST_INSTITUTION and username == password == TEST_USER:
            login: Login | None = self.world.logins[0]
        else:
            bank = self.find_bank(institution_id)
            login = None if bank is None else self.world.find_login(bank.key, username)
            if login is None or login.password != password:
                raise RefusedActionError("the institution does not know this login")
        if visit.login_id is None:
            held = InstitutionLogin(str(self.mint.next("login")), login, self.world.now)
            customer.logins[held.login_id] = held
        else:
            known = customer.logins.get(visit.login_id)
            if known is None:
                raise RefusedActionError("the login of this link is gone")
            held = known
            self._renew(held)
        visit.is_used = True
        self._tell(visit, held)
        return held

    def _renew(self, held: InstitutionLogin) -> None:
        """The person has signed in once more: the login works, and ids may be others (B1, B2)."""
        number = held.consent_count
        held.consent_count += 1
        held.code = 0
        if self.view.strikes("B1", _SLUG, held.login_id, number):
            held.row_epoch = number
        if self.view.strikes("B2", _SLUG, held.login_id, number):
            held.account_epoch = number

    def event(self, customer_id: str, event_type: str, held: InstitutionLogin) -> dict[str, object]:
        """The body of an event about a login."""
        return {
            "customerId": customer_id,
            "eventType": event_type,
            "eventId": f"{int(self.world.now.timestamp())}-{self.mint.word('event')}",
            "payload": {
                "institutionId": self.institution_id(held.login.bank),
                "accounts": [
                    {
                        "id": self.account_id(held, account),
                        "institutionLoginId": int(held.login_id),
                        "number": f"xxxx{account.mask}",
                    }
                    for account in self.accounts(held)
                ],
            },
        }

    def _tell(self, visit: Visit, held: InstitutionLogin) -> None:
        if visit.webhook is None:
            return
        for event_type in ("adding", "added", "done"):
            event = self.event(visit.customer_id, event_type, held)
            if visit.webhook_data:
                event["webhookData"] = visit.webhook_data
            self.outbox.post(visit.webhook, event)
