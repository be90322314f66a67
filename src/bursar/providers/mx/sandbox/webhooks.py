"""How do webhooks reach their receiver, with a password and repeated until they are taken?"""

import asyncio
import heapq
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import httpx2
import msgspec

from bursar.sandbox.clock import VirtualClock
from bursar.sandbox.faces import WebhookDelivery

_REPEATS = 12
_FIRST_PAUSE = timedelta(minutes=1)
_GROWTH = 1.8
"""Twelve pauses, each so much longer than the one before, are a day."""
_RECEIVER_TIMEOUT_S = 10


@dataclass(frozen=True, slots=True)
class Subscription:
    """Where webhooks go, and what was agreed to prove whose they are."""

    url: str
    username: str
    password: str

    @property
    def authorization(self) -> str:
        """The header's value."""
        return f"Basic {b64encode(f'{self.username}:{self.password}'.encode()).decode()}"


@dataclass(frozen=True, slots=True)
class _Delivery:
    to: Subscription
    body: bytes
    attempt: int = 0


class Outbox:
    """Sends webhooks over real HTTP at virtual instants."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._queue: list[tuple[datetime, int, _Delivery]] = []
        self._queued_count = 0
        self._sending = asyncio.Lock()
        self.subscription: Subscription | None = None

    def post(self, payload: Mapping[str, object]) -> None:
        """Queues a webhook for now, if anybody wants it."""
        if self.subscription is not None:
            self._push(self._clock.now(), _Delivery(self.subscription, msgspec.json.encode(payload)))

    async def send_due(self) -> None:
        """Sends everything that is due by the virtual clock, repetitions included."""
        async with self._sending:
            if not self._is_due():
                return
            async with httpx2.AsyncClient(timeout=_RECEIVER_TIMEOUT_S) as client:
                while self._is_due():
                    due_at, _, delivery = heapq.heappop(self._queue)
                    if not await self._send(client, delivery) and delivery.attempt < _REPEATS:
                        pause = _FIRST_PAUSE * _GROWTH**delivery.attempt
                        self._push(due_at + pause, replace(delivery, attempt=delivery.attempt + 1))

    def _is_due(self) -> bool:
        return bool(self._queue) and self._queue[0][0] <= self._clock.now()

    async def _send(self, client: httpx2.AsyncClient, delivery: _Delivery) -> bool:
        try:
            answer = await client.post(delivery.to.url, content=delivery.body, headers=_headers(delivery.to))
        except (httpx2.HTTPError, httpx2.InvalidURL):
            return False
        return 200 <= answer.status_code < 300

    def _push(self, at: datetime, delivery: _Delivery) -> None:
        self._queued_count += 1
        heapq.heappush(self._queue, (at, self._queued_count, delivery))


def delivery_of(to: Subscription, payload: Mapping[str, object]) -> WebhookDelivery:
    """A webhook that is handed out instead of being sent; only a password shows whose it is."""
    return WebhookDelivery(
        headers=_headers(to), body=msgspec.json.encode(payload), proves_body=False, proves_time=False
    )


def _headers(to: Subscription) -> dict[str, str]:
    return {"Content-Type": "application/json", "Authorization": to.authorization}
