"""How is a bank not asked twice for the same within a minute, without a token lying around as a key?"""

import asyncio
import json
import secrets
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Generic, TypeVar, cast

T = TypeVar("T")
MAX_ENTRIES = 500
TTL_S: Mapping[str, int] = {"accounts": 60, "balances": 60, "transactions": 300}
"""Operation -> how long an answer is good, in seconds."""

Key = tuple[bytes, str, bytes]


@dataclass(frozen=True, slots=True)
class _Kept(Generic[T]):
    value: T
    until: float


class AnswerCache:
    """Answers by (token, operation, parameters), the first and the last as keyed hashes; private to this process.

    Callers of one key at once wait for one reading. Failures are not kept. Over `MAX_ENTRIES`, the entry that was used
    longest ago goes.
    """

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        # Of this process: who reads its memory dump later cannot try tokens against the hashes.
        self._secret = secrets.token_bytes(32)
        self._kept: OrderedDict[Key, _Kept[object]] = OrderedDict()
        self._readings: dict[Key, asyncio.Task[object]] = {}

    async def get(
        self,
        token: str,
        operation: str,
        parameters: Mapping[str, str | None],
        read: Callable[[], Awaitable[T]],
        *,
        refresh: bool = False,
    ) -> T:
        """Return what is kept, or read it and keep it; with `refresh`, forget what the token's operation has first."""
        if refresh:
            self.forget(token, operation)
        key = (self._digest(token), operation, self._digest(json.dumps(dict(parameters), sort_keys=True)))
        kept = self._kept.get(key)
        if kept is not None and kept.until > self._monotonic():
            self._kept.move_to_end(key)
            return cast("T", kept.value)
        task = self._readings.get(key)
        if task is None:
            task = self._readings[key] = asyncio.create_task(self._read(key, read))
            task.add_done_callback(lambda done: self._done(key, done))
        # One caller who goes away does not take the answer from the others.
        return cast("T", await asyncio.shield(task))

    def forget(self, token: str | None = None, operation: str | None = None) -> None:
        """Forget everything, or what a token or one of its operations has; a reading under way is not kept."""
        whose = None if token is None else self._digest(token)
        for held in (self._kept, self._readings):
            for key in list(held):
                if whose in (None, key[0]) and operation in (None, key[1]):
                    del held[key]

    async def _read(self, key: Key, read: Callable[[], Awaitable[object]]) -> object:
        value = await read()
        if self._readings.get(key) is asyncio.current_task():
            self._kept[key] = _Kept(value, self._monotonic() + TTL_S[key[1]])
            if len(self._kept) > MAX_ENTRIES:
                self._kept.popitem(last=False)
        return value

    def _done(self, key: Key, task: "asyncio.Task[object]") -> None:
        if self._readings.get(key) is task:
            del self._readings[key]
        if not task.cancelled():
            task.exception()  # told to whoever waits; nobody waiting is no accident

    def _digest(self, text: str) -> bytes:
        return blake2b(text.encode(), key=self._secret, digest_size=32).digest()
