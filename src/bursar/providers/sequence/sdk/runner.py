"""How does an operation reach Sequence as the web application's own request would, and no faster?"""

import asyncio
import json
import logging
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar
from uuid import uuid4

from bursar.providers.sequence.sdk.auth.tokens import forget_access_token
from bursar.providers.sequence.sdk.exceptions import (
    MissingDependencyError,
    SequenceError,
    TokenExpiredError,
    TransferOutcomeUnknownError,
    TransportError,
)
from bursar.providers.sequence.sdk.operations import Operation
from bursar.providers.sequence.sdk.replies import TokenRefusedError, data_of, leaves_open
from bursar.transport.impersonation import Answer, BrowserSession, LibraryMissingError, UnansweredError
from bursar.transport.redaction import Secret
from bursar.transport.timing import Timing

T = TypeVar("T")
TokenProvider = Callable[[], str]

GRAPHQL_PATH = "/api/graphql"
ACCEPT = (
    "application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed"
)
_TOKEN = re.compile(r"[\x21-\x7e]+")
_MUTATION = re.compile(r"\bmutation\b")
_log = logging.getLogger("bursar.sequence")


@dataclass(frozen=True, slots=True)
class Pace:
    """At least `min_delay_s` between the end of a request and the next one, plus up to `max_jitter_s`, drawn anew.

    Raises:
        ValueError: one of them is no number of seconds from 0.
    """

    min_delay_s: float
    max_jitter_s: float

    def __post_init__(self) -> None:
        for name in ("min_delay_s", "max_jitter_s"):
            check_seconds(getattr(self, name), name)


def check_seconds(value: object, name: str, *, more_than_zero: bool = False) -> None:
    """Refuse what is no span of time.

    Raises:
        ValueError: naming the argument.
    """
    seconds = math.nan if isinstance(value, bool) or not isinstance(value, int | float) else value
    if not math.isfinite(seconds) or seconds < 0 or (more_than_zero and not seconds):
        raise ValueError(f"{name} must be a number of seconds, {'more than 0' if more_than_zero else 'from 0'}")


class GraphQLRunner:
    """Sends operations to the web application's GraphQL endpoint, one at a time and paced.

    The turn is kept over waiting and sending, also after a failure: callers that share a client would all see the same
    moment and leave at once otherwise. A token that is refused is renewed once, through the provider.
    """

    def __init__(
        self,
        access_token: str,
        token_provider: TokenProvider | None,
        *,
        origin: str,
        session: BrowserSession,
        pace: Pace,
        timing: Timing,
    ) -> None:
        self._token = Secret(access_token)
        self._provider = token_provider
        self._origin = origin
        self._session = session
        self._pace = pace
        self._timing = timing
        self._turn = asyncio.Lock()
        self._finished_at: float | None = None
        self._is_closed = False

    async def run(self, operation: Operation[T]) -> T:
        """Send an operation and return its result.

        Raises:
            TransferOutcomeUnknownError: money may have moved; only of operations that move money.
            SequenceError: every other failure; of a transfer, it says that nothing was carried out.
        """
        async with self._turn:
            token = await self._next_token()
            try:
                return await self._once(operation, token)
            except TokenRefusedError as error:
                refused = str(error)
            if self._provider is None:
                raise TokenExpiredError(f"the access token was refused: {refused}", status=401)
            # What refused a token did nothing else, so this one repetition is safe for a transfer, too.
            await asyncio.to_thread(forget_access_token, token)
            token = await self._next_token()
            try:
                return await self._once(operation, token)
            except TokenRefusedError as error:
                raise TokenExpiredError(f"a new access token was refused, too: {error}", status=401) from None

    async def aclose(self) -> None:
        """Close every connection; calling it again does nothing."""
        self._is_closed = True
        await self._session.aclose()

    async def _next_token(self) -> str:
        self._check_open()
        if self._finished_at is not None:
            gap_s = self._pace.min_delay_s + self._timing.random() * self._pace.max_jitter_s
            wait_s = gap_s - (self._timing.monotonic() - self._finished_at)
            if wait_s > 0:
                await self._timing.sleep(wait_s)
        # After the wait, so that it is fresh when it is used; in a thread, because it may drive a browser.
        token = self._token.reveal() if self._provider is None else await asyncio.to_thread(self._provider)
        self._check_open()
        return _checked_token(token)

    def _check_open(self) -> None:
        if self._is_closed:
            raise SequenceError("this client was closed; make a new one")

    async def _once(self, operation: Operation[T], token: str) -> T:
        sent_at = self._timing.now()
        try:
            return await self._exchange(operation, token)
        except TransferOutcomeUnknownError as error:
            # Taken here: the wait for the turn is over, so what another caller sent before is not mistaken for this.
            error.sent_at = sent_at
            raise

    async def _exchange(self, operation: Operation[T], token: str) -> T:
        answer = await self._send(operation, token)
        try:
            data = data_of(
                answer,
                operation.document,
                moves_money=operation.moves_money,
                secrets=frozenset({token}),
                now=self._timing.now(),
            )
            return operation.read(data)
        except SequenceError as error:
            if operation.moves_money and leaves_open(answer, error):
                raise TransferOutcomeUnknownError(_UNKNOWN.format(error.message), status=answer.status) from error
            raise

    async def _send(self, operation: Operation[T], token: str) -> Answer:
        body: dict[str, object] = {"query": operation.document}
        if operation.variables:
            body["variables"] = dict(operation.variables)
        if operation.name:
            body["operationName"] = operation.name
        started = self._timing.monotonic()
        told: object = "no answer"
        try:
            answer = await self._session.post(
                f"{self._origin}{GRAPHQL_PATH}",
                headers=self._headers(token),
                content=json.dumps(body).encode(),
                only_once=operation.moves_money or _MUTATION.search(operation.document) is not None,
            )
            told = answer.status
        except UnansweredError as error:
            if operation.moves_money and error.kind != "connect":
                raise TransferOutcomeUnknownError(_UNKNOWN.format(error)) from error
            raise TransportError(f"Sequence gave {error}") from error
        except LibraryMissingError as error:
            raise MissingDependencyError(str(error)) from error
        finally:
            self._finished_at = self._timing.monotonic()
            _log.debug("%s: %s in %.0f ms", operation.name, told, (self._finished_at - started) * 1000)
        return answer

    def _headers(self, token: str) -> dict[str, str]:
        return {
            "accept": ACCEPT,
            "authorization": f"Bearer {token}",
            "content-type": "application/json",
            "origin": self._origin,
            "referer": f"{self._origin}/",
            "sec-fetch-dest": "empty",
            "sec-fetch-mode": "cors",
            "sec-fetch-site": "same-origin",
            "x-request-id": f"webapp-{uuid4()}",
        }


def _checked_token(token: object) -> str:
    # A line break, as at the end of a file that a token was read from, would end the header and begin another one.
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise TokenExpiredError("the access token is none: it must be a text of visible ASCII characters")
    return token


_UNKNOWN = "the transfer may or may not have happened; do not send it again before you have looked: {}"
