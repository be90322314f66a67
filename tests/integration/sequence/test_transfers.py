"""Does money move once and only once at a Sequence whose network breaks, and do limits and record agree with it?"""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from bursar.providers.sequence import (
    AsyncSequenceClient,
    AuditLog,
    DailyLimitTracker,
    GraphQLError,
    GuardedTransfers,
    NotFoundError,
    Order,
    RateLimitedError,
    SequenceClient,
    TransferError,
    TransferIntent,
    TransferOutcome,
    TransferOutcomeUnknownError,
)
from bursar.providers.sequence.sdk import models
from bursar.providers.sequence.sdk.reconciliation import SETTLING_TIME


def balances(client) -> dict[str, int]:
    return {pod["name"]: pod["balance_cents"] for pod in client.get_pods()}


def present(simulated) -> None:
    """The books of the simulator stand in 2025; a transfer is looked for by the time at which it was made."""
    simulated.control("clock", set=datetime.now(UTC).isoformat(), pace=1)


def send(client, simulated, cents=500, **changes):
    return client.transfer(
        **{
            "kyc_id": simulated.kyc_id,
            "source_id": simulated.pods[0],
            "destination_id": simulated.pods[1],
            "amount_cents": cents,
            **changes,
        }
    )


def test_transfer_moves_money_between_pods(client, simulated):
    answer = send(client, simulated)
    assert answer["organization"]["id"] == simulated.org_id
    assert balances(client)["Emergency Fund"] == 149_500
    assert balances(client)["Groceries"] == 43_000


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"cents": 50}, "Minimum transfer amount"),
        ({"cents": 999_999_99}, "Insufficient funds"),
        ({"source_type": "PORT"}, "Source account not found"),
        ({"destination_id": "nobody"}, "Destination account not found"),
    ],
)
def test_refusal_is_told_and_moves_nothing(client, simulated, changes, said):
    with pytest.raises(TransferError, match=f"Transfer failed: {said}"):
        send(client, simulated, **changes)
    assert client.get_total_balance()["total_balance_cents"] == 500_000


def test_another_persons_kyc_is_a_clear_refusal(client, simulated):
    with pytest.raises(GraphQLError):
        send(client, simulated, kyc_id="somebody")


@pytest.mark.parametrize(
    ("fault", "outcome", "moved"),
    [("drop_after", TransferOutcome.HAPPENED, 500), ("drop_before", TransferOutcome.DID_NOT_HAPPEN, 0)],
)
def test_transfer_that_broke_off_is_found_out_about_and_never_repeated(client, simulated, fault, outcome, moved):
    present(simulated)
    before = balances(client)  # on a connection that the transfer could be repeated on
    simulated.control("faults", kind=fault, operation="CreatePayment", times=5)
    with pytest.raises(TransferOutcomeUnknownError) as caught:
        send(client, simulated)
    found = client.reconcile_transfer(simulated.org_id, caught.value.intent)
    if outcome is TransferOutcome.DID_NOT_HAPPEN:
        # Seconds later it could still be carried out.
        assert found.outcome is TransferOutcome.CANNOT_TELL
        intent = caught.value.intent
        earlier = datetime.fromtimestamp(intent.requested_at.timestamp(), UTC) - SETTLING_TIME
        intent = TransferIntent(intent.source_id, intent.destination_id, intent.amount_cents, earlier)
        found = client.reconcile_transfer(simulated.org_id, intent)
    assert found.outcome is outcome
    assert simulated.operations().count("CreatePayment") == 1
    assert before["Emergency Fund"] - balances(client)["Emergency Fund"] == moved
    if moved:
        assert client.get_transfer_detail(simulated.org_id, found.transfer_id)["amount_cents"] == 500


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 500},
        {"kind": "status", "status": 503},
        {"kind": "html_body"},
        {"kind": "bad_json"},
        {"kind": "null_field", "path": ["forKYC", "createPayment", "ok"]},
        {"kind": "graphql_error", "executes": True},
    ],
)
def test_unclear_answer_is_an_unknown_outcome(client, simulated, fault):
    simulated.control("faults", operation="CreatePayment", times=5, **fault)
    with pytest.raises(TransferOutcomeUnknownError):
        send(client, simulated)
    assert simulated.operations().count("CreatePayment") == 1


