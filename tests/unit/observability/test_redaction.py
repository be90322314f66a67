"""Is what must not be in a log masked, by name and by looks, and the rest left readable?"""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bursar.observability.redaction import MAX_CHARACTERS, clean_text, clean_value
from bursar.security.tokens import new_token

ID = "019aa1b2-0000-7000-8000-123456789012"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("token access-sandbox-12345678-90ab-cdef-1234-567890abcdef given", "567890abcdef"),
        ("public-production-12345678-90ab-cdef-1234-567890abcdef", "567890abcdef"),
        ("link-sandbox-12345678-90ab-cdef-1234-567890abcdef", "567890abcdef"),
        ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "eyJzdWIi"),
        ("paid to DE89370400440532013000", "37040044053201"),
        ("paid to DE89 3704 0044 0532 0130 00", "3704 0044"),
        ("account 12345678 closed", "12345678"),
        ("card 4111111111111111", "411111111111"),
        ("card 4111 1111 1111 1111", "1111 1111"),
        ("reference 123456789012345678901234567890", "12345678901234567890"),
        ("key sk_live_abcdefgh12345", "abcdefgh"),
        ("secret whsec_abcdefgh12345", "abcdefgh"),
        ("postgresql://bursar:hunter2@localhost/ledger", "hunter2"),
        ("Authorization: Bearer abc.def", "abc.def"),
        ("mail to jane.doe@example.com", "jane.doe"),
        ("-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----", "MIIE"),
        (f"{ID} has 98765432101", "98765432101"),
    ],
)
def test_text_that_looks_secret_is_masked(text: str, secret: str) -> None:
    assert secret not in clean_text(text)


def test_our_own_tokens_are_masked() -> None:
    token = new_token().text

    assert clean_text(f"got {token}.") == "got ***."


def test_last_four_digits_stay_to_tell_accounts_apart() -> None:
    assert clean_text("account 12345678901") == "account ****8901"
    assert clean_value(12345678901) == "****8901"


@pytest.mark.parametrize(
    "text", [f"connection {ID} synced", "3 rows in 1500 ms", "2026-11-21T03:07:45Z", "on 2026-11-21 12.50 USD", ""]
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert clean_text(text) == text


@pytest.mark.parametrize(
    "name",
    "authorization cookie set-cookie password client_secret access_token api_key apikey code iban account_number "
    "accountNumber email private_key credentials otp pin ssn Passphrase".split(),
)
def test_value_under_a_sensitive_name_is_masked_whatever_it_is(name: str) -> None:
    assert clean_value("x", name=name) == "***"
    assert clean_value({"deep": [{name: 5}]}) == {"deep": [{name: "***"}]}


def test_names_that_only_look_sensitive_stay_readable() -> None:
    context = {"error_code": "rate_limited", "status_code": 503, "currency_code": "USD", "key_id": "m1", "token_id": ID}

    assert clean_value(context) == context


def test_absent_value_under_a_sensitive_name_shows_that_it_is_absent() -> None:
    assert clean_value(None, name="refresh_token") is None


def test_counts_and_sizes_stay_numbers() -> None:
    counts = {"bytes": 123456789, "duration_ms": 99999999, "rows_count": 10**12}

    assert clean_value(counts) == counts
    assert clean_value(2**70, name="bytes") == "<number>"


def test_names_of_members_are_cleaned_too() -> None:
    assert clean_value({"12345678901": "open"}) == {"****8901": "open"}


def test_request_id_stays_whole_to_be_found_but_not_as_a_token() -> None:
    assert clean_value("20261121030745001", name="request_id") == "20261121030745001"
    assert clean_value(new_token().text, name="request_id") == "***"


def test_ids_are_text() -> None:
    assert clean_value(UUID(ID)) == ID


def test_depth_and_size_are_bounded() -> None:
    loop: dict[str, object] = {}
    loop["again"] = loop

    assert "<nested too deep>" in str(clean_value(loop))
    assert clean_value(list(range(105)))[100:] == ["5 more"]
    assert len(clean_value({str(number): 0 for number in range(500)})) == 101
    assert len(clean_text("word " * 10_000)) == MAX_CHARACTERS + 3


def test_secret_across_the_cut_does_not_show() -> None:
    token = new_token().text
    for lead in range(MAX_CHARACTERS - 100, MAX_CHARACTERS + 1, 7):
        assert token[-20:] not in clean_text(" " * lead + token)
        assert token[7:27] not in clean_text(" " * lead + token)


@given(st.text(max_size=500))
def test_cleaning_never_fails_whatever_the_text(text: str) -> None:
    once = clean_text(text)

    assert len(once) <= 4 * len(text) + 4
    assert isinstance(clean_value(text, name="message"), str)


@pytest.mark.parametrize("part", ["eyJ-", "1 ", "a@", "DE89", "x://", "-----BEGIN ", "access-a-", "1a Aa "])
def test_hostile_text_is_cleaned_to_a_bounded_one(part: str) -> None:
    assert len(clean_text(part * (16_000 // len(part)))) <= MAX_CHARACTERS + 3
