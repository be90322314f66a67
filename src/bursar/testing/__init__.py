"""Contract suites for whoever adds a provider or a file format: one declaration, and pytest runs every promise.

    from bursar.testing import importer_contract, provider_contract

    TestNorthbank = provider_contract(PROVIDER, SANDBOX)
    TestStatements = importer_contract(IMPORTER, STATEMENTS, golden=Path(__file__).with_name("golden"))

Needs pytest, pytest-asyncio and the sandbox (`pip install "bursar[server]" pytest pytest-asyncio`); nothing else of
Bursar imports this package. It imports `sandbox`, `ports` and `domain`; tests import it.
"""

try:
    import pytest as _pytest
    import pytest_asyncio as _pytest_asyncio
except ImportError as error:
    raise ImportError("bursar.testing runs under pytest: pip install 'bursar[server]' pytest pytest-asyncio") from error
else:
    # Before the scenarios are imported, so that a failing one shows its values.
    _pytest.register_assert_rewrite(
        "bursar.testing.importer_contract",
        "bursar.testing.provider_balances",
        "bursar.testing.provider_identity",
        "bursar.testing.provider_notices",
        "bursar.testing.provider_reading",
        "bursar.testing.provider_records",
        "bursar.testing.provider_wire",
    )

from bursar.testing.importer_contract import importer_contract
from bursar.testing.memory_ledger import MemoryLedger
from bursar.testing.provider_contract import provider_contract

__all__ = ["MemoryLedger", "importer_contract", "provider_contract"]

del _pytest, _pytest_asyncio
