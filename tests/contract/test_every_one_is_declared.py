"""Is every provider and importer that the registry finds held to the suites?"""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import bursar
from bursar.registry import Registry

HERE = Path(__file__).parent


def declared(folder: str, function: str) -> set[str]:
    """The slugs whose declaration (an import of the adapter, and a class made by the suite) stands in a folder."""
    found: set[str] = set()
    for path in (HERE / folder).glob("test_*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
        makes_a_class = any(
            isinstance(node, ast.Assign)
            and isinstance(node.value, ast.Call)
            and getattr(node.value.func, "id", "") == function
            and getattr(node.targets[0], "id", "").startswith("Test")
            for node in tree.body
        )
        if makes_a_class:
            found |= {module.split(".")[2] for module in modules if module.endswith(".adapter")}
    return found


@pytest.mark.parametrize("kind", ["providers", "importers"])
def test_every_registered_provider_and_importer_has_a_declaration(kind) -> None:
    registry = Registry.discover()
    registered = {"providers": registry.providers, "importers": registry.importers}[kind]
    assert registered
    assert declared(kind, f"{kind.removesuffix('s')}_contract") >= registered.keys()


def test_folder_without_a_declaration_would_be_noticed(tmp_path) -> None:
    assert declared(str(tmp_path), "provider_contract") == set()


def test_nothing_but_the_suites_needs_pytest() -> None:
    package = Path(bursar.__file__).parent
    importing = {
        path.relative_to(package).parts[0]
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
        if name.split(".")[0] in {"pytest", "pytest_asyncio", "hypothesis"}
    }
    assert importing == {"testing"}


def test_without_pytest_the_suites_say_what_to_install() -> None:
    script = "import sys; sys.modules['pytest'] = None; import bursar.testing"
    outcome = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert outcome.returncode == 1
    assert "pip install 'bursar[server]' pytest pytest-asyncio" in outcome.stderr
