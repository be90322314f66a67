"""Does each rule of tools/lint_rules.py bite where it should, and stay silent where it should not?"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest


def findings_of(lint: ModuleType, root: Path, path: str, code: str) -> list[tuple[int, str]]:
    """Write one file into a miniature repository and return (line, rule) of what is found in it."""
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(code, encoding="utf-8")
    return [(found.line, found.rule) for found in lint.lint_tree(root) if found.path == path]


VIOLATIONS = {
    "float annotation": ("src/bursar/domain/money.py", "amount: float\n", 1, "no-float"),
    "float call": ("src/bursar/services/sync.py", "amount = float('1')\n", 1, "no-float"),
    "float literal": ("src/bursar/storage/rows.py", "x = 1\nrate = 0.5\n", 2, "no-float"),
    "float in a port": ("src/bursar/ports/provider.py", "def f(a: float | None): ...\n", 1, "no-float"),
    "float in a mapping": ("src/bursar/providers/northbank/mapping.py", "a = 1.0\n", 1, "no-float"),
    "float in a mapping package": ("src/bursar/providers/northbank/mapping/rows.py", "a = 1.0\n", 1, "no-float"),
    "float in a mapping by noun": ("src/bursar/providers/northbank/fund_mapping.py", "a = 1.0\n", 1, "no-float"),
    "float in an importer": ("src/bursar/importers/csv/reader.py", "a = 1e3\n", 1, "no-float"),
    "method without tenant": (
        "src/bursar/storage/accounts.py",
        "class Accounts:\n    async def get_account(self, account_id): ...\n",
        2,
        "tenant-first",
    ),
    "service without tenant": ("src/bursar/services/sync.py", "async def sync(uow, run_id): ...\n", 1, "tenant-first"),
    "service in a package": ("src/bursar/services/sync/run.py", "async def sync(run_id): ...\n", 1, "tenant-first"),
    "tenant is not first": ("src/bursar/services/sync.py", "async def sync(a, tenant_id): ...\n", 1, "tenant-first"),
    "tenant by keyword": ("src/bursar/services/sync.py", "async def sync(*, tenant_id): ...\n", 1, "tenant-first"),
    "select without tenant": (
        "src/bursar/storage/accounts.py",
        'ROWS = """\n  SELECT id FROM accounts WHERE id = %s"""\n',
        1,
        "tenant-in-sql",
    ),
    "statement with holes": (
        "src/bursar/storage/accounts.py",
        'def sql(c): return f"update accounts set {c} = 1"\n',
        1,
        "tenant-in-sql",
    ),
    "join without tenant": (
        "src/bursar/storage/accounts.py",
        'A = "with t as (select 1) select * from t join holdings h on true"\n',
        1,
        "tenant-in-sql",
    ),
    "provider in a string": ("src/bursar/services/sync.py", "x = {'northbank': 1}\n", 1, "provider-at-home"),
    "provider in a class name": ("src/bursar/server/app.py", "class NorthbankForm: ...\n", 1, "provider-at-home"),
    "provider in a name": ("src/bursar/registry.py", "is_northbank = True\n", 1, "provider-at-home"),
    "provider in an import": (
        "src/bursar/bootstrap.py",
        "import bursar.providers.northbank.sdk\n",
        1,
        "provider-at-home",
    ),
    "provider in the terminal": ("src/bursar/cli/main.py", "x = 'northbank'\n", 1, "provider-at-home"),
    "provider in an oracle": ("src/bursar/converge/oracle.py", "x = 'northbank'\n", 1, "provider-at-home"),
    "provider that is a word": ("src/bursar/services/sync.py", "x = 'sequence'\n", 1, "provider-at-home"),
    "word in a module path": ("src/bursar/cli/main.py", "import bursar.providers.sequence\n", 1, "provider-at-home"),
    "long module": ("src/bursar/domain/long.py", "x = 1\n" * 401, 1, "module-size"),
    "long test": ("tests/test_long.py", "x = 1\n" * 601, 1, "module-size"),
    "utils": ("src/bursar/server/utils.py", "", 1, "module-name"),
    "helpers folder": ("tests/helpers/rows.py", "", 1, "module-name"),
    "manager": ("src/bursar/services/sync_manager.py", "", 1, "module-name"),
    "except Exception": ("src/bursar/services/sync.py", "try: ...\nexcept Exception: ...\n", 2, "broad-except"),
    "bare except": ("src/bursar/transport/retry.py", "try: ...\nexcept: ...\n", 2, "broad-except"),
    "tuple with Exception": (
        "src/bursar/registry.py",
        "try: ...\nexcept (OSError, BaseException): ...\n",
        2,
        "broad-except",
    ),
    "suppress Exception": ("src/bursar/registry.py", "with contextlib.suppress(Exception): ...\n", 1, "broad-except"),
    "now without zone": ("src/bursar/server/app.py", "x = datetime.now()\n", 1, "naive-datetime"),
    "utcnow": ("benchmarks/pages.py", "x = datetime.datetime.utcnow()\n", 1, "naive-datetime"),
    "instant without zone": ("src/bursar/cli/main.py", "x = datetime.fromtimestamp(0)\n", 1, "naive-datetime"),
    "now in a service": ("src/bursar/services/sync.py", "x = datetime.now(UTC)\n", 1, "clock"),
    "today in the domain": ("src/bursar/domain/proof.py", "x = datetime.date.today()\n", 1, "clock"),
    "clock passed as a function": ("src/bursar/storage/rows.py", "f(default=time.time)\n", 1, "clock"),
    "time imported by name": ("src/bursar/storage/rows.py", "from time import time\n", 1, "clock"),
    "package in the domain": ("src/bursar/domain/rows.py", "import msgspec\n", 1, "pure-domain"),
    "room in the domain": ("src/bursar/domain/rows.py", "from bursar.ports import provider\n", 1, "pure-domain"),
    "settings in a door": ("src/bursar/server/app.py", "from bursar.settings import Settings\n", 1, "settings-reader"),
    "settings as a module": ("src/bursar/services/sync.py", "from bursar import settings\n", 1, "settings-reader"),
}

CLEAN = {
    "float refused": ("src/bursar/domain/money.py", "def f(x): return isinstance(x, (int, float))\n"),
    "seconds in transport": ("src/bursar/transport/client.py", "timeout_s: float = 0.5\n"),
    "the word in a string": ("src/bursar/domain/money.py", "x = 'float'\n"),
    "provider in a list of faults": ("src/bursar/converge/mutants.py", "x = 'northbank'\n"),
    "provider sdk": ("src/bursar/providers/northbank/sdk/client.py", "timeout_s = 1.5\n"),
    "tenant after the transaction": (
        "src/bursar/storage/accounts.py",
        "class Accounts:\n    async def get_account(self, tenant_id, account_id): ...\n    async def _row(self): ...\n",
    ),
    "tenant in a service": ("src/bursar/services/sync.py", "async def sync(uow, tenant_id, run_id): ...\n"),
    "pure function": ("src/bursar/services/words.py", "def explain(failure): ...\n"),
    "global module": ("src/bursar/storage/schema.py", "async def migrate(database_url): ...\n"),
    "statement of a tenant": (
        "src/bursar/storage/accounts.py",
        'A = "select id from accounts where tenant_id = %s"\n',
    ),
    "global table": ("src/bursar/storage/health.py", 'A = "select version_num from alembic_version"\n'),
    "common table expression": (
        "src/bursar/storage/health.py",
        'A = "with seen (a, b) as materialized (select 1, 2) select a from seen"\n',
    ),
    "prose about SQL": ("src/bursar/storage/accounts.py", '"""Select the rows from accounts."""\n'),
    "provider at home": ("src/bursar/providers/northbank/adapter.py", "x = 'northbank'\n"),
    "provider in prose": ("src/bursar/banking/easy.py", '"""Reads northbank, and others."""\n'),
    "provider in the demo": ("src/bursar/cli/demo.py", "x = 'northbank'\n"),
    "ordinary word": ("src/bursar/domain/rows.py", "from collections.abc import Sequence\nsequence_no = 1\n"),
    "provider in a test": ("tests/unit/test_northbank.py", "x = 'northbank'\n"),
    "module at the limit": ("src/bursar/domain/long.py", "x = 1\n" * 400),
    "door catches all": ("src/bursar/worker/app.py", "try: ...\nexcept Exception: ...\n"),
    "named errors": ("src/bursar/services/sync.py", "try: ...\nexcept (OSError, ValueError): ...\n"),
    "now with zone": ("src/bursar/server/app.py", "x = datetime.now(UTC)\ny = datetime.now(tz=UTC)\n"),
    "a clock": ("src/bursar/domain/time.py", "class SystemClock:\n    def now(self): return datetime.now(UTC)\n"),
    "standard library": ("src/bursar/domain/rows.py", "import decimal\nfrom bursar.domain.money import Money\n"),
    "settings in bootstrap": ("src/bursar/bootstrap.py", "from bursar.settings import Settings\n"),
    "a folder beside the providers": ("src/bursar/services/sync.py", "category = 'banking'\n"),
    "excused": ("src/bursar/domain/ids.py", "x = time.time()  # lint: allow clock - orders ids, states no fact\n"),
    "excuse in a string": ("src/bursar/domain/ids.py", "x = '# lint: allow nothing'\n"),
}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    for slug in ("northbank", "sequence"):
        (tmp_path / "src/bursar/providers" / slug).mkdir(parents=True)
        (tmp_path / "src/bursar/providers" / slug / "adapter.py").touch()
    (tmp_path / "src/bursar/providers/banking").mkdir()
    return tmp_path


@pytest.mark.parametrize(("path", "code", "line", "rule"), VIOLATIONS.values(), ids=VIOLATIONS.keys())
def test_violation_is_found_on_its_line(lint: ModuleType, repository: Path, path, code, line, rule):
    assert findings_of(lint, repository, path, code) == [(line, rule)]


@pytest.mark.parametrize(("path", "code"), CLEAN.values(), ids=CLEAN.keys())
def test_clean_code_passes(lint: ModuleType, repository: Path, path, code):
    assert findings_of(lint, repository, path, code) == []


def test_every_rule_has_a_violation_above(lint: ModuleType):
    assert {rule for _, _, _, rule in VIOLATIONS.values()} == set(lint.RULES)


def test_every_global_exemption_gives_a_reason(lint: ModuleType):
    assert all(len(reason.split()) >= 4 for reason in (lint.GLOBAL_CODE | lint.NAMED_PROVIDER_CODE).values())


@pytest.mark.parametrize(
    "comment",
    [
        "# lint: allow clock",
        "# lint: allow clock -  ",
        "# lint: allow speed - it is faster",
    ],
)
def test_excuse_without_reason_or_rule_excuses_nothing(lint: ModuleType, repository: Path, comment: str):
    found = findings_of(lint, repository, "src/bursar/domain/ids.py", f"x = time.time()  {comment}\n")
    assert (1, "excuse") in found


def test_idle_excuse_is_found(lint: ModuleType, repository: Path):
    code = "x = 1  # lint: allow no-float - was needed once\n"
    assert findings_of(lint, repository, "src/bursar/domain/ids.py", code) == [(1, "excuse")]


def test_excuse_covers_its_own_line_only(lint: ModuleType, repository: Path):
    code = "x = time.time()  # lint: allow clock - orders ids\ny = time.time()\n"
    assert findings_of(lint, repository, "src/bursar/domain/ids.py", code) == [(2, "clock")]
