"""How are banks connected and read from the terminal?"""

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from bursar.cli.ledger import Json
from bursar.cli.output import emit_json, note, say, short, show_table, when
from bursar.cli.session import CommandError, Session, explain, run, unwrap

if TYPE_CHECKING:
    from uuid import UUID

    from bursar.domain.connections import Connection
    from bursar.domain.health import ConnectionHealth
    from bursar.domain.sync import SyncReport, SyncRun
    from bursar.services.catalogue import ProviderView
    from bursar.services.connect import ConnectionStarted

_EVERYTHING = 10_000


def providers(as_json: Json = False) -> None:
    """List what can be connected or imported here."""

    async def command(session: Session) -> "list[ProviderView]":
        return await session.platform.catalogue.list_providers()

    views = run(command)
    if as_json:
        emit_json(
            {
                "providers": [
                    {
                        "slug": view.metadata.slug,
                        "name": view.metadata.display_name,
                        "category": view.metadata.category,
                        "auth_type": view.metadata.auth_type,
                        "capabilities": sorted(view.metadata.capabilities),
                        "file_formats": view.metadata.file_formats,
                        "is_active": view.is_active,
                        "is_configured": view.is_configured,
                    }
                    for view in views
                ]
            }
        )
        return
    show_table(
        ["Provider", "Name", "Category", "How", "Status"],
        [
            [
                view.metadata.slug,
                view.metadata.display_name,
                view.metadata.category.value,
                f"files ({', '.join(view.metadata.file_formats)})"
                if view.metadata.file_formats
                else view.metadata.auth_type.value,
                "switched off" if not view.is_active else "ready" if view.is_configured else "settings missing",
            ]
            for view in views
        ],
    )


def list_connections(as_json: Json = False) -> None:
    """List the connections and how they are."""

    async def command(session: Session) -> "list[tuple[Connection, ConnectionHealth]]":
        listed, _ = await session.platform.connect.list_connections(session.tenant_id, limit=_EVERYTHING, offset=0)
        return [(connection, session.platform.connect.health_of(connection)) for connection in listed]

    listed = run(command)
    if as_json:
        emit_json({"connections": [connection_members(*each) for each in listed]})
    elif listed:
        show_table(
            ["Id", "Provider", "Institution", "State", "Why", "Read at (UTC)", "Next at (UTC)", "What to do"],
            [
                [
                    short(connection.id),
                    connection.provider_slug,
                    connection.alias or connection.institution_name or "",
                    health.state.value,
                    connection.last_error_message or health.reason,
                    when(connection.last_success_at),
                    when(health.next_attempt_at),
                    _what_to_do(connection, health),
                ]
                for connection, health in listed
            ],
        )
    else:
        say("No connections yet: bursar connect PROVIDER, or bursar import FILE.")


def _what_to_do(connection: "Connection", health: "ConnectionHealth") -> str:
    """Return whose turn it is, in words and commands."""
    renew = f"bursar connect {connection.provider_slug} --renew {short(connection.id)}"
    if health.accounts_available_at is not None:
        renew += " --select-accounts"
    words = {
        "connect": f"bursar connect {connection.provider_slug} --connection {short(connection.id)}",
        "reauthenticate": renew,
        "resume": f"bursar resume {short(connection.id)}",
        "wait": "nothing: it is read again by itself",
        "contact_operator": "see the log; it is tried again",
        "import": "bursar import FILE",
        "select_accounts": f"new accounts: {renew}",
    }
    if health.action is not None and health.action.value not in ("reauthenticate", "select_accounts"):
        return words[health.action.value]
    if health.expires_soon is not None:
        return f"soon: {renew}"
    return words[health.action.value] if health.action is not None else ""


def connection_members(connection: "Connection", health: "ConnectionHealth") -> dict[str, object]:
    """Return a connection for a program, without what only the platform needs."""
    names = (
        "id provider_slug status alias institution_id institution_name connected_at disconnected_at expires_at "
        "refresh_expires_at last_sync_at last_sync_status last_success_at last_error_code last_error_message "
        "paused_at created_at updated_at"
    )
    of_health = "state reason action next_attempt_at data_fresh_until expires_soon accounts_available_at".split()
    return {name: getattr(connection, name) for name in names.split()} | {
        name: getattr(health, name) for name in of_health
    }


