"""What are a report and its template?"""

from bursar.providers.flanks.sdk.model import FlanksModel, OpenEnum


class ReportStatus(OpenEnum):
    """How far a report is; `ready` and `fail` are final."""

    NEW = "new"
    PAYLOAD = "payload"
    FILE = "file"
    READY = "ready"
    FAIL = "fail"

    @property
    def is_finished(self) -> bool:
        """Whether nothing happens any more."""
        return self in (ReportStatus.READY, ReportStatus.FAIL)


class ReportLanguage(OpenEnum):
    """In which language a report is written."""

    ENGLISH = "en"
    SPANISH = "es"
    FRENCH = "fr"


class ReportTemplate(FlanksModel):
    """A kind of report."""

    template_id: int
    name: str | None = None
    description: str | None = None


class Report(FlanksModel):
    """A report; the answer to its order may lack everything but the id."""

    report_id: int
    template_id: int | None = None
    status: ReportStatus | None = None
