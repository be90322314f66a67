"""What is answered beside accounts and rows: customers, Connect, institutions, subscriptions?"""

from decimal import Decimal

import httpx2

from bursar.providers.finicity.sandbox.desk import TEST_INSTITUTION, Desk
from bursar.providers.finicity.sandbox.problems import missing, not_found, refused
from bursar.providers.finicity.sandbox.rendering import Member
from bursar.providers.finicity.sandbox.requests import Endpoints, Reply, Request


class Management:
    """The endpoints that make, change and delete."""

    def __init__(self, desk: Desk, partner_id: str) -> None:
        self._desk = desk
        self._world = desk.world
        self._mint = desk.mint
        self._partner_id = partner_id

    def endpoints(self) -> Endpoints:
        """What is answered, and by whom."""
        v1, v2 = "/aggregation/v1/customers", "/aggregation/v2/customers"
        customer, one = f"{v1}/{{customer_id}}", f"{v1}/{{customer_id}}/accounts/{{account_id}}"
        return [
            ("POST", f"{v2}/testing", self._add_customer),
            ("POST", f"{v2}/active", self._add_customer),
            ("GET", v1, self._list_customers),
            ("DELETE", customer, self._delete_customer),
            ("DELETE", f"{customer}/institutionLogins/{{login_id}}", self._delete_login),
            ("POST", "/connect/v2/generate", self._generate),
            ("POST", "/connect/v2/generate/fix", self._generate),
            ("POST", f"{one}/transactions/historic", self._load_history),
            ("POST", "/aggregation/customers/{customer_id}/transactions/refreshes", self._refresh_rows),
            ("POST", f"{one}/transactions", self._add_test_row),
            ("POST", f"{one}/txpush", self._subscribe),
            ("DELETE", f"{customer}/subscriptions/{{subscription_id}}", self._unsubscribe),
            ("GET", "/institution/v2/institutions", self._search_institutions),
            ("GET", "/institution/v2/institutions/{institution_id}", self._show_institution),
        ]

    def _add_customer(self, request: Request) -> Reply:
        username = request.text("username")
        if len(username) < 6:
            raise refused(400, "INVALID_REQUEST", "username is too short")
        customer = self._desk.add_customer(username)
        created = str(int(customer.created_at.timestamp()))
        return Reply(201, {"id": customer.customer_id, "username": username, "createdDate": created})

    def _list_customers(self, request: Request) -> Member:
        wanted = request.query.get("username")
        found = [one for one in self._desk.customers.values() if wanted in (None, one.username)]
        customers = [{"id": one.customer_id, "username": one.username, "type": "testing"} for one in found]
        return {"found": len(found), "displaying": len(found), "moreAvailable": False, "customers": customers}

    def _delete_customer(self, request: Request) -> Reply:
        del self._desk.customers[self._desk.find_customer(request.ids["customer_id"]).customer_id]
        return Reply(204)

    def _delete_login(self, request: Request) -> Reply:
        held = self._desk.find_login(request.ids["customer_id"], request.ids["login_id"])
        del self._desk.customers[request.ids["customer_id"]].logins[held.login_id]
        return Reply(204)

    def _generate(self, request: Request) -> Member:
        if request.text("partnerId") != self._partner_id:
            raise refused(400, "INVALID_REQUEST", "partnerId is not this partner's")
        login_id = request.text("institutionLoginId") if request.path.endswith("/fix") else None
        visit = self._desk.visit(
            request.text("customerId"),
            login_id,
            redirect_uri=request.body.get("redirectUri"),
            webhook=request.body.get("webhook"),
            webhook_data=request.body.get("webhookData"),
        )
        return {"link": f"{request.base}/connect/page/{visit.visit_id}"}

    def _load_history(self, request: Request) -> Reply:
        held, _ = self._desk.find_account(request.ids["customer_id"], request.ids["account_id"])
        return Reply(203, {"questions": []}) if held.code in (185, 187, 331) else Reply(204)

    def _refresh_rows(self, request: Request) -> Reply:
        held = self._desk.find_login(request.ids["customer_id"], request.text("institutionLoginId"))
        return Reply(
            202,
            {
                "refreshId": self._mint.word("refresh"),
                "customerId": request.ids["customer_id"],
                "institutionLoginId": held.login_id,
                "status": "NEW",
            },
        )

    def _add_test_row(self, request: Request) -> Reply:
        _, account = self._desk.find_account(request.ids["customer_id"], request.ids["account_id"])
        amount = request.body.get("amount")
        if isinstance(amount, bool) or not isinstance(amount, int | Decimal):
            raise missing("amount")
        world_id = self._world.script.add_settled(
            account.account_id, Decimal(amount), str(request.body.get("description", "TEST TRANSACTION"))
        )
        return Reply(
            201, {"id": self._mint.number("test row", world_id), "createdDate": int(self._world.now.timestamp())}
        )

    async def _subscribe(self, request: Request) -> Reply:
        self._desk.find_account(request.ids["customer_id"], request.ids["account_id"])
        url, code = request.text("callbackUrl"), self._mint.word("code")
        try:
            async with httpx2.AsyncClient(timeout=5.0) as client:
                echoed = (await client.get(url, params={"txpush_verification_code": code})).text
        except (httpx2.HTTPError, httpx2.InvalidURL):
            echoed = ""
        if echoed.strip() != code:
            raise refused(400, "INVALID_REQUEST", "the callback address did not echo the code")
        made: list[Member] = []
        for kind in ("account", "transaction"):
            number = self._mint.next("subscription")
            made.append(
                {
                    "id": number,
                    "accountId": request.ids["account_id"],
                    "type": kind,
                    "callbackUrl": url,
                    "signingKey": self._mint.word("signing"),
                }
            )
            self._desk.subscriptions[str(number)] = made[-1]
        return Reply(201, {"subscriptions": made})

    def _unsubscribe(self, request: Request) -> Reply:
        if self._desk.subscriptions.pop(request.ids["subscription_id"], None) is None:
            raise not_found("Subscription")
        return Reply(204)

    def _search_institutions(self, request: Request) -> Member:
        search = request.query.get("search", "").lower()
        every = [self._desk.institution(bank) for bank in self._world.banks]
        every.append(self._desk.institution(self._world.logins[0].bank, TEST_INSTITUTION))
        found = [one for one in every if search in str(one["name"]).lower()]
        start, limit = request.number("start", 1), request.number("limit", 25)
        shown = found[(start - 1) * limit : start * limit]
        has_more = start * limit < len(found)
        return {"found": len(found), "displaying": len(shown), "moreAvailable": has_more, "institutions": shown}

    def _show_institution(self, request: Request) -> Member:
        institution_id = request.ids["institution_id"]
        bank = self._desk.find_bank(institution_id)
        if bank is None:
            raise not_found("Institution")
        known = institution_id if institution_id == TEST_INSTITUTION else None
        return {"institution": self._desk.institution(bank, known)}
