"""Is money moved at most once, and is an unclear end never called anything else?"""

import threading
from concurrent.futures import CancelledError
from datetime import timedelta

import pytest

from bursar.providers.sequence import (
    GraphQLError,
    HttpError,
    RateLimitedError,
    SequenceError,
    TokenExpiredError,
    TransferError,
    TransferIntent,
    TransferOutcome,
    TransferOutcomeUnknownError,
    TransportError,
)

P = "7d3f1c52-5a0b-4b7e-9a61-2f60c1d4"
ORG, KYC, SOURCE, DESTINATION = f"{P}0001", f"{P}0002", f"{P}0101", f"{P}0102"


def send(client, **changes):
    return client.transfer(
        **{"kyc_id": KYC, "source_id": SOURCE, "destination_id": DESTINATION, "amount_cents": 500, **changes}
    )


def test_transfer_sends_what_was_asked_for_and_returns_what_came(client, wire, example):
    wire.say(example("transfer"))
    assert send(client) == example("transfer")["forKYC"]["createPayment"]["ok"]
    assert wire.asked[0].body["variables"] == {
        "id": KYC,
        "source": {"id": SOURCE, "type": "POD"},
        "destination": {"id": DESTINATION, "type": "POD"},
        "amount": 500,
        "isInstantTransfer": False,
        "achDescription": "",
    }


def test_refusal_says_why_and_is_a_runtime_error(client, wire, example):
    wire.say(example("refused"))
    with pytest.raises(RuntimeError, match="Transfer failed: Insufficient funds") as caught:
        send(client)
    assert type(caught.value) is TransferError


@pytest.mark.parametrize(
    "changes",
    [
        {"amount_cents": 0},
        {"amount_cents": -5},
        {"amount_cents": True},
        {"amount_cents": 5.0},
        {"amount_cents": "5"},
        {"amount_cents": 2**31},
        {"source_type": "BOGUS"},
        {"destination_type": "pod"},
        {"source_id": " "},
        {"destination_id": ""},
        {"kyc_id": None},
        {"destination_id": SOURCE},
    ],
)
def test_wrong_argument_sends_nothing(client, wire, changes):
    with pytest.raises(ValueError):
        send(client, **changes)
    assert wire.asked == []


def errors(*codes, data=None, **members):
    told = [{"message": "m", **({"extensions": {"code": code}} if code else {})} for code in codes]
    return {"errors": told, **({"data": data} if data != "none" else {}), **members}


OPEN = {"forKYC": {"createPayment": {"ok": None, "error": None}}}


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b""),
        (500, {"errors": [{"message": "oops"}]}),
        (503, b"<html>"),
        (408, b""),
        (302, b""),
        (200, b"<html>"),
        (200, b'{"data"'),
        (200, {}),
        (200, {"data": None}),
        (200, {"data": {}}),
        (200, {"data": {"forKYC": None}}),
        (200, {"data": {"forKYC": {"createPayment": None}}}),
        (200, {"data": OPEN}),
        (200, {"data": {"forKYC": {"createPayment": {"ok": {"organization": None}, "error": {"message": "x"}}}}}),
        (200, {"data": {"forKYC": {"createPayment": {"ok": [], "error": None}}}}),
        (200, errors(None)),
        (200, errors("INTERNAL_SERVER_ERROR")),
        (200, errors("FORBIDDEN", "INTERNAL_SERVER_ERROR")),
        (200, errors("UNAUTHENTICATED", None)),
        (400, errors("INTERNAL_SERVER_ERROR")),
    ],
)
def test_ambiguous_end_is_an_unknown_outcome_and_nothing_is_sent_again(make_client, wire, said, still, status, body):
    wire.say(said(status, body))
    with pytest.raises(TransferOutcomeUnknownError, match="do not send it again") as caught:
        send(make_client("unused", lambda: "t"))
    assert len(wire.asked) == 1
    assert caught.value.__cause__ is not None
    assert caught.value.intent == TransferIntent(SOURCE, DESTINATION, 500, still.now())


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, errors("BAD_USER_INPUT", data="none"), GraphQLError),
        (400, errors(None, data="none"), GraphQLError),
        (200, errors(None, data="none"), GraphQLError),
        (200, errors("NOT_FOUND", data={"forKYC": None}), GraphQLError),
        (200, errors("FORBIDDEN", "GRAPHQL_VALIDATION_FAILED"), GraphQLError),
        (403, b"", HttpError),
        (404, b"", HttpError),
        (429, b"", RateLimitedError),
    ],
)
def test_clear_refusal_is_no_unknown_outcome(client, wire, said, status, body, error):
    wire.say(said(status, body))
    with pytest.raises(error) as caught:
        send(client)
    assert not isinstance(caught.value, TransferOutcomeUnknownError)
    assert len(wire.asked) == 1


