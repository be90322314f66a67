"""Every failure of an adapter has one meaning for the callers of the interface, and one HTTP answer."""

import json
from datetime import timedelta

import pytest

from bursar.banking import exceptions as ours
from bursar.banking.http.problems import to_response
from bursar.ports import errors as ports
from bursar.ports.webhooks import WebhookRefusedError

CASES = [
    (ports.ProviderAuthenticationError("a"), ours.ItemLoginRequiredError, 409),
    (ports.ProviderAuthenticationError("a", is_token_expired=True), ours.ItemLoginRequiredError, 409),
    (ports.ProviderAuthenticationError("a", consent_withdrawn=True), ours.InvalidCredentialsError, 401),
    (ports.ProviderAuthenticationError("a", code="missing_credential"), ours.InvalidCredentialsError, 401),
    (ports.ProviderAuthenticationError("a", needs_user=False), ours.ProviderDownError, 503),
    (ports.ProviderAuthorizationError("a"), ours.ConsentInsufficientError, 409),
    (ports.ProviderRateLimitError("a"), ours.RateLimitError, 503),
    (ports.ProviderUnavailableError("a"), ours.ProviderDownError, 503),
    (ports.ProviderInvalidResponseError("a"), ours.UnexpectedAnswerError, 502),
    (ports.ProviderValidationError("a", field="start_date"), ours.InvalidInputError, 422),
    (ports.ProviderNotFoundError("a"), ours.NotFoundError, 404),
    (ports.ProviderNotConfiguredError("a"), ours.ProviderNotConfiguredError, 503),
    (ports.ProviderUnsupportedError("a"), ours.UnsupportedError, 501),
    (WebhookRefusedError("a"), ours.WebhookRefusedError, 401),
    (ports.ProviderError("a"), ours.BankingProviderError, 502),
]


@pytest.mark.parametrize(("error", "class_", "status"), CASES, ids=lambda value: getattr(value, "code", None))
def test_failure_of_an_adapter_becomes_one_of_the_family_and_an_answer(error, class_, status) -> None:
    told = ours.to_banking_error(error, "north")
    assert type(told) is class_
    assert (told.message, told.code, told.provider) == ("a", error.code, "north")
    answer = to_response(told)
    assert answer.status_code == status
    body = json.loads(answer.body)
    assert (body["detail"], body["code"], body["provider"]) == ("a", error.code, "north")
    assert body["retryable"] is told.retryable
    assert answer.headers["cache-control"] == "no-store"


def test_the_four_names_stand_in_one_family_with_a_message() -> None:
    for class_ in (ours.InvalidCredentialsError, ours.ItemLoginRequiredError, ours.RateLimitError):
        assert issubclass(class_, ours.BankingProviderError)
        assert class_("what to do").message == "what to do"


def test_wait_is_told_in_whole_seconds_and_never_left_open_in_http() -> None:
    told = ours.to_banking_error(ports.ProviderRateLimitError("a", retry_after=timedelta(seconds=1.2)), "north")
    assert told.retry_after == 2
    assert to_response(told).headers["retry-after"] == "2"
    assert to_response(ours.RateLimitError("a")).headers["retry-after"] == "60"


def test_what_is_refused_at_linking_is_what_the_user_brought_back() -> None:
    told = ours.to_banking_error(ports.ProviderAuthenticationError("a", code="link_expired"), "north", linking=True)
    assert isinstance(told, ours.InvalidCredentialsError)


def test_cause_is_kept_for_the_operator() -> None:
    cause = ports.ProviderUnavailableError("down", upstream_code="X1", upstream_request_id="r-1")
    with pytest.raises(ours.ProviderDownError) as caught, ours.translated("north"):
        raise cause
    assert caught.value.__cause__ is cause
    assert (caught.value.upstream_code, caught.value.upstream_request_id) == ("X1", "r-1")
