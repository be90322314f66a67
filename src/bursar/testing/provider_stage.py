"""What does one contract test of a provider stand on: a world, its simulator on the network, and the adapter?"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date

from bursar.domain.accounts import ProviderAccountData
from bursar.domain.connections import ProviderCapability
from bursar.domain.holdings import ProviderHoldingData
from bursar.domain.sync import RejectedRecord, SyncBatch, SyncCursor
from bursar.domain.transactions import ProviderTransactionData
from bursar.ports.provider import (
    ConnectCompletion,
    ConnectRequest,
    Credentials,
    ProviderAdapter,
    ProviderContext,
    ProviderSpec,
)
from bursar.sandbox.app import SandboxApp, create_app
from bursar.sandbox.faces import Face, MountedFace, TracedFace, WebhookDelivery, WebhookFace
from bursar.sandbox.people import Account
from bursar.sandbox.world import World
from bursar.testing.loopback import LoopbackServer, Tamper, Tampering

START = date(2026, 3, 2)

_CONNECTION_ID = "0198f000-0000-7000-8000-000000000001"
_USER_REFERENCE = "contract-suite"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderCase:
    """A provider's declaration: what is tested, and how a person of the simulated world lets it in."""

    spec: ProviderSpec
    face: Face
    consent: str
    """The simulator's action (`MountedFace.act`) that plays the person; it returns what `complete` needs."""
    login: Mapping[str, str]
    """Arguments of that action beside the link token or the address: who logs in where."""
    settings: Mapping[str, str]
    """Settings that neither the simulator's address nor its published credentials give."""
    amount_scale: int = 0
    """How many decimals an amount has that the wire writes as a whole number of its smallest unit: 2 for cents."""
    names_pending: bool = True
    """Whether a posted row has its pending one's id, or names it; False where the provider tells neither."""


@dataclass(frozen=True, slots=True)
class Reading:
    """All that one `sync` said."""

    batches: tuple[SyncBatch, ...]
    accounts: Mapping[str, ProviderAccountData]
    transactions: Mapping[str, ProviderTransactionData]
    """By provider id; a row without one by its position."""
    removed: frozenset[str]
    holdings: Mapping[str, ProviderHoldingData]
    rejected: tuple[RejectedRecord, ...]
    cursor: SyncCursor | None
    incomplete_listings: frozenset[str] = field(default_factory=frozenset[str])


def to_reading(batches: list[SyncBatch], cursor: SyncCursor | None) -> Reading:
    """Return batches as one reading; raw payloads are left out, so that equal means equal to the ledger."""
    accounts = {one.provider_account_id: replace(one, raw_data=None) for batch in batches for one in batch.accounts}
    rows = [replace(row, raw_data=None) for batch in batches for row in batch.transactions]
    listings = [listing for batch in batches for listing in batch.holdings]
    for batch in batches:
        cursor = batch.cursor if batch.cursor is not None else cursor
    return Reading(
        batches=tuple(batches),
        accounts=accounts,
        transactions={row.provider_transaction_id or f"#{index}": row for index, row in enumerate(rows)},
        removed=frozenset(gone.provider_transaction_id for batch in batches for gone in batch.removed),
        holdings={
            f"{listing.provider_account_id}/{one.provider_holding_id}": replace(one, raw_data=None)
            for listing in listings
            for one in listing.holdings
        },
        rejected=tuple(record for batch in batches for record in batch.rejected),
        cursor=cursor,
        incomplete_listings=frozenset(one.provider_account_id for one in listings if not one.complete),
    )


