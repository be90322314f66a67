"""What does the simulated Flanks remember of each application?"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TypeVar

from bursar.providers.flanks.sandbox.blemishes import Blemishes
from bursar.providers.flanks.sandbox.bodies import Body, Reader
from bursar.providers.flanks.sandbox.extraction import Access, Extraction, extract, shows_number
from bursar.providers.flanks.sandbox.ids import IdMint
from bursar.providers.flanks.sandbox.population import invent
from bursar.providers.flanks.sandbox.problems import not_found
from bursar.sandbox.people import Login
from bursar.sandbox.world import World

T = TypeVar("T")

PRODUCT_FLAGS = ("auth", "account", "card", "portfolio", "investment", "liability", "holders")
TRANSACTION_FLAGS = ("account", "card", "investment", "liability")
_NO_FLAGS: frozenset[str] = frozenset()


@dataclass(slots=True)
class Credential:
    """One end user's login at one institution."""

    token: str
    bank: str
    created_at: datetime
    login: Login | None = None
    """Of the simulated world; None for an invented one."""
    number: int = 0
    """Which invented one."""
    copy: int = 0
    consent_count: int = 1
    """How often its holder has signed in."""
    account_epoch: int = 0
    row_epoch: int = 0
    """At which of these times accounts and movements got the ids that they have."""
    external_id: str | None = None
    is_pending: bool = False
    is_blocked: bool = False
    is_empty: bool = False
    errored: frozenset[str] = _NO_FLAGS
    """Such as `product.account`."""
    tokens: dict[str, str] = field(default_factory=dict[str, str])
    """`sca`, `reset`, `transaction` -> the token that is outstanding."""

    @property
    def status(self) -> str:
        """The word of the list."""
        if self.is_blocked:
            return "blocked"
        if self.is_pending:
            return "pending"
        return "error" if self.errored else "active"


@dataclass(slots=True)
class Session:
    """One flow of one end user."""

    session_id: str
    connector_id: str
    configuration: Body
    status: str = "Waiting:ProvideCredentials"
    connection_id: str | None = None
    error_code: str | None = None
    waiting: Login | None = None
    """Who passes once the challenge is answered."""

    def render(self, base: str) -> Body:
        """The wire object."""
        is_open = not self.status.startswith("Finished:")
        return {
            "session_id": self.session_id,
            "status": self.status,
            "connection_id": self.connection_id,
            "error_code": self.error_code,
            "url": f"{base}/s/{self.session_id}" if is_open else None,
        }


class Application:
    """One customer of Flanks, and all that it can see."""

    def __init__(self, world: World, client_id: str, secret: str, mint: IdMint, invented_count: int) -> None:
        self.world = world
        self.client_id = client_id
        self.secret = secret
        self.mint = mint
        self.credentials: dict[str, Credential] = {}
        self.sessions: dict[str, Session] = {}
        self.links: dict[str, Body] = {}
        self.codes: dict[str, Body] = {}
        self.reports: dict[int, Body] = {}
        self.labels: dict[tuple[str, str], dict[str, str]] = {}
        self.blemishes = Blemishes(world.view)
        self.listing_count = 0
        """How many pages of movements were asked for."""
        self._copies: Counter[tuple[str, str]] = Counter()
        self._extractions: dict[str, tuple[object, Extraction]] = {}
        for number in range(invented_count):
            self._populate(number)

    def new_id(self, prefix: str) -> str:
        """A name that no other application has."""
        return self.mint.next(f"{prefix}_{self.client_id[-1]}")

    def connect(self, login: Login, *, external_id: str | None = None) -> Credential:
        """A new credential for a login of the world."""
        # Credentials that were deleted count as well, so that no id ever comes again.
        copy = self._copies[login.bank.key, login.username]
        self._copies[login.bank.key, login.username] += 1
        credential = Credential(
            self.new_id("cred"), login.bank.key, self.world.now, login, copy=copy, external_id=external_id
        )
        self.credentials[credential.token] = credential
        return credential

    def find(self, token: str) -> Credential:
        """The credential of a token; raises 404."""
        credential = self.credentials.get(token)
        if credential is None:
            raise not_found()
        return credential

    def sign_in_again(self, credential: Credential) -> None:
        """The holder has signed in once more: the login works, and ids may be others (B1, B2)."""
        credential.is_blocked = False
        credential.tokens.clear()
        number = credential.consent_count
        credential.consent_count += 1
        if self.blemishes.changes_row_ids(credential.token, number):
            credential.row_epoch = number
        accounts = credential.login.accounts if credential.login is not None else ()
        if any(map(shows_number, accounts)) and self.blemishes.changes_account_ids(credential.token, number):
            credential.account_epoch = number

    def extraction(self, credential: Credential, *, at: datetime | None = None) -> Extraction:
        """What the credential holds now; it is read again only when something has happened in the world.

        With `at` its movements are those of an earlier instant.
        """
        if credential.is_pending or credential.is_empty:
            return Extraction()
        epochs = (credential.account_epoch, credential.row_epoch)
        moment = (self.world.head, self.world.now, self.blemishes.is_stopped, epochs, at)
        cached = self._extractions.get(credential.token)
        if cached is not None and cached[0] == moment:
            return cached[1]
        if credential.login is not None:
            access = Access(
                token=credential.token,
                login=credential.login,
                copy=credential.copy,
                account_epoch=credential.account_epoch,
                row_epoch=credential.row_epoch,
            )
            found = extract(self.world, access, self.mint, at=at)
        else:
            found = invent(self.world, self.mint, credential.token, credential.number)
        self._extractions[credential.token] = (moment, found)
        return found

    def status_of(self, credential: Credential) -> Body:
        """The documented wire object of a credential's state."""
        extraction = self.extraction(credential)
        days = [one["operationDate"] for _, one in extraction.transactions if one["operationDate"]]
        ended = None if credential.is_pending else self.world.now
        return {
            "pending": credential.is_pending,
            "blocked": credential.is_blocked,
            "reset_token": credential.tokens.get("reset"),
            "sca_token": credential.tokens.get("sca"),
            "transaction_token": credential.tokens.get("transaction"),
            "name": credential.bank,
            "last_transaction_date": max(days, default=None),
            "last_update": ended.date().isoformat() if ended else None,
            "time": ended.strftime("%H:%M") if ended else None,
            "last_update_timestamp": int(ended.timestamp()) if ended else None,
            "created_at_timestamp": int(credential.created_at.timestamp()),
            "errored": _flags(lambda name: name in credential.errored),
            "created": _flags(lambda name: not credential.is_pending),
        }

    def _populate(self, number: int) -> None:
        token = self.new_id("cred")
        self.credentials[token] = Credential(
            token,
            "testbank",
            self.world.started_at - timedelta(days=90),
            number=number,
            external_id=f"user-{number}",
            # Four of them are not as the others: nothing there, not read yet, half failed, login refused.
            is_empty=number == 1,
            is_pending=number == 2,
            errored=frozenset({"product.account", "transaction.account"}) if number == 3 else _NO_FLAGS,
            is_blocked=number == 4,
            tokens={"reset": self.new_id("rst")} if number == 4 else {},
        )
        for outcome in range(2):
            session = Session(self.new_id("ses"), "testbank", {"connector_id": "testbank"})
            session.status = "Finished:Error" if outcome and number % 3 == 0 else "Finished:OK"
            session.error_code = "InvalidCredentials" if session.status == "Finished:Error" else None
            session.connection_id = None if session.error_code else token
            self.sessions[session.session_id] = session