@pytest.mark.parametrize("refusal", [(401, b""), (200, errors("UNAUTHENTICATED", data={"forKYC": None}))])
def test_refused_token_is_the_one_reason_to_send_a_transfer_again(make_client, wire, said, example, refusal):
    wire.say(said(*refusal), example("transfer"))
    assert send(make_client("unused", lambda: "t"))
    assert len(wire.asked) == 2
    wire.say(said(*refusal))
    with pytest.raises(TokenExpiredError):
        send(make_client("unused", lambda: "t"))
    assert len(wire.asked) == 4


def test_connection_that_was_never_made_is_a_clear_failure(make_client, wire):
    wire.close()
    with pytest.raises(TransportError) as caught:
        send(make_client())
    assert not isinstance(caught.value, TransferOutcomeUnknownError)


def test_silence_is_an_unknown_outcome(make_client, wire, said):
    wire.say(said(delay_s=5.0))
    with pytest.raises(TransferOutcomeUnknownError):
        send(make_client(timeout_s=0.3))
    assert len(wire.asked) == 1


def test_connection_that_breaks_after_it_was_used_does_not_carry_the_transfer_twice(client, wire, said, example):
    """Libcurl repeats a request, a POST too, when a connection that was used before ends without a byte of answer."""
    wire.say(example("accounts"), said(cut=True))
    client.get_pods()
    with pytest.raises(TransferOutcomeUnknownError):
        send(client)
    assert wire.operations == ["SelectSourceAndDestination", "CreatePayment"]


def test_any_mutation_is_sent_on_a_connection_of_its_own(client, wire, said, example):
    wire.say(example("accounts"), said(cut=True))
    client.get_pods()
    with pytest.raises(TransportError):
        client.execute("mutation Move { forKYC(id: 1) { x } }", None, "Move")
    assert wire.operations == ["SelectSourceAndDestination", "Move"]


def test_reading_goes_on_with_the_same_connection_after_a_transfer(client, wire, example):
    wire.say(example("accounts"), example("transfer"), example("accounts"), example("accounts"))
    client.get_pods()
    send(client)
    client.get_pods()
    client.get_pods()
    assert len({one.connection for one in wire.asked}) == 2


def test_interrupted_transfer_is_not_sent_again(make_client, wire, said):
    wire.say(said(delay_s=5.0))
    client = make_client()
    ended: list[BaseException] = []

    def work() -> None:
        try:
            send(client)
        except (CancelledError, SequenceError) as error:
            ended.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    assert wire.arrived.wait(5)
    client.close()
    thread.join(5)
    assert len(ended) == 1
    assert len(wire.asked) == 1


# --- did it happen? ---


