"""Has this caller asked for the same thing before, and what was it told?

A key is reserved in a transaction of its own before the request is carried out, because a request may talk to a
provider and commit more than once. A process that dies in between leaves a reservation without an answer; after
`STALE_AFTER` the same request may take it over, and the natural keys of the ledger keep the effect single.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from bursar.domain.time import Clock
from bursar.services.keys import KeyService
from bursar.storage import idempotency
from bursar.storage.unit_of_work import Database

KEPT_FOR = timedelta(hours=24)
STALE_AFTER = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyUse:
    """One key, of one user, for one operation."""

    scope: str
    """Who and what: user, method and path."""
    key: str
    request_mark: bytes
    """A digest of everything that the request says."""


@dataclass(frozen=True, slots=True)
class Fresh:
    """The key is reserved: carry the request out, then `finish` or `release`."""


@dataclass(frozen=True, slots=True)
class Running:
    """The first request with this key has not ended yet."""


@dataclass(frozen=True, slots=True)
class Reused:
    """The key belongs to a request that said something else."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The request was carried out before; this was the answer."""

    status: int
    location: str | None
    body: bytes = field(repr=False)


class IdempotencyService:
    """Keys of requests, and their answers for a day; answers are sealed, because they may hold tokens."""

    def __init__(self, database: Database, keys: KeyService, clock: Clock) -> None:
        self._database = database
        self._keys = keys
        self._clock = clock

    async def begin(self, tenant_id: UUID, use: KeyUse) -> Fresh | Running | Reused | Answered:
        """Reserve a key, or say what became of the request that has it."""
        now = self._clock.now()
        async with self._database.transaction(tenant_id) as tx:
            await idempotency.delete_old_keys(tx, tenant_id, before=now - KEPT_FOR)
            if await idempotency.take_key(
                tx,
                tenant_id,
                use.scope,
                use.key,
                request_mark=use.request_mark,
                at=now,
                stale_before=now - STALE_AFTER,
            ):
                return Fresh()
            record = await idempotency.find_key_record(tx, tenant_id, use.scope, use.key)
            if record is None:
                return Running()
            if record.request_mark != use.request_mark:
                return Reused()
            if record.status is None or record.body is None:
                return Running()
            body = await self._keys.open_answer(tx, tenant_id, _place(use), record.body)
        return Answered(status=record.status, location=record.location, body=body)

    async def finish(self, tenant_id: UUID, use: KeyUse, answer: Answered) -> None:
        """Keep the answer for the next time."""
        async with self._database.transaction(tenant_id) as tx:
            sealed = await self._keys.seal_answer(tx, tenant_id, _place(use), answer.body, self._clock.now())
            await idempotency.store_answer(
                tx, tenant_id, use.scope, use.key, status=answer.status, location=answer.location, body=sealed
            )

    async def release(self, tenant_id: UUID, use: KeyUse) -> None:
        """Make the key free again: the request changed nothing and may be sent once more."""
        async with self._database.transaction(tenant_id) as tx:
            await idempotency.release_key(tx, tenant_id, use.scope, use.key)


def _place(use: KeyUse) -> str:
    return f"{use.scope} {use.key}"
