"""What do the people of a seed do with the platform: connect, read, renew, move, import, leave?"""

import io
from collections.abc import Mapping
from datetime import date, timedelta
from random import Random
from uuid import UUID

from bursar.converge import wire
from bursar.converge.announcing import announce, can_announce
from bursar.converge.catalogue import FAULTS, Layer
from bursar.converge.seed import Action, FileTold, Link, Person, SeedRun, outcome_of
from bursar.converge.stage import Channel
from bursar.converge.trouble import WorkerKilledError, draw_armed
from bursar.domain.result import Success
from bursar.domain.sync import SyncTrigger
from bursar.sandbox.faces import RefusedActionError
from bursar.sandbox.people import Account, AccountKind, Login
from bursar.services.imports import ImportRequest

_TRIES = 40
"""How often somebody tries to connect before giving up."""

_IN_THE_WAY = frozenset(code for code, fault in FAULTS.items() if fault.layer is Layer.WIRE)
"""Where several of these come together, nobody may ever get through."""


def schedule(run: SeedRun) -> None:
    """Put what everybody does on the seed's agenda."""
    run.on_broken = lambda link: lambda: renew(run, link)
    logins_left = run.plan.limits.logins
    for person in run.people:
        for login in person.household.logins:
            if logins_left:
                logins_left -= 1
                _schedule_login(run, person, login)


def _schedule_login(run: SeedRun, person: Person, login: Login) -> None:
    plan = run.plan
    rng = plan.rng("login", person.household.key, login.bank.key)
    channels = [channel for slug, channel in sorted(run.stage.channels.items()) if _takes_part(run, slug)]
    has_files = plan.has("B12") and _takes_files(run) and rng.random() < 0.6
    if channels and not (has_files and rng.random() < 0.15):
        channel = rng.choice(channels)
        begins = timedelta(days=rng.random() * 3)
        _schedule_channel(run, person, login, channel, begins, rng)
        if plan.has("B11") and rng.random() < 0.5:
            other = rng.choice(channels)
            moves = timedelta(days=plan.days * (0.3 + 0.4 * rng.random()))
            _schedule_channel(run, person, login, other, moves, rng, leaves=channel)
            run.happened.struck["B11", other.slug, ""] += 1
        if plan.has("B9") and rng.random() < 0.5:
            _schedule_channel(run, person, login, channel, begins + timedelta(days=2), rng, user=1)
            run.happened.struck["B9", channel.slug, ""] += 1
    if has_files or not channels:
        for account in login.accounts:
            for _ in range(rng.choice((1, 1, 2))):
                at = run.begins_at + timedelta(days=rng.random() * plan.days)
                run.at(at, "import", _importing(run, person, account, rng.random()))


def _takes_part(run: SeedRun, slug: str) -> bool:
    chosen = run.plan.limits.channels
    return not chosen or slug in chosen


def _takes_files(run: SeedRun) -> bool:
    return any(_takes_part(run, slug) for slug in run.stage.formats.values())


def _schedule_channel(
    run: SeedRun,
    person: Person,
    login: Login,
    channel: Channel,
    begins: timedelta,
    rng: Random,
    *,
    user: int = 0,
    leaves: Channel | None = None,
) -> None:
    plan = run.plan
    start = run.begins_at + begins
    run.at(start, f"connect {channel.slug}", lambda: connect(run, person, login, channel, user))
    if plan.has("E5"):
        run.at(start + timedelta(seconds=1), "webhook", _reading(run, person, login, channel, SyncTrigger.WEBHOOK))
        run.happened.struck["E5", channel.slug, ""] += 1
    span = timedelta(days=plan.days) - begins
    for _ in range(rng.choice((1, 2, 2, 3))):
        at = start + span * rng.random()
        if plan.has("E2") and rng.random() < 0.4:
            run.happened.struck["E2", channel.slug, ""] += 1
            if rng.random() < 0.5:
                continue
            at += timedelta(days=rng.random() * 5)
        trigger = rng.choice((SyncTrigger.MANUAL, SyncTrigger.SCHEDULED, SyncTrigger.WEBHOOK))
        run.at(at, f"{trigger} {channel.slug}", _reading(run, person, login, channel, trigger))
        if plan.has("E1"):
            run.happened.struck["E1", channel.slug, ""] += 1
            run.at(at, f"{trigger} again", _reading(run, person, login, channel, trigger))
        if plan.has("E6") and rng.random() < 0.5:
            run.at(at, "manual", _reading(run, person, login, channel, SyncTrigger.MANUAL))
            if login.accounts and _takes_files(run):
                run.at(at, "import", _importing(run, person, rng.choice(login.accounts), rng.random()))
    if plan.has("B1") or plan.has("B2"):
        at = start + span * (0.3 + 0.5 * rng.random())
        run.at(at, f"renew {channel.slug}", lambda: _renew_all(run, person, login, channel))
    if leaves is not None and rng.random() < 0.6:
        at = start + span * (0.2 + 0.7 * rng.random())
        run.at(at, f"disconnect {leaves.slug}", lambda: _disconnect(run, person, login, leaves, channel))


