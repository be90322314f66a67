"""Is each account of the ledger what it is at its bank: rows, balance, positions, proof, identity?"""

from collections import Counter, defaultdict
from datetime import date
from decimal import Decimal
from uuid import UUID

from bursar.converge import oracle
from bursar.converge.catalogue import Exemption
from bursar.converge.findings import Verdict
from bursar.converge.oracle import Divergence, StoredLedger
from bursar.converge.seed import Person, SeedRun
from bursar.domain.evidence import IdTrust
from bursar.sandbox.ledger import EventKind, RowState
from bursar.sandbox.people import CURRENCY_DECIMALS, AccountKind
from bursar.sandbox.view import IdPolicy


def check_accounts(run: SeedRun, person: Person, ledger: StoredLedger, verdict: Verdict) -> None:
    """I1 and I2: every account equals the truth, row for row, position for position; and its proof says so."""
    of_world = accounts_of_world(run, person, ledger)
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
        exempted = bool(extra and not missing) and _exempt(run, world_id, account_id, ledger, tellers, extra, verdict)
        if (extra or missing) and not exempted:
            detail = f"{world_id} through {_names(sources)}: {oracle.describe(extra, missing)}"
            verdict.divergences.append(Divergence("I1", detail))
        _check_proof(run, world_id, gaps[account_id], verdict, through=_names(sources), excused=exempted)
        _check_positions(run, world_id, ledger, account_id, verdict, by_files_only=by_files_only)
        _check_balance(run, world_id, ledger, account_id, verdict, by_files_only=by_files_only)
    _check_one_account(run, person, ledger, of_world, verdict)


def accounts_of_world(run: SeedRun, person: Person, ledger: StoredLedger) -> dict[UUID, str]:
    """Return which account of the world each account of the ledger is."""
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
    account_id: UUID,
    ledger: StoredLedger,
    tellers: frozenset[UUID],
    extra: "Counter[oracle.RowKey]",
    verdict: Verdict,
) -> bool:
    """Whether every surplus row was true once, and only files or sources that tell no longer still hold it.

    The bank changed or withdrew it afterwards, and nobody who could say so ever told of it.
    """
    log = run.world.get_log(world_id).events_after(0)
    silent = {source.id: source for source in ledger.sources if source.id not in tellers}
    holders: dict[UUID, set[UUID]] = defaultdict(set)
    for word in ledger.words:
        if word.is_living:
            holders[word.transaction_id].add(word.source_id)
    # So often has the bank had such a row at all: a row that stands twice was never true, whoever tells of it.
    versions = {(event.row.world_id, key): 1 for event in log for key in oracle.true_keys([event.row])}
    once = Counter(key for _, key in versions)
    held: Counter[oracle.RowKey] = Counter()
    by_files: Counter[oracle.RowKey] = Counter()
    for row in ledger.rows:
        if not row.is_removed and holders[row.id] and holders[row.id] <= silent.keys():
            for key in oracle.stored_keys([row]):
                held[key] += 1
                by_files[key] += any(silent[holder].provider_slug not in run.faces for holder in holders[row.id])
    told = oracle.stored_keys(ledger.rows_of(account_id))
    if any(told[key] > once[key] or count > held[key] for key, count in extra.items()):
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
    total = sum((amount for amount, _, _ in gaps), Decimal(0))
    unlisted = run.world.truth(world_id).unlisted
    hidden = [row.amount for row in unlisted]
    any_since = any(row.occurred_at >= run.begins_at for row in unlisted)
    if hidden:
        # One that is booked before the first balance, or after the last one, makes no gap.
        if total not in _sums(hidden, len(hidden)) or (any_since and not gaps):
            verdict.exemptions[Exemption.HIDDEN_EXPLAINED] += 1
        return
    if not gaps:
        return
    first, last = min(start for _, start, _ in gaps), max(end for _, _, end in gaps)
    unseen = [(on, moved) for on, moved in _changes(run, world_id) if on >= first]
    # Where the bank has changed something between these balances, the alarm is true; rows whose time is not known
    # may have taken a part of its amount.
    is_true = any(on <= last for on, _ in unseen) or total in _sums([moved for _, moved in unseen], _UNSEEN_AT_ONCE)
    if is_true:
        verdict.exemptions[Exemption.CHANGED_UNSEEN] += 1
    elif "E4" in run.plan.faults:
        verdict.exemptions[Exemption.CLOCKS_DIFFER] += 1
    elif "A16" in run.plan.faults:
        verdict.exemptions[Exemption.BALANCE_UNDATED] += 1
    else:
        text = ", ".join(f"{amount} {start}..{end}" for amount, start, end in gaps)
        verdict.divergences.append(Divergence("I2", f"{world_id} through {through}: false alarm: {text}"))


_UNSEEN_AT_ONCE = 2
"""Up to how many rows that came and went unseen may make up one alarm; more would explain nearly any amount."""


