"""What does Plaid say about institutions?"""

from typing import Any, ClassVar

from bursar.providers.plaid.sdk.wire import Answer
from bursar.transport.rows import WireModel


class Institution(WireModel, frozen=True, kw_only=True, gc=False):
    """An institution; `logo` is a PNG in base64, `status` an open structure that the sandbox never sends."""

    institution_id: str
    name: str
    products: tuple[str, ...]
    country_codes: tuple[str, ...]
    routing_numbers: tuple[str, ...]
    oauth: bool
    dtc_numbers: tuple[str, ...] | None = None
    connection_availability: str | None = None
    url: str | None = None
    primary_color: str | None = None
    logo: str | None = None
    status: dict[str, Any] | None = None


class InstitutionAnswer(Answer, frozen=True, kw_only=True, gc=False):
    """Answer of `/institutions/get_by_id`."""

    institution: Institution


class InstitutionsPage(Answer, frozen=True, kw_only=True, gc=False):
    """One page of `/institutions/get`, of `total` in all."""

    row_members: ClassVar[tuple[str, ...]] = ("institutions",)

    institutions: tuple[Institution, ...]
    total: int


class InstitutionsFound(Answer, frozen=True, kw_only=True, gc=False):
    """Answer of `/institutions/search`: at most ten."""

    row_members: ClassVar[tuple[str, ...]] = ("institutions",)

    institutions: tuple[Institution, ...]
