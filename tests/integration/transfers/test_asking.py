"""What may be asked for, by whom, and what is refused before anything is sent?"""

import asyncio
from decimal import Decimal
from uuid import uuid4

import pytest

from bursar.domain.ids import new_id
from bursar.providers.sequence.sandbox.reference import id_of

HEADER = b"OFXHEADER:100\nDATA:OFXSGML\nVERSION:102\n\n"
STATEMENT = HEADER + (
    b"<OFX><SIGNONMSGSRSV1><SONRS><STATUS><CODE>0<SEVERITY>INFO</STATUS><DTSERVER>20250101<LANGUAGE>ENG"
    b"<FI><ORG>Hudson<FID>4242</FI></SONRS></SIGNONMSGSRSV1><BANKMSGSRSV1><STMTTRNRS><TRNUID>1<STATUS><CODE>0"
    b"<SEVERITY>INFO</STATUS><STMTRS><CURDEF>USD<BANKACCTFROM><BANKID>111000025<ACCTID>000123456789"
    b"<ACCTTYPE>CHECKING</BANKACCTFROM><BANKTRANLIST><DTSTART>20250101<DTEND>20250131</BANKTRANLIST>"
    b"<LEDGERBAL><BALAMT>10.00<DTASOF>20250131</LEDGERBAL></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>"
)


def code_of(answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


@pytest.mark.parametrize("rules", [{"transfers_enabled": False}])
async def test_switched_off_every_route_says_how_to_switch_it_on_and_the_rest_works(alice, bank, new_user) -> None:
    reader = await new_user(of=alice, role="readonly")
    transfer_id = new_id()
    for user, method, path in (
        (alice, "POST", "/transfers"),
        (alice, "GET", "/transfers"),
        (reader, "GET", "/transfers"),
        (alice, "GET", f"/transfers/{transfer_id}"),
        (alice, "POST", f"/transfers/{transfer_id}/confirmations"),
        (alice, "DELETE", f"/transfers/{transfer_id}"),
    ):
        arguments = {"key": "k", "json": alice.body() if path == "/transfers" else {}} if method == "POST" else {}
        answer = await user.call(method, path, **arguments)
        assert code_of(answer) == (403, "transfers_disabled"), (method, path)
        assert "BURSAR_TRANSFERS_ENABLED=true" in answer.json()["error"]["message"]
    assert bank.asked("CreatePayment") == []
    assert len(await alice.get("/accounts")) == 8
    assert await alice.get("/audit_events") == []


async def test_transfers_are_off_unless_the_operator_says_otherwise(open_test_platform, database_url, tmp_path) -> None:
    from bursar.bootstrap import open_platform
    from bursar.settings import Settings

    settings = Settings(database_url=database_url, home=tmp_path / "home")  # pyright: ignore[reportArgumentType]
    assert settings.transfers_enabled is False
    async with open_platform(settings) as platform:
        assert platform.transfers.refuse() is not None


@pytest.mark.parametrize(
    "amount",
    [
        *(0, -1, "0", "-12.34", "0.001", "12.345", "1,000", "", " 5", "5 ", "1e2", "NaN", "Infinity", "٣"),
        *(True, False, None, [], {}, "0x10", "1_000", 10**15, str(10**15), "9" * 40),
    ],
    ids=repr,
)
async def test_amount_that_is_none_is_refused_and_sends_nothing(alice, bank, amount) -> None:
    answer = await alice.ask(amount)
    assert code_of(answer) == (400, "validation_error")
    assert [one["field"] for one in answer.json()["error"]["details"]] == ["amount"]
    assert bank.asked("CreatePayment") == []


@pytest.mark.parametrize("written", ["12.34", "12.340", "+12.34"])
async def test_amount_is_read_exactly_as_it_is_written(alice, bank, written) -> None:
    assert (await alice.send(written))["amount"] == "12.34"
    assert bank.payments(1234) == 1


async def test_json_number_is_read_from_its_digits(alice, bank) -> None:
    sent = alice.body("@")
    text = __import__("json").dumps(sent).replace('"@"', "1.10")
    answer = await alice.call("POST", "/transfers", key="k", content=text, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["data"]["amount"]) == (201, "1.10")
    assert bank.payments(110) == 1
    assert (await alice.send(7))["amount"] == "7.00"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"description": "x" * 141}, "description"),
        ({"description": "two\nlines"}, "description"),
        ({"currency": "usd"}, "currency"),
        ({"instant": "yes"}, "instant"),
        ({"confirm": 1}, "confirm"),
        ({"source_account_id": "1"}, "source_account_id"),
        ({"amount_cents": 5}, "amount_cents"),
    ],
    ids=str,
)
async def test_member_that_does_not_fit_is_refused(alice, bank, change, field) -> None:
    answer = await alice.call("POST", "/transfers", key="k", json=alice.body() | change)
    assert code_of(answer) == (400, "validation_error")
    assert [one["field"] for one in answer.json()["error"]["details"]] == [field]
    assert bank.asked("CreatePayment") == []


