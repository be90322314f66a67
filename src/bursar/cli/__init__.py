"""The terminal door: commands for people and programs, each of which opens the platform, asks it, and shows the answer.

May import every room but storage; nobody imports it. Nothing heavy is imported before a command runs.
"""

import sys
from importlib.util import find_spec


def main() -> None:
    """Run the command that was typed; the entry point of `bursar`."""
    if find_spec("typer") is None:
        sys.stderr.write('The terminal needs the platform\'s packages: pip install "bursar[server]"\n')
        sys.exit(1)
    from bursar.cli.app import run_app

    run_app()