def test_transfer_after_a_refused_token_moves_once(simulated):
    old, new = simulated.token(), simulated.token()
    simulated.control("tokens/revoke", token=old)
    tokens = iter([old, new, new])
    with SequenceClient("unused", lambda: next(tokens)) as client:
        send(client, simulated)
        assert balances(client)["Emergency Fund"] == 149_500


def test_guarded_transfer_agrees_with_what_happened(client, simulated):
    present(simulated)
    limits, audit = DailyLimitTracker(max_daily_cents=1_000, tz="America/New_York", strict=True), AuditLog()
    guarded = GuardedTransfers(client, limits=limits, audit=audit)
    before = balances(client)["Emergency Fund"]
    order = Order(simulated.kyc_id, simulated.pods[0], simulated.pods[1], 400)
    made = guarded.send(order)
    assert client.get_transfer_detail(simulated.org_id, made.transfer_id)["details"]["type"] == "simple"
    simulated.control("faults", kind="drop_after", operation="CreatePayment")
    other = Order(simulated.kyc_id, simulated.pods[1], simulated.pods[0], 300)
    with pytest.raises(TransferOutcomeUnknownError) as caught:
        guarded.send(other)
    assert limits.check(0) == (True, 300)
    assert guarded.settle(simulated.org_id, caught.value).outcome is TransferOutcome.HAPPENED
    with pytest.raises(TransferError):
        guarded.send(Order(simulated.kyc_id, simulated.pods[0], simulated.pods[1], 50))
    assert limits.check(0) == (True, 300)
    told = [json.loads(line)["event_type"] for line in audit.path.read_text().splitlines()]
    assert told == [
        "transfer_requested",
        "transfer_completed",
        "transfer_requested",
        "transfer_outcome_unknown",
        "transfer_completed",
        "transfer_requested",
        "transfer_failed",
    ]
    assert balances(client)["Emergency Fund"] == before - 400 + 300


# --- reading ---


def test_every_method_reads_the_reference_set_under_strict_headers(client, simulated):
    simulated.control("strict", headers=True, pacing=True)
    org = simulated.org_id
    accounts = client.read_accounts()
    assert [pod.name for pod in accounts.pods] == ["Emergency Fund", "Groceries", "Rent", "Vacation Savings"]
    assert [account.balance_cents for account in accounts.accounts] == [250_000, 84_215, None]
    assert models.AllAccounts.model_validate(client.get_all_accounts(org)).accounts[2].balance == "$0.00"
    assert client.get_pod_balance("emergency")["id"] == simulated.pods[0]
    page = models.ActivityPage.model_validate(client.get_activity(org, hide_internal=True))
    assert [one.id[-4:] for one in page.transfers] == ["0902", "0904", "0905"]
    assert client.get_activity_summary()["rule_executions"] == 1
    ids = [one["id"] for one in client.iter_activity(org, first=2)]
    assert [one[-4:] for one in ids] == ["0901", "0902", "0903", "0904", "0905"]
    assert client.get_transfer_detail(org, ids[1])["details"]["pull"]["expected_completion"] == "2025-01-17"
    assert client.get_transfer_detail(org, ids[2])["rule"]["trigger_cron"] == "0 13 10 * *"
    assert client.get_pod_detail(org, simulated.pods[3])["goalAmountInCents"] == 100_000
    with pytest.raises(NotFoundError):
        client.get_pod_detail(org, "nobody")
    with pytest.raises(GraphQLError, match="FORBIDDEN"):
        client.get_activity(org[:-4] + "0011")


async def test_async_client_reads_the_same(simulated, client):
    async with AsyncSequenceClient(simulated.token()) as other:
        assert (await other.get_total_balance()) == client.get_total_balance()


def test_five_threads_that_share_a_client_keep_the_pace(client, simulated):
    simulated.control("strict", headers=True, pacing=True)
    with ThreadPoolExecutor(5) as threads:
        told = list(threads.map(lambda _: client.get_total_balance()["pod_count"], range(5)))
    assert told == [4] * 5
    # Two clients of one token do not wait for each other, which shows that the simulator refuses what comes sooner.
    token = simulated.token()
    with SequenceClient(token) as one, SequenceClient(token) as two, pytest.raises(RateLimitedError) as caught:
        one.get_pods()
        two.get_pods()
    assert caught.value.retry_after == 2.0
    ids = [request["headers"]["x-request-id"] for request in simulated.requests("/api/graphql")]
    assert len(set(ids)) == len(ids)
    assert all(first != second for first, second in pairwise(ids))
