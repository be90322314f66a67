"""How does one request reach a provider and come back as an answer, or as one typed error?"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

from bursar.transport import json
from bursar.transport.auth import Auth
from bursar.transport.certificates import TlsIdentity
from bursar.transport.errors import Problem, TransportError, classify
from bursar.transport.ratelimit import RateLimiter
from bursar.transport.redaction import redact_text, sensitive_values
from bursar.transport.retry import DEFAULT_RETRY, RetryPolicy, parse_retry_after
from bursar.transport.timing import SYSTEM_TIMING, Timing
from bursar.transport.wire import AnswerTooLargeError, AsyncWire, Wire

T = TypeVar("T")

DEFAULT_MAX_BODY_BYTES = 64 * 1024 * 1024
_REPEATABLE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
_NO_CREDENTIALS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds for each wait on the network, and for a whole call with its repetitions.

    Attributes:
        connect_s: until the connection stands, TLS included.
        read_s: until the next bytes arrive; a call can override it.
        pool_s: until a connection of the pool is free.
        total_s: one call with all its attempts and waits; None leaves it to the retry budget and the caller.
    """

    connect_s: float = 5.0
    read_s: float = 30.0
    pool_s: float = 30.0
    total_s: float | None = 120.0


DEFAULT_TIMEOUTS = Timeouts()


@dataclass(frozen=True, slots=True)
class Exchange:
    """One attempt, for hooks and logs: no header, no query, no body, ids in the path masked.

    `status` is None before the answer and when there was none; `problem` says why.
    """

    client: str
    method: str
    path: str
    attempt: int
    status: int | None = None
    elapsed_s: float = 0.0
    problem: str | None = None


Hook = Callable[[Exchange], None]


@dataclass(frozen=True, slots=True)
class Response:
    """A 2xx answer, read whole. Header names are lower case."""

    method: str
    path: str
    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    attempts: int = 1
    secrets: frozenset[str] = field(default=frozenset(), repr=False)


@dataclass(frozen=True, slots=True)
class _Call:
    method: str
    path: str
    url: str
    content: bytes | None
    headers: Mapping[str, str]
    policy: RetryPolicy
    read_s: float
    idempotent: bool
    auth: Auth | None
    secrets: frozenset[str]