async def test_what_makes_no_sense_as_a_whole_is_refused(alice, bank) -> None:
    body = alice.body()
    for change in (
        {"destination_account_id": body["source_account_id"]},
        {"currency": "EUR"},
        {"connection_id": str(uuid4())},
    ):
        answer = await alice.call("POST", "/transfers", key=str(uuid4()), json=body | change)
        assert code_of(answer) == (422, "unprocessable_entity"), change
    assert bank.asked("CreatePayment") == []


@pytest.mark.parametrize("rules", [{"transfers_max_amount": Decimal(50)}])
async def test_limit_of_one_transfer_is_kept_to_the_cent_and_its_refusal_is_on_record(alice, bank, used) -> None:
    answer = await alice.ask("50.01")
    assert code_of(answer) == (400, "validation_error")
    assert "50.00 USD" in answer.json()["error"]["details"][0]["message"]
    (event,) = await alice.get("/audit_events")
    assert (event["event_type"], event["data"]["code"]) == ("transfer.rejected", "transfer_limit_exceeded")
    assert (event["data"]["amount"], event["actor_user_id"]) == ("50.01", str(alice.user_id))
    assert (await used(alice)).used == 0
    assert (await alice.send("50"))["status"] == "completed"
    assert bank.payments() == 1


async def test_account_from_a_file_cannot_be_moved_to(alice, bank) -> None:
    uploaded = await alice.call("POST", "/imports", files={"file": ("a.qfx", STATEMENT)})
    assert uploaded.status_code == 201, uploaded.text
    filed = next(one["id"] for one in await alice.get("/accounts") if one["account_number_masked"].endswith("6789"))
    answer = await alice.call("POST", "/transfers", key="k", json=alice.body() | {"destination_account_id": filed})
    assert code_of(answer) == (422, "unprocessable_entity")
    assert bank.asked("CreatePayment") == []


async def test_only_an_administrator_moves_money_and_everybody_sees_it(alice, bank, new_user) -> None:
    sent = await alice.send("5", confirm=True)
    for role in ("user", "readonly"):
        other = await new_user(of=alice, role=role)
        assert code_of(await other.ask("5")) == (403, "permission_denied")
        assert code_of(await other.call("POST", f"/transfers/{sent['id']}/confirmations")) == (403, "permission_denied")
        assert code_of(await other.call("DELETE", f"/transfers/{sent['id']}")) == (403, "permission_denied")
        assert [one["id"] for one in await other.get("/transfers")] == [sent["id"]]
    assert bank.asked("CreatePayment") == []


async def test_another_tenants_accounts_and_transfers_look_like_ones_that_never_were(alice, bank, new_user) -> None:
    bob = await new_user()
    sent, staged = await alice.send("5"), await alice.send("6", confirm=True)
    for source, destination in ((sent["source_account_id"], sent["destination_account_id"]), (str(new_id()),) * 2):
        body = {"source_account_id": source, "destination_account_id": destination, "amount": "5"}
        if source == destination:
            body["destination_account_id"] = str(new_id())
        answer = await bob.call("POST", "/transfers", key=str(uuid4()), json=body)
        assert code_of(answer) == (404, "resource_not_found")
        assert answer.json()["error"]["message"] == "There is no such account."
    for transfer_id in (sent["id"], staged["id"], str(new_id())):
        for method, path in (("GET", ""), ("POST", "/confirmations"), ("DELETE", "")):
            answer = await bob.call(method, f"/transfers/{transfer_id}{path}")
            assert code_of(answer) == (404, "resource_not_found")
    assert await bob.get("/transfers") == await bob.get("/audit_events") == []
    assert await bob.get(f"/transfers?account_id={sent['source_account_id']}") == []
    assert (await alice.get(f"/transfers/{staged['id']}"))["status"] == "awaiting_confirmation"
    assert bank.payments() == 1


async def test_one_key_of_two_users_is_two_transfers(alice, bank, new_user) -> None:
    other = await new_user(of=alice)
    assert (await alice.send("5", key="same"))["id"] != (await other.send("5", key="same"))["id"]
    assert bank.payments(500) == 2


async def test_staged_transfer_is_sent_once_however_often_it_is_confirmed(alice, bank, used, events, new_user) -> None:
    staged = await alice.send("5", confirm=True)
    assert (staged["status"], staged["limit_day"], staged["expires_at"]) == (
        "awaiting_confirmation",
        None,
        "2025-01-15T16:15:00Z",
    )
    assert bank.asked("CreatePayment") == []
    assert (await used(alice)).used == 0
    second = await new_user(of=alice)
    answers = await asyncio.gather(
        *(who.call("POST", f"/transfers/{staged['id']}/confirmations") for who in (alice, second) * 5)
    )
    assert {one.status_code for one in answers} == {200}
    shown = await alice.get(f"/transfers/{staged['id']}")
    assert shown["status"] == "completed"
    assert shown["confirmed_by"] in {str(alice.user_id), str(second.user_id)}
    assert bank.payments(500) == bank.payments() == 1
    assert await events(alice, staged["id"]) == ["staged", "confirmed", "requested", "completed"]
    assert (await used(alice)).committed == Decimal(5)