def pause(
    connection: Annotated[str, typer.Argument(help="The connection's id, or its ending.")], as_json: Json = False
) -> None:
    """Let a connection rest: nothing reads it until it is resumed."""
    _set_paused(connection, is_paused=True, as_json=as_json)


def resume(
    connection: Annotated[str, typer.Argument(help="The connection's id, or its ending.")], as_json: Json = False
) -> None:
    """End the pause of a connection."""
    _set_paused(connection, is_paused=False, as_json=as_json)


def _set_paused(text: str, *, is_paused: bool, as_json: bool) -> None:
    async def command(session: Session) -> "tuple[Connection, ConnectionHealth]":
        known = await session.get_connection(text)
        service = session.platform.connect
        change = service.pause if is_paused else service.resume
        changed = unwrap(await change(session.tenant_id, known.id))
        return changed, service.health_of(changed)

    changed, health = run(command)
    if as_json:
        emit_json({"connection": connection_members(changed, health)})
    else:
        say(f"{changed.alias or changed.institution_name or changed.provider_slug}: {health.state.value}.")


def connect(
    provider: Annotated[str, typer.Argument(help="Its slug: bursar providers lists them.")],
    public_token: Annotated[
        str | None, typer.Option(help="What the bank's widget gave; asked for without it.", show_default=False)
    ] = None,
    value: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="What else came back, by name.", show_default=False)
    ] = None,
    connection: Annotated[str | None, typer.Option(help="Finish this connection, which was begun before.")] = None,
    renew: Annotated[str | None, typer.Option(help="Renew the consent of this connection.")] = None,
    select_accounts: Annotated[
        bool, typer.Option("--select-accounts", help="With --renew: choose anew which accounts are read.")
    ] = False,
    alias: Annotated[str | None, typer.Option(help="A name of yours.")] = None,
    institution: Annotated[str | None, typer.Option(help="The institution's id at the provider.")] = None,
    sandbox: Annotated[
        str | None, typer.Option(metavar="URL", help="Let the simulator of bursar sandbox play the user.")
    ] = None,
    sandbox_token: Annotated[
        str, typer.Option(envvar="BURSAR_SANDBOX_TOKEN", help="The simulator's control token.", show_default=False)
    ] = "",
    as_json: Json = False,
) -> None:
    """Connect a bank: prints what its widget needs, and asks for what comes back."""
    from bursar.cli import simulator

    if select_accounts and renew is None:
        raise typer.BadParameter("say which connection is renewed: --renew ID", param_hint="--select-accounts")
    settings = simulator.settings_of(provider, sandbox, sandbox_token) if sandbox is not None else None
    given = _given(public_token, value or ())

    async def command(session: Session) -> None:
        if connection is not None:
            begun = await session.get_connection(connection)
            values = given
            # A renewal may need nothing but the word that the user has signed in again.
            if not values and begun.connected_at is None:
                values = {"public_token": _asked(None, "public_token")}
            await _finish(session, begun.id, values, as_json=as_json)
            return
        started = await _begin(
            session, provider, renew=renew, select=select_accounts, alias=alias, institution=institution
        )
        values = given
        if sandbox is not None:
            values = await simulator.play_user(
                sandbox,
                sandbox_token,
                provider,
                link_token=started.start.link_token or "",
                needs=started.start.needs,
                institution=institution,
            )
        elif not given and not sys.stdin.isatty() and (started.start.needs or renew):
            _show_start(provider, started, as_json=as_json)
            return
        elif not given:
            _show_start(provider, started, as_json=False)
            if not started.start.needs:
                typer.prompt("Press Enter when it is done", default="", show_default=False, err=True)
        for name in started.start.needs:
            values[name] = _asked(values.get(name), name)
        if not started.start.needs:
            values = {}
        await _finish(session, started.connection.id, values, as_json=as_json)

    run(command, extra_settings=settings)


def _given(public_token: str | None, named: Iterable[str]) -> dict[str, str]:
    """Return what came back from the user, as far as it was given with the command."""
    values = {"public_token": public_token} if public_token else {}
    for each in named:
        name, equals, text = each.partition("=")
        if not (name and equals and text):
            # What stands there may be a secret: it is not repeated.
            raise typer.BadParameter("say it as NAME=VALUE", param_hint="--value")
        values[name] = text
    return values


def _asked(value: str | None, name: str) -> str:
    return value or str(typer.prompt(name.replace("_", " ").capitalize(), hide_input=True, err=True))


