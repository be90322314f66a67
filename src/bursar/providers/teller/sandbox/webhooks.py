"""How do webhooks reach their receivers, signed with every secret that has not expired?"""

import asyncio
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

import httpx2

from bursar.providers.teller.sandbox.desk import Desk
from bursar.sandbox.faces import WebhookDelivery

_RECEIVER_TIMEOUT_S = 10


@dataclass(frozen=True, slots=True)
class Delivery:
    """One webhook on its way; `signed_at` is what its signature says."""

    url: str
    body: bytes
    signed_at: datetime


class Outbox:
    """Sends each webhook once over real HTTP: whether and when the vendor tries again is not documented."""

    def __init__(self, desk: Desk, secrets: Sequence[str]) -> None:
        self._desk = desk
        self.secrets = list(secrets)
        """The newest first; every one of them signs."""
        self.urls: list[str] = []
        self._queue: list[Delivery] = []
        self._sending = asyncio.Lock()
        self._last: Delivery | None = None

    def post(self, kind: str, payload: Mapping[str, object], *, age: timedelta = timedelta()) -> str:
        """Queues a notice for every registered address and returns its id; with `age` it is signed in the past."""
        notice_id, body = self.write(kind, payload)
        for url in self.urls:
            self._last = Delivery(url, body, self._desk.world.now - age)
            self._queue.append(self._last)
        return notice_id

    def write(self, kind: str, payload: Mapping[str, object]) -> tuple[str, bytes]:
        """The id and the body of a new notice."""
        notice_id = self._desk.new_id("wh")
        told = {
            "id": notice_id,
            "type": kind,
            "timestamp": self._desk.world.now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "payload": payload,
        }
        return notice_id, json.dumps(told).encode()

    def hand_out(self, body: bytes, secrets: Sequence[str] | None = None) -> WebhookDelivery:
        """A body signed at the present instant, with every secret or with others, past the queue."""
        return WebhookDelivery(headers=self._headers(body, self._desk.world.now, secrets), body=body)

    def repeat(self) -> None:
        """Queues the last notice once more, with a new signature; nothing when there was none."""
        if self._last is not None:
            self._queue.append(Delivery(self._last.url, self._last.body, self._desk.world.now))

    def headers(self, delivery: Delivery) -> dict[str, str]:
        """The headers of a delivery."""
        return self._headers(delivery.body, delivery.signed_at)

    def _headers(self, body: bytes, at: datetime, secrets: Sequence[str] | None = None) -> dict[str, str]:
        return {"Content-Type": "application/json", "Teller-Signature": self.sign(body, at, secrets)}

    def sign(self, body: bytes, at: datetime, secrets: Sequence[str] | None = None) -> str:
        """The header of a body that is signed at an instant."""
        stamp = str(int(at.timestamp()))
        message = f"{stamp}.".encode() + body
        keys = self.secrets if secrets is None else secrets
        signatures = [hmac.new(key.encode(), message, sha256).hexdigest() for key in keys]
        return ",".join([f"t={stamp}", *(f"v1={one}" for one in signatures)])

    async def send_due(self) -> None:
        """Sends everything that waits; a receiver that does not answer loses its notice."""
        async with self._sending:
            if not self._queue:
                return
            async with httpx2.AsyncClient(timeout=_RECEIVER_TIMEOUT_S) as client:
                while self._queue:
                    delivery = self._queue.pop(0)
                    try:
                        await client.post(delivery.url, content=delivery.body, headers=self.headers(delivery))
                    except (httpx2.HTTPError, httpx2.InvalidURL):
                        continue