def _reading(run: SeedRun, person: Person, login: Login, channel: Channel, trigger: SyncTrigger) -> Action:
    async def read() -> None:
        for link in links_of(run, person, login, channel):
            if trigger is SyncTrigger.WEBHOOK and run.plan.has("E3") and can_announce(run, link):
                await announce(run, link)
                continue
            asked = await run.stage.platform.sync.request_sync(person.tenant_id, link.connection_id, trigger=trigger)
            run.note(f"  asked: {outcome_of(asked)}")

    return read


def links_of(run: SeedRun, person: Person, login: Login, channel: Channel) -> list[Link]:
    """Return the living links of a login through a channel."""
    return [
        link
        for link in run.links
        if link.person is person
        and link.login is login
        and link.channel is channel
        and not link.is_ended
        and not person.is_erased
    ]


async def connect(run: SeedRun, person: Person, login: Login, channel: Channel, user: int = 0) -> None:
    """Connect, trying again when something is in the way, as people do."""
    for number in range(_TRIES):
        if person.is_erased:
            return
        if await _try_to_connect(run, person, login, channel, user, number):
            return
        await run.move_to(run.world.now + timedelta(minutes=7))
    run.note("gave up connecting")
    # Where the bank shows no account for days, a provider that knows a login by its accounts has none to give.
    if run.world.shown_accounts(login) and not run.plan.faults & _IN_THE_WAY:
        run.happened.errors.append(f"{channel.slug}: could not be connected in {_TRIES} tries")


async def _try_to_connect(run: SeedRun, person: Person, login: Login, channel: Channel, user: int, number: int) -> bool:
    platform = run.stage.platform
    rng = run.plan.rng("connect", person.household.key, login.bank.key, channel.slug, user, number)
    armed = None if run.is_calm or number > 2 else draw_armed(rng, run.plan.faults, channel.slug, "connect")
    wire.CALLER.set(f"connect {person.household.key} {login.bank.key} {user}")
    run.trouble.arm(armed)
    own: UUID | None = None
    try:
        begun = await platform.connect.begin(
            person.tenant_id,
            person.user_ids[user],
            provider_slug=channel.slug,
            redirect_uri="https://converge.test/back",
        )
        if not isinstance(begun, Success):
            return False
        own, start = begun.value.connection.id, begun.value.start
        given = {"link_token": start.link_token, "authorization_url": start.authorization_url}
        answers = run.faces[channel.slug].act(
            channel.traits.consent,
            {**{name: value for name, value in given.items() if value}, **channel.traits.login(login)},
        )
        done = await platform.connect.complete(person.tenant_id, own, {name: answers[name] for name in start.needs})
    except RefusedActionError as refused:
        run.note(f"  refused: {refused}")
        return False
    except WorkerKilledError:
        run.note("  killed while connecting")
        return _adopt(run, person, login, channel, await _living_connections(run, person, channel, own))
    except Exception as error:  # noqa: BLE001 - only what was armed may fail here; anything else is a fault of ours
        if armed is None:
            run.happened.errors.append(f"connect {channel.slug}: {type(error).__name__}: {error}")
            return True
        return _adopt(run, person, login, channel, await _living_connections(run, person, channel, own))
    finally:
        run.trouble.arm(None)
    if not isinstance(done, Success):
        run.note(f"  not connected: {outcome_of(done)}")
        return False
    return _adopt(run, person, login, channel, {done.value.id: done.value.external_login_id})


async def _living_connections(
    run: SeedRun, person: Person, channel: Channel, own: UUID | None
) -> dict[UUID, str | None]:
    """Return the connections that are known of, and the one just begun, where it came to be: others may connect too."""
    listed, _ = await run.stage.platform.connect.list_connections(
        person.tenant_id, limit=100, offset=0, statuses=("active",)
    )
    return {
        one.id: one.external_login_id
        for one in listed
        if one.provider_slug == channel.slug and (one.id == own or run.find_link(one.id) is not None)
    }


def _adopt(
    run: SeedRun, person: Person, login: Login, channel: Channel, connections: Mapping[UUID, str | None]
) -> bool:
    """Note connections that nobody knew of yet, and the new logins of known ones; True when there is one."""
    found = False
    for connection_id, external_id in connections.items():
        known = run.find_link(connection_id)
        if known is None:
            run.links.append(
                Link(
                    person=person,
                    login=login,
                    channel=channel,
                    connection_id=connection_id,
                    external_id=external_id,
                )
            )
            found = True
        elif known.login is login:
            known.external_id = external_id
            known.is_broken = False
            found = True
    return found


async def _renew_all(run: SeedRun, person: Person, login: Login, channel: Channel) -> None:
    for link in links_of(run, person, login, channel):
        await renew(run, link)


