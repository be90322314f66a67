"""What must a provider's or a file format's simulator offer to the sandbox?"""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol, runtime_checkable

from bursar.sandbox.world import World

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class RefusedActionError(Exception):
    """An action outside the API that the provider would refuse too; the text says why."""


class MountedFace(Protocol):
    """A provider's simulated server in front of one world: an ASGI application and a little more."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request; `scope["root_path"]` is the prefix it is mounted at."""
        ...

    async def catch_up(self) -> None:
        """Does what fell due while the clock moved, such as sending webhooks; returns when it is done."""
        ...

    def credentials(self) -> Mapping[str, str]:
        """What a tester must configure to be let in; the control plane shows it."""
        ...

    def error_body(self, status: int) -> bytes:
        """The JSON body with which this provider would report an HTTP status of 429, 500, 502, 503 or 504."""
        ...

    def act(self, action: str, arguments: Mapping[str, str]) -> Mapping[str, str]:
        """Plays something that people do outside the provider's API, such as finishing a consent page.

        Raises `KeyError` for an unknown action or a missing argument and `RefusedActionError` for an impossible one.
        """
        ...


@runtime_checkable
class TracedFace(Protocol):
    """A simulated server that also tells, past its protocol, what the ids that it gave out stand for.

    Optional: what tests a ledger against the world needs it, what runs a sandbox does not.
    """

    def trace_account(self, provider_account_id: str) -> str | None:
        """The world's account behind an id; None for an id that was never given out."""
        ...

    def trace_transaction(self, provider_account_id: str, provider_transaction_id: str) -> str | None:
        """The world id of the row behind an id; None when it was never given out, or when it names no single row."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookDelivery:
    """One webhook as it leaves the provider, whoever carries it."""

    headers: Mapping[str, str] = field(repr=False)
    """Everything that the provider sends with it; names in any case."""
    body: bytes = field(repr=False)
    """The raw body: what is signed are bytes."""
    proves_body: bool = True
    """Whether the proof covers the body; False for a provider that only shows a password of its own."""
    proves_time: bool = True
    """Whether the proof tells when it was made, so that an old one can be refused; False for a provider without."""


@runtime_checkable
class WebhookFace(Protocol):
    """A simulated server that sends webhooks, and can hand one out instead of sending it.

    A provider that declares the capability `webhooks` has a simulator with these methods: the contract suite takes
    deliveries from it and gives them to the adapter, as they are, spoilt, late and twice. Every method signs as the
    provider does, at the world's present instant, with the secrets that `credentials` publishes or with the keys that
    the simulated API hands out. Nothing goes over the network, and nothing of it is counted as sent.
    """

    def make_delivery(self, external_login_id: str) -> WebhookDelivery:
        """A new event about one login (`EstablishedConnection.external_login_id`), such as new transactions.

        Two calls are two events, also at one instant of the world, if the provider's events have an id.
        Raises `KeyError` for a login that this server does not know.
        """
        ...

    def repeat_delivery(self, delivery: WebhookDelivery) -> WebhookDelivery:
        """The same event as the provider sends it again when nobody took it, signed anew if it signs anew."""
        ...

    def forge_delivery(self, delivery: WebhookDelivery) -> WebhookDelivery:
        """The same event, well formed and fresh, from somebody who has not got the provider's secret or private key."""
        ...


class Face(Protocol):
    """The recipe of a simulated server; `providers/<p>/sandbox` exports one as `SANDBOX`."""

    @property
    def slug(self) -> str:
        """The provider's slug and the path prefix it is served under."""
        ...

    def build(self, world: World) -> MountedFace:
        """A server in front of `world`; each call gives an independent one."""
        ...


class StatementWriter(Protocol):
    """Renders a statement file; `importers/<f>/sandbox.py` exports one per dialect."""

    def __call__(self, world: World, account_id: str, start: date, end: date, /) -> bytes:
        """The settled rows booked from `start` to `end` (both included) and the balance as of the virtual now."""
        ...
