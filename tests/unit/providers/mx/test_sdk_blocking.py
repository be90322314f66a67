"""Does blocking code have every call, with the same answers and errors?"""

import inspect

import httpx2
import pytest

from bursar.providers.mx import MXClient, MXSyncClient
from bursar.providers.mx.sdk import errors


@pytest.fixture
def blocking(wire, still):
    http = httpx2.AsyncClient(transport=httpx2.MockTransport(wire.handle))
    with MXSyncClient("client-id", "api-key-canary", http_client=http, timing=still.timing) as client:
        yield client


def test_every_call_of_the_asynchronous_client_is_there():
    calls = {
        name
        for name, call in inspect.getmembers(MXClient, inspect.iscoroutinefunction)
        if not name.startswith("_") and name != "aclose"
    }
    assert len(calls) > 20
    assert [name for name in sorted(calls) if not callable(getattr(MXSyncClient, name, None))] == []
    for name in calls:
        assert inspect.signature(getattr(MXSyncClient, name)) == inspect.signature(getattr(MXClient, name))
        assert getattr(MXSyncClient, name).__doc__


def test_call_waits_for_its_answer(blocking, wire, shapes):
    wire.answers[f"GET /users/{shapes.user}/members/{shapes.member}/accounts"] = shapes.page(
        "accounts", [shapes.account()]
    )
    (account,) = blocking.list_accounts(shapes.user, member=shapes.member)
    assert account.guid == shapes.account_guid
    assert "canary" not in repr(blocking)


def test_errors_are_the_same_and_a_closed_client_says_so(blocking, wire, shapes):
    wire.answers[f"GET /users/{shapes.user}"] = httpx2.Response(404)
    with pytest.raises(errors.MXNotFoundError):
        blocking.get_user(shapes.user)
    blocking.close()
    blocking.close()
    with pytest.raises(RuntimeError, match="closed"):
        blocking.get_user(shapes.user)


def test_it_comes_from_the_environment():
    with MXSyncClient.from_env({"MX_CLIENT_ID": "id", "MX_API_KEY": "canary"}) as client:
        assert repr(client).startswith("MXSyncClient(MXClient(environment='integration'")