class HttpClient:
    """One pooled client for one provider: shared by every call, opened by the first, closed by `aclose`.

    Redirects are never followed, cookies are never kept, answers are read up to `max_body_bytes` after decompression.
    Safe to share between tasks of one event loop; a cancelled call leaves the pool usable.

    Args:
        base_url: scheme, host and an optional path prefix; no query, no user info.
        name: the provider's, for logs and hooks.
        auth: how requests authenticate; None for none.
        classify: turns a failed exchange into an error of the SDK's own tree.
        limiter: asked before each attempt.
        on_request, on_response: hooks, called before and after each attempt; what they raise reaches the caller.
        client: an open `httpx2.AsyncClient` or `httpx.AsyncClient` to use instead; the caller closes it.
        tls: a certificate to present, or authorities to believe, where the usual ones do not do; a client that was
            handed in has its own.
    """

    def __init__(
        self,
        base_url: str,
        *,
        name: str = "transport",
        headers: Mapping[str, str] | None = None,
        auth: Auth | None = None,
        classify: Callable[[Problem], TransportError] = classify,
        retry: RetryPolicy = DEFAULT_RETRY,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
        limiter: RateLimiter | None = None,
        on_request: Sequence[Hook] = (),
        on_response: Sequence[Hook] = (),
        timing: Timing = SYSTEM_TIMING,
        max_body_bytes: int = DEFAULT_MAX_BODY_BYTES,
        client: AsyncWire | None = None,
        tls: TlsIdentity | None = None,
    ) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("base_url needs a scheme and a host, such as https://api.example.com")
        if parts.query or parts.fragment or parts.username or parts.password:
            raise ValueError("base_url takes no query, fragment or user info: secrets do not belong in addresses")
        self.base_url = base_url.rstrip("/")
        self.name = name
        self._headers = dict(headers or {})
        self._auth = auth
        self._classify = classify
        self._retry = retry
        self._timeouts = timeouts
        self._limiter = limiter
        self._on_request = tuple(on_request)
        self._on_response = tuple(on_response)
        self._timing = timing
        self._wire = Wire(client, timeouts.connect_s, timeouts.pool_s, max_body_bytes, tls)
        self._log = logging.getLogger(f"bursar.transport.{name}")

    async def send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json_body: Any = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        idempotent: bool | None = None,
        idempotency_key: str | None = None,
        retry: RetryPolicy | None = None,
        read_timeout_s: float | None = None,
        total_timeout_s: float | None = None,
        authenticate: bool = True,
        secrets: frozenset[str] = frozenset(),
    ) -> Response:
        """Send one request and return its 2xx answer.

        Args:
            method: upper case.
            path: begins with a slash; added to the base address.
            params: the query; never credentials.
            json_body: encoded with exact decimals; its sensitive members are remembered and kept out of errors.
            content: a body that is already bytes, instead of `json_body`.
            headers: of this request, over those of the client.
            idempotent: whether carrying it out twice is harmless. None: by the method, so POST and PATCH are not.
            idempotency_key: sent as `Idempotency-Key`, the same on every attempt; makes the request repeatable.
            retry: instead of the client's policy; `NEVER_REPEAT` for single-use codes.
            read_timeout_s: instead of the client's, for this call.
            total_timeout_s: for the call with all attempts, instead of the client's.
            authenticate: False leaves the client's credentials out, as on a token endpoint.
            secrets: texts of the request that must never come back in an error, beside those that stand under a
                sensitive name.

        Raises:
            TransportError: whatever `classify` makes of the failure; every other status than 2xx is one.
        """
        body = content
        all_headers = {"Accept": "application/json", **self._headers, **(headers or {})}
        if json_body is not None:
            body = json.encode(json_body)
            all_headers.setdefault("Content-Type", "application/json")
        if idempotency_key is not None:
            all_headers["Idempotency-Key"] = idempotency_key
        repeatable = method in _REPEATABLE_METHODS or idempotency_key is not None
        call = _Call(
            method=method,
            path=path,
            url=self._wire.url(self.base_url + path, params),
            content=body,
            headers=all_headers,
            policy=retry or self._retry,
            read_s=read_timeout_s or self._timeouts.read_s,
            idempotent=repeatable if idempotent is None else idempotent,
            auth=self._auth if authenticate else None,
            secrets=secrets | sensitive_values(json_body) | sensitive_values(headers) | sensitive_values(params),
        )
        total_s = total_timeout_s or self._timeouts.total_s
        try:
            async with asyncio.timeout(total_s):
                return await self._repeat(call)
        except TimeoutError:
            pass
        raise self._classify(
            Problem("timeout", method, path, f"no answer within {total_s} s in all", secrets=call.secrets)
        )

    def decode(self, response: Response, type_: type[T]) -> T:
        """Decode an answer; a body that is not this type is the SDK's payload error, never an empty value."""
        try:
            return json.decode(response.body, type_)
        except json.JsonError as error:
            failure = error
        raise self.payload_error(response, failure)

    def payload_error(self, response: Response, failure: json.JsonError) -> TransportError:
        """The error for an answer that could not be decoded."""
        return self._classify(
            Problem(
                "payload",
                response.method,
                response.path,
                redact_text(str(failure), response.secrets),
                status=response.status,
                headers=response.headers,
                body=response.body,
                attempts=response.attempts,
                secrets=response.secrets,
            )
        )

    async def aclose(self) -> None:
        """Close the pool; an injected client stays open, because its owner closes it."""
        await self._wire.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"HttpClient({self.name!r}, {self.base_url!r})"

    async def _repeat(self, call: _Call) -> Response:
        started = self._timing.monotonic()
        attempt = 0
        renewed = False
        while True:
            attempt += 1
            if self._limiter is not None:
                await self._limiter.acquire()
            credentials = await call.auth.headers() if call.auth is not None else _NO_CREDENTIALS
            outcome = await self._attempt(call, credentials, attempt)
            if isinstance(outcome, Response):
                return outcome
            if outcome.status == 401 and call.auth is not None and not renewed:
                # The provider refused before doing anything, so this is safe for every method; it is no retry.
                renewed = True
                if await call.auth.renew(credentials):
                    continue
            wait_s = parse_retry_after(outcome.headers, self._timing.now())
            if wait_s is None and outcome.status == 429:
                wait_s = call.policy.rate_limit_wait_s
            if wait_s is not None:
                outcome = replace(outcome, retry_at=self._timing.now() + timedelta(seconds=wait_s))
            delay_s = call.policy.delay_s(
                outcome,
                wait_s=wait_s,
                attempt=attempt - renewed,
                elapsed_s=self._timing.monotonic() - started,
                idempotent=call.idempotent,
                dice=self._timing.random(),
            )
            if delay_s is None:
                raise self._classify(outcome)
            await self._timing.sleep(delay_s)

    async def _attempt(self, call: _Call, credentials: Mapping[str, str], attempt: int) -> Response | Problem:
        secrets = call.secrets | _credential_values(credentials)
        before = Exchange(self.name, call.method, redact_text(call.path, secrets), attempt)
        async with self._observed(before) as report:
            try:
                status, headers, body = await self._wire.exchange(
                    call.method, call.url, {**call.headers, **credentials}, call.content, call.read_s
                )
            except self._wire.failures as error:
                kind = self._wire.kind_of(error)
                certificate_refused = self._wire.is_certificate_refusal(error)
                # Fixed words only: the library's text can quote headers, and its exception holds the request.
                reason = f"no answer ({type(error).__name__})"
            except AnswerTooLargeError:
                kind, reason, certificate_refused = "payload", "the answer is larger than allowed", False
            else:
                report(status, None)
                if 200 <= status < 300:
                    return Response(call.method, call.path, status, headers, body, attempt, secrets)
                kind = "redirect" if 300 <= status < 400 else "status"
                reason = f"answered {status}" + (", and redirects are not followed" if kind == "redirect" else "")
                return Problem(
                    kind, call.method, call.path, reason, status, headers, body, attempts=attempt, secrets=secrets
                )
            report(None, reason)
            return Problem(
                kind,
                call.method,
                call.path,
                reason,
                attempts=attempt,
                secrets=secrets,
                certificate_refused=certificate_refused,
            )

    @asynccontextmanager
    async def _observed(self, before: Exchange) -> AsyncGenerator[Callable[[int | None, str | None], None]]:
        for hook in self._on_request:
            hook(before)
        started = self._timing.monotonic()

        def report(status: int | None, problem: str | None) -> None:
            after = replace(
                before, status=status, problem=problem, elapsed_s=max(0.0, self._timing.monotonic() - started)
            )
            self._log.debug(
                "%s %s attempt %d: %s in %.0f ms",
                after.method,
                after.path,
                after.attempt,
                status if problem is None else problem,
                after.elapsed_s * 1000,
            )
            for hook in self._on_response:
                hook(after)

        yield report


def _credential_values(credentials: Mapping[str, str]) -> frozenset[str]:
    # "Bearer abc" can come back as "abc" alone.
    return frozenset(value.removeprefix("Bearer ") for value in credentials.values())
