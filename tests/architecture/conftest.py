"""Where do the architecture tests find the repository and its tools?"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def repository_root() -> Path:
    return REPOSITORY


def _load_tool(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"bursar_tools_{name}", REPOSITORY / "tools" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up by name
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def lint() -> ModuleType:
    return _load_tool("lint_rules")


@pytest.fixture(scope="session")
def leak_check() -> ModuleType:
    return _load_tool("leak_check")


@pytest.fixture(scope="session")
def new_provider() -> ModuleType:
    return _load_tool("new_provider")
