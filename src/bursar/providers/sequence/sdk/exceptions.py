"""What can go wrong with a call to Sequence, and what does the caller learn from it?"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bursar.providers.sequence.sdk.redaction import safe_text
from bursar.transport import errors as base


class SequenceError(base.TransportError, RuntimeError):
    """The base of everything that this client raises. No text in it holds a credential."""


class AuthenticationError(SequenceError):
    """The browser login or a token exchange failed; the text names the step. Repeating it may lock the account."""


class TokenExpiredError(SequenceError):
    """The access token is refused, or could not be renewed: get a new one with `get_access_token()`."""


class GraphQLError(SequenceError):
    """Sequence answered with GraphQL errors.

    Attributes:
        errors: the error objects as received. They are the provider's words: do not log them.
        query: the document that was sent, without its variables.
    """

    def __init__(
        self,
        errors: Sequence[dict[str, Any]],
        query: str = "",
        *,
        status: int | None = None,
        secrets: Iterable[str] = (),
    ) -> None:
        self.errors = list(errors)
        self.query = query
        codes = self.codes
        super().__init__(f"GraphQL errors: {self._told(secrets)}", status=status, code=codes[0] if codes else None)

    @property
    def codes(self) -> list[str | None]:
        """`extensions.code` of each error, None where there is none."""
        return [_code(error) for error in self.errors]

    def _told(self, secrets: Iterable[str]) -> str:
        told = "; ".join(
            str(error.get("message")) + (f" ({_code(error)})" if _code(error) else "") for error in self.errors
        )
        return safe_text(told, secrets, limit=400)


def _code(error: dict[str, Any]) -> str | None:
    extensions: Any = error.get("extensions")
    code: Any = extensions.get("code") if isinstance(extensions, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return code if isinstance(code, str) else None


class TransferError(SequenceError):
    """Sequence clearly refused a transfer: no money moved."""


@dataclass(frozen=True, slots=True)
class TransferIntent:
    """What was asked for: enough to find it again in the activity log.

    Attributes:
        amount_cents: US cents.
        requested_at: UTC, just before the request left.
    """

    source_id: str
    destination_id: str
    amount_cents: int
    requested_at: datetime


class TransferOutcomeUnknownError(SequenceError):
    """The transfer was sent and may or may not have happened: never send it again before you have looked.

    `client.reconcile_transfer(org_id, error.intent)` looks into the activity log. It is deliberately no
    `TransferError`: what gives the money back to a daily limit must not do so here.

    Attributes:
        intent: what was asked for, and when it was sent.
        sent_at: UTC, just before the request left.
    """

    intent: TransferIntent | None = None
    sent_at: datetime | None = None


class NotFoundError(SequenceError):
    """The organization, pod or transfer does not exist, or is not one of this login's."""


class RateLimitedError(SequenceError):
    """Too many requests (HTTP 429).

    Attributes:
        retry_after: seconds that Sequence asks to wait, None when it did not say.
    """

    retry_after: float | None = None


class HttpError(SequenceError):
    """An answer with an error status and without GraphQL errors; `status` and a redacted `body_excerpt` tell more."""


class TransportError(SequenceError):
    """No usable reply: no connection, or an answer that is not what Sequence's API answers."""


class ConfigurationError(SequenceError, KeyError):
    """A setting is missing or wrong; the text names it, never its value."""

    def __str__(self) -> str:
        # A KeyError would quote its text.
        return self.message


class MissingDependencyError(ConfigurationError, ImportError):
    """A library or the browser is not installed; the text says what to install."""


class LimitExceededError(SequenceError):
    """A transfer limit says no; nothing was booked and nothing was sent.

    Attributes:
        remaining_cents: what is left, never below 0.
    """

    def __init__(self, message: str, remaining_cents: int = 0) -> None:
        super().__init__(message)
        self.remaining_cents = remaining_cents


class LimitFileError(SequenceError):
    """The file of the daily limits cannot be read and `strict` forbids to start from nothing: repair or remove it."""
