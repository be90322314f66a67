import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bursar.transport.redaction import _PATTERNS, Secret, excerpt, redact, redact_text, sensitive_values


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("account 1234567890 closed", "account ****7890 closed"),
        ("card 4111111111111111.", "card ****1111."),
        ("IBAN DE89370400440532013000 refused", "IBAN ****3000 refused"),
        ("write to jane.doe@example.com", "write to ***@example.com"),
        ("lives at 12 Elm Grove Street", "lives at ***"),
        ("Authorization: Bearer abc.def", "Authorization: ***"),
        ("token access-sandbox-2f9c6a0e-4f61-4c0c-9f4b-6b1f6d1b7a11 is bad", "token *** is bad"),
        ('{"access_token": "canary", "na', '{"access_token": ***, "na'),
        ('{"client_secret": "can', '{"client_secret": ***'),
        ("grant=x&refresh_token=canary&scope=a", "grant=x&refresh_token=***&scope=a"),
        ("sent Basic dXNlcg", "sent ***"),
        ("sent bearer abc", "sent ***"),
        ("account \N{ARABIC-INDIC DIGIT ONE}234567890", "account ****7890"),
        ("account " + "\N{ARABIC-INDIC DIGIT SEVEN}" * 8, "account ****" + "\N{ARABIC-INDIC DIGIT SEVEN}" * 4),
        ("only 1234567 here", "only 1234567 here"),
        ("ITEM_LOGIN_REQUIRED on 2026-07-11", "ITEM_LOGIN_REQUIRED on 2026-07-11"),
    ],
)
def test_private_pattern_is_masked_and_the_rest_stays(text, shown) -> None:
    assert redact_text(text) == shown


@pytest.mark.parametrize(
    "key",
    ["access_token", "clientSecret", "PASSWORD", "Authorization", "code", "api_key", "ssn", "tax_id", "street"],
)
def test_sensitive_member_is_masked_at_any_depth(key) -> None:
    assert redact({"a": [{key: "canary"}]}) == {"a": [{key: "***"}]}


def test_member_that_only_sounds_sensitive_stays() -> None:
    body = {"error_code": "INVALID_FIELD", "iso_currency_code": "USD", "name": None, "access_token": None}
    assert redact(body) == body


def test_account_number_sent_as_a_number_is_masked() -> None:
    assert redact({"account": 123456789, "count": 500}) == {"account": "****6789", "count": 500}


def test_excerpt_is_cut_after_it_was_redacted() -> None:
    shown = excerpt(b'{"pad": "' + b"x" * 480 + b'", "n": "1234567890123456"}')
    assert len(shown) <= 500
    assert "123456" not in shown


def test_excerpt_of_a_page_hides_known_secrets() -> None:
    assert "hunter22" not in excerpt(b"<p>hunter22 is wrong</p>", {"hunter22"})


def test_overlapping_secrets_leave_no_rest() -> None:
    assert redact_text("abcd-efgh", {"abcd", "abcd-efgh"}) == "***"


def test_secrets_of_a_request_are_found() -> None:
    body = {"access_token": Secret("s-1"), "options": {"password": "p-2", "name": "n"}, "keys": ["k-3"]}
    assert sensitive_values(body) == {"s-1", "p-2", "k-3"}


def test_secret_shows_itself_nowhere() -> None:
    secret = Secret("canary")
    assert "canary" not in f"{secret} {secret!r} {[secret]}"
    assert secret.reveal() == "canary"
    with pytest.raises(TypeError, match="pickled"):
        pickle.dumps(secret)


def test_secrets_compare_by_value_and_copy_to_themselves() -> None:
    secret = Secret("a")
    assert secret == Secret("a") != Secret("b")
    assert len({secret, Secret("a")}) == 1
    assert copy.deepcopy(secret) is secret
    assert not Secret("")


@pytest.mark.parametrize("depth", [10, 300, 600, 990, 5000])
def test_excerpt_of_a_deeply_nested_body_is_still_redacted(depth) -> None:
    shown = excerpt(b'{"access_token": "canary", "a": ' * depth + b"1" + b"}" * depth)
    assert len(shown) <= 500
    assert "canary" not in shown


def test_excerpt_of_a_huge_body_is_redacted_by_pattern() -> None:
    shown = excerpt(b'{"password": "canary", "pad": "' + b"x" * 100_000 + b'"}')
    assert shown.startswith('{"password": ***')


@given(st.text(st.sampled_from("aB1 @.:=-_/\"'") | st.characters(), max_size=60))
def test_text_that_is_not_looked_at_holds_nothing_private(text) -> None:
    every = text
    for pattern, replacement in _PATTERNS:
        every = pattern.sub(replacement, every)
    assert redact_text(text) == every
