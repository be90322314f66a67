"""Does each of the 37 methods reach its endpoint, and read both wire shapes alike?"""

from decimal import Decimal

import pytest

from bursar.providers.flanks import (
    FlanksNetworkError,
    FlanksNotFoundError,
    FlanksValidationError,
    FlanksWaitTimeoutError,
)
from bursar.providers.flanks.sdk.aggregation_v1 import Account, Investment, Portfolio
from bursar.providers.flanks.sdk.connect import SessionErrorCode, SessionStatus
from bursar.providers.flanks.sdk.report import ReportStatus
from bursar.sandbox.faults import FaultKind

V0 = "/v0/bank/credentials"
PAGE = {"items": [], "next_page_token": None}
LINK = {"success": True, "data": {"token": "l"}}
CALLS = [
    ("connect.list_connectors_page", (), "POST", "/connect/v2/connectors/list-connectors", PAGE),
    ("connect.create_session", ({"connector_id": "x"},), "POST", "/connect/v2/sessions/create-session",
     {"session": {"session_id": "s", "status": "Finished:OK"}}),
    ("connect.list_sessions_page", (), "POST", "/connect/v2/sessions/list-sessions", PAGE),
    ("entities.list", (), "GET", "/v0/bank/available", []),
    ("credentials.get_status", ("t",), "POST", f"{V0}/status", {"pending": False, "blocked": False}),
    ("credentials.list", (), "POST", f"{V0}/list", {"items": [], "page": 1, "pages": 0}),
    ("credentials.force_sca", ("t",), "PUT", f"{V0}/status", {"sca_token": "x"}),
    ("credentials.force_reset", ("t",), "PUT", f"{V0}/status", {"reset_token": "x"}),
    ("credentials.force_transaction", ("t",), "PUT", f"{V0}/status", {"transaction_token": "x"}),
    ("credentials.delete", ("t",), "DELETE", V0, {"message": "Successfully deleted"}),
    ("aggregation_v1.get_portfolios", ("t",), "POST", f"{V0}/portfolio", []),
    ("aggregation_v1.get_investments", ("t",), "POST", f"{V0}/investment", []),
    ("aggregation_v1.get_investment_transactions", ("t",), "POST", f"{V0}/investment/transaction", []),
    ("aggregation_v1.get_accounts", ("t",), "POST", f"{V0}/account", []),
    ("aggregation_v1.get_account_transactions", ("t",), "POST", f"{V0}/data", []),
    ("aggregation_v1.get_liabilities", ("t",), "POST", f"{V0}/liability", []),
    ("aggregation_v1.get_liability_transactions", ("t",), "POST", f"{V0}/liability/transaction", []),
    ("aggregation_v1.get_cards", ("t",), "POST", f"{V0}/card", []),
    ("aggregation_v1.get_card_transactions", ("t",), "POST", f"{V0}/card/transaction", []),
    ("aggregation_v1.get_identity", ("t",), "POST", f"{V0}/auth/", {}),
    ("aggregation_v1.get_holders", ("t",), "POST", f"{V0}/holder", []),
    ("aggregation_v2.list_products_page", (), "POST", "/aggregation/v2/list-products", PAGE),
    ("aggregation_v2.set_product_labels", ("p", {}), "POST", "/aggregation/v2/set-product-labels", {"success": True}),
    ("aggregation_v2.list_transactions_page", (), "POST", "/aggregation/v2/list-transactions", PAGE),
    ("aggregation_v2.set_transaction_labels", ("p", {}), "POST", "/aggregation/v2/set-transaction-labels", b""),
    ("links.list", (), "POST", "/v0/links/list-links", {"success": True, "count": 0, "items": []}),
    ("links.create", ("https://a",), "POST", "/v0/links/create-link", LINK),
    ("links.edit", ("l",), "POST", "/v0/links/edit-link", LINK),
    ("links.delete", ("l",), "POST", "/v0/links/delete-link", b""),
    ("links.pause", ("l",), "POST", "/v0/links/pause-link", LINK),
    ("links.resume", ("l",), "POST", "/v0/links/resume-link", LINK),
    ("links.get_unused_codes", (), "GET", "/v0/platform/link", []),
    ("links.exchange_code", ("c",), "POST", "/v0/platform/link", {"credentials_token": "t"}),
    ("report.list_templates", (), "POST", "/report/v1/list-templates", {"items": []}),
    ("report.build_report", (1, {}, {}), "POST", "/report/v1/build-report", {"report_id": 1}),
    ("report.get_status", (1,), "POST", "/report/v1/get-report-status", {"report_id": 1}),
    ("report.get_content_url", (1,), "POST", "/report/v1/get-report-content", {"url": "https://f"}),
]  # fmt: skip


