"""How does the terminal find the simulated servers, and speak to a running one?"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, cast

from bursar.cli.session import CommandError

if TYPE_CHECKING:
    from bursar.registry import Registry
    from bursar.sandbox.faces import Face, StatementWriter
    from bursar.transport.client import HttpClient, Response


def load_faces(registry: "Registry") -> "list[Face]":
    """Return the simulated server of each provider that has one."""
    return [cast("Face", module.SANDBOX) for module in _sandboxes("providers", registry.providers)]


def load_statements(registry: "Registry") -> "dict[str, StatementWriter]":
    """Return the statement writers of all importers, by format name."""
    writers: dict[str, StatementWriter] = {}
    for module in _sandboxes("importers", registry.importers):
        writers.update(module.STATEMENTS)
    return writers


def _sandboxes(room: str, slugs: Iterable[str]) -> list[Any]:
    names = [f"bursar.{room}.{slug}" for slug in slugs]
    # A provider of another distribution has its simulator elsewhere, if at all.
    return [import_module(f"{name}.sandbox") for name in names if find_spec(name) and find_spec(f"{name}.sandbox")]


def settings_of(provider: str, url: str, token: str) -> dict[str, str]:
    """Return the settings with which a provider is a running simulator's, as that simulator says.

    Raises:
        CommandError: there is no simulator, or it refuses.
    """
    shown = asyncio.run(call(url, token, "GET", "/control/users"))
    credentials = shown["faces"].get(provider)
    if credentials is None:
        known = ", ".join(shown["faces"])
        raise CommandError(f"The simulator at {url} does not simulate {provider!r}; it has: {known}.")
    return face_settings(provider, url, credentials)


def face_settings(provider: str, url: str, credentials: dict[str, str]) -> dict[str, str]:
    """Return a face's credentials and address as the settings of its provider."""
    named = {f"{provider}_{name}": value for name, value in credentials.items()}
    return named | {f"{provider}_base_url": f"{url.rstrip('/')}/{provider}"}


# What a provider needs -> how the simulated user comes by it: the action, and the argument that names the link.
_WIDGET = ("complete_link", "link_token")
_PLAYED = {"public_token": _WIDGET, "session_id": ("consent", "session_id")}


async def play_user(
    url: str, token: str, provider: str, *, link_token: str, needs: Sequence[str], institution: str | None
) -> dict[str, str]:
    """Finish the widget of a link token as a user of the simulated bank would; return the values that are needed.

    Raises:
        CommandError: no bank is named, or the simulator refuses.
    """
    if institution is None:
        raise CommandError("Which bank does the simulated user choose? Say it with --institution.")
    action, link = next((_PLAYED[name] for name in needs if name in _PLAYED), _WIDGET)
    asked = {link: link_token, "institution_id": institution}
    finished = await call(url, token, "POST", f"/control/faces/{provider}/{action}", asked)
    return {name: str(finished[name]) for name in needs if name in finished}


async def call(url: str, token: str, method: str, path: str, body: object = None) -> dict[str, Any]:
    """Ask a simulator's control plane.

    Raises:
        CommandError: it does not answer, or refuses.
    """
    async with _client(url, token) as client:
        return client.decode(await _answer(client, url, method, path, body=body), dict[str, Any])


async def download(url: str, token: str, path: str, params: Mapping[str, str]) -> bytes:
    """Return a file that a simulator's control plane writes.

    Raises:
        CommandError: it does not answer, or refuses.
    """
    async with _client(url, token) as client:
        return (await _answer(client, url, "GET", path, params=params)).body


def _client(url: str, token: str) -> "HttpClient":
    from bursar.transport.auth import HeaderAuth
    from bursar.transport.client import HttpClient
    from bursar.transport.redaction import Secret

    try:
        return HttpClient(url, name="sandbox", auth=HeaderAuth({"Authorization": Secret(f"Bearer {token}")}))
    except ValueError as error:
        raise CommandError(f"{url} is no address of a simulator: {error}") from None


async def _answer(
    client: "HttpClient",
    url: str,
    method: str,
    path: str,
    *,
    params: Mapping[str, str] | None = None,
    body: object = None,
) -> "Response":
    from bursar.transport.errors import CredentialsRejectedError, TransportError

    try:
        return await client.send(method, path, params=params, json_body=body)
    except CredentialsRejectedError:
        raise CommandError("The simulator refuses the control token: it printed one at its start.") from None
    except TransportError as error:
        raise CommandError(f"The simulator at {url} did not do it: {error}") from None
