"""Do the documents point at what exists, and is nothing left out of their indexes?"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PAGES = sorted(
    [*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md"), *(REPOSITORY / "src").rglob("README.md")]
)
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_every_relative_link_leads_somewhere(page: Path):
    links = LINK.findall(CODE.sub("", page.read_text(encoding="utf-8")))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_decision_is_in_the_index_under_its_title():
    folder = REPOSITORY / "docs" / "decisions"
    index = (folder / "README.md").read_text(encoding="utf-8")
    records = sorted(path for path in folder.glob("[0-9]*.md"))
    assert [int(path.name[:4]) for path in records] == list(range(1, len(records) + 1))
    for path in records:
        number, title = re.match(r"# (\d+)\. (.+)", path.read_text(encoding="utf-8")).groups()
        assert f"[{int(number):04}]({path.name}) | {title} |" in index


@pytest.mark.parametrize("path", sorted((REPOSITORY / "docs/decisions").glob("[0-9]*.md")), ids=lambda path: path.stem)
def test_every_decision_names_what_enforces_it(path: Path):
    sections = re.findall(r"^## (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert sections == ["Context", "Decision", "Consequences", "Enforced by"]


def test_glossary_is_in_alphabetical_order_without_repetition():
    rows = (REPOSITORY / "docs/glossary.md").read_text(encoding="utf-8").splitlines()
    terms = [row.split("|")[1].strip().lower() for row in rows if row.startswith("| ")][1:]
    assert len(terms) > 40
    assert terms == sorted(set(terms))


def test_rules_and_contracts_named_in_the_decisions_exist(lint):
    named = "".join(path.read_text(encoding="utf-8") for path in (REPOSITORY / "docs/decisions").glob("[0-9]*.md"))
    rules = re.search(r"\| Rule \| Promise \|(.+?)\n\n", named, re.DOTALL)[1]
    assert set(re.findall(r"`([a-z-]+)`", rules)) == set(lint.RULES)
    contracts = set(re.findall(r'^id = "(.+)"$', (REPOSITORY / "pyproject.toml").read_text("utf-8"), re.MULTILINE))
    enforced = re.findall(r"import contracts? ((?:`[a-z-]+`(?:, | and )?)+)", named)
    assert enforced
    assert {name for names in enforced for name in re.findall(r"`([a-z-]+)`", names)} <= contracts
