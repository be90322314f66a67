"""Did a seed converge: faults stop, time passes, everything is read once more, and then every promise is checked."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from bursar.converge import oracle, people
from bursar.converge.catalogue import Exemption
from bursar.converge.oracle import Divergence, StoredLedger
from bursar.converge.plan import Plan
from bursar.converge.seed import SETTLING, Happened, Person, SeedRun
from bursar.converge.stage import Stage
from bursar.domain.health import health_of
from bursar.domain.sync import SyncTrigger
from bursar.sandbox.people import Account, AccountKind
from bursar.sandbox.view import IdPolicy


@dataclass(slots=True, kw_only=True)
class Verdict:
    """What came out of a seed."""

    seed: int
    divergences: list[Divergence] = field(default_factory=list[Divergence])
    exemptions: Counter[str] = field(default_factory=Counter[str])
    row_count: int = 0
    run_count: int = 0
    struck: Counter[tuple[str, str, str]] = field(default_factory=Counter[tuple[str, str, str]])
    trace_mark: str = ""
    trace: list[str] = field(default_factory=list[str])
    channels: frozenset[str] = frozenset()


async def run_seed(stage: Stage, plan: Plan, begin: Callable[[Stage, Plan], SeedRun] = SeedRun) -> Verdict:
    """Live through a seed and judge it; the tenants are erased afterwards. `begin` makes the run of another tier."""
    run = begin(stage, plan)
    verdict = Verdict(seed=plan.seed)
    try:
        await run.begin()
        people.schedule(run)
        await run.live()
        await _settle(run, SETTLING)
        await _judge(run, verdict)
        async with run.restored() as copy:
            if copy is not None:
                await _judge_copy(copy, verdict)
    finally:
        run.end()
        await oracle.sweep(stage.witness, [person.tenant_id for person in run.people])
    _sum_up(run.happened, verdict)
    verdict.channels = frozenset(link.channel.slug for link in run.links)
    return verdict


def _sum_up(happened: Happened, verdict: Verdict) -> None:
    verdict.divergences.extend(Divergence("errors", text) for text in happened.errors)
    verdict.run_count = happened.run_count
    verdict.struck = happened.struck
    verdict.trace = happened.trace


async def _judge_copy(copy: SeedRun, verdict: Verdict) -> None:
    """I13: a backup that is restored and read again is the same ledger."""
    found = Verdict(seed=verdict.seed)
    await _settle(copy, timedelta(0))
    await _judge(copy, found)
    _sum_up(copy.happened, found)
    verdict.row_count += found.row_count
    verdict.divergences += [Divergence("I13", f"{one.invariant}: {one.detail}") for one in found.divergences]


async def _settle(run: SeedRun, wait: timedelta) -> None:
    """Stop all faults, let every late row and limit pass, and read everything until nothing is left to do."""
    run.is_calm = True
    run.view.stop()
    run.world.faults.stop()
    await run.move_to(max(run.world.now, run.ends_at) + wait)
    for link in run.links:
        if link.is_broken and not link.is_ended:
            await people.renew(run, link)
    await run.live()
    await _read_after_a_day(run)
    for person in run.people:
        for account in _told_by_files(run, person):
            today = account.bank.local_date(run.world.now)
            first = account.bank.local_date(account.opened_at)
            await people.import_file(run, person, account, first, today)
    await _read_after_a_day(run)


async def _read_after_a_day(run: SeedRun) -> None:
    await run.move_to(run.world.now + timedelta(days=1, hours=1))
    await run.stage.platform.sync.schedule_due(every=timedelta(hours=1))
    await _read_all(run)


async def _read_all(run: SeedRun) -> None:
    for link in run.links:
        if not link.is_ended and not link.person.is_erased:
            await run.stage.platform.sync.request_sync(
                link.person.tenant_id, link.connection_id, trigger=SyncTrigger.MANUAL
            )
    await run.collect_jobs()
    await run.live()


def _told_by_files(run: SeedRun, person: Person) -> list[Account]:
    told = {told.account_id for told in run.files}
    return [account for account in person.household.accounts if account.account_id in told]


async def _judge(run: SeedRun, verdict: Verdict) -> None:
    witness = run.stage.witness
    living = [person for person in run.people if not person.is_erased]
    ledgers: dict[UUID, StoredLedger] = {}
    for person in living:
        ledger = ledgers[person.tenant_id] = await oracle.read_ledger(witness, person.tenant_id)
        _check_rows(run, person, ledger, verdict)
        _check_markers(run, person, ledger, verdict)
        _check_identity(run, person, ledger, verdict)
        await _check_feed(run, person, ledger, verdict)
        for text in await oracle.find_open_work(witness, person.tenant_id):
            verdict.divergences.append(Divergence("I11", text))
        await _check_secrets(run, person, verdict)
    for person in run.people:
        if person.is_erased:
            await _check_erased(run, person, verdict)
    await _check_states(run, verdict)
    await _check_repeat(run, living, verdict)
    _check_quota(run, verdict)
    verdict.trace_mark = _mark(run, ledgers)


def _check_rows(run: SeedRun, person: Person, ledger: StoredLedger, verdict: Verdict) -> None:
    """I1 and I2: every account equals the truth, row for row, position for position; and its proof says so."""
    of_world = _accounts_of_world(run, person, ledger)
    gaps: dict[UUID, list[tuple[Decimal, date, date]]] = defaultdict(list)
    for account_id, amount, start, end in ledger.gaps:
        gaps[account_id].append((amount, start, end))
    for account_id in ledger.accounts:
        world_id = of_world.get(account_id)
        if world_id is None:
            verdict.divergences.append(Divergence("I1", f"account {ledger.accounts[account_id][0]} is of nobody"))
            continue
        sources = [source for source in ledger.sources if source.account_id == account_id]
        tellers = _tellers(run, world_id, sources)
        by_files_only = not tellers
        if by_files_only and all(source.provider_slug in run.faces for source in sources):
            verdict.exemptions[Exemption.SILENT_SOURCE] += 1
            continue
        truth = run.world.truth(world_id)
        true_rows = truth.settled if by_files_only or _is_brokerage(run, world_id) else truth.rows
        stored = ledger.rows_of(account_id)
        verdict.row_count += len(stored)
        told, true = oracle.stored_keys(stored), oracle.true_keys(true_rows)
        extra, missing = told - true, true - told
        exempted = _exempt(run, world_id, ledger, tellers, extra, verdict) if extra and not missing else False
        if (extra or missing) and not exempted:
            detail = f"{world_id} through {_names(sources)}: {oracle.describe(extra, missing)}"
            verdict.divergences.append(Divergence("I1", detail))
        _check_proof(run, world_id, gaps[account_id], verdict, through=_names(sources), excused=exempted)
        _check_positions(run, world_id, ledger, account_id, verdict, by_files_only=by_files_only)
        _check_balance(run, world_id, ledger, account_id, verdict, by_files_only=by_files_only)
    _check_one_account(run, person, ledger, of_world, verdict)


def _accounts_of_world(run: SeedRun, person: Person, ledger: StoredLedger) -> dict[UUID, str]:
    found: dict[UUID, str] = {}
    for source in ledger.sources:
        trace = getattr(run.faces.get(source.provider_slug), "trace_account", None)
        world_id = trace(source.provider_account_id) if trace is not None else None
        if world_id is not None:
            found[source.account_id] = world_id
    for account_id, (_, number, currency, _, _) in ledger.accounts.items():
        if account_id not in found:
            alike = [
                account.account_id
                for account in person.household.accounts
                if account.mask == number[-4:] and account.currency == currency
            ]
            if len(alike) == 1:
                found[account_id] = alike[0]
    return found


def _tellers(run: SeedRun, world_id: str, sources: list[oracle.Source]) -> frozenset[UUID]:
    """Return the sources that still tell of the account: APIs that are connected and show it today."""
    showing = {
        link.connection_id
        for link in run.links
        if not link.is_ended and any(one.account_id == world_id for one in run.world.shown_accounts(link.login))
    }
    return frozenset(source.id for source in sources if not source.is_ended and source.connection_id in showing)


def _is_brokerage(run: SeedRun, world_id: str) -> bool:
    return run.world.accounts[world_id].kind is AccountKind.BROKERAGE


def _names(sources: list[oracle.Source]) -> str:
    return "+".join(sorted({source.provider_slug + ("(ended)" if source.is_ended else "") for source in sources}))


def _exempt(
    run: SeedRun,
    world_id: str,
    ledger: StoredLedger,
    tellers: frozenset[UUID],
    extra: "Counter[oracle.RowKey]",
    verdict: Verdict,
) -> bool:
    """Whether every surplus row was true once, and only files or sources that tell no longer still hold it.

    The bank changed or withdrew it afterwards, and nobody who could say so ever told of it.
    """
    silent = {source.id: source for source in ledger.sources if source.id not in tellers}
    holders: dict[UUID, set[UUID]] = defaultdict(set)
    for word in ledger.words:
        if word.is_living:
            holders[word.transaction_id].add(word.source_id)
    once = oracle.true_keys(event.row for event in run.world.get_log(world_id).events_after(0))
    held: Counter[oracle.RowKey] = Counter()
    by_files: Counter[oracle.RowKey] = Counter()
    for row in ledger.rows:
        if not row.is_removed and holders[row.id] and holders[row.id] <= silent.keys():
            for key in oracle.stored_keys([row]):
                held[key] += 1
                by_files[key] += any(silent[holder].provider_slug not in run.faces for holder in holders[row.id])
    if any(key not in once or count > held[key] for key, count in extra.items()):
        return False
    for key, count in extra.items():
        why = Exemption.FILE_ONLY_CHANGE if by_files[key] else Exemption.HISTORY_BEFORE_ACCESS
        verdict.exemptions[why] += count
    return True


def _check_proof(
    run: SeedRun,
    world_id: str,
    gaps: list[tuple[Decimal, date, date]],
    verdict: Verdict,
    *,
    through: str,
    excused: bool,
) -> None:
    """I2: an open gap for rows that the bank never lists, and for nothing else."""
    if excused or _is_brokerage(run, world_id):
        return
    truth = run.world.truth(world_id)
    hidden = Counter(row.amount for row in truth.unlisted)
    total = sum((amount for amount, _, _ in gaps), Decimal(0))
    if not hidden and gaps:
        text = ", ".join(f"{amount} {start}..{end}" for amount, start, end in gaps)
        verdict.divergences.append(Divergence("I2", f"{world_id} through {through}: false alarm: {text}"))
    elif hidden and total not in _possible_gaps(run, world_id):
        verdict.divergences.append(
            Divergence("I2", f"{world_id} through {through}: gaps add up to {total}, hidden are {dict(hidden)}")
        )


def _possible_gaps(run: SeedRun, world_id: str) -> set[Decimal]:
    """What the gaps of an account may add up to: hidden rows since the first balance that was read."""
    hidden = sorted(run.world.truth(world_id).unlisted, key=lambda row: row.occurred_at)
    sums = {Decimal(0)} if not hidden else set[Decimal]()
    total = Decimal(0)
    # Balances before the first reading hold some of the hidden rows already: then only the later ones are missing.
    first = min((link_at for link_at in _first_readings(run, world_id)), default=None)
    for row in reversed(hidden):
        if first is None or row.occurred_at >= first - timedelta(days=3):
            total += row.amount
            sums.add(total)
    certain = [row for row in hidden if first is not None and row.occurred_at > first + timedelta(days=3)]
    if not certain:
        sums.add(Decimal(0))
    least = sum((row.amount for row in certain), Decimal(0))
    return sums | {least}


def _first_readings(run: SeedRun, world_id: str) -> list[datetime]:
    return [file.made_at for file in run.files if file.account_id == world_id] + [run.begins_at]


def _check_positions(
    run: SeedRun, world_id: str, ledger: StoredLedger, account_id: UUID, verdict: Verdict, *, by_files_only: bool
) -> None:
    if by_files_only or not _is_brokerage(run, world_id):
        return
    true = Counter((one.symbol, one.quantity.normalize()) for one in run.world.positions(world_id) if one.quantity)
    # Some providers list cash among the positions; the world counts it in the balance.
    held = ledger.positions.get(account_id, Counter[tuple[str, Decimal]]())
    stored = Counter({(name, quantity): count for (name, quantity), count in held.items() if ":" not in name})
    if true != stored:
        verdict.divergences.append(
            Divergence("I1", f"{world_id}: positions are {dict(stored)}, should be {dict(true)}")
        )


def _check_balance(
    run: SeedRun, world_id: str, ledger: StoredLedger, account_id: UUID, verdict: Verdict, *, by_files_only: bool
) -> None:
    balance = ledger.accounts[account_id][3]
    if by_files_only or balance is None:
        return
    truth = run.world.truth(world_id).balance
    truth += sum((one.value for one in run.world.positions(world_id)), Decimal(0))
    if balance != truth:
        verdict.divergences.append(Divergence("I1", f"{world_id}: balance is {balance}, should be {truth}"))


def _check_one_account(
    run: SeedRun, person: Person, ledger: StoredLedger, of_world: dict[UUID, str], verdict: Verdict
) -> None:
    """Two accounts of the ledger for one of the world only where nobody showed that they are one."""
    found = {
        (source.connection_id, of_world.get(source.account_id)) for source in ledger.sources if not source.is_ended
    }
    for link in run.links:
        if link.person is person and not link.is_ended:
            for account in run.world.shown_accounts(link.login):
                if (link.connection_id, account.account_id) not in found:
                    verdict.divergences.append(
                        Divergence("I1", f"{account.account_id} is not read through {link.channel.slug}")
                    )
    by_world: dict[str, list[UUID]] = defaultdict(list)
    for account_id, world_id in of_world.items():
        by_world[world_id].append(account_id)
    for world_id, account_ids in by_world.items():
        connections: Counter[UUID] = Counter()
        for account_id in account_ids:
            connections.update({source.connection_id for source in ledger.sources if source.account_id == account_id})
        doubled = [connection for connection, count in connections.items() if count > 1]
        if doubled:
            verdict.divergences.append(
                Divergence("I1", f"{person.household.key}: {world_id} is {len(account_ids)} accounts of one connection")
            )


_NEW_IDENTITY = frozenset({"A2", "A7", "A9", "B1", "B2", "B9", "B11", "B12"})
"""Faults under which one event of the bank may, at times, be recognised by its content only."""


def _check_identity(run: SeedRun, person: Person, ledger: StoredLedger, verdict: Verdict) -> None:
    """I3: an event of the bank is one row of ours from pending to settled, under one id."""
    if run.plan.faults & _NEW_IDENTITY:
        return
    sources = {source.id: source for source in ledger.sources}
    rows: dict[tuple[UUID, str], set[UUID]] = defaultdict(set)
    for word in ledger.words:
        source = sources[word.source_id]
        policy = run.plan.id_policies.get(source.provider_slug, IdPolicy.STABLE)
        trace = getattr(run.faces.get(source.provider_slug), "trace_transaction", None)
        if trace is None or word.provider_transaction_id is None or policy not in _TRACEABLE:
            continue
        world_id = trace(source.provider_account_id, word.provider_transaction_id)
        if world_id is not None:
            rows[source.account_id, world_id].add(word.transaction_id)
    doubled = [world_id for (_, world_id), ids in rows.items() if len(ids) > 1]
    if doubled:
        verdict.divergences.append(
            Divergence("I3", f"{person.household.key}: {len(doubled)} events have several rows: {sorted(doubled)[:3]}")
        )


_TRACEABLE = frozenset({IdPolicy.STABLE, IdPolicy.SAME_WHEN_POSTED, IdPolicy.PER_ACCOUNT})


def _check_markers(run: SeedRun, person: Person, ledger: StoredLedger, verdict: Verdict) -> None:
    """I9: nothing of another tenant is in this one's ledger."""
    others = [_marker(run, other) for other in run.people if other is not person]
    for name, *_ in ledger.accounts.values():
        if any(marker in name for marker in others):
            verdict.divergences.append(Divergence("I9", f"{person.household.key} has an account of somebody else"))
    own = {account.account_id for account in person.household.accounts}
    for account_id, world_id in _accounts_of_world(run, person, ledger).items():
        if world_id not in own:
            verdict.divergences.append(Divergence("I9", f"{person.household.key}: account {account_id} is {world_id}"))


