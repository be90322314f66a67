"""Does the simulated Teller answer as the vendor documents, and can each of its oddities be switched on?"""

import base64
import json
from datetime import timedelta
from decimal import Decimal

import httpx2
import pytest

from bursar.providers.teller import TellerClient, read_webhook
from bursar.providers.teller.sandbox import TellerFace
from bursar.providers.teller.sdk import errors
from bursar.providers.teller.sdk.models import Payee, SecondFactorNeeded
from bursar.sandbox.faces import RefusedActionError
from bursar.testing.loopback import LoopbackServer
from bursar.transport.retry import NEVER_REPEAT

SETUP = json.dumps({"applicationId": "app_sandbox", "environment": "sandbox", "products": ["balance"], "nonce": "n-1"})


@pytest.fixture
def bank(simulate):
    with simulate() as made:
        yield made


@pytest.fixture
async def teller(bank):
    async with TellerClient(base_url=f"{bank.url}/teller", retry=NEVER_REPEAT) as client:
        yield client


def enroll(bank, setup=SETUP, **login):
    return bank.server.act("complete_link", {"link_token": setup, "institution_id": "first_river", **login})


async def named(teller, token, name):
    return next(account for account in await teller.list_accounts(token) if account.name == name)


def basic(token, password=""):
    return {"Authorization": "Basic " + base64.b64encode(f"{token}:{password}".encode()).decode()}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer TOKEN"}, 401),
        ({"Authorization": "Basic !!"}, 401),
        (basic("TOKEN", "password"), 401),
        (basic(""), 401),
        (basic("test_token_nobody"), 403),
        (basic("token_live"), 400),
        ({**basic("TOKEN"), "Teller-Version": "1999-01-01"}, 400),
        (basic("TOKEN"), 200),
    ],
)
def test_rules_of_authentication_are_the_vendors(bank, headers, status):
    token = enroll(bank)["access_token"]
    given = {name: value.replace("TOKEN", token) for name, value in headers.items()}
    if "Basic" in given.get("Authorization", ""):
        text = given["Authorization"].removeprefix("Basic ")
        if text != "!!":
            given["Authorization"] = (
                "Basic " + base64.b64encode(base64.b64decode(text).decode().replace("TOKEN", token).encode()).decode()
            )
    assert httpx2.get(f"{bank.url}/teller/accounts", headers=given).status_code == status


@pytest.mark.parametrize(
    "path", ["/", "/enrollments", "/transactions", "/accounts/balances", "/accounts/acc_x", "/accounts/acc_x/odd"]
)
def test_what_does_not_exist_is_not_found(bank, path):
    token = enroll(bank)["access_token"]
    answer = httpx2.get(f"{bank.url}/teller{path}", headers=basic(token))
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


async def test_institutions_need_no_token(teller):
    assert "first_river" in {one.id for one in await teller.list_institutions()}


@pytest.mark.parametrize(
    ("login", "is_let_in"),
    [
        ({}, True),
        ({"password": "wrong"}, False),
        ({"username": "username", "password": "password"}, True),
        ({"username": "username", "password": "other"}, False),
        ({"username": "otp", "password": "password"}, False),
        ({"username": "otp", "password": "password", "code": "0000"}, True),
        ({"username": "challenge", "password": "password", "answer": "red"}, False),
        ({"username": "challenge", "password": "password", "answer": "blue"}, True),
        ({"institution_id": "nowhere"}, False),
    ],
)
def test_logins_of_the_vendors_sandbox_do_what_they_say(bank, login, is_let_in):
    if is_let_in:
        assert enroll(bank, **login)["access_token"].startswith("test_token_")
    else:
        with pytest.raises(RefusedActionError):
            enroll(bank, **login)


@pytest.mark.parametrize("reason", ["", "account_locked", "user_action.web_login_required"])
async def test_login_named_after_a_reason_disconnects_at_the_first_question(bank, teller, reason):
    token = enroll(bank, username=reason or "disconnected", password="password")["access_token"]
    for _ in range(2):
        with pytest.raises(errors.TellerDisconnectedError) as caught:
            await teller.list_accounts(token)
        assert (caught.value.reason or "") == reason


async def test_pages_and_dates_are_those_of_the_vendor(bank, teller):
    token = enroll(bank)["access_token"]
    account = await named(teller, token, "Everyday Checking")
    whole = await teller.list_transactions(token, account.id)
    assert [row.date for row in whole] == sorted((row.date for row in whole), reverse=True)
    first = await teller.list_transactions(token, account.id, count=5)
    second = await teller.list_transactions(token, account.id, count=5, from_id=first[-1].id)
    assert [*first, *second] == list(whole[:10])
    one_day = await teller.list_transactions(token, account.id, start_date=whole[7].date, end_date=whole[7].date)
    assert list(one_day) == [row for row in whole if row.date == whole[7].date]
    assert (await teller.get_transaction(token, account.id, whole[3].id)) == whole[3]
    with pytest.raises(errors.TellerNotFoundError):
        await teller.list_transactions(token, account.id, count=5, from_id="txn_nobody")
    for bad in ("count=0", "count=x", "start_date=soon"):
        url = f"{bank.url}/teller/accounts/{account.id}/transactions?{bad}"
        assert httpx2.get(url, headers=basic(token)).status_code == 400


