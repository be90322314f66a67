"""How fast and how exactly does a 500-row Plaid sync page become typed rows, beside two usual ways?

Run: `.venv/bin/python benchmarks/decode_sync_page.py`. One generated page of bytes goes through every reader in the
same process, round after round, and the medians are compared. Memory is measured in a process of its own for each
reader: `python` is the peak of Python's allocations (tracemalloc), `resident` the peak of the whole process.
Exactness: the amounts of an extra page whose digits a float cannot hold, compared as text.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
import tracemalloc
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROWS = 500
ROUNDS = {"bursar": 60, "json + pydantic": 20, "plaid-python": 3}
OURS = "bursar"
TARGETS = {"plaid-python": 300, "json + pydantic": 4}
HARD_AMOUNTS = ("0.1", "1234567.89", "12345678901234567.89", "1234567890123456.789", "1.10", "-0.01")

Reader = Callable[[bytes], list[Any]]


def page_row(number: int) -> dict[str, Any]:
    cents = 1 + number * 7919 % 500_000
    return {
        "account_id": "Qk7mW2xD4vTa9LpR1sYb6NcE8hUj3ZgF5oXw0",
        "account_owner": None,
        "amount": f"@{cents // 100}.{cents % 100:02}@",
        "iso_currency_code": "USD",
        "unofficial_currency_code": None,
        "category": None,
        "category_id": None,
        "check_number": None,
        "counterparties": [
            {
                "name": f"Market {number % 97}",
                "type": "merchant",
                "logo_url": None,
                "website": "market.example",
                "entity_id": "Ce9kV2mT5xWq8RbN1zLj4HpY7sGd3FuA6oXi0",
                "confidence_level": "VERY_HIGH",
            }
        ],
        "date": f"2026-{number % 12 + 1:02}-{number % 28 + 1:02}",
        "datetime": None,
        "authorized_date": f"2026-{number % 12 + 1:02}-{number % 28 + 1:02}",
        "authorized_datetime": None,
        "location": dict.fromkeys(
            ("address", "city", "region", "postal_code", "country", "lat", "lon", "store_number")
        ),
        "merchant_name": f"Market {number % 97}",
        "merchant_entity_id": "Ce9kV2mT5xWq8RbN1zLj4HpY7sGd3FuA6oXi0",
        "logo_url": None,
        "website": "market.example",
        "name": f"PURCHASE MARKET {number % 97} #{number}",
        "payment_channel": "in store",
        "payment_meta": dict.fromkeys(
            (
                *("by_order_of", "payee", "payer", "payment_method", "payment_processor"),
                *("ppd_id", "reason", "reference_number"),
            )
        ),
        "pending": False,
        "pending_transaction_id": None,
        "personal_finance_category": {
            "primary": "GENERAL_MERCHANDISE",
            "detailed": "GENERAL_MERCHANDISE_SUPERSTORES",
            "confidence_level": "VERY_HIGH",
            "version": "v2",
        },
        "personal_finance_category_icon_url": "https://icons.example/PFC_GENERAL_MERCHANDISE.png",
        "transaction_code": None,
        "transaction_id": f"Ys8dN3fP6kLz1QmV9xRb4TcH7wGj2EuA{number:05}",
        "transaction_type": "place",
    }


def make_page(rows: list[dict[str, Any]]) -> bytes:
    page = {
        "transactions_update_status": "HISTORICAL_UPDATE_COMPLETE",
        "accounts": [],
        "added": rows,
        "modified": [],
        "removed": [],
        "next_cursor": "c-1",
        "has_more": False,
        "request_id": "u7Lr2KfP8wGx5Jz",
    }
    return json.dumps(page).replace('"@', "").replace('@"', "").encode()


def reader_of(name: str) -> Reader:
    """Import what the reader needs and return it: imports are not part of a reading."""
    if name == OURS:
        return _ours()
    return _pydantic() if name == "json + pydantic" else _plaid_python()


def _ours() -> Reader:
    from bursar.providers.plaid.sdk.models.transactions import SyncPage
    from bursar.transport import json as exact_json

    return lambda body: list(exact_json.decode(body, SyncPage).added)


def _pydantic() -> Reader:
    import datetime as dt
    from decimal import Decimal

    from pydantic import BaseModel

    class Counterparty(BaseModel):
        name: str
        type: str
        entity_id: str | None = None
        website: str | None = None
        logo_url: str | None = None
        confidence_level: str | None = None

    class Category(BaseModel):
        primary: str
        detailed: str
        confidence_level: str | None = None
        version: str | None = None

    class Location(BaseModel):
        address: str | None = None
        city: str | None = None
        region: str | None = None
        postal_code: str | None = None
        country: str | None = None
        lat: Decimal | None = None
        lon: Decimal | None = None
        store_number: str | None = None

    class PaymentMeta(BaseModel):
        reference_number: str | None = None
        ppd_id: str | None = None
        payee: str | None = None
        by_order_of: str | None = None
        payer: str | None = None
        payment_method: str | None = None
        payment_processor: str | None = None
        reason: str | None = None

    class Transaction(BaseModel):
        transaction_id: str
        account_id: str
        pending: bool
        pending_transaction_id: str | None = None
        amount: Decimal
        iso_currency_code: str | None = None
        unofficial_currency_code: str | None = None
        date: dt.date
        authorized_date: dt.date | None = None
        datetime: dt.datetime | None = None
        authorized_datetime: dt.datetime | None = None
        name: str
        original_description: str | None = None
        merchant_name: str | None = None
        merchant_entity_id: str | None = None
        logo_url: str | None = None
        website: str | None = None
        counterparties: list[Counterparty] | None = None
        personal_finance_category: Category | None = None
        personal_finance_category_icon_url: str | None = None
        payment_channel: str | None = None
        transaction_code: str | None = None
        location: Location | None = None
        payment_meta: PaymentMeta | None = None
        account_owner: str | None = None
        check_number: str | None = None

    def read(body: bytes) -> list[Transaction]:
        page = json.loads(body, parse_float=Decimal)
        return [Transaction.model_validate(row) for row in page["added"]]

    return read


def _plaid_python() -> Reader:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import plaid
        from plaid.model.transactions_sync_response import TransactionsSyncResponse

    client = plaid.ApiClient(plaid.Configuration())

    class Answer:
        def __init__(self, body: bytes) -> None:
            self.data = body.decode()

    return lambda body: list(client.deserialize(Answer(body), (TransactionsSyncResponse,), True).added)


def peak_resident_kb() -> int:
    # Not getrusage: its peak is inherited from the process that started this one.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])


def measure_memory(name: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", __file__, "--memory", name], check=True, capture_output=True, text=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def print_memory(name: str) -> None:
    """Read one page and print the peaks, as JSON; runs in a process of its own."""
    read = reader_of(name)
    body = make_page([page_row(number) for number in range(ROWS)])
    rows = read(body)
    resident = peak_resident_kb()
    assert len(rows) == ROWS
    del rows
    tracemalloc.start()
    kept = read(body)
    peak = tracemalloc.get_traced_memory()[1]
    assert len(kept) == ROWS
    print(json.dumps({"python": peak / 2**20, "resident": resident / 1024}))


def measure_seconds(readers: dict[str, Reader], body: bytes) -> dict[str, float]:
    """Medians; the readers take turns, so that a busy moment of the machine does not hit one of them alone."""
    taken: dict[str, list[float]] = {name: [] for name in readers}
    for round_number in range(max(ROUNDS.values())):
        for name, read in readers.items():
            if round_number < ROUNDS[name]:
                started = time.perf_counter()
                rows = read(body)
                taken[name].append(time.perf_counter() - started)
                assert len(rows) == ROWS
    return {name: statistics.median(values) for name, values in taken.items()}


def count_exact(read: Reader) -> int:
    rows = read(make_page([{**page_row(number), "amount": f"@{text}@"} for number, text in enumerate(HARD_AMOUNTS)]))
    return sum(str(row.amount) == text for row, text in zip(rows, HARD_AMOUNTS, strict=True))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--memory", metavar="READER", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.memory:
        print_memory(arguments.memory)
        return 0
    readers = {name: reader_of(name) for name in ROUNDS}
    body = make_page([page_row(number) for number in range(ROWS)])
    seconds = measure_seconds(readers, body)
    print(f"{ROWS} rows, {len(body):,} bytes")
    print(f"{'reader':<16} {'ms':>9} {'x ours':>8} {'python MB':>10} {'resident MB':>12}  exact amounts")
    exact: dict[str, int] = {}
    for name, read in readers.items():
        memory = measure_memory(name)
        exact[name] = count_exact(read)
        print(
            f"{name:<16} {seconds[name] * 1000:>9.2f} {seconds[name] / seconds[OURS]:>8.1f} {memory['python']:>10.1f} "
            f"{memory['resident']:>12.1f}  {exact[name]} of {len(HARD_AMOUNTS)}"
        )
    met = exact[OURS] == len(HARD_AMOUNTS)
    print("met   " if met else "MISSED", "every amount digit for digit")
    for name, target in TARGETS.items():
        factor = seconds[name] / seconds[OURS]
        met = met and factor >= target
        print("met   " if factor >= target else "MISSED", f"{factor:.0f} x faster than {name} (target {target} x)")
    return 0 if met else 1


if __name__ == "__main__":
    raise SystemExit(main())
