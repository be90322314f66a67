"""What holds for every file, every overlap, every order and every feed, not only for the cases somebody thought of?"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bursar.domain.evidence import IdTrust
from bursar.domain.transactions import ProviderTransactionData
from bursar.testing import MemoryLedger

START = date(2026, 3, 2)
DAYS = 12
TRUSTS = list(IdTrust)

Rows = list[ProviderTransactionData]


def make(name: str | None, day: int, amount: Decimal, text: str, **members) -> ProviderTransactionData:
    return ProviderTransactionData(
        provider_account_id="account",
        provider_transaction_id=name,
        transaction_type="payment",
        subtype="purchase",
        amount=amount,
        currency="USD",
        transaction_date=START + timedelta(days=day),
        description=text,
        **members,
    )


@dataclass(frozen=True)
class Account:
    """What happened on an account, and how its bank numbers rows in the files it writes."""

    events: tuple[tuple[int, Decimal, str], ...]
    """(day, amount, text), in booking order; equal ones are different events."""
    numbering: str

    def file(self, first: int, last: int) -> Rows:
        """The statement of some days, both included."""
        rows: Rows = []
        running: Counter[int] = Counter()
        for number, (day, amount, text) in enumerate(self.events):
            running[day] += 1
            if first <= day <= last:
                rows.append(make(self._name(number, day, running[day]), day, amount, text))
        return rows

    def whole(self) -> Rows:
        return self.file(0, DAYS)

    def _name(self, number: int, day: int, running: int) -> str | None:
        if self.numbering == "unique":
            return f"U{number}"
        if self.numbering == "missing":
            return None
        if self.numbering == "shared":
            return f"S{number // 2}"
        if self.numbering == "reused":
            return f"R{number % 5}"
        if self.numbering == "dated":
            return f"2026{day:02}{running}"
        # Some rows have an id of their own and some none at all.
        return f"M{number}" if number % 2 else None


def multiset(rows: Sequence[ProviderTransactionData]) -> Counter[tuple[date, Decimal]]:
    return Counter((row.transaction_date, row.amount) for row in rows)


def imported(files: Sequence[Rows], trust: IdTrust) -> MemoryLedger:
    ledger = MemoryLedger(trust)
    for rows in files:
        ledger.take(rows, is_file=True)
    return ledger


amounts = st.sampled_from([Decimal("-3.50"), Decimal("-3.5"), Decimal(-12), Decimal("100.00")])
texts = st.sampled_from(["COFFEE", "coffee ", "RENT"])
events = st.lists(st.tuples(st.integers(0, DAYS), amounts, texts), max_size=14)
numberings = st.sampled_from(["unique", "missing", "dated", "mixed"])
sharing = st.sampled_from(["shared", "reused"])
"""Ids under which a bank tells different rows; an exact repeat under one id in one file is one row there."""
accounts = st.builds(lambda found, numbering: Account(tuple(sorted(found)), numbering), events, numberings)
all_accounts = st.builds(
    lambda found, numbering: Account(tuple(sorted(found)), numbering), events, numberings | sharing
)
cuts = st.lists(st.integers(0, DAYS), max_size=4)

names = st.sampled_from(["a", "b", "c", "0", None])
any_rows = st.lists(
    st.builds(make, names, st.integers(0, 2), st.sampled_from([Decimal(-1), Decimal(-2), Decimal(5)]), texts),
    max_size=7,
)


@pytest.mark.parametrize("trust", TRUSTS)
@settings(max_examples=200, deadline=None)
@given(rows=any_rows)
def test_file_imported_twice_is_the_file_imported_once(trust, rows) -> None:
    if trust is IdTrust.STABLE:  # such a source has no file that says two things under one id
        rows = list({row.provider_transaction_id or index: row for index, row in enumerate(rows)}.values())
    once, twice = imported([rows], trust), imported([rows], trust)
    before = twice.live()
    decisions = twice.take(rows, is_file=True)
    assert {decision.kind.value for decision in decisions} <= {"duplicate"}
    assert twice.live() == before
    assert twice.multiset() == once.multiset()


@settings(max_examples=150, deadline=None)
@given(account=accounts)
def test_every_row_of_a_file_is_in_the_ledger_however_equal_they_are(account) -> None:
    ledger = imported([account.whole()], IdTrust.CONTENT)
    assert ledger.multiset() == multiset(account.whole())


@pytest.mark.parametrize("trust", [IdTrust.CONTENT, IdTrust.NONE])
@settings(max_examples=200, deadline=None)
@given(account=all_accounts, cuts=cuts, overlap=st.integers(0, 3), dice=st.randoms(use_true_random=False))
def test_overlapping_windows_in_any_order_are_the_whole(trust, account, cuts, overlap, dice) -> None:
    edges = sorted({0, DAYS + 1, *cuts})
    files = [account.file(max(0, first - overlap), last - 1 + overlap) for first, last in pairwise(edges)]
    dice.shuffle(files)
    assert imported(files, trust).multiset() == imported([account.whole()], trust).multiset()


@settings(max_examples=200, deadline=None)
@given(account=all_accounts, first=st.tuples(st.integers(0, DAYS), st.integers(0, DAYS)), second=st.integers(0, DAYS))
def test_order_of_two_files_of_one_account_does_not_matter(account, first, second) -> None:
    one, other = account.file(min(first), max(first)), account.file(second, DAYS)
    forth, back = imported([one, other], IdTrust.CONTENT), imported([other, one], IdTrust.CONTENT)
    assert forth.multiset() == back.multiset()


@settings(max_examples=150, deadline=None)
@given(account=accounts, later=st.integers(1, 3), day=st.integers(0, DAYS))
def test_renumbered_day_is_stored_once(account, later, day) -> None:
    """A file of the running day, then one with more rows that day, numbered anew from the first."""
    account = replace(account, numbering="dated")
    fresh = tuple((day, Decimal(-1000 - number), f"BOOKED EARLIER {number}") for number in range(later))
    grown = Account(tuple(sorted((*fresh, *account.events), key=lambda event: event[0])), "dated")
    ledger = imported([account.file(0, day), grown.whole()], IdTrust.CONTENT)
    assert ledger.multiset() == multiset(grown.whole())


@settings(max_examples=200, deadline=None)
@given(
    account=st.builds(lambda found: Account(tuple(sorted(found)), "unique"), events),
    windows=st.lists(st.tuples(st.integers(0, DAYS), st.integers(0, DAYS)), min_size=1, max_size=3),
)
def test_bank_that_gives_new_ids_in_every_file_has_each_row_once(account, windows) -> None:
    """Whole days told again under ids that nobody has seen before; only the first day of a file may be a part."""
    ledger = imported([account.whole()], IdTrust.CONTENT)
    for number, window in enumerate(windows):
        rows = account.file(min(window), max(window))
        days = {row.transaction_date for row in rows}
        if len(days) < 2:
            continue
        fresh = [replace(row, provider_transaction_id=f"new-{number}-{place}") for place, row in enumerate(rows)]
        ledger.take(fresh, is_file=True)
    assert ledger.multiset() == multiset(account.whole())


@settings(max_examples=200, deadline=None)
@given(first=any_rows, second=any_rows)
def test_no_rule_removes_a_posted_row_or_changes_its_date_and_amount(first, second) -> None:
    ledger = imported([first], IdTrust.CONTENT)
    before = {row.id: (row.content.transaction_date, row.content.amount) for row in ledger.live()}
    ledger.take(second, is_file=True)
    after = {row.id: (row.content.transaction_date, row.content.amount) for row in ledger.live()}
    assert before.items() <= after.items()


@settings(max_examples=200, deadline=None)
@given(first=any_rows, second=any_rows)
def test_each_row_of_the_ledger_is_given_to_one_row_of_a_file_at_most(first, second) -> None:
    ledger = imported([first], IdTrust.CONTENT)
    repeats = {(row.provider_transaction_id, row.transaction_date, row.amount) for row in second}
    told = [one.transaction_id for one in ledger.take(second, is_file=True) if one.transaction_id is not None]
    # Only an exact repeat under one id inside one file stands for the same row twice.
    assert len(told) - len(set(told)) <= len(second) - len(repeats)


@dataclass(frozen=True)
class Change:
    """One step of a feed of changes."""

    rows: tuple[ProviderTransactionData, ...] = ()
    removed: tuple[str, ...] = ()


@st.composite
def feeds(draw) -> list[Change]:
    """A bank's life as a feed with stable ids tells it: rows appear, change, post, vanish and come back."""
    listed: dict[str, ProviderTransactionData] = {}
    gone: dict[str, ProviderTransactionData] = {}
    posted: set[str] = set()
    feed: list[Change] = []
    for number in range(draw(st.integers(1, 12))):
        pending = sorted(name for name, row in listed.items() if row.status == "pending")
        settled = sorted(name for name, row in listed.items() if row.status == "settled")
        steps = ["add", "announce"] + ["post", "cancel"] * bool(pending) + ["edit", "remove"] * bool(settled)
        step = draw(st.sampled_from(steps + ["restore"] * bool(gone)))
        amount = draw(amounts)
        if step in {"add", "announce"}:
            status = "pending" if step == "announce" else "settled"
            row = make(f"T{number}", draw(st.integers(0, DAYS)), amount, draw(texts), status=status)
            listed[f"T{number}"] = row
            feed.append(Change(rows=(row,)))
        elif step == "post":
            name = draw(st.sampled_from(pending))
            old = listed.pop(name)
            row = replace(
                old,
                provider_transaction_id=f"T{number}",
                pending_transaction_id=name,
                status="settled",
                amount=amount,
            )
            listed[f"T{number}"] = row
            posted.add(name)
            feed.append(Change(rows=(row,), removed=(name,)))
        elif step in {"cancel", "remove"}:
            name = draw(st.sampled_from(pending if step == "cancel" else settled))
            row = listed.pop(name)
            if step == "remove":
                gone[name] = row
            feed.append(Change(removed=(name,)))
        elif step == "edit":
            name = draw(st.sampled_from(settled))
            listed[name] = replace(listed[name], amount=amount, description=draw(texts))
            feed.append(Change(rows=(listed[name],)))
        else:
            name = draw(st.sampled_from(sorted(gone)))
            listed[name] = gone.pop(name)
            feed.append(Change(rows=(listed[name],)))
    return feed


