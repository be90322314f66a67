"""How are links managed, and what have their visitors left (legacy)?"""

import builtins
from typing import Any

from bursar.providers.flanks.sdk import arguments
from bursar.providers.flanks.sdk.arguments import UNSET, Unset
from bursar.providers.flanks.sdk.base import BaseClient
from bursar.providers.flanks.sdk.links.models import Link, LinkCode, LinkCodeExchangeResult

_CODES = "/v0/platform/link"


class LinksClient(BaseClient):
    """Links and their codes."""

    async def list(self) -> builtins.list[Link]:
        """Return every link, at once."""
        return await self._list_by_working_method("/v0/links/list-links", Link)

    async def create(
        self,
        redirect_uri: str,
        *,
        name: str | None = None,
        company_name: str | None = None,
        terms_and_conditions_url: str | None = None,
        privacy_policy_url: str | None = None,
    ) -> Link:
        """Create a link; its name is unique in the company, and its token where none is given."""
        given = {
            "name": name,
            "company_name": company_name,
            "terms_and_conditions_url": terms_and_conditions_url,
            "privacy_policy_url": privacy_policy_url,
        }
        body: dict[str, Any] = {"redirect_uri": arguments.text("redirect_uri", redirect_uri)}
        body |= {key: arguments.text(key, value) for key, value in given.items() if value is not None}
        return await self._object("/v0/links/create-link", body, Link, wrapped_in="data", retry=False)

    async def edit(
        self,
        token: str,
        *,
        redirect_uri: str | Unset | None = UNSET,
        name: str | Unset | None = UNSET,
        company_name: str | Unset | None = UNSET,
        terms_and_conditions_url: str | Unset | None = UNSET,
        privacy_policy_url: str | Unset | None = UNSET,
    ) -> Link:
        """Change a link: what is left out stays as it is, None removes it."""
        given = {
            "redirect_uri": redirect_uri,
            "name": name,
            "company_name": company_name,
            "terms_and_conditions_url": terms_and_conditions_url,
            "privacy_policy_url": privacy_policy_url,
        }
        body: dict[str, Any] = {"token": arguments.text("token", token)}
        body |= {key: arguments.optional_text(key, value) for key, value in given.items() if value is not UNSET}
        return await self._object("/v0/links/edit-link", body, Link, wrapped_in="data", retry=False)

    async def delete(self, token: str) -> None:
        """Delete a link; Flanks refuses while codes of it are pending."""
        await self._send("/v0/links/delete-link", {"token": arguments.text("token", token)})

    async def pause(self, token: str) -> Link:
        """Switch a link off."""
        return await self._switch("/v0/links/pause-link", token)

    async def resume(self, token: str) -> Link:
        """Switch a link on."""
        return await self._switch("/v0/links/resume-link", token)

    async def get_unused_codes(self, link_token: str | None = None) -> builtins.list[LinkCode]:
        """Return the codes that wait for their exchange, of all links or of one."""
        wanted = arguments.optional_text("link_token", link_token)
        params = None if wanted is None else {"link_token": wanted}
        return await self._list(_CODES, None, LinkCode, method="GET", params=params)

    async def exchange_code(self, code: str) -> LinkCodeExchangeResult:
        """Exchange a code for the credential's token: sent once, because a code is good for one exchange.

        Only an attempt that provably never counted (no connection, or 429) is repeated.
        """
        return await self._object(_CODES, {"code": arguments.text("code", code)}, LinkCodeExchangeResult, retry=False)

    async def _switch(self, path: str, token: str) -> Link:
        return await self._object(path, {"token": arguments.text("token", token)}, Link, wrapped_in="data", retry=False)