def _marker(run: SeedRun, person: Person) -> str:
    return f"w{run.plan.seed}{person.household.key}"


async def _check_feed(run: SeedRun, person: Person, ledger: StoredLedger, verdict: Verdict) -> None:
    """I8 and I6: who reads only the feed of changes has the same ledger."""
    model, homes = await oracle.replay_feed(run.stage.witness, person.tenant_id)
    known = {row.id: row.account_id for row in ledger.rows}
    lost = [row_id for row_id, accounts in homes.items() if accounts != {known.get(row_id)}]
    if lost:
        verdict.divergences.append(
            Divergence("I3", f"{len(lost)} rows that were told of no longer resolve, or changed their account")
        )
    stored = {
        row.id: (row.account_id, row.booked_on, row.amount, row.currency, row.status)
        for row in ledger.rows
        if not row.is_removed
    }
    if model != stored:
        different = [row_id for row_id in model.keys() | stored.keys() if model.get(row_id) != stored.get(row_id)]
        verdict.divergences.append(Divergence("I8", f"{len(different)} rows differ between ledger and feed"))


async def _check_secrets(run: SeedRun, person: Person, verdict: Verdict) -> None:
    """I14: no full number, address or token is where people, logs or queues can see it."""
    texts = await oracle.read_texts(run.stage.witness, person.tenant_id) + run.stage.log.getvalue()
    secrets = {account.number for account in person.household.accounts if len(account.number) > 5}
    secrets |= {holder.email for account in person.household.accounts for holder in account.holders}
    leaked = [secret for secret in secrets if secret in texts]
    if leaked:
        verdict.divergences.append(Divergence("I14", f"{len(leaked)} secrets of {person.household.key} are readable"))