class ProviderStage:
    """The adapter under test, its simulator behind real HTTP, and the truth."""

    def __init__(self, case: ProviderCase, world: World, app: SandboxApp, wire: Tampering, url: str) -> None:
        self.case = case
        self.world = world
        self.server: MountedFace = app.faces[case.spec.slug]
        self.wire = wire
        self.url = url
        self.adapter = self.make_adapter()
        self.credentials = Credentials({})
        self.external_login_id = ""
        """What webhooks call the connected login; empty before `connect` and where the provider names none."""

    def make_adapter(self) -> ProviderAdapter:
        """Return an adapter of its own, configured for the simulator."""
        spec = self.case.spec
        published = {f"{spec.slug}_{name}": value for name, value in self.server.credentials().items()}
        known = published | {f"{spec.slug}_base_url": f"{self.url}/{spec.slug}"} | dict(self.case.settings)
        settings = {name: known[name] for name in spec.optional_settings if name in known}
        settings |= {
            name: known.get(name, "https://contract-suite.invalid/callback") for name in spec.required_settings
        }
        return spec.factory(ProviderContext(settings=settings, clock=self.world.clock))

    def has(self, capability: ProviderCapability) -> bool:
        """Whether the provider promises this."""
        return capability in self.case.spec.capabilities

    async def connect(self) -> Credentials:
        """Connect as a person would, and keep the credentials for the calls that follow."""
        start = await self.adapter.begin(
            ConnectRequest(
                connection_id=_CONNECTION_ID,
                user_reference=_USER_REFERENCE,
                redirect_uri="https://contract-suite.invalid/callback",
                state="contract-suite-state",
            )
        )
        given = {"link_token": start.link_token, "authorization_url": start.authorization_url}
        answers = self.server.act(
            self.case.consent, {**{name: value for name, value in given.items() if value}, **self.case.login}
        )
        values = {name: answers[name] for name in start.needs}
        established = await self.adapter.complete(
            ConnectCompletion(values=values, connection_id=_CONNECTION_ID, user_reference=_USER_REFERENCE)
        )
        self.credentials = established.credentials
        self.external_login_id = established.external_login_id or ""
        return established.credentials

    async def read(self, cursor: SyncCursor | None = None) -> Reading:
        """Sync from a cursor and return all of it."""
        return to_reading([batch async for batch in self.adapter.sync(self.credentials, cursor)], cursor)

    async def read_with(self, credentials: Credentials) -> Reading:
        """Sync with other credentials."""
        return to_reading([batch async for batch in self.adapter.sync(credentials, None)], None)

    @contextmanager
    def tampering(self, tamper: Tamper) -> Generator[None]:
        """Change the simulator's answers for a while."""
        self.wire.tamper = tamper
        try:
            yield
        finally:
            self.wire.tamper = None

    def find_account(self, record: ProviderAccountData) -> Account:
        """Return the account of the world that a record describes: by id, else by its last digits and its name.

        An id of the simulator's own is traced back where it can be: not every provider shows digits of every account.
        """
        known = self.world.accounts.get(record.provider_account_id)
        if known is None and isinstance(self.server, TracedFace):
            known = self.world.accounts.get(self.server.trace_account(record.provider_account_id) or "")
        if known is not None:
            return known
        alike = [
            account
            for account in self.world.accounts.values()
            if account.mask == record.account_number_masked[-4:]
            and record.name in {account.name, account.official_name}
        ]
        assert len(alike) == 1, f"{len(alike)} accounts of the world look like {record.name!r}"
        return alike[0]

    def make_delivery(self) -> WebhookDelivery:
        """Return a webhook about the connected login as the simulator sends it now."""
        assert isinstance(self.server, WebhookFace), "the simulator of a provider with webhooks is a WebhookFace"
        assert self.external_login_id, "webhooks find their connection by external_login_id"
        return self.server.make_delivery(self.external_login_id)

    def count_requests(self) -> int:
        """Return how many requests the simulator has answered."""
        return len(self.wire.answers)


@contextmanager
def open_stage(case: ProviderCase, *, history_days: int = 40, seed: int = 5) -> Generator[ProviderStage]:
    """Open a small world behind the provider's simulator; the adapter is closed by the caller."""
    world = World(seed, start=START, history_days=history_days, families=1)
    app = create_app(world, control_token="contract-suite", faces=[case.face])  # noqa: S106 - of an invented world
    wire = Tampering(app)
    with LoopbackServer(wire) as server:
        yield ProviderStage(case, world, app, wire, server.url)
