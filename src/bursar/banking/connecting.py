"""How does a user let a program in through any provider's adapter, and out again?"""

import hashlib
import json
from collections.abc import Mapping
from typing import Literal, cast

from bursar.banking.exceptions import InvalidInputError
from bursar.banking.link_sessions import LinkSessions
from bursar.banking.tokens import to_token
from bursar.models.links import LinkedItem, LinkStart
from bursar.ports.provider import ConnectCompletion, ConnectRequest, ConnectStart, Credentials, ProviderAdapter


async def start_link(
    adapter: ProviderAdapter,
    provider: str,
    *,
    user_id: str,
    renew: Credentials | None,
    sessions: LinkSessions,
    item_id: str | None,
    selects_accounts: bool,
    institution_id: str | None,
    redirect_uri: str | None,
    webhook_url: str | None,
    options: Mapping[str, str],
) -> LinkStart:
    """Begin to link a login, or with `renew` to sign in again at one."""
    if not user_id.strip():
        raise InvalidInputError("user_id is an opaque id of the user at your side.", field="user_id")
    start = await adapter.begin(
        ConnectRequest(
            connection_id=link_id(user_id),
            user_reference=user_id,
            redirect_uri=redirect_uri,
            webhook_url=webhook_url,
            institution_id=institution_id,
            renew=renew,
            external_login_id=item_id,
            selects_accounts=selects_accounts,
            options=options,
        )
    )
    # What needs nothing back is a renewal: no token is handed out for it.
    session = sessions.begin(user_id) if renew is None else None
    ends_at = [end for end in (start.expires_at, session and session.ends_at) if end is not None]
    return LinkStart(
        provider=provider,
        kind=_kind_of(start),
        link_token=start.link_token,
        url=start.authorization_url,
        config=_config_of(start),
        expires_at=min(ends_at, default=None),
        needs=start.needs,
        link_session=None if session is None else session.text,
    )


async def finish_link(
    adapter: ProviderAdapter, provider: str, values: Mapping[str, str], *, user_id: str, redirect_uri: str | None
) -> LinkedItem:
    """Turn what came back from the user into an access token; sent once, never repeated."""
    made = await adapter.complete(
        ConnectCompletion(
            values=values, connection_id=link_id(user_id), user_reference=user_id, redirect_uri=redirect_uri
        )
    )
    return LinkedItem(
        provider=provider,
        access_token=to_token(made.credentials),
        item_id=made.external_login_id,
        institution_id=made.institution_id,
        institution_name=made.institution_name,
        expires_at=made.dates.expires_at or made.dates.refresh_expires_at,
    )


def link_id(user_id: str) -> str:
    """Return what a link of a user is begun under: a provider that binds its answers to it refuses another user's."""
    return hashlib.sha256(f"link of {user_id}".encode()).hexdigest()[:32]


def _config_of(start: ConnectStart) -> dict[str, object]:
    """The options of a provider's script, where they are what its link token is."""
    if start.link_token is None or not start.link_token.startswith("{"):
        return {}
    try:
        options: object = json.loads(start.link_token)
    except ValueError:
        return {}
    return dict(cast("Mapping[str, object]", options)) if isinstance(options, dict) else {}


def _kind_of(start: ConnectStart) -> Literal["link_token", "widget_url", "connect_config"]:
    if start.authorization_url is not None:
        return "widget_url"
    return "link_token" if start.link_token is not None and not _config_of(start) else "connect_config"
