"""A world behind a simulated Plaid, served over real HTTP, and the vendor's own client in front of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import httpx2
import plaid
import pytest
from plaid.api.plaid_api import PlaidApi
from plaid.model.item_public_token_exchange_request import ItemPublicTokenExchangeRequest
from plaid.model.products import Products
from plaid.model.sandbox_public_token_create_request import SandboxPublicTokenCreateRequest
from plaid.model.sandbox_public_token_create_request_options import SandboxPublicTokenCreateRequestOptions
from plaid.model.sandbox_public_token_create_request_options_transactions import (
    SandboxPublicTokenCreateRequestOptionsTransactions,
)

from bursar.importers.ofx.sandbox import STATEMENTS
from bursar.providers.plaid.sandbox import SANDBOX
from bursar.sandbox.app import create_app
from bursar.sandbox.world import World
from bursar.testing.loopback import LoopbackServer

START = date(2026, 3, 2)
CONTROL_TOKEN = "control-token-of-the-test"
FIRST_PLATYPUS = "ins_109508"


@dataclass
class Stage:
    """Everything a test needs: the truth, the vendor's client and the control plane."""

    world: World
    url: str
    api: PlaidApi
    control: httpx2.Client
    wire: httpx2.Client

    def advance(self, **step: float) -> None:
        self.control.post("/control/clock", json=step).raise_for_status()

    def raw(self, path: str, body: dict | bytes, **headers: str) -> httpx2.Response:
        """A call below the vendor's client, with the right credentials unless told otherwise."""
        sent = {"PLAID-CLIENT-ID": SANDBOX.client_id, "PLAID-SECRET": SANDBOX.secret, **headers}
        if isinstance(body, bytes):
            return self.wire.post(f"/plaid{path}", content=body, headers=sent)
        return self.wire.post(f"/plaid{path}", json=body, headers=sent)

    def link(self, institution: str = FIRST_PLATYPUS, products: tuple = ("transactions",), **options: object) -> str:
        """Links a login over two years of history and returns the access token."""
        history = SandboxPublicTokenCreateRequestOptionsTransactions(days_requested=730)
        options.setdefault("transactions", history)
        created = self.api.sandbox_public_token_create(
            SandboxPublicTokenCreateRequest(
                institution_id=institution,
                initial_products=[Products(product) for product in products],
                options=SandboxPublicTokenCreateRequestOptions(**options),
            )
        )
        exchange = ItemPublicTokenExchangeRequest(public_token=created.public_token)
        return self.api.item_public_token_exchange(exchange).access_token


def client_for(url: str, secret: str = SANDBOX.secret) -> PlaidApi:
    keys = {"clientId": SANDBOX.client_id, "secret": secret}
    return PlaidApi(plaid.ApiClient(plaid.Configuration(host=f"{url}/plaid", api_key=keys)))


@pytest.fixture
def stage() -> Iterator[Stage]:
    world = World(11, start=START, history_days=100)
    app = create_app(world, control_token=CONTROL_TOKEN, faces=[SANDBOX], statements=STATEMENTS)
    authorization = {"Authorization": f"Bearer {CONTROL_TOKEN}"}
    with (
        LoopbackServer(app) as server,
        # Loading certificates takes longer than most of these tests, and nothing here is encrypted.
        httpx2.Client(base_url=server.url, headers=authorization, verify=False) as control,
        httpx2.Client(base_url=server.url, verify=False) as wire,
    ):
        api = client_for(server.url)
        yield Stage(world, server.url, api, control, wire)
        api.api_client.close()
