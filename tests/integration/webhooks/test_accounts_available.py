"""Accounts that the consent does not cover: who is told of them, and until when?"""

from datetime import timedelta

from tests.integration.webhooks.test_deliveries import fire

from bursar.cli.connections import _what_to_do, connection_members
from bursar.domain.result import Success
from bursar.domain.webhooks import NoticeKind

FIRST, MORE = "Everyday Checking", "Everyday Checking, Rainy Day"


async def connect(stage, accounts: str):
    """Connect and read a login of which only some accounts are shared."""
    service = stage.platform.connect
    begun = (await service.begin(stage.tenant_id, stage.user_id, provider_slug="plaid")).value
    asked = {"link_token": begun.start.link_token, "institution_id": "ins_109508", "accounts": accounts}
    values = await stage.steer("/control/faces/plaid/complete_link", **asked)
    done = await service.complete(stage.tenant_id, begun.connection.id, dict(values))
    assert isinstance(done, Success), done
    await read(stage, done.value)
    return done.value


async def read(stage, connection) -> None:
    run = (await stage.runs(connection))[0]
    assert isinstance(await stage.platform.sync.run(stage.tenant_id, connection.id, run.id), Success)


async def renew(stage, connection, accounts: str | None) -> None:
    service = stage.platform.connect
    selects = accounts is not None
    begun = (await service.renew(stage.tenant_id, connection.id, selects_accounts=selects)).value
    chosen = {} if accounts is None else {"accounts": accounts}
    await stage.steer("/control/faces/plaid/complete_link", link_token=begun.start.link_token, **chosen)
    assert isinstance(await service.complete(stage.tenant_id, connection.id, {}), Success)


async def tell(stage, connection) -> None:
    """Have Plaid tell of new accounts, and follow that."""
    stage.world.advance(timedelta(seconds=2))
    await fire(stage, connection, "NEW_ACCOUNTS_AVAILABLE")
    await follow(stage)


async def follow(stage) -> None:
    told = await stage.platform.webhooks.list_open()
    for one in told.connections:
        await stage.platform.webhooks.follow(
            one.tenant_id, one.connection_id, one.kinds, accounts_told_at=one.accounts_told_at
        )
    await stage.platform.webhooks.close(told.counts)


async def shown(stage, connection) -> dict:
    """What the API says of a connection; the terminal says the same."""
    token = await stage.platform.access.create_token(stage.tenant_id, stage.user_id, name="t")
    address = stage.hooks.replace("/webhooks/plaid", f"/connections/{connection.id}")
    answer = await stage.http.get(address, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200, answer.text
    said = answer.json()["data"]
    present = await stage.present(connection)
    health = stage.platform.connect.health_of(present)
    of_terminal = (
        connection_members(present, health)["accounts_available_at"],
        "--select" in _what_to_do(present, health),
    )
    is_offered = said["accounts_available_at"] is not None
    assert (of_terminal[0] is not None, of_terminal[1]) == (is_offered, is_offered)
    return said


async def test_offer_is_shown_until_the_user_has_renewed(stage) -> None:
    connection = await connect(stage, FIRST)
    before = await shown(stage, connection)
    assert (before["state"], before["action"], before["accounts_available_at"]) == ("ok", None, None)
    async with stage.working():
        stage.world.advance(timedelta(seconds=2))
        await fire(stage, connection, "NEW_ACCOUNTS_AVAILABLE")
        await stage.until_idle(connection, 1)
    offered = await shown(stage, connection)
    assert (offered["state"], offered["action"]) == ("ok", "select_accounts")
    assert offered["accounts_available_at"] is not None
    assert offered["version"] > before["version"]
    stage.world.advance(timedelta(seconds=2))
    await renew(stage, connection, MORE)
    await read(stage, connection)
    after = await shown(stage, connection)
    assert (after["state"], after["action"], after["accounts_available_at"]) == ("ok", None, None)
    listed, _ = await stage.platform.queries.list_accounts(stage.tenant_id, limit=10)
    assert {account.name for account in listed} == {"Everyday Checking", "Rainy Day"}
    # And what the provider tells after that is an offer again.
    await tell(stage, connection)
    assert (await shown(stage, connection))["action"] == "select_accounts"


async def test_notice_that_is_followed_after_the_renewal_offers_nothing(stage) -> None:
    connection = await connect(stage, FIRST)
    stage.world.advance(timedelta(seconds=2))
    await fire(stage, connection, "NEW_ACCOUNTS_AVAILABLE")
    stage.world.advance(timedelta(seconds=2))
    await renew(stage, connection, MORE)
    await follow(stage)
    assert (await shown(stage, connection))["accounts_available_at"] is None


async def test_offer_ends_when_the_accounts_are_listed_however_they_came(stage) -> None:
    connection = await connect(stage, FIRST)
    await tell(stage, connection)
    assert (await shown(stage, connection))["action"] == "select_accounts"
    stage.world.advance(timedelta(hours=1))
    # Renewed at Plaid by another program of the same user.
    opened = stage.platform.providers.get_provider("plaid")
    async with stage.platform.database.transaction(stage.tenant_id) as tx:
        held = await stage.platform.keys.open_credentials(tx, stage.tenant_id, connection.id, provider_slug="plaid")
    link = await opened._client.create_link_token(
        user_id="u", access_token=held["access_token"], account_selection=True
    )
    token = link.link_token.reveal()
    await stage.steer("/control/faces/plaid/complete_link", link_token=token, accounts=MORE)
    assert (await shown(stage, connection))["action"] == "select_accounts"
    assert isinstance(await stage.platform.sync.sync_now(stage.tenant_id, connection.id), Success)
    after = await shown(stage, connection)
    assert (after["state"], after["action"], after["accounts_available_at"]) == ("ok", None, None)


async def test_reading_that_finds_nothing_new_keeps_the_offer(stage) -> None:
    connection = await connect(stage, FIRST)
    await tell(stage, connection)
    stage.world.advance(timedelta(hours=1))
    assert isinstance(await stage.platform.sync.sync_now(stage.tenant_id, connection.id), Success)
    assert (await shown(stage, connection))["action"] == "select_accounts"
    await stage.platform.connect.disconnect(stage.tenant_id, connection.id)
    left = await shown(stage, connection)
    assert (left["action"], left["accounts_available_at"]) == (None, None)


async def test_provider_where_nobody_can_choose_makes_no_offer(stage, monkeypatch) -> None:
    from dataclasses import replace

    from bursar.domain.connections import ProviderCapability

    connection = await connect(stage, FIRST)
    spec = stage.platform.registry.providers["plaid"]
    without = replace(spec, capabilities=spec.capabilities - {ProviderCapability.ACCOUNT_SELECTION})
    monkeypatch.setattr(stage.platform.registry, "providers", {"plaid": without})
    kinds = frozenset({NoticeKind.ACCOUNTS_AVAILABLE})
    told_at = stage.world.now + timedelta(seconds=5)
    service = stage.platform.webhooks
    assert not await service.follow(stage.tenant_id, connection.id, kinds, accounts_told_at=told_at)
    assert (await shown(stage, connection))["accounts_available_at"] is None
