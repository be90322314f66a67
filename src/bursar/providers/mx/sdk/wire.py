"""What does every listing of MX's have?"""

from collections.abc import Iterable
from typing import Generic, TypeVar

from bursar.transport.rows import RejectedRow, RowsAnswer, WireModel


class Pagination(WireModel, frozen=True, kw_only=True, gc=False):
    """Where a page stands in its listing; pages count from 1."""

    current_page: int
    per_page: int
    total_entries: int
    total_pages: int


class Page(RowsAnswer, frozen=True, kw_only=True, gc=False):
    """The base of every page of a listing; `row_members` names its one list."""

    pagination: Pagination


Row = TypeVar("Row")


class Rows(list[Row], Generic[Row]):
    """A whole listing; what was there and could not be read is in `rejected`: count it, never treat it as absent."""

    def __init__(self, rows: Iterable[Row] = (), rejected: Iterable[RejectedRow] = ()) -> None:
        super().__init__(rows)
        self.rejected = list(rejected)
