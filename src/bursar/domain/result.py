"""How does a public function say that it succeeded or failed, without raising?"""

from dataclasses import dataclass
from typing import Generic, Literal, TypeAlias, TypeVar

T = TypeVar("T", covariant=True)
E = TypeVar("E", covariant=True)


@dataclass(frozen=True, slots=True)
class Success(Generic[T]):
    """The outcome of a call that worked; `value` is its result."""

    value: T

    def is_success(self) -> Literal[True]:
        """True, so that callers may branch without `isinstance`."""
        return True

    def is_failure(self) -> Literal[False]:
        """False."""
        return False


@dataclass(frozen=True, slots=True)
class Failure(Generic[E]):
    """The outcome of a call that did not work; `error` says what happened and what to do."""

    error: E

    def is_success(self) -> Literal[False]:
        """False, so that callers may branch without `isinstance`."""
        return False

    def is_failure(self) -> Literal[True]:
        """True."""
        return True


Result: TypeAlias = Success[T] | Failure[E]
