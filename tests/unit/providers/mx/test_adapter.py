"""Does the adapter connect, read, renew and leave as the platform expects, against the simulated MX?"""

import json
from datetime import date, timedelta
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from bursar.ports import errors as ports
from bursar.ports.identity import IdentityAdapter
from bursar.ports.provider import ConnectCompletion, ConnectRequest, Credentials, ProviderAdapter, ProviderContext
from bursar.ports.webhooks import WebhookAdapter
from bursar.providers.mx.adapter import PROVIDER
from bursar.providers.mx.reading import Place
from bursar.sandbox.faces import RefusedActionError
from bursar.sandbox.faults import FaultKind
from bursar.sandbox.ledger import RowState
from bursar.sandbox.people import AccountKind


def checking(bench):
    return next(one for one in bench.world.accounts.values() if one.kind is AccountKind.CHECKING)


def asked(bench, tail: str) -> list[dict[str, str]]:
    """The queries of the listings of that name, in order."""
    found = [answer for answer in bench.wire.answers if answer.path.endswith(tail)]
    return [{name: values[0] for name, values in parse_qs(answer.query.decode()).items()} for answer in found]


async def test_adapter_keeps_the_word_of_its_capabilities(bench):
    assert isinstance(bench.adapter, ProviderAdapter)
    assert isinstance(bench.adapter, IdentityAdapter)
    assert isinstance(bench.adapter, WebhookAdapter)
    assert {one.value for one in PROVIDER.capabilities} == {
        "accounts", "transactions", "pending_transactions", "holdings", "multiple_accounts", "identity", "webhooks",
        "live_balances",
    }  # fmt: skip


async def test_connecting_makes_one_user_and_proves_the_member(bench):
    again = await bench.connect()
    other = await bench.connect(user="u-2")
    assert again.credentials["user_guid"] != other.credentials["user_guid"]
    assert again.external_login_id == again.credentials["member_guid"]
    assert (again.institution_id, again.institution_name) == ("first_river", "First River Bank")
    assert again.environment == "integration"
    made = [answer for answer in bench.wire.answers if answer.path == "/mx/users"]
    assert len(made) == 2
    assert again.credentials["access_token"] not in repr(again)


async def test_bare_access_token_is_enough_to_read(bench):
    token = bench.credentials["access_token"]
    assert len(await bench.adapter.fetch_accounts(Credentials.of(token))) == 5


async def test_begin_gives_an_address_for_ten_minutes(bench):
    start = await bench.adapter.begin(ConnectRequest(connection_id="c", user_reference="u-1", institution_id="mxbank"))
    assert start.authorization_url is not None
    assert start.authorization_url.startswith(f"{bench.url}/widgets/")
    assert start.needs == ("link_token", "member_guid")
    assert start.expires_at == bench.world.now + timedelta(minutes=10)
    bench.world.advance(timedelta(minutes=10))
    with pytest.raises(RefusedActionError):
        bench.server.act("complete_link", {"authorization_url": start.authorization_url})


async def test_member_of_somebody_else_cannot_be_taken(bench):
    victim = bench.member
    start = await bench.adapter.begin(ConnectRequest(connection_id="c", user_reference="thief"))
    with pytest.raises(ports.ProviderAuthenticationError) as caught:
        await bench.adapter.complete(
            ConnectCompletion(
                values={"link_token": start.link_token or "", "member_guid": victim}, user_reference="thief"
            )
        )
    assert caught.value.code == "connection_removed"


async def test_widget_of_somebody_else_is_refused_before_anything_is_sent(bench):
    start = await bench.adapter.begin(ConnectRequest(connection_id="c", user_reference="u-1"))
    values = {"link_token": start.link_token or "", "member_guid": bench.member}
    bench.wire.answers.clear()
    with pytest.raises(ports.ProviderAuthenticationError) as caught:
        await bench.adapter.complete(ConnectCompletion(values=values, user_reference="thief"))
    assert caught.value.code == "sign_in_refused"
    assert bench.member not in caught.value.message
    assert bench.wire.answers == []
    made = await bench.adapter.complete(ConnectCompletion(values=values, user_reference="u-1"))
    assert made.external_login_id == bench.member


@pytest.mark.parametrize("missing", ["link_token", "member_guid"])
async def test_missing_value_of_the_widget_is_named(bench, missing):
    values = {"link_token": "x#y", "member_guid": "MBR-1"}
    del values[missing]
    with pytest.raises(ports.ProviderValidationError) as caught:
        await bench.adapter.complete(ConnectCompletion(values=values))
    assert caught.value.field == missing


