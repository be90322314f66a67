"""Does the client ask as Teller documents, read exactly, and tell each refusal by what to do?"""

import base64
from datetime import date
from decimal import Decimal

import httpx2
import pytest

from bursar.providers.teller import TellerError
from bursar.providers.teller.sdk import errors
from bursar.providers.teller.sdk.models import Payee, Payment, SecondFactorNeeded
from bursar.transport.redaction import Secret

TOKEN = "test_token_canary7Q2"


async def test_token_is_the_user_name_of_basic_authentication(client, wire, shapes):
    wire.say("GET /accounts", [shapes.account()])
    (found,) = await client.list_accounts(Secret(TOKEN))
    (request,) = wire.requests
    assert base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode() == f"{TOKEN}:"
    assert request.headers["teller-version"] == "2020-10-12"
    assert (found.name, found.institution.name, found.links.details) == (
        "Everyday Checking",
        "Lakeside Credit Union",
        None,
    )


async def test_every_read_goes_to_its_path(client, wire, shapes):
    wire.say("GET /accounts/acc_1", shapes.account())
    wire.say("GET /accounts/acc_1/balances", shapes.balances(available=None))
    wire.say(
        "GET /accounts/acc_1/details",
        {"account_id": "acc_1", "account_number": "123456789", "routing_numbers": {"ach": "021000089"}},
    )
    wire.say("GET /accounts/acc_1/transactions/txn_1", shapes.row())
    wire.say("GET /institutions", [{"id": "chase", "name": "Chase", "products": ["balance"]}])
    assert (await client.get_account(TOKEN, "acc_1")).id == "acc_1"
    told = await client.get_balances(TOKEN, "acc_1")
    assert (told.ledger, told.available) == (Decimal("902.40"), None)
    details = await client.get_account_details(TOKEN, "acc_1")
    assert (details.account_number.reveal(), details.routing_numbers.ach) == ("123456789", "021000089")
    assert "123456789" not in repr(details)
    assert (await client.get_transaction(TOKEN, "acc_1", "txn_1")).amount == Decimal("-23.18")
    assert (await client.list_institutions())[0].products == ("balance",)
    assert "authorization" not in wire.requests[-1].headers


async def test_ends_of_access_are_deletions(client, wire):
    wire.say("DELETE /accounts", httpx2.Response(204))
    wire.say("DELETE /accounts/acc_1", httpx2.Response(204))
    await client.delete_enrollment(TOKEN)
    await client.delete_account(TOKEN, "acc_1")
    assert [request.method for request in wire.requests] == ["DELETE", "DELETE"]


async def test_pages_begin_behind_the_last_row_until_one_is_short(client, wire, shapes):
    def answer(request):
        start = int((request.url.params.get("from_id") or "txn_8").removeprefix("txn_"))
        return [shapes.row(number) for number in range(start - 1, max(start - 4, 0), -1)]

    wire.say("GET /accounts/acc_1/transactions", answer)
    pages = [page async for page in client.iter_transaction_pages(TOKEN, "acc_1", count=3, end_date=date(2026, 11, 20))]
    assert [row.id for page in pages for row in page] == [f"txn_{number}" for number in range(7, 0, -1)]
    assert [dict(request.url.params) for request in wire.requests] == [
        {"count": "3", "end_date": "2026-11-20"},
        {"count": "3", "from_id": "txn_5", "end_date": "2026-11-20"},
        {"count": "3", "from_id": "txn_2", "end_date": "2026-11-20"},
    ]


async def test_page_whose_last_row_is_unreadable_goes_on_behind_it(client, wire, shapes):
    wire.say("GET /accounts/acc_1/transactions", [shapes.row(3), shapes.row(2, amount=7)], [shapes.row(1)])
    pages = [page async for page in client.iter_transaction_pages(TOKEN, "acc_1", count=2)]
    assert [row.id for page in pages for row in page] == ["txn_3", "txn_1"]
    assert wire.requests[1].url.params["from_id"] == "txn_2"
    (rejected,) = pages[0].rejected
    assert (rejected.index, rejected.path, rejected.inside) == (1, "1.amount", "amount")
    assert "23.18" not in repr(pages[0])


