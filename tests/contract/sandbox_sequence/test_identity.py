"""The identity site below the browser: steps, codes, refresh tokens, the public key."""

import base64
import json
import re
import time
from urllib.parse import parse_qsl, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from tests.contract.sandbox_sequence.conftest import Stage

from bursar.providers.sequence.sandbox.otp import code_at
from bursar.providers.sequence.sandbox.reference import EMAIL, PASSWORD, TOTP_SECRET

IDENTIFIER, CODE_PAGE = "/u/login/identifier", "/u/mfa-otp-challenge"
PASSWORD_PAGE = "/u/login/password"


def authorize(stage: Stage, **changed: str) -> object:
    asked = {
        "response_type": "token",
        "client_id": "demo-client",
        "redirect_uri": f"{stage.simulator.origins.app}/callback",
        "scope": "openid profile email",
        "audience": f"{stage.simulator.origins.app}/api",
        "state": "state-of-the-app",
        "nonce": "n",
        **changed,
    }
    return stage.auth.get("/authorize", params=asked)


def begin(stage: Stage) -> str:
    answer = authorize(stage)
    assert answer.status_code == 302
    address = urlsplit(answer.headers["location"])
    assert address.path == IDENTIFIER
    return dict(parse_qsl(address.query))["state"]


def submit(stage: Stage, path: str, state: str, **fields: str) -> object:
    return stage.auth.post(path, params={"state": state}, data=fields)


