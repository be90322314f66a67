"""How does a connection to the invented provider begin, end, and begin again?"""

from datetime import timedelta

import pytest

from bursar.ports.errors import ProviderAuthenticationError, ProviderValidationError
from bursar.ports.provider import ConnectCompletion, Credentials
from bursar.sandbox.faces import RefusedActionError, TracedFace

SLUG = "neutral_feed"


async def test_connection_knows_whose_it_is_and_how_long_it_lasts(open_bench) -> None:
    bench = await open_bench(SLUG, consent_lifetime=timedelta(days=90))
    start = await bench.adapter.begin(_request())
    values = bench.server.act("consent", {"link_token": start.link_token, **_person(bench)})
    established = await bench.adapter.complete(ConnectCompletion(values=values))
    assert established.external_login_id == bench.credentials["login_id"]
    assert (established.institution_id, established.institution_name) == (
        bench.login.bank.key,
        bench.login.bank.name,
    )
    assert established.dates.refresh_expires_at == bench.world.now + timedelta(days=90)
    assert isinstance(bench.server, TracedFace)


async def test_code_works_once(open_bench) -> None:
    bench = await open_bench(SLUG)
    start = await bench.adapter.begin(_request())
    values = bench.server.act("consent", {"link_token": start.link_token, **_person(bench)})
    await bench.adapter.complete(ConnectCompletion(values=values))
    with pytest.raises(ProviderAuthenticationError) as caught:
        await bench.adapter.complete(ConnectCompletion(values=values))
    assert caught.value.code == "link_expired"
    with pytest.raises(RefusedActionError):
        bench.server.act("consent", {"link_token": start.link_token, **_person(bench)})
    with pytest.raises(ProviderValidationError):
        await bench.adapter.complete(ConnectCompletion(values={}))


@pytest.mark.parametrize(
    ("how", "code", "is_withdrawn"),
    [("expired", "consent_expired", False), ("withdrawn", "consent_revoked", True)],
)
async def test_ended_consent_needs_the_user_and_a_new_one_cures_it(open_bench, how, code, is_withdrawn) -> None:
    bench = await open_bench(SLUG)
    await bench.read()
    bench.server.act("end_consent", {"login_id": bench.credentials["login_id"], "how": how})
    with pytest.raises(ProviderAuthenticationError) as caught:
        await bench.read()
    assert (caught.value.code, caught.value.consent_withdrawn, caught.value.needs_user) == (code, is_withdrawn, True)
    login_id = bench.credentials["login_id"]
    await bench.connect(bench.credentials)
    assert bench.credentials["login_id"] == login_id
    await bench.read()
    assert bench.told() == bench.true()


async def test_consent_runs_out_by_itself(open_bench) -> None:
    bench = await open_bench(SLUG, consent_lifetime=timedelta(days=2))
    await bench.read()
    bench.world.advance(timedelta(days=2))
    with pytest.raises(ProviderAuthenticationError) as caught:
        await bench.adapter.validate(bench.credentials)
    assert (caught.value.code, caught.value.is_token_expired) == ("consent_expired", True)


async def test_token_that_nobody_gave_is_refused(open_bench) -> None:
    bench = await open_bench(SLUG)
    with pytest.raises(ProviderAuthenticationError) as caught:
        await bench.adapter.validate(Credentials({"access_token": "access-of-nobody"}))
    assert caught.value.consent_withdrawn


@pytest.mark.parametrize("fault", ["B1", "B2"])
async def test_renewal_changes_the_ids_that_the_fault_names_and_no_others(open_bench, fault) -> None:
    bench = await open_bench(SLUG, shares={fault: 1.0})
    before = _ids(await bench.read())
    await bench.connect(bench.credentials)
    bench.book.cursor = None
    after = _ids(await bench.read())
    accounts_changed = not before[0] & after[0]
    rows_changed = not before[1] & after[1]
    assert (accounts_changed, rows_changed) == (fault == "B2", fault == "B1")


def _ids(batches) -> tuple[set[str], set[str]]:
    accounts = {account.provider_account_id for batch in batches for account in batch.accounts}
    return accounts, {row.provider_transaction_id for batch in batches for row in batch.transactions}


def _request():
    from bursar.ports.provider import ConnectRequest

    return ConnectRequest(connection_id="c", user_reference="u")


def _person(bench) -> dict[str, str]:
    login = bench.login
    return {"bank": login.bank.key, "username": login.username, "password": login.password}
