"""Asking institutions through Finicity what their accounts hold now."""

from decimal import Decimal
from zoneinfo import ZoneInfo

import httpx2
import pytest

from bursar.domain.time import SystemClock
from bursar.ports.errors import (
    ProviderAuthenticationError,
    ProviderInvalidResponseError,
    ProviderNotFoundError,
    ProviderUnavailableError,
    ProviderUnsupportedError,
)
from bursar.ports.provider import Credentials
from bursar.providers.finicity.adapter import FinicityAdapter

LOGIN = Credentials({"customer_id": "7005061234", "institution_login_id": "6007302745", "timezone": "America/New_York"})
CUSTOMER = "/aggregation/v1/customers/7005061234"
LISTING = f"{CUSTOMER}/institutionLogins/6007302745/accounts"
UNSUPPORTED = httpx2.Response(400, json={"code": 10106, "message": "This type of account is not supported"})


@pytest.fixture
def adapter(client) -> FinicityAdapter:
    return FinicityAdapter(client, SystemClock(), ZoneInfo("America/New_York"))


def listed(number: int, **members):
    """An account as the listing has it."""
    return {
        "id": f"60{number}",
        "number": f"xxxx{number}",
        "accountNumberDisplay": f"{number}",
        "name": f"Account {number}",
        "balance": 401.26,
        "type": "checking",
        "status": "active",
        "aggregationStatusCode": 0,
        "customerId": "7005061234",
        "institutionId": "102105",
        "institutionLoginId": 6007302745,
        "currency": "USD",
        "createdDate": 1780000000,
        "balanceDate": 1784019600,
        **members,
    }


def show(fake, *accounts, **live) -> None:
    """Let the login have accounts, and the institution say what each holds, by number."""
    fake.answers[LISTING] = {"accounts": list(accounts)}
    usual = {"id": "7005061234", "clearedBalanceDate": 1784100000, "currency": "USD"}
    for number, answer in live.items():
        told = {**usual, **answer} if isinstance(answer, dict) else answer
        fake.answers[f"{CUSTOMER}/accounts/60{number[1:]}/availableBalance/live"] = told


async def test_live_balance_replaces_the_listed_one_with_its_instant(adapter, fake) -> None:
    show(fake, listed(1), _1={"clearedBalance": 77.7, "availableBalance": 70})
    (one,) = await adapter.fetch_live_balances(LOGIN)
    assert (one.balance, one.available_balance) == (Decimal("77.7"), Decimal(70))
    assert one.balance_as_of is not None and int(one.balance_as_of.timestamp()) == 1784100000
    assert fake.requests[-1].url.params["balance_cache_interval"] == "0"


@pytest.mark.parametrize(
    ("balance", "left", "live", "expected"),
    [
        (100, 900, 250, -250),  # told as what is owed
        (-100, 900, -250, -250),  # told in the holder's sign
        (-50, 1050, -80, 80),  # told as what is owed, and the bank owes
        (0, 1000, 250, -250),  # nothing tells which way it points: something is owed
    ],
)
async def test_live_balance_of_a_card_points_the_way_of_the_listed_one(
    adapter, fake, balance, left, live, expected
) -> None:
    detail = {"creditMaxAmount": 1000, "creditAvailableAmount": left}
    show(fake, listed(1, type="creditCard", balance=balance, detail=detail), _1={"clearedBalance": live})
    (one,) = await adapter.fetch_live_balances(LOGIN)
    assert (one.balance, one.available_balance) == (expected, left)


async def test_account_that_cannot_be_asked_about_keeps_its_last_balance_with_a_warning(adapter, fake) -> None:
    show(fake, listed(1), listed(2, type="mortgage", balance=-9), _1={"clearedBalance": 5}, _2=UNSUPPORTED)
    found = await adapter.fetch_live_balances(LOGIN)
    assert [one.balance for one in found] == [5, -9]
    assert [(one.code, one.provider_id) for one in found.warnings if one.code == "balance_not_live"] == [
        ("balance_not_live", "602")
    ]
    with pytest.raises(ProviderUnsupportedError):
        await adapter.fetch_live_balances(LOGIN, ["602"])


@pytest.mark.parametrize(
    ("answer", "class_"),
    [
        ({"clearedBalance": 5, "aggregationStatusCode": 103}, ProviderAuthenticationError),
        ({"clearedBalance": 5, "aggregationStatusCode": 900}, ProviderUnavailableError),
        ({"clearedBalance": None}, ProviderUnavailableError),
        ({"clearedBalance": 5, "currency": "EUR"}, ProviderInvalidResponseError),
        (httpx2.Response(500, json={"code": 103, "message": "wrong password"}), ProviderAuthenticationError),
    ],
)
async def test_institution_that_does_not_tell_is_an_error_and_no_old_balance(adapter, fake, answer, class_) -> None:
    show(fake, listed(1), _1=answer)
    with pytest.raises(class_):
        await adapter.fetch_live_balances(LOGIN)


async def test_unknown_account_is_told_before_any_institution_is_asked(adapter, fake) -> None:
    show(fake, listed(1))
    with pytest.raises(ProviderNotFoundError):
        await adapter.fetch_live_balances(LOGIN, ["601", "666"])
    assert not [path for path in fake.paths() if path.endswith("/live")]
