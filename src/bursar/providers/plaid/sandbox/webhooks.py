"""How do webhooks reach their receiver, signed and repeated until they are taken?"""

import asyncio
import base64
import heapq
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

import httpx2
import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from bursar.providers.plaid.sandbox.ids import IdMint
from bursar.providers.plaid.sandbox.problems import invalid_input
from bursar.sandbox.clock import VirtualClock

_FIRST_RETRY = timedelta(seconds=30)
_RETRY_FACTOR = 4
_RETRY_SPAN = timedelta(hours=24)
_RECEIVER_TIMEOUT_S = 10
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


class SigningKeys:
    """The ES256 keys of the environment: the newest signs, the older ones stay published with their end."""

    def __init__(self, mint: IdMint, clock: VirtualClock) -> None:
        self._mint = mint
        self._clock = clock
        self._keys: dict[str, tuple[ec.EllipticCurvePrivateKey, datetime]] = {}
        self._expired: dict[str, datetime] = {}
        self._current = ""
        self.rotate()

    def rotate(self) -> str:
        """Starts signing with a new key and returns its id; the former one is expired from now on."""
        if self._current:
            self._expired[self._current] = self._clock.now()
        self._current = self._mint.uuid("webhook-key", str(len(self._keys)))
        number = self._mint.secret_number(f"webhook-key-{len(self._keys)}") % (_P256_ORDER - 1) + 1
        self._keys[self._current] = (ec.derive_private_key(number, ec.SECP256R1()), self._clock.now())
        return self._current

    def sign(self, body: bytes) -> str:
        """The compact JWT for the header `Plaid-Verification`."""
        return self._sign(body, self._keys[self._current][0])

    def forge(self, body: bytes) -> str:
        """What somebody makes who knows the key's id and the form, and has another key."""
        number = self._mint.secret_number("forger") % (_P256_ORDER - 1) + 1
        return self._sign(body, ec.derive_private_key(number, ec.SECP256R1()))

    def _sign(self, body: bytes, key: ec.EllipticCurvePrivateKey) -> str:
        header = {"alg": "ES256", "kid": self._current, "typ": "JWT"}
        claims = {"iat": int(self._clock.now().timestamp()), "request_body_sha256": sha256(body).hexdigest()}
        signed = b".".join(_base64url(msgspec.json.encode(part)) for part in (header, claims))
        r, s = decode_dss_signature(key.sign(signed, ec.ECDSA(SHA256())))
        return (signed + b"." + _base64url(r.to_bytes(32) + s.to_bytes(32))).decode()

    def publish(self, key_id: str) -> dict[str, object]:
        """The JWK of a key; an unknown id is `INVALID_WEBHOOK_VERIFICATION_KEY_ID`."""
        if key_id not in self._keys:
            raise invalid_input("INVALID_WEBHOOK_VERIFICATION_KEY_ID", "no key with this key_id")
        key, created_at = self._keys[key_id]
        numbers = key.public_key().public_numbers()
        expired_at = self._expired.get(key_id)
        return {
            "alg": "ES256",
            "crv": "P-256",
            "kid": key_id,
            "kty": "EC",
            "use": "sig",
            "x": _base64url(numbers.x.to_bytes(32)).decode(),
            "y": _base64url(numbers.y.to_bytes(32)).decode(),
            "created_at": int(created_at.timestamp()),
            "expired_at": None if expired_at is None else int(expired_at.timestamp()),
        }


def write_body(payload: Mapping[str, object]) -> bytes:
    """The raw bytes of a webhook: indented by two blanks, so that only they can be verified and no rewritten object."""
    return msgspec.json.format(msgspec.json.encode(payload), indent=2)


def write_headers(verification: str) -> dict[str, str]:
    """The headers of a webhook with a compact JWT."""
    return {"Content-Type": "application/json", "Plaid-Verification": verification}


@dataclass(frozen=True, slots=True)
class Delivery:
    """One webhook on its way; `attempt` counts from 0."""

    url: str
    body: bytes
    first_at: datetime
    attempt: int


class Outbox:
    """Sends webhooks over real HTTP at virtual instants: at once, after 30 s, then each delay four times the last."""

    def __init__(self, keys: SigningKeys, clock: VirtualClock) -> None:
        self._keys = keys
        self._clock = clock
        self._queue: list[tuple[datetime, int, Delivery]] = []
        self._queued_count = 0
        self._sending = asyncio.Lock()
        self._background: set[asyncio.Task[None]] = set()

    def post(self, url: str, payload: Mapping[str, object]) -> None:
        """Queues a webhook for now."""
        self._push(self._clock.now(), Delivery(url, write_body(payload), self._clock.now(), 0))

    def send_soon(self) -> None:
        """Sends what is due in the background, so that the answer to the present request does not wait for it."""
        if not self._is_due():
            return
        task = asyncio.create_task(self.send_due())
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def send_due(self) -> None:
        """Sends everything that is due by the virtual clock, repetitions included."""
        async with self._sending:
            # A client costs some 40 ms to build, so that only deliveries pay for one.
            if not self._is_due():
                return
            async with httpx2.AsyncClient(timeout=_RECEIVER_TIMEOUT_S) as client:
                while self._is_due():
                    due_at, _, delivery = heapq.heappop(self._queue)
                    if not await self._send(client, delivery):
                        self._retry(due_at, delivery)

    def _is_due(self) -> bool:
        return bool(self._queue) and self._queue[0][0] <= self._clock.now()

    async def _send(self, client: httpx2.AsyncClient, delivery: Delivery) -> bool:
        headers = write_headers(self._keys.sign(delivery.body))
        try:
            answer = await client.post(delivery.url, content=delivery.body, headers=headers)
        except (httpx2.HTTPError, httpx2.InvalidURL):
            return False
        return answer.status_code == 200

    def _retry(self, due_at: datetime, delivery: Delivery) -> None:
        again_at = due_at + _FIRST_RETRY * _RETRY_FACTOR**delivery.attempt
        if again_at <= delivery.first_at + _RETRY_SPAN:
            self._push(again_at, Delivery(delivery.url, delivery.body, delivery.first_at, delivery.attempt + 1))

    def _push(self, at: datetime, delivery: Delivery) -> None:
        self._queued_count += 1
        heapq.heappush(self._queue, (at, self._queued_count, delivery))


def _base64url(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")
