"""Does each end of an order come out as it was: once, within the limits, and on record?"""

import asyncio
from collections import Counter
from decimal import Decimal
from uuid import uuid4

import pytest

from bursar.domain.result import Success

GROCERIES_AFTER = Decimal("412.66")


async def test_transfer_that_succeeds_moves_money_once_and_is_on_record(
    platform, alice, bank, used, events, look_after
) -> None:
    sent = await alice.send("12.34", description="Weekly groceries")
    assert (sent["status"], sent["amount"], sent["currency"], sent["error"]) == ("completed", "12.34", "USD", None)
    assert bank.payments() == bank.payments(1234) == 1
    assert bank.balance("7d3f1c52-5a0b-4b7e-9a61-2f60c1d40102") == GROCERIES_AFTER
    assert (await used(alice)).committed == Decimal("12.34")
    assert (await used(alice)).reserved == 0
    assert await events(alice, sent["id"]) == ["requested", "completed"]
    (order,) = bank.asked("CreatePayment")
    assert order["variables"]["achDescription"] == "Weekly groceries"

    # Which movement it was is found by looking, and then it is the same as in the ledger's rows.
    assert (await look_after(alice, sent["id"])).provider_transfer_id is not None
    shown = await alice.get(f"/transfers/{sent['id']}")
    assert isinstance(await platform.sync.sync_now(alice.tenant_id, alice.connection_id), Success)
    rows = await alice.get(f"/transactions?account_id={sent['source_account_id']}&q=Weekly")
    assert [(row["amount"], row["transaction_id"]) for row in rows if row["amount"] == "-12.34"] == [
        ("-12.34", f"{shown['provider_transfer_id']}:source")
    ]
    account = await alice.get(f"/accounts/{sent['source_account_id']}")
    assert account["balance"] == str(GROCERIES_AFTER)
    assert bank.payments() == 1


@pytest.mark.parametrize(
    ("amount", "source", "destination", "code"),
    [
        ("426", 102, 103, "insufficient_funds"),
        ("0.99", 102, 103, "amount_too_small"),
        ("5", 302, 103, "source_not_allowed"),
    ],
)
async def test_refused_transfer_moves_nothing_and_gives_its_reservation_back(
    alice, bank, used, events, amount, source, destination, code
) -> None:
    places = [f"7d3f1c52-5a0b-4b7e-9a61-2f60c1d4{number:04d}" for number in (source, destination)]
    sent = await alice.send(amount, source=places[0], destination=places[1])
    assert (sent["status"], sent["error"]["code"]) == ("failed", code)
    assert bank.payments() == 0
    assert (await used(alice)).used == 0
    assert await events(alice, sent["id"]) == ["requested", "failed"]


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "drop_after"},
        {"kind": "bad_json"},
        {"kind": "graphql_error", "executes": True},
        {"kind": "null_field", "path": ["forKYC", "createPayment", "ok"]},
    ],
    ids=lambda fault: fault["kind"],
)
async def test_lost_answer_of_a_transfer_that_happened_is_found_and_never_sent_again(
    alice, bank, used, events, look_after, fault
) -> None:
    bank.fault(**fault)
    sent = await alice.send("12.34", key="rent-march")
    assert (sent["status"], sent["error"]["code"]) == ("unknown", "transfer_outcome_unknown")
    assert (await used(alice)).reserved == Decimal("12.34")
    again = await alice.ask("12.34", key="rent-march")
    assert (again.status_code, again.json()["data"]["id"]) == (201, sent["id"])
    found = await look_after(alice, sent["id"])
    assert found.status == "completed"
    assert found.provider_transfer_id is not None
    assert (await used(alice)).committed == Decimal("12.34")
    assert (await used(alice)).reserved == 0
    assert await events(alice, sent["id"]) == ["requested", "outcome_unknown", "found"]
    assert bank.payments() == len(bank.asked("CreatePayment")) == 1