async def test_made_up_link_token_is_refused_before_anything_is_sent(bench):
    bench.wire.answers.clear()
    with pytest.raises(ports.ProviderAuthenticationError):
        await bench.adapter.complete(ConnectCompletion(values={"link_token": "x#y.z", "member_guid": "MBR-1"}))
    assert bench.wire.answers == []


@pytest.mark.parametrize("status", "CHALLENGED DENIED EXPIRED IMPAIRED IMPEDED LOCKED PREVENTED REJECTED".split())
async def test_login_that_needs_its_user_says_so_and_is_renewed_in_place(bench, status):
    before = await bench.sync()
    bench.server.act("set_status", {"member_guid": bench.member, "status": status})
    for call in (
        bench.sync(),
        bench.adapter.fetch_accounts(bench.credentials),
        bench.adapter.validate(bench.credentials),
    ):
        with pytest.raises(ports.ProviderAuthenticationError) as caught:
            await call
        assert (caught.value.code, caught.value.needs_user) == ("login_required", True)
        assert not caught.value.consent_withdrawn
        assert caught.value.upstream_code == status
    renewed = await bench.connect(renew=bench.credentials)
    assert renewed.external_login_id == bench.member
    after = await bench.sync()
    assert {one.provider_account_id for one in after[0].accounts} == {
        one.provider_account_id for one in before[0].accounts
    }


@pytest.mark.parametrize("status", ["DEGRADED", "FAILED", "DISCONNECTED"])
async def test_trouble_of_mxs_is_waited_for(bench, status):
    bench.server.act("set_status", {"member_guid": bench.member, "status": status})
    with pytest.raises(ports.ProviderUnavailableError) as caught:
        await bench.sync()
    assert (caught.value.code, caught.value.retry_after) == ("institution_down", timedelta(minutes=15))


@pytest.mark.parametrize("status", ["DISCONTINUED", "CLOSED", "DISABLED"])
async def test_ended_login_is_over(bench, status):
    bench.server.act("set_status", {"member_guid": bench.member, "status": status})
    with pytest.raises(ports.ProviderAuthenticationError) as caught:
        await bench.sync()
    assert (caught.value.code, caught.value.consent_withdrawn) == ("connection_ended", True)


@pytest.mark.parametrize("status", ["CREATED", "RESUMED", "PENDING", "DELAYED", "SOMETHING_NEW"])
async def test_login_that_is_being_read_is_taken_for_a_part(bench, status):
    bench.server.act("set_status", {"member_guid": bench.member, "status": status})
    rows, _ = await bench.sync()
    assert rows.transactions
    assert (rows.accounts_complete, rows.listings, rows.cursor) == (False, [], None)
    assert [warning.code for warning in rows.warnings] == ["not_ready"]


async def test_bank_that_was_never_read_yet_says_nothing(simulate):
    async with simulate(job_duration=timedelta(minutes=3)) as bench:
        await bench.connect()
        (empty,) = await bench.sync()
        assert (list(empty.accounts), empty.accounts_complete, empty.cursor) == ([], False, None)
        bench.world.advance(timedelta(minutes=3))
        first, _ = await bench.sync()
        assert (len(first.accounts), first.accounts_complete) == (5, True)
        assert first.cursor is not None


async def test_deleted_member_is_a_withdrawn_connection_and_revoking_it_again_is_none(bench):
    await bench.adapter.revoke(bench.credentials)
    with pytest.raises(ports.ProviderAuthenticationError) as caught:
        await bench.sync()
    assert (caught.value.code, caught.value.consent_withdrawn) == ("connection_removed", True)
    await bench.adapter.revoke(bench.credentials)


async def test_next_reading_takes_the_last_weeks_and_what_changed_before_them(simulate):
    async with simulate(history_days=200) as bench:
        await bench.connect()
        first, _ = await bench.sync()
        world_id = checking(bench).account_id
        old = min(bench.world.truth(world_id).settled, key=lambda row: row.booked_on)
        new = max(bench.world.truth(world_id).settled, key=lambda row: row.booked_on)
        bench.world.advance(timedelta(days=2))
        bench.world.script.modify(old.world_id, amount=old.amount - 1, description="CHANGED LONG AGO")
        bench.world.script.remove(new.world_id)
        bench.wire.answers.clear()
        second, _ = await bench.sync(first.cursor)
        window, older = asked(bench, "/transactions")
        assert "from_updated_at" not in window
        assert "from_updated_at" in older
        assert older["to_date"] == window["from_date"]
        known = {row.provider_transaction_id: row for row in first.transactions}
        changed = [row for row in second.transactions if row.description == "CHANGED LONG AGO"]
        assert [row.amount for row in changed] == [old.amount - 1]
        told = {row.provider_transaction_id for row in second.transactions}
        today = bench.world.now.date()
        assert {span.since for span in second.listings} == {today - timedelta(days=60)}
        gone = [
            row
            for guid, row in known.items()
            if guid not in told and row.transaction_date >= today - timedelta(days=60)
        ]
        assert [(row.amount, row.transaction_date) for row in gone] == [(new.amount, new.booked_on)]


