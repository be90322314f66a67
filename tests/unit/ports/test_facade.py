"""Any provider answers with a Result; nothing that a provider or a user does raises."""

from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal

import pytest

from bursar.domain.accounts import ProviderAccountData
from bursar.domain.connections import OAuthTokens, ProviderAuthType, ProviderCapability, ProviderCategory
from bursar.domain.holdings import ProviderHoldingData
from bursar.domain.result import Failure, Success
from bursar.domain.sync import RecordBatch, SyncBatch, SyncCursor
from bursar.domain.transactions import ProviderTransactionData
from bursar.importers.ofx.adapter import IMPORTER
from bursar.ports.errors import (
    ProviderAuthenticationError,
    ProviderNotFoundError,
    ProviderRateLimitError,
    ProviderUnsupportedError,
    ProviderValidationError,
)
from bursar.ports.facade import FileFacade, OAuthProviderFacade, facade_of
from bursar.ports.provider import (
    ConnectCompletion,
    ConnectRequest,
    ConnectStart,
    Credentials,
    EstablishedConnection,
    ProviderContext,
    ProviderSpec,
)

ACCOUNT = ProviderAccountData(
    provider_account_id="a1",
    account_number_masked="****1234",
    name="Checking",
    account_type="checking",
    currency="USD",
    balance=Decimal("12.30"),
)


class Northbank:
    """A provider as an outsider would write one."""

    async def begin(self, request: ConnectRequest) -> ConnectStart:
        return ConnectStart(authorization_url="https://northbank.example/authorize")

    async def complete(self, completion: ConnectCompletion) -> EstablishedConnection:
        return EstablishedConnection(credentials=Credentials({"access_token": completion.values["code"]}))

    async def sync(self, credentials: Credentials, cursor: SyncCursor | None) -> AsyncIterator[SyncBatch]:
        yield SyncBatch(accounts=[ACCOUNT])

    async def fetch_accounts(self, credentials: Credentials) -> RecordBatch[ProviderAccountData]:
        if credentials.require("access_token") != "good":
            raise ProviderAuthenticationError("Sign in again.")
        return RecordBatch([ACCOUNT])

    async def fetch_transactions(
        self, credentials: Credentials, provider_account_id: str, start_date: date | None, end_date: date | None
    ) -> RecordBatch[ProviderTransactionData]:
        raise ProviderRateLimitError("Too many calls.")

    async def fetch_holdings(
        self, credentials: Credentials, provider_account_id: str
    ) -> RecordBatch[ProviderHoldingData]:
        raise AssertionError("the facade asks the declaration first")

    async def validate(self, credentials: Credentials) -> None:
        await self.fetch_accounts(credentials)

    async def revoke(self, credentials: Credentials) -> None:
        return None

    async def aclose(self) -> None:
        return None

    def get_authorization_url(self, state: str) -> str:
        return f"https://northbank.example/authorize?state={state}"

    async def exchange_code(self, authorization_code: str) -> OAuthTokens:
        return OAuthTokens(access_token="good", refresh_token="r1", expires_in=1800)

    async def refresh_tokens(self, refresh_token: str) -> OAuthTokens:
        return OAuthTokens(access_token="good", refresh_token="r1" if refresh_token == "r1" else "r2")


def make(context: ProviderContext) -> Northbank:
    return Northbank()


SPEC = ProviderSpec(
    slug="northbank",
    display_name="Northbank",
    category=ProviderCategory.BANK,
    auth_type=ProviderAuthType.OAUTH,
    capabilities=frozenset({ProviderCapability.ACCOUNTS, ProviderCapability.TRANSACTIONS}),
    factory=make,
)


@pytest.fixture
def northbank() -> OAuthProviderFacade:
    facade = facade_of(SPEC, Northbank())
    assert isinstance(facade, OAuthProviderFacade)
    return facade