@pytest.mark.parametrize(
    "fault", [{"kind": "drop_before"}, {"kind": "html_body"}, {"kind": "status", "status": 502}], ids=str
)
async def test_lost_order_is_released_when_the_activity_has_shown_nothing_for_long(
    alice, bank, used, events, look_after, fault
) -> None:
    bank.fault(**fault)
    sent = await alice.send("12.34")
    assert sent["status"] == "unknown"
    for _ in range(3):
        bank.advance(minutes=4)
        assert (await look_after(alice, sent["id"])).status == "unknown"
        assert (await used(alice)).reserved == Decimal("12.34")
    bank.advance(minutes=4)
    found = await look_after(alice, sent["id"])
    assert (found.status, found.failure_code) == ("failed", "not_carried_out")
    assert (await used(alice)).used == 0
    assert await events(alice, sent["id"]) == ["requested", "outcome_unknown", "not_found"]
    assert bank.payments() == 0
    assert len(bank.asked("CreatePayment")) == 1


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 429, "retry_after": "30"},
        {"kind": "status", "status": 403},
        {"kind": "status", "status": 401},
        {"kind": "graphql_error", "code": "FORBIDDEN"},
    ],
    ids=str,
)
async def test_order_that_provably_did_not_run_fails_at_once(alice, bank, used, fault) -> None:
    bank.fault(**fault)
    sent = await alice.send("12.34")
    assert sent["status"] == "failed"
    assert sent["error"]["message"]
    assert (await used(alice)).used == 0
    assert bank.payments() == 0


async def test_place_reading_that_fails_before_the_order_sends_nothing(alice, bank, used) -> None:
    bank.fault("status", "SelectSourceAndDestination", status=503, times=3)
    sent = await alice.send("12.34")
    assert (sent["status"], sent["error"]["code"]) == ("failed", "provider_unavailable")
    assert bank.asked("CreatePayment") == []
    assert (await used(alice)).used == 0


@pytest.mark.parametrize("rules", [{"transfers_max_per_day": Decimal(70)}])
async def test_twenty_requests_at_once_never_exceed_the_days_limit(alice, bank, used) -> None:
    answers = await asyncio.gather(*(alice.ask("10") for _ in range(20)))
    told = Counter((one.status_code, one.json()["data"]["status"] if one.status_code == 201 else
                    one.json()["error"]["code"]) for one in answers)  # fmt: skip
    assert told == {(201, "completed"): 7, (409, "daily_limit_exceeded"): 13}
    assert bank.payments(1000) == bank.payments() == 7
    assert (await used(alice)).committed == Decimal(70)
    refused = next(one for one in answers if one.status_code == 409)
    assert "0.00 USD left" in refused.json()["error"]["message"]
    types = Counter(event["event_type"] for event in await alice.get("/audit_events?per_page=100"))
    assert types == {"transfer.requested": 7, "transfer.completed": 7, "transfer.rejected": 13}


@pytest.mark.parametrize("rules", [{"transfers_max_per_day": Decimal(70)}])
async def test_lost_answers_at_once_keep_the_limit_and_are_all_found(alice, bank, used, look_after) -> None:
    bank.fault("drop_after", times=4)
    bank.fault("drop_before", times=3)
    answers = await asyncio.gather(*(alice.ask("10") for _ in range(20)))
    sent = [one.json()["data"] for one in answers if one.status_code == 201]
    assert [one["status"] for one in sent] == ["unknown"] * 7
    assert (await used(alice)).reserved == Decimal(70)
    bank.advance(minutes=20)
    found = [await look_after(alice, one["id"]) for one in sent]
    assert Counter(one.status.value for one in found) == {"completed": 4, "failed": 3}
    assert len({one.provider_transfer_id for one in found if one.status == "completed"}) == 4
    assert ((await used(alice)).committed, (await used(alice)).reserved) == (Decimal(40), Decimal(0))
    assert bank.payments() == 4


async def test_twenty_requests_with_one_key_move_money_once(alice, bank) -> None:
    answers = await asyncio.gather(*(alice.ask("10", key="one") for _ in range(20)))
    assert {one.status_code for one in answers} <= {201, 409}
    assert {one.json()["error"]["code"] for one in answers if one.status_code == 409} <= {"idempotency_in_progress"}
    assert len({one.json()["data"]["id"] for one in answers if one.status_code == 201}) == 1
    assert bank.payments() == 1


