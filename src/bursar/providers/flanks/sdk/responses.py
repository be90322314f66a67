"""What came back over the wire, before it becomes a model?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from bursar.providers.flanks.sdk.exceptions import FlanksResponseError
from bursar.providers.flanks.sdk.secret_text import mask_secrets
from bursar.transport import json
from bursar.transport.client import Response
from bursar.transport.redaction import excerpt, redact_text

JSON = Any
"""A decoded answer: an object, a list, a text, a number (`Decimal` unless it is whole), a flag or None."""


@dataclass(frozen=True, slots=True)
class FlanksResponse:
    """A 2xx answer as it came. Header names are lower case; `content` is decompressed."""

    method: str
    path: str
    status_code: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)
    attempts: int
    secrets: frozenset[str] = field(default=frozenset(), repr=False)

    @classmethod
    def of(cls, response: Response) -> "FlanksResponse":
        """Return the transport's answer as the caller sees it."""
        headers = {name: value for name, value in response.headers.items() if name != "set-cookie"}
        return cls(
            response.method,
            response.path,
            response.status,
            headers,
            response.body,
            response.attempts,
            response.secrets,
        )

    def __reduce__(self) -> tuple[type["FlanksResponse"], tuple[Any, ...]]:
        # Without the secrets of the request.
        known = (self.method, self.path, self.status_code, dict(self.headers), self.content, self.attempts)
        return FlanksResponse, known

    @property
    def text(self) -> str:
        """The body as text."""
        return self.content.decode("utf-8", "replace")

    def json(self) -> JSON:
        """Return the body, decoded with exact numbers; None when it is empty.

        Raises:
            FlanksResponseError: it is not JSON.
        """
        if not self.content.strip():
            return None
        try:
            return json.decode(self.content, cast("type[Any]", Any))
        except json.JsonError as failure:
            reason = failure.reason
        raise self.broken(reason)

    def broken(self, reason: str, fields: tuple[str, ...] = ()) -> FlanksResponseError:
        """Return the error for an answer that breaks the contract; `reason` is our own wording."""
        request = f"{self.method} {redact_text(self.path, self.secrets)}"
        error = FlanksResponseError(
            f"{request}: {reason}" + (f": {', '.join(fields[:20])}" if fields else ""),
            self.status_code,
            # With fields the answer is a model's, and may hold what the model would have masked.
            None if fields else excerpt(self.content, self.secrets) or None,
            headers=mask_secrets(self.headers, self.secrets),
            request=request,
            attempts=self.attempts,
        )
        error.fields = fields
        return error
