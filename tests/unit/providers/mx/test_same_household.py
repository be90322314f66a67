"""Is one household the same, whoever tells of it?"""

from collections import Counter
from datetime import date

import pytest

from bursar.ports.provider import ConnectCompletion, ConnectRequest, ProviderContext
from bursar.providers.mx.adapter import PROVIDER as MX
from bursar.providers.mx.sandbox import MXFace
from bursar.providers.plaid.adapter import PROVIDER as PLAID
from bursar.providers.plaid.sandbox import PlaidFace
from bursar.sandbox.app import create_app
from bursar.sandbox.world import World
from bursar.testing.loopback import LoopbackServer


async def read(spec, app, url, settings, institution):
    adapter = spec.factory(
        ProviderContext(settings={**settings, f"{spec.slug}_base_url": f"{url}/{spec.slug}"}, clock=app.world.clock)
    )
    try:
        start = await adapter.begin(ConnectRequest(connection_id="c", user_reference="u"))
        answers = app.faces[spec.slug].act(
            "complete_link", {"link_token": start.link_token, "institution_id": institution}
        )
        made = await adapter.complete(
            ConnectCompletion(values={name: answers[name] for name in start.needs}, user_reference="u")
        )
        return [batch async for batch in adapter.sync(made.credentials, None)]
    finally:
        await adapter.aclose()


@pytest.mark.parametrize("seed", [3, 5])
async def test_household_is_equal_through_mx_and_plaid(seed):
    world = World(seed, start=date(2026, 3, 2), history_days=90, families=1)
    plaid, mx = PlaidFace(rate_limits=False), MXFace()
    app = create_app(world, control_token="t", faces=[plaid, mx])
    with LoopbackServer(app) as server:
        told = {}
        for spec, settings, institution in (
            (PLAID, {"plaid_client_id": plaid.client_id, "plaid_secret": plaid.secret}, "ins_109508"),
            (MX, {"mx_client_id": mx.client_id, "mx_api_key": mx.api_key}, "first_river"),
        ):
            batches = await read(spec, app, server.url, settings, institution)
            accounts = {account.provider_account_id: account for batch in batches for account in batch.accounts}
            rows = [row for batch in batches for row in batch.transactions]
            told[spec.slug] = (
                Counter(
                    (
                        one.name,
                        one.account_number_masked,
                        one.account_type,
                        one.currency,
                        one.balance,
                        one.credit_limit,
                    )
                    for one in accounts.values()
                ),
                Counter(
                    (
                        accounts[row.provider_account_id].name,
                        row.transaction_date,
                        row.amount,
                        row.currency,
                        row.status,
                        row.description,
                    )
                    for row in rows
                ),
            )
    assert told["mx"][0] == told["plaid"][0]
    assert told["mx"][1] == told["plaid"][1]
    assert len(told["mx"][0]) == 5
    assert len(told["mx"][1]) > 50
