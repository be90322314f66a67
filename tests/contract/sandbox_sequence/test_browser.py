"""A person logs in with a real Chromium: pages, scripts, redirects and sessionStorage."""

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from tests.contract.sandbox_sequence.conftest import Stage

from bursar.providers.sequence.sandbox.otp import code_at
from bursar.providers.sequence.sandbox.reference import EMAIL, PASSWORD, TOTP_SECRET

CHROMIUM = "/usr/bin/chromium"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM)
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    context.set_default_timeout(20_000)
    yield context.new_page()
    context.close()


def enter(page: Page, field: str, value: str) -> None:
    page.fill(f"input[name={field}]", value)
    page.locator(f"form:has(input[name={field}]) button[type=submit]").click()


def log_in(stage: Stage, page: Page) -> None:
    page.goto(f"{stage.simulator.origins.app}/")
    page.get_by_role("button", name="Log in").click()
    enter(page, "username", EMAIL)
    enter(page, "password", PASSWORD)
    enter(page, "code", code_at(TOTP_SECRET, int(time.time()) // 30))
    page.wait_for_url(f"{stage.simulator.origins.app}/**")


def stored(page: Page) -> dict[str, str]:
    return page.evaluate("Object.fromEntries(Object.entries(sessionStorage))")


def test_person_logs_in_and_the_page_keeps_the_token(stage: Stage, page: Page) -> None:
    log_in(stage, page)
    # Until the script has kept the token, it stands in the address and nowhere else.
    assert "access_token" not in stored(page)
    assert "#access_token=" in page.url
    page.wait_for_function("sessionStorage.getItem('access_token') !== null")
    assert page.url == f"{stage.simulator.origins.app}/callback"
    kept = stored(page)
    assert set(kept) == {"access_token", "expires_at"}
    assert 86_000 < int(kept["expires_at"]) / 1000 - time.time() <= 86_400
    stage.token = kept["access_token"]
    assert stage.balances()["0201"] == 312_044
    paths = [one["path"] for one in stage.simulator.site.switchboard.requests]
    assert "/authorize/social" not in paths
    assert [path for path in paths if path not in {"/favicon.ico", "/api/graphql"}] == [
        "/",
        "/authorize",
        "/u/login/identifier",
        "/u/login/identifier",
        "/u/login/password",
        "/u/login/password",
        "/u/mfa-otp-challenge",
        "/u/mfa-otp-challenge",
        "/authorize/resume",
        "/callback",
    ]


def test_refresh_token_is_kept_when_one_is_issued(stage: Stage, page: Page) -> None:
    stage.control("manners", issues_refresh_tokens=True, token_delay_ms=0)
    log_in(stage, page)
    page.wait_for_function("sessionStorage.getItem('refresh_token') !== null")
    assert stage.refresh(refresh_token=stored(page)["refresh_token"]).status_code == 200


def test_wrong_input_is_told_on_the_same_page(stage: Stage, page: Page) -> None:
    page.goto(f"{stage.simulator.origins.app}/")
    page.get_by_role("button", name="Log in").click()
    enter(page, "username", "nobody")
    expect(page.get_by_role("alert")).to_have_text("Please enter a valid email address")
    enter(page, "username", EMAIL)
    enter(page, "password", "wrong")
    expect(page.get_by_role("alert")).to_have_text("Wrong email or password")
    enter(page, "password", PASSWORD)
    enter(page, "code", "000000")
    expect(page.get_by_role("alert")).to_have_text("The code you entered is invalid")


def test_first_submit_button_after_the_field_is_not_the_only_one(stage: Stage, page: Page) -> None:
    page.goto(f"{stage.simulator.origins.app}/")
    page.get_by_role("button", name="Log in").click()
    page.wait_for_selector("input[name=username]")
    assert page.locator("button[type=submit]").count() == 2
    page.locator("button[type=submit]").last.click()
    expect(page.get_by_role("heading")).to_have_text("Sign in")
    assert "/authorize/social" in [one["path"] for one in stage.simulator.site.switchboard.requests]


def test_password_can_be_shown_without_submitting(stage: Stage, page: Page) -> None:
    page.goto(f"{stage.simulator.origins.app}/")
    page.get_by_role("button", name="Log in").click()
    enter(page, "username", EMAIL)
    page.fill("input[name=password]", "typed")
    page.get_by_role("button", name="Show password").click()
    expect(page.locator("input[name=password]")).to_have_attribute("type", "text")
    expect(page.locator("input[name=password]")).to_have_value("typed")


def test_token_that_nobody_asked_for_is_not_kept(stage: Stage, page: Page) -> None:
    stage.control("manners", token_delay_ms=0)
    page.goto(f"{stage.simulator.origins.app}/callback#access_token={stage.token}&expires_in=86400&state=forged")
    expect(page.get_by_role("alert")).to_have_text("This login was not started here.")
    assert stored(page) == {}
    assert "#" not in page.url


def test_refusal_of_the_identity_site_is_shown(stage: Stage, page: Page) -> None:
    page.goto(f"{stage.simulator.origins.app}/")
    page.evaluate("sessionStorage.setItem('auth.state', 'mine')")
    page.goto(
        f"{stage.simulator.origins.app}/callback#error=login_required&error_description=Login+required&state=mine"
    )
    expect(page.get_by_role("alert")).to_have_text("Login required")
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
