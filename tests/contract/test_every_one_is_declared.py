"""Is every provider and importer that the registry finds held to the suites?"""

import ast
from pathlib import Path

import pytest

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