def test_table_has_every_method_of_the_contract() -> None:
    assert len(CALLS) == 37
    assert len({(verb, path) for _, _, verb, path, _ in CALLS}) == 35


@pytest.mark.parametrize(("name", "arguments", "verb", "path", "answer"), CALLS, ids=[one[0] for one in CALLS])
async def test_method_reaches_its_endpoint(client, wire, said, name, arguments, verb, path, answer) -> None:
    wire.say(path, said(200, answer))
    group, method = name.split(".")
    await getattr(getattr(client, group), method)(*arguments)
    asked = wire.last(path)
    assert asked.method == verb
    assert asked.headers["authorization"] == "Bearer tok_secret_1"
    if verb != "GET":
        assert asked.headers["content-type"] == "application/json"
        assert isinstance(asked.body, dict)


async def test_three_forces_are_told_apart_by_their_word(client, wire) -> None:
    wire.say(f"{V0}/status", {"sca_token": "a", "reset_token": "b", "transaction_token": "c"})
    tokens = [
        await client.credentials.force_sca("t"),
        await client.credentials.force_reset("t"),
        await client.credentials.force_transaction("t"),
    ]
    assert tokens == ["a", "b", "c"]
    assert "a" not in repr(tokens[0])
    sent = [one.body["force"] for one in wire.asked if one.method == "PUT"]
    assert sent == ["sca", "reset", "transaction"]


@pytest.mark.parametrize("body", [b"", b"null", {}])
async def test_no_identity_is_none(client, wire, said, body) -> None:
    wire.say(f"{V0}/auth/", said(200, body))
    assert await client.aggregation_v1.get_identity("t") is None


@pytest.mark.parametrize("status", [404, 405])
@pytest.mark.parametrize(("name", "path"), [
    ("links.list", "/v0/links/list-links"), ("report.list_templates", "/report/v1/list-templates"),
])  # fmt: skip
async def test_other_method_is_tried_once_and_remembered(client, wire, said, name, path, status) -> None:
    wire.say(path, lambda asked: [] if asked.method == "GET" else said(status))
    group, method = name.split(".")
    for _ in range(2):
        assert await getattr(getattr(client, group), method)() == []
    assert [one.method for one in wire.asked if one.path == path] == ["POST", "GET", "GET"]


async def test_endpoint_that_does_not_exist_by_either_method_is_not_found(client, wire) -> None:
    with pytest.raises(FlanksNotFoundError):
        await client.links.list()
    assert wire.count("/v0/links/list-links") == 2


SHAPES = ["documented", "flat"]


@pytest.fixture(params=SHAPES)
def flanks(request, simulate):
    with simulate(shape=request.param, invented_count=6) as simulated:
        yield simulated


async def everything(client, token: str) -> list[object]:
    v1 = client.aggregation_v1
    return [
        await v1.get_portfolios(token), await v1.get_investments(token), await v1.get_investment_transactions(token),
        await v1.get_accounts(token), await v1.get_account_transactions(token), await v1.get_liabilities(token),
        await v1.get_liability_transactions(token), await v1.get_cards(token), await v1.get_card_transactions(token),
        await v1.get_holders(token),
    ]  # fmt: skip


async def test_both_shapes_give_the_same_models(simulate) -> None:
    told = []
    for shape in SHAPES:
        with simulate(shape=shape, invented_count=1) as flanks:
            async with flanks.client() as client:
                token = (await client.credentials.list_all())[0].credentials_token
                told.append(await everything(client, token))
                identity = await client.aggregation_v1.get_identity(token)
                told[-1].append((identity.name, identity.email, identity.phone))
    assert told[0] == told[1]
    assert all(told[0])
    first: Portfolio = told[0][0][0]
    assert isinstance(first, Portfolio)
    assert isinstance(first.total_value, Decimal)


