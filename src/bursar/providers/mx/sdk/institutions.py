"""Which institutions can be connected through MX?"""

from bursar.providers.mx.sdk.arguments import Place, institution_place
from bursar.providers.mx.sdk.models.institutions import (
    Institution,
    InstitutionAnswer,
    InstitutionCredential,
    InstitutionCredentialsPage,
    InstitutionsPage,
)
from bursar.providers.mx.sdk.session import MXSession
from bursar.providers.mx.sdk.wire import Rows

_LARGEST_PAGE = 100


class InstitutionCalls(MXSession):
    """Institutions."""

    async def search_institutions(self, name: str, *, page: int = 1, count: int = 25) -> Rows[Institution]:
        """Return one page of the institutions whose name has this text, the best first; at most 100 at once."""
        response = await self._send(
            "GET",
            Place("/institutions", frozenset()),
            params={"name": name, "page": str(page), "records_per_page": str(min(max(count, 10), _LARGEST_PAGE))},
        )
        found = self._http.decode(response, InstitutionsPage)
        return Rows(found.institutions)

    async def get_institution(self, code: str) -> Institution:
        """Return an institution by its code; `mxbank` is MX's test institution.

        Raises:
            MXNotFoundError: there is none of this code.
        """
        return (await self._get(institution_place(code), InstitutionAnswer)).institution

    async def list_institution_credentials(self, code: str) -> Rows[InstitutionCredential]:
        """Return the fields of an institution's login form."""
        return await self._read_all(institution_place(code).at("/credentials"), InstitutionCredentialsPage, {})
