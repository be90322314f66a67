"""How does a statement file get into the ledger from the terminal?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bursar.cli.ledger import Json
from bursar.cli.output import emit_json, note, say
from bursar.cli.session import CommandError, Session, explain, run

if TYPE_CHECKING:
    from bursar.services.imports import ImportResult


def import_files(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Statement files: QFX, OFX.")],
    account: Annotated[str | None, typer.Option(help="The account they belong to, where they do not say it.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be imported; store nothing.")] = False,
    currency: Annotated[str | None, typer.Option(help="The currency, where a file does not say it: USD.")] = None,
    allow_truncated: Annotated[
        bool, typer.Option("--allow-truncated", help="Take the rows of a file that breaks off.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Import statement files; the same file again adds nothing."""
    from bursar.domain.money import is_currency

    if currency is not None and not is_currency(currency.upper()):
        raise typer.BadParameter("not an ISO 4217 code such as USD", param_hint="--currency")

    async def command(session: Session) -> "tuple[list[tuple[Path, ImportResult]], list[str]]":
        from bursar.domain.result import Success
        from bursar.services.imports import ImportRequest

        chosen = await session.get_account(account) if account is not None else None
        done: list[tuple[Path, ImportResult]] = []
        refused: list[str] = []
        for path in files:
            try:
                stream = path.open("rb")
            except OSError as error:
                refused.append(f"{path}: {error.strerror or 'cannot be opened'}.")
                continue
            with stream:
                outcome = await session.platform.imports.import_file(
                    session.tenant_id,
                    session.user_id,
                    ImportRequest(
                        stream=stream,
                        file_name=path.name,
                        account_id=chosen.id if chosen is not None else None,
                        default_currency=currency.upper() if currency is not None else None,
                        allow_truncated=allow_truncated,
                        dry_run=dry_run,
                    ),
                )
            if isinstance(outcome, Success):
                done.append((path, outcome.value))
            else:
                refused.append(f"{path}: {explain(outcome.error)}")
        return done, refused

    done, refused = run(command)
    if as_json:
        emit_json({"imports": [{"file": str(path), "result": result} for path, result in done], "refused": refused})
    else:
        for path, result in done:
            _show(path, result)
    if refused:
        raise CommandError("\n".join(refused))


def _show(path: Path, result: "ImportResult") -> None:
    say(f"{path.name}: {result.message}")
    for record in result.rejected:
        place = f" (line {record.line})" if record.line is not None else ""
        note(f"  not readable: {record.kind} {record.index}, {record.field}: {record.reason}{place}")
    for warning in result.warnings:
        note(f"  note: {warning.message}" + (f" ({warning.count} times)" if warning.count > 1 else ""))
