"""What does the simulated Finicity tell of accounts and rows?"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from bursar.providers.finicity.sandbox.desk import Customer, Desk, InstitutionLogin
from bursar.providers.finicity.sandbox.problems import problem, refused, unsupported_account
from bursar.providers.finicity.sandbox.rendering import Member, Renderer, holder, simple_owner
from bursar.providers.finicity.sandbox.requests import Endpoints, Request
from bursar.sandbox.faults import FaultKind
from bursar.sandbox.people import Account, AccountKind

_BANK_FAULTS = (FaultKind.INSTITUTION_DOWN, FaultKind.NOT_READY)
_DOWN_CODE = 900
_ACH_KINDS = frozenset({AccountKind.CHECKING, AccountKind.SAVINGS})


class Data:
    """The endpoints that read."""

    def __init__(self, desk: Desk, renderer: Renderer, prefix: str, *, has_holders: bool) -> None:
        self._desk = desk
        self._world = desk.world
        self._renderer = renderer
        self._prefix = prefix
        self._has_holders = has_holders

    def endpoints(self) -> Endpoints:
        """What is answered, and by whom."""
        v1, v2, v3, v4 = (f"/aggregation/v{number}/customers/{{customer_id}}" for number in (1, 2, 3, 4))
        one, login = "/accounts/{account_id}", "/institutionLogins/{login_id}"
        return [
            ("GET", f"{v1}/accounts", self.accounts),
            ("GET", f"{v1}{login}/accounts", self.accounts),
            ("POST", f"{v2}/accounts", self.refresh),
            ("POST", f"{v2}{login}/accounts", self.refresh),
            ("GET", f"{v2}{one}", self.account),
            ("GET", f"{v1}{one}/availableBalance/live", self.live_balance),
            ("GET", f"{v1}{one}/owner", self.owner),
            ("GET", f"{v3}{one}/owner", self.holders),
            ("GET", f"{v1}{one}/details", self.ach),
            ("GET", f"{v3}/transactions", self.customer_transactions),
            ("GET", f"{v4}{one}/transactions", self.account_transactions),
        ]

    def accounts(self, request: Request) -> Member:
        """The accounts of a customer or of a login."""
        customer, logins = self._chosen(request)
        return {"accounts": [one for held in logins for one in self._accounts(request.path, customer, held)]}

    def account(self, request: Request) -> Member:
        """One account."""
        customer, held, account = self._one(request)
        return self._account(customer, held, account, held.code, is_ready=True)

    def refresh(self, request: Request) -> Member:
        """The accounts, read at the institutions just now; a login that does not work answers with its code."""
        _, logins = self._chosen(request)
        for held in logins:
            if held.code:
                raise problem(500, str(held.code), "The institution refuses the login", "Aggregation")
        return self.accounts(request)

    def live_balance(self, request: Request) -> Member:
        """A balance of this moment."""
        if request.number("balance_cache_interval", 30) > 1440:
            raise refused(400, "INVALID_REQUEST", "balance_cache_interval is out of range")
        customer, held, account = self._one(request)
        if held.code:
            raise problem(500, held.code, "The institution refuses the login", "Aggregation")
        member = self._account(customer, held, account, 0, is_ready=True)
        now = int(self._world.now.timestamp())
        truth = self._world.truth(account.account_id)
        pending = sum((row.amount for row in truth.pending), Decimal(0))
        return {
            "id": customer.customer_id,
            "realAccountNumberLast4": account.mask,
            "availableBalance": truth.balance + pending,
            "availableBalanceDate": now,
            "clearedBalance": member["balance"],
            "clearedBalanceDate": now,
            "aggregationStatusCode": 0,
            "currency": account.currency,
        }

    def owner(self, request: Request) -> Member:
        """Version 1."""
        _, _, account = self._one(request)
        return simple_owner(account, self._world.now)

    def holders(self, request: Request) -> Member:
        """Version 3, where the plan has it."""
        if not self._has_holders:
            raise problem(403, 10403, "The plan does not have this product", "Forbidden")
        _, _, account = self._one(request)
        return {"holders": [holder(person) for person in account.holders]}

    def ach(self, request: Request) -> Member:
        """Routing and account number."""
        _, _, account = self._one(request)
        if account.kind not in _ACH_KINDS:
            raise unsupported_account()
        return {"routingNumber": account.bank.bank_code, "realAccountNumber": account.number}

    def customer_transactions(self, request: Request) -> Member:
        """A page of the rows of every account."""
        customer, logins = self._chosen(request)
        return self._page(customer, [(held, one) for held in logins for one in self._desk.accounts(held)], request)

    def account_transactions(self, request: Request) -> Member:
        """A page of the rows of one account."""
        customer, held, account = self._one(request)
        return self._page(customer, [(held, account)], request)

    def _chosen(self, request: Request) -> tuple[Customer, list[InstitutionLogin]]:
        customer_id, login_id = request.ids["customer_id"], request.ids.get("login_id")
        customer = self._desk.find_customer(customer_id)
        if login_id is None:
            return customer, list(customer.logins.values())
        return customer, [self._desk.find_login(customer_id, login_id)]

    def _one(self, request: Request) -> tuple[Customer, InstitutionLogin, Account]:
        customer = self._desk.find_customer(request.ids["customer_id"])
        return customer, *self._desk.find_account(customer.customer_id, request.ids["account_id"])

    def _page(self, customer: Customer, chosen: Sequence[tuple[InstitutionLogin, Account]], request: Request) -> Member:
        first, last = request.number("fromDate"), request.number("toDate")
        start, limit = request.number("start", 1), request.number("limit", 25)
        if not 1 <= limit <= 1000 or start < 1:
            raise refused(400, "INVALID_REQUEST", "start or limit is out of range")
        if first > last:
            raise refused(400, "INVALID_REQUEST", "fromDate is after toDate")
        lead, size = timedelta(0), limit
        disturbed = self._desk.disturbed_page() if start == 1 else None
        if disturbed is not None:
            size, lead = min(limit, disturbed[0]), disturbed[1]
        includes_pending = request.query.get("includePending", "false") == "true"
        rows = [
            member
            for held, account in chosen
            for member in self._rows(customer, held, account, self._desk.rows_at(held) - lead)
            if first <= _sorted_by(member) <= last and (includes_pending or member["status"] == "active")
        ]
        rows.sort(key=_sorted_by, reverse=request.query.get("sort", "desc") == "desc")
        shown = rows[start - 1 : start - 1 + size]
        has_more = start - 1 + len(shown) < len(rows)
        return {
            "found": len(rows),
            "displaying": len(shown),
            "moreAvailable": "true" if has_more else "false",
            "fromDate": str(first),
            "toDate": str(last),
            "sort": request.query.get("sort", "desc"),
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


def _sorted_by(member: Member) -> int:
    stamp: Any = member.get("transactionDate") or member.get("postedDate") or 0
    return int(stamp)
