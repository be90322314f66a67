"""How does a user let a program in, and what does the program have afterwards?"""

import datetime
from typing import Literal, NoReturn

from pydantic import Field

from bursar.models.record import Record


class LinkStart(Record):
    """What the user's browser needs to link a bank, or to sign in again. `kind` says which of the three it is.

    `link_token`: hand `link_token` to the provider's script. `widget_url`: send the user to `url`. `connect_config`:
    start the provider's script with what `config` names.
    """

    provider: str
    kind: Literal["link_token", "widget_url", "connect_config"]
    link_token: str | None = Field(default=None, repr=False)
    url: str | None = Field(default=None, repr=False)
    config: dict[str, object] = Field(default_factory=dict[str, object], repr=False)
    expires_at: datetime.datetime | None = None
    needs: tuple[str, ...] = ()
    """Names of what `exchange_public_token` wants back; empty after a renewal: the access token works again."""
    link_session: str | None = Field(default=None, repr=False)
    """Comes back with what `needs` names: it binds the link to its user, once, until `expires_at`. None where nothing
    is exchanged."""


class LinkedItem(Record):
    """A login that was let in. `access_token` opens it: seal it before you store it; `repr` leaves it out."""

    provider: str
    access_token: str = Field(repr=False)
    item_id: str | None = None
    """The provider's id of the login."""
    institution_id: str | None = None
    institution_name: str | None = None
    expires_at: datetime.datetime | None = None
    """When the access ends by itself (UTC); None where no end is known."""

    def __reduce__(self) -> NoReturn:
        raise TypeError("an access token is not pickled: seal it and store that")