@pytest.mark.parametrize("rules", [{"transfers_always_confirm": True}])
async def test_operator_may_have_every_transfer_confirmed(alice, bank) -> None:
    staged = await alice.send("5")
    assert staged["status"] == "awaiting_confirmation"
    assert bank.asked("CreatePayment") == []
    answer = await alice.call("POST", f"/transfers/{staged['id']}/confirmations", key="c")
    assert answer.json()["data"]["status"] == "completed"
    again = await alice.call("POST", f"/transfers/{staged['id']}/confirmations", key="c")
    assert again.headers["idempotency-replayed"] == "true"
    assert bank.payments() == 1


async def test_confirmation_that_comes_too_late_sends_nothing(alice, bank, events, look_after) -> None:
    first, second = await alice.send("5", confirm=True), await alice.send("6", confirm=True)
    bank.advance(minutes=14, seconds=59)
    assert (await look_after(alice, first["id"])).status == "awaiting_confirmation"
    bank.advance(seconds=1)
    assert (await look_after(alice, first["id"])).status == "expired"
    for staged in (first, second):
        for _ in range(2):
            answer = await alice.call("POST", f"/transfers/{staged['id']}/confirmations")
            assert code_of(answer) == (409, "confirmation_expired")
        assert await events(alice, staged["id"]) == ["staged", "expired"]
    assert bank.asked("CreatePayment") == []


async def test_transfer_that_was_called_off_cannot_be_confirmed(alice, bank, events) -> None:
    staged = await alice.send("5", confirm=True)
    for _ in range(2):
        assert (await alice.call("DELETE", f"/transfers/{staged['id']}")).status_code == 204
    answer = await alice.call("POST", f"/transfers/{staged['id']}/confirmations")
    assert code_of(answer) == (409, "invalid_transition")
    assert await events(alice, staged["id"]) == ["staged", "cancelled"]
    assert bank.asked("CreatePayment") == []


async def test_transfer_that_was_sent_cannot_be_called_off(alice, bank) -> None:
    sent = await alice.send("5")
    assert code_of(await alice.call("DELETE", f"/transfers/{sent['id']}")) == (409, "invalid_transition")
    assert (await alice.get(f"/transfers/{sent['id']}"))["status"] == "completed"


@pytest.mark.parametrize("rules", [{"transfers_max_per_day": Decimal(10)}])
async def test_confirmation_that_does_not_fit_into_the_day_may_come_again(alice, bank, used, events) -> None:
    bank.advance(hours=12, minutes=55)
    staged = await alice.send("8", confirm=True)
    await alice.send("5")
    answer = await alice.call("POST", f"/transfers/{staged['id']}/confirmations")
    assert code_of(answer) == (409, "daily_limit_exceeded")
    assert "5.00 USD left" in answer.json()["error"]["message"]
    bank.advance(minutes=6)  # a new day in New York
    answer = await alice.call("POST", f"/transfers/{staged['id']}/confirmations")
    assert answer.json()["data"]["status"] == "completed"
    assert await events(alice, staged["id"]) == ["staged", "rejected", "confirmed", "requested", "completed"]
    assert bank.payments() == 2


async def test_transfers_are_listed_by_status_and_account(alice, bank) -> None:
    sent = await alice.send("5")
    staged = await alice.send("6", source=id_of(201), destination=id_of(101), confirm=True)
    assert [one["id"] for one in await alice.get("/transfers")] == [staged["id"], sent["id"]]
    assert [one["id"] for one in await alice.get("/transfers?status=completed,failed")] == [sent["id"]]
    assert [one["id"] for one in await alice.get(f"/transfers?account_id={staged['source_account_id']}")] == [
        staged["id"]
    ]
    assert code_of(await alice.call("GET", "/transfers?status=done")) == (400, "validation_error")
    assert set(await alice.get(f"/transfers/{sent['id']}?fields=id,status")) == {"id", "status"}


async def test_nothing_secret_or_numbered_is_on_record(alice, bank) -> None:
    bank.fault("drop_after")
    await alice.send("5", source=id_of(201), description="a private word")
    text = str(await alice.get("/audit_events")) + str(await alice.get("/transfers"))
    for secret in ("0003044", "Bearer", "eyJ", id_of(201), "a private word"):
        assert secret not in str(await alice.get("/audit_events"))
    assert "eyJ" not in text
