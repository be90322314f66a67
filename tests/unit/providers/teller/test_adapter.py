"""What does the platform learn through Teller's adapter, with which signs, and what is never taken back by mistake?"""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from bursar.domain.sync import RecordKind, RejectReason
from bursar.domain.webhooks import NoticeKind
from bursar.ports.errors import (
    ProviderAuthenticationError,
    ProviderInvalidResponseError,
    ProviderNotConfiguredError,
    ProviderNotFoundError,
    ProviderRateLimitError,
    ProviderUnavailableError,
    ProviderUnsupportedError,
    ProviderValidationError,
)
from bursar.ports.identity import IdentityAdapter
from bursar.ports.provider import ConnectCompletion, ConnectRequest, Credentials
from bursar.ports.webhooks import WebhookAdapter, WebhookRefusedError
from bursar.providers.teller.reading import Place

CREDENTIALS = Credentials({"access_token": "test_token_1", "enrollment_id": "enr_1"})


async def read(adapter, cursor=None):
    return [batch async for batch in adapter.sync(CREDENTIALS, cursor)]


@pytest.fixture
def bank(wire, shapes):
    """One account; a test says which rows it lists."""

    class Bank:
        def tell(self, *rows, account=None, **balances):
            wire.say("GET /accounts", [account or shapes.account()])
            wire.say("GET /accounts/acc_1/balances", shapes.balances(**balances))
            wire.say("GET /accounts/acc_1/transactions", list(rows))
            for number in range(10):
                here = next((one for one in rows if one["id"] == f"txn_{number}"), None)
                wire.say(f"GET /accounts/acc_1/transactions/txn_{number}", here or shapes.refusal(404, "not_found"))

    return Bank()


async def test_deposit_account_keeps_its_signs_and_card_turns_them(adapter, bank, shapes):
    bank.tell(shapes.row(1), shapes.row(2, amount="1500.00", type="ach", status="pending"))
    accounts, rows = await read(adapter)
    (account,) = accounts.accounts
    assert (account.balance, account.available_balance, account.account_type) == (
        Decimal("902.40"),
        Decimal("845.12"),
        "checking",
    )
    told = [(row.amount, row.transaction_type, row.subtype, row.status) for row in rows.transactions]
    assert told == [
        (Decimal("-23.18"), "payment", "purchase", "settled"),
        (Decimal("1500.00"), "transfer", "transfer_in", "pending"),
    ]
    bank.tell(
        shapes.row(1, amount="23.18"), shapes.row(2, amount="-200.00", type="transfer"), account=shapes.card(),
        ledger="1204.37",
    )  # fmt: skip
    accounts, rows = await read(adapter)
    assert accounts.accounts[0].balance == Decimal("-1204.37")
    assert [(row.amount, row.subtype) for row in rows.transactions] == [
        (Decimal("-23.18"), "purchase"),
        (Decimal("200.00"), "card_payment"),
    ]


@pytest.mark.parametrize(
    ("subtype", "domain", "warns"),
    [
        ("checking", "checking", 0),
        ("savings", "savings", 0),
        ("money_market", "money_market", 0),
        ("certificate_of_deposit", "cd", 0),
        ("treasury", "other", 0),
        ("sweep", "other", 0),
        ("moon_deposit", "moon_deposit", 1),
        (None, "depository", 1),
    ],
)
async def test_kinds_of_accounts_are_those_of_the_table(adapter, bank, shapes, subtype, domain, warns):
    bank.tell(account=shapes.account(subtype=subtype))
    (account,) = await adapter.fetch_accounts(CREDENTIALS)
    assert account.account_type == domain
    assert len((await adapter.fetch_accounts(CREDENTIALS)).warnings) == warns


async def test_balance_that_is_not_told_is_unknown_and_never_zero(adapter, bank, shapes, wire):
    bank.tell(ledger=None)
    (account,) = await adapter.fetch_accounts(CREDENTIALS)
    assert (account.balance_known, account.available_balance) == (False, Decimal("845.12"))
    links = {"self": "x", "transactions": "y"}
    bank.tell(account=shapes.account(links=links))
    wire.requests.clear()
    (account,) = await adapter.fetch_accounts(CREDENTIALS)
    assert not account.balance_known
    assert [request.url.path for request in wire.requests] == ["/accounts"]


