"""How does a call reach Finicity: with which token, repeated or not?"""

import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NoReturn, Self, TypeVar
from urllib.parse import quote

import msgspec

from bursar.providers.finicity.sdk.errors import (
    FinicityAccessError,
    FinicityArgumentError,
    FinicityAuthError,
    FinicityConfigError,
    FinicityPartnerError,
    FinicityRequestError,
    FinicityResponseError,
    finicity_error,
)
from bursar.providers.finicity.sdk.tokens import APP_KEY, PartnerTokenAuth
from bursar.transport.client import Hook, HttpClient, Response, Timeouts
from bursar.transport.ratelimit import RateLimiter
from bursar.transport.redaction import Secret
from bursar.transport.retry import NEVER_REPEAT, RetryPolicy
from bursar.transport.rows import WireModel, decode_answer, without_none
from bursar.transport.session import ApiSession
from bursar.transport.timing import SYSTEM_TIMING, Timing
from bursar.transport.wire import AsyncWire

ModelT = TypeVar("ModelT", bound=WireModel)

# Source: https://developer.mastercard.com/open-finance-us/documentation/ (read 2026-11-29). Test and live data share
# it: the plan belongs to the app key.
DEFAULT_BASE_URL = "https://api.finicity.com"
ENVIRONMENTS = ("test", "production")

# Limits are not published; a refused call is repeated after a minute by whoever plans the next run.
FINICITY_RETRY = RetryPolicy(rate_limit_wait_s=60.0)

_VARIABLES = ("FINICITY_PARTNER_ID", "FINICITY_PARTNER_SECRET", "FINICITY_APP_KEY")


class _TokenAnswer(msgspec.Struct, frozen=True):
    token: Secret


