"""A provider that somebody registers works through the interface as it is: its webhooks, its owners, its logins."""

import hashlib
import hmac
from collections.abc import Mapping
from decimal import Decimal

import pytest
from fastapi import FastAPI

from bursar.banking import add_banking, easy_banking
from bursar.banking.exceptions import ProviderNotConfiguredError, UnsupportedError, WebhookRefusedError
from bursar.domain.accounts import ProviderAccountData
from bursar.domain.connections import ProviderAuthType, ProviderCapability, ProviderCategory
from bursar.domain.owners import OwnerAddress, ProviderOwnerData
from bursar.domain.sync import RecordBatch
from bursar.domain.webhooks import NoticeKind, ProviderNotice
from bursar.ports import webhooks as ports
from bursar.ports.errors import ProviderAuthenticationError
from bursar.ports.provider import ConnectStart, Credentials, EstablishedConnection, ProviderContext, ProviderSpec
from bursar.registry import Registry

ADA = {
    "names": ("Ada Marsh", "A. Marsh"),
    "emails": ("ada@example.com",),
    "phones": ("+1 555 0100",),
    "addresses": (OwnerAddress(lines=("5 Mill Lane",), city="Riverton", postal_code="10001", country="US"),),
}


class NorthBank:
    """An adapter over a bank that is a few records in memory."""

    def __init__(self, context: ProviderContext) -> None:
        self.read = 0
        self.begun = ""

    async def begin(self, request) -> ConnectStart:
        self.begun = request.connection_id
        return ConnectStart(link_token='{"applicationId": "app-1", "nonce": "n-1"}', needs=("enrollment",))

    async def complete(self, completion) -> EstablishedConnection:
        if completion.renew is not None:
            completion.renew.require("login")
        elif completion.connection_id != self.begun:
            raise ProviderAuthenticationError("The sign-in was not begun for this connection.", code="sign_in_refused")
        return EstablishedConnection(credentials=Credentials({"login": "l-1", "key": "k-1"}), institution_name="North")

    async def fetch_accounts(self, credentials) -> RecordBatch[ProviderAccountData]:
        self.read += 1
        return RecordBatch(
            ProviderAccountData(
                provider_account_id=id_,
                account_number_masked="****1",
                name=id_,
                account_type=kind,
                currency="USD",
                balance=Decimal(balance),
                balance_known=known,
            )
            for id_, kind, balance, known in (
                ("a", "checking", 5, True),
                ("b", "mortgage", -9, True),
                ("c", "?", 0, False),
            )
        )

    async def fetch_transactions(self, *_: object) -> RecordBatch:
        return RecordBatch()

    async def fetch_holdings(self, *_: object) -> RecordBatch:
        return RecordBatch()

    async def sync(self, *_: object):
        return
        yield

    async def validate(self, credentials) -> None:
        return None

    async def revoke(self, credentials) -> None:
        return None

    async def aclose(self) -> None:
        return None

    async def fetch_owners(self, credentials, provider_account_id=None) -> RecordBatch[ProviderOwnerData]:
        ben = ProviderOwnerData(provider_account_id="b", names=("Ben Marsh",))
        return RecordBatch([*(ProviderOwnerData(provider_account_id=one, **ADA) for one in "ab"), ben])

    async def read_webhook(self, headers: Mapping[str, str], body: bytes) -> list[ProviderNotice]:
        if not hmac.compare_digest(sign(body), headers.get("x-signature", "")):
            raise ports.WebhookRefusedError("The webhook is not signed by North.")
        return [
            ProviderNotice(
                kind=NoticeKind.DATA_CHANGED,
                external_login_id="l-1",
                code="changed",
                notice_id=hashlib.sha256(body).hexdigest(),
            )
        ]


def sign(body: bytes) -> str:
    return hmac.new(b"agreed", body, hashlib.sha256).hexdigest()


NORTH = ProviderSpec(
    slug="north",
    display_name="North",
    category=ProviderCategory.BANK,
    auth_type=ProviderAuthType.CUSTOM,
    capabilities=frozenset({ProviderCapability.ACCOUNTS, ProviderCapability.IDENTITY, ProviderCapability.WEBHOOKS}),
    factory=NorthBank,
    required_settings=("north_key",),
)


@pytest.fixture
def north():
    with easy_banking("north", registry=Registry([NORTH], []), environ={}, key="k") as banking:
        yield banking