def row(still, seconds, *, number="0999", cents=500, source=SOURCE, destination=DESTINATION):
    created_at = (still.now() + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")
    ends = {"source": {"__typename": "Pod", "id": source}, "destination": {"__typename": "Pod", "id": destination}}
    return {"cursor": number, "node": {"id": number, "createdAt": created_at, "amount": {"cents": cents}, **ends}}


def log_of(*edges, more=False, cursor="next"):
    page = {"endCursor": cursor, "hasNextPage": more}
    return {"organization": {"id": ORG, "transferReferences": {"pageInfo": page, "edges": list(edges)}}}


def ask(client, still, *, later_s=120.0):
    intent = TransferIntent(SOURCE, DESTINATION, 500, still.now())
    still.passed_s += later_s
    return client.reconcile_transfer(ORG, intent)


def test_one_row_that_fits_is_the_transfer(client, wire, still):
    wire.say(log_of(row(still, 2), row(still, -3600, number="0001")))
    found = ask(client, still)
    assert (found.outcome, found.transfer_id) == (TransferOutcome.HAPPENED, "0999")


@pytest.mark.parametrize(
    "changes", [{"cents": 501}, {"source": DESTINATION}, {"destination": SOURCE}, {"source": None}]
)
def test_row_of_another_amount_or_other_ends_is_not_the_transfer(client, wire, still, changes):
    wire.say(log_of(row(still, 2, **changes)))
    assert ask(client, still).outcome is TransferOutcome.DID_NOT_HAPPEN


def test_earlier_transfer_of_the_same_kind_is_not_the_transfer(client, wire, still):
    wire.say(log_of(row(still, -600)))
    assert ask(client, still).outcome is TransferOutcome.DID_NOT_HAPPEN


def test_row_of_the_same_moment_is_the_transfer_though_its_time_is_cut_to_milliseconds(client, wire, still):
    wire.say(log_of(row(still, -0.0004)))
    assert ask(client, still).outcome is TransferOutcome.HAPPENED


def test_unknown_transfer_is_dated_when_it_left_and_not_when_it_waited(client, wire, said, still, example):
    wire.say(example("accounts"), said(500, b""))
    client.get_pods()
    called_at = still.now()
    with pytest.raises(TransferOutcomeUnknownError) as caught:
        send(client)
    assert caught.value.intent.requested_at == called_at + timedelta(seconds=1.5)


@pytest.mark.parametrize(
    ("seconds", "found"),
    [((2,), True), ((-30,), True), ((2, -30), True), ((2, 3), False), ((), False), ((-600,), False)],
)
def test_transfer_that_was_surely_made_is_found_unless_several_fit(client, wire, still, seconds, found):
    wire.say(log_of(*(row(still, offset, number=f"t{offset}") for offset in seconds)))
    made = client.find_made_transfer(ORG, TransferIntent(SOURCE, DESTINATION, 500, still.now()))
    assert (made and made["id"]) == (f"t{seconds[0]}" if found else None)


def test_two_rows_that_fit_cannot_be_told_apart(client, wire, still):
    wire.say(log_of(row(still, 2, number="a"), row(still, 5, number="b")))
    found = ask(client, still)
    assert (found.outcome, found.transfer_id, len(found.candidates)) == (TransferOutcome.CANNOT_TELL, None, 2)


def test_row_just_before_the_request_may_be_of_a_clock_that_goes_wrong(client, wire, still):
    wire.say(log_of(row(still, -30)))
    assert ask(client, still).outcome is TransferOutcome.CANNOT_TELL


def test_row_without_a_time_cannot_be_told(client, wire, still):
    edge = row(still, 2)
    edge["node"]["createdAt"] = None
    wire.say(log_of(edge))
    assert ask(client, still).outcome is TransferOutcome.CANNOT_TELL


def test_empty_log_proves_nothing_while_the_request_may_still_be_carried_out(client, wire, still):
    wire.say(log_of())
    assert ask(client, still, later_s=5).outcome is TransferOutcome.CANNOT_TELL
    assert ask(client, still).outcome is TransferOutcome.DID_NOT_HAPPEN


def test_log_is_read_back_to_the_request_and_no_further(client, wire, still):
    others = [row(still, 60 - n, cents=1) for n in range(50)]
    wire.say(log_of(*others, more=True), log_of(row(still, 2), row(still, -999, cents=1), more=True))
    assert ask(client, still).outcome is TransferOutcome.HAPPENED
    assert len(wire.asked) == 2


def test_log_without_an_end_cannot_be_told(client, wire, still):
    wire.say(log_of(row(still, 60, cents=1), more=True))
    assert ask(client, still).outcome is TransferOutcome.CANNOT_TELL
    assert len(wire.asked) == 20


def test_time_without_a_zone_is_refused(client, still):
    with pytest.raises(ValueError, match="time zone"):
        client.reconcile_transfer(ORG, TransferIntent(SOURCE, DESTINATION, 500, still.now().replace(tzinfo=None)))