async def test_pages_that_repeat_or_lead_nowhere_are_errors(client, wire, shapes):
    wire.say("GET /accounts/acc_1/transactions", [shapes.row(2), shapes.row(1)])
    with pytest.raises(errors.TellerResponseError):
        [page async for page in client.iter_transaction_pages(TOKEN, "acc_1", count=2)]
    wire.say("GET /accounts/acc_1/transactions", [{"odd": 1}])
    with pytest.raises(errors.TellerResponseError):
        [page async for page in client.iter_transaction_pages(TOKEN, "acc_1", count=1)]


@pytest.mark.parametrize(
    "amount", ["1_000", " 12 ", "1E3", "٣", "NaN", "Infinity", "1,234.50", "", 12, 1.5, True, None, "--1", "12.50\n"]
)
async def test_amount_that_is_no_plain_text_is_a_rejected_row(client, wire, shapes, amount):
    wire.say("GET /accounts/acc_1/transactions", [shapes.row(1, amount=amount), shapes.row(2)])
    rows = await client.list_transactions(TOKEN, "acc_1")
    assert [row.id for row in rows] == ["txn_2"]
    assert len(rows.rejected) == 1
    assert rows.told == 2


@pytest.mark.parametrize("digits", ["0.1", "-1234567.89", "12345678901234567.89", "-0.00", "5"])
async def test_amounts_keep_their_digits(client, wire, shapes, digits):
    wire.say("GET /accounts/acc_1/transactions", [shapes.row(1, amount=digits)])
    (row,) = await client.list_transactions(TOKEN, "acc_1")
    assert str(row.amount) == digits


@pytest.mark.parametrize(
    "arguments",
    [
        {"count": 0},
        {"start_date": date(2026, 2, 1), "end_date": date(2026, 1, 1)},
    ],
)
async def test_arguments_that_make_no_sense_are_refused_without_a_request(client, wire, arguments):
    with pytest.raises(errors.TellerArgumentError):
        await client.list_transactions(TOKEN, "acc_1", **arguments)
    for bad_id in ("", ".", ".."):
        with pytest.raises(errors.TellerArgumentError):
            await client.get_account(TOKEN, bad_id)
    with pytest.raises(errors.TellerArgumentError):
        await client.list_accounts("")
    assert wire.requests == []


async def test_id_cannot_leave_its_place_in_the_path(client, wire, shapes):
    wire.say("GET /accounts/../payments", shapes.account())
    await client.get_account(TOKEN, "../payments")
    assert wire.requests[0].url.raw_path == b"/accounts/..%2Fpayments"


@pytest.mark.parametrize(
    ("status", "code", "class_", "reason"),
    [
        (400, "bad_request", errors.TellerBadRequestError, None),
        (401, None, errors.TellerAccessError, None),
        (403, None, errors.TellerAccessError, None),
        (404, "not_found", errors.TellerNotFoundError, None),
        (404, None, errors.TellerNotFoundError, None),
        (404, "enrollment.disconnected", errors.TellerDisconnectedError, None),
        (404, "enrollment.disconnected.account_locked", errors.TellerDisconnectedError, "account_locked"),
        (
            404,
            "enrollment.disconnected.user_action.mfa_required",
            errors.TellerDisconnectedError,
            "user_action.mfa_required",
        ),
        (404, "enrollment.disconnectedly", errors.TellerNotFoundError, None),
        (404, "account_number_verification_pending", errors.TellerVerificationError, "pending"),
        (404, "account_number_verification_expired", errors.TellerVerificationError, "expired"),
        (410, "account.closed", errors.TellerAccountClosedError, None),
        (410, "account.closed.by_user", errors.TellerAccountClosedError, "by_user"),
        (422, None, errors.TellerInvalidRequestError, None),
        (418, None, errors.TellerInvalidRequestError, None),
        (429, None, errors.TellerRateLimitError, None),
        (500, None, errors.TellerServerError, None),
        (502, "enrollment.disconnected", errors.TellerInstitutionError, None),
        (307, None, errors.TellerResponseError, None),
    ],
)
async def test_refusals_are_told_apart_by_code_before_status(client, wire, shapes, status, code, class_, reason):
    wire.say("GET /accounts", shapes.refusal(status, code))
    with pytest.raises(TellerError) as caught:
        await client.list_accounts(TOKEN)
    assert type(caught.value) is class_
    assert (caught.value.status, caught.value.code, caught.value.reason) == (status, code, reason)
    assert "text that changes" not in str(caught.value)


