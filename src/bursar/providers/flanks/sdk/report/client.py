"""How are reports ordered and fetched (beta)?"""

import builtins
from collections.abc import Mapping
from datetime import date
from typing import Any

from bursar.providers.flanks.sdk import arguments
from bursar.providers.flanks.sdk.base import BaseClient
from bursar.providers.flanks.sdk.report.models import Report, ReportLanguage, ReportTemplate
from bursar.providers.flanks.sdk.waiting import poll


class ReportClient(BaseClient):
    """Templates and reports."""

    async def list_templates(self) -> builtins.list[ReportTemplate]:
        """Return every template, at once."""
        return await self._list_by_working_method("/report/v1/list-templates", ReportTemplate)

    async def build_report(
        self,
        template_id: int,
        query: Mapping[str, Any],
        template_attributes: Mapping[str, Any],
        *,
        language: ReportLanguage | str = "en",
        start_date: date | str | None = None,
        end_date: date | str | None = None,
    ) -> Report:
        """Order a report. Not repeated after an uncertain failure.

        Args:
            template_id: of the template.
            query: which data; its members are not settled, `{}` is everything.
            template_attributes: settings of the template, `{}` for none.
            language: `en`, `es` or `fr`.
            start_date: the first day of the report.
            end_date: the last day; today when it is left out.
        """
        words = [one.value for one in ReportLanguage]
        if language not in words:
            raise arguments.wrong("language", f"one of {', '.join(words)}")
        first, last = arguments.day("start_date", start_date), arguments.day("end_date", end_date)
        if first is not None and last is not None and first > last:
            raise arguments.wrong("start_date", "a day that is not after end_date")
        body: dict[str, Any] = {
            "template_id": arguments.whole("template_id", template_id),
            "query": arguments.json_object("query", query),
            "template_attributes": arguments.json_object("template_attributes", template_attributes),
            "language": str(language),
        }
        body |= {name: day for name, day in (("start_date", first), ("end_date", last)) if day is not None}
        return await self._object("/report/v1/build-report", body, Report, retry=False)

    async def get_status(self, report_id: int) -> Report:
        """Return how far a report is."""
        return await self._object("/report/v1/get-report-status", _body(report_id), Report)

    async def get_content_url(self, report_id: int) -> str:
        """Return the address of a finished report: whoever has it can read the report, so it is masked by `repr`."""
        return await self._text_member(
            "/report/v1/get-report-content", _body(report_id), "url", method="POST", retry=True
        )

    async def wait_until_finished(
        self,
        report_id: int,
        *,
        timeout: float = 300.0,  # noqa: ASYNC109 - it ends with an error of its own
        poll_interval: float = 2.0,
    ) -> Report:
        """Ask for a report until it is ready or has failed, and return it.

        Args:
            report_id: of the report.
            timeout: seconds to wait in all.
            poll_interval: seconds between two questions.

        Raises:
            FlanksWaitTimeoutError: it is not finished in time.
        """
        return await poll(
            lambda: self.get_status(report_id),
            lambda report: report.status is not None and report.status.is_finished,
            self._transport.settings.timing,
            timeout,
            poll_interval,
        )


def _body(report_id: int) -> dict[str, int]:
    return {"report_id": arguments.whole("report_id", report_id)}
