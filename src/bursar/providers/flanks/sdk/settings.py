"""How is a connection configured, and is the configuration sound?"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import cast
from urllib.parse import urlsplit

from bursar.providers.flanks.sdk._version import __version__
from bursar.providers.flanks.sdk.exceptions import FlanksConfigError
from bursar.providers.flanks.sdk.pagination import InvalidItem
from bursar.providers.flanks.sdk.responses import FlanksResponse
from bursar.providers.flanks.sdk.tokens import MemoryTokenCache, TokenCache
from bursar.transport.client import Hook
from bursar.transport.redaction import Secret
from bursar.transport.retry import RetryPolicy
from bursar.transport.timing import SYSTEM_TIMING, Timing
from bursar.transport.wire import AsyncWire

RETRIED_STATUSES = frozenset({429, 500, 502, 503, 504})
REFUSED_STATUSES = frozenset({429})
LONGEST_RETRY_WAIT_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionSettings:
    """What one connection works with; checked when it is made."""

    client_id: str
    client_secret: Secret
    base_url: str
    timeout: float
    retries: int
    retry_backoff: float
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    http_client: AsyncWire | None = None
    on_request: Sequence[Hook] = ()
    on_response: Sequence[Hook] = ()
    token_cache: TokenCache = field(default_factory=MemoryTokenCache)
    deadline: float | None = None
    jitter: bool = True
    timing: Timing = SYSTEM_TIMING

    def __post_init__(self) -> None:
        check_credential("client_id", self.client_id)
        check_credential("client_secret", self.client_secret)
        check_base_url(self.base_url)
        check_duration("timeout", self.timeout, more_than_zero=True)
        check_duration("retry_backoff", self.retry_backoff)
        if self.deadline is not None:
            check_duration("deadline", self.deadline, more_than_zero=True)
        if self.http_client is not None and not hasattr(self.http_client, "aclose"):
            raise FlanksConfigError("http_client: expected an httpx2.AsyncClient or an httpx.AsyncClient")
        for name in ("load", "store"):
            if not callable(getattr(self.token_cache, name, None)):
                raise FlanksConfigError("token_cache: expected an object with load and store, such as MemoryTokenCache")
        if not isinstance(self.jitter, bool):  # pyright: ignore[reportUnnecessaryIsInstance] - callers without types
            raise FlanksConfigError("jitter: expected True or False")
        if not isinstance(self.retries, int) or isinstance(self.retries, bool) or self.retries < 0:  # pyright: ignore[reportUnnecessaryIsInstance] - callers without types
            raise FlanksConfigError("retries: expected a whole number from 0")

    @property
    def retry_policy(self) -> RetryPolicy:
        """The design's `retry_backoff * 2**attempt`, drawn from below it unless the jitter is switched off."""
        return RetryPolicy(
            retries=self.retries,
            base_delay_s=self.retry_backoff,
            max_delay_s=LONGEST_RETRY_WAIT_S,
            retry_after_cap_s=LONGEST_RETRY_WAIT_S,
            budget_s=math.inf if self.deadline is None else self.deadline,
            statuses=RETRIED_STATUSES,
            refused_statuses=REFUSED_STATUSES,
        )

    @property
    def all_headers(self) -> dict[str, str]:
        """The caller's headers over ours."""
        return {"User-Agent": f"bursar-flanks/{__version__}", **self.headers}


@dataclass(frozen=True, slots=True, kw_only=True)
class CallOptions:
    """What `with_options` changes for the calls made through its result; None leaves it as it was."""

    timeout: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    on_raw_response: Callable[[FlanksResponse], None] | None = None
    on_invalid_item: Callable[[InvalidItem], None] | None = None


def check_credential(name: str, value: object) -> None:
    """Refuse what cannot be an id or a secret; the value is never in the text.

    Raises:
        FlanksConfigError: naming the argument.
    """
    if not isinstance(value, str | Secret) or not str(value.reveal() if isinstance(value, Secret) else value).strip():
        raise FlanksConfigError(f"{name}: expected a text that is not empty")


def checked_hooks(name: str, hooks: object) -> tuple[Hook, ...]:
    """Return hooks as they are kept.

    Raises:
        FlanksConfigError: naming the argument: a hook goes into a list, also a single one.
    """
    listed = list(cast("Iterable[object]", hooks)) if isinstance(hooks, Iterable) else [None]
    if not all(callable(one) for one in listed):
        raise FlanksConfigError(f"{name}: expected a list of callables")
    return tuple(cast("list[Hook]", listed))


def check_base_url(base_url: str) -> None:
    """Refuse an address over which a secret would travel in clear.

    Raises:
        FlanksConfigError: not https (http is for this machine only), no host, or user info, a query or a fragment.
    """
    try:
        parts = urlsplit(base_url)
        host, _ = parts.hostname, parts.port
    except (ValueError, TypeError, AttributeError):
        raise FlanksConfigError("base_url: expected an address such as https://api.flanks.io") from None
    if parts.scheme not in ("http", "https") or not host or any(mark.isspace() for mark in base_url):
        raise FlanksConfigError("base_url: expected an address such as https://api.flanks.io")
    if parts.query or parts.fragment or parts.username or parts.password:
        raise FlanksConfigError("base_url: expected no query, fragment or user info")
    if parts.scheme == "http" and not _is_loopback(host):
        raise FlanksConfigError("base_url: expected https; http is accepted for this machine's loopback only")


def check_duration(name: str, seconds: float, *, more_than_zero: bool = False) -> None:
    """Refuse what is no span of time.

    Raises:
        FlanksConfigError: naming the setting.
    """
    is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)  # pyright: ignore[reportUnnecessaryIsInstance] - callers without types
    if not is_number or not math.isfinite(seconds) or seconds < 0 or (more_than_zero and not seconds):
        raise FlanksConfigError(f"{name}: expected seconds, {'more than 0' if more_than_zero else 'from 0'}")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
