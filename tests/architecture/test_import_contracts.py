"""Does each import contract in pyproject.toml turn red when its wall is broken, and let the lawful way through?

The real contracts are run against a miniature house that is written for each test, one import at a time.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

MODULES = """
    domain/money domain/time ports/provider transport/client sandbox/world registry bootstrap settings
    storage/queue storage/accounts services/sync security/vault observability/logging banking/easy
    server/app worker/app cli/main testing/suite
    providers/plains/sdk/client providers/plains/mapping providers/plains/adapter providers/plains/sandbox
    providers/plains/rejects
    providers/hills/sdk/client providers/hills/mapping providers/hills/adapter providers/hills/sandbox/app
    providers/banking/hills_client models/accounts banking/webhooks
    importers/sgml/reader importers/sgml/mapping importers/sgml/sandbox importers/table/reader
""".split()

BROKEN_WALLS = [
    ("rooms", "domain/money", "bursar.storage.accounts"),
    ("rooms", "domain/money", "bursar.ports.provider"),
    ("rooms", "services/sync", "bursar.bootstrap"),
    ("rooms", "models/accounts", "bursar.registry"),
    ("rooms", "banking/easy", "bursar.services.sync"),
    ("rooms", "server/app", "bursar.worker.app"),
    ("rooms", "storage/queue", "bursar.security.vault"),
    ("rooms", "cli/main", "bursar.testing.suite"),
    ("no-cycles", "domain/time", "bursar.domain.money"),
    ("provider-inside", "providers/plains/sdk/client", "bursar.providers.plains.mapping"),
    ("provider-inside", "providers/plains/mapping", "bursar.providers.plains.adapter"),
    ("providers-apart", "providers/plains/adapter", "bursar.providers.hills.sdk.client"),
    ("providers-apart", "providers/plains/adapter", "bursar.providers.banking.hills_client"),
    ("importers-apart", "importers/sgml/reader", "bursar.importers.table.reader"),
    ("loaded-by-registry", "registry", "bursar.providers.plains.adapter"),
    ("loaded-by-registry", "banking/easy", "bursar.providers.banking.hills_client"),
    ("loaded-by-registry", "banking/webhooks", "bursar.providers.hills.sdk.client"),
    ("loaded-by-registry", "testing/suite", "bursar.importers.sgml.reader"),
    ("sdk-stands-alone", "providers/plains/sdk/client", "bursar.domain.money"),
    ("sdk-stands-alone", "providers/plains/sdk/client", "bursar.providers.plains.rejects"),
    ("witness", "providers/plains/sandbox", "bursar.providers.plains.sdk.client"),
    ("witness", "providers/hills/sandbox/app", "bursar.providers.hills.mapping"),
    ("witness", "providers/plains/sandbox", "bursar.domain.money"),
    ("witness", "importers/sgml/sandbox", "bursar.importers.sgml.reader"),
    ("witness", "sandbox/world", "bursar.domain.money"),
    ("tested-does-not-see-witness", "providers/plains/adapter", "bursar.providers.plains.sandbox"),
    ("tested-does-not-see-witness", "providers/plains/rejects", "bursar.providers.plains.sandbox"),
    ("tested-does-not-see-witness", "importers/sgml/reader", "bursar.importers.sgml.sandbox"),
    ("sandbox-stays-out", "providers/plains/adapter", "bursar.sandbox.world"),
    ("core-without-world", "services/sync", "bursar.sandbox.world"),
    ("doors-and-storage", "worker/app", "bursar.storage.queue"),
    ("doors-and-storage", "cli/main", "bursar.storage.queue"),
    ("banking-without-database", "banking/easy", "bursar.storage.accounts"),
    ("sql-in-storage", "services/sync", "sqlalchemy"),
    ("sql-in-storage", "server/app", "psycopg.rows"),
    ("jobs", "storage/accounts", "procrastinate"),
    ("http-in-transport", "providers/plains/sdk/client", "httpx2"),
]

LAWFUL_WAYS = [
    ("providers/plains/sdk/client", "bursar.transport.client"),
    ("providers/plains/mapping", "bursar.domain.money"),
    ("providers/plains/adapter", "bursar.ports.provider"),
    ("providers/plains/sandbox", "bursar.sandbox.world"),
    ("providers/hills/sandbox/app", "bursar.sandbox.world"),
    ("banking/easy", "bursar.registry"),
    ("banking/easy", "bursar.models.accounts"),
    ("banking/webhooks", "bursar.providers.banking.hills_client"),
    ("providers/banking/hills_client", "bursar.providers.hills"),
    ("services/sync", "bursar.storage.accounts"),
    ("bootstrap", "bursar.settings"),
    ("bootstrap", "bursar.storage.accounts"),
    ("server/app", "bursar.bootstrap"),
    ("cli/main", "bursar.server.app"),
    ("cli/main", "bursar.sandbox.world"),
    ("storage/accounts", "sqlalchemy"),
    ("storage/queue", "procrastinate"),
    ("worker/app", "procrastinate"),
    ("transport/client", "httpx2"),
    ("providers/hills/sandbox/app", "httpx2"),
]


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """One empty module for each place, and one lawful import that a cycle can close."""
    for name in MODULES:
        module = tmp_path / "bursar" / f"{name}.py"
        module.parent.mkdir(parents=True, exist_ok=True)
        module.touch()
    for folder in [path for path in tmp_path.rglob("*") if path.is_dir()]:
        (folder / "__init__.py").touch()
    (tmp_path / "bursar/domain/money.py").write_text("import bursar.domain.time\n", encoding="utf-8")
    return tmp_path


def names_of_contracts(root: Path) -> dict[str, str]:
    tool = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    return {contract["id"]: contract["name"] for contract in tool["contracts"]}


def broken_contracts(root: Path, house: Path) -> set[str]:
    """Ids of the contracts that the house breaks; the contracts are those of the repository."""
    run = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--config", root / "pyproject.toml", "--no-cache"],
        cwd=house,
        env={"PATH": os.defpath, "PYTHONPATH": str(house), "COLUMNS": "200", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
    )
    names = names_of_contracts(root)
    broken = {id_ for id_, name in names.items() if f"{name} BROKEN" in run.stdout}
    assert f"{len(names) - len(broken)} kept, {len(broken)} broken" in run.stdout, run.stdout + run.stderr
    # Outside packages are counted with the files; the repository's own house is several times larger.
    analyzed = int(re.search(r"Analyzed (\d+) files", run.stdout)[1])
    assert 0 <= analyzed - sum(1 for _ in house.rglob("*.py")) < 10, "another house was read"
    return broken


@pytest.mark.parametrize(("contract", "module", "imported"), BROKEN_WALLS)
def test_import_through_a_wall_breaks_its_contract(repository_root: Path, house: Path, contract, module, imported):
    with (house / "bursar" / f"{module}.py").open("a", encoding="utf-8") as file:
        file.write(f"import {imported}\n")
    assert contract in broken_contracts(repository_root, house)


def test_lawful_imports_break_nothing(repository_root: Path, house: Path):
    for module, imported in LAWFUL_WAYS:
        with (house / "bursar" / f"{module}.py").open("a", encoding="utf-8") as file:
            file.write(f"import {imported}\n")
    assert broken_contracts(repository_root, house) == set()


def test_every_contract_is_broken_by_a_test_above(repository_root: Path):
    assert {contract for contract, _, _ in BROKEN_WALLS} == set(names_of_contracts(repository_root))


def test_the_repository_keeps_every_contract(repository_root: Path):
    run = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=repository_root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout
