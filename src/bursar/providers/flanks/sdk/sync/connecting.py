"""How does blocking code connect end users and manage what they left?"""

import builtins
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from bursar.providers.flanks.sdk.arguments import UNSET, Unset
from bursar.providers.flanks.sdk.connect.client import ConnectClient
from bursar.providers.flanks.sdk.connect.models import Connector, Session, SessionConfig, SessionQuery
from bursar.providers.flanks.sdk.credentials.client import CredentialsClient
from bursar.providers.flanks.sdk.credentials.models import Credential, CredentialPage, CredentialStatus
from bursar.providers.flanks.sdk.entities.client import EntitiesClient
from bursar.providers.flanks.sdk.entities.models import Entity
from bursar.providers.flanks.sdk.links.client import LinksClient
from bursar.providers.flanks.sdk.links.models import Link, LinkCode, LinkCodeExchangeResult
from bursar.providers.flanks.sdk.pagination import PagedResponse
from bursar.providers.flanks.sdk.report.client import ReportClient
from bursar.providers.flanks.sdk.report.models import Report, ReportLanguage, ReportTemplate
from bursar.providers.flanks.sdk.sync.group import SyncGroup


class SyncConnectClient(SyncGroup[ConnectClient]):
    """`ConnectClient` for blocking code: connectors and sessions."""

    def list_connectors(
        self, connector_ids: Sequence[str] | None = None, *, max_items: int | None = None
    ) -> Iterator[Connector]:
        """Yield connectors, all of them or those named; an empty list names none."""
        return self._loop.iterate(self._calls.list_connectors(connector_ids, max_items=max_items))

    def list_connectors_page(
        self, connector_ids: Sequence[str] | None = None, page_token: str | None = None
    ) -> PagedResponse[Connector]:
        """Return one page of connectors."""
        return self._loop.run(self._calls.list_connectors_page(connector_ids, page_token))

    def create_session(self, config: SessionConfig | Mapping[str, Any]) -> Session:
        """Create a session; send the end user to its `url`. Not repeated after an uncertain failure."""
        return self._loop.run(self._calls.create_session(config))

    def list_sessions(
        self, query: SessionQuery | Mapping[str, Any] | None = None, *, max_items: int | None = None
    ) -> Iterator[Session]:
        """Yield sessions, newest first."""
        return self._loop.iterate(self._calls.list_sessions(query, max_items=max_items))

    def list_sessions_page(
        self, query: SessionQuery | Mapping[str, Any] | None = None, page_token: str | None = None
    ) -> PagedResponse[Session]:
        """Return one page of sessions."""
        return self._loop.run(self._calls.list_sessions_page(query, page_token))

    def wait_until_finished(self, session_id: str, *, timeout: float = 300.0, poll_interval: float = 2.0) -> Session:
        """Ask for a session until it is finished, with success or not, and return it."""
        return self._loop.run(self._calls.wait_until_finished(session_id, timeout=timeout, poll_interval=poll_interval))


class SyncEntitiesClient(SyncGroup[EntitiesClient]):
    """`EntitiesClient` for blocking code: the institutions."""

    def list(self) -> builtins.list[Entity]:
        """Return every institution, at once."""
        return self._loop.run(self._calls.list())


class SyncCredentialsClient(SyncGroup[CredentialsClient]):
    """`CredentialsClient` for blocking code: credentials: list, state, renewal, deletion."""

    def get_status(self, credentials_token: str) -> CredentialStatus:
        """Return where a credential stands."""
        return self._loop.run(self._calls.get_status(credentials_token))

    def list(self, page: int = 1) -> CredentialPage:
        """Return one page of the credentials; pages count from 1."""
        return self._loop.run(self._calls.list(page))

    def list_all(self) -> builtins.list[Credential]:
        """Return every credential."""
        return self._loop.run(self._calls.list_all())

    def iter_all(self, *, max_items: int | None = None) -> Iterator[Credential]:
        """Yield every credential once."""
        return self._loop.iterate(self._calls.iter_all(max_items=max_items))

    def force_sca(self, credentials_token: str) -> str:
        """Ask for strong authentication; the token returned is used in a Connect session."""
        return self._loop.run(self._calls.force_sca(credentials_token))

    def force_reset(self, credentials_token: str) -> str:
        """Ask for the login to be entered anew; the token returned is used in a Connect session."""
        return self._loop.run(self._calls.force_reset(credentials_token))

    def force_transaction(self, credentials_token: str) -> str:
        """Ask for the transactions to be read; the token returned is used in a Connect session."""
        return self._loop.run(self._calls.force_transaction(credentials_token))

    def delete(self, credentials_token: str) -> None:
        """Delete a credential and its data at Flanks, for good."""
        self._loop.run(self._calls.delete(credentials_token))


