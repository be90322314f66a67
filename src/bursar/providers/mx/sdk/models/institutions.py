"""What does MX say about institutions?"""

from bursar.providers.mx.sdk.wire import Page
from bursar.transport.rows import WireModel


class Institution(WireModel, frozen=True, kw_only=True, gc=False):
    """A bank, broker or lender that MX reads; `code` names it in every other call."""

    code: str
    guid: str | None = None
    name: str | None = None
    url: str | None = None
    supports_oauth: bool | None = None
    supports_account_identification: bool | None = None
    supports_account_verification: bool | None = None
    supports_transaction_history: bool | None = None
    iso_country_code: str | None = None


class InstitutionAnswer(WireModel, frozen=True, kw_only=True, gc=False):
    """The envelope of one institution."""

    institution: Institution


class InstitutionsPage(Page, frozen=True, kw_only=True, gc=False):
    """A page of institutions."""

    row_members = ("institutions",)

    institutions: tuple[Institution, ...]


class InstitutionCredential(WireModel, frozen=True, kw_only=True, gc=False):
    """A field of an institution's login form; what a user types there belongs into MX's widget, never into ours."""

    guid: str
    field_name: str | None = None
    field_type: str | None = None
    label: str | None = None
    display_order: int | None = None


class InstitutionCredentialsPage(Page, frozen=True, kw_only=True, gc=False):
    """A page of login fields."""

    row_members = ("credentials",)

    credentials: tuple[InstitutionCredential, ...]
