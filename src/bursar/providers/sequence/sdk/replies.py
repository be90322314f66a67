"""What does an answer mean: data, or which error? And when does it leave open whether money has moved?

Sources: https://spec.graphql.org/October2021/#sec-Response-Format and the media types of
https://graphql.github.io/graphql-over-http/draft/ (read 2026-11-29): a server may refuse a document with status 400 or
200.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from bursar.providers.sequence.sdk.exceptions import (
    GraphQLError,
    HttpError,
    RateLimitedError,
    SequenceError,
    TransferError,
    TransportError,
)
from bursar.providers.sequence.sdk.redaction import safe_text
from bursar.transport.impersonation import Answer
from bursar.transport.redaction import excerpt
from bursar.transport.retry import parse_retry_after

# With these codes the server says that it did not carry the request out.
_NOTHING_RAN = frozenset(
    {
        "UNAUTHENTICATED",
        "FORBIDDEN",
        "NOT_FOUND",
        "BAD_USER_INPUT",
        "GRAPHQL_VALIDATION_FAILED",
        "GRAPHQL_PARSE_FAILED",
    }
)
_UNAUTHENTICATED = "UNAUTHENTICATED"


class TokenRefusedError(Exception):
    """The access token was refused, so nothing was carried out; inside this package only."""


def data_of(answer: Answer, document: str, *, moves_money: bool, secrets: frozenset[str], now: datetime) -> Any:
    """The `data` member of an answer.

    Raises:
        TokenRefusedError: the token is refused.
        SequenceError: any other answer that is no data.
    """
    status = answer.status
    if status == 401:
        raise TokenRefusedError("HTTP 401")
    if status == 429:
        raise _rate_limited(answer, now)
    envelope = _envelope(answer.body)
    errors = _errors(envelope)
    if status >= 400:
        if errors and status != 403:
            raise GraphQLError(errors, document, status=status, secrets=secrets)
        raise HttpError(f"HTTP {status}", status=status, body_excerpt=_excerpt(answer, secrets))
    if not 200 <= status < 300:
        raise TransportError(f"HTTP {status}: redirects are not followed", status=status)
    if errors:
        error = GraphQLError(errors, document, status=status, secrets=secrets)
        if _UNAUTHENTICATED in error.codes and (not moves_money or not _may_have_run(envelope, error)):
            raise TokenRefusedError("HTTP 401 (UNAUTHENTICATED)")
        raise error
    data = envelope.get("data")
    if not isinstance(data, dict):
        raise TransportError(
            f"HTTP {status}: the answer is not what Sequence's API answers",
            status=status,
            body_excerpt=_excerpt(answer, secrets),
        )
    return cast("dict[str, Any]", data)


def leaves_open(answer: Answer, error: SequenceError) -> bool:
    """Whether a transfer that ended with this answer and error may have happened all the same."""
    if answer.status >= 500 or answer.status == 408:
        return True
    if isinstance(error, TransferError | RateLimitedError | HttpError):
        return False
    if isinstance(error, GraphQLError):
        return _may_have_run(_envelope(answer.body), error)
    return True


def _may_have_run(envelope: Mapping[str, Any], error: GraphQLError) -> bool:
    # Without a `data` member the request was refused as a whole; with one, it was carried out up to some point.
    return "data" in envelope and not all(code in _NOTHING_RAN for code in error.codes)


def _envelope(body: bytes) -> Mapping[str, Any]:
    try:
        decoded: Any = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return cast("Mapping[str, Any]", decoded) if isinstance(decoded, dict) else {}


def _errors(envelope: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = envelope.get("errors")
    if not isinstance(found, list):
        # Something where the list of errors should be is an error too; null and nothing are none.
        return [{"message": "unreadable errors"}] if found else []
    return [
        cast("dict[str, Any]", error) if isinstance(error, dict) else {"message": str(error)}
        for error in cast("list[Any]", found)
    ]


def _rate_limited(answer: Answer, now: datetime) -> RateLimitedError:
    wait_s = parse_retry_after(answer.headers, now)
    error = RateLimitedError("HTTP 429: too many requests", status=429)
    error.retry_after = wait_s
    return error


def _excerpt(answer: Answer, secrets: frozenset[str]) -> str:
    return safe_text(excerpt(answer.body, secrets), secrets) if answer.body else ""
