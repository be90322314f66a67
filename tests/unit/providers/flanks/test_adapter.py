"""Does the adapter connect as a person would, and tell what a credential holds, and what it could not tell?"""

from collections.abc import Callable
from contextlib import contextmanager
from datetime import date
from decimal import Decimal

import pytest

from bursar.domain.accounts import AccountType
from bursar.domain.sync import SyncBatch
from bursar.domain.time import SystemClock
from bursar.ports.errors import (
    ProviderAuthenticationError,
    ProviderInvalidResponseError,
    ProviderNotConfiguredError,
    ProviderNotFoundError,
    ProviderUnavailableError,
    ProviderValidationError,
)
from bursar.ports.provider import ConnectCompletion, ConnectRequest, Credentials, ProviderContext
from bursar.providers.flanks.adapter import PROVIDER, FlanksAdapter
from bursar.providers.flanks.failures import FAILURES
from bursar.providers.flanks.sdk import exceptions


@pytest.fixture
def opened(simulate) -> Callable[..., object]:
    @contextmanager
    def run(**settings):
        with simulate(**{"page_size": 400, **settings}) as flanks:
            options = {
                "flanks_client_id": flanks.face.client_id,
                "flanks_client_secret": flanks.face.client_secret,
                "flanks_base_url": flanks.url,
            }
            yield flanks, PROVIDER.factory(ProviderContext(settings=options, clock=flanks.world.clock))

    return run


def request(**members: object) -> ConnectRequest:
    return ConnectRequest(connection_id="1", user_reference="user-1", **members)


async def connect(flanks, adapter: FlanksAdapter, **played: str) -> Credentials:
    start = await adapter.begin(request(institution_id="first_river"))
    answers = flanks.server.act("consent", {"authorization_url": start.authorization_url, **played})
    established = await adapter.complete(ConnectCompletion(values={"session_id": answers["session_id"]}))
    assert (established.institution_id, established.institution_name) == ("first_river", "First River Bank")
    return established.credentials


async def sync(adapter: FlanksAdapter, credentials: Credentials) -> SyncBatch:
    (batch,) = [batch async for batch in adapter.sync(credentials, None)]
    return batch


async def invented(flanks, number: int) -> Credentials:
    async with flanks.client() as client:
        listed = await client.credentials.list_all()
    return Credentials({"credentials_token": listed[number].credentials_token})


async def test_person_connects_and_everything_is_read(opened) -> None:
    with opened() as (flanks, adapter):
        batch = await sync(adapter, await connect(flanks, adapter))
        kinds = sorted(account.account_type for account in batch.accounts)
        assert kinds == ["brokerage", "checking", "checking", "credit_card", "loan"]
        assert batch.accounts_complete
        assert len(batch.listings) == 5
        (listing,) = batch.holdings
        portfolio = next(one for one in batch.accounts if one.account_type == "brokerage")
        assert listing.complete
        assert sum(one.market_value for one in listing.holdings) == portfolio.balance
        cash = next(one for one in listing.holdings if one.asset_type == "cash_equivalent")
        assert (portfolio.cash_balance, cash.market_value) == (None, cash.quantity)
        bought = [row for row in batch.transactions if row.subtype == "buy"]
        assert bought
        assert all(row.quantity > 0 > row.amount and row.security_id_type == "isin" for row in bought)
        assert not batch.warnings
        await adapter.aclose()


async def test_token_goes_into_the_vault_and_names_nothing_in_the_clear(opened) -> None:
    with opened() as (flanks, adapter):
        start = await adapter.begin(request(institution_id="first_river"))
        answers = flanks.server.act("consent", {"authorization_url": start.authorization_url})
        done = await adapter.complete(ConnectCompletion(values={"session_id": answers["session_id"]}))
        token = done.credentials["credentials_token"]
        assert token == answers["connection_id"]
        assert done.external_login_id
        assert token not in done.external_login_id
        assert token not in repr(done)
        again = await adapter.complete(ConnectCompletion(values={"session_id": answers["session_id"]}))
        assert again.external_login_id == done.external_login_id
        flanks.server.act("block", {"login_id": done.external_login_id})
        with pytest.raises(ProviderAuthenticationError):
            await adapter.validate(done.credentials)
        await adapter.aclose()


