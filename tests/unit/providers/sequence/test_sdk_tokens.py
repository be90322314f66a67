"""Is a token kept safely, renewed once and in time, and never shown?"""

import base64
import json
import logging
import os
import stat
import subprocess
import sys
import time
import traceback

import pytest

from bursar.providers.sequence import (
    AuthenticationError,
    AuthTokens,
    ConfigurationError,
    TokenExpiredError,
    get_access_token,
    get_credentials,
    get_sequence_config,
    refresh,
)
from bursar.providers.sequence.sdk.auth import cooldown
from bursar.providers.sequence.sdk.auth.tokens import (
    cache_path,
    expiry_of,
    forget_access_token,
    read_tokens,
    save_tokens,
)

FAR = 9e12


@pytest.fixture
def identity(wire, monkeypatch):
    monkeypatch.setenv("SEQUENCE_AUTH_URL", wire.url)
    monkeypatch.setenv("SEQUENCE_AUTH0_CLIENT_ID", "demo-client")
    return wire


def test_cached_token_is_used_while_more_than_a_minute_is_left():
    save_tokens(AuthTokens("cached", None, time.time() + 61.5))
    assert get_access_token() == "cached"


@pytest.mark.parametrize("left_s", [60.0, 59.0, -5.0])
def test_cached_token_with_a_minute_or_less_counts_as_expired(identity, said, monkeypatch, left_s):
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now)
    save_tokens(AuthTokens("cached", "refresh", now + left_s))
    identity.say(said(body={"access_token": "renewed", "expires_in": 100}))
    assert get_access_token() == "renewed"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no json",
        b"\xff\xfe{}",
        b"[]",
        b"null",
        b'{"access_token": "t"}',
        b'{"access_token": 5, "refresh_token": null, "expires_at": 9e12}',
        b'{"access_token": "", "refresh_token": null, "expires_at": 9e12}',
        b'{"access_token": "t", "refresh_token": 5, "expires_at": 9e12}',
        b'{"access_token": "t", "refresh_token": null, "expires_at": "9e12"}',
        b'{"access_token": "t", "refresh_token": null, "expires_at": true}',
        b'{"access_token": "t", "refresh_token": null, "expires_at": Infinity}',
        b"[" * 100_000,
    ],
)
def test_file_that_is_no_cache_is_no_cache(data_dir, content):
    data_dir.mkdir()
    cache_path().write_bytes(content)
    assert read_tokens() is None
    with pytest.raises(ConfigurationError, match="SEQUENCE_EMAIL"):
        get_access_token()  # goes on to the login


def test_cache_has_the_known_form_for_its_owner_only(data_dir):
    save_tokens(AuthTokens("a", None, 1737041400.25))
    assert json.loads(cache_path().read_bytes()) == {
        "access_token": "a",
        "refresh_token": None,
        "expires_at": 1737041400.25,
    }
    assert stat.S_IMODE(cache_path().stat().st_mode) == 0o600
    assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700
    assert [path.name for path in data_dir.iterdir()] == [".tokens.json"]


def test_cache_that_everybody_could_read_is_tightened_when_it_is_read():
    save_tokens(AuthTokens("a", None, FAR))
    cache_path().chmod(0o644)
    assert get_access_token() == "a"
    assert stat.S_IMODE(cache_path().stat().st_mode) == 0o600


def test_tokens_do_not_show_themselves():
    assert "canary" not in repr(AuthTokens("canary-access", "canary-refresh", 0.0))


def test_data_folder_is_asked_for_at_each_call(monkeypatch, tmp_path):
    save_tokens(AuthTokens("here", None, FAR))
    monkeypatch.setenv("SEQUENCE_DATA_DIR", str(tmp_path / "elsewhere"))
    assert read_tokens() is None


def test_forgetting_keeps_the_refresh_token_and_other_tokens():
    forget_access_token("nothing there")
    save_tokens(AuthTokens("a", "r", FAR))
    forget_access_token("other")
    assert read_tokens() == AuthTokens("a", "r", FAR)
    forget_access_token("a")
    assert read_tokens() == AuthTokens("a", "r", 0.0)


def jwt(claims) -> str:
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"eyJhbGciOiJSUzI1NiJ9.{payload}.c2ln"