def _changes(run: SeedRun, world_id: str) -> list[tuple[date, Decimal]]:
    """Return when, and by how much, the balance moved because the bank took back, restored or changed a settled row."""
    counted: dict[str, Decimal] = {}
    moves: list[tuple[date, Decimal]] = []
    for event in run.world.get_log(world_id).events_after(0):
        row = event.row
        is_gone = event.kind in (EventKind.REMOVED, EventKind.CANCELLED)
        counts = Decimal(0) if is_gone or row.state is not RowState.SETTLED else row.amount
        before = counted.get(row.world_id)
        if before is not None and counts != before:
            moves.append((event.at.date(), counts - before))
        if before is not None or counts:
            counted[row.world_id] = counts
    return moves


def _sums(amounts: list[Decimal], most: int) -> set[Decimal]:
    """Return what up to a number of the amounts add up to."""
    sums: list[set[Decimal]] = [{Decimal(0)}]
    for amount in amounts:
        grown = [*sums, set[Decimal]()][: most + 1]
        for count in range(len(grown) - 1, 0, -1):
            grown[count] = grown[count] | {total + amount for total in sums[count - 1]}
        sums = grown
    return set[Decimal]().union(*sums)


def _check_positions(
    run: SeedRun, world_id: str, ledger: StoredLedger, account_id: UUID, verdict: Verdict, *, by_files_only: bool
) -> None:
    if by_files_only or not _is_brokerage(run, world_id):
        return
    true = Counter((one.symbol, one.quantity.normalize()) for one in run.world.positions(world_id) if one.quantity)
    # Some providers list cash among the positions; the world counts it in the balance.
    held = ledger.positions.get(account_id, Counter[tuple[str, Decimal]]())
    stored = Counter({(name, quantity): count for (name, quantity), count in held.items() if not _is_cash(name)})
    if true != stored:
        verdict.divergences.append(
            Divergence("I1", f"{world_id}: positions are {dict(stored)}, should be {dict(true)}")
        )


def _is_cash(symbol: str) -> bool:
    """Whether a position is money: such as `CUR:USD` at one provider, `USD` at another."""
    return ":" in symbol or symbol in CURRENCY_DECIMALS


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
            for account in filter(link.channel.traits.shows, run.world.shown_accounts(link.login)):
                if (link.connection_id, account.account_id) not in found:
                    verdict.divergences.append(
                        Divergence("I1", f"{account.account_id} is not read through {link.channel.slug}")
                    )
    by_world: dict[str, list[UUID]] = defaultdict(list)
    for account_id, world_id in of_world.items():
        by_world[world_id].append(account_id)
    unnumbered = {source.account_id for source in ledger.sources if not _shows_number(run, source)}
    for world_id, account_ids in by_world.items():
        numbered = [one for one in account_ids if one not in unnumbered]
        if len(numbered) > 1:
            verdict.divergences.append(
                Divergence("I1", f"{person.household.key}: {world_id} is {len(numbered)} accounts of one number")
            )
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


def check_identity(run: SeedRun, person: Person, ledger: StoredLedger, verdict: Verdict) -> None:
    """I3: an event of the bank is one row of ours from pending to settled, under one id."""
    if run.plan.faults & _NEW_IDENTITY:
        return
    sources = {source.id: source for source in ledger.sources}
    # Where an id counts only together with the content, a row whose day or amount changes is another row.
    edits = run.plan.faults & _EDITS
    providers = run.stage.platform.registry.providers
    lasting = {slug for slug, spec in providers.items() if spec.id_trust is IdTrust.STABLE or not edits}
    rows: dict[tuple[UUID, str], set[UUID]] = defaultdict(set)
    for word in ledger.words:
        source = sources[word.source_id]
        if source.provider_slug not in lasting:
            continue
        policy = run.plan.id_policies.get(source.provider_slug, IdPolicy.STABLE)
        trace = getattr(run.faces.get(source.provider_slug), "trace_transaction", None)
        if trace is None or word.provider_transaction_id is None or policy not in _TRACEABLE:
            continue
        channel = run.stage.channels.get(source.provider_slug)
        if channel is not None and not channel.traits.links_pending and policy is not IdPolicy.SAME_WHEN_POSTED:
            continue  # A2 at every row: an event is recognised by its content, where that is still the same
        world_id = trace(source.provider_account_id, word.provider_transaction_id)
        if world_id is not None:
            rows[source.account_id, world_id].add(word.transaction_id)
    doubled = [world_id for (_, world_id), ids in rows.items() if len(ids) > 1]
    if doubled:
        verdict.divergences.append(
            Divergence("I3", f"{person.household.key}: {len(doubled)} events have several rows: {sorted(doubled)[:3]}")
        )


_EDITS = frozenset({"A3", "A4", "A5", "A10"})
_TRACEABLE = frozenset({IdPolicy.STABLE, IdPolicy.SAME_WHEN_POSTED, IdPolicy.PER_ACCOUNT})


def _shows_number(run: SeedRun, source: oracle.Source) -> bool:
    """Whether a source tells the full number, as files do and some providers."""
    channel = run.stage.channels.get(source.provider_slug)
    return channel is None or channel.traits.shows_number
