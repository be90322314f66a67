"""Does the adapter read the simulated Finicity as it is, and say what to do when it cannot?"""

from datetime import date, timedelta
from decimal import Decimal

import httpx2
import pytest
from tests.unit.providers.finicity.conftest import NOW, SETTINGS

from bursar.domain.webhooks import NoticeKind
from bursar.ports.errors import (
    ProviderAuthenticationError,
    ProviderNotConfiguredError,
    ProviderUnavailableError,
    ProviderValidationError,
)
from bursar.ports.identity import IdentityAdapter
from bursar.ports.provider import ConnectCompletion, Credentials, ProviderContext
from bursar.ports.webhooks import WebhookAdapter, WebhookRefusedError
from bursar.providers.finicity.adapter import make_adapter
from bursar.providers.finicity.sandbox import FinicityFace
from bursar.sandbox.clock import VirtualClock

CHECKING = "hudson-first-river-checking"
CARD = "hudson-first-river-credit-card"
pytestmark = pytest.mark.asyncio


async def read(bench):
    (batch,) = [batch async for batch in bench.adapter.sync(bench.credentials, None)]
    return batch


def told(bench, batch):
    """Return the rows of a batch by the world's account, as the world writes them."""
    found = {}
    for row in batch.transactions:
        account_id = bench.server.trace_account(row.provider_account_id)
        found.setdefault(account_id, set()).add((row.transaction_date, row.amount, row.status))
    return found


def true(bench, account_id):
    return {(row.booked_on, row.amount, row.state.value) for row in bench.world.truth(account_id).rows}


@pytest.mark.parametrize(
    "face", [FinicityFace(), FinicityFace(day_times="noon_utc"), FinicityFace(amounts="statement")], ids=repr
)
async def test_rows_and_balances_are_the_banks_whatever_the_institution_writes(open_bench, face):
    bench = open_bench(face)
    await bench.connect()
    batch = await read(bench)
    assert not batch.rejected
    rows = told(bench, batch)
    assert rows[CHECKING] == true(bench, CHECKING)
    assert rows[CARD] == true(bench, CARD)
    balances = {bench.server.trace_account(one.provider_account_id): one.balance for one in batch.accounts}
    assert balances[CARD] == bench.world.balance(CARD)
    assert balances["hudson-first-river-loan"] == bench.world.balance("hudson-first-river-loan")
    assert any(one.code == "sign_turned" for one in batch.warnings) == (face.amounts == "statement")


async def test_days_of_another_zone_are_those_of_its_bank(open_bench):
    bench = open_bench()
    bench.world.script.add_settled(CHECKING, Decimal("-7.77"), "NEW YORK", booked_on=date(2026, 2, 28))
    await bench.connect()
    assert bench.credentials["timezone"] == "America/New_York"
    rows = [row for row in (await read(bench)).transactions if row.description == "NEW YORK"]
    assert [row.transaction_date for row in rows] == [date(2026, 2, 28)]


async def test_row_that_the_bank_takes_back_is_missing_from_the_listing_of_its_days(open_bench):
    bench = open_bench()
    gone = bench.world.script.add_settled(CHECKING, Decimal("-7.77"), "GONE SOON")
    pending = bench.world.script.add_pending(CHECKING, Decimal("-5.55"), "NEVER POSTS")
    await bench.connect()
    before = await read(bench)
    ids = {row.description: row.provider_transaction_id for row in before.transactions}
    bench.world.script.remove(gone)
    bench.world.script.cancel(pending)
    after = await read(bench)
    assert {ids["GONE SOON"], ids["NEVER POSTS"]}.isdisjoint(row.provider_transaction_id for row in after.transactions)
    account_id = next(row.provider_account_id for row in before.transactions if row.description == "GONE SOON")
    (listing,) = [one for one in after.listings if one.provider_account_id == account_id]
    today = bench.world.now.date()
    assert listing.since is not None
    assert (listing.since, listing.until) == (today - timedelta(days=180), None)


@pytest.mark.parametrize("code", ["103", "108", "185", "331", "945", "948"])
async def test_login_that_needs_its_user_says_so_and_is_repaired_in_place(open_bench, code):
    bench = open_bench()
    await bench.connect()
    before = await read(bench)
    bench.server.act("break_login", {"institution_login_id": bench.credentials["institution_login_id"], "code": code})
    with pytest.raises(ProviderAuthenticationError) as caught:
        await read(bench)
    assert (caught.value.code, caught.value.needs_user, caught.value.upstream_code) == ("login_required", True, code)
    start = await bench.begin(renew=bench.credentials)
    assert start.needs == ()
    bench.sign_in(start)
    renewed = await bench.adapter.complete(ConnectCompletion(values={}, renew=bench.credentials))
    assert dict(renewed.credentials) == dict(bench.credentials)
    assert renewed.institution_name == "First River Bank"
    assert {one.provider_account_id for one in (await read(bench)).accounts} == {
        one.provider_account_id for one in before.accounts
    }


