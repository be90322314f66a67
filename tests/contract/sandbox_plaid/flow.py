"""Every call of our client, once, against the simulated Plaid, with what was said on the wire."""

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from bursar.providers.plaid import PlaidClient
from bursar.providers.plaid.sandbox import PlaidFace
from bursar.providers.plaid.sdk.errors import PlaidError
from bursar.providers.plaid.sdk.sandbox_calls import SandboxTransaction
from bursar.sandbox.app import create_app
from bursar.sandbox.faces import Receive, Scope, Send
from bursar.sandbox.world import World
from bursar.testing.loopback import LoopbackServer, Tampering
from bursar.transport.timing import SYSTEM_TIMING

FIRST_PLATYPUS = "ins_109508"
START = date(2026, 3, 2)


@dataclass(frozen=True)
class Exchange:
    """One call: the path below the host, and both bodies."""

    path: str
    status: int
    request: dict[str, Any]
    answer: dict[str, Any]


@dataclass(frozen=True)
class Said:
    """All that was said: calls, and the webhooks that came meanwhile."""

    exchanges: tuple[Exchange, ...]
    webhooks: tuple[dict[str, Any], ...]

    def paths(self) -> set[str]:
        return {exchange.path for exchange in self.exchanges}


def run_flow() -> Said:
    """Run our client through everything that it can do; answers with an error are part of it."""
    face = PlaidFace(rate_limits=False)
    world = World(11, start=START, history_days=100)
    wire = Tampering(create_app(world, control_token="t", faces=[face]))
    hooks: list[tuple[dict[str, str], bytes]] = []

    async def receiver(scope: Scope, receive: Receive, send: Send) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        hooks.append((headers, body))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    with LoopbackServer(wire) as server, LoopbackServer(receiver) as hooked:
        asyncio.run(_call_everything(server.url, f"{hooked.url}/hooks", face, world, hooks))
    exchanges = tuple(
        Exchange(one.path.removeprefix("/plaid"), one.status, json.loads(one.request_body), json.loads(one.body))
        for one in wire.answers
        if one.path.startswith("/plaid")
    )
    return Said(exchanges, tuple(json.loads(body) for _, body in hooks))


async def _call_everything(url: str, hook: str, face: PlaidFace, world: World, hooks: list[Any]) -> None:
    timing = replace(SYSTEM_TIMING, now=world.clock.now)
    async with PlaidClient(face.client_id, face.secret, base_url=f"{url}/plaid", timing=timing) as plaid:
        await _link(plaid, hook)
        products = ("transactions", "auth", "identity", "investments", "liabilities")
        made = await plaid.create_sandbox_public_token(FIRST_PLATYPUS, products, webhook=hook)
        token = (await plaid.exchange_public_token(made.public_token)).access_token
        await _read(plaid, token, world)
        await _steer(plaid, token, hook, world)
        await _refuse(plaid, token)
        for headers, body in hooks:
            await plaid.read_webhook(headers, body)
        await plaid.remove_item(token, reason_code="OTHER", reason_note="the flow is over")


async def _link(plaid: PlaidClient, hook: str) -> None:
    await plaid.create_link_token(
        user_id="user-1",
        products=("transactions",),
        optional_products=("investments",),
        required_if_supported_products=("auth",),
        additional_consented_products=("liabilities",),
        webhook=hook,
        days_requested=730,
        account_filters={"depository": {"account_subtypes": ["checking", "savings"]}},
        link_customization_name="default",
    )
    await plaid.list_institutions(count=5, country_codes=("US", "GB"), include_optional_metadata=True)
    await plaid.list_institutions(count=5, products=("transactions",), oauth=False)
    await plaid.get_institution(FIRST_PLATYPUS, include_optional_metadata=True, include_status=True)
    await plaid.search_institutions("platypus", products=("transactions",))


async def _read(plaid: PlaidClient, token: Any, world: World) -> None:
    await plaid.get_item(token)
    accounts = (await plaid.get_accounts(token)).accounts
    some = [accounts[0].account_id]
    await plaid.get_accounts(token, account_ids=some)
    await plaid.get_live_balances(token, account_ids=some, min_last_updated_at=world.now - timedelta(days=1))
    await plaid.get_live_balances(token)
    await plaid.get_identity(token)
    await plaid.get_auth(token)
    await plaid.get_liabilities(token)
    await plaid.sync_transactions(token)
    first, last = world.now.date() - timedelta(days=90), world.now.date()
    await plaid.get_transactions(token, first, last, account_ids=some)
    await plaid.get_holdings(token)
    await plaid.get_investment_transactions(token, first, last)


async def _steer(plaid: PlaidClient, token: Any, hook: str, world: World) -> None:
    await plaid.refresh_transactions(token)
    await plaid.update_item_webhook(token, hook)
    for code in (
        "SYNC_UPDATES_AVAILABLE DEFAULT_UPDATE NEW_ACCOUNTS_AVAILABLE PENDING_DISCONNECT USER_PERMISSION_REVOKED "
        "USER_ACCOUNT_REVOKED LOGIN_REPAIRED ERROR RECURRING_TRANSACTIONS_UPDATE"
    ).split():
        await plaid.fire_sandbox_webhook(token, code)
    for kind in ("HOLDINGS", "INVESTMENTS_TRANSACTIONS"):
        await plaid.fire_sandbox_webhook(token, "DEFAULT_UPDATE", webhook_type=kind)
    dynamic = await plaid.create_sandbox_public_token(
        FIRST_PLATYPUS, username="user_transactions_dynamic", password="any", transactions={"days_requested": 90}
    )
    other = (await plaid.exchange_public_token(dynamic.public_token)).access_token
    today = world.now.date()
    rows = [
        SandboxTransaction(today, today, Decimal("12.30"), "MADE UP"),
        SandboxTransaction(today - timedelta(days=1), today, Decimal(-5), "AND BACK"),
    ]
    await plaid.create_sandbox_transactions(other, rows)
    await plaid.refresh_transactions(other)
    await plaid.sync_transactions(other)
    rotated = await plaid.invalidate_access_token(other)
    await plaid.reset_sandbox_login(rotated.new_access_token)
    with suppress(PlaidError):
        await plaid.get_accounts(rotated.new_access_token)
    await plaid.get_item(rotated.new_access_token)
    await plaid.create_link_token(user_id="user-1", access_token=rotated.new_access_token, account_selection=True)


async def _refuse(plaid: PlaidClient, token: Any) -> None:
    with suppress(PlaidError):
        await plaid.get_webhook_key("00000000-0000-4000-8000-000000000000")
    with suppress(PlaidError):
        await plaid.get_accounts(token, account_ids=["nobody"])
    with suppress(PlaidError):
        await plaid.get_institution("ins_0")
