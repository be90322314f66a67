"""Which transactions are wanted, in which order? (Every filter holds for every provider: rows are chosen here.)."""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Literal, TypedDict, TypeVar, cast, get_args

from bursar.banking.categories import is_category
from bursar.banking.exceptions import InvalidInputError
from bursar.models.transactions import Transaction

DEFAULT_WINDOW = timedelta(days=30)
DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 200

SortBy = Literal["date", "amount", "merchant", "signed_amount"]
SortOrder = Literal["asc", "desc"]
_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
T = TypeVar("T")


class TransactionFilters(TypedDict, total=False):
    """The keyword filters of `get_transactions` and `transactions`; all that are given must hold."""

    min_amount: Decimal | int | float | str
    """Least size of the amount, whatever its sign."""
    max_amount: Decimal | int | float | str
    merchant_name: str
    """A part of the merchant's name, in any case."""
    merchant: str
    """Another name of `merchant_name`."""
    category: str | Sequence[str]
    """A category's key or name, in any case; several (also in one text, with commas) mean any of them."""
    account_id: str
    exclude_pending: bool
    is_pending: bool
    """True: pending rows only; False: none of them."""
    sort_by: SortBy
    """`amount` sorts by size, as `min_amount` counts; `signed_amount` by value."""
    sort_order: SortOrder
    order: SortOrder
    """Another name of `sort_order`."""
    page: int
    """From 1. Without `page` and `page_size`, every row is returned."""
    page_size: int
    """1 to 200; 50 when only `page` is given."""
    per_page: int
    """Another name of `page_size`."""


_OTHER_NAMES = {"merchant": "merchant_name", "order": "sort_order", "per_page": "page_size"}
_NAMES = frozenset(TransactionFilters.__annotations__)


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionQuery:
    """What is wanted, checked: days inclusive, `end` None is open."""

    start: date
    end: date | None
    min_amount: Decimal | None = None
    max_amount: Decimal | None = None
    merchant_name: str | None = None
    categories: tuple[str, ...] = ()
    account_id: str | None = None
    pending: bool | None = None
    sort_by: SortBy = "date"
    sort_order: SortOrder = "desc"
    page: int | None = None
    page_size: int = DEFAULT_PAGE_SIZE

    @classmethod
    def of(
        cls,
        start_date: str | date | None,
        end_date: str | date | None,
        filters: Mapping[str, object],
        *,
        today: date,
    ) -> "TransactionQuery":
        """Check what was asked for; without dates, the last 30 days.

        Raises:
            InvalidInputError: one of them is not acceptable; nothing has been sent.
        """
        start, end = read_window(start_date, end_date, today=today)
        given = _canonical(filters)
        exclude, only = given.pop("exclude_pending", None), given.pop("is_pending", None)
        if exclude and only:
            raise InvalidInputError("exclude_pending and is_pending contradict each other.", field="is_pending")
        least, most = (
            _amount(given.pop("min_amount", None), "min_amount"),
            _amount(given.pop("max_amount", None), "max_amount"),
        )
        if least is not None and most is not None and least > most:
            raise InvalidInputError("min_amount is above max_amount.", field="min_amount")
        paged = "page" in given or "page_size" in given
        return cls(
            start=start,
            end=end,
            min_amount=least,
            max_amount=most,
            merchant_name=_text(given.get("merchant_name"), "merchant_name"),
            categories=_categories(given.get("category")),
            account_id=_text(given.get("account_id"), "account_id"),
            pending=False if exclude else cast("bool | None", only),
            sort_by=_choice(given.get("sort_by", "date"), SortBy, "sort_by"),
            sort_order=_choice(given.get("sort_order", "desc"), SortOrder, "sort_order"),
            page=_count(given.get("page", 1), "page", None) if paged else None,
            page_size=_count(given.get("page_size", DEFAULT_PAGE_SIZE), "page_size", MAX_PAGE_SIZE),
        )

    def choose(self, rows: Iterable[Transaction]) -> list[Transaction]:
        """Return the rows that match, in order; of all pages."""
        return self._sorted([row for row in rows if self._matches(row)])

    def cut(self, rows: list[Transaction]) -> list[Transaction]:
        """Return the page that is asked for; all rows when none is."""
        if self.page is None:
            return rows
        return rows[(self.page - 1) * self.page_size : self.page * self.page_size]

    def count_pages(self, total: int) -> int:
        """Return how many pages so many rows make."""
        return math.ceil(total / self.page_size)

    def _matches(self, row: Transaction) -> bool:
        size = abs(row.amount)
        return (
            self.start <= row.date
            and (self.end is None or row.date <= self.end)
            and (self.min_amount is None or size >= self.min_amount)
            and (self.max_amount is None or size <= self.max_amount)
            and (self.merchant_name is None or self.merchant_name.casefold() in (row.merchant_name or "").casefold())
            and (not self.categories or any(is_category(asked, row.category_path) for asked in self.categories))
            and (self.account_id is None or row.account_id == self.account_id)
            and (self.pending is None or row.pending is self.pending)
        )

    def _sorted(self, rows: list[Transaction]) -> list[Transaction]:
        """Equal rows by id, ascending either way; rows without a merchant last either way."""
        keys: dict[str, Callable[[Transaction], object]] = {
            "date": lambda row: row.date,
            "amount": lambda row: abs(row.amount),
            "signed_amount": lambda row: row.amount,
            "merchant": lambda row: (row.merchant_name or "").casefold(),
        }
        rows = sorted(rows, key=lambda row: (row.id, row.account_id))
        rows.sort(key=cast("Callable[[Transaction], date]", keys[self.sort_by]), reverse=self.sort_order == "desc")
        if self.sort_by == "merchant":
            rows.sort(key=lambda row: row.merchant_name is None)
        return rows


