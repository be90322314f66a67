"""How is one login read through any provider's adapter? (Asynchronous; the one implementation behind both faces.)."""

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TypeVar

from bursar.banking.exceptions import NotFoundError, UnsupportedError
from bursar.banking.filters import TransactionQuery
from bursar.banking.mapping import to_balance, to_bank_account, to_identity, to_transactions
from bursar.domain.accounts import ProviderAccountData
from bursar.domain.connections import ProviderCapability
from bursar.domain.sync import DataWarning, RecordBatch
from bursar.domain.transactions import ProviderTransactionData
from bursar.models.accounts import BankAccount
from bursar.models.balances import Balance
from bursar.models.identity import Identity
from bursar.models.transactions import Transaction
from bursar.ports.balances import LiveBalanceAdapter
from bursar.ports.errors import (
    ProviderAuthenticationError,
    ProviderAuthorizationError,
    ProviderError,
    ProviderUnsupportedError,
    ProviderValidationError,
)
from bursar.ports.fanout import ask_each
from bursar.ports.identity import IdentityAdapter
from bursar.ports.provider import ConnectCompletion, Credentials, ProviderAdapter, ProviderSpec

LOGINS_KEPT = 1000

T = TypeVar("T")
S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class KnownLogin:
    """What a provider told of a login beside its data; None for what it did not tell."""

    external_id: str | None = field(default=None, repr=False)
    institution_id: str | None = None
    institution_name: str | None = None


_NOTHING_TOLD = KnownLogin()