def followed(feed: Sequence[Change]) -> MemoryLedger:
    ledger = MemoryLedger(IdTrust.STABLE)
    for change in feed:
        ledger.take(change.rows, removed=change.removed)
    return ledger


def listed_at_the_end(feed: Sequence[Change]) -> dict[str | None, ProviderTransactionData]:
    listed: dict[str | None, ProviderTransactionData] = {}
    for change in feed:
        listed.update({row.provider_transaction_id: row for row in change.rows})
        for name in change.removed:
            listed.pop(name, None)
    return listed


def contents(ledger: MemoryLedger) -> dict[str | None, ProviderTransactionData]:
    return {row.content.provider_transaction_id: row.content for row in ledger.live()}


@settings(max_examples=300, deadline=None)
@given(feed=feeds())
def test_followed_feed_ends_in_what_the_bank_lists(feed) -> None:
    ledger = followed(feed)
    assert contents(ledger) == listed_at_the_end(feed)
    assert len(ledger.live()) == len(contents(ledger))


@settings(max_examples=300, deadline=None)
@given(feed=feeds(), data=st.data())
def test_any_suffix_of_a_feed_replayed_ends_in_the_same_ledger(feed, data) -> None:
    ledger = followed(feed)
    before = {row.id: row.content for row in ledger.live()}
    start = data.draw(st.integers(0, len(feed)))
    for change in feed[start:]:
        ledger.take(change.rows, removed=change.removed)
    assert {row.id: row.content for row in ledger.live()} == before


@settings(max_examples=300, deadline=None)
@given(feed=feeds())
def test_pending_row_keeps_its_id_when_it_posts(feed) -> None:
    ledger = MemoryLedger(IdTrust.STABLE)
    for change in feed:
        pending = {
            row.content.provider_transaction_id: row.id for row in ledger.live() if row.content.status == "pending"
        }
        ledger.take(change.rows, removed=change.removed)
        now = {row.content.provider_transaction_id: row.id for row in ledger.live()}
        for row in change.rows:
            if row.pending_transaction_id in pending:
                assert now[row.provider_transaction_id] == pending[row.pending_transaction_id]


@settings(max_examples=200, deadline=None)
@given(feed=feeds())
def test_whole_history_read_again_changes_nothing(feed) -> None:
    ledger = followed(feed)
    before = {row.id: row.content for row in ledger.live()}
    ledger.take(list(listed_at_the_end(feed).values()))
    assert {row.id: row.content for row in ledger.live()} == before
