"""Which users does MX read for us, and where do they sign in?"""

from typing import Any

from bursar.providers.mx.sdk.arguments import Place, user_place
from bursar.providers.mx.sdk.models.users import User, UserAnswer, UsersPage, WidgetUrl, WidgetUrlAnswer
from bursar.providers.mx.sdk.session import MXSession
from bursar.providers.mx.sdk.wire import Rows
from bursar.transport.rows import without_none

_USERS = Place("/users", frozenset())


class UserCalls(MXSession):
    """Users and their widgets."""

    async def create_user(
        self, *, id: str | None = None, email: str | None = None, metadata: str | None = None
    ) -> User:
        """Make a user; `id` is ours and names the user in most calls that follow. Never repeated blindly.

        Raises:
            MXConflictError: there is a user of this id already: `get_user(id)`.
        """
        members = without_none({"id": id, "email": email, "metadata": metadata})
        place = Place(_USERS.path, frozenset(members.values()))
        response = await self._send("POST", place, body={"user": members}, idempotent=False)
        return self._http.decode(response, UserAnswer).user

    async def get_user(self, user: str) -> User:
        """Return a user, by MX's guid or by our id.

        Raises:
            MXNotFoundError: there is none.
        """
        return (await self._get(user_place(user), UserAnswer)).user

    async def list_users(self) -> Rows[User]:
        """Return every user of this application."""
        return await self._read_all(_USERS, UsersPage, {})

    async def update_user(
        self, user: str, *, email: str | None = None, metadata: str | None = None, is_disabled: bool | None = None
    ) -> User:
        """Change a user; what is None stays. Nothing of a disabled user is read."""
        members = without_none({"email": email, "metadata": metadata, "is_disabled": is_disabled})
        response = await self._send("PUT", user_place(user), body={"user": members})
        return self._http.decode(response, UserAnswer).user

    async def delete_user(self, user: str) -> None:
        """Erase a user with all logins and all data, for good.

        Raises:
            MXNotFoundError: there is none (any more).
        """
        await self._send("DELETE", user_place(user))

    async def request_widget_url(
        self,
        user: str,
        *,
        widget_type: str = "connect_widget",
        mode: str = "aggregation",
        products: tuple[str, ...] = ("transactions",),
        current_institution_code: str | None = None,
        current_member_guid: str | None = None,
        update_credentials: bool | None = None,
        client_redirect_url: str | None = None,
        ui_message_version: int = 4,
        disable_institution_search: bool | None = None,
        disable_background_agg: bool | None = None,
        iso_country_code: str | None = None,
        is_mobile_webview: bool | None = None,
    ) -> WidgetUrl:
        """Return the address of a page on which the user signs in: good for ten minutes or one use.

        The page tells the program around it by `postMessage` which member came of it. For a login that no longer works
        give `current_member_guid` and `update_credentials=True`: the member stays the same.

        `mode` is `aggregation` or `verification`; `products` says what the login is for: `transactions`,
        `account_verification`, `identity_verification`, `investments`.
        """
        options: dict[str, Any] = {
            "widget_type": widget_type,
            "mode": mode,
            "data_request": {"products": list(products)} if products else None,
            "current_institution_code": current_institution_code,
            "current_member_guid": current_member_guid,
            "update_credentials": update_credentials,
            "client_redirect_url": client_redirect_url,
            "ui_message_version": ui_message_version,
            "disable_institution_search": disable_institution_search,
            "disable_background_agg": disable_background_agg,
            "iso_country_code": iso_country_code,
            "is_mobile_webview": is_mobile_webview,
        }
        place = user_place(user).at("/widget_urls")
        if current_member_guid is not None:
            place = Place(place.path, place.names | {current_member_guid})
        # An address that nobody opens does nothing, so asking twice is harmless.
        response = await self._send("POST", place, body={"widget_url": without_none(options)}, idempotent=True)
        return self._http.decode(response, WidgetUrlAnswer).widget_url
