"""What does the login do on pages that nobody expects, and does it go away when it is interrupted?"""

import os
import signal
import subprocess
import sys
import time
import traceback

import pytest

from bursar.providers.sequence import AuthenticationError, authenticate

HOME = "<button onclick=\"location.href='{auth}/u/login/identifier?state=canary-state'\">Log in</button>"
FORM = '<form method="post" action="{action}?state=canary-state"><input name="{name}"><button type="submit">Go</button>'


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("<h1>Prove that you are human</h1>", r"after the email step at an unexpected page: /u/captcha$"),
        ("<div role='alert'>Too many attempts for jordan@example.com</div>", r"email step was refused at /u/captcha"),
        ((503, "<h1>down</h1>"), r"email step was refused \(HTTP 503\) at /u/captcha: no reason shown"),
        # Drawn by a script, as a page of another kind does it.
        (
            "<div id=x></div><script>setTimeout(() => {x.innerHTML = '<p role=alert>No such user</p>'}, 700)</script>",
            r"email step was refused at /u/captcha: No such user",
        ),
    ],
)
def test_page_that_nobody_expects_is_named_without_its_query(odd_site, browsers, page, said):
    auth = os.environ["SEQUENCE_AUTH_URL"]
    odd_site.pages = {
        "/": HOME.format(auth=auth),
        "/u/login/identifier": FORM.format(action="/u/captcha", name="username"),
        "/u/captcha": page,
    }
    with pytest.raises(AuthenticationError, match=said) as caught:
        authenticate()
    assert "canary" not in str(caught.value)
    assert "jordan" not in str(caught.value)
    assert browsers() == []


def test_application_without_a_token_is_told_and_another_button_of_the_page_is_not_taken(odd_site):
    auth = os.environ["SEQUENCE_AUTH_URL"]
    social = '<form method="post" action="/social"><button type="submit">Continue with Elsewhere</button></form>'
    back = f'<script>location.href = "{odd_site.url}/callback#access_token=canary"</script>'
    odd_site.pages = {
        "/": HOME.format(auth=auth),
        "/u/login/identifier": social + FORM.format(action="/u/login/password", name="username"),
        "/u/login/password": social + FORM.format(action="/back", name="password"),
        "/back": back,
        "/callback": "<h1>Welcome</h1>",
        "/social": "<h1>Elsewhere</h1>",
    }
    with pytest.raises(AuthenticationError, match="no access token found in sessionStorage") as caught:
        authenticate()
    assert "canary" not in "".join(traceback.format_exception(caught.value))
    assert "/social" not in odd_site.asked


def test_browser_looks_like_anybodys(odd_site):
    auth = os.environ["SEQUENCE_AUTH_URL"]
    tell = (
        "<script>fetch('/told?' + new URLSearchParams({webdriver: navigator.webdriver, agent: navigator.userAgent,"
        "language: navigator.language, zone: Intl.DateTimeFormat().resolvedOptions().timeZone}))</script>"
    )
    odd_site.pages = {"/": tell + HOME.format(auth=auth), "/u/login/identifier": (403, "no"), "/told": "ok"}
    with pytest.raises(AuthenticationError, match="start of the login was refused"):
        authenticate()
    (told,) = [path for path in odd_site.asked if path.startswith("/told?")]
    assert "webdriver=false" in told
    assert "Headless" not in told
    assert "language=en-US" in told
    assert "zone=America%2FNew_York" in told


def test_interrupted_program_leaves_no_browser(odd_site, browsers):
    odd_site.pages = {"/": HOME.format(auth=os.environ["SEQUENCE_AUTH_URL"]), "/u/login/identifier": "<p>slow"}
    # A run that was started in the background hands down an interrupt that is ignored: the program is a person's.
    program = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from bursar.providers.sequence import authenticate; authenticate()"
    )
    with subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE, text=True) as login:
        while "/" not in odd_site.asked:
            time.sleep(0.05)
            assert login.poll() is None
        login.send_signal(signal.SIGINT)
        _, told = login.communicate(timeout=30)
    assert "KeyboardInterrupt" in told
    assert browsers() == []
