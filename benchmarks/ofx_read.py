"""How fast and how lean does the OFX reader give typed rows, beside two public readers, in one run?

Run: `.venv/bin/python benchmarks/ofx_read.py`. Each measurement is a process of its own that reads one generated SGML
file and touches what a user wants of each row: amount (Decimal), day, id, name and memo. Seconds are the best of the
rounds, without interpreter start and imports; memory is the process's peak resident set. `--quick` leaves out the
largest file and `ofxparse`.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

SIZES = (20_000, 100_000, 1_000_000)
OURS = "bursar"
LARGEST = {
    "ofxtools": (100_000, "it keeps the whole file as objects: minutes and gigabytes at the next size"),
    "ofxparse": (20_000, "its time is quadratic: many minutes at the next size"),
}
TARGETS = {"ofxparse": 200, "ofxtools": 20}
MOST_MEGABYTES = 60
MOST_GROWTH = 11.0

_HEAD = (
    "OFXHEADER:100\nDATA:OFXSGML\nVERSION:102\nSECURITY:NONE\nENCODING:USASCII\nCHARSET:1252\nCOMPRESSION:NONE\n"
    "OLDFILEUID:NONE\nNEWFILEUID:NONE\n\n<OFX><SIGNONMSGSRSV1><SONRS><STATUS><CODE>0<SEVERITY>INFO</STATUS>"
    "<DTSERVER>20250101120000<LANGUAGE>ENG<FI><ORG>NORTHBANK<FID>4242</FI></SONRS></SIGNONMSGSRSV1><BANKMSGSRSV1>"
    "<STMTTRNRS><TRNUID>1<STATUS><CODE>0<SEVERITY>INFO</STATUS><STMTRS><CURDEF>USD<BANKACCTFROM><BANKID>021000021"
    "<ACCTID>100200300<ACCTTYPE>CHECKING</BANKACCTFROM><BANKTRANLIST><DTSTART>20240101120000<DTEND>20241231120000\n"
)
_TAIL = (
    "</BANKTRANLIST><LEDGERBAL><BALAMT>1234.56<DTASOF>20241231120000</LEDGERBAL></STMTRS></STMTTRNRS></BANKMSGSRSV1>"
    "</OFX>\n"
)


def write_statement(path: Path, rows: int) -> None:
    with path.open("w", encoding="ascii") as file:
        file.write(_HEAD)
        for number in range(rows):
            cents = 1 + number * 7919 % 500_000
            file.write(
                f"<STMTTRN>\n<TRNTYPE>DEBIT\n<DTPOSTED>2024{number % 12 + 1:02}{number % 28 + 1:02}120000[0:GMT]\n"
                f"<TRNAMT>-{cents // 100}.{cents % 100:02}\n<FITID>2024{number:012}\n"
                f"<NAME>MERCHANT {number % 977} SPRINGFIELD\n<MEMO>CARD PURCHASE {number % 31}\n</STMTTRN>\n"
            )
        file.write(_TAIL)


def _read_ours(path: Path) -> Iterator[tuple[Decimal, object]]:
    from bursar.importers.ofx.rows import BankRow, iter_rows

    with path.open("rb") as file:
        for row in iter_rows(file):
            assert isinstance(row, BankRow)
            yield row.amount, (row.posted.on, row.fitid, row.name, row.memo)


def _read_ofxtools(path: Path) -> Iterator[tuple[Decimal, object]]:
    from ofxtools.Parser import OFXTree

    tree = OFXTree()
    with path.open("rb") as file:
        tree.parse(file)
    for row in tree.convert().statements[0].transactions:
        yield row.trnamt, (row.dtposted, row.fitid, row.name, row.memo)


def _read_ofxparse(path: Path) -> Iterator[tuple[Decimal, object]]:
    from ofxparse import OfxParser

    with path.open("rb") as file:
        document = OfxParser.parse(file)
    for row in document.account.statement.transactions:
        yield row.amount, (row.date, row.id, row.payee, row.memo)


READERS: dict[str, Callable[[Path], Iterator[tuple[Decimal, object]]]] = {
    OURS: _read_ours,
    "ofxtools": _read_ofxtools,
    "ofxparse": _read_ofxparse,
}


def read_once(reader: str, path: Path) -> None:
    """Print what one reading took, as JSON; runs in a process of its own."""
    if reader == "ofxtools":
        import ofxtools.Parser  # noqa: F401 - imports are not part of the reading
    elif reader == "ofxparse":
        import ofxparse  # noqa: F401 - as above
    else:
        import bursar.importers.ofx.rows  # noqa: F401 - as above
    started = time.perf_counter()
    count, total = 0, Decimal(0)
    for amount, _ in READERS[reader](path):
        count += 1
        total += amount
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "rows": count, "total": str(total), "megabytes": peak}))


def measure(reader: str, path: Path) -> dict[str, float]:
    """Return the best of the rounds; readers of many seconds get one."""
    best: dict[str, float] = {}
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", __file__, "--once", reader, str(path)],
            check=True,
            capture_output=True,
            text=True,
        )
        result = json.loads(done.stdout.splitlines()[-1])
        if not best or result["seconds"] < best["seconds"]:
            best = result
        if result["seconds"] > 10:
            break
    return best


def compare(sizes: tuple[int, ...], readers: list[str]) -> bool:
    """Measure, print a table and the verdicts; True when all targets are met."""
    results: dict[tuple[str, int], dict[str, float]] = {}
    print(f"{'rows':>9}  {'reader':<9} {'seconds':>9} {'us/row':>8} {'peak MB':>8}  note")
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            path = Path(folder, f"{size}.ofx")
            write_statement(path, size)
            for reader in readers:
                largest, reason = LARGEST.get(reader, (size, ""))
                if size > largest:
                    print(f"{size:>9}  {reader:<9} {'-':>9} {'-':>8} {'-':>8}  skipped: {reason}")
                    continue
                result = results[reader, size] = measure(reader, path)
                assert result["rows"] == size
                assert result["total"] == results[OURS, size]["total"]
                seconds = result["seconds"]
                note = "" if reader == OURS else f"{seconds / results[OURS, size]['seconds']:.1f} x the time"
                print(
                    f"{size:>9}  {reader:<9} {seconds:>9.3f} {seconds / size * 1e6:>8.2f} "
                    f"{result['megabytes']:>8.1f}  {note}",
                    flush=True,
                )
            path.unlink()
    return judge(results)


def judge(results: dict[tuple[str, int], dict[str, float]]) -> bool:
    """Print each target beside what was measured."""
    verdicts: list[tuple[str, bool]] = []
    for (reader, size), result in results.items():
        if reader in TARGETS:
            factor = result["seconds"] / results[OURS, size]["seconds"]
            text = f"{factor:.0f} x faster than {reader} at {size:,} rows (target {TARGETS[reader]} x)"
            verdicts.append((text, factor >= TARGETS[reader]))
    if (OURS, 1_000_000) in results:
        growth = results[OURS, 1_000_000]["seconds"] / results[OURS, 100_000]["seconds"]
        verdicts.append((f"10 x the rows take {growth:.1f} x the time (target {MOST_GROWTH} x)", growth <= MOST_GROWTH))
        peak = results[OURS, 1_000_000]["megabytes"]
        verdicts.append((f"{peak:.0f} MB at 1,000,000 rows (target {MOST_MEGABYTES} MB)", peak < MOST_MEGABYTES))
    for text, is_met in verdicts:
        print("met   " if is_met else "MISSED", text)
    return all(is_met for _, is_met in verdicts)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--once", nargs=2, metavar=("READER", "FILE"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.once:
        read_once(arguments.once[0], Path(arguments.once[1]))
        return 0
    readers = [OURS, "ofxtools"] if arguments.quick else [OURS, "ofxtools", "ofxparse"]
    return 0 if compare(SIZES[:2] if arguments.quick else SIZES, readers) else 1


if __name__ == "__main__":
    raise SystemExit(main())
