"""Which logins are there, and what can be done with one?"""

import builtins
from collections.abc import AsyncIterator
from typing import Any, cast

from bursar.providers.flanks.sdk import arguments
from bursar.providers.flanks.sdk.base import BaseClient
from bursar.providers.flanks.sdk.connection import read_answer
from bursar.providers.flanks.sdk.credentials.models import Credential, CredentialPage, CredentialStatus
from bursar.providers.flanks.sdk.exceptions import FlanksResponseError
from bursar.transport.pages import MAX_PAGES

_LIST = "/v0/bank/credentials/list"
_STATUS = "/v0/bank/credentials/status"


class CredentialsClient(BaseClient):
    """Credentials: list, state, renewal, deletion."""

    async def get_status(self, credentials_token: str) -> CredentialStatus:
        """Return where a credential stands."""
        body = {"credentials_token": arguments.text("credentials_token", credentials_token)}
        return await self._object(_STATUS, body, CredentialStatus)

    async def list(self, page: int = 1) -> CredentialPage:
        """Return one page of the credentials; pages count from 1."""
        response = await self._transport.request(_LIST, {"page": arguments.whole("page", page, least=1)})
        answer = read_answer(response)
        members = cast("dict[str, Any]", answer) if isinstance(answer, dict) else {}
        rows = members.get("items")
        if not isinstance(rows, builtins.list):
            raise response.broken("the page has no listing", ("items",))
        items, failure = self._read_items(response, "items", cast("builtins.list[Any]", rows), Credential)
        if failure is not None:
            raise failure
        numbers = {name: members.get(name) for name in ("page", "pages")}
        if any(not isinstance(one, int) or isinstance(one, bool) for one in numbers.values()):
            raise response.broken("the page has no number", tuple(numbers))
        return CredentialPage.model_construct(items=tuple(items), **numbers)

    async def list_all(self) -> builtins.list[Credential]:
        """Return every credential."""
        return [credential async for credential in self.iter_all()]

    async def iter_all(self, *, max_items: int | None = None) -> AsyncIterator[Credential]:
        """Yield every credential once.

        Pages are counted, so a credential that is deleted meanwhile moves the others: one that comes twice is told
        once; one that slips through is told by the next listing.
        """
        if max_items is not None:
            arguments.whole("max_items", max_items, least=0)
        seen: set[str] = set()
        number = 0
        while max_items is None or len(seen) < max_items:
            number += 1
            if number > MAX_PAGES:
                raise FlanksResponseError(f"POST {_LIST}: more than {MAX_PAGES} pages", request=f"POST {_LIST}")
            page = await self.list(number)
            for credential in page.items:
                if credential.credentials_token in seen:
                    continue
                if max_items is not None and len(seen) >= max_items:
                    return
                seen.add(credential.credentials_token)
                yield credential
            if not page.items or number >= page.pages:
                return

    async def force_sca(self, credentials_token: str) -> str:
        """Ask for strong authentication; the token returned is used in a Connect session."""
        return await self._force(credentials_token, "sca")

    async def force_reset(self, credentials_token: str) -> str:
        """Ask for the login to be entered anew; the token returned is used in a Connect session."""
        return await self._force(credentials_token, "reset")

    async def force_transaction(self, credentials_token: str) -> str:
        """Ask for the transactions to be read; the token returned is used in a Connect session."""
        return await self._force(credentials_token, "transaction")

    async def delete(self, credentials_token: str) -> None:
        """Delete a credential and its data at Flanks, for good."""
        body = {"credentials_token": arguments.text("credentials_token", credentials_token)}
        await self._send("/v0/bank/credentials", body, method="DELETE")

    async def _force(self, credentials_token: str, what: str) -> str:
        body = {"credentials_token": arguments.text("credentials_token", credentials_token), "force": what}
        return await self._text_member(_STATUS, body, f"{what}_token", method="PUT", retry=False)