@pytest.mark.parametrize(
    ("token", "expires_at"),
    [
        (jwt({"exp": 1_800_000_000}), 1_800_000_000.0),
        (jwt({"exp": 1_800_000_000.5}), 1_800_000_000.5),
        (jwt({"exp": "soon"}), 86_500.0),
        (jwt({"exp": True}), 86_500.0),
        (jwt({}), 86_500.0),
        (jwt([]), 86_500.0),
        ("opaque", 86_500.0),
        ("a.!!!.c", 86_500.0),
        ("a.AAAA.c", 86_500.0),
    ],
)
def test_expiry_is_what_the_token_says_else_a_day_from_now(token, expires_at):
    assert expiry_of(token, 100.0) == expires_at


# --- the refresh grant ---


def test_refresh_asks_as_the_web_application_would_and_keeps_what_comes(identity, said):
    reply = {"access_token": "new", "refresh_token": "next", "expires_in": 7200, "token_type": "Bearer"}
    identity.say(said(body=reply))
    before = time.time()
    tokens = refresh("v1.old-refresh")
    assert identity.asked[0].path == "/oauth/token"
    assert identity.asked[0].body == {
        "grant_type": "refresh_token",
        "client_id": "demo-client",
        "refresh_token": "v1.old-refresh",
    }
    assert (tokens.access_token, tokens.refresh_token) == ("new", "next")
    assert before + 7200 <= tokens.expires_at <= time.time() + 7200
    assert read_tokens() == tokens


@pytest.mark.parametrize("reply", [{"access_token": "new"}, {"access_token": "new", "expires_in": "x"}])
def test_refresh_without_rotation_keeps_the_old_one_and_a_day_is_assumed(identity, said, reply):
    identity.say(said(body=reply))
    before = time.time()
    tokens = refresh("old")
    assert tokens.refresh_token == "old"
    assert tokens.expires_at >= before + 86_400


REFUSALS = [
    (403, {"error": "invalid_grant", "error_description": "Unknown or invalid refresh token."}),
    (401, {"error": "access_denied", "error_description": "Unauthorized"}),
    (400, {"error": "invalid_request", "error_description": "missing parameter"}),
]


@pytest.mark.parametrize(("status", "body"), REFUSALS)
def test_refused_refresh_says_why_and_is_not_repeated(identity, said, status, body):
    identity.say(said(status, body))
    with pytest.raises(TokenExpiredError, match=f"token refresh failed: HTTP {status}: {body['error_description']}"):
        refresh("old")
    assert len(identity.asked) == 1


@pytest.mark.parametrize("status", [429, 500, 503])
def test_refresh_that_the_site_cannot_answer_now_is_repeated_once(identity, said, status):
    identity.say(said(status, b"<html>"), said(body={"access_token": "new"}))
    assert refresh("old").access_token == "new"
    identity.say(said(status, b"<html>"))
    with pytest.raises(TokenExpiredError, match=f"HTTP {status}"):
        refresh("old")
    assert len(identity.asked) == 4


def test_refresh_that_broke_off_is_not_repeated_because_it_may_have_spent_the_token(identity, said):
    identity.say(said(cut=True))
    with pytest.raises(TokenExpiredError, match="token refresh failed: no answer"):
        refresh("old")
    assert len(identity.asked) == 1


def test_error_of_a_refresh_tells_no_token(identity, said, caplog):
    identity.say(said(403, {"error": "x", "error_description": "bad token canary-refresh-token"}))
    with caplog.at_level(logging.DEBUG), pytest.raises(TokenExpiredError) as caught:
        refresh("canary-refresh-token")
    assert "canary-refresh-token" not in f"{caught.value!r} {caplog.text}"


def test_failed_refresh_goes_on_to_the_login_with_a_warning(identity, said, caplog):
    save_tokens(AuthTokens("old", "canary-refresh", 0.0))
    identity.say(said(403, {"error_description": "Unknown or invalid refresh token."}))
    with pytest.raises(ConfigurationError, match="SEQUENCE_EMAIL"):
        get_access_token()
    assert "token refresh failed" in caplog.text
    assert "canary-refresh" not in caplog.text


def test_missing_client_id_names_the_variable(monkeypatch):
    monkeypatch.delenv("SEQUENCE_AUTH0_CLIENT_ID", raising=False)
    with pytest.raises(ConfigurationError, match="SEQUENCE_AUTH0_CLIENT_ID"):
        refresh("old")


