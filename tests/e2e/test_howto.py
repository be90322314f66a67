"""Every command of the how-to pages, run as it stands there."""

import re
import socket
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

# The program of this page needs a browser, so it is run in tests/integration/sequence/test_pages.py.
BROWSER_PAGE = "refresh-sequence-unattended"
# The programs of this page are run in tests/integration/banking/test_pages.py.
BANKING_PAGE = "read-any-bank-through-one-interface"
PAGES = sorted((Path(__file__).parents[2] / "docs" / "howto").glob("*.md"))
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
STAYING = re.compile(r"bursar (serve|worker|sandbox)\b")
PORTS = ("8787", "8788")


def commands_of(page: Path) -> list[str]:
    """Return the lines of a page's shell blocks, on ports that are free here."""
    text = page.read_text(encoding="utf-8")
    for port in PORTS:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            text = text.replace(port, str(listener.getsockname()[1]))
    return [line for kind, body in BLOCK.findall(text) if kind == "bash" for line in body.splitlines() if line]


@pytest.mark.parametrize("page", [page for page in PAGES if page.stem != BROWSER_PAGE], ids=lambda page: page.stem)
def test_commands_of_the_page_work(page, environment, served, statement):
    folder = statement.parent
    settings = {"PATH": f"{Path(sys.executable).parent}:{environment['PATH']}"}
    commands = commands_of(page)
    assert any(line.startswith("bursar") for line in commands)
    for line in commands:
        if line.startswith("export "):
            name, _, value = line.removeprefix("export ").partition("=")
            settings[name] = value
        elif STAYING.match(line):
            process = served(*line.split()[1:], **settings)
            process.line_with("waits for jobs" if "bursar worker" in line else "Stop with Ctrl-C")
        else:
            done = subprocess.run(
                ["bash", "-euc", line],
                env=environment | settings,
                cwd=folder,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"


def test_every_block_is_run_or_marked_as_text():
    blocks = [(page.stem, kind) for page in PAGES for kind, _ in BLOCK.findall(page.read_text(encoding="utf-8"))]
    assert {kind for _, kind in blocks} == {"bash", "text", "python"}
    # The program below, and that of the page with the browser; another one needs a test of its own.
    programs = [page for page, kind in blocks if kind == "python"]
    assert programs == [*[BANKING_PAGE] * 3, "read-wealth-accounts-through-flanks", BROWSER_PAGE]
    assert {kind for page, kind in blocks if page == BROWSER_PAGE} == {"python", "text"}


def test_program_of_the_flanks_page_works(environment, served, tmp_path):
    address = served("sandbox", "--port", "0", "--control-token", "control").line_with("listens at ")
    (page,) = [page.read_text(encoding="utf-8") for page in PAGES if page.stem == "read-wealth-accounts-through-flanks"]
    (program,) = [body for kind, body in BLOCK.findall(page) if kind == "python"]
    # As the page says, to try it without Flanks.
    pointed = program.replace("FlanksClient()", f'FlanksClient(base_url="{address}/flanks")')
    assert pointed != program
    (tmp_path / "read.py").write_text(pointed)
    settings = dict(re.findall(r"^export (FLANKS_CLIENT\w+)=(\S+)$", page, re.MULTILINE))
    with subprocess.Popen(
        [sys.executable, "-u", str(tmp_path / "read.py")],
        env=environment | settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as reading:
        assert reading.stdout is not None
        told = reading.stdout.readline()
        assert told.startswith("Sign in at "), told + reading.stdout.read()
        signed_in = httpx2.post(
            f"{address}/control/faces/flanks/consent",
            json={"authorization_url": told.removeprefix("Sign in at ").strip()},
            headers={"Authorization": "Bearer control"},
        )
        assert signed_in.status_code == 200, signed_in.text
        rows, _ = reading.communicate(timeout=60)
    assert reading.returncode == 0, rows
    assert len(rows.splitlines()) > 3, rows
