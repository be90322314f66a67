"""How do events of Connect leave the simulated Finicity?"""

import asyncio
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import httpx2
import msgspec

from bursar.sandbox.clock import VirtualClock

_RECEIVER_TIMEOUT_S = 5.0
_FIRST_RETRY = timedelta(minutes=5)
_RETRY_SPAN = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way; `attempt` counts from 0."""

    url: str
    body: bytes
    first_at: datetime
    due_at: datetime
    attempt: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedEvent:
    """An event as it leaves Finicity, whoever carries it."""

    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    proves_body: bool = True
    """The signature covers every byte of the body."""
    proves_time: bool = False
    """It does not say when it was made."""


class Outbox:
    """Sends signed events over real HTTP at virtual instants, again and again for three days."""

    def __init__(self, secret: str, clock: VirtualClock) -> None:
        self._secret = secret
        self._clock = clock
        self._queue: list[Delivery] = []
        self._sending = asyncio.Lock()
        self._background: set[asyncio.Task[None]] = set()

    def post(self, url: str, event: Mapping[str, object]) -> None:
        """Queues an event for now."""
        now = self._clock.now()
        self._queue.append(Delivery(url, msgspec.json.encode(event), now, now))

    def headers(self, body: bytes, secret: str | None = None) -> dict[str, str]:
        """The headers of a delivery; `secret` is another one than the partner's, for a forgery."""
        key = (self._secret if secret is None else secret).encode()
        return {
            "Content-Type": "application/json",
            "X-Finicity-Signature": hmac.new(key, body, hashlib.sha256).hexdigest(),
        }

    def sign(self, event: Mapping[str, object]) -> SignedEvent:
        """An event as it would be sent."""
        body = msgspec.json.encode(event)
        return SignedEvent(headers=self.headers(body), body=body)

    def send_soon(self) -> None:
        """Sends what is due in the background, so that the answer to the present request does not wait for it."""
        if not self._due():
            return
        task = asyncio.create_task(self.send_due())
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def send_due(self) -> None:
        """Sends everything that is due by the virtual clock, repetitions included."""
        async with self._sending:
            if not self._due():
                return
            async with httpx2.AsyncClient(timeout=_RECEIVER_TIMEOUT_S) as client:
                while due := self._due():
                    self._queue.remove(due[0])
                    if not await self._send(client, due[0]):
                        self._retry(due[0])

    def _due(self) -> list[Delivery]:
        return [one for one in self._queue if one.due_at <= self._clock.now()]

    async def _send(self, client: httpx2.AsyncClient, delivery: Delivery) -> bool:
        try:
            answer = await client.post(delivery.url, content=delivery.body, headers=self.headers(delivery.body))
        except (httpx2.HTTPError, httpx2.InvalidURL):
            return False
        return 200 <= answer.status_code < 300

    def _retry(self, delivery: Delivery) -> None:
        again_at = delivery.due_at + _FIRST_RETRY * 2**delivery.attempt
        if again_at <= delivery.first_at + _RETRY_SPAN:
            self._queue.append(Delivery(delivery.url, delivery.body, delivery.first_at, again_at, delivery.attempt + 1))
