"""Calls about institutions: which banks are there? They need no access token and may be kept for a day."""

from collections.abc import Sequence
from typing import Any

from bursar.providers.plaid.sdk.models.institutions import InstitutionAnswer, InstitutionsFound, InstitutionsPage
from bursar.providers.plaid.sdk.session import PlaidSession
from bursar.transport.rows import without_none


class InstitutionCalls(PlaidSession):
    """The catalogue of institutions."""

    async def list_institutions(
        self,
        *,
        count: int = 100,
        offset: int = 0,
        country_codes: Sequence[str] = ("US",),
        products: Sequence[str] | None = None,
        routing_numbers: Sequence[str] | None = None,
        oauth: bool | None = None,
        include_optional_metadata: bool = False,
    ) -> InstitutionsPage:
        """One page of up to 500 institutions; `total` says how many there are."""
        options = without_none(
            {
                "products": list(products) if products is not None else None,
                "routing_numbers": list(routing_numbers) if routing_numbers is not None else None,
                "oauth": oauth,
                "include_optional_metadata": include_optional_metadata or None,
            }
        )
        body: dict[str, Any] = {
            "count": count,
            "offset": offset,
            "country_codes": list(country_codes),
            "options": options or None,
        }
        return await self._read("/institutions/get", body, InstitutionsPage)

    async def get_institution(
        self,
        institution_id: str,
        *,
        country_codes: Sequence[str] = ("US",),
        include_optional_metadata: bool = False,
        include_status: bool = False,
    ) -> InstitutionAnswer:
        """One institution by its id, such as `ins_109508`."""
        options = without_none(
            {
                "include_optional_metadata": include_optional_metadata or None,
                "include_status": include_status or None,
            }
        )
        body = {"institution_id": institution_id, "country_codes": list(country_codes), "options": options or None}
        return await self._read("/institutions/get_by_id", body, InstitutionAnswer)

    async def search_institutions(
        self, query: str, *, country_codes: Sequence[str] = ("US",), products: Sequence[str] | None = None
    ) -> InstitutionsFound:
        """At most ten institutions whose name resembles the query."""
        body = {
            "query": query,
            "country_codes": list(country_codes),
            "products": list(products) if products is not None else None,
        }
        return await self._read("/institutions/search", body, InstitutionsFound)
