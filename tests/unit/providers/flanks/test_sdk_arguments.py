"""Is a wrong argument refused before anything is sent, by its name and without its value?"""

from datetime import UTC, date, datetime

import pytest
from pydantic import ValidationError

from bursar.providers.flanks import UNSET, FlanksArgumentError, FlanksConfigError
from bursar.providers.flanks.sdk.aggregation_v2 import ProductQuery, TransactionQuery
from bursar.providers.flanks.sdk.connect import SessionConfig, SessionQuery, SessionStatus

WRONG = [
    ("connect.create_session", (None,), {}, "config"),
    ("connect.create_session", ({"connector": "x"},), {}, "config"),
    ("connect.create_session", ({"connector_id": 7},), {}, "config"),
    ("connect.list_sessions", ({"statusin": ["Finished:OK"]},), {}, "query"),
    ("connect.list_sessions", ({"status_in": "Finished:OK"},), {}, "query"),
    ("connect.list_sessions", (ProductQuery(),), {}, "query"),
    ("connect.list_connectors", ("testbank",), {}, "connector_ids"),
    ("connect.list_connectors", ([""],), {}, "connector_ids"),
    ("connect.list_connectors_page", (None, ""), {}, "page_token"),
    ("connect.wait_until_finished", ("",), {}, "session_id"),
    ("credentials.get_status", ("",), {}, "credentials_token"),
    ("credentials.get_status", (None,), {}, "credentials_token"),
    ("credentials.list", (0,), {}, "page"),
    ("credentials.list", ("1",), {}, "page"),
    ("credentials.delete", (7,), {}, "credentials_token"),
    ("credentials.force_reset", ("",), {}, "credentials_token"),
    ("aggregation_v1.get_accounts", ("t", {"acount_id": ["x"]}), {}, "query"),
    ("aggregation_v1.get_accounts", ("t", {"account_id": "x"}), {}, "query"),
    ("aggregation_v1.get_accounts", ("t", None, "yes"), {}, "ignore_data_error"),
    ("aggregation_v1.get_holders", ("",), {}, "credentials_token"),
    ("aggregation_v2.list_products", ({"product_id": ["x"]},), {}, "query"),
    ("aggregation_v2.list_transactions", ({"date_from": "yesterday"},), {}, "query"),
    ("aggregation_v2.list_transactions", ({"date_from": "2026-02-01", "date_to": "2026-01-31"},), {}, "query"),
    ("aggregation_v2.list_transactions_page", ({"date_from": "2026-02-01", "date_to": "2026-01-31"},), {}, "query"),
    ("aggregation_v2.list_transactions", ({"date_from": datetime(2026, 1, 1, tzinfo=UTC)},), {}, "query"),
    ("aggregation_v2.set_product_labels", ("p", {"a": 1}), {}, "labels"),
    ("aggregation_v2.set_product_labels", ("p", None), {}, "labels"),
    ("aggregation_v2.set_transaction_labels", ("", {}), {}, "transaction_id"),
    ("links.create", ("",), {}, "redirect_uri"),
    ("links.create", ("https://a",), {"name": ""}, "name"),
    ("links.edit", (None,), {}, "token"),
    ("links.edit", ("t",), {"name": 7}, "name"),
    ("links.get_unused_codes", ("",), {}, "link_token"),
    ("links.exchange_code", ("",), {}, "code"),
    ("report.build_report", ("1", {}, {}), {}, "template_id"),
    ("report.build_report", (True, {}, {}), {}, "template_id"),
    ("report.build_report", (1, None, {}), {}, "query"),
    ("report.build_report", (1, {}, []), {}, "template_attributes"),
    ("report.build_report", (1, {}, {}), {"language": "de"}, "language"),
    ("report.build_report", (1, {}, {}), {"start_date": "2026-13-01"}, "start_date"),
    ("report.build_report", (1, {}, {}), {"start_date": datetime(2026, 1, 1, tzinfo=UTC)}, "start_date"),
    ("report.build_report", (1, {}, {}), {"start_date": "2026-02-01", "end_date": "2026-01-01"}, "start_date"),
    ("report.get_status", (1.0,), {}, "report_id"),
    ("connect.list_sessions", ({"status_in": ["Finished"]},), {}, "query"),
    ("connect.list_sessions", ({"error_code_in": ["Invalid"]},), {}, "query"),
    ("aggregation_v2.list_products", ({"product_type_in": ["Acount"]},), {}, "query"),
    ("transport.api_call", ("custom",), {}, "path"),
    *(("transport.api_call", (bad,), {}, "path") for bad in ("/a b", "/a\nb", "/a#b", "/\\evil.example", "/é")),
    ("transport.api_call", ("/x", {}), {"retry": "no"}, "retry"),
    *(
        ("transport.api_call", ("/x", {}), {"headers": {name: "1"}}, "headers")
        for name in ("Authorization", "content-length", "Transfer-Encoding")
    ),
    ("transport.api_call", ("@evil.example/x",), {}, "path"),
    ("transport.api_call", ("//evil.example/x",), {}, "path"),
    ("transport.api_call", ("/x", ["a"]), {}, "body"),
    ("transport.api_call", ("/x", {"amount": 1.5}), {}, "body"),
    ("transport.api_call", ("/x", {"a": object()}), {}, "body"),
    ("transport.api_call", ("/x", {}, "GET"), {}, "body"),
    ("transport.api_call", ("/x", {}, "SEND"), {}, "method"),
    ("transport.api_call", ("/x", {}), {"headers": {"X-A": "1\r\nX-B: 2"}}, "headers"),
    ("transport.api_call", ("/x", {}), {"headers": {"X-A": 1}}, "headers"),
    ("transport.api_call", ("/x", {}), {"params": {"a": 1}}, "params"),
    ("transport.with_options", (), {"headers": "X-A: 1"}, "headers"),
    ("transport.with_options", (), {"on_raw_response": 5}, "on_raw_response"),
    ("transport.with_options", (), {"on_invalid_item": []}, "on_invalid_item"),
]