async def test_login_that_passing_trouble_has_is_read_and_takes_nothing_back(open_bench):
    bench = open_bench()
    await bench.connect()
    bench.server.act("break_login", {"institution_login_id": bench.credentials["institution_login_id"], "code": "931"})
    batch = await read(bench)
    assert batch.accounts
    assert batch.listings == []
    assert {one.code for one in batch.warnings} >= {"stale_data"}


async def test_token_that_has_ended_is_renewed_without_anybody_noticing(open_bench):
    bench = open_bench()
    await bench.connect()
    bench.world.advance(timedelta(hours=3))
    assert (await read(bench)).accounts
    assert bench.server.act("revoke_tokens", {})["count"] == "2"


async def test_link_token_of_somebody_else_connects_nothing(open_bench):
    bench = open_bench()
    start = await bench.begin()
    token = bench.sign_in(start)["link_token"]
    customer, ends_at, mark = token.split(".")
    sent = len(bench.requests)
    others = (f"{int(customer) + 1}.{ends_at}.{mark}", f"{customer}.{int(ends_at) + 9}.{mark}", customer, "x.y.z")
    for text, user in (*((forged, "user-1") for forged in others), (token, "user-2"), (token, "")):
        with pytest.raises(ProviderAuthenticationError, match="Start it again") as caught:
            await bench.complete({"link_token": text}, user)
        assert caught.value.code == "sign_in_refused"
    bench.world.advance(timedelta(days=2))
    with pytest.raises(ProviderAuthenticationError) as caught:
        await bench.complete({"link_token": token})
    assert caught.value.code == "link_expired"
    with pytest.raises(ProviderValidationError):
        await bench.complete({})
    assert len(bench.requests) == sent


async def test_sign_in_that_is_not_finished_asks_to_finish_it(open_bench):
    bench = open_bench()
    start = await bench.begin()
    with pytest.raises(ProviderUnavailableError) as caught:
        await bench.complete({"link_token": start.link_token or ""})
    assert caught.value.code == "not_ready"


async def test_connecting_begun_again_under_the_same_name_uses_the_same_customer(open_bench):
    bench = open_bench()
    first = await bench.adapter.begin(_request("same-connection"))
    second = await bench.adapter.begin(_request("same-connection"))
    assert (first.link_token or "").split(".")[0] == (second.link_token or "").split(".")[0]


async def test_several_banks_of_one_visit_are_named_and_each_can_be_chosen(open_bench):
    bench = open_bench()
    await bench.connect()
    customer = bench.credentials["customer_id"]
    visit = bench.server._desk.visit(customer, None)
    second = bench.server._desk.sign_in(visit, "first_river", "user_transactions_dynamic", "pass_good")
    start = await bench.adapter.begin(_request("another"))
    token = (start.link_token or "").split(".")
    values = {"link_token": _sealed(bench, customer, token[1])}
    with pytest.raises(ProviderValidationError) as caught:
        await bench.complete(values)
    assert caught.value.code == "several_logins"
    assert second.login_id in caught.value.message
    done = await bench.complete({**values, "institution_login_id": second.login_id})
    assert done.external_login_id == second.login_id
    # The rows of the other login stay out, and are no rejects.
    bench.credentials = done.credentials
    batch = await read(bench)
    assert not batch.rejected
    assert {row.provider_account_id for row in batch.transactions} <= {
        one.provider_account_id for one in batch.accounts
    }


async def test_leaving_deletes_the_login_and_then_its_customer(open_bench):
    bench = open_bench()
    await bench.connect()
    await bench.adapter.revoke(bench.credentials)
    assert bench.server._desk.customers == {}
    with pytest.raises(ProviderAuthenticationError) as caught:
        await read(bench)
    assert caught.value.consent_withdrawn


async def test_reversed_dates_are_refused_before_anything_is_sent(open_bench):
    bench = open_bench()
    await bench.connect()
    sent = len(bench.requests)
    with pytest.raises(ProviderValidationError, match="Exchange"):
        await bench.adapter.fetch_transactions(bench.credentials, "1", date(2026, 2, 2), date(2026, 2, 1))
    assert len(bench.requests) == sent