class SyncLinksClient(SyncGroup[LinksClient]):
    """`LinksClient` for blocking code: links and their codes."""

    def list(self) -> builtins.list[Link]:
        """Return every link, at once."""
        return self._loop.run(self._calls.list())

    def create(
        self,
        redirect_uri: str,
        *,
        name: str | None = None,
        company_name: str | None = None,
        terms_and_conditions_url: str | None = None,
        privacy_policy_url: str | None = None,
    ) -> Link:
        """Create a link; its name is unique in the company, and its token where none is given."""
        return self._loop.run(
            self._calls.create(
                redirect_uri,
                name=name,
                company_name=company_name,
                terms_and_conditions_url=terms_and_conditions_url,
                privacy_policy_url=privacy_policy_url,
            )
        )

    def edit(
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
        return self._loop.run(
            self._calls.edit(
                token,
                redirect_uri=redirect_uri,
                name=name,
                company_name=company_name,
                terms_and_conditions_url=terms_and_conditions_url,
                privacy_policy_url=privacy_policy_url,
            )
        )

    def delete(self, token: str) -> None:
        """Delete a link; Flanks refuses while codes of it are pending."""
        self._loop.run(self._calls.delete(token))

    def pause(self, token: str) -> Link:
        """Switch a link off."""
        return self._loop.run(self._calls.pause(token))

    def resume(self, token: str) -> Link:
        """Switch a link on."""
        return self._loop.run(self._calls.resume(token))

    def get_unused_codes(self, link_token: str | None = None) -> builtins.list[LinkCode]:
        """Return the codes that wait for their exchange, of all links or of one."""
        return self._loop.run(self._calls.get_unused_codes(link_token))

    def exchange_code(self, code: str) -> LinkCodeExchangeResult:
        """Exchange a code for the credential's token: sent once, because a code is good for one exchange."""
        return self._loop.run(self._calls.exchange_code(code))


class SyncReportClient(SyncGroup[ReportClient]):
    """`ReportClient` for blocking code: templates and reports."""

    def list_templates(self) -> builtins.list[ReportTemplate]:
        """Return every template, at once."""
        return self._loop.run(self._calls.list_templates())

    def build_report(
        self,
        template_id: int,
        query: Mapping[str, Any],
        template_attributes: Mapping[str, Any],
        *,
        language: ReportLanguage | str = "en",
        start_date: date | str | None = None,
        end_date: date | str | None = None,
    ) -> Report:
        """Order a report. Not repeated after an uncertain failure."""
        return self._loop.run(
            self._calls.build_report(
                template_id, query, template_attributes, language=language, start_date=start_date, end_date=end_date
            )
        )

    def get_status(self, report_id: int) -> Report:
        """Return how far a report is."""
        return self._loop.run(self._calls.get_status(report_id))

    def get_content_url(self, report_id: int) -> str:
        """Return the address of a finished report: whoever has it can read the report, so it is masked by `repr`."""
        return self._loop.run(self._calls.get_content_url(report_id))

    def wait_until_finished(self, report_id: int, *, timeout: float = 300.0, poll_interval: float = 2.0) -> Report:
        """Ask for a report until it is ready or has failed, and return it."""
        return self._loop.run(self._calls.wait_until_finished(report_id, timeout=timeout, poll_interval=poll_interval))
