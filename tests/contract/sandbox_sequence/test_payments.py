"""Which payments are refused, what becomes of those that are made, and what a broken connection leaves behind."""

import httpx2
import pytest
from tests.contract.sandbox_sequence.conftest import Stage

from bursar.providers.sequence.sandbox.reference import id_of

INTERNAL, OUT = (101, 102), (101, 301)
PULLED, THROUGH = (301, 101), (301, 302)


@pytest.mark.parametrize(
    ("cents", "source", "destination", "message"),
    [
        (99, "POD:9999", 101, "Minimum transfer amount is $1.00"),
        (-500, 101, 102, "Minimum transfer amount is $1.00"),
        (100, "POD:9999", "POD:9998", "Source account not found"),
        (100, "PORT:101", 102, "Source account not found"),
        (100, "POD:111", 102, "Source account not found"),
        (100, 101, "ACCOUNT:102", "Destination account not found"),
        (100, 101, 101, "Source and destination must be different"),
        (100, 302, 302, "Source and destination must be different"),
        (10**9, 302, 101, "This account cannot be used as a source"),
        (100, 303, 101, "This account cannot be used as a source"),
        (42_501, 102, 101, "Insufficient funds"),
        (250_001, 301, 101, "Insufficient funds"),
    ],
)
def test_first_reason_against_a_payment_answers(
    stage: Stage, cents: int, source: object, destination: object, message: str
) -> None:
    before = stage.balances()
    answer = stage.pay(cents, source, destination)
    assert answer.status_code == 200
    assert answer.json() == {"data": {"forKYC": {"createPayment": {"ok": None, "error": {"message": message}}}}}
    assert stage.balances() == before
    assert len(stage.transfers()) == 5


@pytest.mark.parametrize("kyc_id", [id_of(12), id_of(4242)])
def test_payment_for_somebody_else_is_not_found(stage: Stage, kyc_id: str) -> None:
    answer = stage.pay(100, *INTERNAL, id=kyc_id)
    assert answer.json()["data"] == {"forKYC": None}
    assert answer.json()["errors"][0]["extensions"]["code"] == "NOT_FOUND"


def test_amount_beyond_32_bits_is_refused_before_anything_runs(stage: Stage) -> None:
    answer = stage.pay(2**31, *INTERNAL)
    assert (answer.status_code, "data" in answer.json()) == (400, False)


def test_payment_between_pods_is_complete_at_once(stage: Stage) -> None:
    answer = stage.pay(500, *INTERNAL).json()["data"]["forKYC"]["createPayment"]["ok"]
    balances = {pod["id"][-4:]: pod["metadata"]["balance"]["cents"] for pod in answer["organization"]["pods"]}
    assert (balances["0101"], balances["0102"]) == (149_500, 43_000)
    transfer = stage.page(first=1)["edges"][0]["node"]
    assert (transfer["status"], transfer["direction"], transfer["type"]) == (
        "COMPLETE",
        "INTERNAL",
        "ONE_TIME_TRANSFER",
    )
    assert (transfer["activityType"], transfer["description"]) == ("ONE_TIME_TRANSFER", "Top up")
    assert transfer["details"]["status"]["completedAt"] == "2025-01-15T16:00:00.000Z"


def test_same_payment_twice_moves_money_twice(stage: Stage) -> None:
    first, second = stage.paid(500, *INTERNAL), stage.paid(500, *INTERNAL)
    assert first["id"] != second["id"]
    assert stage.balances()["0101"] == 149_000


def test_exact_balance_may_be_spent(stage: Stage) -> None:
    assert stage.paid(42_500, 102, 101)["status"] == "COMPLETE"
    assert stage.balances()["0102"] == 0


# Wednesday the 15th; Monday the 20th is a holiday.
@pytest.mark.parametrize(
    ("made_at", "completed_on"),
    [
        ("2025-01-15T19:59:59+00:00", "2025-01-15"),
        ("2025-01-15T20:00:00+00:00", "2025-01-16"),
        ("2025-01-17T20:30:00+00:00", "2025-01-21"),
        ("2025-01-18T15:00:00+00:00", "2025-01-21"),
        ("2025-01-20T15:00:00+00:00", "2025-01-21"),
    ],
)
def test_payment_out_is_complete_on_its_business_day(stage: Stage, made_at: str, completed_on: str) -> None:
    stage.control("clock", set=made_at)
    transfer = stage.paid(1_000, *OUT)
    assert (transfer["status"], transfer["direction"]) == ("PROCESSING", "OUTGOING")
    assert transfer["details"]["status"]["expectedCompletionDate"] == completed_on
    assert stage.balances()["0101"] == (149_000 if made_at < "2025-01-17T14" else 159_000)
    stage.control("clock", advance={"minutes": 2})
    assert find(stage, transfer)["status"] == "PENDING"
    stage.control("clock", set=f"{completed_on}T21:59:59+00:00")
    assert find(stage, transfer)["status"] == "PENDING"
    stage.control("clock", set=f"{completed_on}T22:00:00+00:00")
    done = find(stage, transfer)
    assert done["status"] == "COMPLETE"
    assert done["details"]["status"]["completedAt"] == f"{completed_on}T22:00:00.000Z"
    assert done["updatedAt"] > done["createdAt"]


