"""What does MX say about the people whose data it reads, and about the page on which they sign in?"""

from bursar.providers.mx.sdk.wire import Page
from bursar.transport.redaction import Secret
from bursar.transport.rows import WireModel


class User(WireModel, frozen=True, kw_only=True, gc=False):
    """One of our users at MX. Everything of a user goes with `DELETE`.

    Attributes:
        guid: MX's id.
        id: ours, as given when the user was made; most paths take either.
        is_disabled: nothing of a disabled user is read.
    """

    guid: str
    id: str | None = None
    email: str | None = None
    metadata: str | None = None
    is_disabled: bool | None = None

    def __repr__(self) -> str:
        return f"User(guid={self.guid!r})"


class UserAnswer(WireModel, frozen=True, kw_only=True, gc=False):
    """The envelope of one user."""

    user: User


class UsersPage(Page, frozen=True, kw_only=True, gc=False):
    """A page of users."""

    row_members = ("users",)

    users: tuple[User, ...]


class WidgetUrl(WireModel, frozen=True, kw_only=True, gc=False):
    """The address of a widget: good for ten minutes or one use, so it is as secret as a password for that long."""

    type: str | None = None
    url: Secret
    user_id: str | None = None


class WidgetUrlAnswer(WireModel, frozen=True, kw_only=True, gc=False):
    """The envelope of a widget's address."""

    widget_url: WidgetUrl
