"""How does any provider answer with a Result instead of raising? (Written once, for all of them.)."""

import asyncio
from collections.abc import Awaitable, Mapping
from datetime import date
from io import BytesIO
from typing import Protocol, TypeVar

from bursar.domain.accounts import ProviderAccountData
from bursar.domain.connections import OAuthTokens, ProviderCapability
from bursar.domain.holdings import ProviderHoldingData
from bursar.domain.result import Failure, Result, Success
from bursar.domain.sync import RecordBatch
from bursar.domain.transactions import ProviderTransactionData
from bursar.ports.errors import (
    ProviderAuthenticationError,
    ProviderError,
    ProviderNotFoundError,
    ProviderUnsupportedError,
    ProviderValidationError,
)
from bursar.ports.importer import ImporterSpec, ImportOptions, StatementFile
from bursar.ports.provider import Credentials, OAuthAdapter, ProviderAdapter, ProviderSpec

T = TypeVar("T")


class ProviderProtocol(Protocol):
    """A provider as code that wants one interface sees it; nothing here raises for what a provider or a user does.

    `credentials` is a mapping (its keys are those of the provider's way of connecting) or a bare access token.
    """

    @property
    def slug(self) -> str:
        """The provider's name in code."""
        ...

    async def fetch_accounts(
        self, credentials: Mapping[str, str] | str
    ) -> Result[RecordBatch[ProviderAccountData], ProviderError]:
        """Return every account that the credentials open."""
        ...

    async def fetch_transactions(
        self,
        credentials: Mapping[str, str] | str,
        provider_account_id: str,
        start_date: date | None = None,
        end_date: date | None = None,
    ) -> Result[RecordBatch[ProviderTransactionData], ProviderError]:
        """Return an account's transactions; both bounds inclusive, in the institution's calendar."""
        ...

    async def fetch_holdings(
        self, credentials: Mapping[str, str] | str, provider_account_id: str
    ) -> Result[RecordBatch[ProviderHoldingData], ProviderError]:
        """Return an account's positions."""
        ...

    async def validate_credentials(self, credentials: Mapping[str, str] | str) -> Result[bool, ProviderError]:
        """Return Success(True) when the credentials work."""
        ...


class ProviderFacade:
    """An adapter behind `ProviderProtocol`: capabilities and arguments are checked before anything goes out."""

    def __init__(self, spec: ProviderSpec, adapter: ProviderAdapter) -> None:
        self._spec = spec
        self._adapter = adapter

    @property
    def slug(self) -> str:
        """The provider's name in code."""
        return self._spec.slug

    async def fetch_accounts(
        self, credentials: Mapping[str, str] | str
    ) -> Result[RecordBatch[ProviderAccountData], ProviderError]:
        """Return every account that the credentials open."""
        return await _result(self._adapter.fetch_accounts(Credentials.of(credentials)), self.slug)

    async def fetch_transactions(
        self,
        credentials: Mapping[str, str] | str,
        provider_account_id: str,
        start_date: date | None = None,
        end_date: date | None = None,
    ) -> Result[RecordBatch[ProviderTransactionData], ProviderError]:
        """Return an account's transactions; both bounds inclusive, in the institution's calendar; None is open."""
        wrong = self._refuse(ProviderCapability.TRANSACTIONS) or _reversed(start_date, end_date, self.slug)
        if wrong is not None:
            return Failure(wrong)
        return await _result(
            self._adapter.fetch_transactions(Credentials.of(credentials), provider_account_id, start_date, end_date),
            self.slug,
        )

    async def fetch_holdings(
        self, credentials: Mapping[str, str] | str, provider_account_id: str
    ) -> Result[RecordBatch[ProviderHoldingData], ProviderError]:
        """Return an account's positions."""
        wrong = self._refuse(ProviderCapability.HOLDINGS)
        if wrong is not None:
            return Failure(wrong)
        return await _result(self._adapter.fetch_holdings(Credentials.of(credentials), provider_account_id), self.slug)

    async def validate_credentials(self, credentials: Mapping[str, str] | str) -> Result[bool, ProviderError]:
        """Return Success(True) when the credentials work."""
        outcome = await _result(self._adapter.validate(Credentials.of(credentials)), self.slug)
        return Success(True) if isinstance(outcome, Success) else outcome

    async def revoke(self, credentials: Mapping[str, str] | str) -> Result[None, ProviderError]:
        """Withdraw the access at the provider."""
        return await _result(self._adapter.revoke(Credentials.of(credentials)), self.slug)

    def _refuse(self, capability: ProviderCapability) -> ProviderUnsupportedError | None:
        if capability in self._spec.capabilities:
            return None
        return ProviderUnsupportedError(f"{self._spec.display_name} does not offer {capability}.", provider=self.slug)