async def test_running_balances_and_amounts_add_up_to_the_ledger(bank, teller):
    token = enroll(bank)["access_token"]
    for name, sign in (("Everyday Checking", 1), ("Travel Card", -1)):
        account = await named(teller, token, name)
        world_id = bank.server.trace_account(account.id)
        assert (await teller.get_balances(token, account.id)).ledger == sign * bank.world.balance(world_id)
        rows = await teller.list_transactions(token, account.id)
        posted = [row for row in rows if row.status == "posted"]
        moved = sum((row.amount for row in posted), Decimal(0))
        truth = bank.world.truth(world_id)
        assert sign * moved + truth.opening_balance + truth.gap == truth.balance
        assert {row.running_balance is None for row in posted} == {name == "Travel Card"}
        assert all(row.running_balance is None for row in rows if row.status == "pending")


async def test_new_row_is_enriched_hours_later_and_posts_under_its_id(bank, teller):
    token = enroll(bank)["access_token"]
    account = await named(teller, token, "Everyday Checking")
    world_id = bank.server.trace_account(account.id)
    row_id = bank.world.script.add_pending(world_id, Decimal("-12.00"), "FRESH")
    (fresh,) = [row for row in await teller.list_transactions(token, account.id) if row.description == "FRESH"]
    assert (fresh.status, fresh.details.processing_status, fresh.details.category) == ("pending", "pending", None)
    bank.world.script.post(row_id)
    bank.world.advance(timedelta(hours=4))
    (posted,) = [row for row in await teller.list_transactions(token, account.id) if row.description == "FRESH"]
    assert (posted.id, posted.status, posted.details.processing_status) == (fresh.id, "posted", "complete")
    assert bank.server.trace_transaction(account.id, posted.id) == row_id


async def test_closed_account_and_missing_links_are_told(bank, teller):
    token = enroll(bank)["access_token"]
    closed, partial = await named(teller, token, "Rainy Day"), await named(teller, token, "Everyday Checking")
    bank.server.act("close_account", {"account_id": closed.id, "reason": "by_user"})
    bank.server.act("withhold", {"account_id": partial.id, "link": "balances"})
    with pytest.raises(errors.TellerAccountClosedError) as caught:
        await teller.get_balances(token, closed.id)
    assert caught.value.code == "account.closed.by_user"
    assert (await named(teller, token, "Rainy Day")).status == "closed"
    assert (await named(teller, token, "Everyday Checking")).links.balances is None
    with pytest.raises(errors.TellerNotFoundError):
        await teller.get_balances(token, partial.id)


async def test_deleted_account_and_enrolment_are_gone(bank, teller):
    token = enroll(bank)["access_token"]
    account = await named(teller, token, "Rainy Day")
    await teller.delete_account(token, account.id)
    assert "Rainy Day" not in {one.name for one in await teller.list_accounts(token)}
    await teller.delete_enrollment(token)
    with pytest.raises(errors.TellerAccessError):
        await teller.list_accounts(token)


async def test_micro_deposits_are_decided_when_rows_are_read(bank, teller):
    token = enroll(bank, username="verify.microdeposit", password="password")["access_token"]
    good, bad = await named(teller, token, "Success"), await named(teller, token, "Failure")
    for account in (good, bad):
        with pytest.raises(errors.TellerVerificationError) as caught:
            await teller.get_account_details(token, account.id)
        assert caught.value.reason == "pending"
        await teller.list_transactions(token, account.id, count=1)
    assert (await teller.get_account_details(token, good.id)).account_number.reveal().isdigit()
    with pytest.raises(errors.TellerVerificationError) as caught:
        await teller.get_account_details(token, bad.id)
    assert caught.value.reason == "expired"


async def test_holders_are_told_for_every_account(bank, teller):
    token = enroll(bank)["access_token"]
    told = await teller.list_identity(token)
    assert len(told) == len(await teller.list_accounts(token))
    for one in told:
        world = bank.world.accounts[bank.server.trace_account(one.account.id)]
        assert [owner.names[0].data for owner in one.owners] == [person.name for person in world.holders]


PAYEE = Payee(scheme="zelle", address="robin@example.test")


