"""The programs of the pages about the banking interface, run as they stand; and the reference, held to the code."""

import asyncio
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from fastapi import FastAPI

from bursar.banking import Banking, add_banking, exceptions
from bursar.banking.filters import TransactionFilters
from bursar.banking.http.problems import to_response
from bursar.banking.selection import OTHER_SPELLINGS
from bursar.domain.connections import ProviderCapability
from bursar.registry import Registry

DOCS = Path(__file__).parents[3] / "docs"
HOWTO = (DOCS / "howto" / "read-any-bank-through-one-interface.md").read_text(encoding="utf-8")
REFERENCE = (DOCS / "reference" / "banking.md").read_text(encoding="utf-8")
SCRIPT, APPLICATION, HISTORY = re.findall(r"^```python\n(.*?)^```", HOWTO, re.MULTILINE | re.DOTALL)


def run(program: str, environ: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env={"PATH": os.defpath, **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_script_of_the_page_reads_a_bank(bank_of_today) -> None:
    with bank_of_today.open() as banking:
        token = asyncio.run(bank_of_today.link(banking))
    told = run(SCRIPT, bank_of_today.environ, token)
    assert "Everyday Checking: " in told
    assert "at First Platypus Bank" in told
    assert len(told.splitlines()) > 8


def test_application_and_history_of_the_page_work(bank_of_today, tmp_path) -> None:
    run(APPLICATION + "\nassert app.state.banking_provider is banking\n", bank_of_today.environ)
    told = run(HISTORY, {"BURSAR_BALANCE_HISTORY": str(tmp_path / "history.db")})
    assert "direction='unchanged'" in told


def table(heading: str) -> list[list[str]]:
    """Return the rows of the table under a heading, each a list of its cells."""
    section = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", REFERENCE, re.MULTILINE | re.DOTALL)
    assert section is not None
    rows = [line.strip("|").split("|") for line in section[1].splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in row] for row in rows[1:]]


def test_reference_lists_what_each_provider_offers() -> None:
    specs = Registry.discover().providers
    slugs = ("plaid", "teller", "mx", "finicity")
    listed = {
        slug: {row[0].strip("`") for row in capability_table() if row[2 + index] == "yes"}
        for index, slug in enumerate(slugs)
    }
    assert listed == {slug: {one.value for one in specs[slug].capabilities} for slug in slugs}
    assert {cell for row in capability_table() for cell in row[2:]} == {"yes", "no"}


def capability_table() -> list[list[str]]:
    """Return the rows that begin with a capability."""
    known = {f"`{one}`" for one in ProviderCapability.values()}
    return [row for row in table("Choosing a provider") if row[0] in known]


def test_reference_lists_every_method() -> None:
    listed = {re.match(r"`(\w+)", row[0])[1] for row in table("Methods")} | {
        name for row in table("Methods") for name in re.findall(r"`(\w+)`", row[1])
    }
    public = {name for name, _ in inspect.getmembers(Banking, inspect.isfunction) if not name.startswith("_")}
    assert listed == public - {"close", "aclose", "query_of", "read_transactions"}


def test_reference_lists_every_filter() -> None:
    listed = {name for row in table("Filters") for name in re.findall(r"`(\w+)`", row[0] + row[2])}
    assert listed == set(TransactionFilters.__annotations__)


def test_reference_lists_every_error_with_its_status() -> None:
    listed = {re.match(r"`(\w+)`", row[0])[1]: int(row[1]) for row in table("Errors")}
    family = {
        name: class_
        for name, class_ in vars(exceptions).items()
        if inspect.isclass(class_) and issubclass(class_, exceptions.BankingProviderError)
    }
    del family["BankingProviderError"]
    assert listed == {name: to_response(class_("x")).status_code for name, class_ in family.items()}


def test_reference_lists_every_older_name_of_a_variable() -> None:
    listed = {
        re.findall(r"`(\w+)`", row[1])[0]: re.findall(r"`(\w+)`", row[0])[0]
        for row in table("Choosing a provider")
        if len(row) == 2 and row[0].startswith("`")
    }
    assert listed == {other.upper(): name.upper() for other, name in OTHER_SPELLINGS.items()}


def test_reference_lists_every_route(banking) -> None:
    app = FastAPI()
    add_banking(app, banking, prefix="/p")
    served = {
        f"{method.upper()} {path.removeprefix('/p')}"
        for path, methods in app.openapi()["paths"].items()
        for method in methods
    }
    listed = {route for row in table("Routes") for route in re.findall(r"`([A-Z]+ /[^`]+)`", row[0])}
    assert listed - {"GET /docs", "GET /openapi.json"} == served


@pytest.mark.parametrize("text", [HOWTO, REFERENCE])
def test_pages_do_not_repeat_what_vendors_do_not_say(text) -> None:
    for claim in ("60 days", "100 connections", "enrolment URL", "500 req"):
        assert claim not in text