async def test_second_consent_of_one_login_has_ids_of_its_own(opened) -> None:
    with opened() as (flanks, adapter):
        first = await sync(adapter, await connect(flanks, adapter))
        second = await sync(adapter, await connect(flanks, adapter))
        assert not {one.provider_account_id for one in first.accounts} & {
            one.provider_account_id for one in second.accounts
        }
        assert sorted(one.balance for one in first.accounts) == sorted(one.balance for one in second.accounts)
        assert not {row.provider_transaction_id for row in first.transactions} & {
            row.provider_transaction_id for row in second.transactions
        }
        await adapter.aclose()


async def test_institution_must_be_named(opened) -> None:
    with opened() as (_, adapter):
        with pytest.raises(ProviderValidationError) as caught:
            await adapter.begin(request())
        assert caught.value.field == "institution_id"
        with pytest.raises(ProviderValidationError):
            await adapter.begin(request(institution_id="nobody"))
        with pytest.raises(ProviderValidationError):
            await adapter.complete(ConnectCompletion(values={}))
        with pytest.raises(ProviderNotFoundError):
            await adapter.complete(ConnectCompletion(values={"session_id": "nobody"}))
        await adapter.aclose()


@pytest.mark.parametrize("password", ["wrong"])
async def test_refused_sign_in_is_told(opened, password) -> None:
    with opened() as (flanks, adapter):
        with pytest.raises(ProviderAuthenticationError) as caught:
            await connect(flanks, adapter, password=password)
        assert (caught.value.code, caught.value.upstream_code) == ("login_refused", "InvalidCredentials")
        await adapter.aclose()


async def test_blocked_login_is_renewed_under_the_same_credential(opened) -> None:
    with opened() as (flanks, adapter):
        credentials = await connect(flanks, adapter)
        before = await sync(adapter, credentials)
        flanks.server.act("block", {"connection_id": credentials["credentials_token"]})
        for call in (sync(adapter, credentials), adapter.validate(credentials)):
            with pytest.raises(ProviderAuthenticationError) as caught:
                await call
            assert (caught.value.code, caught.value.needs_user) == ("login_required", True)
            assert not caught.value.consent_withdrawn
        start = await adapter.begin(request(renew=credentials))
        answers = flanks.server.act("consent", {"authorization_url": start.authorization_url})
        completion = ConnectCompletion(values={"session_id": answers["session_id"]}, renew=credentials)
        renewed = await adapter.complete(completion)
        assert renewed.credentials == credentials
        assert (await sync(adapter, renewed.credentials)).accounts == before.accounts
        await adapter.aclose()


async def test_deleted_credential_is_withdrawn(opened) -> None:
    with opened() as (flanks, adapter):
        credentials = await connect(flanks, adapter)
        await adapter.revoke(credentials)
        with pytest.raises(ProviderAuthenticationError) as caught:
            await adapter.validate(credentials)
        assert caught.value.consent_withdrawn
        await adapter.aclose()


async def test_invented_credential_with_oddities_is_read_and_rejected_by_row(opened) -> None:
    with opened(invented_count=5) as (flanks, adapter):
        batch = await sync(adapter, await invented(flanks, 0))
        assert Decimal("12345678901234567.89") in [one.balance for one in batch.accounts]
        told = [(one.reason, one.field.rpartition(".")[2]) for one in batch.rejected]
        assert told == [("missing_field", "amount")] * 2
        assert len(batch.transactions) == 30 + 5 + 1 + 1 - len(told)
        assert not batch.accounts_complete
        # A listing of an account with an unread row takes nothing back.
        listed = {one.provider_account_id for one in batch.listings}
        assert {one.provider_account_id for one in batch.rejected} <= {None, *listed}
        assert len([one for one in batch.accounts if AccountType(one.account_type).is_investment()]) == 2
        await adapter.aclose()


async def test_credential_with_nothing_in_it_is_empty_and_complete(opened) -> None:
    with opened(invented_count=5) as (flanks, adapter):
        batch = await sync(adapter, await invented(flanks, 1))
        assert (list(batch.accounts), list(batch.transactions), batch.accounts_complete) == ([], [], True)
        await adapter.aclose()