async def test_connecting_reading_and_deleting(flanks) -> None:
    async with flanks.client() as client:
        session = await client.connect.create_session({"connector_id": "first_river", "redirect_url": "https://b"})
        assert session.status is SessionStatus.WAITING_CREDENTIALS
        with pytest.raises(FlanksWaitTimeoutError):
            await client.connect.wait_until_finished(session.session_id, timeout=0)
        flanks.server.act("consent", {"authorization_url": session.url})
        finished = await client.connect.wait_until_finished(session.session_id)
        assert finished.status is SessionStatus.FINISHED_OK
        status = await client.credentials.get_status(finished.connection_id)
        assert (status.pending, status.blocked, status.has_errors) == (False, False, False)
        assert status.is_created("holders")
        assert status.last_update is not None
        accounts = await client.aggregation_v1.get_accounts(finished.connection_id)
        assert {one.name for one in accounts} == {"Everyday Checking", "Rainy Day"}
        assert isinstance(accounts[0], Account)
        query = {"connection_id_in": [finished.connection_id]}
        products = [one async for one in client.aggregation_v2.list_products(query)]
        assert {one.product_type for one in products} == {"Account", "Card", "Investment", "Liability"}
        await client.credentials.delete(finished.connection_id)
        with pytest.raises(FlanksNotFoundError):
            await client.aggregation_v1.get_accounts(finished.connection_id)


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("INVALID_CREDENTIALS", SessionErrorCode.INVALID_CREDENTIALS),
        ("INTERNAL_ERROR", SessionErrorCode.INTERNAL_ERROR),
        ("USER_INTERACTION_NEEDED", SessionErrorCode.USER_INTERACTION_NEEDED),
        ("SCA_TYPE_NOT_ALLOWED", SessionErrorCode.UNSUPPORTED_CHALLENGE),
    ],
)
async def test_sign_in_that_fails_says_why(flanks, password, code) -> None:
    async with flanks.client() as client:
        session = await client.connect.create_session({"connector_id": "testbank"})
        flanks.server.act("consent", {"session_id": session.session_id, "password": password})
        finished = await client.connect.wait_until_finished(session.session_id)
        assert (finished.status, finished.error_code) == (SessionStatus.FINISHED_ERROR, code)


async def test_challenge_is_waited_for_and_answered(flanks) -> None:
    async with flanks.client() as client:
        session = await client.connect.create_session({"connector_id": "testbank"})
        flanks.server.act("consent", {"session_id": session.session_id, "password": "SCA_SMS"})
        (waiting,) = (await client.connect.list_sessions_page({"status_in": ["Waiting:Challenge"]})).items
        assert waiting.session_id == session.session_id
        flanks.server.act("consent", {"session_id": session.session_id, "password": "INVALID_SCA"})
        finished = await client.connect.wait_until_finished(session.session_id)
        assert finished.error_code is SessionErrorCode.INVALID_CHALLENGE


async def test_labels_replace_and_clear(flanks) -> None:
    async with flanks.client() as client:
        product = (await client.aggregation_v2.list_products_page()).items[0]
        await client.aggregation_v2.set_product_labels(product.product_id, {"owner": "ana"})
        (labelled,) = (await client.aggregation_v2.list_products_page({"product_id_in": [product.product_id]})).items
        assert labelled.labels == {"owner": "ana"}
        await client.aggregation_v2.set_product_labels(product.product_id, {})
        (cleared,) = (await client.aggregation_v2.list_products_page({"product_id_in": [product.product_id]})).items
        assert cleared.labels == {}
        with pytest.raises(FlanksNotFoundError):
            await client.aggregation_v2.set_transaction_labels("nobody", {})


async def test_life_of_a_link_and_its_code(flanks) -> None:
    async with flanks.client() as client:
        link = await client.links.create("https://app.example/back", name="Onboarding", privacy_policy_url="https://p")
        assert (link.active, link.pending_code_count) == (True, 0)
        with pytest.raises(FlanksValidationError):
            await client.links.create("https://app.example/back", name="Onboarding")
        edited = await client.links.edit(link.token, name="Onboarding ES", privacy_policy_url=None)
        assert (edited.name, edited.privacy_policy_url, edited.redirect_uri) == (
            "Onboarding ES", None, "https://app.example/back",
        )  # fmt: skip
        assert (await client.links.pause(link.token)).active is False
        assert (await client.links.resume(link.token)).active is True
        flanks.server.act("visit_link", {"link_token": link.token, "extra_client": "7"})
        (code,) = await client.links.get_unused_codes(link.token)
        assert code.extra == {"client": "7"}
        assert code.code not in repr(code)
        with pytest.raises(FlanksValidationError):
            await client.links.delete(link.token)
        result = await client.links.exchange_code(code.code)
        assert result.credentials_token.startswith("cred_")
        assert result.credentials_token not in repr(result)
        with pytest.raises(FlanksNotFoundError):
            await client.links.exchange_code(code.code)
        await client.links.delete(link.token)
        assert await client.links.list() == []