async def test_account_of_an_unknown_kind_or_currency_is_rejected_and_the_others_are_read(adapter, bank, shapes, wire):
    wire.say("GET /accounts/acc_1/balances", shapes.balances())
    wire.say("GET /accounts/acc_2/balances", shapes.balances(account_id="acc_2"))
    odd = [shapes.account(id="acc_2", type="loan"), shapes.account(id="acc_2", currency="DOGE"), {"id": "acc_3"}]
    for each, reason in zip(
        odd, (RejectReason.UNSUPPORTED, RejectReason.UNKNOWN_CURRENCY, RejectReason.MISSING_FIELD), strict=True
    ):
        wire.say("GET /accounts", [each, shapes.account()])
        told = await adapter.fetch_accounts(CREDENTIALS)
        assert [account.provider_account_id for account in told] == ["acc_1"]
        assert [record.reason for record in told.rejected] == [reason]
        assert not told.complete


async def test_running_balances_that_contradict_the_signs_stop_the_account(adapter, bank, shapes):
    rows = [
        shapes.row(3, amount="10.00", running_balance="70.00"),
        shapes.row(2, amount="20.00", running_balance="80.00"),
        shapes.row(1, amount="5.00", running_balance="100.00"),
    ]
    bank.tell(*rows)
    _, batch = await read(adapter)
    assert (batch.transactions, batch.cursor) == ([], None)
    (rejected,), (listing,) = batch.rejected, batch.listings
    assert (rejected.kind, rejected.reason) == (RecordKind.TRANSACTION, RejectReason.INCONSISTENT)
    # An unread row of the account itself: the listing takes nothing back.
    assert rejected.provider_account_id == listing.provider_account_id
    assert [warning.code for warning in batch.warnings] == ["sign_conflict"]
    bank.tell(*(dict(row, amount="-" + row["amount"]) for row in rows))
    _, batch = await read(adapter)
    assert len(batch.transactions) == 3


async def test_row_with_an_unknown_state_or_of_another_account_is_rejected(adapter, bank, shapes):
    bank.tell(shapes.row(1, status="dreamt"), shapes.row(2, account_id="acc_9"), shapes.row(3, date="2026-02-30"))
    _, batch = await read(adapter)
    assert batch.transactions == []
    assert {record.field for record in batch.rejected} == {
        "transactions.2.date",
        "transactions.0.status",
        "transactions.1.account_id",
    }
    assert batch.cursor is None


async def test_closed_account_keeps_its_history_and_is_not_asked(adapter, bank, shapes, wire):
    bank.tell(account=shapes.account(status="closed"))
    wire.requests.clear()
    (batch,) = await read(adapter)
    assert [(one.is_active, one.balance_known) for one in batch.accounts] == [(False, False)]
    assert len(wire.requests) == 1
    bank.tell()
    wire.say("GET /accounts/acc_1/transactions", shapes.refusal(410, "account.closed"))
    _, closed = await read(adapter)
    assert [one.is_active for one in closed.accounts] == [False]
    assert closed.cursor is None


# What a listing lacks.


async def second_reading(adapter, bank, shapes, first, second):
    bank.tell(*(shapes.row(number, date=f"2026-11-{number:02d}") for number in first))
    cursor = (await read(adapter))[-1].cursor
    bank.tell(*(shapes.row(number, date=f"2026-11-{number:02d}") for number in second))
    return cursor


async def test_row_that_is_gone_by_name_too_is_taken_back(adapter, bank, shapes, wire):
    cursor = await second_reading(adapter, bank, shapes, (5, 4, 3), (5, 4))
    (batch,) = (await read(adapter, cursor))[1:]
    assert [one.provider_transaction_id for one in batch.removed] == ["txn_3"]
    assert batch.listings[0].since is None


async def test_listing_that_lacks_rows_which_exist_takes_nothing_back(adapter, bank, shapes, wire):
    cursor = await second_reading(adapter, bank, shapes, (5, 4, 3), (5, 4))
    wire.say("GET /accounts/acc_1/transactions/txn_3", shapes.row(3))
    (batch,) = (await read(adapter, cursor))[1:]
    assert batch.removed == []
    assert batch.listings[0].since is None


async def test_emptied_listing_is_an_error_while_its_newest_row_exists(adapter, bank, shapes, wire):
    cursor = await second_reading(adapter, bank, shapes, (5, 4), ())
    wire.say("GET /accounts/acc_1/transactions/txn_5", shapes.row(5))
    with pytest.raises(ProviderUnavailableError) as caught:
        await read(adapter, cursor)
    assert caught.value.code == "data_changing"


