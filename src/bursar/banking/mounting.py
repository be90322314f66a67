"""How does a web application get banking routes with one line?"""

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from bursar.banking.balance_store import BalanceStore
from bursar.banking.easy import open_banking
from bursar.banking.face import Banking

if TYPE_CHECKING:
    from fastapi import FastAPI, Request
    from fastapi.params import Depends

    from bursar.banking.http.guard import TokenResolver, UserResolver
    from bursar.banking.http.webhook_routes import NoticeHook


def add_banking(
    app: "FastAPI",
    provider: str | Banking | None = None,
    prefix: str = "/banking",
    *,
    token_resolver: "TokenResolver | None" = None,
    link_user: "UserResolver | None" = None,
    on_webhook: "NoticeHook | None" = None,
    webhook_url: str | None = None,
    history_store: BalanceStore | None = None,
    history_owner: "Callable[[Request], str] | None" = None,
    rate_limit: tuple[int, int] | None = (100, 60),
    dependencies: "Sequence[Depends]" = (),
    **settings: str | os.PathLike[str] | None,
) -> Banking:
    """Add the banking routes to an application and return the object that reads the banks.

    `POST {prefix}/link`, `POST {prefix}/exchange`, `GET {prefix}/accounts`, `/transactions`, `/balances`, `/identity`,
    `/balance-history`, `/accounts/{id}/history`, `POST .../refresh` of what is cached, `DELETE {prefix}/item`,
    `POST {prefix}/webhooks/{provider}`; a page about them at `{prefix}/docs`, their schema at `{prefix}/openapi.json`.
    The object is in `app.state.banking_provider`, too, and is closed with the application.

    Callers send the access token as `Authorization: Bearer <token>`; one in the address is refused. In an application
    with users of its own, `token_resolver` finds the token of a request's user, and nobody but the server sees it.

    A link is ended by the user who began it, once, within 30 minutes: `/exchange` takes back the `link_session` that
    `/link` gave. `link_user` says who that user is; without it, who calls says so with `user_id`, and is believed.

    ```python
    app = FastAPI()
    banking = add_banking(app, provider="plaid")
    ```

    Args:
        app: any FastAPI application.
        provider: a name as in `easy_banking`, which is asked when it is left out; or an object, which you close.
        prefix: begins with a slash, or is empty.
        token_resolver: request -> access token, or None (404 "No bank connected"); may be a coroutine function.
        link_user: request -> opaque id of the user who is signed in, or None (401); may be a coroutine function.
        on_webhook: called after the answer with the notices of a webhook that are new; may be a coroutine function.
        webhook_url: what new links tell the provider: the public address of `{prefix}/webhooks/{provider}`. With it,
            Plaid proves for whom a link was begun, too.
        history_store: where snapshots of balances are; see `bursar.banking.history`.
        history_owner: request -> owner of the snapshots, where the store serves several people.
        rate_limit: requests and seconds for each caller's address, in this process; None switches it off. Behind a
            proxy, let the server trust the proxy's headers, or all callers have one address.
        dependencies: asked for on every route but the webhooks; `/link` and `/exchange` are open without them.
        settings: as in `easy_banking`.

    Raises:
        ValueError: as `easy_banking`, and for a prefix that is none.
        ImportError: FastAPI is not installed.
    """
    try:
        from bursar.banking.http.limits import RateLimit
        from bursar.banking.http.mount import mount
    except ModuleNotFoundError as error:
        if error.name not in {"fastapi", "starlette"}:
            raise
        raise ImportError("add_banking needs FastAPI: pip install 'bursar[server]'") from error
    if prefix and (not prefix.startswith("/") or prefix.endswith("/")):
        raise ValueError("the prefix begins with a slash and does not end with one, such as /banking")
    limit = None if rate_limit is None else RateLimit(*rate_limit)
    banking = provider if isinstance(provider, Banking) else open_banking(provider, settings)
    mount(
        app,
        banking,
        prefix,
        closes=banking is not provider,
        token_resolver=token_resolver,
        link_user=link_user,
        on_webhook=on_webhook,
        webhook_url=webhook_url,
        history_store=history_store,
        history_owner=history_owner,
        rate_limit=limit,
        dependencies=dependencies,
    )
    return banking
