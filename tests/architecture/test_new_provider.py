"""Does a provider start from something that works and keeps the rules of the house?"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

AUTHS = ["api_key", "oauth"]
TOOLS = Path(sys.executable).parent

# Connects the generated adapter to the generated simulator, in a process that sees the generated files.
CONNECT_AND_READ = """
import asyncio, httpx2
from datetime import date
from bursar.domain.time import SystemClock
from bursar.ports.errors import ProviderAuthenticationError
from bursar.ports.provider import ConnectCompletion, ConnectRequest, Credentials, ProviderContext
from bursar.providers.northbank.adapter import PROVIDER
from bursar.providers.northbank.sandbox import SANDBOX
from bursar.sandbox.world import World

async def main():
    world = World(seed=7, start=date(2026, 3, 2), history_days=30, families=1)
    server = SANDBOX.build(world)
    settings = {name: "https://northbank.test" for name in PROVIDER.required_settings}
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=server)) as http:
        adapter = PROVIDER.factory(ProviderContext(settings=settings, clock=SystemClock(), http_client=http))
        start = await adapter.begin(ConnectRequest(connection_id="1", user_reference="1", state="s"))
        answers = {"api_key": server.credentials().get("api_key", ""), "code": "northbank-sandbox-code"}
        values = {name: answers[name] for name in start.needs}
        connection = await adapter.complete(ConnectCompletion(values=values))
        [batch] = [batch async for batch in adapter.sync(connection.credentials, None)]
        assert not batch.rejected and batch.accounts_complete
        read = {account.provider_account_id: account.balance for account in batch.accounts}
        truth = {
            one.account_id: world.balance(one.account_id) + sum(held.value for held in world.positions(one.account_id))
            for one in world.households[0].accounts
        }
        assert read == truth and len(truth) > 2, (read, truth)
        wrong = Credentials(dict.fromkeys(connection.credentials, "wrong"))
        try:
            await adapter.validate(wrong)
        except ProviderAuthenticationError as error:
            assert "wrong" not in repr(error)
        else:
            raise AssertionError("wrong credentials were accepted")

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def copy_of_the_house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package without its other providers, so that only what is generated can be found."""
    root = tmp_path_factory.mktemp("house")
    source = Path(__file__).parents[2]
    ignore = shutil.ignore_patterns("__pycache__", "plaid", "storage", "server", "cli")
    shutil.copytree(source / "src", root / "src", ignore=ignore)
    shutil.copy(source / "pyproject.toml", root)
    return root


@pytest.fixture
def house(copy_of_the_house: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(copy_of_the_house, tmp_path / "house"))


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={"PYTHONPATH": str(cwd / "src"), "PATH": str(TOOLS)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("auth", AUTHS)
def test_generated_provider_reads_its_simulator_to_the_cent(new_provider: ModuleType, house: Path, auth: str):
    new_provider.main(["northbank", "--auth", auth, "--into", str(house)])
    reading = run(sys.executable, "-c", CONNECT_AND_READ, cwd=house)
    assert reading.returncode == 0, reading.stderr


@pytest.mark.parametrize("auth", AUTHS)
def test_generated_provider_keeps_the_rules(new_provider: ModuleType, lint: ModuleType, house: Path, auth: str):
    new_provider.main(["a_rather_long_bank_name", "--auth", auth, "--into", str(house)])
    folder = "src/bursar/providers/a_rather_long_bank_name"
    ruff = run(TOOLS / "ruff", "check", folder, cwd=house)
    assert ruff.returncode == 0, ruff.stdout
    assert [str(found) for found in lint.lint_tree(house) if found.path.startswith(folder)] == []
    contracts = run(TOOLS / "lint-imports", "--no-cache", cwd=house)
    assert contracts.returncode == 0, contracts.stdout


@pytest.mark.parametrize("auth", AUTHS)
def test_generated_contract_test_runs_and_passes(new_provider: ModuleType, house: Path, auth: str):
    """A choice of scenarios: all of them take a minute."""
    new_provider.main(["northbank", "--auth", auth, "--into", str(house)])
    chosen = "balances or envelope or missing_credential or not_offered or [missing] or another_kind"
    suite = run(sys.executable, "-m", "pytest", "tests", "-q", "-k", chosen, "-p", "no:cacheprovider", cwd=house)
    assert suite.returncode == 0, suite.stdout
    assert " passed" in suite.stdout


def test_existing_provider_is_not_overwritten(new_provider: ModuleType, house: Path, capsys):
    new_provider.main(["northbank", "--auth", "oauth", "--into", str(house)])
    readme = house / "src/bursar/providers/northbank/README.md"
    readme.write_text("facts\n", encoding="utf-8")
    with pytest.raises(SystemExit):
        new_provider.main(["northbank", "--auth", "oauth", "--into", str(house)])
    assert readme.read_text(encoding="utf-8") == "facts\n"
    assert "exists already" in capsys.readouterr().err


@pytest.mark.parametrize("slug", ["North", "north-bank", "1bank", "../bank", ""])
def test_slug_that_is_no_name_is_refused(new_provider: ModuleType, slug: str):
    with pytest.raises(ValueError, match="no slug"):
        new_provider.render(slug, "oauth", "Bank")
