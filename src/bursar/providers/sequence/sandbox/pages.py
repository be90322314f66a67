"""What do people see in their browser?"""

import json
from html import escape

_STYLE = (
    "body{font:16px system-ui,sans-serif;background:#f5f6f8;margin:0}"
    "main{max-width:24rem;margin:4rem auto;background:#fff;padding:2rem;border-radius:.75rem}"
    "label,input,button{display:block;width:100%;box-sizing:border-box;margin:.5rem 0}"
    "input,button{font:inherit;padding:.6rem}"
    "label.inline{display:flex;gap:.5rem}label.inline input{width:auto}"
    "[role=alert]{color:#b00020}"
)


def identifier_page(state: str, *, base: str, typed: str = "", error: str = "") -> str:
    """Asks for the e-mail address."""
    form = f"""
<form method="post" action="{escape(base)}/u/login/identifier?state={escape(state)}">
<input type="hidden" name="state" value="{escape(state)}">
<label for="username">Email address</label>
<input id="username" name="username" type="text" inputmode="email" autocomplete="email" autofocus
 value="{escape(typed)}">
{_alert(error)}
<button type="submit" name="action" value="default">Continue</button>
</form>
"""
    return _page("Log in | Sequence", "Welcome", form + _social(state, base))


def password_page(state: str, email: str, *, base: str, error: str = "") -> str:
    """Asks for the password."""
    form = f"""
<form method="post" action="{escape(base)}/u/login/password?state={escape(state)}">
<input type="hidden" name="state" value="{escape(state)}">
<input type="hidden" name="username" value="{escape(email)}">
<p>{escape(email)}</p>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" autofocus>
<button type="button" id="show-password" aria-label="Show password">Show password</button>
{_alert(error)}
<button type="submit" name="action" value="default">Continue</button>
</form>
<script>
document.getElementById("show-password").addEventListener("click", () => {{
  const field = document.getElementById("password");
  field.type = field.type === "password" ? "text" : "password";
}});
</script>
"""
    return _page("Enter your password | Sequence", "Enter your password", form + _social(state, base))


def code_page(state: str, *, base: str, error: str = "") -> str:
    """Asks for the second factor."""
    form = f"""
<form method="post" action="{escape(base)}/u/mfa-otp-challenge?state={escape(state)}">
<input type="hidden" name="state" value="{escape(state)}">
<p>Check your authenticator application for a one-time code.</p>
<label for="code">Enter your one-time code</label>
<input id="code" name="code" type="text" inputmode="numeric" autocomplete="one-time-code" autofocus>
<label class="inline"><input type="checkbox" name="rememberBrowser" value="true">
Remember this device for 30 days</label>
{_alert(error)}
<button type="submit" name="action" value="default">Continue</button>
</form>
"""
    return _page("Verify your identity | Sequence", "Verify your identity", form + _social(state, base))


def blocked_page(state: str, *, base: str) -> str:
    """Refuses an address after too many wrong passwords."""
    text = f"""
<p role="alert">Your account has been blocked after multiple consecutive login attempts.</p>
<form method="get" action="{escape(base)}/blocked"><button type="submit">Contact support</button></form>
"""
    return _page("Blocked | Sequence", "Your account is blocked", text + _social(state, base))


def problem_page(text: str, *, base: str) -> str:
    """Says that this is not how one logs in."""
    body = f"""
<p role="alert">{escape(text)}</p>
<form method="get" action="{escape(base)}/"><button type="submit">Go back</button></form>
"""
    return _page("Oops | Sequence", "Oops!, something went wrong", body + _social("", base))


def social_page() -> str:
    """Where the other way of logging in leads; the simulator does not go on from here."""
    return _page("Sign in with Google", "Sign in", "<p>You are leaving this site.</p>")


def application_page(config: dict[str, object]) -> str:
    """The web application; a script does everything else."""
    settings = json.dumps(config).replace("<", "\\u003c")
    body = f"""
<div id="root"><p>Loading</p></div>
<script type="application/json" id="config">{settings}</script>
<script>{_APPLICATION}</script>
"""
    return _page("Sequence", "Sequence", body)


# The button appears when the script has looked around, as in an application that is rendered in the browser.
_APPLICATION = """
(() => {
  const config = JSON.parse(document.getElementById("config").textContent);
  const root = document.getElementById("root");
  const store = window.sessionStorage;
  const letters = (bytes) => Array.from(bytes, (one) => (one % 36).toString(36)).join("");
  const random = () => letters(crypto.getRandomValues(new Uint8Array(24)));
  const show = (...nodes) => root.replaceChildren(...nodes);
  const text = (words, role) => {
    const node = document.createElement("p");
    node.textContent = words;
    if (role) node.setAttribute("role", role);
    return node;
  };
  const logIn = () => {
    const state = random();
    const nonce = random();
    store.setItem("auth.state", state);
    store.setItem("auth.nonce", nonce);
    const query = new URLSearchParams({
      response_type: "token",
      client_id: config.clientId,
      redirect_uri: config.redirectUri,
      scope: "openid profile email",
      audience: config.audience,
      state,
      nonce,
    });
    window.location.assign(`${config.authorizeUrl}?${query}`);
  };
  const showButton = (...before) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Log in";
    button.addEventListener("click", logIn);
    show(...before, button);
  };
  const forgetLogin = () => {
    store.removeItem("auth.state");
    store.removeItem("auth.nonce");
  };
  const fragment = new URLSearchParams(window.location.hash.slice(1));
  const token = fragment.get("access_token");
  if (fragment.has("access_token") || fragment.has("error")) {
    const expected = store.getItem("auth.state");
    const isOurs = expected !== null && fragment.get("state") === expected;
    const clear = () => window.history.replaceState(null, "", window.location.pathname);
    forgetLogin();
    if (token === null || !isOurs) clear();
    if (!isOurs) {
      showButton(text("This login was not started here.", "alert"));
    } else if (token === null) {
      showButton(text(fragment.get("error_description") || "The login failed.", "alert"));
    } else {
      show(text("Signing you in"));
      window.setTimeout(() => {
        store.setItem("access_token", token);
        store.setItem("expires_at", String(Date.now() + Number(fragment.get("expires_in")) * 1000));
        if (fragment.has("refresh_token")) store.setItem("refresh_token", fragment.get("refresh_token"));
        clear();
        show(text("You are signed in."));
      }, config.tokenDelayMs);
    }
  } else if (store.getItem("access_token") !== null) {
    show(text("You are signed in."));
  } else {
    showButton();
  }
})();
"""


def _social(state: str, base: str) -> str:
    """Another form, behind the main one, with a button that submits as well."""
    return f"""
<form method="post" action="{escape(base)}/authorize/social" data-provider="google-oauth2">
<input type="hidden" name="state" value="{escape(state)}">
<button type="submit" data-action-button-secondary="true">Continue with Google</button>
</form>
"""


def _alert(error: str) -> str:
    return f'<p role="alert" class="error">{escape(error)}</p>' if error else ""


def _page(title: str, heading: str, body: str) -> str:
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>'
        f"<body><main><h1>{escape(heading)}</h1>{body}</main></body></html>\n"
    )
