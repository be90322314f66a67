"""How does an OFX file become one batch for the ledger?"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from decimal import Decimal

from bursar.domain.accounts import AccountType, ProviderAccountData
from bursar.domain.balances import BalanceObservation
from bursar.domain.holdings import HoldingsListing, ProviderHoldingData
from bursar.domain.money import is_currency
from bursar.domain.sync import DataWarning, RecordKind, RejectedRecord, RejectReason, SyncBatch, TransactionListing
from bursar.domain.transactions import ProviderTransactionData, has_expected_sign
from bursar.importers.ofx.accounts import AccountKey, Institution, read_account, read_institution
from bursar.importers.ofx.banking import is_pending, map_row, redact
from bursar.importers.ofx.document import Document, Statement
from bursar.importers.ofx.elements import Element
from bursar.importers.ofx.investments import InvestmentMapper
from bursar.importers.ofx.notices import MESSAGES
from bursar.importers.ofx.rows import RejectedRow
from bursar.importers.ofx.securities import Securities
from bursar.importers.ofx.standings import Standing, bank_standing, investment_standing
from bursar.ports.importer import ImportOptions, StatementFile

_EXCERPT = 200
_UNSIGNED_SHARE = Decimal("0.9")
_NO_ACCOUNT = AccountKey("", AccountType.OTHER, None, "****", "", is_masked_in_file=False)


@dataclass(slots=True)
class _Account:
    """What all statements of one account say together."""

    key: AccountKey
    currency: str
    standings: list[Standing] = field(default_factory=list[Standing])
    rows_total: Decimal = Decimal(0)
    lists_pending: bool = False
    since: date | None = None
    """The first day of the period that its statements state; None when one of them does not."""
    raw: dict[str, object] = field(default_factory=dict[str, object])


class Mapping:
    """Collects the records of one file; used once."""

    def __init__(self, document: Document, options: ImportOptions) -> None:
        self._document = document
        self._notices = document.notices
        self._institution: Institution = read_institution(document)
        default = options.default_currency
        # Chase writes dollars only; every other institution may write anything.
        self._default_currency = default or ("USD" if self._institution.is_chase else None)
        self._securities = Securities(document.securities, document.numbers, document.notices)
        self._accounts: dict[str, _Account] = {}
        self._transactions: list[ProviderTransactionData] = []
        self._holdings: dict[str, HoldingsListing] = {}
        self._rejected: list[RejectedRecord] = []
        self._debits: Counter[bool] = Counter()

    def to_file(self) -> StatementFile:
        """Return the file as the port wants it."""
        document = self._document
        for statement in document.statements:
            self._take_statement(statement)
        for info in document.accounts:
            self._take_account_info(info)
        self._judge_signs()
        accounts = [self._account_record(account) for account in self._accounts.values()]
        starts, ends = self._periods()
        version = document.container.version
        return StatementFile(
            batch=SyncBatch(
                accounts=accounts,
                transactions=self._transactions,
                listings=self._pending_lists(),
                as_of=self._made_at(),
                stated_since={
                    name: account.since for name, account in self._accounts.items() if account.since is not None
                },
                holdings=list(self._holdings.values()),
                balances=list(self._observations()),
                rejected=self._rejected,
                warnings=[
                    DataWarning(code=notice.code, message=MESSAGES[notice.code], line=notice.line, count=notice.count)
                    for notice in self._notices.all()
                ],
            ),
            provider_slug=self._institution.provider_slug,
            format_name=f"ofx {'.'.join(version)}" if version and version.isdecimal() else "ofx",
            institution_id=self._institution.id,
            institution_name=self._institution.name,
            period_start=min(starts, default=None),
            period_end=max(ends, default=None),
            rows_read=document.rows_read,
            needs_account=any(self._is_nameless(statement) for statement in document.statements),
        )

    def _take_statement(self, statement: Statement) -> None:
        element = statement.element
        is_401k = any(record.search("INV401KSOURCE") for record in (*statement.trades, *statement.positions))
        key = read_account(self._institution, element, is_401k=is_401k) or _NO_ACCOUNT
        if key.is_masked_in_file:
            self._notices.add("masked_account_id", element.line)
        for rejected in statement.rejected:
            self._reject(rejected, key, RecordKind.TRANSACTION)
        currency = self._currency(statement)
        if currency is None:
            self._reject_all(statement, key)
            return
        account = None
        if key is not _NO_ACCOUNT:
            # One number in two currencies is two accounts: an account's currency never changes.
            key = replace(key, id=f"{key.id}|{currency}")
            account = self._accounts.setdefault(key.id, _Account(key, currency))
        self._take_rows(statement, key, currency, account)
        holdings_value = self._take_investments(statement, key, currency)
        if account is not None:
            standing = (
                investment_standing(self._document, element, holdings_value)
                if key.account_type.is_investment()
                else bank_standing(self._document, element, key)
            )
            account.standings.append(standing)
            account.lists_pending = account.lists_pending or element.search("BANKTRANLISTP") is not None
            since = self._day(statement, "DTSTART")
            known = account.since if len(account.standings) > 1 else since
            account.since = None if since is None or known is None else min(known, since)

    def _take_rows(self, statement: Statement, key: AccountKey, currency: str, account: _Account | None) -> None:
        for index, row in enumerate(statement.rows):
            if row.kind == "DEBIT" and row.amount:
                self._debits[row.amount > 0] += 1
            if not row.amount:
                self._notices.add("zero_amount", row.line)
            record = map_row(row, key, currency)
            if record is None:
                name = "STMTTRNP" if row.is_pending else "STMTTRN"
                self._reject(
                    RejectedRow(row.line, "inconsistent", f"{name}.CURRENCY.CURRATE", row.fitid, None, index),
                    key,
                    RecordKind.TRANSACTION,
                )
                continue
            if not has_expected_sign(record.subtype, record.amount):
                self._notices.add("sign_mismatch", row.line)
            if account is not None and account.currency == currency and not is_pending(row):
                account.rows_total += record.amount
            self._transactions.append(record)

    def _take_investments(self, statement: Statement, key: AccountKey, currency: str) -> Decimal | None:
        """Take trades and positions; return what the positions are worth, None when that is not known."""
        mapper = InvestmentMapper(self._document, self._securities, key, currency)
        for index, record in enumerate(statement.trades):
            trade = mapper.map_trade(record)
            if isinstance(trade, RejectedRow):
                self._reject(trade._replace(position=index), key, RecordKind.TRANSACTION)
                continue
            if not has_expected_sign(trade.subtype, trade.amount):
                self._notices.add("sign_mismatch", record.line)
            self._transactions.append(trade)
        if statement.element.find("INVPOSLIST") is None:
            return None
        holdings: dict[str, ProviderHoldingData] = {}
        is_complete = True
        for index, record in enumerate(statement.positions):
            holding = mapper.map_position(record, holdings)
            if isinstance(holding, RejectedRow):
                is_complete = False
                self._reject(holding._replace(position=index), key, RecordKind.HOLDING)
                continue
            holdings[holding.provider_holding_id] = holding
        self._keep_holdings(statement, key, list(holdings.values()), is_complete=is_complete)
        values = [holding.market_value for holding in holdings.values()]
        known = [value for value in values if value is not None]
        return sum(known, Decimal(0)) if is_complete and len(known) == len(values) else None

    def _keep_holdings(
        self, statement: Statement, key: AccountKey, holdings: list[ProviderHoldingData], *, is_complete: bool
    ) -> None:
        """Keep the newest list of each account."""
        text = statement.element.value("DTASOF")
        moment = None if text is None else self._document.dates.read(text, statement.element.line)
        # A day without a time becomes its first instant, so that lists can be ordered.
        as_of = None if moment is None else moment.at or datetime.combine(moment.on, time.min, UTC)
        known = self._holdings.get(key.id)
        if known is not None and known.as_of is not None and (as_of is None or as_of < known.as_of):
            return
        self._holdings[key.id] = HoldingsListing(
            provider_account_id=key.id, holdings=holdings, complete=is_complete, as_of=as_of
        )

    def _take_account_info(self, info: Element) -> None:
        key = read_account(self._institution, info)
        if key is None:
            return
        if not self._document.statements:
            self._notices.add("accounts_only")
        listed = [account for account in self._accounts.values() if account.key.id.startswith(f"{key.id}|")]
        for known in listed:
            if known.key.account_type is AccountType.BROKERAGE:
                # Only the account list says which kind of plan an investment account is.
                known.key = replace(key, id=known.key.id)
        if listed:
            return
        if self._default_currency is None:
            self._notices.add("currency_missing", info.line)
            self._reject(
                RejectedRow(info.line, "unknown_currency", "ACCTINFO.CURDEF", None, None), key, RecordKind.ACCOUNT
            )
            return
        key = replace(key, id=f"{key.id}|{self._default_currency}")
        account = _Account(key, self._default_currency)
        description = info.value("DESC")
        if description is not None:
            account.raw["description"] = redact(description[:500])
        self._accounts[key.id] = account

    def _currency(self, statement: Statement) -> str | None:
        stated = (statement.element.value("CURDEF") or "").upper()
        if is_currency(stated):
            return stated
        agreed = {row.details.currency.symbol for row in statement.rows if row.details.currency is not None}
        if not stated and len(agreed) == 1:
            # Rows that convert at par from one and the same currency say which one the account is in.
            symbol = agreed.pop()
            if is_currency(symbol) and all(
                row.details.currency is not None and row.details.currency.rate == 1 for row in statement.rows
            ):
                self._notices.add("currency_inferred", statement.element.line)
                return symbol
        if self._default_currency is None:
            self._notices.add("currency_missing", statement.element.line or None)
        return self._default_currency

    def _account_record(self, account: _Account) -> ProviderAccountData:
        key = account.key
        latest = max(account.standings, key=Standing.age, default=Standing())
        credit_limit = None
        available = latest.available
        if key.account_type.is_credit() and available is not None:
            # What is available on a card is credit, not the holder's money.
            if latest.balance is not None and latest.balance <= 0:
                credit_limit = available - latest.balance
            available = None
        if key.is_card and latest.balance is not None and latest.balance > 0 > account.rows_total:
            self._notices.add("balance_sign_suspect")
        return ProviderAccountData(
            provider_account_id=key.id,
            account_number_masked=key.masked,
            name=key.name,
            account_type=key.account_type.value,
            currency=account.currency,
            balance=latest.balance if latest.balance is not None else Decimal(0),
            balance_known=latest.balance is not None,
            available_balance=available,
            cash_balance=latest.cash,
            credit_limit=credit_limit,
            balance_as_of=latest.at,
            balance_on=latest.on,
            provider_type=key.provider_type,
            id_is_sensitive=True,
            identity=key.identity,
            raw_data=account.raw or None,
        )

    def _observations(self) -> Iterable[BalanceObservation]:
        """Yield the balances that the account records do not carry: those of older statements, and their parts."""
        for account in self._accounts.values():
            known = [standing for standing in account.standings if standing.balance is not None]
            latest = max(account.standings, key=Standing.age, default=None)
            for standing in known:
                if standing.balance is None or (standing is latest and standing.holdings is None):
                    continue
                yield BalanceObservation(
                    provider_account_id=account.key.id,
                    balance=standing.balance,
                    currency=account.currency,
                    as_of=standing.at,
                    on=standing.on,
                    available_balance=None if account.key.account_type.is_credit() else standing.available,
                    holdings_value=standing.holdings,
                    cash_value=standing.cash,
                )

    def _judge_signs(self) -> None:
        positive, all_ = self._debits[True], self._debits.total()
        if all_ and Decimal(positive) / all_ > _UNSIGNED_SHARE:
            self._notices.add("unsigned_amounts")

    def _pending_lists(self) -> list[TransactionListing]:
        """Return a listing for each account whose statement has a list of pending rows: such a list is always whole."""
        rejected = [record for record in self._rejected if record.kind is RecordKind.TRANSACTION]
        # A row that is rejected early does not know the currency yet, which is the last part of the name.
        unread = tuple(record.provider_account_id or "" for record in rejected)
        return [
            TransactionListing(provider_account_id=name, since=date.min, pending_only=True)
            for name, account in self._accounts.items()
            if account.lists_pending and not name.startswith(unread)
        ]

    def _made_at(self) -> datetime | None:
        """Return when the file was made, or the newest balance in it was true; None when it states no instant.

        A day without a time counts from its first instant: what an API has said on that day is the younger word.
        """
        sign_on = self._document.sign_on
        text = None if sign_on is None else sign_on.search_value("DTSERVER")
        moment = None if text is None else self._document.dates.read(text, None)
        if moment is not None and moment.at is not None:
            return moment.at
        days = [] if moment is None else [datetime.combine(moment.on, time.min, UTC)]
        known = [one for account in self._accounts.values() for one in account.standings if one.on is not None]
        return max((*days, *(one.at or one.age()[1] for one in known)), default=None)

    def _periods(self) -> tuple[list[date], list[date]]:
        starts: list[date] = []
        ends: list[date] = []
        for statement in self._document.statements:
            for name, into in (("DTSTART", starts), ("DTEND", ends)):
                day = self._day(statement, name)
                if day is not None:
                    into.append(day)
        return starts, ends

    def _day(self, statement: Statement, name: str) -> date | None:
        text = statement.element.search_value(name)
        moment = None if text is None else self._document.dates.read(text, statement.element.line)
        return None if moment is None else moment.on

    def _is_nameless(self, statement: Statement) -> bool:
        return read_account(self._institution, statement.element) is None

    def _reject_all(self, statement: Statement, key: AccountKey) -> None:
        """Reject what a statement without a currency holds: a number without a unit is no amount."""
        element = statement.element
        if key is not _NO_ACCOUNT:
            missing = RejectedRow(element.line, "unknown_currency", f"{element.name}.CURDEF", None, None)
            self._reject(missing, key, RecordKind.ACCOUNT)
        field_name = f"{element.name or 'STMTRS'}.CURDEF"
        for index, row in enumerate(statement.rows):
            rejected = RejectedRow(row.line, "unknown_currency", field_name, row.fitid, None, index)
            self._reject(rejected, key, RecordKind.TRANSACTION)
        for records, kind in ((statement.trades, RecordKind.TRANSACTION), (statement.positions, RecordKind.HOLDING)):
            for index, record in enumerate(records):
                fitid = record.search_value("FITID")
                rejected = RejectedRow(record.line, "unknown_currency", field_name, fitid, None, index)
                self._reject(rejected, key, kind)

    def _reject(self, row: RejectedRow, key: AccountKey, kind: RecordKind) -> None:
        self._rejected.append(
            RejectedRecord(
                kind=kind,
                index=row.position,
                reason=RejectReason(row.reason),
                field=row.field,
                provider_id=row.fitid,
                provider_account_id=key.id or None,
                line=row.line or None,
                redacted_excerpt=redact((row.value or "")[:_EXCERPT]),
            )
        )
