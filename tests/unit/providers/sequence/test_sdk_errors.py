"""Which error does each answer become, and does none of them tell a secret?"""

import logging
import traceback

import pytest

from bursar.providers.sequence import (
    ConfigurationError,
    GraphQLError,
    HttpError,
    RateLimitedError,
    SequenceError,
    TokenExpiredError,
    TransferError,
    TransferOutcomeUnknownError,
    TransportError,
)
from bursar.providers.sequence.sdk import exceptions

UNAUTHENTICATED = {"message": "Unauthorized", "extensions": {"code": "UNAUTHENTICATED"}}
FORBIDDEN = {"message": "You do not have access", "path": ["organization"], "extensions": {"code": "FORBIDDEN"}}


@pytest.mark.parametrize(
    ("status", "body", "error", "text"),
    [
        (401, {"errors": [UNAUTHENTICATED]}, TokenExpiredError, "HTTP 401"),
        (401, b"", TokenExpiredError, "HTTP 401"),
        (403, b"Forbidden", HttpError, "HTTP 403"),
        (403, {"errors": [FORBIDDEN]}, HttpError, "HTTP 403"),
        (429, b"", RateLimitedError, "HTTP 429"),
        (400, {"errors": [{"message": "Syntax Error"}]}, GraphQLError, "GraphQL errors"),
        (500, {"errors": [{"message": "oops"}], "data": None}, GraphQLError, "GraphQL errors"),
        (400, {"errors": []}, HttpError, "HTTP 400"),
        (500, b"<html>down</html>", HttpError, "HTTP 500"),
        (404, {"what": "no"}, HttpError, "HTTP 404"),
        (302, b"", TransportError, "HTTP 302"),
        (200, b"<html>hello</html>", TransportError, "not what Sequence's API answers"),
        (200, b'{"data": {"me"', TransportError, "not what"),
        (200, b"[]", TransportError, "not what"),
        (200, b"\xff\xfe", TransportError, "not what"),
        (200, b"[" * 100_000, TransportError, "not what"),
        (200, {}, TransportError, "not what"),
        (200, {"data": None}, TransportError, "not what"),
        (200, {"data": None, "errors": [UNAUTHENTICATED]}, TokenExpiredError, "HTTP 401"),
        (200, {"errors": [{"message": "x"}, UNAUTHENTICATED]}, TokenExpiredError, "HTTP 401"),
        (200, {"data": {"organization": None}, "errors": [FORBIDDEN]}, GraphQLError, "do not have access"),
        (200, {"data": {"me": {}}, "errors": ["just a text"]}, GraphQLError, "just a text"),
        (200, {"data": {"me": {}}, "errors": {"message": "no list"}}, GraphQLError, "unreadable"),
    ],
)
def test_answer_becomes_its_error(client, wire, said, status, body, error, text):
    wire.say(said(status, body))
    with pytest.raises(error, match=text) as caught:
        client.execute("{ me { id } }")
    assert type(caught.value) is error
    assert isinstance(caught.value, SequenceError)
    assert isinstance(caught.value, RuntimeError)


@pytest.mark.parametrize("errors", [None, []])
def test_empty_list_of_errors_is_success(client, wire, said, errors):
    wire.say(said(body={"data": {"me": 1}, "errors": errors}))
    assert client.execute("{ me }") == {"me": 1}


def test_graphql_error_carries_what_was_received(client, wire, said):
    wire.say(said(body={"data": {"organization": None}, "errors": [FORBIDDEN]}))
    with pytest.raises(GraphQLError) as caught:
        client.execute("{ organization }")
    assert str(caught.value).startswith("GraphQL errors:")
    assert caught.value.errors == [FORBIDDEN]
    assert caught.value.code == "FORBIDDEN"


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7.0), ("Sat, 21 Nov 2026 12:00:30 GMT", 30.0), ("soon", None), ("-1", None)]
)
def test_wait_that_is_asked_for_is_told(client, wire, said, header, seconds):
    wire.say(said(429, b"", {"retry-after": header}))
    with pytest.raises(RateLimitedError) as caught:
        client.execute("{ me }")
    assert caught.value.retry_after == seconds


def test_nobody_there_is_a_transport_error(make_client, wire):
    wire.close()
    with pytest.raises(TransportError, match="no answer"):
        make_client().get_pods()


def test_broken_connection_and_silence_are_transport_errors(make_client, wire, said):
    wire.say(said(cut=True))
    with pytest.raises(TransportError, match="no answer"):
        make_client().get_pods()
    wire.say(said(delay_s=5.0))
    with pytest.raises(TransportError, match="no answer"):
        make_client(timeout_s=0.2).get_pods()


def test_body_is_kept_short_and_without_secrets(client, wire, said):
    told = "Bearer canary-token eyJhbGciOiJSUzI1NiJ9.e30.c2ln 4111111111111111 jordan@example.com " + "x" * 2000
    wire.say(said(502, told.encode()))
    with pytest.raises(HttpError) as caught:
        client.execute("{ me }")
    error = caught.value
    assert error.status == 502
    assert 0 < len(error.body_excerpt) <= 500
    for secret in ("canary-token", "eyJhbGci", "4111111111111111", "jordan@"):
        assert secret not in error.body_excerpt
        assert secret not in f"{error} {error!r}"


def test_nothing_secret_is_logged_or_in_a_traceback(make_client, wire, said, caplog):
    wire.say(said(500, {"errors": [{"message": "token eyJhbGciOiJSUzI1NiJ9.e30.c2ln of canary-token"}]}))
    variables = {"secret_variable": "canary-variable"}
    client = make_client()
    with caplog.at_level(logging.DEBUG), pytest.raises(SequenceError) as caught:
        client.execute("query($n: Int) { me }", variables)
    text = caplog.text + "".join(traceback.format_exception(caught.value))
    assert "500" in caplog.text
    for secret in ("eyJhbGci", "canary-variable", "canary-token"):
        assert secret not in text


@pytest.mark.parametrize(
    ("error", "bases"),
    [
        (exceptions.AuthenticationError, {SequenceError, RuntimeError}),
        (exceptions.TransferError, {SequenceError, RuntimeError}),
        (exceptions.ConfigurationError, {SequenceError, KeyError}),
        (exceptions.MissingDependencyError, {ConfigurationError, ImportError}),
    ],
)
def test_errors_are_what_callers_catch(error, bases):
    assert all(issubclass(error, base) for base in bases)


def test_unknown_outcome_is_no_refusal():
    assert not issubclass(TransferOutcomeUnknownError, TransferError)


def test_configuration_error_reads_like_a_sentence():
    assert str(ConfigurationError("SEQUENCE_EMAIL is not set")) == "SEQUENCE_EMAIL is not set"
