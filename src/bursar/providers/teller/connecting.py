"""What does the application need to know to open Teller Connect and to believe what comes from outside?"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Self

from bursar.domain.webhooks import NoticeKind, ProviderNotice
from bursar.ports.errors import ProviderAuthenticationError, ProviderNotConfiguredError, ProviderValidationError
from bursar.ports.provider import ConnectCompletion, ConnectRequest
from bursar.ports.webhooks import WebhookRefusedError
from bursar.providers.teller.failures import SLUG
from bursar.providers.teller.sdk.client import DEFAULT_PAGE_SIZE
from bursar.providers.teller.sdk.enrollment import (
    DEFAULT_PRODUCTS,
    ConnectSetup,
    Enrollment,
    EnrollmentRefusedError,
    load_signing_key,
    read_enrollment,
    verify_enrollment,
)
from bursar.providers.teller.sdk.errors import TellerConfigurationError
from bursar.providers.teller.sdk.webhooks import Webhook, WebhookRejectedError, read_webhook
from bursar.transport.redaction import Secret

NONCE_LIFETIME = timedelta(minutes=30)

_KINDS: Mapping[str, NoticeKind] = {
    "enrollment.disconnected": NoticeKind.SIGN_IN_NEEDED,
    "transactions.processed": NoticeKind.DATA_CHANGED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """The application as Teller's dashboard knows it; holds nothing of any user.

    Attributes:
        application_id: opens Connect.
        environment: of every token.
        signing_key: proves the results of Connect; without it nobody can connect, but in the sandbox, where no data
            are real.
        webhook_secrets: prove webhooks; empty where none are received.
        nonce_key: seals nonces, so that nothing has to be kept between the beginning and the end of a sign-in.
    """

    application_id: str
    environment: str
    signing_key: str | None
    webhook_secrets: tuple[Secret, ...] = field(repr=False)
    nonce_key: bytes = field(repr=False)

    @classmethod
    def from_mapping(cls, values: Mapping[str, str], environment: str, key_material: bytes | None) -> Self:
        """Take the settings by lower-case name.

        Args:
            values: the settings.
            environment: of the client.
            key_material: the certificate's private key; None without one, which is the sandbox.

        Raises:
            TellerConfigurationError: the token signing key is no key. A missing one is told when somebody connects:
                reading does without it.
        """
        signing_key = values.get("teller_token_signing_key")
        if signing_key is not None:
            try:
                load_signing_key(signing_key)
            except ValueError as error:
                raise TellerConfigurationError(f"{error}", "TELLER_TOKEN_SIGNING_KEY") from None
        application_id = values.get("teller_application_id", "")
        found = values.get("teller_webhook_secrets", "").split(",")
        # In the sandbox without a certificate nothing is secret, and nothing needs to be.
        seed = key_material or f"sandbox {application_id}".encode()
        return cls(
            application_id=application_id,
            environment=environment,
            signing_key=signing_key,
            webhook_secrets=tuple(Secret(one.strip()) for one in found if one.strip()),
            nonce_key=hmac.new(b"teller connect nonces", seed, hashlib.sha256).digest(),
        )

    def setup(self, request: ConnectRequest, enrollment_id: str | None, now: datetime) -> ConnectSetup:
        """Return the options of Connect for a connection, with a nonce for it alone.

        Raises:
            ProviderNotConfiguredError: its result could not be proven.
        """
        self._require_signing_key()
        options = request.options
        named = tuple(word.strip() for word in options.get("products", "").split(",") if word.strip())
        return ConnectSetup(
            application_id=self.application_id,
            environment=self.environment,
            products=named or DEFAULT_PRODUCTS,
            nonce=self._nonce(request.connection_id, int((now + NONCE_LIFETIME).timestamp()), secrets.token_hex(16)),
            institution=options.get("institution") or request.institution_id,
            enrollment_id=enrollment_id,
            select_account=options.get("select_account"),
        )

    def prove(self, completion: ConnectCompletion, now: datetime) -> Enrollment:
        """Return what Connect handed to the page, once Teller's signature says that it is for this very connection.

        Raises:
            ProviderValidationError: a value is missing.
            ProviderAuthenticationError: it is not to be believed, or too old; the user begins anew.
            ProviderNotConfiguredError: it cannot be proven.
        """
        self._require_signing_key()
        for name in ("enrollment", "nonce"):
            if not completion.values.get(name):
                raise ProviderValidationError(
                    f"The sign-in's {name} is missing.", code="missing_value", field=name, provider=SLUG
                )
        nonce = completion.values["nonce"]
        self._check_nonce(nonce, completion.connection_id, now)
        try:
            enrollment = read_enrollment(completion.values["enrollment"])
            if self.signing_key is not None:
                verify_enrollment(enrollment, nonce=nonce, environment=self.environment, signing_key=self.signing_key)
        except EnrollmentRefusedError as error:
            raise ProviderAuthenticationError(
                f"The sign-in's result is not to be believed: {error.reason}. Start it again.",
                code="sign_in_refused",
                provider=SLUG,
            ) from None
        return enrollment

    def read_webhook(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Webhook:
        """Prove a webhook.

        Raises:
            WebhookRefusedError: it is forged, altered or too old.
            ProviderNotConfiguredError: there is no secret to prove it with.
        """
        if not self.webhook_secrets:
            raise ProviderNotConfiguredError(
                "Webhooks of Teller cannot be proven without their signing secrets; set TELLER_WEBHOOK_SECRETS.",
                missing_settings=("teller_webhook_secrets",),
                provider=SLUG,
            )
        try:
            return read_webhook(headers, body, secrets=self.webhook_secrets, now=now)
        except WebhookRejectedError as error:
            raise WebhookRefusedError(f"The webhook is refused: {error.reason}.", provider=SLUG) from None

    def _require_signing_key(self) -> None:
        if self.signing_key is None and self.environment != "sandbox":
            raise ProviderNotConfiguredError(
                "To connect through Teller, set TELLER_TOKEN_SIGNING_KEY, the public key of its dashboard: without it, "
                "a page could hand in somebody else's token.",
                missing_settings=("teller_token_signing_key",),
                provider=SLUG,
            )

    def _nonce(self, connection_id: str, ends_at: int, dice: str) -> str:
        text = f"{ends_at}.{dice}"
        sealed = hmac.new(self.nonce_key, f"{connection_id}.{text}".encode(), hashlib.sha256).hexdigest()
        return f"{text}.{sealed}"

    def _check_nonce(self, nonce: str, connection_id: str, now: datetime) -> None:
        ends_at, _, rest = nonce.partition(".")
        is_plain = ends_at.isascii() and ends_at.isdigit() and len(ends_at) <= 12
        expected = self._nonce(connection_id, int(ends_at), rest.partition(".")[0]) if is_plain else ""
        if not hmac.compare_digest(expected.encode(), nonce.encode("utf-8", "replace")):
            raise ProviderAuthenticationError(
                "The sign-in was not begun for this connection. Start it again.",
                code="sign_in_refused",
                provider=SLUG,
            )
        if now.timestamp() > int(ends_at):
            raise ProviderAuthenticationError(
                "The sign-in took too long. Start it again.", code="link_expired", provider=SLUG
            )


def page_size_of(values: Mapping[str, str]) -> int:
    """Return how many rows are asked for at once.

    Raises:
        TellerConfigurationError: it is no number from 1 to 1000.
    """
    text = values.get("teller_page_size")
    if text is None:
        return DEFAULT_PAGE_SIZE
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= 1000):
        raise TellerConfigurationError("expected a number from 1 to 1000", "TELLER_PAGE_SIZE")
    return int(text)


def to_notice(webhook: Webhook) -> ProviderNotice:
    """Return what a proven webhook asks us to do; account numbers are not kept, so nothing is asked for them."""
    return ProviderNotice(
        kind=_KINDS.get(webhook.type, NoticeKind.OTHER),
        external_login_id=webhook.enrollment_id,
        code=webhook.type[:100],
        notice_id=webhook.id,
        sent_at=webhook.timestamp,
    )
