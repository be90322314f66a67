"""Calls about customers, Connect and institutions."""

from collections.abc import Mapping

from bursar.providers.finicity.sdk.errors import FinicityArgumentError
from bursar.providers.finicity.sdk.models.customers import (
    ConnectLink,
    Customer,
    CustomersAnswer,
    Institution,
    InstitutionAnswer,
    InstitutionsPage,
)
from bursar.providers.finicity.sdk.session import FinicitySession, check_range, segment

_SHORTEST_USERNAME = 6


class CustomerCalls(FinicitySession):
    """End users, and how they let us in."""

    async def add_customer(
        self,
        username: str,
        *,
        first_name: str | None = None,
        last_name: str | None = None,
        email: str | None = None,
        phone: str | None = None,
        application_id: str | None = None,
    ) -> Customer:
        """Make a customer: a testing one in the test environment, else an active one.

        `username` is ours, unique, at least six characters; `application_id` is needed for banks that use OAuth.

        Raises:
            FinicityArgumentError: the name is too short.
            FinicityConflictError: there is a customer of this name: `find_customer` returns it.

        Source: https://developer.mastercard.com/open-finance-us/documentation/quick-start-guide/ (read 2026-11-29).
        """
        if len(username.strip()) < _SHORTEST_USERNAME:
            raise FinicityArgumentError("username must have at least six characters")
        kind = "testing" if self.environment == "test" else "active"
        response = await self._change(
            f"/aggregation/v2/customers/{kind}",
            {
                "username": username.strip(),
                "firstName": first_name,
                "lastName": last_name,
                "email": email,
                "phone": phone,
                "applicationId": application_id,
            },
        )
        return self._decode(response, Customer)

    async def find_customer(self, username: str) -> Customer | None:
        """The customer of exactly this user name, None when there is none."""
        answer = await self._get("/aggregation/v1/customers", CustomersAnswer, params={"username": username})
        return next((one for one in answer.customers if one.username == username), None)

    async def delete_customer(self, customer_id: str) -> None:
        """Delete a customer with all logins, accounts and transactions.

        Raises:
            FinicityNotFoundError: it is gone already.
        """
        path = f"/aggregation/v1/customers/{segment(customer_id, 'customer_id')}"
        await self._change(path, None, method="DELETE", ids=(customer_id,))

    async def delete_institution_login(self, customer_id: str, institution_login_id: str) -> None:
        """Delete one login with its accounts.

        Raises:
            FinicityNotFoundError: it is gone already.
        """
        customer, login = segment(customer_id, "customer_id"), segment(institution_login_id, "institution_login_id")
        await self._change(
            f"/aggregation/v1/customers/{customer}/institutionLogins/{login}",
            None,
            method="DELETE",
            ids=(customer_id, institution_login_id),
        )

    async def generate_link(
        self,
        customer_id: str,
        *,
        redirect_uri: str | None = None,
        webhook: str | None = None,
        webhook_data: Mapping[str, str] | None = None,
        experience: str | None = None,
        language: str | None = None,
        single_use: bool = True,
    ) -> ConnectLink:
        """The address at which the user connects an institution.

        `webhook` gets Connect's events; `webhook_data` comes back in each of them.
        """
        segment(customer_id, "customer_id")
        return await self._generate(
            "/connect/v2/generate",
            customer_id,
            None,
            redirect_uri,
            webhook,
            webhook_data,
            experience,
            language,
            single_use=single_use,
        )

    async def generate_fix_link(
        self,
        customer_id: str,
        institution_login_id: str,
        *,
        redirect_uri: str | None = None,
        webhook: str | None = None,
        webhook_data: Mapping[str, str] | None = None,
        language: str | None = None,
        single_use: bool = True,
    ) -> ConnectLink:
        """The address at which the user repairs a login; its ids stay."""
        segment(customer_id, "customer_id")
        segment(institution_login_id, "institution_login_id")
        return await self._generate(
            "/connect/v2/generate/fix",
            customer_id,
            institution_login_id,
            redirect_uri,
            webhook,
            webhook_data,
            None,
            language,
            single_use=single_use,
        )

    async def _generate(
        self,
        path: str,
        customer_id: str,
        institution_login_id: str | None,
        redirect_uri: str | None,
        webhook: str | None,
        webhook_data: Mapping[str, str] | None,
        experience: str | None,
        language: str | None,
        *,
        single_use: bool,
    ) -> ConnectLink:
        response = await self._change(
            path,
            {
                "partnerId": self._partner_id,
                "customerId": customer_id,
                "institutionLoginId": institution_login_id,
                "redirectUri": redirect_uri,
                "webhook": webhook,
                "webhookContentType": None if webhook is None else "application/json",
                "webhookData": None if webhook_data is None else dict(webhook_data),
                "experience": experience,
                "language": language,
                "singleUseUrl": single_use,
            },
            ids=(customer_id,),
        )
        return self._decode(response, ConnectLink)

    async def get_institution(self, institution_id: str) -> Institution:
        """One institution.

        Raises:
            FinicityNotFoundError: nobody knows it.
        """
        path = f"/institution/v2/institutions/{segment(institution_id, 'institution_id')}"
        return (await self._get(path, InstitutionAnswer)).institution

    async def search_institutions(self, search: str = "", *, start: int = 1, limit: int = 25) -> InstitutionsPage:
        """One page of the institutions whose name fits; `start` counts pages from 1, `limit` is 1 to 1000."""
        return await self._get(
            "/institution/v2/institutions",
            InstitutionsPage,
            params={
                "search": search,
                "start": str(check_range(start, "start", 1, 1_000_000)),
                "limit": str(check_range(limit, "limit", 1, 1000)),
            },
        )
