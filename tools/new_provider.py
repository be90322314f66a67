"""What does a new provider start from? Writes its folder and its contract test; the rest of the house stays as it is.

Usage: python tools/new_provider.py northbank --auth oauth [--title "North Bank"] [--into REPOSITORY]

What is written works: a client, a mapping, an adapter and a simulator of an imagined API that lists accounts. Replace
the imagined API with the real one, README.md first.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path
from string import Template

TEMPLATES = Path(__file__).with_name("provider_template")
FILES = (
    "README.md",
    "__init__.py",
    "sdk/__init__.py",
    "sdk/errors.py",
    "sdk/models.py",
    "sdk/client.py",
    "mapping.py",
    "adapter.py",
    "sandbox.py",
)
SLUG = re.compile(r"[a-z][a-z0-9_]{0,49}")

# What differs between the ways of connecting; {slug} and {name} are filled in with the rest.
API_KEY = {
    "auth_member": "API_KEY",
    "token_key": "api_key",
    "consent": '"api_key": _TOKEN',
    "adapter_imports": "from datetime import date\nfrom typing import cast\n",
    "domain_connection_names": "ProviderAuthType, ProviderCapability, ProviderCategory",
    "required_settings": '"{slug}_base_url"',
    "client_imports": "",
    "model_names": "Account, AccountsAnswer, UnreadableRow, read_row",
    "secret_import": "",
    "token_model": "",
    "token_call": "",
    "token_route": "",
    "token_method": "",
}
OAUTH = {
    "auth_member": "OAUTH",
    "token_key": "access_token",
    "consent": '"code": _CODE',
    "adapter_imports": (
        "from datetime import date, timedelta\nfrom typing import cast\nfrom urllib.parse import urlencode\n"
    ),
    "domain_connection_names": ("CredentialDates, OAuthTokens, ProviderAuthType, ProviderCapability, ProviderCategory"),
    "required_settings": ", ".join(
        f'"{{slug}}_{setting}"' for setting in ("base_url", "client_id", "client_secret", "redirect_uri")
    ),
    "client_imports": "from collections.abc import Mapping\n",
    "model_names": "Account, AccountsAnswer, TokenAnswer, UnreadableRow, read_row",
    "secret_import": "\nfrom bursar.transport.redaction import Secret",
    "token_model": '''

class TokenAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What the token endpoint answers; seconds count from now."""

    access_token: Secret
    refresh_token: Secret | None = None
    """None: the old one stays valid. Another value: the old one is dead."""
    expires_in: int | None = None
''',
    "token_call": '''
    async def fetch_tokens(self, grant: Mapping[str, str], *, client_id: str, client_secret: str) -> TokenAnswer:
        """Exchange a code or a refresh token; sent once, because both may be single-use.

        Raises:
            {name}Error: the grant is used up, or nobody knows whether the request counted.
        """
        response = await self._http.send(
            "POST",
            "/oauth/token",
            json_body={{**grant, "client_id": client_id, "client_secret": client_secret}},
            retry=NEVER_REPEAT,
        )
        return self._http.decode(response, TokenAnswer)
''',
    "token_route": ', Route("/oauth/token", self._give_tokens, methods=["POST"])',
    "token_method": """
    async def _give_tokens(self, request: Request) -> Response:
        grant: dict[str, Any] = await request.json()
        if grant.get("code") != _CODE and grant.get("refresh_token") != _REFRESH_TOKEN:
            return JSONResponse({{"error": "invalid_grant"}}, status_code=401)
        return JSONResponse({{"access_token": _TOKEN, "refresh_token": _REFRESH_TOKEN, "expires_in": 1800}})

""",
}
WAYS = {"api_key": API_KEY, "oauth": OAUTH}


def render(slug: str, auth: str, title: str) -> dict[str, str]:
    """Return every file of the provider by its path in the repository.

    Raises:
        ValueError: the slug is not a lower-case Python name of at most 50 characters.
    """
    if not SLUG.fullmatch(slug):
        raise ValueError(f"{slug!r} is no slug: lower-case letters, digits and underscores, a letter first")
    base = {"slug": slug, "name": "".join(word.capitalize() for word in slug.split("_")), "title": title, "auth": auth}
    words = base | {name: text.format_map(base) if "{" in text else text for name, text in WAYS[auth].items()}
    words["connect_methods"] = Template(_template(f"connect_{auth}")).substitute(base).lstrip("\n")
    folder = f"src/bursar/providers/{slug}"
    files = {f"{folder}/{path}": Template(_template(path)).substitute(words) for path in FILES}
    if auth == "oauth":
        _add_oauth(files, folder, slug)
    files[f"tests/contract/providers/test_{slug}.py"] = Template(_template("test_provider.py")).substitute(words)
    return files


def _template(name: str) -> str:
    return (TEMPLATES / f"{name}.txt").read_text(encoding="utf-8")


def _add_oauth(files: dict[str, str], folder: str, slug: str) -> None:
    """The two lines that stand in the middle of others."""
    client, sandbox = f"{folder}/sdk/client.py", f"{folder}/sandbox.py"
    line = "from bursar.transport.redaction import Secret\n"
    files[client] = files[client].replace(line, f"{line}from bursar.transport.retry import NEVER_REPEAT\n")
    tokens = f'_CODE = "{slug}-sandbox-code"\n_REFRESH_TOKEN = "{slug}-sandbox-refresh"  # noqa: S105 - as above\n'
    files[sandbox] = files[sandbox].replace("_PAGE = 2\n", f"{tokens}_PAGE = 2\n", 1)


def _format(root: Path, paths: list[str]) -> None:
    """Let ruff break the lines that a long name made long, and sort the imports."""
    ruff = str(Path(sys.executable).with_name("ruff"))
    targets = [path for path in paths if path.endswith(".py")]
    for command in (["check", "--quiet", "--select", "I", "--fix"], ["format", "--quiet"]):
        subprocess.run([ruff, *command, *targets], cwd=root, check=True)  # noqa: S603 - our own formatter


def main(arguments: list[str]) -> int:
    """Write the files; refuse to touch a provider that exists."""
    parser = argparse.ArgumentParser(description="Start a new provider.")
    parser.add_argument("slug")
    parser.add_argument("--auth", choices=sorted(WAYS), required=True)
    parser.add_argument("--title", help="its name for people; the slug in capitals by default")
    parser.add_argument("--into", type=Path, default=Path(__file__).parents[1], help="another repository than this one")
    given = parser.parse_args(arguments)
    try:
        files = render(given.slug, given.auth, given.title or given.slug.replace("_", " ").title())
    except ValueError as error:
        parser.error(str(error))
    taken = [path for path in files if (given.into / path).exists()]
    if taken:
        parser.error(f"{taken[0]} exists already")
    for path, text in files.items():
        target = given.into / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        print(path)
    _format(given.into, list(files))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