async def test_account_whose_rows_are_all_gone_by_name_is_emptied(adapter, bank, shapes):
    cursor = await second_reading(adapter, bank, shapes, (5, 4), ())
    (batch,) = (await read(adapter, cursor))[1:]
    assert sorted(one.provider_transaction_id for one in batch.removed) == ["txn_4", "txn_5"]


async def test_window_ends_at_the_first_row_that_is_older(make_adapter, bank, shapes, wire):
    adapter = make_adapter(teller_page_size="2")
    days = {4: "2026-11-20", 3: "2026-11-01", 2: "2026-08-01", 1: "2026-07-01"}

    def answer(request):
        start = int((request.url.params.get("from_id") or "txn_5").removeprefix("txn_"))
        return [shapes.row(number, date=days[number]) for number in range(start - 1, max(start - 3, 0), -1)]

    bank.tell()
    wire.say("GET /accounts/acc_1/transactions", answer)
    first = (await read(adapter))[-1]
    assert len(first.transactions) == 4
    wire.requests.clear()
    second = (await read(adapter, first.cursor))[-1]
    assert [row.provider_transaction_id for row in second.transactions] == ["txn_4", "txn_3", "txn_2", "txn_1"]
    assert second.listings[0].since is not None
    assert first.listings[0].since is None
    assert not any(request.url.path.endswith(("txn_1", "txn_4")) for request in wire.requests)


async def test_pages_that_move_are_read_again_and_at_last_given_up(make_adapter, bank, shapes, wire):
    adapter = make_adapter(teller_page_size="1")
    bank.tell()
    moved = shapes.refusal(404, "not_found")
    wire.say("GET /accounts/acc_1/transactions", [shapes.row(2)], moved, [shapes.row(1)], [])
    assert [row.provider_transaction_id for row in (await read(adapter))[-1].transactions] == ["txn_1"]
    wire.say("GET /accounts/acc_1/transactions", *([[shapes.row(2)], moved] * 3))
    with pytest.raises(ProviderUnavailableError):
        await read(adapter)


async def test_account_that_vanishes_after_it_was_listed_is_no_empty_account(adapter, bank, shapes, wire):
    bank.tell()
    wire.say("GET /accounts/acc_1/transactions", shapes.refusal(404, "not_found"))
    with pytest.raises(ProviderUnavailableError):
        await read(adapter)
    wire.say("GET /accounts/acc_1/balances", shapes.refusal(404, "not_found"))
    with pytest.raises(ProviderUnavailableError):
        await adapter.fetch_accounts(CREDENTIALS)
    wire.say("GET /accounts/acc_1/balances", shapes.balances(account_id="acc_9"))
    with pytest.raises(ProviderInvalidResponseError):
        await adapter.fetch_accounts(CREDENTIALS)


@pytest.mark.parametrize("text", [None, "", "x", "[]", '["2026-11-01"]', "[1, 2, 3, 4]", '["2026-13-01", "x", "", []]'])
def test_place_that_is_none_begins_anew(text):
    assert Place.parse(text) is None


# Refusals.


@pytest.mark.parametrize(
    ("status", "code", "class_", "our_code"),
    [
        (403, None, ProviderAuthenticationError, "access_revoked"),
        (404, "enrollment.disconnected", ProviderAuthenticationError, "login_required"),
        (404, "enrollment.disconnected.account_locked", ProviderAuthenticationError, "account_locked"),
        (404, "enrollment.disconnected.credentials_invalid", ProviderAuthenticationError, "credentials_rejected"),
        (404, "enrollment.disconnected.user_action.mfa_required", ProviderAuthenticationError, "mfa_required"),
        (404, "enrollment.disconnected.user_action.mfa_required.sms", ProviderAuthenticationError, "mfa_required"),
        (404, "enrollment.disconnected.something_new", ProviderAuthenticationError, "login_required"),
        (404, "not_found", ProviderNotFoundError, "not_found"),
        (410, "account.closed", ProviderNotFoundError, "account_closed"),
        (400, "bad_request", ProviderNotConfiguredError, "provider_not_configured"),
        (422, None, ProviderValidationError, "invalid_input"),
        (429, None, ProviderRateLimitError, "rate_limited"),
        (502, None, ProviderUnavailableError, "institution_down"),
        (503, None, ProviderUnavailableError, "provider_unavailable"),
    ],
)
async def test_refusals_say_what_to_do(adapter, wire, shapes, status, code, class_, our_code):
    wire.say("GET /accounts", shapes.refusal(status, code))
    with pytest.raises(class_) as caught:
        await adapter.validate(CREDENTIALS)
    assert caught.value.code == our_code
    assert caught.value.provider == "teller"
    if class_ is ProviderAuthenticationError:
        assert caught.value.consent_withdrawn is (status == 403)