async def test_life_of_a_report(flanks) -> None:
    async with flanks.client() as client:
        (template,) = await client.report.list_templates()
        report = await client.report.build_report(template.template_id, {}, {}, language="es", start_date="2026-01-01")
        assert report.status is ReportStatus.NEW
        with pytest.raises(FlanksValidationError) as caught:
            await client.report.get_content_url(report.report_id)
        assert caught.value.code == "ReportNotReady"
        finished = await client.report.wait_until_finished(report.report_id, poll_interval=0.001)
        assert finished.status is ReportStatus.READY
        url = await client.report.get_content_url(report.report_id)
        assert url.startswith("https://files.example/")
        assert "files" not in repr(url)
        with pytest.raises(FlanksNotFoundError):
            await client.report.get_status(1)


async def test_report_that_does_not_move_ends_the_wait(simulate) -> None:
    with simulate(freezes_reports=True) as flanks:
        async with flanks.client() as client:
            report = await client.report.build_report(1, {}, {})
            with pytest.raises(FlanksWaitTimeoutError):
                await client.report.wait_until_finished(report.report_id, timeout=0.02, poll_interval=0.01)


async def test_v1_lists_what_all_credentials_hold(flanks) -> None:
    async with flanks.client(version="2025-01-01") as client:
        with pytest.raises(FlanksValidationError):
            [one async for one in client.aggregation.list_transactions()]
        tokens = [one.credentials_token for one in await client.credentials.list_all() if one.status == "active"]
        products = [one async for one in client.aggregation.list_products(tokens[0])]
        assert {type(one).__name__ for one in products} == {"Account", "Card", "Investment", "Liability"}
        assert len([one async for one in client.aggregation.list_transactions(tokens[0], max_items=7)]) == 7


async def test_numbers_keep_their_digits(flanks) -> None:
    async with flanks.client() as client:
        token = (await client.credentials.list_all())[0].credentials_token
        balances = {one.balance for one in await client.aggregation_v1.get_accounts(token)}
        assert Decimal("12345678901234567.89") in balances
        amounts = [one.amount for one in await client.aggregation_v1.get_account_transactions(token)]
        assert None in amounts
        assert Decimal(0) in amounts


async def test_what_flanks_adds_later_breaks_nothing(simulate) -> None:
    with simulate(drift=True, invented_count=1) as flanks:
        async with flanks.client() as client:
            (credential,) = await client.credentials.list_all()
            assert not credential.status.is_known
            told = await everything(client, credential.credentials_token)
            investment: Investment = told[1][0]
            assert (investment.type, investment.type.is_known) == ("AddedLater", False)
            assert "added_later" in investment.raw
            products = [one async for one in client.aggregation_v2.list_products()]
            assert products
            assert not products[0].product_type.is_known
            assert not hasattr(products[0], "added_later")
            sessions = [one async for one in client.connect.list_sessions()]
            assert not sessions[0].status.is_known


async def test_code_whose_answer_was_lost_is_not_sent_again(simulate) -> None:
    with simulate() as flanks:
        async with flanks.client(retries=3) as client:
            link = await client.links.create("https://app.example/back")
            code = flanks.server.act("visit_link", {"link_token": link.token})["code"]
            flanks.world.faults.add(FaultKind.RESET, path="/flanks/v0/platform", after_effect=True, times=1)
            with pytest.raises(FlanksNetworkError):
                await client.links.exchange_code(code)
            sent = [one for one in flanks.server.record if one["path"] == "/v0/platform/link"]
            assert len(sent) == 1
            assert await client.links.get_unused_codes() == []


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": FaultKind.STATUS, "status": 503},
        {"kind": FaultKind.STATUS, "status": 429, "retry_after": "0"},
        {"kind": FaultKind.RESET},
        {"kind": FaultKind.RESET, "after_effect": True},
        {"kind": FaultKind.TRUNCATE},
    ],
    ids=lambda fault: "-".join(map(str, fault.values())),
)
async def test_listing_survives_a_fault_between_its_pages(simulate, fault) -> None:
    with simulate(invented_count=2, page_size=7) as flanks:
        async with flanks.client(retry_backoff=0.001) as client:
            whole = [one async for one in client.aggregation_v2.list_transactions()]
            flanks.world.faults.add(**fault, path="/flanks/aggregation", skip=2, times=1)
            assert [one async for one in client.aggregation_v2.list_transactions()] == whole
