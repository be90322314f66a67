"""How does a Sequence of its own, with the reference set in it, come to be?"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from bursar.providers.sequence.sandbox.application import application_routes
from bursar.providers.sequence.sandbox.controls import control_routes
from bursar.providers.sequence.sandbox.identity import identity_routes
from bursar.providers.sequence.sandbox.logins import Logins
from bursar.providers.sequence.sandbox.records import User
from bursar.providers.sequence.sandbox.reference import BEGINS_AT, CLIENT_ID, ReferenceBooks, demo_accounts
from bursar.providers.sequence.sandbox.resolvers import Books
from bursar.providers.sequence.sandbox.site import Manners, Origins, Site
from bursar.providers.sequence.sandbox.switchboard import Switchboard
from bursar.providers.sequence.sandbox.tokens import Tokens


class SimulatorClock:
    """When it is in the simulator: it stands still unless somebody moves it or gives it a pace.

    The books live by `now`. Tokens live by the wall, because the clients that hold them do, and by whatever was skipped
    with `advance`; codes of authenticators live by the wall alone.
    """

    def __init__(self, wall: Callable[[], float] = time.time) -> None:
        """`wall` is in seconds since 1970."""
        self._wall = wall
        self.reset()

    def reset(self) -> None:
        """Back to the beginning."""
        self._base, self._read_at, self._pace, self._skipped = BEGINS_AT, self._wall(), 0.0, timedelta(0)

    def now(self) -> datetime:
        """The present instant of the books."""
        return self._base + timedelta(seconds=(self._wall() - self._read_at) * self._pace)

    def token_now(self) -> datetime:
        """The present instant of tokens."""
        return self.wall_now() + self._skipped

    def wall_now(self) -> datetime:
        """The present instant outside."""
        return datetime.fromtimestamp(self._wall(), UTC)

    def advance(self, by: timedelta) -> None:
        """Skips a span; books and tokens grow older by it. A negative one raises `ValueError`."""
        if by < timedelta(0):
            raise ValueError("the clock does not go back; reset it")
        self._base += by
        self._skipped += by

    def set(self, instant: datetime) -> None:
        """Moves the books to a later instant; tokens stay as old as they are. An earlier one raises `ValueError`."""
        now = self.now()
        if instant.tzinfo is None or instant < now:
            raise ValueError("the clock needs a later instant with an offset; reset it to go back")
        self._base, self._read_at = instant.astimezone(UTC), self._wall()

    def run(self, pace: float) -> None:
        """Lets so many seconds pass in a real one from now on; 0 stands still. A negative one raises `ValueError`."""
        if pace < 0:
            raise ValueError("the clock does not run backwards")
        self._base, self._read_at, self._pace = self.now(), self._wall(), pace


class _Door:
    """An ASGI application that stays the same while what is behind it is made anew."""

    leads_to: Starlette

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] == "http":
            await self.leads_to(scope, receive, send)


class Simulator:
    """A simulated Sequence with the reference set: two ASGI applications that share one state.

    Attributes:
        application: serves the page, the GraphQL interface and the controls.
        identity: serves the pages to log in with, and tokens.
        site: tokens, logins, the record of requests and the queue of faults, for those who run in the same thread.
        books: pods, ports, accounts, transfers.
        clock: see `SimulatorClock`.
    """

    def __init__(
        self,
        *,
        app_origin: str = "http://app.sequence.test",
        auth_origin: str = "http://auth.sequence.test",
        manners: Manners | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """The origins are the addresses under which browsers reach the two applications."""
        self.clock = SimulatorClock(wall)
        self.books = ReferenceBooks()
        self._first_manners = manners or Manners()
        self._origins = Origins(app_origin, auth_origin)
        self.application, self.identity = _Door(), _Door()
        self.site = self._build_site()
        self._mount()

    @property
    def origins(self) -> Origins:
        """The addresses of both applications."""
        return self._origins

    def move_to(self, app_origin: str, auth_origin: str) -> None:
        """Takes other origins, known only once ports are bound; tokens of before are worth nothing."""
        self._origins = Origins(app_origin, auth_origin)
        self.reset()

    def reset(self) -> None:
        """Everything as at the beginning, every fault and the record of requests included."""
        self.clock.reset()
        self.books = ReferenceBooks()
        self.site = self._build_site()
        self._mount()

    def _build_site(self) -> Site:
        first = self._first_manners
        return Site(
            origins=self._origins_of,
            tokens=Tokens(
                self.clock.token_now,
                client_id=CLIENT_ID,
                issuer=f"{self._origins.auth}/",
                audience=self._origins.audience,
            ),
            logins=Logins(demo_accounts(), self.clock.wall_now),
            find_user=self._find_user,
            manners=Manners(first.token_delay_ms, first.issues_refresh_tokens, first.allows_introspection),
            switchboard=Switchboard(self.clock.now),
        )

    def _mount(self) -> None:
        routes = [*application_routes(self.site), control_routes(self)]
        self.application.leads_to = Starlette(routes=routes)
        self.identity.leads_to = Starlette(routes=identity_routes(self.site))

    def _origins_of(self, _request: Request) -> Origins:
        return self._origins

    def _find_user(self, user_id: str) -> tuple[Books, User] | None:
        self.books.catch_up(self.clock.now())
        user = self.books.find_user(user_id)
        return (self.books, user) if user is not None else None