async def test_login_of_several_values_is_one_token_and_bound_to_its_user(north) -> None:
    start = await north.create_link_token(user_id="ada")
    assert (start.kind, start.config) == ("connect_config", {"applicationId": "app-1", "nonce": "n-1"})
    with pytest.raises(Exception, match="not begun for this connection"):
        await north.exchange_public_token(enrollment="e", user_id="ben")
    item = await north.exchange_public_token(enrollment="e", user_id="ada")
    accounts = await north.get_accounts(item.access_token)
    assert {account.institution_name for account in accounts} == {"North"}
    # A token that does not say which login it is opens the accounts all the same, without the institution.
    assert {account.institution_name for account in await north.get_accounts("bare")} == {None}


async def test_kinds_shapes_and_unknown_balances_hold_for_every_provider(north) -> None:
    accounts = {account.id: account for account in await north.get_accounts("bare")}
    assert [(one.type, one.kind, one.balance, one.reported_balance) for one in accounts.values()] == [
        ("depository", "checking", 5, 5),
        ("loan", "mortgage", -9, 9),
        ("other", "other", None, None),
    ]


async def test_provider_that_does_not_ask_banks_says_so_and_sends_nothing(north, serve) -> None:
    with pytest.raises(UnsupportedError, match="leave out `live`"):
        await north.get_balances("bare", live=True)
    app = FastAPI()
    add_banking(app, north)
    answer = await (await serve(app, "bare")).get("/banking/balances?live=true")
    assert (answer.status_code, answer.json()["code"]) == (501, "unsupported_capability")


async def test_owner_of_two_accounts_is_told_once(north, serve) -> None:
    identity = await north.get_identity("bare")
    assert [(owner.name, owner.account_ids) for owner in identity.owners] == [
        ("Ada Marsh", ("a", "b")),
        ("Ben Marsh", ("b",)),
    ]
    ada, ben = identity.owners
    assert (ada.email, ada.phone, f"{ada.address}") == (
        "ada@example.com",
        "+1 555 0100",
        "5 Mill Lane, Riverton 10001, US",
    )
    assert (ben.email, ben.phone, ben.address) == (None, None, None)
    app = FastAPI()
    add_banking(app, north)
    answer = await (await serve(app, "bare")).get("/banking/identity")
    assert [owner["name"] for owner in answer.json()["owners"]] == ["Ada Marsh", "Ben Marsh"]
    assert answer.headers["cache-control"] == "no-store"


async def test_proven_webhook_is_told_once_after_the_answer_and_empties_the_cache(north, serve) -> None:
    told: list[ProviderNotice] = []

    async def on_webhook(notices) -> None:
        told.extend(notices)

    app = FastAPI()
    add_banking(app, north, on_webhook=on_webhook)
    client = await serve(app, "bare")
    adapter = await north._engine.call(itself)
    await client.get("/banking/balances")
    await client.get("/banking/balances")
    assert adapter.read == 1
    body = b'{\n "changed": 1}'
    for _ in range(3):
        answer = await client.post("/banking/webhooks/north", content=body, headers={"x-signature": sign(body)})
        assert (answer.status_code, answer.json()) == (200, {"status": "received"})
    await client.get("/banking/balances")
    assert adapter.read == 2
    assert [notice.code for notice in told] == ["changed"]


async def itself(adapter):
    return adapter


async def test_webhook_that_is_not_proven_is_401_and_nothing_happens(north, serve) -> None:
    told: list[object] = []
    app = FastAPI()
    add_banking(app, north, on_webhook=told.append)
    client = await serve(app)
    body = b'{"changed":1}'
    for sent, signature in ((body, ""), (body + b" ", sign(body)), (b"", sign(body))):
        answer = await client.post("/banking/webhooks/north", content=sent, headers={"x-signature": signature})
        assert (answer.status_code, answer.json()["code"]) == (401, "webhook_refused")
    assert (await client.post("/banking/webhooks/south", content=body)).status_code == 404
    assert (await client.post("/banking/webhooks/north", content=b"x" * 300_000)).status_code == 413
    assert told == []
    with pytest.raises(WebhookRefusedError):
        await north.read_webhook({"x-signature": "x"}, body)


async def test_what_only_linking_needs_is_asked_for_when_a_bank_is_linked(monkeypatch) -> None:
    monkeypatch.setattr("bursar.banking.selection.TO_LINK_ONLY", frozenset({"north_key"}))
    from dataclasses import replace

    spec = replace(NORTH, optional_settings=("north_environment",))
    with easy_banking("north", registry=Registry([spec], []), environ={}, environment="sandbox") as banking:
        assert len(await banking.get_accounts("bare")) == 3
        with pytest.raises(ProviderNotConfiguredError, match="To link a bank, set NORTH_KEY"):
            await banking.create_link_token(user_id="ada")
