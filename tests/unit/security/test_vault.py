"""Do sealed secrets open in their own place with their own key, and nowhere else?"""

import pickle
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bursar.security.envelope import open_bytes, seal_bytes
from bursar.security.failures import BrokenSealError, UnknownKeyError, VaultError, WrongKeyError
from bursar.security.keys import DataKey, new_data_key
from bursar.security.vault import (
    SealContext,
    identity_hash,
    open_mapping,
    open_sealed,
    seal,
    seal_mapping,
    sealed_key_id,
)

KEY = new_data_key()
PLACE = SealContext(
    tenant_id=UUID(int=1), table="connection_credentials", column="sealed", row_id=UUID(int=2), provider_slug="plaid"
)
MARKER = "marker-of-a-secret"


@given(st.binary(max_size=300))
def test_sealed_bytes_open_in_their_place(plaintext: bytes) -> None:
    sealed = seal(plaintext, key=KEY, context=PLACE)

    assert open_sealed(sealed, key=KEY, context=PLACE) == plaintext
    assert sealed_key_id(sealed) == KEY.id


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=50), max_size=6))
def test_sealed_credentials_come_back_equal(credentials: dict[str, str]) -> None:
    assert open_mapping(seal_mapping(credentials, key=KEY, context=PLACE), key=KEY, context=PLACE) == credentials


def test_empty_credentials_become_a_ciphertext_of_their_own() -> None:
    first, second = (seal_mapping({}, key=KEY, context=PLACE) for _ in range(2))

    assert open_mapping(first, key=KEY, context=PLACE) == {}
    assert first != second
    assert b"{}" not in first


def test_plaintext_and_key_are_not_in_the_sealed_bytes() -> None:
    sealed = seal(MARKER.encode(), key=KEY, context=PLACE)

    assert MARKER.encode() not in sealed
    assert KEY.reveal() not in sealed


@pytest.mark.parametrize(
    "elsewhere",
    [
        replace(PLACE, tenant_id=UUID(int=9)),
        replace(PLACE, table="tenants"),
        replace(PLACE, column="other"),
        replace(PLACE, row_id=UUID(int=9)),
        replace(PLACE, provider_slug="schwab"),
        replace(PLACE, provider_slug=None),
        replace(PLACE, provider_slug=""),
        # The same characters, divided in another way between two members.
        replace(PLACE, table="connection_credentialss", column="ealed"),
    ],
)
def test_sealed_bytes_that_were_moved_do_not_open(elsewhere: SealContext) -> None:
    sealed = seal(b"secret", key=KEY, context=PLACE)

    with pytest.raises(BrokenSealError):
        open_sealed(sealed, key=KEY, context=elsewhere)


@given(st.binary(max_size=40), st.data())
def test_any_flipped_bit_is_refused(plaintext: bytes, data: st.DataObject) -> None:
    sealed = bytearray(seal(plaintext, key=KEY, context=PLACE))
    position = data.draw(st.integers(0, len(sealed) - 1))
    sealed[position] ^= 1 << data.draw(st.integers(0, 7))

    with pytest.raises(VaultError):
        open_sealed(bytes(sealed), key=KEY, context=PLACE)


def test_every_byte_of_the_envelope_is_guarded() -> None:
    sealed = seal(b"x", key=KEY, context=PLACE)

    for position in range(len(sealed)):
        damaged = sealed[:position] + bytes((sealed[position] ^ 0x01,)) + sealed[position + 1 :]
        with pytest.raises(VaultError):
            open_sealed(damaged, key=KEY, context=PLACE)


@given(st.binary(max_size=40), st.data())
def test_truncated_or_extended_bytes_are_refused(plaintext: bytes, data: st.DataObject) -> None:
    sealed = seal(plaintext, key=KEY, context=PLACE)
    kept = data.draw(st.integers(0, len(sealed) - 1))

    with pytest.raises(VaultError):
        open_sealed(sealed[:kept], key=KEY, context=PLACE)
    with pytest.raises(VaultError):
        open_sealed(sealed + b"\x00", key=KEY, context=PLACE)