async def test_payment_leaves_the_account_once_for_each_key(bank, teller):
    token = enroll(bank)["access_token"]
    account = await named(teller, token, "Everyday Checking")
    before = (await teller.get_balances(token, account.id)).ledger
    assert (await teller.get_payment_options(token, account.id)).schemes[0].name == "zelle"
    assert (await teller.create_payee(token, account.id, PAYEE, idempotency_key="p")).id
    made = await teller.create_payment(token, account.id, Decimal("12.50"), PAYEE, idempotency_key="k")
    again = await teller.create_payment(token, account.id, Decimal("12.50"), PAYEE, idempotency_key="k")
    assert made == again
    assert (await teller.get_balances(token, account.id)).ledger == before - Decimal("12.50")
    assert [one.id for one in await teller.list_payments(token, account.id)] == [made.id]
    assert (await teller.get_payment(token, account.id, made.id)) == made
    bank.world.advance(timedelta(hours=73))
    third = await teller.create_payment(token, account.id, Decimal("12.50"), PAYEE, idempotency_key="k")
    assert third.id != made.id


async def test_payment_waits_for_its_second_factor(bank, teller):
    token = enroll(bank)["access_token"]
    account = await named(teller, token, "Everyday Checking")
    for memo, is_paid in (("otp", True), ("otp_error", False)):
        asked = await teller.create_payment(token, account.id, Decimal(5), PAYEE, idempotency_key=memo, memo=memo)
        assert isinstance(asked, SecondFactorNeeded)
        answer = {"connect_token": asked.connect_token.reveal(), "code": "0000"}
        if is_paid:
            assert bank.server.act("finish_payment", answer)["payment_id"].startswith("zpay_")
        else:
            with pytest.raises(RefusedActionError):
                bank.server.act("finish_payment", answer)
    assert len(await teller.list_payments(token, account.id)) == 1


async def test_payment_that_makes_no_sense_is_refused(bank, teller):
    token = enroll(bank)["access_token"]
    account = await named(teller, token, "Everyday Checking")
    with pytest.raises(errors.TellerInvalidRequestError):
        await teller.create_payment(
            token, account.id, Decimal(5), Payee(scheme="pigeon", address="x"), idempotency_key="k"
        )
    url = f"{bank.url}/teller/accounts/{account.id}/payments"
    assert httpx2.post(url, headers=basic(token), content=b"not json").status_code == 400


async def test_webhooks_arrive_signed_and_twice_when_asked(bank, teller):
    arrived = []

    async def receiver(scope, receive, send):
        body = (await receive()).get("body", b"")
        arrived.append(({name.decode(): value.decode() for name, value in scope["headers"]}, body))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    with LoopbackServer(receiver) as server:
        bank.server.act("register_webhook", {"url": f"{server.url}/teller"})
        told = enroll(bank)
        account = await named(teller, told["access_token"], "Everyday Checking")
        await bank.server.catch_up()
        bank.world.script.add_settled(bank.server.trace_account(account.id), Decimal("-3.50"), "TOLD UNASKED")
        await bank.server.catch_up()
        bank.server.act("repeat_webhook", {})
        await bank.server.catch_up()
    secrets = bank.server.credentials()["webhook_secrets"].split(",")
    first, second = (read_webhook(*one, secrets=secrets[-1:], now=bank.world.now) for one in arrived)
    assert (first.type, first.enrollment_id) == ("transactions.processed", told["enrollment_id"])
    assert [row["description"] for row in first.payload["transactions"]] == ["TOLD UNASKED"]
    assert first.id == second.id


def test_form_that_stands_in_for_the_widget_hands_out_the_signed_result(bank):
    shown = httpx2.get(f"{bank.url}/teller/connect", params={"setup": SETUP + "<script>"})
    assert "<form method=post>" in shown.text
    assert "<script>" not in shown.text
    form = {"setup": SETUP, "institution_id": "first_river", "username": "user_good", "password": "wrong"}
    refused = httpx2.post(f"{bank.url}/teller/connect", data=form)
    assert "role=alert" in refused.text
    done = httpx2.post(f"{bank.url}/teller/connect", data={**form, "password": "pass_good"})
    assert len(done.json()["signatures"]) == 1


@pytest.mark.parametrize(
    "setup", ["", "[]", "{}", SETUP.replace("app_sandbox", "app_other"), SETUP.replace('sandbox"', 'moon"')]
)
def test_setup_that_makes_no_sense_is_refused(bank, setup):
    with pytest.raises(RefusedActionError):
        enroll(bank, setup=setup)


@pytest.mark.parametrize("form", ["digest", "text"])
async def test_both_forms_of_the_signature_are_believed(simulate, form):
    with simulate(TellerFace(signed_form=form)) as bank:
        adapter = bank.adapter()
        assert (await bank.connect(adapter)).external_login_id
        await adapter.aclose()


async def test_same_login_enrolled_twice_has_other_ids_and_tokens(bank, teller):
    first, second = enroll(bank), enroll(bank)
    assert first["access_token"] != second["access_token"]
    ids = [{one.id for one in await teller.list_accounts(each["access_token"])} for each in (first, second)]
    assert not ids[0] & ids[1]
