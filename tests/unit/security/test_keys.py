"""Are master keys read, made and rotated without losing or showing anything?"""

import base64
import multiprocessing
import pickle
import stat
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bursar.security.failures import BrokenSealError, MasterKeysError, UnknownKeyError, WrongKeyError
from bursar.security.keys import (
    DataKey,
    KeyContext,
    MasterKeys,
    master_key_id,
    new_data_key,
    new_master_key_entry,
)
from bursar.security.vault import SealContext, open_sealed, seal

CONTEXT = KeyContext(tenant_id=UUID(int=1), purpose="data")
OLD, NEW = ("old", b"o" * 32), ("new", b"n" * 32)


def entry(key: tuple[str, bytes]) -> str:
    return f"{key[0]}:{base64.b64encode(key[1]).decode()}"


def test_wrapped_data_key_comes_back_and_shows_which_master_key_it_needs() -> None:
    ring = MasterKeys([OLD])
    key = new_data_key()

    wrapped = ring.wrap(key, context=CONTEXT)

    assert master_key_id(wrapped) == "old"
    assert key.reveal() not in wrapped
    assert ring.unwrap(wrapped, key_id=key.id, context=CONTEXT).reveal() == key.reveal()


@given(st.lists(st.binary(max_size=30), min_size=1, max_size=4))
def test_rotation_keeps_everything_readable_after_the_old_master_key_is_gone(secrets: list[bytes]) -> None:
    place = SealContext(tenant_id=CONTEXT.tenant_id, table="t", column="c", row_id="r")
    before, during, after = MasterKeys([OLD]), MasterKeys([NEW, OLD]), MasterKeys([NEW])
    keys = [new_data_key() for _ in secrets]
    stored = [(key.id, before.wrap(key, context=CONTEXT)) for key in keys]
    sealed = [seal(secret, key=key, context=place) for secret, key in zip(secrets, keys, strict=True)]

    # Interrupted in the middle, and started again: half of the keys pass twice.
    half = [(key_id, during.rewrap(wrapped, key_id=key_id, context=CONTEXT)) for key_id, wrapped in stored[::2]]
    stored[::2] = half
    stored = [(key_id, during.rewrap(wrapped, key_id=key_id, context=CONTEXT)) for key_id, wrapped in stored]

    opened = [
        open_sealed(data, key=after.unwrap(wrapped, key_id=key_id, context=CONTEXT), context=place)
        for data, (key_id, wrapped) in zip(sealed, stored, strict=True)
    ]
    assert opened == secrets
    assert {master_key_id(wrapped) for _, wrapped in stored} == {"new"}


def test_key_that_is_under_the_current_master_key_is_not_wrapped_again() -> None:
    ring = MasterKeys([NEW, OLD])
    key = new_data_key()
    wrapped = ring.wrap(key, context=CONTEXT)

    assert ring.rewrap(wrapped, key_id=key.id, context=CONTEXT) == wrapped


def test_missing_master_key_is_named_with_what_to_do() -> None:
    key = new_data_key()
    wrapped = MasterKeys([OLD]).wrap(key, context=CONTEXT)

    with pytest.raises(UnknownKeyError, match="add the master key") as caught:
        MasterKeys([NEW]).unwrap(wrapped, key_id=key.id, context=CONTEXT)

    assert caught.value.key_id == "old"


def test_replaced_master_key_under_the_same_id_is_told_from_damage() -> None:
    key = new_data_key()
    wrapped = MasterKeys([OLD]).wrap(key, context=CONTEXT)

    with pytest.raises(WrongKeyError, match="backup"):
        MasterKeys([("old", b"x" * 32)]).unwrap(wrapped, key_id=key.id, context=CONTEXT)


