"""What can go wrong with keys and seals, and what does the operator do about it?

Messages name keys by their ids and never show a key, a plaintext or a piece of either.
"""


class VaultError(Exception):
    """The base of everything that the vault refuses."""


class MasterKeysError(VaultError):
    """The master keys cannot be read: a missing, malformed or unprotected key file, or a malformed setting."""


class UnknownKeyError(VaultError):
    """The bytes name a key that is not here; `key_id` says which one to bring back."""

    def __init__(self, key_id: str, hint: str) -> None:
        super().__init__(f"key {key_id!r} is not known here: {hint}")
        self.key_id = key_id


class WrongKeyError(VaultError):
    """A key of the right id is not the key that was used: a key file was replaced instead of extended."""

    def __init__(self, key_id: str) -> None:
        super().__init__(
            f"the key with id {key_id!r} is another one than was used: restore the key file from its backup; "
            "new keys get new ids and stand beside the old ones"
        )
        self.key_id = key_id


class BrokenSealError(VaultError):
    """The bytes were damaged, or moved here from another tenant, table, column, row or provider."""

    def __init__(self) -> None:
        super().__init__(
            "sealed bytes do not belong to this place or are damaged: restore the row, or connect the account again"
        )
