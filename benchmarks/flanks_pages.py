"""How long do 100,000 transactions take through Flanks' client, against a naive loop and the bare limit?

Usage: python benchmarks/flanks_pages.py [--rows 100000] [--page 500] [--runs 5]

All three read the same pages from a server in another process of this machine. "Naive" is what one writes by hand:
`response.json()` and a pydantic model per item, so its amounts have been floats. "Bare" only fetches and parses. The
client must stay within 1.2 times the naive loop while each amount keeps its digits, and within a bounded memory.
"""

import argparse
import asyncio
import datetime
import json
import multiprocessing
import socket
import statistics
import sys
import tracemalloc
from collections.abc import Awaitable, Callable
from decimal import Decimal
from time import perf_counter
from typing import Any

import httpx2
import uvicorn
from pydantic import BaseModel, ConfigDict

from bursar.providers.flanks import FlanksClient

PATH = "/aggregation/v2/list-transactions"
LONG = Decimal("12345678901234567.89")
MOST_TIMES_NAIVE = 1.2
MOST_BYTES = 32 * 1024 * 1024


class NaiveTransaction(BaseModel):
    """The model that a design on paper would have."""

    model_config = ConfigDict(extra="ignore", frozen=True, str_strip_whitespace=True)

    transaction_id: str
    product_id: str | None = None
    amount: Decimal | None = None
    currency: str | None = None
    description: str | None = None
    date: datetime.date | None = None
    category: str | None = None
    labels: dict[str, str] | None = None


def amount_of(number: int) -> Decimal:
    return LONG if number == 0 else Decimal(-(number * 7919 % 1_000_000)).scaleb(-2)


def render_pages(rows: int, page: int) -> dict[str | None, bytes]:
    """Every page by its token, as bytes."""
    pages: dict[str | None, bytes] = {}
    for start in range(0, rows, page):
        items = ",".join(
            f'{{"transaction_id":"tx_{number:012d}","product_id":"acc_{number % 40:06d}","amount":{amount_of(number)},'
            f'"currency":"EUR","description":"Compra en comercio {number % 977} – Bilbao",'
            f'"date":"2026-{number % 12 + 1:02d}-{number % 28 + 1:02d}","category":"Sport","labels":{{}}}}'
            for number in range(start, min(start + page, rows))
        )
        following = f'"p{start + page}"' if start + page < rows else "null"
        token = None if start == 0 else f"p{start}"
        pages[token] = f'{{"items":[{items}],"next_page_token":{following}}}'.encode()
    return pages


def serve(listener: socket.socket, rows: int, page: int) -> None:
    pages = render_pages(rows, page)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        is_token = scope["path"] == "/v0/token"
        answer = b'{"access_token":"t","expires_in":3600}' if is_token else pages[json.loads(body)["page_token"]]
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(answer)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", access_log=False)).run([listener])


async def read_pages(url: str, take: Callable[[list[Any]], None]) -> None:
    """Fetch and parse every page; the least that anybody has to do."""
    async with httpx2.AsyncClient(base_url=url) as http:
        token: str | None = None
        while True:
            response = await http.post(
                PATH, json={"query": {}, "page_token": token}, headers={"authorization": "Bearer t"}
            )
            answer = response.json()
            take(answer["items"])
            token = answer["next_page_token"]
            if token is None:
                return


async def bare(url: str) -> tuple[int, Decimal]:
    sizes: list[int] = []
    await read_pages(url, lambda items: sizes.append(len(items)))
    return sum(sizes), Decimal(0)


async def naive(url: str) -> tuple[int, Decimal]:
    count, total = 0, Decimal(0)

    def take(items: list[Any]) -> None:
        nonlocal count, total
        for item in items:
            total += NaiveTransaction.model_validate(item).amount or 0
            count += 1

    await read_pages(url, take)
    return count, total


async def client(url: str) -> tuple[int, Decimal]:
    count, total = 0, Decimal(0)
    async with FlanksClient("id", "secret", base_url=url) as flanks:
        async for transaction in flanks.aggregation_v2.list_transactions():
            total += transaction.amount or 0
            count += 1
    return count, total


def measure(read: Callable[[str], Awaitable[tuple[int, Decimal]]], url: str) -> tuple[float, int, Decimal]:
    async def timed() -> tuple[float, int, Decimal]:
        started = perf_counter()
        count, total = await read(url)
        return perf_counter() - started, count, total

    return asyncio.run(timed())


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--page", type=int, default=500)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    server = multiprocessing.get_context("fork").Process(
        target=serve, args=(listener, options.rows, options.page), daemon=True
    )
    server.start()
    try:
        return compare(url, options.rows, options.runs)
    finally:
        server.terminate()
        server.join()


def compare(url: str, rows: int, runs: int) -> int:
    readers = {"bare": bare, "naive": naive, "client": client}
    while True:
        try:
            asyncio.run(httpx2.AsyncClient().post(f"{url}/v0/token"))
            break
        except httpx2.ConnectError:
            pass
    times: dict[str, list[float]] = {name: [] for name in readers}
    totals: dict[str, Decimal] = {}
    # In turns, so that a busy moment of the machine hits all of them.
    for _ in range(runs):
        for name, read in readers.items():
            seconds, count, totals[name] = measure(read, url)
            assert count == rows, (name, count)
            times[name].append(seconds)
    tracemalloc.start()
    asyncio.run(client(url))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    exact = sum((amount_of(number) for number in range(rows)), Decimal(0))
    for name, seconds in times.items():
        median = statistics.median(seconds)
        print(f"{name:7} {median:6.2f} s   {rows / median:9,.0f} rows/s   best {min(seconds):.2f} s")
    ratio = statistics.median(one / other for one, other in zip(times["client"], times["naive"], strict=True))
    print(f"client / naive: {ratio:.2f} (at most {MOST_TIMES_NAIVE})")
    print(f"memory of the client at its peak: {peak / 1024 / 1024:.1f} MiB (at most {MOST_BYTES // 1024 // 1024})")
    print(f"sum off by: client {totals['client'] - exact}, naive {totals['naive'] - exact}")
    is_good = ratio <= MOST_TIMES_NAIVE and totals["client"] == exact and peak <= MOST_BYTES
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
