"""Do requests leave as the web application's do: headers, pace, tokens, one at a time?"""

import asyncio
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from bursar.providers.sequence import AsyncSequenceClient, ConfigurationError, SequenceError, TokenExpiredError
from bursar.providers.sequence.sdk import auth
from bursar.providers.sequence.sdk.auth.tokens import AuthTokens, read_tokens, save_tokens
from bursar.providers.sequence.sdk.client import SequenceClient
from bursar.providers.sequence.sdk.runner import Pace

ACCEPT = (
    "application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed"
)


def test_headers_are_those_of_the_web_application(client, wire):
    client.execute("{ me }")
    client.execute("{ me }")
    headers = wire.asked[0].headers
    assert wire.asked[0].path == "/api/graphql"
    expected = {
        "accept": ACCEPT,
        "authorization": "Bearer canary-token",
        "content-type": "application/json",
        "origin": wire.url,
        "referer": f"{wire.url}/",
        "sec-fetch-dest": "empty",
        "sec-fetch-mode": "cors",
        "sec-fetch-site": "same-origin",
    }
    assert {name: headers[name] for name in expected} == expected
    assert {"upgrade-insecure-requests", "sec-fetch-user", "cache-control", "upgrade"}.isdisjoint(headers)
    assert "Chrome/" in headers["user-agent"]
    assert "sec-ch-ua" in headers


def test_every_request_has_an_id_of_its_own(client, wire):
    for _ in range(3):
        client.execute("{ me }")
    ids = {one.headers["x-request-id"] for one in wire.asked}
    assert len(ids) == 3
    for one in ids:
        assert one.startswith("webapp-")
        assert one[len("webapp-") :].count("-") == 4
        assert one[len("webapp-") + 14] == "4"


def test_first_request_does_not_wait_and_the_next_ones_do(client, wire, still):
    still.dice = 0.25
    for _ in range(3):
        client.execute("{ me }")
    assert still.slept == [2.0, 2.0]


def test_time_that_has_passed_anyway_counts(client, still):
    client.execute("{ me }")
    still.passed_s += 1.0
    client.execute("{ me }")
    assert still.slept == [0.5]
    still.passed_s += 60.0
    client.execute("{ me }")
    assert still.slept == [0.5]


def test_pace_is_kept_after_a_failure(client, wire, said, still):
    wire.say(said(500, b""), {"me": 1})
    with pytest.raises(SequenceError):
        client.execute("{ me }")
    client.execute("{ me }")
    wire.say(said(cut=True))
    with pytest.raises(SequenceError):
        client.execute("{ me }")
    wire.say({"me": 1})
    client.execute("{ me }")
    assert still.slept == [1.5, 1.5, 1.5]


def test_threads_that_share_a_client_wait_for_each_other(client, wire, still):
    with ThreadPoolExecutor(5) as threads:
        list(threads.map(lambda _: client.execute("{ me }"), range(5)))
    assert still.slept == [1.5] * 4
    assert len(wire.asked) == 5


def test_threads_have_one_request_in_flight(make_client, wire, said):
    inside: list[int] = []
    most: list[int] = []

    def answer(_):
        inside.append(1)
        most.append(len(inside))
        threading.Event().wait(0.05)
        inside.pop()
        return said(body={"data": {}})

    wire.say(answer)
    client = make_client(pace=Pace(0.0, 0.0))
    with ThreadPoolExecutor(5) as threads:
        list(threads.map(lambda _: client.execute("{ me }"), range(5)))
    assert most == [1] * 5


def test_numbers_of_the_pace_can_be_chosen_by_a_subclass(wire, still):
    class Hasty(SequenceClient):
        _MIN_DELAY = 0.1
        _MAX_JITTER = 0.0

    with Hasty("t", app_url=wire.url, timing=still.timing) as client:
        client.execute("{ me }")
        client.execute("{ me }")
    assert still.slept == [pytest.approx(0.1)]


def test_provider_is_asked_before_every_request_after_the_wait(make_client, wire, still):
    asked_at: list[float] = []

    def provide() -> str:
        asked_at.append(still.passed_s)
        return f"token-{len(asked_at)}"

    client = make_client("unused", provide)
    client.execute("{ me }")
    client.execute("{ me }")
    assert [one.headers["authorization"] for one in wire.asked] == ["Bearer token-1", "Bearer token-2"]
    assert asked_at == [0.0, 1.5]


def test_refused_token_is_dropped_and_the_request_sent_once_more(make_client, wire, said):
    save_tokens(AuthTokens("old", "refresh", 9e12))
    tokens = iter(["old", "new"])
    wire.say(said(401, b""), {"me": 1})
    assert make_client("unused", lambda: next(tokens)).execute("{ me }") == {"me": 1}
    assert [one.headers["authorization"] for one in wire.asked] == ["Bearer old", "Bearer new"]
    assert read_tokens() == AuthTokens("old", "refresh", 0.0)


def test_token_that_another_process_has_renewed_stays(make_client, wire, said):
    save_tokens(AuthTokens("renewed", "refresh", 9e12))
    tokens = iter(["old", "renewed"])
    wire.say(said(401, b""), {"me": 1})
    make_client("unused", lambda: next(tokens)).execute("{ me }")
    assert read_tokens() == AuthTokens("renewed", "refresh", 9e12)


