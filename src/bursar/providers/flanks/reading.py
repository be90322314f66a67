"""What does one credential hold now, as records of the ledger, with what could not be read beside them?

Aggregation v2 lists every product and movement in pages whose end is certain; Aggregation v1 tells the details. What
one of them lists the other must know: an empty answer of v1 is believed only where v2 lists nothing either.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TypeVar

from bursar.domain.accounts import ProviderAccountData
from bursar.domain.holdings import ProviderHoldingData
from bursar.domain.sync import DataWarning, RecordKind, RejectedRecord, RejectReason
from bursar.domain.transactions import ProviderTransactionData
from bursar.ports.rejects import UnreadableError
from bursar.providers.flanks.failures import credential_refused, invalid_answer, login_blocked
from bursar.providers.flanks.mapping import (
    to_card_account,
    to_cash_account,
    to_cash_transaction,
    to_holding,
    to_investment_transaction,
    to_liability_account,
    to_portfolio_account,
)
from bursar.providers.flanks.rejects import rejected_item, rejected_model
from bursar.providers.flanks.sdk.aggregation_v1.models import Investment, InvestmentTransaction
from bursar.providers.flanks.sdk.aggregation_v2.models import Product, ProductType, Transaction, TransactionQuery
from bursar.providers.flanks.sdk.client import FlanksClient
from bursar.providers.flanks.sdk.credentials.models import CredentialStatus
from bursar.providers.flanks.sdk.exceptions import FlanksNotFoundError, FlanksValidationError
from bursar.providers.flanks.sdk.model import FlanksModel
from bursar.providers.flanks.sdk.pagination import InvalidItem

Model = TypeVar("Model", bound=FlanksModel)
Record = TypeVar("Record")


@dataclass(slots=True)
class Holdings:
    """The positions of one portfolio."""

    held: list[ProviderHoldingData] = field(default_factory=list[ProviderHoldingData])
    closed: list[str] = field(default_factory=list[str])
    """Ids of positions that are listed with quantity zero."""


class CredentialReader:
    """Reads one credential once; make another one for the next reading.

    Args:
        client: the SDK's client.
        token: the credential's.
    """

    def __init__(self, client: FlanksClient, token: str) -> None:
        self._unread: list[InvalidItem] = []
        self._client = client.with_options(on_invalid_item=self._unread.append)
        self._token = token
        self._status: CredentialStatus | None = None
        self._products: dict[str, Product] = {}
        self._kinds: frozenset[ProductType] = frozenset()
        self.accounts: dict[str, ProviderAccountData] = {}
        self.investments: dict[str, Investment] = {}
        self.holdings: dict[str, Holdings] = {}
        """By portfolio."""
        self.rejected: list[RejectedRecord] = []
        self.warnings: list[DataWarning] = []
        self.is_ready = True
        """False while Flanks has not read everything once."""
        self.is_fresh = True
        """False when the last extraction of some data failed, and what was known before is told."""
        self.are_holdings_complete = True
        self._portfolio_by_number: dict[str, str] = {}
        self._lost_accounts: set[str | None] = set()

    async def open(self) -> CredentialStatus:
        """Ask where the credential stands.

        Raises:
            ProviderAuthenticationError: Flanks does not know it, or its login no longer works.
        """
        try:
            status = await self._client.credentials.get_status(self._token)
        except FlanksNotFoundError as error:
            raise credential_refused(error) from error
        if status.pending is None or status.blocked is None:
            raise invalid_answer()
        if status.blocked:
            raise login_blocked()
        self._status = status
        self.is_ready = not status.pending
        if status.pending:
            self._warn("not_ready", "Flanks has not read this institution yet; the next run asks again.")
        if status.sca_token:
            self._warn("sca_required", "The institution asks the holder to prove who they are; the data may be old.")
        return status

    async def read_accounts(self) -> None:
        """Read products, accounts and positions."""
        if not self.is_ready:
            return
        await self._read_products()
        v1 = self._client.aggregation_v1
        await self._read_kind(ProductType.ACCOUNT, v1.get_accounts, to_cash_account, "accounts")
        await self._read_kind(ProductType.CARD, v1.get_cards, to_card_account, "cards")
        await self._read_kind(ProductType.LIABILITY, v1.get_liabilities, to_liability_account, "liabilities")
        if ProductType.INVESTMENT in self._kinds:
            await self._read_portfolios()
            await self._read_investments()

    async def read_transactions(
        self, *, account_id: str | None = None, since: date | None = None, until: date | None = None
    ) -> list[ProviderTransactionData]:
        """Read the movements of all accounts, or of one, between two days that are included."""
        if not self.is_ready:
            return []
        is_cash, is_portfolio = account_id not in self.holdings, account_id is None or account_id in self.holdings
        movements = await self._read_portfolio_movements() if is_portfolio else []
        rows = await self._read_rows(account_id, since, until) if is_cash else []
        if is_cash and is_portfolio:
            self._check_portfolio_movements(rows, movements)
        if account_id is None:
            self._check_not_empty(rows, movements)
        # A listing that moves while it is read can tell a row twice: the later word counts.
        found: dict[str | None, ProviderTransactionData] = {}
        for index, row in enumerate(rows):
            record = self._to_cash_record(row, index, {movement.transaction_id for movement in movements})
            if record is not None:
                found[record.provider_transaction_id] = record
        for index, movement in enumerate(movements):
            record = self._to_portfolio_record(movement, index)
            if record is not None:
                found[record.provider_transaction_id] = record
        return [
            record
            for record in found.values()
            if (account_id is None or record.provider_account_id == account_id)
            and (since is None or record.transaction_date >= since)
            and (until is None or record.transaction_date <= until)
        ]

    # Products and accounts.

    async def _read_products(self) -> None:
        query = {"connection_id_in": [self._token]}
        products = [product async for product in self._client.aggregation_v2.list_products(query)]
        unread = self._take_unread(RecordKind.ACCOUNT, "products")
        self._products = {product.product_id: product for product in products}
        kinds = {product.product_type for product in products}
        # A product that cannot be read, or of a kind that is not named, may be of any kind.
        are_all_known = not unread and all(kind.is_known for kind in kinds)
        self._kinds = frozenset(kinds if are_all_known else ProductType)

    async def _read_kind(
        self,
        kind: ProductType,
        get: Callable[[str, None, bool], Awaitable[list[Model]]],
        to_account: Callable[[Model], ProviderAccountData],
        member: str,
    ) -> None:
        flag = kind.value.lower()
        if kind not in self._kinds or not self._is_extracted(flag):
            return
        listed = await get(self._token, None, self._ignores_errors(flag))
        unread = self._take_unread(RecordKind.ACCOUNT, member)
        self._lost_accounts |= {record.provider_id for record in unread}
        self._map_accounts(listed, to_account, member, f"{flag}_id")
        self._check_products(kind, {getattr(one, f"{flag}_id") for one in listed}, unread)

    def _map_accounts(
        self, listed: Sequence[Model], to_account: Callable[[Model], ProviderAccountData], member: str, id_name: str
    ) -> None:
        for index, one in enumerate(listed):
            try:
                record = to_account(one)
            except UnreadableError as error:
                self.rejected.append(rejected_model(one, error, kind=RecordKind.ACCOUNT, member=member, index=index))
                self._lost_accounts.add(getattr(one, id_name))
            else:
                self.accounts[record.provider_account_id] = record

    def _check_products(self, kind: ProductType, told: set[str], unread: Sequence[RejectedRecord]) -> None:
        known = told | {record.provider_id for record in unread}
        missing = [
            (index, product_id)
            for index, (product_id, product) in enumerate(self._products.items())
            if product.product_type == kind and product_id not in known
        ]
        if missing and not told and not unread:
            raise invalid_answer()
        if any(record.provider_id is None for record in unread):
            return  # it may be the one that is missing
        record_kind = RecordKind.HOLDING if kind == ProductType.INVESTMENT else RecordKind.ACCOUNT
        for index, product_id in missing:
            self.rejected.append(
                RejectedRecord(
                    kind=record_kind,
                    index=index,
                    reason=RejectReason.INCONSISTENT,
                    field=f"products.{index}.product_id",
                    provider_id=product_id,
                )
            )
            self._lost_accounts.add(product_id)

    # Portfolios and positions.

    async def _read_portfolios(self) -> None:
        if not self._is_extracted("portfolio"):
            return
        listed = await self._client.aggregation_v1.get_portfolios(self._token, None, self._ignores_errors("portfolio"))
        unread = self._take_unread(RecordKind.ACCOUNT, "portfolios")
        self._lost_accounts |= {record.provider_id for record in unread}
        self._map_accounts(listed, to_portfolio_account, "portfolios", "portfolio_id")
        for portfolio in listed:
            if portfolio.portfolio_id in self.accounts:
                self.holdings[portfolio.portfolio_id] = Holdings()
                if portfolio.ref_valores:
                    self._portfolio_by_number[portfolio.ref_valores] = portfolio.portfolio_id

    async def _read_investments(self) -> None:
        if not self._is_extracted("investment"):
            return
        listed = await self._client.aggregation_v1.get_investments(
            self._token, None, self._ignores_errors("investment")
        )
        unread = self._take_unread(RecordKind.HOLDING, "investments")
        self.are_holdings_complete = not unread and self.is_fresh
        rejects_before = len(self.rejected)
        self._check_products(ProductType.INVESTMENT, {one.investment_id for one in listed}, unread)
        self.investments = {one.investment_id: one for one in listed}
        if listed and not self.holdings and not self._lost_accounts:
            raise invalid_answer()
        for index, one in enumerate(listed):
            self._take_position(one, index)
        self.are_holdings_complete = self.are_holdings_complete and len(self.rejected) == rejects_before

    def _take_position(self, one: Investment, index: int) -> None:
        portfolio_id = self._portfolio_of(one)
        if portfolio_id is None and self._lost_accounts & {one.portfolio_id, None}:
            return  # the account that could not be read stands for it
        try:
            if portfolio_id is None:
                raise UnreadableError(RejectReason.INCONSISTENT, "portfolio_id")
            record = to_holding(one, portfolio_id)
        except UnreadableError as error:
            self.rejected.append(rejected_model(one, error, kind=RecordKind.HOLDING, member="investments", index=index))
            return
        if record.quantity:
            self.holdings[portfolio_id].held.append(record)
        else:
            self.holdings[portfolio_id].closed.append(record.provider_holding_id)

    def _portfolio_of(self, investment: Investment) -> str | None:
        if investment.portfolio_id in self.holdings:
            return investment.portfolio_id
        if investment.portfolio_id is None and len(self.holdings) == 1 and not self._lost_accounts:
            return next(iter(self.holdings))
        return None

    # Movements.

    async def _read_rows(self, account_id: str | None, since: date | None, until: date | None) -> list[Transaction]:
        query = TransactionQuery(
            connection_id_in=[self._token],
            product_id_in=None if account_id is None else [account_id],
            date_from=since,
            date_to=until,
        )
        rows = await self._read_every_page(query)
        self._take_unread(RecordKind.TRANSACTION, "transactions")
        return rows

    async def _read_every_page(self, query: TransactionQuery) -> list[Transaction]:
        """Read a listing to its end; from the start again when it no longer knows the page that it named itself."""
        for is_last_try in (False, False, True):
            self._unread.clear()
            rows: list[Transaction] = []
            try:
                async for row in self._client.aggregation_v2.list_transactions(query):
                    rows.append(row)  # noqa: PERF401 - what was read decides below what an error means
            except FlanksValidationError:
                # Without a page to point at it is the question itself that is refused.
                if not rows:
                    raise
                if is_last_try:
                    raise invalid_answer() from None
            else:
                break
        return rows  # pyright: ignore[reportPossiblyUnboundVariable] - the last try returns or raises

    async def _read_portfolio_movements(self) -> list[InvestmentTransaction]:
        if ProductType.INVESTMENT not in self._kinds or not self._is_extracted("transaction.investment"):
            return []
        movements = await self._client.aggregation_v1.get_investment_transactions(
            self._token, None, self._ignores_errors("transaction.investment")
        )
        self._unread_movements = self._take_unread(RecordKind.TRANSACTION, "investment_transactions")
        return movements

    def _check_portfolio_movements(
        self, rows: Iterable[Transaction], movements: Sequence[InvestmentTransaction]
    ) -> None:
        if movements or self._unread_movements:
            return
        if self._is_extracted("transaction.investment") and any(row.product_id in self.investments for row in rows):
            raise invalid_answer()

    def _check_not_empty(self, rows: Sequence[Transaction], movements: Sequence[InvestmentTransaction]) -> None:
        """A listing without anything is believed only of a credential that has no newest movement either."""
        assert self._status is not None
        has_none = not (rows or movements or self._unread_movements or self.rejected)
        if has_none and self.is_ready and self._status.last_transaction_date is not None:
            raise invalid_answer()

    def _to_cash_record(
        self, row: Transaction, index: int, portfolio_movements: set[str]
    ) -> ProviderTransactionData | None:
        if row.transaction_id in portfolio_movements:
            return None
        unread = {record.provider_id for record in self._unread_movements}
        if row.product_id in self.investments and (row.transaction_id in unread or None in unread):
            return None
        account = self.accounts.get(row.product_id or "")
        if account is None and row.product_id is not None and self._lost_accounts & {row.product_id, None}:
            return None  # the account that could not be read stands for it
        try:
            if account is None:
                reason = RejectReason.MISSING_FIELD if row.product_id is None else RejectReason.INCONSISTENT
                raise UnreadableError(reason, "product_id")
            return to_cash_transaction(row, account.provider_account_id, self._kind_of(account))
        except UnreadableError as error:
            self.rejected.append(
                rejected_model(row, error, kind=RecordKind.TRANSACTION, member="transactions", index=index)
            )
            return None

    def _to_portfolio_record(self, row: InvestmentTransaction, index: int) -> ProviderTransactionData | None:
        investment = self.investments.get(row.investment_id or "")
        portfolio_id = self._portfolio_of(investment) if investment is not None else None
        if portfolio_id is None:
            portfolio_id = self._portfolio_by_number.get(row.ref_valores or "")
        if portfolio_id is None and self._lost_accounts:
            return None
        if portfolio_id is None and len(self.holdings) == 1:
            portfolio_id = next(iter(self.holdings))
        try:
            if portfolio_id is None:
                raise UnreadableError(RejectReason.INCONSISTENT, "refValores")
            return to_investment_transaction(row, portfolio_id, investment)
        except UnreadableError as error:
            self.rejected.append(
                rejected_model(row, error, kind=RecordKind.TRANSACTION, member="investment_transactions", index=index)
            )
            return None

    # What all of them use.

    _unread_movements: Sequence[RejectedRecord] = ()

    def _kind_of(self, account: ProviderAccountData) -> ProductType:
        if account.account_type in ("credit_card", "prepaid"):
            return ProductType.CARD
        return ProductType.ACCOUNT

    def _is_extracted(self, flag: str) -> bool:
        assert self._status is not None
        if self._status.is_created(flag):
            return True
        self.is_ready = False
        self._warn("not_ready", "Flanks has not read all of this institution yet; the next run asks again.", flag)
        return False

    def _ignores_errors(self, flag: str) -> bool:
        assert self._status is not None
        if not self._status.is_errored(flag):
            return False
        self.is_fresh = False
        self._warn("stale_data", "Flanks could not read this data lately; what it knew before was taken.", flag)
        return True

    def _take_unread(self, kind: RecordKind, member: str) -> list[RejectedRecord]:
        records = [rejected_item(item, kind, member) for item in self._unread]
        self._unread.clear()
        self.rejected.extend(records)
        return records

    def _warn(self, code: str, message: str, about: str | None = None) -> None:
        if not any(warning.code == code and warning.field == about for warning in self.warnings):
            self.warnings.append(DataWarning(code=code, message=message, field=about))
