"""What does the simulated Finicity tell of accounts and rows?"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from bursar.providers.finicity.sandbox.desk import Customer, Desk, InstitutionLogin
from bursar.providers.finicity.sandbox.problems import missing, problem, refused, unsupported_account
from bursar.providers.finicity.sandbox.rendering import Member, Renderer, holder, simple_owner
from bursar.sandbox.faults import FaultKind
from bursar.sandbox.people import Account, AccountKind

Query = dict[str, str]

_BANK_FAULTS = (FaultKind.INSTITUTION_DOWN, FaultKind.NOT_READY)
_DOWN_CODE = 900
_ACH_KINDS = frozenset({AccountKind.CHECKING, AccountKind.SAVINGS})


class Data:
    """The endpoints that read."""

    def __init__(self, desk: Desk, renderer: Renderer, prefix: str) -> None:
        self._desk = desk
        self._world = desk.world
        self._renderer = renderer
        self._prefix = prefix

    def accounts(self, path: str, customer_id: str, login_id: str | None = None) -> Member:
        """The accounts of a customer or of a login."""
        customer = self._desk.find_customer(customer_id)
        logins = [self._desk.find_login(customer_id, login_id)] if login_id else list(customer.logins.values())
        return {"accounts": [one for held in logins for one in self._accounts(path, customer, held)]}

    def account(self, path: str, customer_id: str, account_id: str) -> Member:
        """One account."""
        held, account = self._desk.find_account(customer_id, account_id)
        customer = self._desk.find_customer(customer_id)
        return self._account(customer, held, account, held.code, is_ready=True)

    def refresh(self, path: str, customer_id: str, login_id: str | None = None) -> Member:
        """The accounts, read at the institutions just now; a login that does not work answers with its code."""
        customer = self._desk.find_customer(customer_id)
        logins = [self._desk.find_login(customer_id, login_id)] if login_id else list(customer.logins.values())
        for held in logins:
            if held.code:
                raise problem(500, str(held.code), "The institution refuses the login", "Aggregation")
        return self.accounts(path, customer_id, login_id)

    def live_balance(self, customer_id: str, account_id: str, query: Query) -> Member:
        """A balance of this moment."""
        interval = query.get("balance_cache_interval", "30")
        if not interval.isdigit() or int(interval) > 1440:
            raise refused(400, "INVALID_REQUEST", "balance_cache_interval is out of range")
        held, account = self._desk.find_account(customer_id, account_id)
        if held.code:
            raise problem(500, held.code, "The institution refuses the login", "Aggregation")
        member = self._account(self._desk.find_customer(customer_id), held, account, 0, is_ready=True)
        now = int(self._world.now.timestamp())
        truth = self._world.truth(account.account_id)
        pending = sum((row.amount for row in truth.pending), Decimal(0))
        return {
            "id": customer_id,
            "realAccountNumberLast4": account.mask,
            "availableBalance": truth.balance + pending,
            "availableBalanceDate": now,
            "clearedBalance": member["balance"],
            "clearedBalanceDate": now,
            "aggregationStatusCode": 0,
            "currency": account.currency,
        }

    def owner(self, customer_id: str, account_id: str) -> Member:
        """Version 1."""
        _, account = self._desk.find_account(customer_id, account_id)
        return simple_owner(account, self._world.now)

    def holders(self, customer_id: str, account_id: str) -> Member:
        """Version 3."""
        _, account = self._desk.find_account(customer_id, account_id)
        return {"holders": [holder(person) for person in account.holders]}

    def ach(self, customer_id: str, account_id: str) -> Member:
        """Routing and account number."""
        _, account = self._desk.find_account(customer_id, account_id)
        if account.kind not in _ACH_KINDS:
            raise unsupported_account()
        return {"routingNumber": account.bank.bank_code, "realAccountNumber": account.number}

    def customer_transactions(self, customer_id: str, query: Query) -> Member:
        """A page of the rows of every account."""
        customer = self._desk.find_customer(customer_id)
        chosen = [(held, one) for held in customer.logins.values() for one in self._desk.accounts(held)]
        return self._page(customer, chosen, query)

    def account_transactions(self, customer_id: str, account_id: str, query: Query) -> Member:
        """A page of the rows of one account."""
        chosen = self._desk.find_account(customer_id, account_id)
        return self._page(self._desk.find_customer(customer_id), [chosen], query)

    def _page(self, customer: Customer, chosen: Sequence[tuple[InstitutionLogin, Account]], query: Query) -> Member:
        first, last = _number(query, "fromDate"), _number(query, "toDate")
        start, limit = _number(query, "start", 1), _number(query, "limit", 25)
        if not 1 <= limit <= 1000 or start < 1:
            raise refused(400, "INVALID_REQUEST", "start or limit is out of range")
        if first > last:
            raise refused(400, "INVALID_REQUEST", "fromDate is after toDate")
        lead, size = timedelta(0), limit
        disturbed = self._desk.disturbed_page() if start == 1 else None
        if disturbed is not None:
            size, lead = min(limit, disturbed[0]), disturbed[1]
        includes_pending = query.get("includePending", "false") == "true"
        rows = [
            member
            for held, account in chosen
            for member in self._rows(customer, held, account, self._desk.rows_at(held) - lead)
            if first <= _sorted_by(member) <= last and (includes_pending or member["status"] == "active")
        ]
        rows.sort(key=_sorted_by, reverse=query.get("sort", "desc") == "desc")
        shown = rows[start - 1 : start - 1 + size]
        has_more = start - 1 + len(shown) < len(rows)
        return {
            "found": len(rows),
            "displaying": len(shown),
            "moreAvailable": "true" if has_more else "false",
            "fromDate": str(first),
            "toDate": str(last),
            "sort": query.get("sort", "desc"),
            "transactions": shown,
        }

    def _rows(self, customer: Customer, held: InstitutionLogin, account: Account, at: datetime) -> list[Member]:
        at = max(at, account.opened_at)
        eyes = self._desk.eyes(held, account)
        listed = self._desk.lister.rows(account, eyes, at)
        return self._renderer.transactions(account, int(eyes.account_id), int(customer.customer_id), listed)

    def _accounts(self, path: str, customer: Customer, held: InstitutionLogin) -> list[Member]:
        fault = self._world.faults.strike(self._prefix + path, frozenset(_BANK_FAULTS), bank=held.login.bank.key)
        code = held.code
        if fault is not None and fault.kind is FaultKind.INSTITUTION_DOWN:
            code = code or _DOWN_CODE
        is_ready = fault is None or fault.kind is not FaultKind.NOT_READY
        return [
            self._account(customer, held, account, code, is_ready=is_ready) for account in self._desk.accounts(held)
        ]

    def _account(
        self, customer: Customer, held: InstitutionLogin, account: Account, code: int, *, is_ready: bool
    ) -> Member:
        ids: Member = {
            "id": self._desk.account_id(held, account),
            "customerId": customer.customer_id,
            "institutionId": self._desk.institution_id(held.login.bank),
            "institutionLoginId": int(held.login_id),
        }
        return self._renderer.account(account, ids, held.created_at, code, is_ready=is_ready)


def _number(query: Query, name: str, default: int | None = None) -> int:
    text = query.get(name)
    if text is None:
        if default is None:
            raise missing(name)
        return default
    if not text.isdigit():
        raise refused(400, "INVALID_REQUEST", f"{name} is no number")
    return int(text)


def _sorted_by(member: Member) -> int:
    stamp: Any = member.get("transactionDate") or member.get("postedDate") or 0
    return int(stamp)