async def renew(run: SeedRun, link: Link) -> None:
    """Give consent once more to the same connection."""
    platform = run.stage.platform
    wire.CALLER.set(f"renew {link.connection_id}")
    for _ in range(_TRIES):
        if link.is_ended or link.person.is_erased:
            return
        begun = await platform.connect.renew(
            link.person.tenant_id, link.connection_id, redirect_uri="https://converge.test/back"
        )
        if isinstance(begun, Success):
            start = begun.value.start
            given = {"link_token": start.link_token, "authorization_url": start.authorization_url}
            try:
                answers = run.faces[link.channel.slug].act(
                    link.channel.traits.consent,
                    {
                        **{name: value for name, value in given.items() if value},
                        **link.channel.traits.login(link.login),
                    },
                )
            except RefusedActionError as refused:
                run.note(f"  refused: {refused}")
                await run.move_to(run.world.now + timedelta(minutes=11))
                continue
            done = await platform.connect.complete(
                link.person.tenant_id, link.connection_id, {name: answers[name] for name in start.needs}
            )
            if isinstance(done, Success):
                link.external_id = done.value.external_login_id
                link.is_broken = False
                return
        await run.move_to(run.world.now + timedelta(minutes=11))
    if not run.plan.faults & _IN_THE_WAY:
        run.happened.errors.append(f"{link.channel.slug}: could not be renewed in {_TRIES} tries")


async def _disconnect(run: SeedRun, person: Person, login: Login, channel: Channel, successor: Channel) -> None:
    """Leave the first provider of a login that another one reads by now."""
    if not any(link.external_id for link in links_of(run, person, login, successor)):
        return
    for link in links_of(run, person, login, channel)[:1]:
        if channel is successor and len(links_of(run, person, login, channel)) < 2:
            return
        link.is_ended = True
        left = await run.stage.platform.connect.disconnect(person.tenant_id, link.connection_id)
        run.note(f"  left: {outcome_of(left)}")


def _importing(run: SeedRun, person: Person, account: Account, share: float) -> Action:
    async def bring_in() -> None:
        today = account.bank.local_date(run.world.now)
        first = account.bank.local_date(account.opened_at)
        start = first + timedelta(days=int((today - first).days * share * 0.5))
        await import_file(run, person, account, start, today)

    return bring_in


async def import_file(run: SeedRun, person: Person, account: Account, start: date, end: date) -> None:
    """Import a statement of an account, as its bank would make it now; again when something is in the way."""
    if person.is_erased or account.kind not in _STATED:
        return
    rng = run.plan.rng("file", account.account_id, start, end)
    formats = [name for name, slug in sorted(run.stage.formats.items()) if _takes_part(run, slug)]
    if not formats:
        return
    name = rng.choice(formats)
    content = run.stage.statements[name](run.world, account.account_id, start, end)
    made_at = run.world.now
    run.happened.struck["B12", run.stage.formats[name], ""] += 1
    into = await _account_in_ledger(run, person, account)
    for number in range(_TRIES):
        armed = None
        if not run.is_calm and number < 3:
            armed = draw_armed(
                run.plan.rng("import", account.account_id, start, end, number),
                run.plan.faults,
                run.stage.formats[name],
                "import",
            )
        run.trouble.arm(armed)
        try:
            request = ImportRequest(stream=io.BytesIO(content), file_name=f"statement.{name}", account_id=into)
            done = await run.stage.platform.imports.import_file(person.tenant_id, person.user_ids[0], request)
        except WorkerKilledError:
            continue
        except Exception as error:  # noqa: BLE001 - only what was armed may fail here
            if armed is None:
                run.happened.errors.append(f"import of {name}: {type(error).__name__}: {error}")
                return
            continue
        finally:
            run.trouble.arm(None)
        if isinstance(done, Success):
            run.files.append(FileTold(account.account_id, made_at, start))
            run.note(f"  imported: {done.value.message}")
        else:
            run.happened.errors.append(f"import of {name} refused: {outcome_of(done)}")
        return
    run.happened.errors.append(f"import of {name}: not in {_TRIES} tries")


_STATED = (AccountKind.CHECKING, AccountKind.SAVINGS, AccountKind.CREDIT_CARD)


async def _account_in_ledger(run: SeedRun, person: Person, account: Account) -> UUID | None:
    """Return the ledger's account that a person would choose for a file: one that an API reads by now."""
    await run.stage.witness.execute("SELECT set_config('app.tenant_id', %s, false)", [str(person.tenant_id)])
    found = await run.stage.witness.execute(
        "SELECT s.account_id, s.provider_slug, s.provider_account_id FROM account_sources s "
        "WHERE s.tenant_id = %s AND s.valid_until IS NULL ORDER BY s.valid_from, s.id",
        [person.tenant_id],
    )
    for account_id, slug, provider_account_id in await found.fetchall():
        face = run.faces.get(slug)
        trace = getattr(face, "trace_account", None)
        if trace is not None and trace(provider_account_id) == account.account_id:
            return account_id
    return None