@pytest.mark.parametrize("version", ["v3", "v1"])
async def test_owners_come_from_the_version_that_the_plan_has(open_bench, version):
    bench = open_bench(FinicityFace(owners=version))
    await bench.connect()
    assert isinstance(bench.adapter, IdentityAdapter)
    owners = await bench.adapter.fetch_owners(bench.credentials)
    names = {person.name for person in bench.world.accounts[CHECKING].holders}
    mine = [one for one in owners if bench.server.trace_account(one.provider_account_id) == CHECKING]
    if version == "v3":
        assert {name for one in mine for name in one.names} == names
        assert mine[0].emails
    else:
        assert [one.names for one in mine] == [(" & ".join(p.name for p in bench.world.accounts[CHECKING].holders),)]
    (one_account,) = {one.provider_account_id for one in mine}
    assert list(await bench.adapter.fetch_owners(bench.credentials, one_account)) == mine


async def test_genuine_event_tells_of_its_login_and_a_forged_one_nothing(open_bench):
    bench = open_bench()
    await bench.connect()
    assert isinstance(bench.adapter, WebhookAdapter)
    login = bench.credentials["institution_login_id"]
    delivery = bench.server.make_delivery(login)
    (notice,) = await bench.adapter.read_webhook(delivery.headers, delivery.body)
    assert (notice.kind, notice.external_login_id, notice.code) == (NoticeKind.DATA_CHANGED, login, "added")
    again = bench.server.repeat_delivery(delivery)
    assert await bench.adapter.read_webhook(again.headers, again.body) == [notice]
    other = bench.server.make_delivery(login)
    assert (await bench.adapter.read_webhook(other.headers, other.body))[0].notice_id != notice.notice_id
    forged = bench.server.forge_delivery(delivery)
    with pytest.raises(WebhookRefusedError):
        await bench.adapter.read_webhook(forged.headers, forged.body)


async def test_setting_that_makes_no_sense_is_named(open_bench):
    for wrong in ({"finicity_timezone": "Moon/Crater"}, {"finicity_environment": "live"}, {"finicity_app_key": ""}):
        context = ProviderContext(settings={**SETTINGS, **wrong}, clock=VirtualClock(NOW))
        with pytest.raises(ProviderNotConfiguredError):
            make_adapter(context)


async def test_page_of_connect_signs_in_and_sends_the_user_back(open_bench):
    bench = open_bench()
    start = await bench.begin(redirect_uri="https://ours.example/back")
    url = start.authorization_url or ""
    transport = bench.adapter._client._http._wire._client
    shown = await transport.get(url)
    assert "First River Bank" in shown.text
    form = {"institution_id": "200001", "username": "user_good", "password": "wrong"}
    assert "alert" in (await transport.post(url, data=form)).text
    back = await transport.post(url, data={**form, "password": "pass_good"})
    assert (back.status_code, back.headers["location"]) == (303, "https://ours.example/back")
    done = await bench.complete({"link_token": start.link_token or ""})
    assert done.institution_name == "First River Bank"


async def test_fifth_wrong_secret_locks_the_partner_out(open_bench):
    bench = open_bench()
    async with _bare(bench) as http:
        path = "http://finicity.test/finicity/aggregation/v2/partners/authentication"
        body = {"partnerId": "sandbox-partner", "partnerSecret": "wrong"}
        key = {"Finicity-App-Key": "sandbox-app-key"}
        for _ in range(5):
            assert (await http.post(path, json=body, headers=key)).status_code == 401
        right = {**body, "partnerSecret": "sandbox-partner-secret"}
        locked = await http.post(path, json=right, headers=key)
    assert (locked.status_code, locked.json()["message"]) == (401, "Account locked")


def _request(connection_id):
    from bursar.ports.provider import ConnectRequest

    return ConnectRequest(connection_id=connection_id, user_reference="user-1")


def _sealed(bench, customer, ends_at):
    from bursar.providers.finicity.linking import _seal

    text = f"{customer}.{ends_at}"
    return f"{text}.{_seal(bench.adapter._client, text, 'user-1')}"


def _bare(bench):
    async def app(scope, receive, send):
        scope["root_path"] = "/finicity"
        await bench.server(scope, receive, send)

    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app))


async def test_credentials_without_a_login_are_refused_before_anything_is_sent(open_bench):
    bench = open_bench()
    with pytest.raises(ProviderAuthenticationError) as caught:
        await bench.adapter.validate(Credentials({"customer_id": "7"}))
    assert caught.value.code == "missing_credential"
    assert bench.requests == []
