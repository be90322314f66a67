"""How does a call reach Plaid: which host, which headers, repeated or not?"""

import os
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Self, TypeVar

from bursar.providers.plaid.sdk.errors import plaid_error
from bursar.providers.plaid.sdk.keyring import WebhookKeyring
from bursar.providers.plaid.sdk.wire import Answer
from bursar.transport.auth import HeaderAuth
from bursar.transport.client import Hook, HttpClient, Timeouts
from bursar.transport.ratelimit import RateLimiter
from bursar.transport.redaction import Secret
from bursar.transport.retry import RetryPolicy
from bursar.transport.rows import decode_answer, without_none
from bursar.transport.session import ApiSession
from bursar.transport.timing import SYSTEM_TIMING, Timing
from bursar.transport.wire import AsyncWire

AnswerT = TypeVar("AnswerT", bound=Answer)

# Source: https://plaid.com/docs/api/ (read 2026-11-21)
API_VERSION = "2020-09-14"
HOSTS: Mapping[str, str] = {
    "sandbox": "https://sandbox.plaid.com",
    "production": "https://production.plaid.com",
}

# A 429 names no wait and the windows are minutes: repeating within the call would only spend the next window.
PLAID_RETRY = RetryPolicy(rate_limit_wait_s=60.0)


class PlaidSession(ApiSession):
    """The part of the client that every group of calls stands on.

    Args:
        client_id: the developer account's id.
        secret: the secret of this environment.
        environment: `sandbox` or `production`. `development` was retired by Plaid: it warns and means production.
        base_url: another address instead of the environment's host; may carry a path prefix.
        retry: how calls that are harmless to repeat are repeated.
        timeouts: waits on the network.
        limiter: asked before each attempt.
        http_client: an open `httpx2` or `httpx` client to use; its owner closes it.
        on_request, on_response: hooks around each attempt.
        timing: clock, sleep and dice.
    """

    def __init__(
        self,
        client_id: str,
        secret: str | Secret,
        *,
        environment: str = "sandbox",
        base_url: str | None = None,
        retry: RetryPolicy = PLAID_RETRY,
        timeouts: Timeouts | None = None,
        limiter: RateLimiter | None = None,
        http_client: AsyncWire | None = None,
        on_request: Sequence[Hook] = (),
        on_response: Sequence[Hook] = (),
        timing: Timing = SYSTEM_TIMING,
    ) -> None:
        self.environment = _environment(environment)
        self._timing = timing
        self._webhook_keys = WebhookKeyring()
        self._http = HttpClient(
            base_url or HOSTS[self.environment],
            name="plaid",
            # Credentials travel as headers, so that a request body never holds the secret.
            auth=HeaderAuth({"PLAID-CLIENT-ID": Secret(client_id), "PLAID-SECRET": Secret(secret)}),
            headers={"Plaid-Version": API_VERSION, "User-Agent": "bursar-plaid"},
            classify=plaid_error,
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
        """A client from `PLAID_CLIENT_ID`, `PLAID_SECRET`, `PLAID_ENVIRONMENT` (or `PLAID_ENV`), `PLAID_BASE_URL`.

        Raises:
            ValueError: naming the variables that are missing, never a value.
        """
        values = os.environ if environ is None else environ
        missing = [name for name in ("PLAID_CLIENT_ID", "PLAID_SECRET") if not values.get(name)]
        if missing:
            raise ValueError(f"set {' and '.join(missing)}")
        return cls(
            values["PLAID_CLIENT_ID"],
            values["PLAID_SECRET"],
            environment=values.get("PLAID_ENVIRONMENT") or values.get("PLAID_ENV") or "sandbox",
            base_url=values.get("PLAID_BASE_URL") or None,
        )

    async def _read(
        self,
        path: str,
        body: dict[str, Any],
        type_: type[AnswerT],
        *,
        read_timeout_s: float | None = None,
        retry: RetryPolicy | None = None,
    ) -> AnswerT:
        """A call that changes nothing at Plaid, though it is a POST: harmless to repeat."""
        response = await self._http.send(
            "POST",
            path,
            json_body=without_none(body),
            idempotent=True,
            read_timeout_s=read_timeout_s,
            retry=retry,
        )
        return decode_answer(self._http, response, type_)

    async def _change(
        self, path: str, body: dict[str, Any], type_: type[AnswerT], *, retry: RetryPolicy | None = None
    ) -> AnswerT:
        """A call that changes something: repeated only when the first attempt never left."""
        response = await self._http.send("POST", path, json_body=without_none(body), idempotent=False, retry=retry)
        return decode_answer(self._http, response, type_)


def _environment(name: str) -> str:
    if name == "development":
        warnings.warn("Plaid retired the development environment: production is used", UserWarning, stacklevel=4)
        return "production"
    if name not in HOSTS:
        raise ValueError("the environment is sandbox or production")
    return name