async def test_positions_are_not_offered(adapter):
    with pytest.raises(ProviderUnsupportedError):
        await adapter.fetch_holdings(CREDENTIALS, "acc_1")


async def test_access_that_is_gone_can_be_withdrawn_again_and_an_outage_is_told(adapter, wire, shapes):
    for known in (403, 404):
        wire.say("DELETE /accounts", shapes.refusal(known))
        await adapter.revoke(CREDENTIALS)
    wire.say("DELETE /accounts", shapes.refusal(502))
    with pytest.raises(ProviderUnavailableError):
        await adapter.revoke(CREDENTIALS)


# Owners.


async def test_owners_come_with_the_preferred_values_first(adapter, wire, shapes):
    assert isinstance(adapter, IdentityAdapter)
    owner = {
        "type": "organization",
        "names": [{"type": "alias", "data": "Acme"}, {"type": "name", "data": "Acme Inc."}],
        "addresses": [
            {"primary": False, "data": {"street": "2 Low St", "country": "us"}},
            {
                "primary": True,
                "data": {"street": "1 High St", "city": "Albany", "region": "NY", "postal_code": "12207"},
            },
        ],
        "phone_numbers": [{"type": "work", "data": "+15550001"}],
        "emails": [{"data": "desk@acme.test"}],
    }
    wire.say("GET /identity", [{"account": shapes.account(), "owners": [owner, {"type": "person", "names": []}]}])
    told = await adapter.fetch_owners(CREDENTIALS)
    (found,) = told
    assert found.names == ("Acme Inc.", "Acme")
    assert [address.lines for address in found.addresses] == [("1 High St",), ("2 Low St",)]
    assert (found.addresses[1].country, found.is_business, found.emails) == ("US", True, ("desk@acme.test",))
    assert "Acme" not in repr(found)
    assert not told.complete
    assert [(record.reason, record.field) for record in told.rejected] == [
        (RejectReason.MISSING_FIELD, "accounts.0.owners.names")
    ]
    assert told.rejected[0].redacted_excerpt == ""
    assert len(await adapter.fetch_owners(CREDENTIALS, "acc_1")) == 1
    with pytest.raises(ProviderNotFoundError):
        await adapter.fetch_owners(CREDENTIALS, "acc_9")


# Connecting, with the simulator as Teller.


async def test_sign_in_is_proven_and_reads(simulate):
    with simulate() as bank:
        adapter = bank.adapter()
        made = await bank.connect(adapter)
        assert made.external_login_id == made.credentials["enrollment_id"]
        assert (made.institution_id, made.institution_name) == ("first_river", "First River Bank")
        assert made.environment == "sandbox"
        assert {one.name for one in await adapter.fetch_accounts(made.credentials)} >= {"Everyday Checking"}
        await adapter.aclose()


def spoilt(values, name, change):
    return {**values, name: change(values[name])}


@pytest.mark.parametrize(
    ("name", "change", "class_"),
    [
        ("nonce", lambda _: "", ProviderValidationError),
        ("enrollment", lambda _: "", ProviderValidationError),
        ("nonce", lambda _: "made-up", ProviderAuthenticationError),
        ("nonce", lambda text: "9" + text, ProviderAuthenticationError),
        ("nonce", lambda text: text + "0", ProviderAuthenticationError),
        ("nonce", lambda text: text + "\u00e9", ProviderAuthenticationError),
        ("enrollment", lambda text: text.replace("test_token_", "test_token_9"), ProviderAuthenticationError),
        ("enrollment", lambda text: text.replace('"signatures"', '"other"'), ProviderAuthenticationError),
        ("enrollment", lambda text: text[:-1], ProviderAuthenticationError),
    ],
)
async def test_result_that_is_not_proven_is_refused_without_a_request(simulate, shapes, name, change, class_):
    with simulate() as bank:
        adapter = bank.adapter()
        start = await adapter.begin(ConnectRequest(connection_id=shapes.connection_id, user_reference="u"))
        told = bank.server.act("complete_link", {"link_token": start.link_token, "institution_id": "first_river"})
        values = spoilt({each: told[each] for each in start.needs}, name, change)
        bank.world.requests.clear()
        with pytest.raises(class_) as caught:
            await adapter.complete(ConnectCompletion(values=values, connection_id=shapes.connection_id))
        assert "test_token" not in str(caught.value)
        assert bank.world.requests.list_all() == ()
        await adapter.aclose()


