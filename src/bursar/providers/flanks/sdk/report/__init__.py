"""Reports (beta)."""

from bursar.providers.flanks.sdk.report.client import ReportClient
from bursar.providers.flanks.sdk.report.models import (
    Report,
    ReportLanguage,
    ReportStatus,
    ReportTemplate,
)

__all__ = [
    "Report",
    "ReportClient",
    "ReportLanguage",
    "ReportStatus",
    "ReportTemplate",
]