def code_now(offset: int = 0) -> str:
    return code_at(TOTP_SECRET, int(time.time()) // 30 + offset)


def log_in(stage: Stage) -> dict[str, str]:
    state = begin(stage)
    assert submit(stage, IDENTIFIER, state, username=EMAIL).status_code == 302
    assert submit(stage, PASSWORD_PAGE, state, password=PASSWORD).status_code == 302
    assert submit(stage, CODE_PAGE, state, code=code_now()).headers["location"].startswith("/authorize/resume?")
    back = stage.auth.get("/authorize/resume", params={"state": state})
    assert back.status_code == 302
    return dict(parse_qsl(urlsplit(back.headers["location"]).fragment))


def test_steps_in_order_lead_back_with_a_token(stage: Stage) -> None:
    fragment = log_in(stage)
    assert (fragment["state"], fragment["token_type"], fragment["expires_in"]) == (
        "state-of-the-app",
        "Bearer",
        "86400",
    )
    assert "refresh_token" not in fragment
    stage.token = fragment["access_token"]
    assert stage.balances()["0101"] == 150_000


def test_login_yields_a_refresh_token_only_when_told_to(stage: Stage) -> None:
    stage.control("manners", issues_refresh_tokens=True)
    assert stage.refresh(refresh_token=log_in(stage)["refresh_token"]).status_code == 200


def test_step_out_of_order_or_of_no_login_is_a_page_that_says_no(stage: Stage) -> None:
    state = begin(stage)
    for path in (PASSWORD_PAGE, CODE_PAGE, "/authorize/resume"):
        assert stage.auth.get(path, params={"state": state}).status_code == 400, path
    assert submit(stage, PASSWORD_PAGE, state, password=PASSWORD).status_code == 400
    assert submit(stage, CODE_PAGE, state, code=code_now()).status_code == 400
    submit(stage, IDENTIFIER, state, username=EMAIL)
    assert submit(stage, CODE_PAGE, state, code=code_now()).status_code == 400
    submit(stage, PASSWORD_PAGE, state, password=PASSWORD)
    assert stage.auth.get("/authorize/resume", params={"state": state}).status_code == 400
    for path in (IDENTIFIER, PASSWORD_PAGE, CODE_PAGE, "/authorize/resume"):
        assert stage.auth.get(path, params={"state": "unknown"}).status_code == 400
        assert stage.auth.get(path).status_code == 400
    submit(stage, CODE_PAGE, state, code=code_now())
    assert stage.auth.get("/authorize/resume", params={"state": state}).status_code == 302
    assert stage.auth.get("/authorize/resume", params={"state": state}).status_code == 400


def test_password_of_one_login_does_not_serve_another_address(stage: Stage) -> None:
    state = begin(stage)
    submit(stage, IDENTIFIER, state, username=EMAIL)
    submit(stage, PASSWORD_PAGE, state, password=PASSWORD)
    submit(stage, IDENTIFIER, state, username="other@example.com")
    assert submit(stage, CODE_PAGE, state, code=code_now()).status_code == 400


@pytest.mark.parametrize("typed", ["", "jordan", "a b@example.com", "a@b"])
def test_what_is_no_address_stays_on_the_page(stage: Stage, typed: str) -> None:
    answer = submit(stage, IDENTIFIER, begin(stage), username=typed)
    assert answer.status_code == 400
    assert "Please enter a valid email address" in answer.text


def test_nobody_learns_whether_an_address_is_known(stage: Stage) -> None:
    state = begin(stage)
    assert submit(stage, IDENTIFIER, state, username="nobody@example.com").status_code == 302
    answer = submit(stage, PASSWORD_PAGE, state, password=PASSWORD)
    assert (answer.status_code, "Wrong email or password" in answer.text) == (400, True)


def test_ten_failures_block_an_address_and_no_other(stage: Stage) -> None:
    for number in range(10):
        state = begin(stage)
        submit(stage, IDENTIFIER, state, username=EMAIL.upper())
        answer = submit(stage, PASSWORD_PAGE, state, password="wrong")
        assert answer.status_code == 400
        assert ("Wrong email or password" in answer.text) == (number < 9)
    state = begin(stage)
    submit(stage, IDENTIFIER, state, username=EMAIL)
    for answer in (
        stage.auth.get(PASSWORD_PAGE, params={"state": state}),
        submit(stage, PASSWORD_PAGE, state, password=PASSWORD),
    ):
        assert answer.status_code == 400
        assert "blocked" in answer.text
        assert 'name="password"' not in answer.text
    submit(stage, IDENTIFIER, state, username="other@example.com")
    assert submit(stage, PASSWORD_PAGE, state, password="battery-staple-7").status_code == 302


def test_code_is_good_one_step_early_or_late_and_once(stage: Stage) -> None:
    def waiting() -> str:
        state = begin(stage)
        submit(stage, IDENTIFIER, state, username=EMAIL)
        submit(stage, PASSWORD_PAGE, state, password=PASSWORD)
        return state

    # Far enough from the end of a step that it does not end in between.
    moment = [1_800_000_010.0]
    stage.simulator.clock._wall = lambda: moment[0]
    step = 1_800_000_010 // 30
    stage.token = ""
    for code in ("", "000000", "12345", code_at(TOTP_SECRET, step - 2), code_at(TOTP_SECRET, step + 2)):
        answer = submit(stage, CODE_PAGE, waiting(), code=code)
        assert answer.status_code == 400
        assert "The code you entered is invalid" in answer.text
    for offset in (-1, 0, 1):
        code = code_at(TOTP_SECRET, step + offset)
        assert submit(stage, CODE_PAGE, waiting(), code=code).status_code == 302
        assert submit(stage, CODE_PAGE, waiting(), code=code).status_code == 400


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "287082"),
        (1_111_111_109, "081804"),
        (1_111_111_111, "050471"),
        (1_234_567_890, "005924"),
        (2_000_000_000, "279037"),
    ],
)
def test_codes_are_those_of_the_standard(seconds: int, code: str) -> None:
    assert code_at(TOTP_SECRET, seconds // 30) == code


def test_wrong_authorization_request_goes_nowhere(stage: Stage) -> None:
    assert authorize(stage, client_id="other").status_code == 400
    assert authorize(stage, redirect_uri="https://elsewhere.test/callback").status_code == 400
    for changed, error in (
        ({"response_type": "code"}, "unsupported_response_type"),
        ({"prompt": "none"}, "login_required"),
    ):
        answer = authorize(stage, **changed)
        told = dict(parse_qsl(urlsplit(answer.headers["location"]).fragment))
        assert (answer.status_code, told["error"], told["state"]) == (302, error, "state-of-the-app")


def test_every_page_has_its_button_and_a_social_one_behind_the_form(stage: Stage) -> None:
    state = begin(stage)
    texts = [stage.auth.get(IDENTIFIER, params={"state": state}).text]
    submit(stage, IDENTIFIER, state, username=EMAIL)
    texts.append(stage.auth.get(PASSWORD_PAGE, params={"state": state}).text)
    submit(stage, PASSWORD_PAGE, state, password=PASSWORD)
    texts.append(stage.auth.get(CODE_PAGE, params={"state": state}).text)
    for text, field in zip(texts, ('name="username"', 'name="password"', 'name="code"'), strict=True):
        first, second = re.findall(r"<form.*?</form>", text, re.DOTALL)
        assert field in first
        assert first.count('type="submit"') == 1
        assert "Continue with Google" in second
        assert second.count('type="submit"') == 1
    assert 'inputmode="email"' in texts[0]
    assert f'type="hidden" name="username" value="{EMAIL}"' in texts[1]
    assert '<button type="button"' in texts[1]
    assert 'inputmode="numeric"' in texts[2]
    assert 'type="checkbox"' in texts[2]


def test_typed_text_comes_back_as_text(stage: Stage) -> None:
    answer = submit(stage, IDENTIFIER, begin(stage), username='"><script>alert(1)</script>')
    assert "<script>alert" not in answer.text


def test_refresh_tokens_rotate_and_a_replay_ends_the_family(stage: Stage) -> None:
    first = stage.control("tokens/issue", refresh_token=True).json()["refresh_token"]
    answer = stage.refresh(refresh_token=first)
    told = answer.json()
    assert (answer.status_code, told["expires_in"], told["token_type"]) == (200, 86_400, "Bearer")
    assert told["scope"] == "openid profile email offline_access"
    second = told["refresh_token"]
    stage.token = told["access_token"]
    assert stage.balances()["0101"] == 150_000
    third = stage.refresh(refresh_token=second).json()["refresh_token"]
    assert len({first, second, third}) == 3
    replayed = stage.refresh(refresh_token=first)
    expected = {"error": "invalid_grant", "error_description": "Unknown or invalid refresh token."}
    assert (replayed.status_code, replayed.json()) == (403, expected)
    assert stage.refresh(refresh_token=third).json() == expected
    # Another family lives on.
    other = stage.control("tokens/issue", refresh_token=True).json()["refresh_token"]
    assert stage.refresh(refresh_token=other).status_code == 200


def test_without_rotation_one_token_serves_for_ever(stage: Stage) -> None:
    stage.control("manners", rotates=False)
    token = stage.control("tokens/issue", refresh_token=True).json()["refresh_token"]
    for _ in range(3):
        answer = stage.refresh(refresh_token=token)
        assert (answer.status_code, "refresh_token" in answer.json()) == (200, False)
    stage.control("tokens/revoke", token=token)
    assert stage.refresh(refresh_token=token).status_code == 403


@pytest.mark.parametrize(
    ("changed", "status", "error"),
    [
        ({"refresh_token": "v1.unknown"}, 403, "invalid_grant"),
        ({"client_id": "other", "refresh_token": "v1.unknown"}, 401, "access_denied"),
        ({}, 400, "invalid_request"),
        ({"grant_type": ""}, 400, "invalid_request"),
        ({"client_id": None}, 400, "invalid_request"),
        ({"refresh_token": 5}, 400, "invalid_request"),
        ({"grant_type": "password"}, 403, "unauthorized_client"),
    ],
)
def test_refresh_that_is_refused_says_why(stage: Stage, changed: dict, status: int, error: str) -> None:
    answer = stage.refresh(**changed)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.json()["error_description"]


def test_refresh_grant_may_be_switched_off_and_may_fail(stage: Stage) -> None:
    token = stage.control("tokens/issue", refresh_token=True).json()["refresh_token"]
    stage.control("manners", allows_refresh=False)
    assert stage.refresh(refresh_token=token).json()["error"] == "unauthorized_client"
    stage.control("manners", allows_refresh=True)
    stage.control("faults", kind="status", operation="oauth/token", status=503)
    assert stage.refresh(refresh_token=token).status_code == 503
    assert stage.auth.post("/oauth/token", content=b"not json").status_code == 400
    assert stage.refresh(refresh_token=token).status_code == 200


def test_public_key_proves_a_token(stage: Stage) -> None:
    [key] = stage.auth.get("/.well-known/jwks.json").json()["keys"]
    header, claims, signature = stage.token.split(".")
    assert json.loads(decode(header)) == {"alg": "RS256", "typ": "JWT", "kid": key["kid"]}
    numbers = rsa.RSAPublicNumbers(int.from_bytes(decode(key["e"])), int.from_bytes(decode(key["n"])))
    numbers.public_key().verify(decode(signature), f"{header}.{claims}".encode(), padding.PKCS1v15(), SHA256())


def decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