async def _check_erased(run: SeedRun, person: Person, verdict: Verdict) -> None:
    """Nothing of a tenant that has left is there any more."""
    ledger = await oracle.read_ledger(run.stage.witness, person.tenant_id)
    if ledger.accounts or ledger.rows or ledger.sources or ledger.words:
        verdict.divergences.append(Divergence("E9", f"{person.household.key} was erased and has rows"))


async def _check_states(run: SeedRun, verdict: Verdict) -> None:
    """I11: every connection that its user keeps is healthy."""
    for link in run.links:
        if link.person.is_erased or link.is_ended:
            continue
        found = await run.stage.platform.connect.get_connection(link.person.tenant_id, link.connection_id)
        connection = getattr(found, "value", None)
        if connection is None:
            verdict.divergences.append(Divergence("I11", f"{link.channel.slug}: the connection is gone"))
            continue
        if connection.status.value == "disconnected":
            continue
        health = health_of(connection, run.world.now)
        if health.reason == "partial" and set(run.world.shown_accounts(link.login)) != set(link.login.accounts):
            # Rows of an account that nobody lists are kept as rejected until it returns: the status says so.
            verdict.exemptions[Exemption.ACCOUNT_AWAY] += 1
            continue
        if health.state.value != "ok":
            verdict.divergences.append(
                Divergence("I11", f"{link.channel.slug} is {health.state} because of {health.reason}")
            )