async def test_answer_that_quotes_the_token_does_not_put_it_into_the_error(client, wire):
    encoded = base64.b64encode(f"{TOKEN}:".encode()).decode()
    wire.say("GET /accounts", httpx2.Response(400, json={"error": {"code": f"x {TOKEN} {encoded}", "message": TOKEN}}))
    with pytest.raises(TellerError) as caught:
        await client.list_accounts(TOKEN)
    told = f"{caught.value!s} {caught.value!r} {caught.value.code} {caught.value.body_excerpt}"
    assert TOKEN not in told
    assert encoded not in told


async def test_no_answer_is_a_connection_error_after_three_attempts(client, wire):
    def cut(request):
        raise httpx2.ReadError("cut", request=request)

    wire.say("GET /accounts", cut)
    with pytest.raises(errors.TellerConnectionError):
        await client.list_accounts(TOKEN)
    assert len(wire.requests) == 3


PAYEE = Payee(scheme="zelle", address="robin@example.test", name="Robin")


async def test_payment_is_sent_with_its_key_and_its_digits(client, wire):
    wire.say("POST /accounts/acc_1/payments", {"id": "zpay_1", "amount": "12.50", "payee": None, "date": "2026-11-21"})
    made = await client.create_payment(TOKEN, "acc_1", Decimal("12.50"), PAYEE, idempotency_key="intent-1", memo="tea")
    assert isinstance(made, Payment)
    assert made.amount == Decimal("12.50")
    (request,) = wire.requests
    assert request.headers["idempotency-key"] == "intent-1"
    assert b'"amount":"12.50"' in request.content
    assert "robin@" not in repr(PAYEE)


async def test_second_factor_is_an_answer_of_its_own(client, wire):
    wire.say("POST /accounts/acc_1/payees", {"connect_token": "connect-canary"})
    asked = await client.create_payee(TOKEN, "acc_1", PAYEE, idempotency_key="intent-2")
    assert isinstance(asked, SecondFactorNeeded)
    assert "canary" not in repr(asked)


@pytest.mark.parametrize(("amount", "key"), [("0", "k"), ("-1", "k"), ("NaN", "k"), ("1", "")])
async def test_payment_that_cannot_be_meant_is_refused_without_a_request(client, wire, amount, key):
    with pytest.raises(errors.TellerArgumentError):
        await client.create_payment(TOKEN, "acc_1", Decimal(amount), PAYEE, idempotency_key=key)
    assert wire.requests == []


async def test_payments_are_read_by_their_paths(client, wire):
    payment = {"id": "zpay_1", "amount": "12.50"}
    wire.say("OPTIONS /accounts/acc_1/payments", {"schemes": [{"name": "zelle"}]})
    wire.say("GET /accounts/acc_1/payments", [payment])
    wire.say("GET /accounts/acc_1/payments/zpay_1", payment)
    assert (await client.get_payment_options(TOKEN, "acc_1")).schemes[0].name == "zelle"
    assert [one.id for one in await client.list_payments(TOKEN, "acc_1")] == ["zpay_1"]
    assert (await client.get_payment(TOKEN, "acc_1", "zpay_1")).amount == Decimal("12.50")