@given(st.binary(max_size=200))
def test_bytes_from_anywhere_are_refused_with_a_typed_error(garbage: bytes) -> None:
    with pytest.raises(VaultError):
        open_sealed(garbage, key=KEY, context=PLACE)


def test_another_data_key_is_named_so_that_it_can_be_fetched() -> None:
    sealed = seal(b"secret", key=KEY, context=PLACE)

    with pytest.raises(UnknownKeyError) as caught:
        open_sealed(sealed, key=new_data_key(), context=PLACE)

    assert caught.value.key_id == KEY.id


def test_other_bytes_under_the_same_key_id_are_told_from_damage() -> None:
    sealed = seal(b"secret", key=KEY, context=PLACE)

    with pytest.raises(WrongKeyError):
        open_sealed(sealed, key=DataKey(KEY.id, new_data_key().reveal()), context=PLACE)


def test_new_data_key_seals_while_the_old_one_still_opens() -> None:
    old, new = new_data_key(), new_data_key()
    keys = {key.id: key for key in (old, new)}
    rows = [seal_mapping({"token": str(number)}, key=key, context=PLACE) for number, key in enumerate((old, new))]

    opened = [open_mapping(row, key=keys[sealed_key_id(row)], context=PLACE) for row in rows]

    assert opened == [{"token": "0"}, {"token": "1"}]


@pytest.mark.parametrize("content", [b"not json " + MARKER.encode(), b"[1]", b'{"a": 1}', b"\xff"])
def test_sealed_content_that_is_no_credentials_is_refused_without_showing_it(content: bytes) -> None:
    sealed = seal(content, key=KEY, context=PLACE)

    with pytest.raises(BrokenSealError) as caught:
        open_mapping(sealed, key=KEY, context=PLACE)

    assert MARKER not in str(caught.value)
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None


def test_key_shows_neither_itself_nor_lets_itself_be_pickled() -> None:
    assert KEY.id in repr(KEY)
    assert KEY.reveal().hex() not in repr(KEY)
    assert repr(KEY.reveal())[2:-1] not in repr(KEY)
    with pytest.raises(TypeError):
        pickle.dumps(KEY)


@pytest.mark.parametrize(("key_id", "size"), [("", 32), ("a b", 32), ("x" * 65, 32), ("k", 31), ("k", 33)])
def test_data_key_of_a_wrong_shape_is_refused(key_id: str, size: int) -> None:
    with pytest.raises(ValueError, match="data key"):
        DataKey(key_id, bytes(size))


def test_envelope_refuses_a_key_that_it_does_not_name() -> None:
    sealed = seal_bytes(b"x", key_id="a", key=KEY.reveal(), place=["p"])

    with pytest.raises(BrokenSealError):
        open_bytes(sealed, key_id="b", key=KEY.reveal(), place=["p"])


def test_identity_hash_is_stable_within_a_key_and_unrelated_between_keys() -> None:
    assert identity_hash(b"k" * 32, "DE89370400440532013000") == identity_hash(b"k" * 32, "DE89370400440532013000")
    assert identity_hash(b"k" * 32, "1") != identity_hash(b"l" * 32, "1")
    assert identity_hash(b"k" * 32, "1") != identity_hash(b"k" * 32, "2")
    assert len(identity_hash(b"k" * 32, str(uuid4()))) == 64


def test_identity_hash_is_hmac_sha256() -> None:
    # Source: RFC 4231, test case 6: a key of 131 bytes 0xaa.
    message = "Test Using Larger Than Block-Size Key - Hash Key First"

    assert identity_hash(b"\xaa" * 131, message) == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"


def test_identity_key_that_is_too_short_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        identity_hash(b"short", "1")