async def _check_repeat(run: SeedRun, living: list[Person], verdict: Verdict) -> None:
    """I7: one more reading of an unchanged world writes nothing."""
    witness = run.stage.witness
    tenants = [person.tenant_id for person in living]
    before = await oracle.read_versions(witness, tenants)
    await run.move_to(run.world.now + timedelta(minutes=5))
    await _read_all(run)
    after = await oracle.read_versions(witness, tenants)
    for table in sorted(before):
        if before[table] != after[table]:
            verdict.divergences.append(Divergence("I7", f"an unchanged world wrote {table.split('/')[1]}"))


def _check_quota(run: SeedRun, verdict: Verdict) -> None:
    """I10: nobody was asked more often than he allows, or before the moment he had named."""
    # A worker whose clock is ahead believes that the moment has come.
    too_early = [] if run.plan.has("E4") else run.stage.wire.too_early
    for path in too_early[:3]:
        verdict.divergences.append(Divergence("I10", f"{path} was called before Retry-After"))
    for slug, face in run.faces.items():
        violations = () if run.plan.has("E4") else getattr(face, "violations", ())
        for text in violations[:3]:
            verdict.divergences.append(Divergence("I10", f"{slug}: {text}"))


def _mark(run: SeedRun, ledgers: dict[UUID, StoredLedger]) -> str:
    """I15: equal for two runs of one seed."""
    parts = list(run.happened.trace)
    for ledger in ledgers.values():
        parts += sorted(str(row.key) + row.description for row in ledger.rows if not row.is_removed)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