async def _begin(
    session: Session, provider: str, *, renew: str | None, select: bool, alias: str | None, institution: str | None
) -> "ConnectionStarted":
    if renew is not None:
        known = await session.get_connection(renew)
        return unwrap(await session.platform.connect.renew(session.tenant_id, known.id, selects_accounts=select))
    return unwrap(
        await session.platform.connect.begin(
            session.tenant_id, session.user_id, provider_slug=provider, alias=alias, institution_id=institution
        )
    )


def _show_start(provider: str, started: "ConnectionStarted", *, as_json: bool) -> None:
    start = started.start
    if as_json:
        emit_json(
            {
                "connection_id": started.connection.id,
                "link_token": start.link_token,
                "authorization_url": start.authorization_url,
                "expires_at": start.expires_at,
                "needs": start.needs,
            }
        )
        return
    say(f"Connection {started.connection.id} waits for you.")
    if start.link_token is not None:
        say(f"Link token: {start.link_token}")
    if start.authorization_url is not None:
        say(f"Open: {start.authorization_url}")
    if start.expires_at is not None:
        say(f"Valid until {when(start.expires_at)} UTC.")
    words = ["--public-token TOKEN" if name == "public_token" else f"--value {name}=..." for name in start.needs]
    say(" ".join([f"Then: bursar connect {provider} --connection {short(started.connection.id)}", *words]))


async def _finish(session: Session, connection_id: "UUID", values: dict[str, str], *, as_json: bool) -> None:
    service = session.platform.connect
    connected = unwrap(await service.complete(session.tenant_id, connection_id, values, user_id=session.user_id))
    if as_json:
        health = session.platform.connect.health_of(connected)
        emit_json({"connection": connection_members(connected, health)})
        return
    say(f"Connected: {connected.institution_name or connected.provider_slug} ({short(connected.id)}).")
    say("A running worker reads it now; without one: bursar sync")


def sync(
    connection: Annotated[str | None, typer.Argument(help="The connection's id, or its ending.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All connections (so it is without an id).")] = False,
    as_json: Json = False,
) -> None:
    """Read connections now, in this process."""
    if every and connection is not None:
        raise typer.BadParameter("name a connection or say --all, not both", param_hint="--all")

    async def command(session: Session) -> "tuple[list[tuple[Connection, SyncRun]], list[str]]":
        chosen = [await session.get_connection(connection)] if connection is not None else await _readable(session)
        if not chosen:
            raise CommandError("There is no connection to read: bursar connect PROVIDER makes one.")
        done: list[tuple[Connection, SyncRun]] = []
        failed: list[str] = []
        for each in chosen:
            name = each.alias or each.institution_name or each.provider_slug
            run_or_text = await _sync_one(session, each, name)
            if isinstance(run_or_text, str):
                failed.append(f"{name}: {run_or_text}")
            else:
                done.append((each, run_or_text))
        return done, failed

    done, failed = run(command)
    if as_json:
        emit_json({"runs": [finished for _, finished in done], "failed": failed})
    else:
        for each, finished in done:
            rows = finished.counts.get("transactions", {})
            counts = ", ".join(f"{count} {word}" for word, count in rows.items() if count) or "nothing new"
            name = each.alias or each.institution_name or each.provider_slug
            say(f"{name}: {finished.status}, transactions: {counts}.")
    for _, finished in done:
        for warning in finished.warnings:
            note(f"note: {warning.get('message')}")
    if failed:
        raise CommandError("\n".join(failed))


async def _readable(session: Session) -> "list[Connection]":
    """Return the connections that an API stands behind and that are neither left nor paused."""
    listed, _ = await session.platform.connect.list_connections(
        session.tenant_id, limit=_EVERYTHING, offset=0, statuses=("active", "expired", "revoked")
    )
    providers = session.platform.registry.providers
    return [each for each in listed if each.provider_slug in providers and each.paused_at is None]


async def _sync_one(session: Session, connection: "Connection", name: str) -> "SyncRun | str":
    from rich.console import Console

    from bursar.domain.result import Success

    with Console(stderr=True).status(f"Reading {name} ...") as status:

        async def show(total: "SyncReport") -> None:
            rows = total.transactions
            status.update(f"Reading {name}: {rows.created} new, {rows.updated} changed ...")

        outcome = await session.platform.sync.sync_now(session.tenant_id, connection.id, on_progress=show)
    return outcome.value if isinstance(outcome, Success) else explain(outcome.error)
