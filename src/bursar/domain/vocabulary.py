"""How does a closed list of words meet a world that keeps inventing new ones?"""

from collections.abc import Callable
from enum import StrEnum
from typing import Self

UnmappedObserver = Callable[[str, str], None]
_observers: list[UnmappedObserver] = []


def observe_unmapped(observer: UnmappedObserver) -> None:
    """Call `observer(enum name, value)` for each word that fell back; metrics subscribe here once per process."""
    _observers.append(observer)


class Vocabulary(StrEnum):
    """A string enum with lower-case values, read case-insensitively, with aliases and, where one exists, a fallback.

    `AccountType("CHECKING")` is `AccountType.CHECKING`. An unknown word becomes the fallback of the enum and is
    reported to the observers; an enum without fallback raises ValueError. A mapping that must tell "unknown" from
    the fallback asks `lookup` first.
    """

    @classmethod
    def values(cls) -> list[str]:
        """Return every value, in order of definition."""
        return [member.value for member in cls]

    @classmethod
    def is_valid(cls, text: str) -> bool:
        """True when the text names a member or an alias, in any case."""
        return cls.lookup(text) is not None

    @classmethod
    def lookup(cls, text: str) -> Self | None:
        """Return the member that the text names, in any case, or None; never the fallback."""
        word = text.strip().lower()
        word = cls.aliases().get(word, word)
        member = cls._value2member_map_.get(word)
        return member if isinstance(member, cls) else None

    @classmethod
    def aliases(cls) -> dict[str, str]:
        """Return other spellings (lower case) and the value that each stands for."""
        return {}

    @classmethod
    def fallback(cls) -> Self | None:
        """Return the member for words that nobody knows, or None when an unknown word is an error."""
        return None

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        found = cls.lookup(value)
        if found is not None:
            return found
        fallback = cls.fallback()
        if fallback is not None:
            for observer in _observers:
                observer(cls.__name__, value)
        return fallback