async def test_everything_is_read_again_after_a_week(bench):
    first, _ = await bench.sync()
    bench.world.advance(timedelta(days=7))
    bench.wire.answers.clear()
    second, _ = await bench.sync(first.cursor)
    assert len(asked(bench, "/transactions")) == 1
    assert {span.since for span in second.listings} == {bench.world.now.date() - timedelta(days=730)}


def test_place_is_forgotten_when_it_proves_nothing():
    today = date(2026, 3, 9)
    good = {"updated_at": "2026-03-08T00:00:00+00:00", "whole_on": "2026-03-08", "readings": "3"}
    place = Place.parse(good, today)
    assert place is not None
    assert dict(place.to_cursor()) == good
    for spoilt in (
        {**good, "whole_on": "2026-03-10"},
        {**good, "whole_on": "2026-03-02"},
        {**good, "readings": "9"},
        {**good, "readings": "many"},
        {**good, "updated_at": "yesterday"},
        {},
    ):
        assert Place.parse(spoilt, today) is None


async def test_unreadable_row_takes_nothing_back_and_moves_nothing_on(bench):
    def spoil(answer):
        if not answer.path.endswith("/transactions"):
            return answer
        body = json.loads(answer.body)
        body["transactions"][0]["type"] = "SIDEWAYS"
        return answer.saying(json.dumps(body).encode())

    bench.wire.tamper = spoil
    rows, _ = await bench.sync()
    bench.wire.tamper = None
    (rejected,) = rows.rejected
    assert (rejected.reason, rejected.field) == ("unsupported", "transactions.0.type")
    # A listing of an account with an unread row takes nothing back.
    assert rejected.kind == "transaction"
    assert rejected.provider_account_id in {None, *(one.provider_account_id for one in rows.listings)}
    assert rows.cursor is None


@pytest.mark.parametrize("call", ["fetch_transactions", "reversed"])
async def test_reversed_dates_are_refused_before_anything_is_sent(bench, call):
    bench.wire.answers.clear()
    with pytest.raises(ports.ProviderValidationError) as caught:
        await bench.adapter.fetch_transactions(bench.credentials, "ACT-1", date(2026, 2, 1), date(2026, 1, 31))
    assert caught.value.field == "start_date"
    assert bench.wire.answers == []


@pytest.mark.parametrize(
    ("start", "end"), [(date.min, date.max), (date(1, 1, 1), date(1, 1, 2)), (date(9998, 1, 1), date.max)]
)
async def test_days_at_the_ends_of_the_calendar_are_no_crash(bench, start, end):
    account = (await bench.adapter.fetch_accounts(bench.credentials))[0].provider_account_id
    found = await bench.adapter.fetch_transactions(bench.credentials, account, start, end)
    assert all(start <= row.transaction_date <= end for row in found)


async def test_forged_token_is_refused_before_anything_is_sent(bench):
    bench.wire.answers.clear()
    with pytest.raises(ports.ProviderAuthenticationError, match="Connect the bank again"):
        await bench.adapter.fetch_accounts(Credentials.of("mx-access-forged.00"))
    assert bench.wire.answers == []


async def test_owners_are_there_after_the_first_question(simulate):
    async with simulate(job_duration=timedelta(seconds=7)) as bench:
        await bench.connect()
        bench.world.advance(timedelta(seconds=7))
        owners = await bench.adapter.fetch_owners(bench.credentials)
        assert bench.time.slept == [2.0, 3.0, 4.5]
        accounts = await bench.adapter.fetch_accounts(bench.credentials)
        login = bench.world.find_login("first_river", "user_good")
        people = {person.name for account in login.accounts for person in account.holders}
        assert {owner.names[0] for owner in owners} == people
        assert {owner.provider_account_id for owner in owners} == {one.provider_account_id for one in accounts}
        bench.time.slept.clear()
        one = await bench.adapter.fetch_owners(bench.credentials, accounts[0].provider_account_id)
        assert {owner.provider_account_id for owner in one} == {accounts[0].provider_account_id}
        assert bench.time.slept == []
        with pytest.raises(ports.ProviderNotFoundError):
            await bench.adapter.fetch_owners(bench.credentials, "ACT-nobody")


