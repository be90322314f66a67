"""How does the simulated world answer as Sequence?"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Mount

from bursar.providers.sequence.sandbox.application import application_routes
from bursar.providers.sequence.sandbox.households import WorldBooks
from bursar.providers.sequence.sandbox.identity import identity_routes
from bursar.providers.sequence.sandbox.ids import IdMint
from bursar.providers.sequence.sandbox.logins import Account, Logins
from bursar.providers.sequence.sandbox.records import User
from bursar.providers.sequence.sandbox.resolvers import Books
from bursar.providers.sequence.sandbox.site import Manners, Origins, Site
from bursar.providers.sequence.sandbox.tokens import LIFETIME_S, Tokens
from bursar.sandbox.faces import Receive, RefusedActionError, Scope, Send
from bursar.sandbox.people import Login
from bursar.sandbox.world import World

_SLUG = "sequence"
_IDENTITY = "/identity"
"""Where the identity site is, behind the application's own address."""
_ERRORS = {429: ("Too many requests", "RATE_LIMITED")}


def _wall_clock() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class SequenceFace:
    """Sequence in front of a simulated world: the application at the face's address, the identity site below it.

    Attributes:
        client_id: of the web application; published because it protects invented people only.
        lifetime_s: seconds that an access token lives.
        rotates: a refresh token is good once, and a second use ends the whole family.
        manners: see `Manners`.
        wall_clock: when it is for people's authenticators, whatever the time in the world.
    """

    client_id: str = "sandbox-web"
    lifetime_s: int = LIFETIME_S
    rotates: bool = True
    manners: Manners | None = None
    wall_clock: Callable[[], datetime] = _wall_clock

    @property
    def slug(self) -> str:
        """The path prefix."""
        return _SLUG

    def build(self, world: World) -> "SequenceServer":
        """A server to which nobody has logged in yet."""
        return SequenceServer(world, self)


class SequenceServer:
    """One simulated Sequence: an ASGI application."""

    def __init__(self, world: World, face: SequenceFace) -> None:
        self._world = world
        self._face = face
        self._mint = IdMint(world.seed)
        self._books = WorldBooks(world, self._mint)
        # Tokens name their issuer for good, under whatever address the server is reached.
        self._tokens = Tokens(
            lambda: world.now,
            client_id=face.client_id,
            issuer="https://auth.sequence.test/",
            audience="https://app.sequence.test/api",
        )
        self._tokens.rotates = face.rotates
        self._accounts = {account.email: account for account in map(self._account_of, world.logins)}
        manners = face.manners or Manners()
        self.site = Site(
            origins=_origins_of,
            tokens=self._tokens,
            logins=Logins(self._accounts, face.wall_clock),
            find_user=self._find_user,
            manners=manners,
        )
        self._app = Starlette(
            routes=[Mount(_IDENTITY, routes=identity_routes(self.site)), *application_routes(self.site)]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] == "http":
            await self._app(scope, receive, send)

    async def catch_up(self) -> None:
        """Nothing falls due: Sequence sends no webhooks."""

    def credentials(self) -> Mapping[str, str]:
        """The settings of a client. The identity site is at `/identity` below the application's address."""
        return {"auth0_client_id": self._face.client_id}

    def error_body(self, status: int) -> bytes:
        """The body of an outage or a limit."""
        message, code = _ERRORS.get(status, ("Internal server error", "INTERNAL_SERVER_ERROR"))
        return json.dumps({"errors": [{"message": message, "extensions": {"code": code}}]}).encode()

    def act(self, action: str, arguments: Mapping[str, str]) -> Mapping[str, str]:
        """What people do outside the interface.

        Actions:
            consent: Logs in as `username` with `password` at `bank`; returns `email`, `password` and `totp` (a secret)
                with which a browser could do the same, `access_token`, `refresh_token` and `expires_at` (seconds since
                1970) that came of it, and `user_id`, `org_id` and `kyc_id`.
            end_session: Every refresh token and every access token of `user_id` ends.

        Raises `KeyError` for an unknown action, user or missing argument and `RefusedActionError` for a wrong password.
        """
        if action == "consent":
            return self._consent(arguments)
        if action == "end_session":
            user_id = arguments["user_id"].removeprefix("auth0|")
            if self._books.find_login(user_id) is None:
                raise KeyError(user_id)
            return {"count": str(self._tokens.end_sessions(user_id))}
        raise KeyError(action)

    def trace_account(self, provider_account_id: str) -> str | None:
        """The world's account behind an id that this server gave out."""
        return self._mint.accounts.get(provider_account_id)

    def trace_transaction(self, provider_account_id: str, provider_transaction_id: str) -> str | None:
        """The world id of the row that a transfer is on that side; what follows a colon is not part of its id."""
        transfer_id = provider_transaction_id.partition(":")[0]
        return self._mint.rows.get((provider_account_id, transfer_id))

    def _consent(self, arguments: Mapping[str, str]) -> Mapping[str, str]:
        bank = arguments["bank"] if "bank" in arguments else arguments["institution_id"]
        login = self._world.find_login(bank, arguments.get("username", "user_good"))
        if login is None or login.password != arguments.get("password", "pass_good"):
            raise RefusedActionError("Wrong email or password")
        account = self._account_of(login)
        user = self._books.find_user(account.user_id)
        organization = user.memberships[0][1] if user else None
        lifetime_s = self._face.lifetime_s
        return {
            "email": account.email,
            "password": account.password,
            "totp": account.totp_secret,
            "access_token": self._tokens.issue_access(account.user_id, lifetime_s=lifetime_s),
            "refresh_token": self._tokens.issue_refresh(account.user_id),
            "expires_at": str(int(self._world.now.timestamp()) + lifetime_s),
            "user_id": account.user_id,
            "org_id": organization.organization_id if organization else "",
            "kyc_id": organization.kycs[0].kyc_id if organization else "",
        }

    def _account_of(self, login: Login) -> Account:
        return Account(
            user_id=self._books.user_id(login),
            email=f"{login.username}.{login.bank.key}@sequence.test".lower(),
            password=login.password,
            totp_secret=self._mint.secret(login.bank.key, login.username),
        )

    def _find_user(self, user_id: str) -> tuple[Books, User] | None:
        user = self._books.find_user(user_id)
        return (self._books, user) if user is not None else None


def _origins_of(request: Request) -> Origins:
    """The addresses of both parts, as the caller knows them."""
    prefix = str(request.scope.get("root_path", "")).removesuffix(_IDENTITY)
    app = f"{request.url.scheme}://{request.url.netloc}{prefix}"
    return Origins(app, f"{app}{_IDENTITY}")
