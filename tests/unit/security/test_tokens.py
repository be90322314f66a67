"""Do tokens and cursors prove what they must, and break when touched?"""

import base64
from hashlib import sha256
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bursar.security.tokens import CursorError, digest_token, new_token, parse_token, sign_cursor, verify_cursor

KEY = b"c" * 32
TENANT = UUID(int=7)


def test_new_token_is_recognised_by_its_digest() -> None:
    token = new_token()

    presented = parse_token(token.text)

    assert presented is not None
    assert presented.id == token.id
    assert presented.matches(token.digest)
    assert not presented.matches(new_token().digest)
    assert token.digest == sha256(token.text.encode()).digest()


def test_token_carries_its_id_and_a_256_bit_secret_without_underscores() -> None:
    token = new_token()
    name, token_id, secret = token.text.split("_")

    assert (name, token_id) == ("bursar", token.id.hex)
    assert len(base64.b32decode(secret.upper() + "====")) == 32


def test_tokens_show_no_secret() -> None:
    token = new_token()

    assert token.text.rsplit("_", 1)[1] not in repr(token)
    assert repr(token.digest) not in repr(parse_token(token.text))


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[:-1],
        lambda text: text + "a",
        lambda text: text + "\n",
        lambda text: " " + text,
        lambda text: text.upper(),
        lambda text: text.replace("bursar_", "other_"),
        lambda text: text.replace("_", "-"),
        lambda text: "",
    ],
)
def test_text_without_the_form_of_a_token_is_none(change) -> None:
    assert parse_token(change(new_token().text)) is None


@given(st.text(max_size=120))
def test_any_text_is_read_without_an_error(text: str) -> None:
    assert parse_token(text) is None


def test_every_change_of_the_text_changes_the_digest() -> None:
    text = new_token().text

    assert digest_token(text[:-1] + ("a" if text[-1] != "a" else "b")) != digest_token(text)


@given(st.binary(max_size=200))
def test_cursor_brings_its_payload_back(payload: bytes) -> None:
    text = sign_cursor(payload, key=KEY, tenant_id=TENANT)

    assert verify_cursor(text, key=KEY, tenant_id=TENANT) == payload
    assert set(text) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


@given(st.binary(max_size=60), st.data())
def test_cursor_with_any_other_character_is_refused(payload: bytes, data: st.DataObject) -> None:
    text = sign_cursor(payload, key=KEY, tenant_id=TENANT)
    position = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from("AZaz09-_=+ \n").filter(lambda letter: letter != text[position]))

    with pytest.raises(CursorError):
        verify_cursor(text[:position] + other + text[position + 1 :], key=KEY, tenant_id=TENANT)


def test_cursor_in_another_spelling_of_the_same_bytes_is_refused() -> None:
    text = sign_cursor(b"x", key=KEY, tenant_id=TENANT)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    other = text[:-1] + letters[letters.index(text[-1]) + 1]
    assert base64.urlsafe_b64decode(other + "==") == base64.urlsafe_b64decode(text + "==")

    with pytest.raises(CursorError):
        verify_cursor(other, key=KEY, tenant_id=TENANT)
    with pytest.raises(CursorError):
        verify_cursor(text + "==", key=KEY, tenant_id=TENANT)


@given(st.text(max_size=200))
def test_cursor_from_anywhere_is_refused(text: str) -> None:
    with pytest.raises(CursorError):
        verify_cursor(text, key=KEY, tenant_id=TENANT)


def test_cursor_of_another_tenant_or_key_is_refused() -> None:
    text = sign_cursor(b"page", key=KEY, tenant_id=TENANT)

    with pytest.raises(CursorError):
        verify_cursor(text, key=KEY, tenant_id=UUID(int=8))
    with pytest.raises(CursorError):
        verify_cursor(text, key=b"d" * 32, tenant_id=TENANT)


def test_cursor_of_the_greatest_payload_is_taken_and_nothing_beyond() -> None:
    greatest = sign_cursor(b"x" * 2048, key=KEY, tenant_id=TENANT)

    assert verify_cursor(greatest, key=KEY, tenant_id=TENANT) == b"x" * 2048
    with pytest.raises(CursorError):
        verify_cursor(greatest + "A" * 4, key=KEY, tenant_id=TENANT)
    with pytest.raises(ValueError, match="2048"):
        sign_cursor(b"x" * 2049, key=KEY, tenant_id=TENANT)


def test_cursor_key_that_is_too_short_is_refused() -> None:
    with pytest.raises(ValueError, match="cursor key"):
        sign_cursor(b"", key=b"short", tenant_id=TENANT)