class Tokens:
    """Bearer tokens on the virtual clock."""

    def __init__(self, world: World, mint: IdMint, lifetime_s: int, *, single_active: bool) -> None:
        self._world = world
        self._mint = mint
        self._lifetime_s = lifetime_s
        self._single_active = single_active
        self._issued: dict[str, tuple[str, datetime]] = {}

    def issue(self, client_id: str) -> Body:
        """A new token; with `single_active` the older ones of the application die."""
        if self._single_active:
            self.revoke(client_id)
        token = self._mint.next("tok")
        self._issued[token] = (client_id, self._world.now + timedelta(seconds=self._lifetime_s))
        return {
            "access_token": token,
            "expires_in": self._lifetime_s,
            "token_type": "Bearer",
            "scope": "read write aggregation",
        }

    def owner_of(self, token: str) -> str | None:
        """The client id of a token that is good now; None for any other."""
        client_id, ends_at = self._issued.get(token, (None, None))
        return client_id if ends_at is not None and self._world.now < ends_at else None

    def revoke(self, client_id: str | None = None) -> int:
        """Kill the tokens of an application, or all; returns how many."""
        dead = [token for token, (owner, _) in self._issued.items() if client_id in (None, owner)]
        for token in dead:
            del self._issued[token]
        return len(dead)


def page(reader: Reader, items: Sequence[T], size: int) -> tuple[list[T], str | None]:
    """One page of a listing and the token of the next; a token belongs to its query and says the same page again.

    `size` holds for the first page; the tokens carry it on.
    """
    query = json.dumps(reader.body.get("query"), sort_keys=True, default=str)
    seal = sha256(query.encode()).hexdigest()[:12]
    token = reader.text("page_token", required=False, nullable=True)
    start = 0
    if token is not None:
        try:
            start_text, size_text, token_seal = urlsafe_b64decode(token.encode()).decode().split(".")
            start, size = int(start_text), int(size_text)
        except ValueError:
            raise reader.wrong("page_token", "invalid_value") from None
        if token_seal != seal or start < 0 or size < 1:
            raise reader.wrong("page_token", "invalid_value")
    end = start + size
    following = urlsafe_b64encode(f"{end}.{size}.{seal}".encode()).decode() if end < len(items) else None
    return list(items[start:end]), following


def _flags(is_set: Callable[[str], bool]) -> Body:
    return {
        "product": {name: is_set(f"product.{name}") for name in PRODUCT_FLAGS},
        "transaction": {name: is_set(f"transaction.{name}") for name in TRANSACTION_FLAGS},
    }