class Reader:
    """Reads logins of one provider; it keeps nothing but which login it is, and at which institution."""

    def __init__(self, spec: ProviderSpec) -> None:
        self._spec = spec
        self._logins: OrderedDict[bytes, KnownLogin] = OrderedDict()

    async def accounts(self, adapter: ProviderAdapter, credentials: Credentials) -> RecordBatch[BankAccount]:
        """Every account, with the institution where the provider tells it."""
        records = await adapter.fetch_accounts(credentials)
        login = await self._login(adapter, credentials)
        accounts = [
            to_bank_account(
                record,
                provider=self._spec.slug,
                institution_id=login.institution_id,
                institution_name=login.institution_name,
            )
            for record in records
        ]
        return _like(accounts, records)

    async def balances(
        self,
        adapter: ProviderAdapter,
        credentials: Credentials,
        account_ids: Sequence[str] | None,
        *,
        live: bool = False,
    ) -> RecordBatch[Balance]:
        """The balances of every account, or of those that are named: as read last, or `live` from the bank."""
        if live:
            if not isinstance(adapter, LiveBalanceAdapter) or not self._offers(ProviderCapability.LIVE_BALANCES):
                raise UnsupportedError(
                    f"{self._spec.display_name} does not ask banks for balances on demand: leave out `live`.",
                    provider=self._spec.slug,
                )
            asked = None if account_ids is None else list(dict.fromkeys(account_ids))
            found = await adapter.fetch_live_balances(credentials, asked)
            return _like([to_balance(record) for record in found], found)
        records = await adapter.fetch_accounts(credentials)
        chosen = list(records)
        if account_ids is not None:
            known = {record.provider_account_id: record for record in records}
            chosen = [self._known(known, account_id) for account_id in dict.fromkeys(account_ids)]
        return _like([to_balance(record) for record in chosen], records)

    async def transactions(
        self, adapter: ProviderAdapter, credentials: Credentials, query: TransactionQuery
    ) -> RecordBatch[Transaction]:
        """The rows of the query's days, of one account or of all, unfiltered otherwise and in no order.

        An account whose rows the provider or the consent does not cover is left out with the warning
        `account_not_read`, and the answer is not `complete`; asked for by its id, it is an error.
        """
        accounts = await adapter.fetch_accounts(credentials)
        ids = [record.provider_account_id for record in accounts]
        if query.account_id is not None:
            self._known({record.provider_account_id: record for record in accounts}, query.account_id)
            ids = [query.account_id]
        readings = await _read_each(adapter, credentials, ids, query.start, query.end)
        rows: list[ProviderTransactionData] = []
        found: RecordBatch[Transaction] = RecordBatch(complete=accounts.complete, rejected=accounts.rejected)
        for reading in readings:
            if isinstance(reading, RecordBatch):
                rows.extend(reading)
                found.rejected.extend(reading.rejected)
                found.warnings.extend(reading.warnings)
                found.complete = found.complete and reading.complete
            elif query.account_id is None and isinstance(
                reading, ProviderUnsupportedError | ProviderAuthorizationError
            ):
                found.complete = False
                found.warnings.append(DataWarning(code="account_not_read", message=reading.message))
            elif reading is not None:
                raise reading
        found.extend(to_transactions(rows, provider=self._spec.slug))
        return found

    async def identity(self, adapter: ProviderAdapter, credentials: Credentials) -> Identity:
        """The owners of every account."""
        if not isinstance(adapter, IdentityAdapter) or not self._offers(ProviderCapability.IDENTITY):
            raise UnsupportedError(
                f"{self._spec.display_name} does not tell who owns an account.", provider=self._spec.slug
            )
        return to_identity(await adapter.fetch_owners(credentials))

    def remember(self, credentials: Credentials, login: KnownLogin) -> None:
        """Keep what is known of a login, under a hash of what opens it."""
        self._logins[_key_of(credentials)] = login
        if len(self._logins) > LOGINS_KEPT:
            self._logins.popitem(last=False)

    def recall(self, credentials: Credentials) -> KnownLogin:
        """Return what is known of a login; nothing for one that was not read or linked lately."""
        return self._logins.get(_key_of(credentials), _NOTHING_TOLD)

    async def _login(self, adapter: ProviderAdapter, credentials: Credentials) -> KnownLogin:
        """Which login it is and at which institution: asked once, then known."""
        key = _key_of(credentials)
        if key in self._logins:
            self._logins.move_to_end(key)
            return self._logins[key]
        try:
            told = await adapter.complete(ConnectCompletion(values={}, renew=credentials))
        except (ProviderUnsupportedError, ProviderValidationError, ProviderAuthenticationError) as error:
            if isinstance(error, ProviderAuthenticationError) and error.code != "missing_credential":
                raise
            found = _NOTHING_TOLD  # this provider does not tell it of a login that it knows by its token
        else:
            found = KnownLogin(told.external_login_id, told.institution_id, told.institution_name)
        self.remember(credentials, found)
        return found

    def _offers(self, capability: ProviderCapability) -> bool:
        return capability in self._spec.capabilities

    def _known(self, known: dict[str, ProviderAccountData], account_id: str) -> ProviderAccountData:
        if account_id not in known:
            raise NotFoundError("The access token opens no account of this id.", provider=self._spec.slug)
        return known[account_id]


def _key_of(credentials: Credentials) -> bytes:
    return hashlib.sha256(repr(sorted(credentials.items())).encode()).digest()


Reading = RecordBatch[ProviderTransactionData] | ProviderError | None


async def _read_each(
    adapter: ProviderAdapter, credentials: Credentials, ids: Sequence[str], start: date, end: date | None
) -> list[Reading]:
    """Read accounts side by side, a few at once; after a failure that is not one account's own, the rest is None."""
    failed = False

    async def read(account_id: str) -> Reading:
        nonlocal failed
        if failed:
            return None
        try:
            return await adapter.fetch_transactions(credentials, account_id, start, end)
        except (ProviderUnsupportedError, ProviderAuthorizationError) as error:
            return error
        except ProviderError as error:
            failed = True
            return error

    return await ask_each(ids, read)


def _like(records: list[T], source: RecordBatch[S]) -> RecordBatch[T]:
    return RecordBatch(records, rejected=source.rejected, complete=source.complete, warnings=source.warnings)