async def test_key_stands_for_its_transfer_after_its_answer_was_forgotten(platform, alice, bank) -> None:
    sent = await alice.send("10", key="one")
    async with platform.database.transaction(alice.tenant_id) as tx:
        await tx.execute("DELETE FROM idempotency_keys WHERE tenant_id = %s", [alice.tenant_id])
    again = await asyncio.gather(*(alice.ask("10", key="one") for _ in range(5)))
    assert {one.json()["data"]["id"] for one in again if one.status_code == 201} == {sent["id"]}
    async with platform.database.transaction(alice.tenant_id) as tx:
        await tx.execute("DELETE FROM idempotency_keys WHERE tenant_id = %s", [alice.tenant_id])
    other = await alice.ask("11", key="one")
    assert (other.status_code, other.json()["error"]["code"]) == (422, "idempotency_key_reused")
    assert bank.payments() == 1


async def test_key_with_another_request_is_refused(alice, bank) -> None:
    await alice.send("10", key="one")
    other = await alice.ask("11", key="one")
    assert (other.status_code, other.json()["error"]["code"]) == (422, "idempotency_key_reused")
    assert bank.payments() == 1


@pytest.mark.parametrize(
    "headers", [{}, {"Idempotency-Key": ""}, {"Idempotency-Key": "a b"}, {"Idempotency-Key": "x" * 256}]
)
async def test_request_without_a_usable_key_is_refused(alice, bank, headers) -> None:
    answer = await alice.call("POST", "/transfers", headers=headers, json=alice.body())
    assert (answer.status_code, answer.json()["error"]["details"][0]["field"]) == (400, "Idempotency-Key")
    assert bank.asked("CreatePayment") == []


async def test_movement_that_somebody_made_by_hand_leaves_it_open(alice, bank, used, look_after) -> None:
    bank.fault("drop_after")
    sent = await alice.send("12.34")
    other = await alice.send("12.34")
    assert other["status"] == "completed"
    # A third one, which the platform knows nothing of.
    by_hand = bank.asked("CreatePayment")[0]["variables"]
    document = "mutation CreatePayment($id: ID!, $s: PaymentAccountInput!, $d: PaymentAccountInput!) { forKYC(id: $id) { createPayment(fields: {amount: 1234, source: $s, destination: $d}) { ok { organization { id } } } } }"  # noqa: E501
    answer = bank.control.post(
        "/api/graphql",
        json={
            "query": document,
            "variables": {"id": by_hand["id"], "s": by_hand["source"], "d": by_hand["destination"]},
        },
        headers={"authorization": f"Bearer {bank.issue()}"},
    )
    assert "errors" not in answer.json(), answer.text
    assert bank.payments(1234) == 3
    bank.advance(days=1)
    assert (await look_after(alice, sent["id"])).status == "unknown"
    bank.advance(days=30)
    last = await look_after(alice, sent["id"])
    assert (last.status, last.check_at) == ("unknown", None)


async def test_day_of_the_limit_begins_at_midnight_in_new_york(alice, bank, used) -> None:
    bank.advance(hours=12, minutes=59)  # 2025-01-16T04:59Z, still the 15th there
    assert (await alice.send("10"))["limit_day"] == "2025-01-15"
    bank.advance(minutes=1)
    assert (await alice.send("10"))["limit_day"] == "2025-01-16"
    assert (await used(alice)).used == Decimal(10)


async def test_late_proof_is_counted_over_the_limit_if_need_be(platform, alice, bank, used, look_after) -> None:
    from bursar.domain.audit import AuditEventType
    from bursar.domain.transfers import TransferStatus
    from bursar.services.transfer_outcomes import Outcome, settle

    bank.fault("drop_before")
    sent = await alice.send("10")
    bank.advance(minutes=16)
    failed = await look_after(alice, sent["id"])
    assert failed.status == "failed"
    proof = Outcome(status=TransferStatus.COMPLETED, event=AuditEventType.TRANSFER_COMPLETED)
    for _ in range(2):
        async with platform.database.transaction(alice.tenant_id) as tx:
            await settle(tx, alice.tenant_id, failed.id, proof, actor=None, at=platform.clock.now())
    assert (await used(alice)).committed == Decimal(10)
    assert (await alice.get(f"/transfers/{sent['id']}"))["status"] == "completed"


async def test_connection_that_is_gone_leaves_an_unknown_transfer_open(alice, bank, look_after, used) -> None:
    bank.fault("drop_after")
    sent = await alice.send("10", key=str(uuid4()))
    assert (await alice.call("DELETE", f"/connections/{alice.connection_id}")).status_code == 204
    bank.advance(hours=1)
    assert (await look_after(alice, sent["id"])).status == "unknown"
    assert (await used(alice)).reserved == Decimal(10)