def test_pull_of_the_set_arrives_after_three_business_days(stage: Stage) -> None:
    stage.control("clock", set="2025-01-17T13:59:59+00:00")
    assert stage.balances()["0101"] == 150_000
    stage.control("clock", set="2025-01-17T14:00:00+00:00")
    [pulled] = [one for one in stage.transfers() if one["id"] == id_of(902)]
    assert pulled["status"] == "COMPLETE"
    assert {pulled["details"][leg]["status"] for leg in ("pullPaymentStatus", "pushPaymentStatus")} == {"COMPLETE"}
    assert (stage.balances()["0101"], stage.balances()["0301"]) == (160_000, 240_000)


def test_pull_across_a_holiday_takes_longer(stage: Stage) -> None:
    stage.control("clock", set="2025-01-17T15:00:00+00:00")
    transfer = stage.paid(1_000, *PULLED)
    assert (transfer["status"], transfer["direction"]) == ("PENDING", "INCOMING")
    assert transfer["details"]["pullPaymentStatus"]["expectedCompletionDate"] == "2025-01-23"


def test_payment_from_outside_to_outside_is_pulled_then_pushed(stage: Stage) -> None:
    transfer = stage.paid(4_215, *THROUGH)
    assert (transfer["status"], transfer["direction"]) == ("PENDING", "OUTGOING")
    stage.control("clock", set="2025-01-21T14:00:00+00:00")
    under_way = find(stage, transfer)
    assert under_way["status"] == "PENDING"
    assert under_way["details"]["pullPaymentStatus"]["status"] == "COMPLETE"
    assert under_way["details"]["pushPaymentStatus"]["status"] == "PROCESSING"
    stage.control("clock", set="2025-01-21T22:00:00+00:00")
    assert find(stage, transfer)["status"] == "COMPLETE"
    # 10,000 of it is the pull of the set; the card owes less.
    assert (stage.balances()["0301"], stage.balances()["0302"]) == (250_000 - 10_000 - 4_215, 80_000)


def test_push_that_fails_is_taken_back(stage: Stage) -> None:
    transfer = stage.paid(4_215, *THROUGH)
    stage.control("payments/fail", transfer_id=transfer["id"], leg="push", reason="NAME_MISMATCH")
    stage.control("clock", set="2025-01-21T22:00:00+00:00")
    failed = find(stage, transfer)
    assert (failed["status"], failed["errorReason"]) == ("FAILED", "NAME_MISMATCH")
    assert failed["details"]["reversalPaymentStatus"]["status"] == "PENDING"
    stage.control("clock", set="2025-01-22T14:00:00+00:00")
    assert find(stage, transfer)["details"]["reversalPaymentStatus"]["status"] == "COMPLETE"
    assert find(stage, transfer)["status"] == "FAILED"
    assert (stage.balances()["0301"], stage.balances()["0302"]) == (240_000, 84_215)


def test_payment_out_that_fails_gives_the_money_back(stage: Stage) -> None:
    transfer = stage.paid(1_000, *OUT)
    stage.control("payments/fail", transfer_id=transfer["id"], leg="push", reason="DISCONNECTED_ACCOUNT")
    stage.control("clock", set="2025-01-15T22:00:00+00:00")
    assert find(stage, transfer)["status"] == "FAILED"
    assert stage.balances()["0101"] == 150_000


def test_pull_beyond_what_is_left_fails_when_it_is_due(stage: Stage) -> None:
    first, second = stage.paid(240_000, *PULLED), stage.paid(240_000, *PULLED)
    stage.control("clock", set="2025-01-22T14:00:00+00:00")
    assert find(stage, first)["status"] == "COMPLETE"
    assert (find(stage, second)["status"], find(stage, second)["errorReason"]) == ("FAILED", "INSUFFICIENT_FUNDS")


def test_answer_that_is_lost_leaves_exactly_one_transfer(stage: Stage) -> None:
    stage.control("faults", kind="drop_after", operation="CreatePayment")
    with pytest.raises(httpx2.RemoteProtocolError):
        stage.pay(500, *INTERNAL)
    assert [one["amount"]["cents"] for one in stage.transfers()][:-5] == [500]
    assert stage.balances()["0101"] == 149_500


def test_request_that_is_lost_leaves_none(stage: Stage) -> None:
    stage.control("faults", kind="drop_before", operation="CreatePayment")
    with pytest.raises(httpx2.RemoteProtocolError):
        stage.pay(500, *INTERNAL)
    assert len(stage.transfers()) == 5
    assert stage.balances()["0101"] == 150_000


def find(stage: Stage, transfer: dict) -> dict:
    return next(one for one in stage.transfers() if one["id"] == transfer["id"])
