"""Asking a bank through Plaid what its accounts hold now."""

from datetime import timedelta
from decimal import Decimal

import pytest

from bursar.ports.errors import ProviderAuthenticationError, ProviderNotFoundError, ProviderUnavailableError
from bursar.ports.provider import Credentials
from bursar.providers.plaid.adapter import PlaidAdapter

TOKEN = Credentials.of("access-sandbox-1")
LIVE = "/accounts/balance/get"


@pytest.fixture
def adapter(client, still) -> PlaidAdapter:
    return PlaidAdapter(client, still)


def show(wire, shapes, institution: str = "ins_109508") -> None:
    """Let the bank have a checking account and a card, whose live balances differ from those that were read last."""
    item = {**shapes.item, "institution_id": institution}
    card = {"type": "credit", "subtype": "credit card"}
    wire.answers["/accounts/get"] = {"accounts": [shapes.account(), shapes.account("card", **card)], "item": item}
    wire.answers[LIVE] = lambda body: {
        "accounts": [
            one
            for one in (
                shapes.account(balances={"current": 950.1}),
                shapes.account("card", balances={"current": 12.5}, **card),
            )
            if one["account_id"] in (body.get("options") or {}).get("account_ids", ("acc-1", "card"))
        ],
        "item": item,
    }


async def test_live_balances_have_the_holders_sign_and_cached_ones_cost_nothing(adapter, wire, shapes) -> None:
    show(wire, shapes)
    await adapter.fetch_accounts(TOKEN)
    assert wire.paths() == ["/accounts/get"]
    found = await adapter.fetch_live_balances(TOKEN)
    assert [one.balance for one in found] == [Decimal("950.1"), Decimal("-12.5")]
    (only,) = await adapter.fetch_live_balances(TOKEN, ["card", "card"])
    assert only.balance == Decimal("-12.5")
    assert wire.calls[-1][1]["options"] == {"account_ids": ["card"]}


async def test_unknown_account_is_told_before_the_billed_call(adapter, wire, shapes) -> None:
    show(wire, shapes)
    with pytest.raises(ProviderNotFoundError):
        await adapter.fetch_live_balances(TOKEN, ["acc-1", "elsewhere"])
    assert LIVE not in wire.paths()


@pytest.mark.parametrize(
    ("institution", "ids", "is_bounded"),
    [("ins_128026", None, True), ("ins_128026", ["acc-1"], False), ("ins_109508", None, False)],
)
async def test_capital_one_is_told_how_old_a_balance_of_a_card_may_be(
    adapter, wire, shapes, institution, ids, is_bounded
) -> None:
    show(wire, shapes, institution)
    await adapter.fetch_live_balances(TOKEN, ids)
    bound = (wire.calls[-1][1].get("options") or {}).get("min_last_updated_datetime")
    assert bound == ((shapes.now - timedelta(days=1)).isoformat() if is_bounded else None)


async def test_billed_call_is_never_sent_twice_and_a_login_that_waits_for_its_user_is_told(
    adapter, wire, shapes
) -> None:
    show(wire, shapes)
    wire.answers[LIVE] = shapes.refusal("API_ERROR", "INTERNAL_SERVER_ERROR", 500)
    with pytest.raises(ProviderUnavailableError):
        await adapter.fetch_live_balances(TOKEN)
    assert wire.paths().count(LIVE) == 1
    wire.answers[LIVE] = shapes.refusal("ITEM_ERROR", "ITEM_LOGIN_REQUIRED")
    with pytest.raises(ProviderAuthenticationError):
        await adapter.fetch_live_balances(TOKEN)