async def test_credential_that_was_not_read_yet_says_so_and_takes_nothing_back(opened) -> None:
    with opened(invented_count=5) as (flanks, adapter):
        batch = await sync(adapter, await invented(flanks, 2))
        assert [one.code for one in batch.warnings] == ["not_ready"]
        assert (batch.accounts_complete, batch.listings) == (False, [])
        assert not (await adapter.fetch_accounts(await invented(flanks, 2))).complete
        await adapter.aclose()


async def test_failed_extraction_gives_what_was_known_before_and_a_warning(opened) -> None:
    with opened(invented_count=5) as (flanks, adapter):
        batch = await sync(adapter, await invented(flanks, 3))
        assert "stale_data" in [one.code for one in batch.warnings]
        assert "checking" in [one.account_type for one in batch.accounts]
        assert (batch.accounts_complete, batch.listings) == (False, [])
        await adapter.aclose()


async def test_days_of_a_portfolio_are_both_included(opened) -> None:
    with opened() as (flanks, adapter):
        credentials = await connect(flanks, adapter)
        batch = await sync(adapter, credentials)
        (portfolio_id,) = [one.provider_account_id for one in batch.holdings]
        rows = [row for row in batch.transactions if row.provider_account_id == portfolio_id]
        day = rows[-1].transaction_date
        found = await adapter.fetch_transactions(credentials, portfolio_id, day, day)
        assert list(found) == [row for row in rows if row.transaction_date == day]
        assert await adapter.fetch_transactions(credentials, portfolio_id, None, date(2000, 1, 1)) == []
        await adapter.aclose()


async def test_wrong_application_is_a_matter_of_settings(opened) -> None:
    with opened() as (flanks, _):
        settings = {"flanks_client_id": "x", "flanks_client_secret": "y", "flanks_base_url": flanks.url}
        adapter = PROVIDER.factory(ProviderContext(settings=settings, clock=flanks.world.clock))
        with pytest.raises(ProviderNotConfiguredError) as caught:
            await adapter.begin(request(institution_id="first_river"))
        assert caught.value.missing_settings == ("flanks_client_id", "flanks_client_secret")
        await adapter.aclose()


def test_address_without_encryption_is_a_matter_of_settings() -> None:
    settings = {"flanks_client_id": "x", "flanks_client_secret": "y", "flanks_base_url": "http://flanks.example"}
    with pytest.raises(ProviderNotConfiguredError):
        PROVIDER.factory(ProviderContext(settings=settings, clock=SystemClock()))


async def test_flat_shape_gives_the_same_records(opened) -> None:
    told = []
    for shape in ("documented", "flat"):
        with opened(shape=shape) as (flanks, adapter):
            batch = await sync(adapter, await connect(flanks, adapter))
            told.append((batch.accounts, batch.transactions, batch.holdings))
            await adapter.aclose()
    assert told[0] == told[1]


async def test_another_time_s_words_are_read_too(opened) -> None:
    with opened(drift=True) as (flanks, adapter):
        async with flanks.client() as client:
            session = await client.connect.create_session({"connector_id": "first_river"})
            answers = flanks.server.act("consent", {"session_id": session.session_id})
        batch = await sync(adapter, Credentials({"credentials_token": answers["connection_id"]}))
        assert len(batch.accounts) == 5
        assert batch.transactions
        await adapter.aclose()


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (exceptions.FlanksServerError("x", 503), ProviderUnavailableError),
        (exceptions.FlanksNetworkError("x"), ProviderUnavailableError),
        (exceptions.FlanksValidationError("x", 400, code="DATA_PENDING"), ProviderUnavailableError),
        (exceptions.FlanksValidationError("x", 400), ProviderValidationError),
        (exceptions.FlanksResponseError("x", 200), ProviderInvalidResponseError),
        (exceptions.FlanksAPIError("x", 409), ProviderInvalidResponseError),
        (exceptions.FlanksError("x"), ProviderInvalidResponseError),
    ],
)
def test_error_of_the_client_is_one_of_the_platform(error, expected) -> None:
    told = FAILURES.to_provider_error(error)
    assert type(told) is expected
    assert told.provider == "flanks"


def test_every_error_of_the_client_has_its_place() -> None:
    for name in dir(exceptions):
        one = getattr(exceptions, name)
        if isinstance(one, type) and issubclass(one, exceptions.FlanksError):
            assert any(base in FAILURES.entries for base in one.__mro__)
            assert FAILURES.to_provider_error(one("x")).code
