"""What was configured? Variables are read when a function is called, never at import."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from bursar.providers.sequence.sdk.exceptions import ConfigurationError

APP_URL = "https://app.getsequence.io"
AUTH_URL = "https://auth.getsequence.io"
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True)
class SequenceCredentials:
    """The login of a person.

    Attributes:
        email: the login's address.
        password: never shown by `repr`.
        totp: a current code, a base32 secret or an `otpauth://totp/` address; never shown by `repr`.
    """

    email: str
    password: str = field(repr=False)
    totp: str = field(repr=False)


@dataclass(frozen=True)
class SequenceConfig:
    """The defaults of a program: whose organization, on whose behalf, as which client."""

    organization_id: str
    kyc_id: str
    auth0_client_id: str


def get_credentials() -> SequenceCredentials:
    """Read `SEQUENCE_EMAIL`, `SEQUENCE_PASSWORD` and `SEQUENCE_TOTP`.

    Raises:
        ConfigurationError: one of them is missing; also a `KeyError`.
    """
    return SequenceCredentials(required("SEQUENCE_EMAIL"), required("SEQUENCE_PASSWORD"), required("SEQUENCE_TOTP"))


def get_sequence_config() -> SequenceConfig:
    """Read `SEQUENCE_ORG_ID`, `SEQUENCE_KYC_ID` and `SEQUENCE_AUTH0_CLIENT_ID`.

    Raises:
        ConfigurationError: one of them is missing; also a `KeyError`.
    """
    return SequenceConfig(
        required("SEQUENCE_ORG_ID"), required("SEQUENCE_KYC_ID"), required("SEQUENCE_AUTH0_CLIENT_ID")
    )


def required(name: str) -> str:
    """Read a variable that must be there and not blank."""
    value = os.environ.get(name, "")
    if not value.strip():
        raise ConfigurationError(f"the environment variable {name} is not set")
    return value


def data_dir() -> Path:
    """The folder of the tokens, the audit log and the daily limits: `SEQUENCE_DATA_DIR`, else the current one."""
    return Path(os.environ.get("SEQUENCE_DATA_DIR") or ".")


def app_url() -> str:
    """The web application's origin: `SEQUENCE_APP_URL`, else the real one."""
    return _origin("SEQUENCE_APP_URL", APP_URL)


def auth_url() -> str:
    """The identity site's origin: `SEQUENCE_AUTH_URL`, else the real one."""
    return _origin("SEQUENCE_AUTH_URL", AUTH_URL)


def chromium_path() -> str | None:
    """The browser to drive: `SEQUENCE_CHROMIUM_PATH`, else None."""
    return os.environ.get("SEQUENCE_CHROMIUM_PATH") or None


def checked_origin(address: str, name: str) -> str:
    """Return an origin without its trailing slash.

    Raises:
        ConfigurationError: it is neither `https` nor `http` on this machine, or more than an origin.
    """
    try:
        parts = urlsplit(address.strip())
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ConfigurationError(f"{name} is no address") from None
    if parts.scheme not in ("https", "http") or not host:
        raise ConfigurationError(f"{name} must be an origin such as {APP_URL}")
    if parts.scheme == "http" and host not in _LOOPBACK:
        raise ConfigurationError(f"{name} must be https: credentials would travel in the clear")
    if parts.username or parts.password or parts.query or parts.fragment or parts.path not in ("", "/"):
        raise ConfigurationError(f"{name} must be an origin only: scheme, host and port")
    return f"{parts.scheme}://{parts.netloc}"


def _origin(name: str, default: str) -> str:
    return checked_origin(os.environ.get(name) or default, name)
