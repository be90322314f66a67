"""Did a seed converge: faults stop, time passes, everything is read once more, and then every promise is checked."""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from bursar.converge import oracle, people
from bursar.converge.catalogue import Exemption
from bursar.converge.findings import Verdict
from bursar.converge.ledger_checks import accounts_of_world, check_accounts, check_identity
from bursar.converge.oracle import Divergence, StoredLedger
from bursar.converge.plan import Plan
from bursar.converge.seed import SETTLING, Happened, Link, Person, SeedRun
from bursar.converge.stage import Stage
from bursar.domain.health import health_of
from bursar.domain.sync import SyncTrigger
from bursar.sandbox.people import Account

_ROUNDS = 4
"""After so many further readings at most an unchanged world writes nothing."""


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
    # How much of what the bank hides can be noticed depends on the balances that were read: the copy has read fewer.
    verdict.divergences += [
        Divergence("I13", f"{one.invariant}: {one.detail}")
        for one in found.divergences
        if not (one.invariant == "I2" and "hidden are" in one.detail)
    ]


async def _settle(run: SeedRun, wait: timedelta) -> None:
    """Stop all faults, let every late row and limit pass, and read everything until nothing is left to do."""
    run.is_calm = True
    run.view.stop()
    run.world.faults.stop()
    await run.move_to(max(run.world.now, run.ends_at) + wait)
    await run.live()
    await _read_after_a_day(run)
    for link in run.links:
        if not link.is_ended and not link.person.is_erased and (link.is_broken or await _needs_user(run, link)):
            await people.renew(run, link)
    for person in run.people:
        for account in _told_by_files(run, person):
            today = account.bank.local_date(run.world.now)
            # The whole account: a row may be dated back to before its opening, and a file's first day may be a part.
            days = [row.booked_on for row in run.world.truth(account.account_id).rows]
            first = min(account.bank.local_date(account.opened_at), *days) - timedelta(days=1)
            await people.import_file(run, person, account, first, today)
    await _read_after_a_day(run)


async def _needs_user(run: SeedRun, link: Link) -> bool:
    """Whether the platform asks the user to sign in again: consents end by themselves, too."""
    found = await run.stage.platform.connect.get_connection(link.person.tenant_id, link.connection_id)
    connection = getattr(found, "value", None)
    return connection is not None and connection.status.value in {"expired", "revoked"}


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
    await _check_repeat(run, living, verdict)
    ledgers: dict[UUID, StoredLedger] = {}
    for person in living:
        ledger = ledgers[person.tenant_id] = await oracle.read_ledger(witness, person.tenant_id)
        check_accounts(run, person, ledger, verdict)
        _check_markers(run, person, ledger, verdict)
        check_identity(run, person, ledger, verdict)
        await _check_feed(run, person, ledger, verdict)
        for text in await oracle.find_open_work(witness, person.tenant_id):
            verdict.divergences.append(Divergence("I11", text))
        await _check_secrets(run, person, verdict)
    for person in run.people:
        if person.is_erased:
            await _check_erased(run, person, verdict)
    await _check_states(run, verdict)
    _check_quota(run, verdict)
    verdict.trace_mark = _mark(run, ledgers)


def _check_markers(run: SeedRun, person: Person, ledger: StoredLedger, verdict: Verdict) -> None:
    """I9: nothing of another tenant is in this one's ledger."""
    others = [_marker(run, other) for other in run.people if other is not person]
    for name, *_ in ledger.accounts.values():
        if any(marker in name for marker in others):
            verdict.divergences.append(Divergence("I9", f"{person.household.key} has an account of somebody else"))
    own = {account.account_id for account in person.household.accounts}
    for account_id, world_id in accounts_of_world(run, person, ledger).items():
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
    """I7: one more reading of an unchanged world writes nothing.

    Where several sources tell of one account, what the last of them has said may still move the others once.
    """
    tenants = [person.tenant_id for person in living]
    written: list[str] = []
    for _ in range(_ROUNDS):
        before = await oracle.read_versions(run.stage.witness, tenants)
        await run.move_to(run.world.now + timedelta(minutes=5))
        await _read_all(run)
        after = await oracle.read_versions(run.stage.witness, tenants)
        written = [table for table in sorted(before) if before[table] != after[table]]
        if not written:
            return
    verdict.divergences.extend(Divergence("I7", f"an unchanged world wrote {table.split('/')[1]}") for table in written)


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
