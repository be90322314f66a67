"""What does one login hold now, as records of the ledger, with what could not be read beside them?"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from bursar.domain.accounts import AccountType, ProviderAccountData
from bursar.domain.holdings import HoldingsListing, ProviderHoldingData
from bursar.domain.sync import DataWarning, RecordKind, RejectedRecord, RejectReason, TransactionListing
from bursar.domain.transactions import ProviderTransactionData
from bursar.ports.rejects import UnreadableError
from bursar.providers.finicity.failures import connection_removed, invalid_answer, login_required
from bursar.providers.finicity.mapping import GROUP_TYPE, asset_type_of, sign_of, to_account, to_holding
from bursar.providers.finicity.rejects import rejected_model, rejected_row, row_id
from bursar.providers.finicity.sdk.client import FinicityClient
from bursar.providers.finicity.sdk.errors import FinicityNotFoundError
from bursar.providers.finicity.sdk.models.accounts import Account, Positions
from bursar.providers.finicity.sdk.models.transactions import Transaction
from bursar.providers.finicity.sdk.statuses import LoginState, state_of
from bursar.providers.finicity.sdk.wire import to_instant
from bursar.providers.finicity.signs import are_turned, may_be_turned
from bursar.providers.finicity.transaction_mapping import SHADOW, RowContext, to_transaction
from bursar.providers.finicity.zones import find_zone, zone_of

HISTORY_DAYS = 730
"""The longest history that an institution is asked for."""
DEFAULT_HISTORY_DAYS = 180
"""What Finicity reads of the time before an account was connected, without being asked for more."""
MARGIN = timedelta(days=45)
"""Rows are chosen by the day on which they happened and kept by the day on which they were booked."""
STALE_AFTER = timedelta(days=3)

_EPOCH = date(1970, 1, 2)


@dataclass(frozen=True, slots=True)
class LoginKey:
    """What is stored of a connection."""

    customer_id: str
    login_id: str
    zone_name: str | None = None
    """None when the institution could not be asked where it is."""


@dataclass(slots=True)
class Holdings:
    """The positions of one account."""

    held: list[ProviderHoldingData] = field(default_factory=list[ProviderHoldingData])
    closed: list[str] = field(default_factory=list[str])
    """Ids of positions that are listed with zero units."""
    is_complete: bool = True
    asset_types: dict[str, str] = field(default_factory=dict[str, str])


class LoginReader:
    """Reads one login once; make another one for the next reading.

    Args:
        client: the SDK's client.
        key: the login.
        now: UTC.
        default_zone: the calendar of institutions that do not say where they are.
    """

    def __init__(self, client: FinicityClient, key: LoginKey, now: datetime, default_zone: ZoneInfo) -> None:
        self._client = client
        self._key = key
        self._now = now
        self._default_zone = default_zone
        self._listed: dict[str, Account] = {}
        self._skipped: set[str] = set()
        """Accounts whose rows are not the ledger's: sums of other accounts, and those of other logins."""
        self._lost: set[str | None] = set()
        self.zone = default_zone
        self.accounts: dict[str, ProviderAccountData] = {}
        self.holdings: dict[str, Holdings] = {}
        self.rejected: list[RejectedRecord] = []
        self.warnings: list[DataWarning] = []
        self.are_accounts_complete = True

    async def read_accounts(self) -> None:
        """Read the accounts of the login.

        Raises:
            ProviderAuthenticationError: the login is gone, or its institution wants to see the user.
        """
        try:
            answer = await self._client.get_accounts(self._key.customer_id, self._key.login_id)
        except FinicityNotFoundError as error:
            raise connection_removed(error) from error
        for row in answer.rejected:
            record = rejected_row(row)
            self.rejected.append(record)
            self._lost.add(record.provider_id)
        self._check_states(answer.accounts)
        self.zone = await self._find_zone(answer.accounts)
        parents = {str(one.parent_account) for one in answer.accounts if one.parent_account is not None}
        for index, account in enumerate(answer.accounts):
            if account.type == GROUP_TYPE and account.id in parents:
                self._skipped.add(account.id)
                continue
            try:
                self.accounts[account.id] = to_account(account, self.zone, self.warnings)
            except UnreadableError as error:
                self._reject_account(account, error, index)
            else:
                self._listed[account.id] = account
        self.are_accounts_complete = not self.rejected

    async def read_all_holdings(self) -> list[HoldingsListing]:
        """Read the positions of every investment account."""
        for account_id, account in self.accounts.items():
            if self._may_hold(account_id, account):
                await self.read_holdings(account_id)
        return [
            HoldingsListing(provider_account_id=account_id, holdings=holdings.held, complete=holdings.is_complete)
            for account_id, holdings in self.holdings.items()
        ]

    async def read_holdings(self, account_id: str) -> None:
        """Read the positions of one account from its own answer, against which the listing's is held.

        An institution that tells no positions at all leaves those of the ledger alone.
        """
        listed = self._listed[account_id].read_positions()
        try:
            detailed = await self._client.get_account(self._key.customer_id, account_id)
        except FinicityNotFoundError:
            self.rejected.append(
                RejectedRecord(
                    kind=RecordKind.HOLDING,
                    index=0,
                    reason=RejectReason.INCONSISTENT,
                    field="position",
                    provider_account_id=account_id,
                )
            )
            return
        if detailed.id != account_id:
            raise invalid_answer()
        positions = detailed.read_positions()
        if positions is None:
            if listed is not None:
                raise invalid_answer()
            return
        self.holdings[account_id] = self._map_positions(account_id, positions)

    async def read_transactions(self) -> list[ProviderTransactionData]:
        """Read the rows of every account, those of two years."""
        since = self._today() - timedelta(days=HISTORY_DAYS)
        first, last = self._span(since, None)
        listing = await self._client.get_transactions(self._key.customer_id, first, last)
        self._take_unread_rows([rejected_row(row) for row in listing.rejected])
        await self._learn_others({row.account_id for row in listing.transactions})
        rows: dict[str, list[tuple[int, Transaction]]] = defaultdict(list)
        for index, row in enumerate(listing.transactions):
            rows[row.account_id].append((index, row))
        found: list[ProviderTransactionData] = []
        for account_id, own in rows.items():
            found += self._map_rows(account_id, own)
        self._sign_again(found)
        return [row for row in found if row.transaction_date >= since]

    async def read_account_rows(
        self, account_id: str, since: date | None, until: date | None
    ) -> list[ProviderTransactionData]:
        """Read the rows of one account between two days, both included."""
        start = since or self._today() - timedelta(days=HISTORY_DAYS)
        # Which way the amounts of a card point is read from all of its rows, however few are wanted.
        asked_since = start
        if may_be_turned(self.accounts[account_id].account_type):
            asked_since = min(start, self._today() - timedelta(days=HISTORY_DAYS))
        first, last = self._span(asked_since, None if asked_since is not start else until)
        listing = await self._client.get_transactions(self._key.customer_id, first, last, account_id=account_id)
        self._take_unread_rows([rejected_row(row, account_id) for row in listing.rejected])
        if any(row.account_id != account_id for row in listing.transactions):
            raise invalid_answer()
        rows = self._map_rows(account_id, list(enumerate(listing.transactions)))
        return [
            row for row in rows if row.transaction_date >= start and (until is None or row.transaction_date <= until)
        ]

    def listings(self, rows: Sequence[ProviderTransactionData]) -> list[TransactionListing]:
        """Say for which accounts and days `rows` are all that there is.

        Finicity keeps what it has read since an account was connected and half a year before, so nothing is said of
        earlier days; nor of an account whose last reading failed, or that tells of rows and lists none.
        """
        counts = Counter(row.provider_account_id for row in rows)
        found: list[TransactionListing] = []
        for account_id, account in self._listed.items():
            if state_of(account.aggregation_status_code) is not LoginState.ACTIVE:
                continue
            has_reason = counts[account_id] or account.last_transaction_date is None
            since = self._reaches_to(account) if has_reason else None
            found.append(TransactionListing(provider_account_id=account_id, since=since))
        return found

    def listed(self, account_id: str) -> Account:
        """An account of the login as Finicity lists it."""
        return self._listed[account_id]

    # Accounts.

    def _sign_again(self, rows: Sequence[ProviderTransactionData]) -> None:
        """What is left of a card's limit knows of pending rows: with them, which way its balance points is certain."""
        pending: dict[str, Decimal] = defaultdict(Decimal)
        for row in rows:
            if row.status == "pending":
                pending[row.provider_account_id] += row.amount
        for account_id, total in pending.items():
            signed = sign_of(self._listed[account_id], total)
            if signed is not None and signed.amount != self.accounts[account_id].balance:
                self.accounts[account_id] = replace(self.accounts[account_id], balance=signed.amount)

    def _check_states(self, accounts: Sequence[Account]) -> None:
        for account in accounts:
            code = account.aggregation_status_code
            state = state_of(code)
            if code is not None and state is LoginState.NEEDS_USER:
                raise login_required(code)
            if state is LoginState.DUPLICATE:
                self._warn("duplicate_account", "The institution lists this account twice.", account.id)
            elif state is LoginState.TRANSIENT:
                self._warn("stale_data", self._stale_message(account), account.id)
            elif account.status == "pending":
                self._warn("not_ready", "Finicity has not read this account yet; the next run asks again.", account.id)

    def _stale_message(self, account: Account) -> str:
        seconds = account.aggregation_success_date
        try:
            age = None if seconds is None else self._now - to_instant(seconds)
        except ValueError:
            age = None
        if age is not None and age <= STALE_AFTER:
            return "Finicity could not read this account lately; what it knew before was taken."
        return "Finicity has not been able to read this account for more than three days."

    async def _find_zone(self, accounts: Sequence[Account]) -> ZoneInfo:
        known = find_zone(self._key.zone_name)
        institution_id = next((one.institution_id for one in accounts if one.institution_id), None)
        if known is not None or institution_id is None:
            return known or self._default_zone
        try:
            institution = await self._client.get_institution(institution_id)
        except FinicityNotFoundError:
            return self._default_zone
        return find_zone(zone_of(institution)) or self._default_zone

    def _reject_account(self, account: Account, error: UnreadableError, index: int) -> None:
        account_id = account.id.strip() or None
        self.rejected.append(
            rejected_model(
                account,
                error,
                kind=RecordKind.ACCOUNT,
                member="accounts",
                index=index,
                provider_id=account_id,
                account_id=account_id,
            )
        )
        self._lost.add(account_id)

    # Positions.

    def _may_hold(self, account_id: str, account: ProviderAccountData) -> bool:
        is_investment = AccountType(account.account_type).is_investment()
        return is_investment or self._listed[account_id].read_positions() is not None

    def _map_positions(self, account_id: str, positions: Positions) -> Holdings:
        holdings = Holdings()
        for row in positions.rejected:
            self.rejected.append(rejected_row(row, account_id))
        currency = self.accounts[account_id].currency
        for index, position in enumerate(positions.positions):
            try:
                record = to_holding(position, account_id, currency, self.zone)
            except UnreadableError as error:
                self.rejected.append(
                    rejected_model(
                        position,
                        error,
                        kind=RecordKind.HOLDING,
                        member="position",
                        index=index,
                        provider_id=position.id.strip() or None,
                        account_id=account_id,
                    )
                )
                holdings.is_complete = False
                continue
            for name in (position.symbol, position.security_id):
                if name:
                    holdings.asset_types[name] = asset_type_of(position)
            if record.quantity:
                holdings.held.append(record)
            else:
                holdings.closed.append(record.provider_holding_id)
        holdings.is_complete = holdings.is_complete and not positions.rejected
        return holdings

    # Rows.

    def _map_rows(self, account_id: str, rows: Sequence[tuple[int, Transaction]]) -> list[ProviderTransactionData]:
        account = self.accounts.get(account_id)
        if account is None:
            self._reject_homeless(account_id, rows)
            return []
        context = self._context(account, [row for _, row in rows])
        found: list[ProviderTransactionData] = []
        for index, row in rows:
            if row.status == SHADOW:
                continue  # gone at the institution: the listing says so by not having it
            try:
                found.append(to_transaction(row, context, self.warnings))
            except UnreadableError as error:
                self._reject_row(row, error, index)
        return found

    def _context(self, account: ProviderAccountData, rows: Sequence[Transaction]) -> RowContext:
        account_id = account.provider_account_id
        is_turned = False
        if may_be_turned(account.account_type):
            is_turned = are_turned(rows, account.account_type, sign_of(self._listed[account_id]))
        if is_turned:
            self._warn("sign_turned", "The institution's amounts are positive where money leaves.", account_id)
        held = self.holdings.get(account_id)
        types: Mapping[str, str] = held.asset_types if held is not None else {}
        return RowContext(account, self.zone, is_turned, types)

    def _take_unread_rows(self, records: Sequence[RejectedRecord]) -> None:
        self.rejected += [record for record in records if record.provider_account_id not in self._skipped]

    def _reject_homeless(self, account_id: str, rows: Sequence[tuple[int, Transaction]]) -> None:
        if account_id in self._skipped or self._lost & {account_id, None}:
            return  # another account's, or of one that could not be read and stands for them
        for index, row in rows:
            self._reject_row(row, UnreadableError(RejectReason.INCONSISTENT, "accountId"), index)

    def _reject_row(self, row: Transaction, error: UnreadableError, index: int) -> None:
        self.rejected.append(
            rejected_model(
                row,
                error,
                kind=RecordKind.TRANSACTION,
                member="transactions",
                index=index,
                provider_id=row_id(row.account_id, row.id) if row.id.strip() else None,
                account_id=row.account_id,
            )
        )

    async def _learn_others(self, account_ids: set[str]) -> None:
        """The listing is of all logins of the customer: whose the accounts are that this login does not have?"""
        if not account_ids - self.accounts.keys() - self._skipped - self._lost:
            return
        answer = await self._client.get_accounts(self._key.customer_id)
        self._skipped |= {one.id for one in answer.accounts if one.institution_login_id != self._key.login_id}

    def _reaches_to(self, account: Account) -> date:
        """The first day of which Finicity has every row of an account."""
        oldest = self._today() - timedelta(days=HISTORY_DAYS)
        if account.created_date is None:
            return oldest
        try:
            created = to_instant(account.created_date).date()
        except ValueError:
            return oldest
        return max(oldest, min(created, self._today()) - timedelta(days=DEFAULT_HISTORY_DAYS))

    def _span(self, since: date, until: date | None) -> tuple[datetime, datetime]:
        try:
            first, last = max(since - MARGIN, _EPOCH), (until or self._today()) + MARGIN
        except OverflowError:
            first, last = max(since, _EPOCH), until or self._today()
        return datetime.combine(first, time(), UTC), datetime.combine(max(first, last), time(), UTC)

    def _today(self) -> date:
        return self._now.date()

    def _warn(self, code: str, message: str, about: str) -> None:
        self.warnings.append(DataWarning(code=code, message=message, provider_id=about))