class OAuthProviderFacade(ProviderFacade):
    """An OAuth adapter behind the protocol."""

    def __init__(self, spec: ProviderSpec, adapter: OAuthAdapter) -> None:
        super().__init__(spec, adapter)
        self._oauth = adapter

    def get_authorization_url(self, state: str) -> str:
        """Return the address to send the user to."""
        return self._oauth.get_authorization_url(state)

    async def exchange_code_for_tokens(self, authorization_code: str) -> Result[OAuthTokens, ProviderError]:
        """Exchange a single-use code; sent once, never retried."""
        return await _result(self._oauth.exchange_code(authorization_code), self.slug)

    async def refresh_access_token(self, refresh_token: str) -> Result[OAuthTokens, ProviderError]:
        """Return new tokens; `refresh_token` is None in them when the present one stays valid."""
        outcome = await _result(self._oauth.refresh_tokens(refresh_token), self.slug)
        match outcome:
            case Success(value=tokens) if tokens.refresh_token == refresh_token:
                return Success(
                    OAuthTokens(
                        access_token=tokens.access_token,
                        refresh_token=None,
                        expires_in=tokens.expires_in,
                        token_type=tokens.token_type,
                        scope=tokens.scope,
                        refresh_expires_in=tokens.refresh_expires_in,
                    )
                )
            case _:
                return outcome


def facade_of(spec: ProviderSpec, adapter: ProviderAdapter) -> ProviderFacade:
    """Return the facade that fits an adapter."""
    return OAuthProviderFacade(spec, adapter) if isinstance(adapter, OAuthAdapter) else ProviderFacade(spec, adapter)


class FileFacade:
    """A file format behind the same methods; the credentials are the file: `file_content`, `file_format`, `file_name`.

    The file is read anew by each call: nothing of it is kept.
    """

    def __init__(self, spec: ImporterSpec, slug: str) -> None:
        self._spec = spec
        self._slug = slug

    @property
    def slug(self) -> str:
        """The catalogue entry that the file belongs to."""
        return self._slug

    async def fetch_accounts(
        self, credentials: Mapping[str, str | bytes]
    ) -> Result[RecordBatch[ProviderAccountData], ProviderError]:
        """Return the accounts in the file, with their balances."""
        outcome = await _result(self._read(credentials), self.slug)
        match outcome:
            case Success(value=file):
                return Success(
                    RecordBatch(file.batch.accounts, rejected=file.batch.rejected, warnings=file.batch.warnings)
                )
            case Failure():
                return outcome

    async def fetch_transactions(
        self,
        credentials: Mapping[str, str | bytes],
        provider_account_id: str,
        start_date: date | None = None,
        end_date: date | None = None,
    ) -> Result[RecordBatch[ProviderTransactionData], ProviderError]:
        """Return an account's rows in the file; both bounds inclusive."""
        wrong = _reversed(start_date, end_date, self.slug)
        if wrong is not None:
            return Failure(wrong)
        outcome = await _result(self._read_account(credentials, provider_account_id), self.slug)
        match outcome:
            case Success(value=file):
                rows = [
                    row
                    for row in file.batch.transactions
                    if row.provider_account_id == provider_account_id
                    and (start_date is None or row.transaction_date >= start_date)
                    and (end_date is None or row.transaction_date <= end_date)
                ]
                return Success(RecordBatch(rows, rejected=file.batch.rejected, warnings=file.batch.warnings))
            case Failure():
                return outcome

    async def fetch_holdings(
        self, credentials: Mapping[str, str | bytes], provider_account_id: str
    ) -> Result[RecordBatch[ProviderHoldingData], ProviderError]:
        """Return an account's positions in the file."""
        if ProviderCapability.HOLDINGS not in self._spec.capabilities:
            message = f"{self._spec.display_name} files hold no positions."
            return Failure(ProviderUnsupportedError(message, provider=self.slug))
        outcome = await _result(self._read_account(credentials, provider_account_id), self.slug)
        match outcome:
            case Success(value=file):
                mine = [each for each in file.batch.holdings if each.provider_account_id == provider_account_id]
                return Success(
                    RecordBatch(
                        [holding for listing in mine for holding in listing.holdings],
                        rejected=file.batch.rejected,
                        complete=bool(mine) and all(listing.complete for listing in mine),
                        warnings=file.batch.warnings,
                    )
                )
            case Failure():
                return outcome

    async def validate_credentials(self, credentials: Mapping[str, str | bytes]) -> Result[bool, ProviderError]:
        """Return Success(True) when the file can be read."""
        outcome = await _result(self._read(credentials), self.slug)
        return Success(True) if isinstance(outcome, Success) else outcome

    async def _read(self, credentials: Mapping[str, str | bytes]) -> StatementFile:
        content = credentials.get("file_content")
        if not isinstance(content, bytes):
            raise ProviderAuthenticationError("The file's content is missing.", code="missing_credential")
        options = ImportOptions(file_name=str(credentials.get("file_name", "")))
        return await asyncio.to_thread(self._spec.read, BytesIO(content), options)

    async def _read_account(self, credentials: Mapping[str, str | bytes], provider_account_id: str) -> StatementFile:
        file = await self._read(credentials)
        if all(account.provider_account_id != provider_account_id for account in file.batch.accounts):
            raise ProviderNotFoundError("The file holds no such account.")
        return file


async def _result(call: Awaitable[T], slug: str) -> Result[T, ProviderError]:
    try:
        return Success(await call)
    except ProviderError as error:
        error.provider = error.provider or slug
        return Failure(error)


def _reversed(start_date: date | None, end_date: date | None, slug: str) -> ProviderValidationError | None:
    if start_date is None or end_date is None or start_date <= end_date:
        return None
    return ProviderValidationError("The start date is after the end date.", field="start_date", provider=slug)
