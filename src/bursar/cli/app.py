"""Which commands are there, and how does one end?"""

import sys
import traceback
from typing import Annotated

import typer

from bursar.cli import connections, converge, demo, files, ledger, operator, privacy, serving
from bursar.cli.session import CommandError, describe_error

app = typer.Typer(
    name="bursar",
    help="Every financial account in one ledger that you own.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
_debug = False


@app.callback()
def configure(
    debug: Annotated[bool, typer.Option("--debug", help="Show where in the code an error comes from.")] = False,
) -> None:
    """Every financial account in one ledger that you own."""
    global _debug  # noqa: PLW0603 - the way of ending is chosen before the command runs, and used after it
    _debug = debug


app.command("import")(files.import_files)
app.command()(connections.connect)
app.command()(connections.sync)
app.command()(connections.pause)
app.command()(connections.resume)
app.command()(privacy.disconnect)
app.command()(ledger.accounts)
app.command()(ledger.transactions)
app.command()(ledger.changes)
app.command("connections")(connections.list_connections)
app.command()(ledger.proof)
app.command()(connections.providers)
app.command()(privacy.owners)
app.command()(privacy.audit)
app.command()(privacy.erase)
app.command()(privacy.erasures)
app.command()(serving.serve)
app.command()(serving.worker)
app.command()(serving.sandbox)
app.command()(demo.demo)
app.command()(converge.converge)
app.command()(operator.doctor)
app.command()(operator.version)
app.add_typer(operator.token_app, name="token")
app.add_typer(operator.keys_app, name="keys")
app.add_typer(privacy.retention_app, name="retention")


def run_app() -> None:
    """Run the command; exit with 0 when all went well, 1 with one message when not, 2 for a misused command."""
    try:
        app()
    except CommandError as error:
        _end(str(error), error)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:  # noqa: BLE001 - the door: no traceback reaches a user
        _end(describe_error(error), error)


def _end(message: str, error: Exception) -> None:
    if _debug:
        traceback.print_exception(error)
    sys.stderr.write(f"{message}\n")
    sys.exit(1)
