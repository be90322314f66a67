"""What are a link and its codes?"""

from pydantic import Field

from bursar.providers.flanks.sdk.model import FlanksModel, FrozenObject, OpaqueId
from bursar.providers.flanks.sdk.secret_text import SecretField


class Link(FlanksModel):
    """A page on which end users connect, named by its token (the token is part of a public address, no secret)."""

    token: OpaqueId
    name: str | None = None
    redirect_uri: str | None = None
    company_name: str | None = None
    terms_and_conditions_url: str | None = None
    privacy_policy_url: str | None = None
    active: bool | None = None
    pending_code_count: int | None = None


class LinkCode(FlanksModel):
    """A code that an end user's visit has left; it is good for one exchange."""

    code: SecretField
    link_token: OpaqueId | None = None
    extra: FrozenObject | None = None


class LinkCodeExchangeResult(FlanksModel):
    """What a code was exchanged for: the only copy of the credential's token."""

    credentials_token: SecretField
    message: str | None = Field(default=None)
    link_token: OpaqueId | None = None
    extra: FrozenObject | None = None
