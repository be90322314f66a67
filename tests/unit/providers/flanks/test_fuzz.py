"""Does anything but a result or a typed error ever come of answers, or requests, that nobody expects?"""

import inspect
import json
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bursar.providers.flanks import FlanksClient, FlanksError

CALLS: list[tuple[str, str, tuple[Any, ...]]] = [
    ("connect", "list_connectors_page", ()), ("connect", "create_session", ({"connector_id": "x"},)),
    ("connect", "list_sessions_page", ()), ("entities", "list", ()), ("credentials", "get_status", ("token",)),
    ("credentials", "list", ()), ("credentials", "force_sca", ("token",)), ("credentials", "delete", ("token",)),
    ("aggregation_v1", "get_portfolios", ("token",)), ("aggregation_v1", "get_investments", ("token",)),
    ("aggregation_v1", "get_investment_transactions", ("token",)), ("aggregation_v1", "get_accounts", ("token",)),
    ("aggregation_v1", "get_account_transactions", ("token",)), ("aggregation_v1", "get_liabilities", ("token",)),
    ("aggregation_v1", "get_cards", ("token",)), ("aggregation_v1", "get_identity", ("token",)),
    ("aggregation_v1", "get_holders", ("token",)), ("aggregation_v2", "list_products_page", ()),
    ("aggregation_v2", "list_transactions_page", ()), ("aggregation_v2", "set_product_labels", ("p", {})),
    ("links", "list", ()), ("links", "create", ("https://a",)), ("links", "get_unused_codes", ()),
    ("links", "exchange_code", ("code",)), ("report", "list_templates", ()), ("report", "get_status", (1,)),
    ("report", "get_content_url", (1,)),
]  # fmt: skip

MEMBERS = st.sampled_from(
    "items session data success error code details trace_id page pages next_page_token _id name status session_id "
    "token pending blocked errored created last_update amount balance date operationDate labels type url report_id "
    "contactInfo transaction_id product_id product_type sca_token credentials_token connector_id id".split()
)
SCALARS = st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.sampled_from(["", "x", "2026-01-01", "1.5", "NaN", "Finished:OK", "9999-99-99", "\x00", "😀"]) | st.text(
    max_size=5
)
ANSWERS = st.recursive(
    SCALARS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(MEMBERS, inner, max_size=8),
    max_leaves=25,
)


@pytest.mark.parametrize(("group", "method", "arguments"), CALLS, ids=[f"{one[0]}.{one[1]}" for one in CALLS])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(answer=ANSWERS, status=st.sampled_from([200, 200, 200, 204, 400, 401, 404, 500]))
async def test_any_answer_is_a_result_or_a_typed_error(group, method, arguments, answer, status) -> None:
    def say(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/v0/token":
            return httpx2.Response(200, json={"access_token": "t", "expires_in": 3600})
        return httpx2.Response(status, content=json.dumps(answer).encode())

    async with httpx2.AsyncClient(transport=httpx2.MockTransport(say)) as http:
        client = FlanksClient("id", "secret", http_client=http, retries=0)
        call = getattr(getattr(client, group), method)
        assert inspect.iscoroutinefunction(call)
        try:
            await call(*arguments)
        except FlanksError as error:
            assert str(error)


PATHS = [
    "/v0/token", "/connect/v2/connectors/list-connectors", "/connect/v2/sessions/create-session",
    "/connect/v2/sessions/list-sessions", "/v0/bank/credentials/status", "/v0/bank/credentials/list",
    "/v0/bank/credentials/account", "/v0/bank/credentials/auth/", "/aggregation/v2/list-products",
    "/aggregation/v2/list-transactions", "/aggregation/v2/set-product-labels", "/v0/links/create-link",
    "/v0/links/edit-link", "/v0/platform/link", "/report/v1/build-report", "/report/v1/get-report-status",
]  # fmt: skip
ASKED = st.sampled_from(
    "query page_token configuration connector_id connection_id external_id credentials_token force page labels "
    "product_id redirect_uri name token code template_id template_attributes language start_date report_id "
    "product_id_in date_from session_id_in client_id client_secret grant_type ignore_data_error".split()
)


def test_no_request_makes_the_simulator_fail(simulate) -> None:
    with simulate(invented_count=1) as flanks, httpx2.Client(base_url=flanks.url) as http:
        face = flanks.face
        grant = {"client_id": face.client_id, "client_secret": face.client_secret, "grant_type": "client_credentials"}
        token = http.post("/v0/token", json=grant).json()["access_token"]
        known = ["testbank", "en", next(iter(flanks.server._applications[face.client_id].credentials))]

        @settings(max_examples=150, deadline=None)
        @given(
            path=st.sampled_from(PATHS),
            body=st.recursive(
                SCALARS | TEXTS | st.sampled_from(known),
                lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ASKED, inner, max_size=6),
                max_leaves=12,
            ),
            method=st.sampled_from(["POST", "POST", "PUT", "DELETE", "GET"]),
        )
        def ask(path: str, body: Any, method: str) -> None:
            answer = http.request(method, path, json=body, headers={"authorization": f"Bearer {token}"})
            assert answer.status_code in {200, 400, 403, 404, 405}, (path, body)
            answer.json()

        ask()
        assert http.post("/v0/token", content=b"[" * 100_000).status_code == 400
        assert len(flanks.server.record) > 150
        assert "Bearer ***" in {one["headers"].get("authorization") for one in flanks.server.record}
        assert face.client_secret not in repr(flanks.server.record)
