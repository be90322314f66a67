"""The installed command, run as a user runs it: a process of its own, an environment of its own."""

import io
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest

from bursar.cli import main

BURSAR = str(Path(sys.executable).with_name("bursar"))


@dataclass
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


OURS = ("BURSAR_", "PLAID_", "FLANKS_")
"""Beginnings of the variables that an installation reads: those of the machine are none of a test's."""

Run = Callable[..., Ended]


@pytest.fixture
def environment(database_url: str, tmp_path: Path) -> dict[str, str]:
    """An installation of its own on the test's database."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return {**kept, "BURSAR_DATABASE_URL": database_url, "BURSAR_HOME": str(tmp_path / "home")}


@pytest.fixture
def run(
    environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Run]:
    """Run the installed command's entry point with words; what happened is in the answer."""
    for name in os.environ:
        if name.startswith(OURS):
            monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO())

    def ended(*words: str, **more: str) -> Ended:
        with monkeypatch.context() as patch:
            patch.setattr("sys.argv", ["bursar", *words])
            for name, value in more.items():
                patch.setenv(name, value)
            capsys.readouterr()
            try:
                main()
                code = 0
            except SystemExit as stop:
                code = int(stop.code or 0)
        captured = capsys.readouterr()
        assert "Traceback" not in captured.out + captured.err
        return Ended(code, captured.out, captured.err)

    yield ended
    for handler in [each for each in logging.getLogger().handlers if each.get_name() == "bursar"]:
        logging.getLogger().removeHandler(handler)
    logging.captureWarnings(capture=False)


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder whose name is short enough for the sockets in it."""
    with tempfile.TemporaryDirectory(prefix="b", dir="/tmp") as folder:
        yield Path(folder)


class Served:
    """A `bursar` process that stays: its lines are read as they come."""

    def __init__(self, words: tuple[str, ...], environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [BURSAR, *words], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
        )
        self.lines: list[str] = []
        self.errors: list[str] = []
        self._readers = [
            threading.Thread(target=self._read, args=pair, daemon=True)
            for pair in ((self._process.stdout, self.lines), (self._process.stderr, self.errors))
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, stream: IO[str], into: list[str]) -> None:
        into.extend(line.rstrip("\n") for line in stream)

    def line_with(self, text: str, *, within_s: float = 40) -> str:
        """Wait for a line that contains a text; return what follows the text."""
        deadline = time.monotonic() + within_s
        while True:
            for line in [*self.lines, *self.errors]:
                if text in line:
                    return line.partition(text)[2].strip()
            assert self._process.poll() is None, self.errors
            assert time.monotonic() < deadline, (self.lines, self.errors)
            time.sleep(0.02)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to stop; return its exit code."""
        self._process.send_signal(number)
        code = self._process.wait(30)
        for reader in self._readers:
            reader.join(5)
        return code

    def close(self) -> None:
        """End it if it is still there."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(10)
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()


@pytest.fixture
def served(environment: dict[str, str]) -> Iterator[Callable[..., Served]]:
    """Start `bursar` processes that stay; all of them are gone at the end."""
    started: list[Served] = []

    def start(*words: str, **more: str) -> Served:
        started.append(Served(words, environment | more))
        return started[-1]

    yield start
    for process in started:
        process.close()


@pytest.fixture
def statement(tmp_path: Path) -> Path:
    """A QFX file with three rows, two of them equal."""
    path = tmp_path / "january.qfx"
    path.write_text(
        "OFXHEADER:100\nDATA:OFXSGML\nVERSION:102\n\n"
        "<OFX><BANKMSGSRSV1><STMTTRNRS><TRNUID>1<STATUS><CODE>0<SEVERITY>INFO</STATUS><STMTRS><CURDEF>USD\n"
        "<BANKACCTFROM><BANKID>111000025<ACCTID>000123456789<ACCTTYPE>CHECKING</BANKACCTFROM>\n"
        "<BANKTRANLIST><DTSTART>20260101<DTEND>20260131\n"
        "<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20260105<TRNAMT>-3.50<FITID>A1<NAME>COFFEE [HOT]</STMTTRN>\n"
        "<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20260105<TRNAMT>-3.50<FITID>A2<NAME>COFFEE [HOT]</STMTTRN>\n"
        "<STMTTRN><TRNTYPE>CREDIT<DTPOSTED>20260131<TRNAMT>2500.00<FITID>A3<NAME>SALARY</STMTTRN>\n"
        "</BANKTRANLIST><LEDGERBAL><BALAMT>3000.10<DTASOF>20260131</LEDGERBAL>"
        "</STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>\n"
    )
    return path