@pytest.mark.parametrize(("name", "arguments", "options", "argument"), WRONG)
async def test_wrong_argument_is_refused_by_its_name(client, wire, name, arguments, options, argument) -> None:
    group, method = name.split(".")
    with pytest.raises(FlanksArgumentError) as caught:
        outcome = getattr(getattr(client, group), method)(*arguments, **options)
        if hasattr(outcome, "__anext__"):
            await anext(outcome)
        else:
            await outcome
    assert caught.value.argument.partition("[")[0] == argument
    assert str(caught.value).startswith(argument)
    assert isinstance(caught.value, FlanksConfigError | ValueError)
    assert wire.asked == []


async def test_value_of_a_wrong_argument_is_not_told(client) -> None:
    with pytest.raises(FlanksArgumentError) as caught:
        await client.connect.create_session({"connector_id": "x", "connection_id": {"canary": "secret"}})
    assert "canary" not in f"{caught.value} {caught.value.__cause__} {caught.value.__context__ and ''}"


@pytest.mark.parametrize("model", [SessionQuery, ProductQuery, TransactionQuery])
def test_mistyped_filter_is_refused_when_the_query_is_made(model) -> None:
    with pytest.raises(ValidationError):
        model(sesion_id_in=["x"])


def test_queries_are_mutable_and_stay_checked() -> None:
    query = SessionQuery()
    query.status_in = [SessionStatus.FINISHED_OK]
    assert query.status_in == ["Finished:OK"]
    with pytest.raises(ValidationError):
        query.session_id_in = "abc"


async def test_word_that_is_new_at_flanks_is_said_as_a_member(client, wire) -> None:
    wire.say("/connect/v2/sessions/list-sessions", {"items": []})
    await client.connect.list_sessions_page({"status_in": [SessionStatus("Waiting:Something"), "Finished:OK"]})
    asked = wire.last("/connect/v2/sessions/list-sessions").body["query"]
    assert asked == {"status_in": ["Waiting:Something", "Finished:OK"]}
    with pytest.raises(ValidationError, match=r"not one of Waiting:ProvideCredentials"):
        SessionQuery(status_in=["Waiting:Something"])


async def test_empty_list_means_none_and_is_sent(client, wire) -> None:
    wire.say("/connect/v2/connectors/list-connectors", {"items": []})
    assert [one async for one in client.connect.list_connectors([])] == []
    assert wire.last("/connect/v2/connectors/list-connectors").body["query"] == {"connector_id_in": []}
    wire.say("/aggregation/v2/list-products", {"items": []})
    await client.aggregation_v2.list_products_page(ProductQuery(product_id_in=[]))
    assert wire.last("/aggregation/v2/list-products").body["query"] == {"product_id_in": []}


async def test_configuration_keeps_members_that_nobody_knows_yet(client, wire) -> None:
    wire.say("/connect/v2/sessions/create-session", {"session": {"session_id": "s", "status": "Waiting:Challenge"}})
    await client.connect.create_session(SessionConfig(connector_id="x", redirect_url="https://b", added_later={"a": 1}))
    assert wire.last("/connect/v2/sessions/create-session").body == {
        "configuration": {"connector_id": "x", "redirect_url": "https://b", "added_later": {"a": 1}}
    }


async def test_none_removes_and_left_out_stays(client, wire) -> None:
    wire.say("/v0/links/edit-link", {"success": True, "data": {"token": "t"}})
    await client.links.edit("t", name="New", privacy_policy_url=None, company_name=UNSET)
    assert wire.last("/v0/links/edit-link").body == {"token": "t", "name": "New", "privacy_policy_url": None}


async def test_days_go_out_as_days(client, wire) -> None:
    wire.say("/aggregation/v2/list-transactions", {"items": []})
    query = TransactionQuery(date_from=date(2026, 1, 1), date_to="2026-01-31")
    await client.aggregation_v2.list_transactions_page(query)
    assert wire.last("/aggregation/v2/list-transactions").body["query"] == {
        "date_from": "2026-01-01",
        "date_to": "2026-01-31",
    }
    wire.say("/report/v1/build-report", {"report_id": 1})
    await client.report.build_report(1, {}, {}, start_date=date(2026, 1, 1))
    assert wire.last("/report/v1/build-report").body == {
        "template_id": 1,
        "query": {},
        "template_attributes": {},
        "language": "en",
        "start_date": "2026-01-01",
    }


async def test_get_has_a_query_and_no_body(client, wire) -> None:
    wire.say("/v0/platform/link", [{"code": "c", "link_token": "l&k"}])
    await client.links.get_unused_codes("l&k")
    asked = wire.last("/v0/platform/link")
    assert (asked.method, asked.query, asked.content) == ("GET", "link_token=l%26k", b"")
