"""How does a call reach Teller: as which application, for which user, repeated or not?"""

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Self, TypeVar
from urllib.parse import quote

from bursar.providers.teller.sdk.errors import TellerArgumentError, teller_error
from bursar.providers.teller.sdk.settings import DEFAULT_BASE_URL, TellerSettings, from_environment
from bursar.providers.teller.sdk.wire import Row, Rows, decode_rows
from bursar.transport.client import Hook, HttpClient, Response, Timeouts
from bursar.transport.ratelimit import RateLimiter
from bursar.transport.redaction import Secret
from bursar.transport.retry import DEFAULT_RETRY, RetryPolicy
from bursar.transport.rows import WireModel
from bursar.transport.session import ApiSession
from bursar.transport.timing import SYSTEM_TIMING, Timing
from bursar.transport.wire import AsyncWire

API_VERSION = "2020-10-12"
# Balances and first readings are asked of the bank while we wait.
TELLER_TIMEOUTS = Timeouts(read_s=60.0, total_s=240.0)
# Limits exist, and no number of them is published: this is ours, for one certificate.
CALLS_PER_MINUTE, CALLS_AT_ONCE = 600.0, 10

ModelT = TypeVar("ModelT", bound=WireModel)


class TellerSession(ApiSession):
    """The part of the client that every group of calls stands on.

    Args:
        cert_path, key_path: PEM files of the application's certificate and its private key. `development` and
            `production` need both; `sandbox` needs none.
        environment: `sandbox`, `development` or `production`; a token of one does not work in another.
        certificate, private_key: the pair as PEM texts, instead of the files; nothing of it stays on the disk.
        base_url: another address instead of Teller's; may carry a path prefix.
        ca_path: a PEM file with the authorities to believe instead of the usual ones, as for a simulator.
        retry: how calls that are harmless to repeat are repeated.
        timeouts: waits on the network.
        limiter: asked before each attempt; ten calls in a second by default, none in the sandbox.
        http_client: an open `httpx2` or `httpx` client to use; it presents its own certificate, its owner closes it.
        on_request, on_response: hooks around each attempt.
        timing: clock, sleep and dice.

    Raises:
        TellerConfigurationError: certificate, key or environment are missing or unusable: which one, why, and what to
            do. Nothing was sent.
    """

    def __init__(
        self,
        cert_path: str | None = None,
        key_path: str | None = None,
        environment: str = "sandbox",
        *,
        certificate: str | None = None,
        private_key: str | Secret | None = None,
        base_url: str | None = None,
        ca_path: str | None = None,
        retry: RetryPolicy = DEFAULT_RETRY,
        timeouts: Timeouts = TELLER_TIMEOUTS,
        limiter: RateLimiter | None = None,
        http_client: AsyncWire | None = None,
        on_request: Sequence[Hook] = (),
        on_response: Sequence[Hook] = (),
        timing: Timing = SYSTEM_TIMING,
    ) -> None:
        settings = TellerSettings(
            environment=environment,
            certificate_path=cert_path,
            private_key_path=key_path,
            certificate=certificate,
            private_key=Secret(private_key) if private_key else None,
            base_url=base_url or DEFAULT_BASE_URL,
            ca_path=ca_path,
        )
        tls = settings.checked(timing.now())
        if limiter is None and environment != "sandbox":
            limiter = RateLimiter(CALLS_PER_MINUTE, CALLS_AT_ONCE, timing=timing)
        self.environment = environment
        self._timing = timing
        self._certificate = tls.certificate
        self._http = HttpClient(
            settings.base_url,
            name="teller",
            headers={"Teller-Version": API_VERSION, "User-Agent": "bursar-teller"},
            classify=teller_error,
            retry=retry,
            timeouts=timeouts,
            limiter=limiter,
            on_request=on_request,
            on_response=on_response,
            timing=timing,
            client=http_client,
            tls=tls,
        )

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Make a client from `TELLER_CERTIFICATE_PATH`, `TELLER_PRIVATE_KEY_PATH` and `TELLER_ENVIRONMENT`.

        Also `TELLER_CERTIFICATE`, `TELLER_PRIVATE_KEY` (PEM texts), `TELLER_BASE_URL` and `TELLER_CA_PATH`, and the
        older `TELLER_CERT_PATH` and `TELLER_KEY_PATH`, which warn.
        """
        settings = TellerSettings.from_mapping(from_environment(environ))
        return cls(
            settings.certificate_path,
            settings.private_key_path,
            settings.environment,
            certificate=settings.certificate,
            private_key=settings.private_key,
            base_url=settings.base_url,
            ca_path=settings.ca_path,
        )

    @property
    def certificate_subject(self) -> str | None:
        """Whom the client's certificate names; None without one."""
        return self._certificate.subject if self._certificate is not None else None

    @property
    def certificate_ends_at(self) -> datetime | None:
        """Until when the client's certificate is valid (UTC); None without one."""
        return self._certificate.not_after if self._certificate is not None else None

    def key_material(self) -> bytes | None:
        """The private key in clear, to derive other keys from; None without one. Never to keep or to show."""
        return self._certificate.key_material() if self._certificate is not None else None

    async def _send(
        self,
        method: str,
        path: str,
        access_token: str | Secret | None,
        *,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> Response:
        headers: dict[str, str] = {}
        secrets: frozenset[str] = frozenset()
        if access_token is not None:
            token = Secret(access_token).reveal()
            if not token:
                raise TellerArgumentError("the access token is empty")
            # The token is the user name, and the password is empty.
            encoded = base64.b64encode(f"{token}:".encode()).decode()
            headers["Authorization"] = f"Basic {encoded}"
            secrets = frozenset({token, encoded})
        return await self._http.send(
            method,
            path,
            params=params,
            json_body=body,
            headers=headers,
            idempotency_key=idempotency_key,
            secrets=secrets,
        )

    async def _read(self, path: str, access_token: str | Secret, type_: type[ModelT], *, method: str = "GET") -> ModelT:
        return self._http.decode(await self._send(method, path, access_token), type_)

    async def _read_rows(
        self,
        path: str,
        access_token: str | Secret | None,
        row_type: type[Row],
        params: Mapping[str, str] | None = None,
    ) -> Rows[Row]:
        return decode_rows(self._http, await self._send("GET", path, access_token, params=params), row_type)


def segment(value: str, name: str) -> str:
    """Return an id as a part of a path.

    Raises:
        TellerArgumentError: it is empty, or would lead to another path.
    """
    if not value or value in (".", ".."):
        raise TellerArgumentError(f"the {name} is empty or no id")
    return quote(value, safe="")