def test_token_that_is_refused_twice_has_expired(make_client, wire, said):
    wire.say(said(401, b""))
    with pytest.raises(TokenExpiredError, match="HTTP 401"):
        make_client("unused", lambda: "t").execute("{ me }")
    assert len(wire.asked) == 2


def test_refused_token_without_a_provider_is_not_sent_again(client, wire, said):
    wire.say(said(401, b""))
    with pytest.raises(TokenExpiredError, match="HTTP 401"):
        client.execute("{ me }")
    assert len(wire.asked) == 1


def test_what_the_provider_raises_reaches_the_caller(make_client, wire):
    def provide() -> str:
        raise auth.AuthenticationError("the password step was refused")

    with pytest.raises(auth.AuthenticationError):
        make_client("unused", provide).get_pods()
    assert wire.asked == []


def test_closed_client_says_so_and_closing_twice_is_harmless(client):
    client.execute("{ me }")
    client.close()
    client.close()
    with pytest.raises(SequenceError, match="closed"):
        client.get_pods()
    with pytest.raises(SequenceError, match="closed"):
        client.iter_activity("org")


def test_context_manager_closes(make_client):
    with make_client() as client:
        client.execute("{ me }")
    with pytest.raises(SequenceError, match="closed"):
        client.execute("{ me }")


async def test_async_client_has_the_same_methods_and_errors(wire, still, example):
    wire.say(example("accounts"))
    async with AsyncSequenceClient("t", app_url=wire.url, timing=still.timing) as client:
        assert (await client.get_total_balance())["pod_count"] == 4
        await asyncio.gather(*(client.get_pods() for _ in range(3)))
    assert still.slept == [1.5] * 3
    with pytest.raises(SequenceError, match="closed"):
        await client.get_pods()
    public = {name for name in vars(SequenceClient) if not name.startswith("_")}
    assert public == {name for name in vars(AsyncSequenceClient) if not name.startswith("_")} - {"run"}


async def test_blocking_client_works_inside_a_running_loop(make_client, wire):
    assert make_client().execute("{ me { id } }") == {"me": {"id": "u"}}


def test_client_of_a_forked_process_refuses_instead_of_hanging(client):
    client.execute("{ me }")
    child = os.fork()
    if child == 0:
        try:
            client.execute("{ me }")
        except SequenceError as error:
            os._exit(0 if "forked" in str(error) else 2)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize(
    "address",
    [
        "http://app.getsequence.io",
        "ftp://app.getsequence.io",
        "https://",
        "app.getsequence.io",
        "https://user:secret@app.getsequence.io",
        "https://app.getsequence.io/path",
        "https://app.getsequence.io?x=1",
        "http://127.0.0.1.example.com",
        "https://app.getsequence.io:port",
    ],
)
def test_origin_that_would_leak_credentials_is_refused(address):
    with pytest.raises(ConfigurationError) as caught:
        SequenceClient("t", app_url=address)
    assert "secret" not in str(caught.value)


def test_origin_comes_from_the_environment_when_the_client_is_made(monkeypatch, wire, still):
    monkeypatch.setenv("SEQUENCE_APP_URL", f"{wire.url}/")
    with SequenceClient("t", timing=still.timing) as client:
        client.execute("{ me }")
    assert wire.asked[0].headers["origin"] == wire.url


def test_another_runner_takes_the_place_of_the_web_application():
    """A client of the vendor's own API would be one: it knows an operation by its name and variables."""

    class Official:
        async def run(self, operation):
            return [{"id": "p", "operation": operation.name}]

        async def aclose(self) -> None:
            pass

    with SequenceClient("key", runner=Official()) as client:
        assert client.get_pods() == [{"id": "p", "operation": "SelectSourceAndDestination"}]


WITHOUT_THE_EXTRA = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("curl_cffi", "playwright"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Missing())
from bursar.providers.sequence import *
from bursar.providers.sequence import SequenceClient, get_access_token, MissingDependencyError, DailyLimitTracker
assert "curl_cffi" not in sys.modules and "playwright" not in sys.modules
for call in (lambda: SequenceClient("t", app_url="http://127.0.0.1:9").get_pods(), get_access_token):
    try:
        call()
    except MissingDependencyError as error:
        assert isinstance(error, ImportError)
        print(error)
"""


def test_without_the_extra_the_first_call_says_what_to_install(tmp_path):
    environment = os.environ | {
        "SEQUENCE_EMAIL": "a@example.com",
        "SEQUENCE_PASSWORD": "p",
        "SEQUENCE_TOTP": "123456",
        "SEQUENCE_DATA_DIR": str(tmp_path),
    }
    run = subprocess.run(
        [sys.executable, "-c", WITHOUT_THE_EXTRA], env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.count("pip install 'bursar[sequence]'") == 2


def test_importing_the_package_loads_neither_curl_nor_a_browser():
    program = "import sys, bursar.providers.sequence as s; print({'curl_cffi', 'playwright'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