async def test_accounts_come_for_a_mapping_and_for_a_bare_token(northbank: OAuthProviderFacade) -> None:
    for credentials in ({"access_token": "good"}, "good"):
        outcome = await northbank.fetch_accounts(credentials)
        assert outcome == Success([ACCOUNT])
        assert outcome.is_success()


async def test_refused_missing_and_throttled_are_failures_that_name_the_provider(
    northbank: OAuthProviderFacade,
) -> None:
    refused = await northbank.fetch_accounts("bad")
    missing = await northbank.fetch_accounts({})
    throttled = await northbank.fetch_transactions("good", "a1")
    assert isinstance(refused, Failure)
    assert (type(refused.error), refused.error.provider) == (ProviderAuthenticationError, "northbank")
    assert isinstance(missing, Failure)
    assert missing.error.code == "missing_credential"
    assert isinstance(throttled, Failure)
    assert throttled.error.retryable


async def test_a_capability_that_was_not_declared_is_refused_before_the_wire(northbank: OAuthProviderFacade) -> None:
    outcome = await northbank.fetch_holdings("good", "a1")
    assert isinstance(outcome, Failure)
    assert isinstance(outcome.error, ProviderUnsupportedError)


async def test_reversed_dates_are_refused_before_the_wire(northbank: OAuthProviderFacade) -> None:
    outcome = await northbank.fetch_transactions("good", "a1", date(2026, 2, 1), date(2026, 1, 1))
    assert isinstance(outcome, Failure)
    assert isinstance(outcome.error, ProviderValidationError)
    assert outcome.error.field == "start_date"


async def test_credentials_are_validated_with_a_result(northbank: OAuthProviderFacade) -> None:
    assert await northbank.validate_credentials("good") == Success(True)
    assert (await northbank.validate_credentials("bad")).is_failure()


async def test_oauth_codes_and_refreshes_keep_an_unrotated_refresh_token_to_themselves(
    northbank: OAuthProviderFacade,
) -> None:
    assert northbank.get_authorization_url("s1").endswith("state=s1")
    exchanged = await northbank.exchange_code_for_tokens("code")
    assert isinstance(exchanged, Success)
    assert exchanged.value.refresh_token == "r1"
    same = await northbank.refresh_access_token("r1")
    rotated = await northbank.refresh_access_token("r0")
    assert isinstance(same, Success)
    assert isinstance(rotated, Success)
    assert (same.value.refresh_token, rotated.value.refresh_token) == (None, "r2")


FILE = b"""OFXHEADER:100

<OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>USD<BANKACCTFROM><BANKID>1<ACCTID>000123<ACCTTYPE>CHECKING
</BANKACCTFROM><BANKTRANLIST><STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20260105<TRNAMT>-3.50<FITID>A1<NAME>COFFEE</STMTTRN>
<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20260110<TRNAMT>-4.50<FITID>A2<NAME>TEA</STMTTRN></BANKTRANLIST>
<LEDGERBAL><BALAMT>10.00<DTASOF>20260131</LEDGERBAL></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>"""


async def test_a_file_answers_like_any_provider() -> None:
    facade = FileFacade(IMPORTER, "ofx_file")
    credentials = {"file_content": FILE, "file_format": "qfx", "file_name": "january.qfx"}
    accounts = await facade.fetch_accounts(credentials)
    assert isinstance(accounts, Success)
    (account,) = accounts.value
    assert (account.balance, account.currency) == (Decimal("10.00"), "USD")
    rows = await facade.fetch_transactions(
        credentials, account.provider_account_id, date(2026, 1, 10), date(2026, 1, 10)
    )
    assert isinstance(rows, Success)
    assert [row.amount for row in rows.value] == [Decimal("-4.50")]
    stranger = await facade.fetch_transactions(credentials, "nobody")
    assert isinstance(stranger, Failure)
    assert isinstance(stranger.error, ProviderNotFoundError)
    broken = await facade.fetch_accounts({"file_content": FILE[:300]})
    assert isinstance(broken, Failure)
    assert isinstance(broken.error, ProviderValidationError)
    assert (await facade.fetch_accounts({})).is_failure()