async def test_result_for_another_connection_or_after_half_an_hour_is_refused(simulate, shapes):
    with simulate() as bank:
        adapter = bank.adapter()
        start = await adapter.begin(ConnectRequest(connection_id=shapes.connection_id, user_reference="u"))
        told = bank.server.act("complete_link", {"link_token": start.link_token, "institution_id": "first_river"})
        completion = ConnectCompletion(
            values={each: told[each] for each in start.needs}, connection_id=shapes.connection_id
        )
        with pytest.raises(ProviderAuthenticationError) as caught:
            await adapter.complete(replace(completion, connection_id="0198f000-0000-7000-8000-000000000008"))
        assert caught.value.code == "sign_in_refused"
        bank.world.advance(start.expires_at - bank.world.now)
        await adapter.complete(completion)
        bank.world.advance(timedelta(seconds=1))
        with pytest.raises(ProviderAuthenticationError) as caught:
            await adapter.complete(completion)
        assert caught.value.code == "link_expired"
        await adapter.aclose()


async def test_disconnected_enrolment_is_repaired_with_the_same_token(simulate, shapes):
    with simulate() as bank:
        adapter = bank.adapter()
        made = await bank.connect(adapter)
        before = [one.provider_account_id for one in await adapter.fetch_accounts(made.credentials)]
        enrollment_id = made.credentials["enrollment_id"]
        bank.server.act("disconnect", {"enrollment_id": enrollment_id, "reason": "user_action.mfa_required"})
        with pytest.raises(ProviderAuthenticationError) as caught:
            await adapter.validate(made.credentials)
        assert caught.value.code == "mfa_required"
        start = await adapter.begin(
            ConnectRequest(connection_id=shapes.connection_id, user_reference="u", renew=made.credentials)
        )
        assert start.needs == ()
        assert enrollment_id in start.link_token
        bank.server.act("complete_link", {"link_token": start.link_token, "institution_id": "first_river"})
        again = await adapter.complete(ConnectCompletion(values={}, renew=made.credentials))
        assert again.credentials["access_token"] == made.credentials["access_token"]
        assert [one.provider_account_id for one in await adapter.fetch_accounts(again.credentials)] == before
        await adapter.aclose()


# Webhooks.


async def test_webhooks_of_the_simulator_are_proven_and_told(simulate):
    with simulate() as bank:
        adapter = bank.adapter()
        assert isinstance(adapter, WebhookAdapter)
        outbox = bank.server.outbox
        outbox.urls.append("http://127.0.0.1:9/hook")
        made = await bank.connect(adapter)
        enrollment_id = made.credentials["enrollment_id"]
        bank.server.act("disconnect", {"enrollment_id": enrollment_id, "reason": "account_locked"})
        bank.server.act("test_webhook", {})
        bank.server.act("test_webhook", {"age_s": "181"})
        disconnected, test, old = outbox._queue
        (notice,) = await adapter.read_webhook(outbox.headers(disconnected), disconnected.body)
        assert (notice.kind, notice.external_login_id, notice.code) == (
            NoticeKind.SIGN_IN_NEEDED,
            made.external_login_id,
            "enrollment.disconnected",
        )
        (notice,) = await adapter.read_webhook(outbox.headers(test), test.body)
        assert (notice.kind, notice.external_login_id) == (NoticeKind.OTHER, None)
        for headers, body in (
            (outbox.headers(old), old.body),
            (outbox.headers(test), test.body + b" "),
            ({}, test.body),
        ):
            with pytest.raises(WebhookRefusedError):
                await adapter.read_webhook(headers, body)
        outbox.secrets = ["sandbox-teller-webhook-1"]
        assert await adapter.read_webhook(outbox.headers(test), test.body)
        without = bank.adapter(teller_webhook_secrets=" , ")
        with pytest.raises(ProviderNotConfiguredError):
            await without.read_webhook(outbox.headers(test), test.body)
        await adapter.aclose()