async def test_owner_without_a_name_is_rejected_without_a_word_of_it(bench):
    await bench.adapter.fetch_owners(bench.credentials)

    def spoil(answer):
        if not answer.path.endswith("/account_owners"):
            return answer
        body = json.loads(answer.body)
        body["account_owners"][0] |= {"owner_name": None, "first_name": None, "last_name": None}
        return answer.saying(json.dumps(body).encode())

    bench.wire.tamper = spoil
    owners = await bench.adapter.fetch_owners(bench.credentials)
    bench.wire.tamper = None
    (rejected,) = owners.rejected
    assert (owners.complete, rejected.redacted_excerpt) == (False, "")


async def test_down_bank_is_an_outage(bench):
    bench.world.faults.add(FaultKind.INSTITUTION_DOWN, path="/mx", times=1)
    with pytest.raises(ports.ProviderUnavailableError):
        await bench.sync()


async def test_pending_row_keeps_its_guid_when_it_posts(bench):
    row_id = bench.world.script.add_pending(checking(bench).account_id, Decimal("-41.11"), "CARD AUTHORIZATION")
    first, _ = await bench.sync()
    (announced,) = [row for row in first.transactions if row.description == "CARD AUTHORIZATION"]
    bench.world.script.post(row_id, amount=Decimal("-43.61"))
    second, _ = await bench.sync(first.cursor)
    (posted,) = [row for row in second.transactions if row.description == "CARD AUTHORIZATION"]
    assert posted.provider_transaction_id == announced.provider_transaction_id
    assert (announced.status, posted.status, posted.amount) == ("pending", "settled", Decimal("-43.61"))


async def test_days_are_those_on_which_the_bank_has_booked(bench):
    first, _ = await bench.sync()
    account = checking(bench)
    guid = next(
        one.provider_account_id for one in first.accounts if bench.server.trace_account(one.provider_account_id)
        == account.account_id
    )  # fmt: skip
    told = sorted((row.transaction_date, row.amount) for row in first.transactions if row.provider_account_id == guid)
    assert told == sorted((row.booked_on, row.amount) for row in bench.world.truth(account.account_id).rows)
    assert any(
        row.booked_on != row.authorized_on
        for row in bench.world.truth(account.account_id).rows
        if row.state is RowState.SETTLED
    )


@pytest.mark.parametrize("settings", [{"mx_environment": "sandbox"}, {"mx_base_url": "https://x.example/?key=canary"}])
def test_senseless_setting_is_told_by_name(still, settings):
    with pytest.raises(ports.ProviderNotConfiguredError) as caught:
        PROVIDER.factory(ProviderContext(settings={"mx_client_id": "a", "mx_api_key": "b", **settings}, clock=still))
    assert "MX_ENVIRONMENT" in caught.value.message
    assert "canary" not in caught.value.message


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, ports.ProviderNotConfiguredError),
        (403, ports.ProviderNotConfiguredError),
        (406, ports.ProviderInvalidResponseError),
        (409, ports.ProviderUnavailableError),
        (422, ports.ProviderValidationError),
        (429, ports.ProviderRateLimitError),
    ],
)
async def test_refusal_of_mxs_says_who_can_act(bench, status, error):
    def refuse(answer):
        return answer.saying(b"{}", status=status)

    bench.wire.tamper = refuse
    with pytest.raises(error) as caught:
        await bench.adapter.fetch_accounts(bench.credentials)
    bench.wire.tamper = None
    assert urlsplit(bench.url).netloc not in str(caught.value)


async def test_person_signs_in_on_the_page_of_the_widget(bench):
    start = await bench.adapter.begin(ConnectRequest(connection_id="c", user_reference="u-9"))
    async with httpx2.AsyncClient() as browser:
        page = await browser.get(start.authorization_url)
        assert "<form" in page.text
        wrong = await browser.post(start.authorization_url, data={"username": "user_good", "password": "no"})
        assert (wrong.status_code, "does not accept" in wrong.text) == (422, True)
        done = await browser.post(
            start.authorization_url,
            data={"institution": "mxbank", "username": "user_good", "password": "pass_good"},
        )
    member = done.text.partition("<code>")[2].partition("</code>")[0]
    assert "mx/connect/memberConnected" in done.text
    made = await bench.adapter.complete(
        ConnectCompletion(values={"link_token": start.link_token or "", "member_guid": member}, user_reference="u-9")
    )
    assert (made.external_login_id, made.institution_id) == (member, "mxbank")
