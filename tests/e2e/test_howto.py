"""Every command of the how-to pages, run as it stands there."""

import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
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
    kinds = {kind for page in PAGES for kind, _ in BLOCK.findall(page.read_text(encoding="utf-8"))}
    assert kinds == {"bash", "text"}
