"""How is a token passed on as a plain string without showing itself?"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, NoReturn, cast

from pydantic import AfterValidator, StringConstraints

from bursar.transport.redaction import MASK

# Shorter texts are words rather than secrets: masking them would blacken ordinary answers.
_SHORTEST_SECRET = 4


class SecretText(str):
    """A `str` in every respect, except that `repr` shows a mask and pickling is refused.

    Models print, log and fail with the mask; sending it, comparing it and `str()` give the text itself.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return f"'{MASK}'"

    def __copy__(self) -> "SecretText":
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> "SecretText":
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret is not pickled: keep it in a vault instead")


SecretField = Annotated[str, StringConstraints(strip_whitespace=False), AfterValidator(SecretText)]
"""A field whose text is opaque (never stripped) and masked by `repr`."""


def mask_secrets(value: Any, secrets: Iterable[str]) -> Any:
    """Return a copy of decoded JSON in whose texts every known secret is masked; nothing else changes."""
    known = sorted((secret for secret in secrets if len(secret) >= _SHORTEST_SECRET), key=len, reverse=True)
    return _masked(value, known) if known else value


def _masked(value: Any, secrets: list[str]) -> Any:
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, MASK)
        return value
    if isinstance(value, Mapping):
        members = cast("Mapping[str, Any]", value)
        return {_masked(key, secrets): _masked(member, secrets) for key, member in members.items()}
    if isinstance(value, list):
        return [_masked(item, secrets) for item in cast("list[Any]", value)]
    return value
