"""Which provider is meant, and what are its settings? (Read when it is asked, never at import.)."""

import hmac
import json
import os
import re
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path

from bursar.banking.exceptions import ProviderNotConfiguredError
from bursar.ports.provider import ProviderSpec
from bursar.registry import Registry

DETECTION: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("teller", ("TELLER_CERTIFICATE_PATH", "TELLER_CERT_PATH", "TELLER_CERTIFICATE")),
    ("plaid", ("PLAID_CLIENT_ID",)),
)
"""In this order: the first provider of whose variables one is set is the one that is meant."""

OTHER_SPELLINGS: Mapping[str, str] = {
    "teller_cert_path": "teller_certificate_path",
    "teller_key_path": "teller_private_key_path",
    "plaid_env": "plaid_environment",
}
"""An older name of a setting -> its name."""

TO_LINK_ONLY = frozenset({"teller_application_id"})
"""Required settings that reading does without: they are asked for when a bank is linked."""

_SECRET_NAME = re.compile(r"secret|key|password|token")

LINK_OPTIONS = ("client_name", "products")
"""`PLAID_CLIENT_NAME` and the like: what every link starts with, where it says nothing else."""


def choose_provider(registry: Registry, provider: str | None, environ: Mapping[str, str]) -> ProviderSpec:
    """Return the provider that is named, or else the one whose variables are set.

    Raises:
        ValueError: nobody is called so, or no variable is set.
    """
    if provider is None:
        provider = next((slug for slug, names in DETECTION if any(environ.get(name) for name in names)), None)
    if provider is None:
        names = " or ".join(f"{variables[0]} (for {slug})" for slug, variables in DETECTION)
        raise ProviderNotConfiguredError(
            f"No banking provider credentials found. Set {names}, or name one: easy_banking(provider=...)."
        )
    spec = registry.providers.get(provider.strip().lower())
    if spec is None:
        raise ValueError(
            f"The banking provider {provider!r} is unknown or not available yet. "
            f"Available: {', '.join(registry.providers)}."
        )
    return spec


def read_settings(
    spec: ProviderSpec, environ: Mapping[str, str], given: Mapping[str, str | os.PathLike[str] | None]
) -> dict[str, str]:
    """Return the provider's settings by lower-case name: what is given wins over the environment.

    Args:
        spec: whose settings.
        environ: variables by upper-case name.
        given: by the setting's name with or without the provider's (`environment`, `cert_path`, `client_id`).

    Raises:
        ValueError: a setting is unknown, missing, contradicts itself, or names a file that is not there. The text names
            settings, never values.
    """
    names = _names_of(spec)
    explicit = _explicit(spec, names, given)
    found = _from_environment(spec, names, environ) | explicit
    missing = [name.upper() for name in spec.required_settings if name not in found and name not in TO_LINK_ONLY]
    if missing or not found:
        wanted = " and ".join(missing or sorted(name.upper() for name in names))
        joined = "set" if missing else "set one of"
        raise ProviderNotConfiguredError(
            f"{spec.display_name} is not configured: {joined} {wanted}.", provider=spec.slug
        )
    for name, value in found.items():
        if name.endswith("_path") and not Path(value).expanduser().is_file():
            raise ProviderNotConfiguredError(
                f"{name.upper()} names a file that is not there, or that is no file.", provider=spec.slug, field=name
            )
    return found


def missing_to_link(spec: ProviderSpec, settings: Mapping[str, str]) -> tuple[str, ...]:
    """Return the variables without which a bank can be read and none can be linked."""
    return tuple(name.upper() for name in spec.required_settings if name not in settings)


def derive_link_key(settings: Mapping[str, str]) -> bytes | None:
    """Return a key that every process with these settings has, and nobody without them; None where none is secret."""
    # The name of a key file is no secret; what is in it is.
    secrets = {
        name: _content_of(value) if name.endswith("_path") else value
        for name, value in settings.items()
        if _SECRET_NAME.search(name)
    }
    found = {name: secret for name, secret in secrets.items() if secret}
    if not found:
        return None
    return hmac.digest(b"bursar: sessions of links", json.dumps(found, sort_keys=True).encode(), "sha256")


def _content_of(path: str) -> str:
    """Return what is in a file; nothing where it cannot be read, which the adapter tells in words."""
    try:
        return Path(path).expanduser().read_bytes().hex()
    except OSError:
        return ""


def read_link_options(spec: ProviderSpec, environ: Mapping[str, str]) -> dict[str, str]:
    """Return what every link starts with, such as the name that the user is shown."""
    variables = {name: f"{spec.slug}_{name}".upper() for name in LINK_OPTIONS}
    return {name: environ[variable] for name, variable in variables.items() if environ.get(variable)}


def _names_of(spec: ProviderSpec) -> frozenset[str]:
    names = {*spec.required_settings, *spec.optional_settings}
    return frozenset(OTHER_SPELLINGS.get(name, name) for name in names)


def _from_environment(spec: ProviderSpec, names: Iterable[str], environ: Mapping[str, str]) -> dict[str, str]:
    found = {name: environ[name.upper()] for name in names if environ.get(name.upper())}
    for other, name in OTHER_SPELLINGS.items():
        value = environ.get(other.upper())
        if not value or not other.startswith(f"{spec.slug}_"):
            continue
        if found.setdefault(name, value) != value:
            raise ProviderNotConfiguredError(
                f"{other.upper()} and {name.upper()} differ: set {name.upper()} only.", provider=spec.slug
            )
        warnings.warn(f"{other.upper()} is an old name: set {name.upper()}", DeprecationWarning, stacklevel=4)
    return found


def _explicit(
    spec: ProviderSpec, names: Iterable[str], given: Mapping[str, str | os.PathLike[str] | None]
) -> dict[str, str]:
    known = set(names)
    explicit: dict[str, str] = {}
    for word, value in given.items():
        if value is None:
            continue
        full = word if word in known else f"{spec.slug}_{word}"
        name = OTHER_SPELLINGS.get(full, full)
        if name not in known:
            offered = ", ".join(sorted(name.removeprefix(f"{spec.slug}_") for name in known))
            raise ValueError(f"{spec.display_name} has no setting {word!r}. There are: {offered}.")
        explicit[name] = os.fspath(value)
    return explicit
