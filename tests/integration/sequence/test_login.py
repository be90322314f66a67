"""Does a real Chromium log in, and does it stop, say why and go away where it cannot?"""

import asyncio
import logging
import os
import re
import time
import traceback

import httpx2
import pytest

from bursar.providers.sequence import (
    AuthenticationError,
    SequenceClient,
    authenticate,
    get_access_token,
)
from bursar.providers.sequence.sdk.auth import SecondFactor
from bursar.providers.sequence.sdk.auth.tokens import read_tokens

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
PASSWORD = "correct-horse-9"


def our_words(caplog, error) -> str:
    """What was logged and what a traceback would show; the simulator's own access log is not ours."""
    logged = [record.getMessage() for record in caplog.records if not record.name.startswith("uvicorn")]
    return "\n".join([*logged, *traceback.format_exception(error)])


def paths(simulated) -> list[str]:
    return [one["path"] for one in simulated.requests()]


def test_login_with_a_secret_yields_a_token_and_tells_nothing(simulated, browsers, caplog):
    with caplog.at_level(logging.DEBUG):
        token = get_access_token()
        with SequenceClient(token) as client:
            assert client.get_total_balance()["total_balance"] == "$5,000.00"
    kept = read_tokens()
    assert kept.access_token == token
    assert kept.refresh_token is None
    assert 86_000 < kept.expires_at - time.time() <= 86_400
    assert browsers() == []
    assert "/authorize/social" not in paths(simulated)
    agents = {one["headers"].get("user-agent") for one in simulated.requests("/u/login/password")}
    assert len(agents) == 1
    assert "HeadlessChrome" not in agents.pop()
    assert "login: code step" in caplog.text
    told = caplog.text
    codes = {SecondFactor.parse(SECRET).code(time.time() - 30 * step) for step in range(3)}
    for secret in (token, token.split(".")[2], PASSWORD, SECRET, "access_token=", *codes):
        assert secret not in told
    # The cache is used from now on.
    assert get_access_token() == token
    assert paths(simulated).count("/authorize") == 1


async def test_login_with_a_code_works_while_an_event_loop_runs(simulated, browsers, monkeypatch):
    wait_s = SecondFactor.parse(SECRET).wait_s(time.time() + 15)  # time to type it before it ends
    await asyncio.sleep(wait_s)
    monkeypatch.setenv("SEQUENCE_TOTP", SecondFactor.parse(SECRET).code(time.time() + 15))
    token = get_access_token()
    with SequenceClient(token) as client:
        assert len(client.get_pods()) == 4
    assert browsers() == []


def test_login_with_an_address_as_the_token_provider_of_a_client(simulated, monkeypatch):
    uri = f"otpauth://totp/Sequence:demo%40example.com?secret={SECRET}&issuer=Sequence"
    monkeypatch.setenv("SEQUENCE_TOTP", uri)
    simulated.control("manners", issues_refresh_tokens=True)
    with SequenceClient(get_access_token(), token_provider=get_access_token) as client:
        assert client.get_activity_summary()["total_incoming"] == "$3,000.00"
        assert read_tokens().refresh_token
        # Refused before its time: renewed without a browser, and the request sent once more.
        simulated.control("tokens/revoke", token=read_tokens().access_token)
        assert client.get_activity_summary()["transfer_count"] == 5
    assert paths(simulated).count("/authorize") == 1
    assert paths(simulated).count("/oauth/token") == 1


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SEQUENCE_PASSWORD", "canary-password", r"password step was refused \(HTTP 400\) .*Wrong email or password"),
        ("SEQUENCE_TOTP", "000 000", r"code step was refused \(HTTP 400\) .*The code you entered is invalid"),
        ("SEQUENCE_EMAIL", "no-address", r"email step was refused \(HTTP 400\)"),
    ],
)
def test_what_is_refused_names_its_step(simulated, browsers, monkeypatch, caplog, name, value, said):
    monkeypatch.setenv(name, value)
    with caplog.at_level(logging.DEBUG), pytest.raises(AuthenticationError, match=said) as caught:
        authenticate()
    told = our_words(caplog, caught.value)
    for secret in (value, value.replace(" ", ""), PASSWORD, SECRET, "state="):
        assert secret not in told
    assert browsers() == []
    assert read_tokens() is None


def test_blocked_account_is_told_and_is_not_waited_for(simulated, browsers, monkeypatch):
    monkeypatch.setenv("SEQUENCE_PASSWORD", "wrong")
    # Ten wrong passwords from somewhere else.
    with httpx2.Client(follow_redirects=True) as site:
        for _ in range(10):
            page = site.get(
                f"{simulated.auth}/authorize",
                params={
                    "response_type": "token",
                    "client_id": os.environ["SEQUENCE_AUTH0_CLIENT_ID"],
                    "redirect_uri": f"{simulated.app}/callback",
                    "state": "s",
                    "nonce": "n",
                },
            )
            state = re.search(r'name="state" value="([^"]+)"', page.text)[1]
            site.post(
                f"{simulated.auth}/u/login/identifier", data={"state": state, "username": os.environ["SEQUENCE_EMAIL"]}
            )
            site.post(f"{simulated.auth}/u/login/password", data={"state": state, "password": "wrong"})
    with pytest.raises(AuthenticationError, match="/u/login/password") as caught:
        authenticate()
    assert "state=" not in str(caught.value)
    assert browsers() == []
