"""A scripted Plaid at the wire, and rows shaped like the real ones."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from bursar.providers.plaid import PlaidClient
from bursar.transport.timing import Timing

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ITEM = {
    "item_id": "Ht5uG9bX2nQw7MkC4rVe1ZsD8pLa6YfJ3oTy0",
    "institution_id": "ins_109508",
    "institution_name": "First Platypus Bank",
    "webhook": "",
    "error": None,
    "available_products": ["identity"],
    "billed_products": ["transactions"],
    "products": ["transactions"],
    "consent_expiration_time": None,
    "update_type": "background",
}


class FakePlaid:
    """Answers by path: a body, an error, a list of them in order, or a function of the request's body."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.headers: list[httpx2.Headers] = []

    def handle(self, request: httpx2.Request) -> httpx2.Response:
        body = json.loads(request.content)
        self.calls.append((request.url.path, body))
        self.headers.append(request.headers)
        answer = self.answers[request.url.path]
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if callable(answer):
            answer = answer(body)
        if isinstance(answer, httpx2.Response):
            return answer
        if isinstance(answer, bytes):
            return httpx2.Response(200, content=answer)
        return httpx2.Response(200, json={"request_id": "Zk3xQp81LmNa04T", **answer})

    def paths(self) -> list[str]:
        return [path for path, _ in self.calls]


def refusal(error_type: str, error_code: str, status: int = 400, **members: Any) -> httpx2.Response:
    return httpx2.Response(
        status,
        json={
            "error_type": error_type,
            "error_code": error_code,
            "error_message": "text that changes",
            "display_message": None,
            "request_id": "c3Mv9QaT6yHs1Bn",
            **members,
        },
    )


def transaction(number: int = 0, **members: Any) -> dict[str, Any]:
    return {
        "account_id": "acc-1",
        "account_owner": None,
        "amount": 38.64,
        "iso_currency_code": "USD",
        "unofficial_currency_code": None,
        "check_number": None,
        "counterparties": [
            {"name": "Corner Market", "type": "merchant", "logo_url": None, "website": "corner.example"},
        ],
        "date": "2026-07-11",
        "datetime": None,
        "authorized_date": "2026-07-10",
        "authorized_datetime": None,
        "location": {"address": None, "city": None, "lat": None, "lon": None},
        "merchant_name": "Corner Market",
        "merchant_entity_id": "Ce9kV2mT5xWq8RbN1zLj4HpY7sGd3FuA6oXi0",
        "name": "PURCHASE CORNER MKT #1700",
        "payment_channel": "in store",
        "payment_meta": {"payee": None, "reference_number": None},
        "pending": False,
        "pending_transaction_id": None,
        "personal_finance_category": {
            "primary": "GENERAL_MERCHANDISE",
            "detailed": "GENERAL_MERCHANDISE_SUPERSTORES",
            "confidence_level": "VERY_HIGH",
            "version": "v2",
        },
        "transaction_code": None,
        "transaction_id": f"tx-{number}",
        **members,
    }


def account(account_id: str = "acc-1", **members: Any) -> dict[str, Any]:
    balances = {
        "available": 845.12,
        "current": 902.4,
        "limit": None,
        "iso_currency_code": "USD",
        "unofficial_currency_code": None,
        **members.pop("balances", {}),
    }
    return {
        "account_id": account_id,
        "mask": "2291",
        "name": "Everyday Checking",
        "official_name": "Everyday Checking Plus",
        "type": "depository",
        "subtype": "checking",
        "balances": balances,
        **members,
    }


def sync_page(**members: Any) -> dict[str, Any]:
    return {
        "transactions_update_status": "HISTORICAL_UPDATE_COMPLETE",
        "accounts": [],
        "added": [],
        "modified": [],
        "removed": [],
        "next_cursor": "cursor-end",
        "has_more": False,
        **members,
    }


class StillTime:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.passed_s = 0.0
        self.slept: list[float] = []
        self.timing = Timing(
            now=self.now, monotonic=lambda: 1000.0 + self.passed_s, sleep=self._sleep, random=lambda: 0.0
        )

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.passed_s)

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.passed_s += seconds
        await asyncio.sleep(0)


class Shapes:
    """The builders above, for tests to take as one fixture."""

    item = ITEM
    now = NOW
    refusal = staticmethod(refusal)
    transaction = staticmethod(transaction)
    account = staticmethod(account)
    sync_page = staticmethod(sync_page)


@pytest.fixture
def shapes() -> type[Shapes]:
    return Shapes


@pytest.fixture
def wire() -> FakePlaid:
    return FakePlaid()


@pytest.fixture
def still() -> StillTime:
    return StillTime()


@pytest.fixture
async def make_client(wire: FakePlaid, still: StillTime) -> AsyncIterator[Callable[..., PlaidClient]]:
    http = httpx2.AsyncClient(transport=httpx2.MockTransport(wire.handle))

    def make(**options: Any) -> PlaidClient:
        return PlaidClient("client-id-canary", "secret-canary", http_client=http, timing=still.timing, **options)

    yield make
    await http.aclose()


@pytest.fixture
def client(make_client: Callable[..., PlaidClient]) -> PlaidClient:
    return make_client()
