"""Do the synchronous client, hooks, options and raw answers do what they promise?"""

import asyncio
import inspect
import pickle
import threading
from pathlib import Path

import pytest

from bursar.providers.flanks import (
    FlanksClient,
    FlanksConfigError,
    FlanksNotFoundError,
    FlanksSyncClient,
)

GROUPS = ["connect", "entities", "credentials", "aggregation_v1", "aggregation_v2", "links", "report", "transport"]
ONLY_ASYNC = {"close", "with_options"}


def public(one: object) -> dict[str, inspect.Signature]:
    found = inspect.getmembers(type(one), inspect.isfunction)
    return {name: inspect.signature(method) for name, method in found if not name.startswith("_")}


@pytest.mark.parametrize("group", GROUPS)
def test_blocking_groups_have_the_same_methods_and_parameters(group) -> None:
    with FlanksSyncClient("id", "secret") as blocking:
        theirs = public(getattr(blocking, group))
        ours = public(getattr(FlanksClient("id", "secret"), group))
    assert theirs.keys() == ours.keys() - (ONLY_ASYNC if group == "transport" else set())
    for name, signature in theirs.items():
        assert list(signature.parameters.values()) == list(ours[name].parameters.values()), name


def test_blocking_client_has_the_same_options() -> None:
    assert inspect.signature(FlanksSyncClient.__init__) == inspect.signature(FlanksClient.__init__)


def test_blocking_client_reads_writes_and_fails_alike(simulate) -> None:
    with simulate(invented_count=3, page_size=4) as flanks:
        face = flanks.face
        with FlanksSyncClient(face.client_id, face.client_secret, base_url=flanks.url) as client:
            listed = list(client.aggregation.list_products())
            assert len(listed) > 8
            assert next(client.aggregation.list_transactions()).transaction_id
            link = client.links.create("https://app.example/back")
            assert [one.token for one in client.links.list()] == [link.token]
            with pytest.raises(FlanksNotFoundError):
                client.report.get_status(1)
            assert client.transport.api_call("/v0/bank/available", method="GET")
            outcomes: list[int] = []
            threads = [threading.Thread(target=lambda: outcomes.append(len(client.entities.list()))) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert len(outcomes) == 8
            assert "secret" not in repr(client)
        client.close()
        with pytest.raises(FlanksConfigError, match="closed"):
            client.entities.list()


async def test_blocking_client_works_inside_a_running_loop(simulate) -> None:
    with simulate() as flanks:
        face = flanks.face

        def use() -> int:
            with FlanksSyncClient(face.client_id, face.client_secret, base_url=flanks.url) as client:
                return len(client.entities.list())

        assert use() == await asyncio.to_thread(use)


async def test_options_hold_for_their_view_only(client, wire) -> None:
    wire.say("/v0/bank/available", [{"id": "x"}])
    raw = []
    view = client.with_options(headers={"X-Trace": "7"}, on_raw_response=raw.append)
    await view.entities.list()
    assert wire.last("/v0/bank/available").headers["x-trace"] == "7"
    assert (raw[0].status_code, raw[0].json(), raw[0].attempts) == (200, [{"id": "x"}], 1)
    assert b"tok_secret" not in pickle.dumps(raw[0])
    assert pickle.loads(pickle.dumps(raw[0])).json() == raw[0].json()
    await client.entities.list()
    assert "x-trace" not in wire.last("/v0/bank/available").headers
    assert len(raw) == 1
    assert wire.token_count == 1
    with pytest.raises(FlanksConfigError):
        client.with_options(timeout=-1)


async def test_options_add_up(client, wire) -> None:
    wire.say("/v0/bank/available", [])
    view = client.with_options(headers={"X-A": "1"}).with_options(headers={"X-B": "2"}, timeout=5)
    await view.entities.list()
    headers = wire.last("/v0/bank/available").headers
    assert (headers["x-a"], headers["x-b"]) == ("1", "2")


async def test_single_call_has_its_own_headers_and_query(client, wire) -> None:
    wire.say("/custom/endpoint", {"ok": True})
    response = await client.transport.request("/custom/endpoint", {"data": "value"}, headers={"X-C": "3"})
    assert (response.status_code, response.json()) == (200, {"ok": True})
    await client.transport.api_call("/custom/endpoint", method="GET", params={"a": "b c"})
    assert wire.last("/custom/endpoint").query == "a=b+c"


async def test_headers_of_the_client_go_with_every_call(make_client, wire) -> None:
    wire.say("/v0/bank/available", [])
    await make_client(headers={"User-Agent": "mine/1"}).entities.list()
    assert {one.headers["user-agent"] for one in wire.asked} == {"mine/1"}


async def test_hooks_see_every_attempt_without_secrets(make_client, wire, said) -> None:
    before, after = [], []
    wire.say("/v0/bank/available", said(503), [])
    await make_client(on_request=[before.append], on_response=[after.append]).entities.list()
    assert [(one.path, one.attempt, one.status) for one in after] == [
        ("/v0/token", 1, 200),
        ("/v0/bank/available", 1, 503),
        ("/v0/bank/available", 2, 200),
    ]
    assert len(before) == 3
    assert "secret" not in repr(before + after)


EXAMPLES = Path(__file__).parents[4] / "docs/reference/flanks-sdk.md"


async def test_examples_of_the_reference_run_as_they_stand(wire, monkeypatch) -> None:
    page = EXAMPLES.read_text("utf-8").partition("<!-- examples -->")[2].partition("<!-- end of examples -->")[0]
    code = page.partition("```python\n")[2].partition("```")[0]
    assert "flanks.aggregation.list_transactions()" in code
    monkeypatch.setenv("FLANKS_CLIENT_ID", "id")
    monkeypatch.setenv("FLANKS_CLIENT_SECRET", "secret")
    monkeypatch.setattr("bursar.providers.flanks.FlanksClient", at(wire.url))
    rows = [{"_id": "tx_1", "amount": 1}]
    wire.say("/connect/v2/sessions/list-sessions", {"items": [{"session_id": "s1", "status": "Finished:OK"}]})
    wire.say("/v0/bank/available", [{"id": "testbank"}])
    wire.say("/aggregation/v2/list-products", {"items": [{"product_id": "p1", "product_type": "Account"}]})
    wire.say("/v0/bank/credentials/portfolio", [{"_id": "pf_1"}])
    wire.say("/v0/bank/credentials/list", {"items": [{"credentials_token": "t"}], "page": 1, "pages": 1})
    for kind in ("data", "card/transaction", "investment/transaction", "liability/transaction"):
        wire.say(f"/v0/bank/credentials/{kind}", rows)
    wire.say("/custom/endpoint", {"ok": True})
    said: list[str] = []
    names = {"print": lambda *told: said.append(" ".join(map(str, told)))}
    exec(compile("async def main():\n" + "".join(f"    {line}\n" for line in code.splitlines()), "docs", "exec"), names)
    await names["main"]()
    assert said[0] == "s1 Finished:OK"
    assert sum("tx_1" in line for line in said) == 4
    assert wire.last("/custom/endpoint").body == {"data": "value"}


def at(url: str) -> type[FlanksClient]:
    class Local(FlanksClient):
        def __init__(self, *arguments, **options) -> None:
            super().__init__(*arguments, base_url=url, **options)

    return Local