class FinicitySession(ApiSession):
    """The part of the client that every group of calls stands on.

    Args:
        partner_id, partner_secret, app_key: of the partner at Finicity.
        environment: `test` makes testing customers, `production` active ones.
        base_url: another address; may carry a path prefix.
        retry: how calls that are harmless to repeat are repeated.
        timeouts: waits on the network.
        limiter: asked before each attempt.
        http_client: an open `httpx2` or `httpx` client to use; its owner closes it.
        on_request, on_response: hooks around each attempt.
        timing: clock, sleep and dice.

    Raises:
        FinicityConfigError: a credential is empty, or the environment is none of the two.
    """

    def __init__(
        self,
        partner_id: str,
        partner_secret: str | Secret,
        app_key: str | Secret,
        *,
        environment: str = "test",
        base_url: str = DEFAULT_BASE_URL,
        retry: RetryPolicy = FINICITY_RETRY,
        timeouts: Timeouts | None = None,
        limiter: RateLimiter | None = None,
        http_client: AsyncWire | None = None,
        on_request: Sequence[Hook] = (),
        on_response: Sequence[Hook] = (),
        timing: Timing = SYSTEM_TIMING,
    ) -> None:
        self._partner_secret, self._app_key = Secret(partner_secret), Secret(app_key)
        if not (partner_id and self._partner_secret and self._app_key):
            raise FinicityConfigError("partner id, partner secret and app key are all needed")
        if environment not in ENVIRONMENTS:
            raise FinicityConfigError("the environment is test or production")
        self.environment = environment
        self._partner_id = partner_id
        self._timing = timing
        self._http = HttpClient(
            base_url,
            name="finicity",
            headers={"User-Agent": "bursar-finicity"},
            auth=PartnerTokenAuth(self._app_key, self._request_token, timing),
            classify=finicity_error,
            retry=retry,
            timeouts=timeouts or Timeouts(),
            limiter=limiter,
            on_request=on_request,
            on_response=on_response,
            timing=timing,
            client=http_client,
        )

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Self:
        """A client from `FINICITY_PARTNER_ID`, `FINICITY_PARTNER_SECRET`, `FINICITY_APP_KEY`, and, where they are set,
        `FINICITY_ENVIRONMENT` and `FINICITY_BASE_URL`.

        Raises:
            FinicityConfigError: naming the variables that are missing, never a value.
        """
        values = os.environ if environ is None else environ
        missing = [name for name in _VARIABLES if not values.get(name)]
        if missing:
            raise FinicityConfigError(f"set {' and '.join(missing)}")
        return cls(
            *(values[name] for name in _VARIABLES),
            environment=values.get("FINICITY_ENVIRONMENT") or "test",
            base_url=values.get("FINICITY_BASE_URL") or DEFAULT_BASE_URL,
        )

    def __reduce__(self) -> NoReturn:
        raise TypeError("a client is not pickled: it holds the partner secret")

    async def _get(
        self,
        path: str,
        type_: type[ModelT],
        *,
        params: Mapping[str, str] | None = None,
        ids: Sequence[str] = (),
        read_timeout_s: float | None = None,
    ) -> ModelT:
        response = await self._http.send(
            "GET", path, params=params, secrets=frozenset(ids), read_timeout_s=read_timeout_s
        )
        return decode_answer(self._http, response, type_)

    async def _change(
        self,
        path: str,
        body: dict[str, Any] | None,
        *,
        method: str = "POST",
        ids: Sequence[str] = (),
        read_timeout_s: float | None = None,
    ) -> Response:
        """A call that changes something: a POST is repeated only when the first attempt never left."""
        return await self._http.send(
            method,
            path,
            json_body=None if body is None else without_none(body),
            secrets=frozenset(ids),
            read_timeout_s=read_timeout_s,
        )

    def _decode(self, response: Response, type_: type[ModelT]) -> ModelT:
        return decode_answer(self._http, response, type_)

    async def _request_token(self) -> Secret:
        try:
            response = await self._http.send(
                "POST",
                "/aggregation/v2/partners/authentication",
                json_body={"partnerId": self._partner_id, "partnerSecret": self._partner_secret},
                headers={APP_KEY: self._app_key.reveal()},
                retry=NEVER_REPEAT,
                authenticate=False,
                secrets=frozenset({self._partner_id, self._partner_secret.reveal(), self._app_key.reveal()}),
            )
        except (FinicityAuthError, FinicityAccessError, FinicityRequestError) as error:
            raise FinicityPartnerError(
                "Finicity refuses the partner id, the partner secret or the app key",
                status=error.status,
                code=error.code,
                request_id=error.request_id,
            ) from None
        answer = self._http.decode(response, _TokenAnswer)
        if not answer.token:
            raise FinicityResponseError("the answer of the token endpoint has no token", status=response.status)
        return answer.token


def segment(value: str, name: str) -> str:
    """An id as a part of a path.

    Raises:
        FinicityArgumentError: it is empty, or could lead to another path.
    """
    text = value.strip()
    if not text or text in (".", ".."):
        raise FinicityArgumentError(f"{name} is empty: pass the id that Finicity gave")
    return quote(text, safe="")


def epoch_of(moment: datetime, name: str) -> int:
    """An instant as Finicity writes it.

    Raises:
        FinicityArgumentError: it has no time zone, or is no datetime.
    """
    if not isinstance(moment, datetime):  # pyright: ignore[reportUnnecessaryIsInstance] - callers are untyped
        raise FinicityArgumentError(f"{name} is no datetime: pass an aware one, such as datetime.now(UTC)")
    if moment.tzinfo is None or moment.utcoffset() is None:
        raise FinicityArgumentError(f"{name} has no time zone: pass an aware datetime, such as datetime.now(UTC)")
    return int(moment.timestamp())


def check_range(value: int, name: str, low: int, high: int) -> int:
    """Return a number that lies within its bounds.

    Raises:
        FinicityArgumentError: it does not.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:  # pyright: ignore[reportUnnecessaryIsInstance] - callers are untyped
        raise FinicityArgumentError(f"{name} must be a whole number from {low} to {high}")
    return value
