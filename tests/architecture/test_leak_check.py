"""Does the leak check see what must not be published?"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

# Put together here, so that this file does not leak what it looks for.
LEAKS = [
    "see " + "/" + "home/somebody/notes.txt",
    "file://" + "/" + "work/main/x",
    "open('" + "/" + "Users/somebody/x')",
    "C:" + "\\Users\\somebody",
    "https" + "://git.example." + "internal/x",
    "as the" + " brief says",
]


@pytest.mark.parametrize("text", LEAKS)
def test_leak_is_named_with_its_line(leak_check: ModuleType, tmp_path: Path, text: str):
    page = tmp_path / "page.md"
    page.write_text(f"A heading\n{text}\n", encoding="utf-8")
    [finding] = leak_check.find_leaks(tmp_path, [page])
    assert finding.startswith("page.md:2 leak ")


@pytest.mark.parametrize(
    "text", ["/api/v1/connections", "https://example.com/home/page", "${HOME}/root/x", "src/home/x", "~/root/x"]
)
def test_ordinary_paths_pass(leak_check: ModuleType, tmp_path: Path, text: str):
    page = tmp_path / "page.md"
    page.write_text(text, encoding="utf-8")
    assert leak_check.find_leaks(tmp_path, [page]) == []


def test_binary_files_are_left_alone(leak_check: ModuleType, tmp_path: Path):
    image = tmp_path / "logo.png"
    image.write_bytes(b"\x89PNG\xff\xfe" + b"/home" + b"/somebody")
    assert leak_check.find_leaks(tmp_path, [image]) == []


def test_the_repository_leaks_nothing(leak_check: ModuleType, repository_root: Path):
    files = leak_check.tracked_files(repository_root)
    assert files
    assert leak_check.find_leaks(repository_root, files) == []
