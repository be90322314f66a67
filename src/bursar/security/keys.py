"""Where do the master keys come from, and how are data keys kept under them?

A tenant's data key is stored wrapped under a master key; the master key is in a file or a secret store, never in the
database. To rotate: put a new master key in front, re-wrap every data key, then take the old one out.
"""

import base64
import binascii
import hmac
import os
import secrets
import stat
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import NoReturn, Self
from uuid import UUID, uuid4

from bursar.security.envelope import KEY_BYTES, is_key_id, open_bytes, read_key_id, seal_bytes
from bursar.security.failures import MasterKeysError, UnknownKeyError


class DataKey:
    """A key of one tenant that seals its secrets or hashes its identities; it does not show itself."""

    __slots__ = ("_secret", "id")

    def __init__(self, key_id: str, secret: bytes) -> None:
        if not is_key_id(key_id) or len(secret) != KEY_BYTES:
            raise ValueError(f"a data key has an id of letters and digits and {KEY_BYTES} bytes")
        self.id = key_id
        self._secret = secret

    def reveal(self) -> bytes:
        """The key's bytes: for a cipher or a hash, never for a message."""
        return self._secret

    def __repr__(self) -> str:
        return f"DataKey({self.id!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key is not pickled: wrap it under a master key instead")


def new_data_key() -> DataKey:
    """Return a fresh key with a fresh id."""
    return DataKey(uuid4().hex, secrets.token_bytes(KEY_BYTES))


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyContext:
    """Whose data key this is and what for; a wrapped key opens in no other context."""

    tenant_id: UUID
    purpose: str
    """`data` (sealing) or `identity` (hashing)."""

    def place(self, key_id: str) -> tuple[str, ...]:
        """Return what the wrapped bytes are bound to."""
        return ("data key", str(self.tenant_id), self.purpose, key_id)


class MasterKeys:
    """The ring of master keys: the first one wraps, all of them unwrap. It shows ids only."""

    __slots__ = ("_keys", "current_id")

    def __init__(self, keys: Sequence[tuple[str, bytes]]) -> None:
        if not keys:
            raise MasterKeysError("there is no master key")
        for key_id, secret in keys:
            if not is_key_id(key_id):
                raise MasterKeysError("the id of a master key has 1 to 64 letters, digits, '-' and '_'")
            if len(secret) != KEY_BYTES:
                raise MasterKeysError(f"master key {key_id!r} has {len(secret)} bytes instead of {KEY_BYTES}")
        self._keys: Mapping[str, bytes] = dict(keys)
        if len(self._keys) != len(keys):
            raise MasterKeysError("two master keys have the same id: new keys get new ids")
        self.current_id = keys[0][0]

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read `id1:base64,id2:base64` (or one a line, `#` starts a comment line); the first one is current.

        Raises:
            MasterKeysError: the text is malformed; the message says which entry, and never its key.
        """
        entries = [
            entry.strip()
            for line in text.splitlines()
            if not line.lstrip().startswith("#")
            for entry in line.split(",")
            if entry.strip()
        ]
        keys: list[tuple[str, bytes]] = []
        for number, entry in enumerate(entries, start=1):
            key_id, _, encoded = entry.partition(":")
            try:
                keys.append((key_id.strip(), base64.b64decode(encoded.strip(), altchars=b"-_", validate=True)))
            except (binascii.Error, ValueError):
                raise MasterKeysError(f"master key entry {number} is not of the form id:base64") from None
        return cls(keys)

    @classmethod
    def from_file(cls, path: Path, *, may_create: bool = False) -> Self:
        """Read the ring from a file, or create the file with one new key when it is missing and that is allowed.

        Processes that start together agree on one key: the file appears whole or not at all, and the first one wins.

        Raises:
            MasterKeysError: the file is missing, malformed, or may be read by everybody or written by others.
        """
        if may_create and not path.exists():
            _create_key_file(path)
        try:
            with path.open(encoding="ascii") as file:
                mode = os.fstat(file.fileno()).st_mode
                text = file.read()
        except FileNotFoundError:
            raise MasterKeysError(f"no key file at {path}: restore it from its backup") from None
        except (OSError, UnicodeDecodeError):
            raise MasterKeysError(f"the key file {path} cannot be read") from None
        if stat.S_IMODE(mode) & (stat.S_IRWXO | stat.S_IWGRP):
            raise MasterKeysError(f"the key file {path} is open to others: chmod 600 it, and rotate if it was read")
        return cls.from_text(text)

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of all keys, the current one first."""
        return tuple(self._keys)

    def wrap(self, key: DataKey, *, context: KeyContext) -> bytes:
        """Return a data key sealed under the current master key, for storage."""
        return seal_bytes(
            key.reveal(), key_id=self.current_id, key=self._keys[self.current_id], place=context.place(key.id)
        )

    def unwrap(self, wrapped: bytes, *, key_id: str, context: KeyContext) -> DataKey:
        """Return the data key `key_id` from its stored form.

        Raises:
            UnknownKeyError: its master key is not in the ring.
            WrongKeyError: the ring has another master key under that id.
            BrokenSealError: the bytes are damaged or belong to another key, tenant or purpose.
        """
        master_id = read_key_id(wrapped)
        master = self._keys.get(master_id)
        if master is None:
            raise UnknownKeyError(master_id, "add the master key of that id to the ring again, behind the current one")
        return DataKey(key_id, open_bytes(wrapped, key_id=master_id, key=master, place=context.place(key_id)))

    def derive(self, purpose: bytes) -> bytes:
        """Return a key for another purpose, made from the current master key; it changes when that one does."""
        return hmac.new(self._keys[self.current_id], b"bursar derived key\x00" + purpose, sha256).digest()

    def rewrap(self, wrapped: bytes, *, key_id: str, context: KeyContext) -> bytes:
        """Return the same data key under the current master key; what it sealed stays as it is.

        Bytes that are under the current master key already come back unchanged. Raises what `unwrap` raises.
        """
        key = self.unwrap(wrapped, key_id=key_id, context=context)
        return wrapped if read_key_id(wrapped) == self.current_id else self.wrap(key, context=context)

    def __repr__(self) -> str:
        return f"MasterKeys(current={self.current_id!r}, ids={self.ids!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("master keys are not pickled: each process reads its own key file")


def master_key_id(wrapped: bytes) -> str:
    """Return the id of the master key that a data key is wrapped under.

    Raises:
        BrokenSealError: these are no wrapped bytes.
    """
    return read_key_id(wrapped)


def new_master_key_entry() -> str:
    """Return an `id:base64` entry with a fresh key, to be put in front of a key file or setting."""
    return f"m{secrets.token_hex(4)}:{base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()}"


def _create_key_file(path: Path) -> None:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(
                f"# Master keys, the first is current. Without this file no credential opens: back it up.\n"
                f"{new_master_key_entry()}\n"
            )
            file.flush()
            os.fsync(file.fileno())
        # A link fails where a rename would replace the key of a process that was faster.
        with suppress(FileExistsError):
            os.link(draft, path)
    except OSError:
        raise MasterKeysError(f"the key file {path} cannot be created") from None
    finally:
        draft.unlink(missing_ok=True)