@pytest.mark.parametrize(
    "context",
    [replace(CONTEXT, tenant_id=UUID(int=2)), replace(CONTEXT, purpose="identity")],
    ids=["tenant", "purpose"],
)
def test_wrapped_key_opens_for_its_own_tenant_and_purpose_only(context: KeyContext) -> None:
    ring, key = MasterKeys([OLD]), new_data_key()
    wrapped = ring.wrap(key, context=CONTEXT)

    with pytest.raises(BrokenSealError):
        ring.unwrap(wrapped, key_id=key.id, context=context)
    with pytest.raises(BrokenSealError):
        ring.unwrap(wrapped, key_id=new_data_key().id, context=CONTEXT)


def test_ring_from_text_takes_the_first_key_as_current() -> None:
    ring = MasterKeys.from_text(f"# a comment\n{entry(NEW)}, {entry(OLD)}\n")

    assert (ring.current_id, ring.ids) == ("new", ("new", "old"))
    key = new_data_key()
    wrapped = MasterKeys([NEW]).wrap(key, context=CONTEXT)
    assert ring.unwrap(wrapped, key_id=key.id, context=CONTEXT).reveal() == key.reveal()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing",
        "no-colon",
        "id:%%%",
        f"id:{base64.b64encode(b'short').decode()}",
        f"two words:{base64.b64encode(b'x' * 32).decode()}",
        f"{entry(OLD)},{entry(OLD)}",
        f"id:{'é' * 44}",
    ],
)
def test_malformed_ring_is_refused_without_showing_keys(text: str) -> None:
    with pytest.raises(MasterKeysError) as caught:
        MasterKeys.from_text(text)

    encoded = text.partition(":")[2]
    assert not encoded or encoded not in str(caught.value)
    assert caught.value.__cause__ is None


def test_ring_shows_ids_only_and_is_not_pickled() -> None:
    ring = MasterKeys([NEW, OLD])

    assert repr(ring) == "MasterKeys(current='new', ids=('new', 'old'))"
    with pytest.raises(TypeError):
        pickle.dumps(ring)


def test_key_file_is_created_once_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "master.keys"

    first = MasterKeys.from_file(path, may_create=True)
    second = MasterKeys.from_file(path, may_create=True)

    assert first.ids == second.ids
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["master.keys"]
    key = new_data_key()
    wrapped = first.wrap(key, context=CONTEXT)
    assert second.unwrap(wrapped, key_id=key.id, context=CONTEXT).reveal() == key.reveal()


def _first_start(path: Path) -> str:
    return MasterKeys.from_file(path, may_create=True).current_id


def test_processes_that_start_together_agree_on_one_key(tmp_path: Path) -> None:
    path = tmp_path / "master.keys"

    with multiprocessing.get_context("spawn").Pool(4) as pool:
        ids = pool.map(_first_start, [path] * 8, chunksize=1)

    assert set(ids) == {MasterKeys.from_file(path).current_id}


def test_missing_key_file_is_not_replaced_by_a_new_key_unless_allowed(tmp_path: Path) -> None:
    with pytest.raises(MasterKeysError, match="backup"):
        MasterKeys.from_file(tmp_path / "master.keys")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o620, 0o602])
def test_key_file_that_others_may_open_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "master.keys"
    path.write_text(entry(OLD))
    path.chmod(mode)

    with pytest.raises(MasterKeysError, match="chmod 600"):
        MasterKeys.from_file(path)


def test_key_file_of_a_service_group_is_read(tmp_path: Path) -> None:
    path = tmp_path / "master.keys"
    path.write_text(entry(OLD))
    path.chmod(0o440)

    assert MasterKeys.from_file(path).ids == ("old",)


def test_key_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "master.keys"
    path.write_bytes(b"\xff\xfe")
    path.chmod(0o600)

    with pytest.raises(MasterKeysError, match="cannot be read"):
        MasterKeys.from_file(path)


def test_new_entries_are_keys_of_their_own() -> None:
    ring = MasterKeys.from_text(",".join(new_master_key_entry() for _ in range(3)))

    assert len(set(ring.ids)) == 3


def test_data_keys_are_never_the_same_twice() -> None:
    keys = [new_data_key() for _ in range(50)]

    assert len({key.id for key in keys}) == 50
    assert len({key.reveal() for key in keys}) == 50
    assert all(isinstance(key, DataKey) for key in keys)