RENEW = "from bursar.providers.sequence import get_access_token; print(get_access_token())"


def test_two_processes_renew_once(identity, said):
    save_tokens(AuthTokens("old", "refresh", 0.0))
    identity.say(said(body={"access_token": "new", "refresh_token": "next"}, delay_s=0.5))
    runs = [
        subprocess.Popen([sys.executable, "-c", RENEW], stdout=subprocess.PIPE, text=True, env=dict(os.environ))
        for _ in range(3)
    ]
    assert [run.communicate()[0].strip() for run in runs] == ["new"] * 3
    assert len(identity.asked) == 1


# --- settings ---


def test_settings_are_read_when_asked_for(monkeypatch):
    for name in ("EMAIL", "PASSWORD", "TOTP", "ORG_ID", "KYC_ID", "AUTH0_CLIENT_ID"):
        monkeypatch.setenv(f"SEQUENCE_{name}", f"canary-{name}")
    credentials, settings = get_credentials(), get_sequence_config()
    assert (credentials.email, credentials.password, credentials.totp) == (
        "canary-EMAIL",
        "canary-PASSWORD",
        "canary-TOTP",
    )
    assert (settings.organization_id, settings.kyc_id, settings.auth0_client_id) == (
        "canary-ORG_ID",
        "canary-KYC_ID",
        "canary-AUTH0_CLIENT_ID",
    )
    assert "canary-PASSWORD" not in repr(credentials)
    assert "canary-TOTP" not in repr(credentials)


@pytest.mark.parametrize("value", [None, "", "  "])
def test_missing_setting_is_named_and_is_a_key_error(monkeypatch, value):
    monkeypatch.setenv("SEQUENCE_EMAIL", "a@example.com")
    if value is not None:
        monkeypatch.setenv("SEQUENCE_PASSWORD", value)
    with pytest.raises(KeyError, match="SEQUENCE_PASSWORD"):
        get_credentials()


# --- the pause after failed logins ---


@pytest.fixture
def login_settings(monkeypatch, wire):
    """An application that answers no page: every login fails at its first step, with a real browser."""
    for name, value in {
        "SEQUENCE_EMAIL": "a@example.com",
        "SEQUENCE_PASSWORD": "canary-password",
        "SEQUENCE_TOTP": "123456",
        "SEQUENCE_APP_URL": "http://127.0.0.1:9",
    }.items():
        monkeypatch.setenv(name, value)


def test_three_failed_logins_start_a_pause_that_ends(login_settings, data_dir, monkeypatch):
    for _ in range(3):
        with pytest.raises(AuthenticationError, match="failed at the page of the web application") as caught:
            get_access_token()
        assert "canary" not in "".join(traceback.format_exception(caught.value))
    with pytest.raises(AuthenticationError, match="the last 3 browser logins failed, so the next one waits until"):
        get_access_token()
    assert stat.S_IMODE((data_dir / ".login_failures.json").stat().st_mode) == 0o600
    later = time.time() + 15 * 60
    monkeypatch.setattr(time, "time", lambda: later)
    cooldown.check()
    cooldown.forget_failures()
    assert not (data_dir / ".login_failures.json").exists()


@pytest.mark.parametrize("content", [b"", b"[]", b'{"failures": "x"}', b'{"failures": 9, "last_failed_at": null}'])
def test_file_of_failures_that_cannot_be_read_does_not_lock_out(data_dir, content):
    data_dir.mkdir()
    (data_dir / ".login_failures.json").write_bytes(content)
    cooldown.check()
    cooldown.count_failure()
    assert json.loads((data_dir / ".login_failures.json").read_bytes())["failures"] == 1


def test_browser_that_is_named_and_not_there_is_no_failed_login(login_settings, data_dir, monkeypatch):
    monkeypatch.setenv("SEQUENCE_CHROMIUM_PATH", "/nowhere/chromium")
    with pytest.raises(ConfigurationError, match="SEQUENCE_CHROMIUM_PATH names no file"):
        get_access_token()
    assert not (data_dir / ".login_failures.json").exists()


def test_where_no_chromium_is_found_the_error_says_what_to_install(login_settings, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path))
    with pytest.raises(ConfigurationError, match="apt-get install chromium"):
        get_access_token()