def read_window(start_date: str | date | None, end_date: str | date | None, *, today: date) -> tuple[date, date | None]:
    """Return the first and the last day, both inclusive; without a start, 30 days before the end or today.

    Raises:
        InvalidInputError: one is no date, or they are reversed.
    """
    end = None if end_date is None else read_day(end_date, "end_date")
    start = (end or today) - DEFAULT_WINDOW if start_date is None else read_day(start_date, "start_date")
    if end is None and start > today + timedelta(days=1):  # a bank's calendar can be a day ahead
        raise InvalidInputError(f"The start date {start} is in the future.", field="start_date")
    if end is not None and start > end:
        raise InvalidInputError(
            f"The start date {start} is after the end date {end}: exchange them.", field="start_date"
        )
    return start, end


def read_day(value: str | date, field: str) -> date:
    """Return a calendar date.

    Raises:
        InvalidInputError: it is not one, such as `2025-02-30` or `01/02/2025`.
    """
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str) and _ISO_DATE.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise InvalidInputError(f"{field} is not a date: write YYYY-MM-DD, such as 2025-01-31.", field=field)


def _canonical(filters: Mapping[str, object]) -> dict[str, object]:
    given: dict[str, object] = {}
    for name, value in filters.items():
        if name not in _NAMES:
            raise InvalidInputError(f"There is no filter {name!r}. There are: {', '.join(sorted(_NAMES))}.", field=name)
        if value is None:
            continue
        known = _OTHER_NAMES.get(name, name)
        if given.setdefault(known, value) != value:
            raise InvalidInputError(f"{name} is another name of {known}: give one of them.", field=name)
    return given


def _amount(value: object, field: str) -> Decimal | None:
    if value is None:
        return None
    try:
        amount = Decimal("NaN") if isinstance(value, bool) else Decimal(str(value))
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount < 0:
        raise InvalidInputError(f"{field} is a size: a number from 0, without a sign.", field=field)
    return amount


def _text(value: object, field: str) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip():
        raise InvalidInputError(f"{field} is a text of at least one character.", field=field)
    return value.strip()


def _categories(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    texts = [value] if isinstance(value, str) else list(cast("Iterable[object]", value))
    words = [word.strip() for text in texts for word in str(text).split(",")]
    if not any(words):
        raise InvalidInputError("category is a name or a list of names.", field="category")
    return tuple(word for word in words if word)


def _choice(value: object, kind: object, field: str) -> T:  # pyright: ignore[reportInvalidTypeVarUse] - T is what the caller asks for
    choices = get_args(kind)
    if value not in choices:
        raise InvalidInputError(f"{field} is one of {', '.join(choices)}.", field=field)
    return cast("T", value)


def _count(value: object, field: str, most: int | None) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1 or (most is not None and value > most):
        raise InvalidInputError(f"{field} is a whole number from 1{f' to {most}' if most else ''}.", field=field)
    return value


@dataclass(frozen=True, slots=True)
class TransactionPage:
    """One page of the rows that match, and how many match in all."""

    rows: list[Transaction] = field(repr=False)
    total: int
    page: int
    page_size: int
    total_pages: int
