"""What is one page of a listing?"""

from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class InvalidItem:
    """An item that does not fit its model; its neighbours do.

    Attributes:
        path: of the endpoint.
        index: position in its page, from 0.
        fields: dotted paths of what did not fit, from the listing on, such as `items.3.amount`.
        raw: the item as it was sent: personal data, keep it out of logs.
    """

    path: str
    index: int
    fields: tuple[str, ...]
    raw: Any = field(repr=False)


@dataclass
class PagedResponse(Generic[T]):
    """One page; `next_page_token` asks for the next, None after the last."""

    items: list[T]
    next_page_token: str | None

    def __post_init__(self) -> None:
        # Flanks may end a listing with an empty text as well as with null.
        self.next_page_token = self.next_page_token or None

    def has_next(self) -> bool:
        """Whether there is another page."""
        return bool(self.next_page_token)
