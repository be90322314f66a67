"""Is this installation well, and how are its tokens and keys looked after?"""

import os
from pathlib import Path
from typing import Annotated

import typer

from bursar.cli.ledger import Json
from bursar.cli.output import emit_json, say, show_table
from bursar.cli.session import CommandError, Session, describe_error, open_session, run

token_app = typer.Typer(help="API tokens.", no_args_is_help=True)
keys_app = typer.Typer(help="The keys that seal credentials.", no_args_is_help=True)


def version() -> None:
    """Print the version."""
    from bursar import __version__

    say(__version__)


def doctor(as_json: Json = False) -> None:
    """Check the database, the keys, the providers and the file formats."""
    import asyncio

    checks = asyncio.run(_examine())
    broken = [name for name, verdict, _ in checks if verdict == "broken"]
    if as_json:
        members = [{"name": name, "verdict": verdict, "detail": detail} for name, verdict, detail in checks]
        emit_json({"checks": members})
    else:
        show_table(["Check", "Verdict", "Detail"], checks)
    if broken:
        raise CommandError(f"Something is wrong: {', '.join(broken)}.")


Check = tuple[str, str, str]
"""Name; `ok`, `missing` (may well be meant so) or `broken`; what was found or what to do."""


async def _examine() -> list[Check]:
    try:
        async with open_session() as session:
            return await _examine_platform(session)
    except Exception as error:  # noqa: BLE001 - the doctor's finding is what stopped the start
        return [(_culprit(error), "broken", describe_error(error))]


def _culprit(error: Exception) -> str:
    from bursar.bootstrap import is_database_lost
    from bursar.registry import RegistryError
    from bursar.security.failures import MasterKeysError

    if isinstance(error, MasterKeysError):
        return "keys"
    if isinstance(error, RegistryError):
        return "providers"
    return "database" if is_database_lost(error) or isinstance(error, RuntimeError) else "start"


async def _examine_platform(session: Session) -> list[Check]:
    # An open platform has brought the schema to this revision, or has refused to open.
    from bursar.bootstrap import newest_revision

    platform = session.platform
    settings = platform.settings
    where = "yours (BURSAR_DATABASE_URL)" if settings.database_url else f"embedded, under {settings.home}"
    await platform.database.ping()
    checks: list[Check] = [
        ("database", "ok", f"answers; {where}; schema {newest_revision()}"),
        await _examine_keys(session),
    ]
    missing = platform.catalogue.missing_settings()
    for slug, spec in platform.registry.providers.items():
        names = ", ".join(name.upper() for name in missing.get(slug, ()))
        checks.append(
            (f"provider {slug}", "missing", f"{spec.display_name}: not set: {names}")
            if names
            else (f"provider {slug}", "ok", f"{spec.display_name}: configured")
        )
    for slug, importer in platform.registry.importers.items():
        checks.append((f"importer {slug}", "ok", f"{importer.display_name}: {', '.join(importer.extensions)}"))
    return checks


async def _examine_keys(session: Session) -> Check:
    from bursar.security.failures import VaultError

    where = "BURSAR_MASTER_KEYS" if session.platform.settings.master_keys else str(session.platform.settings.key_file)
    try:
        async with session.platform.database.transaction(session.tenant_id) as tx:
            await session.platform.keys.prove(tx, session.tenant_id)
    except VaultError as error:
        return ("keys", "broken", f"{where} does not open what is stored: {error}")
    return ("keys", "ok", f"{where} opens the keys of this ledger")


@token_app.command("create")
def create_token(
    name: Annotated[str, typer.Option(help="To know it by, and to revoke it by.")] = "terminal",
    as_json: Json = False,
) -> None:
    """Create an API token; it is shown once."""

    async def command(session: Session) -> str:
        return await session.platform.access.create_token(session.tenant_id, session.user_id, name=name)

    token = run(command)
    if as_json:
        emit_json({"name": name, "token": token})
    else:
        say(token)


@token_app.command("revoke")
def revoke_token(name: Annotated[str, typer.Argument(help="The name it was created with.")]) -> None:
    """Revoke the API tokens of a name."""

    async def command(session: Session) -> int:
        return await session.platform.access.revoke_tokens(session.tenant_id, name=name)

    count = run(command)
    if not count:
        raise CommandError(f"There is no living token called {name!r}.")
    say(f"Revoked {count}.")


@keys_app.command("rotate")
def rotate_keys() -> None:
    """Make a new master key and put every tenant's keys under it; the old one stays behind it in the file."""
    from bursar.bootstrap import read_settings
    from bursar.security.keys import MasterKeys

    settings = read_settings()
    if settings.master_keys is not None:
        # The secret store is the operator's: put the entry there, and only the keys are re-wrapped here.
        say("BURSAR_MASTER_KEYS holds the keys: put a new entry in front there; this command then re-wraps.")
    else:
        MasterKeys.from_file(settings.key_file, may_create=True)
        _put_in_front(settings.key_file)

    async def command(session: Session) -> int:
        return await session.platform.keys.rewrap_every_tenant(session.platform.database)

    count = run(command)
    say(f"Re-wrapped {count} {'key' if count == 1 else 'keys'}. Restart bursar serve and bursar worker.")
    if settings.master_keys is None:
        say(f"Back up {settings.key_file}: copies from before today do not open this ledger any more.")


def _put_in_front(path: Path) -> None:
    """Write a fresh key before the others, so that the file is whole at every moment."""
    from bursar.security.keys import new_master_key_entry

    lines = path.read_text(encoding="ascii").splitlines()
    first = next(
        (at for at, line in enumerate(lines) if line.strip() and not line.lstrip().startswith("#")), len(lines)
    )
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write("\n".join([*lines[:first], new_master_key_entry(), *lines[first:]]) + "\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
