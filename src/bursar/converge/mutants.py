"""Would the convergence test notice if our own code were wrong?

A mutant is one deliberate fault: a few words of one module replaced while it is imported, in a process of its own. A
test that no mutant can pass proves something when the real code passes it.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType


@dataclass(frozen=True, slots=True)
class Mutant:
    """One deliberate fault."""

    name: str
    module: str
    old: str
    """Occurs exactly once in the module."""
    new: str


_INGEST = "bursar.services.ingest"
_LEASES = "bursar.storage.leases"
_ROWS = "bursar.storage.transactions"
_WORDS = "bursar.storage.source_records"
_IDENTITY = "bursar.domain.identity"
_PAIRING = "bursar.domain.pairing"
_PLAID = "bursar.providers.plaid.mapping"

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        "cursor stored before the rows, in a transaction of its own",
        "bursar.services.sync",
        "                    await reach(FaultPoint.SYNC_FETCHED)\n",
        "                    if batch.cursor is not None:\n"
        "                        async with self._database.transaction(tenant_id) as early:\n"
        "                            from bursar.storage.connections import store_cursor\n"
        "                            await store_cursor(early, tenant_id, connection_id, batch.cursor)\n"
        "                    await reach(FaultPoint.SYNC_FETCHED)\n",
    ),
    Mutant(
        "cursor stored although a record was unreadable",
        _INGEST,
        "    if batch.cursor is not None and not report.rejected:\n",
        "    if batch.cursor is not None:\n",
    ),
    Mutant(
        "removed rows are dropped",
        _INGEST,
        "    await remove_transactions(tx, tenant_id, batch.removed, resolved=resolved,",
        "    await remove_transactions(tx, tenant_id, (), resolved=resolved,",
    ),
    Mutant(
        "what a listing lacks stays",
        _INGEST,
        "    await withdraw(tx, tenant_id, vanished, target=target, at=at, report=report)\n",
        "",
    ),
    Mutant(
        "rows are matched by their id only",
        _IDENTITY,
        "        stable = self.trust is IdTrust.STABLE\n",
        "        self.trust = IdTrust.STABLE\n        content, none, stable = False, False, True\n",
    ),
    Mutant(
        "a pending row and its posted self are two",
        _IDENTITY,
        "            (self._linked_pending, not none and bool(self.by_id)),\n",
        "",
    ),
    Mutant(
        "a posted row without a link replaces nothing",
        _IDENTITY,
        "            (self._unlinked_pending, bool(self.pending)),\n",
        "",
    ),
    Mutant(
        "twins count once",
        _PAIRING,
        "            if evidence.transaction_id not in self.claims:\n                yield evidence",
        "            yield evidence",
    ),
    Mutant(
        "another source's rows are always new",
        _IDENTITY,
        "    for rule in [*pairing.rules(), *across.rules()]:\n",
        "    for rule in pairing.rules():\n",
    ),
    Mutant(
        "money passes through float",
        _PLAID,
        '    amount = negate(required_number(row.amount, "amount"))\n',
        '    amount = negate(Decimal(float(required_number(row.amount, "amount"))))\n',
    ),
    Mutant(
        "the sign is the provider's",
        _PLAID,
        '    amount = negate(required_number(row.amount, "amount"))\n',
        '    amount = required_number(row.amount, "amount")\n',
    ),
    Mutant(
        "every pending row is settled",
        _PLAID,
        '        status="pending" if row.pending else "settled",\n',
        '        status="settled",\n',
    ),
    Mutant(
        "the tenant stays set on a pooled connection",
        "bursar.storage.unit_of_work",
        '        async with self._transaction(_AS_TENANT, str(tenant_id), "") as tx:\n            yield tx',
        '        first = self.__dict__.setdefault("first", str(tenant_id))\n'
        '        async with self._transaction(_AS_TENANT, first, "") as tx:\n            yield tx',
    ),
    Mutant(
        "a stale lease may still write",
        _LEASES,
        '        "UPDATE connections SET lease_until = %s WHERE tenant_id = %s AND id = %s AND lease_token = %s",\n'
        "        [until, tenant_id, connection_id, token],",
        '        "UPDATE connections SET lease_until = %s WHERE tenant_id = %s AND id = %s",\n'
        "        [until, tenant_id, connection_id],",
    ),
    Mutant(
        "a closed run keeps its lease",
        _LEASES,
        "        UPDATE connections SET lease_token = NULL, lease_run_id = NULL, lease_until = NULL,\n",
        "        UPDATE connections SET lease_until = lease_until,\n",
    ),
    Mutant(
        "a dead worker's lease is waited for by its own run",
        _LEASES,
        " OR lease_run_id = %(run_id)s)",
        ")",
    ),
    Mutant(
        "a row that comes back stays removed",
        _ROWS,
        "status = b.next_status, removed_at = NULL,",
        "status = b.next_status, removed_at = t.removed_at,",
    ),
    Mutant(
        "unchanged rows are written again",
        _ROWS,
        "                OR ({stored}) IS DISTINCT FROM ({told}))",
        "                OR true)",
    ),
    Mutant(
        "the feed does not tell of removals",
        _ROWS,
        "SELECT %(tenant_id)s, 'transaction.removed', t.id,",
        "SELECT %(tenant_id)s, 'transaction.noted', t.id,",
    ),
    Mutant(
        "an API's taking back is overruled by an older file",
        "bursar.services.ingest_removals",
        "overrules=not target.is_file,",
        "overrules=False,",
    ),
    Mutant(
        "withdrawn words still hold a row",
        _WORDS,
        "            UPDATE source_records e SET withdrawn_at = %(at)s\n            FROM unnest",
        "            UPDATE source_records e SET last_seen_at = %(at)s\n            FROM unnest",
    ),
    Mutant(
        "Plaid's first page is all there is",
        "bursar.providers.plaid.sdk.transactions",
        "                        lambda page: page.next_cursor if page.has_more else None,",
        "                        lambda _page: None,",
    ),
    Mutant(
        "Retry-After is not kept",
        "bursar.domain.reading",
        "    if connection.next_attempt_at is not None and connection.next_attempt_at > now:\n",
        "    if connection.next_attempt_at is not None and connection.next_attempt_at > now and not now:\n",
    ),
    Mutant(
        "the quota is not counted",
        "bursar.domain.reading",
        "    free_at = quota.free_at(connection.read_at, now) if quota is not None else None\n",
        "    free_at = None\n",
    ),
    Mutant(
        "an account with new ids is a new account",
        "bursar.services.ingest_accounts",
        "if match.identity is not None and one.identity_hash == match.identity:",
        "if match.identity is not None and not one:",
    ),
    Mutant(
        "balances are kept again with every reading",
        "bursar.storage.balances",
        "        WHERE balance = i.balance\n",
        "        WHERE balance <> i.balance\n",
    ),
    Mutant(
        "a disconnected source goes on to vouch",
        "bursar.storage.accounts",
        "        [at, tenant_id, connection_id],\n",
        "        [None, tenant_id, connection_id],\n",
    ),
    Mutant(
        "gaps are never closed",
        "bursar.storage.gaps",
        "SET changed_at = %(at)s, closed_at = %(at)s,",
        "SET changed_at = %(at)s, closed_at = NULL,",
    ),
    Mutant(
        "gaps are never found",
        "bursar.services.proof",
        "        for gap in proof.gaps\n",
        "        for gap in proof.gaps[:0]\n",
    ),
    Mutant(
        "an erased tenant leaves its rows",
        "bursar.services.access",
        "            return await tenants.erase_tenant(tx, tenant_id) is not None\n",
        "            return bool(tx)\n",
    ),
    Mutant(
        "an ended consent looks like an outage",
        "bursar.domain.reading",
        "    moved = moves.get(cause, status)\n",
        "    moved = status\n",
    ),
    Mutant(
        "positions that are gone stay",
        "bursar.storage.holdings",
        "[listing.complete for listing in part]",
        "[False for _ in part]",
    ),
    Mutant(
        "webhooks are believed whoever sends them",
        "bursar.providers.plaid.sdk.webhooks",
        "        _check_signature(key, ",
        "        (lambda *_: None)(key, ",
    ),
)


def install(mutant: Mutant) -> None:
    """Let this process import the module with the fault in it; call before anything of ours is imported.

    Raises:
        LookupError: the words are not in the module, or not exactly once: the mutant must follow the code.
    """
    check(mutant)
    spec = _find(mutant.module)
    if spec is None or spec.origin is None:
        raise LookupError(f"there is no module {mutant.module}")
    sys.meta_path.insert(0, _Finder(mutant, spec.origin))


def check(mutant: Mutant) -> None:
    """Raise `LookupError` unless the mutant's words are in its module exactly once."""
    spec = _find(mutant.module)
    if spec is None or spec.origin is None:
        raise LookupError(f"there is no module {mutant.module}")
    count = Path(spec.origin).read_text("utf-8").count(mutant.old) if mutant.old else 0
    if count != 1:
        raise LookupError(f"{mutant.name}: its words occur {count} times in {mutant.module}")


def _find(name: str) -> ModuleSpec | None:
    path: Sequence[str] | None = None
    spec: ModuleSpec | None = None
    whole = ""
    for part in name.split("."):
        whole = f"{whole}.{part}" if whole else part
        spec = PathFinder.find_spec(whole, path)
        if spec is None:
            return None
        path = spec.submodule_search_locations
    return spec


class _Finder(MetaPathFinder):
    def __init__(self, mutant: Mutant, origin: str) -> None:
        self._mutant = mutant
        self._origin = origin

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Give the faulty module under its name, and nothing else."""
        if fullname != self._mutant.module:
            return None
        loader = _Loader(fullname, self._origin, self._mutant)
        return ModuleSpec(fullname, loader, origin=self._origin)


class _Loader(SourceFileLoader):
    def __init__(self, fullname: str, path: str, mutant: Mutant) -> None:
        super().__init__(fullname, path)
        self._mutant = mutant

    def path_stats(self, path: str) -> dict[str, float]:
        """Refuse, so that neither an old nor a new compiled file is used."""
        raise OSError(path)

    def get_data(self, path: str) -> bytes:
        """Return the source with the fault in it."""
        text = super().get_data(path).decode()
        return text.replace(self._mutant.old, self._mutant.new).encode()
