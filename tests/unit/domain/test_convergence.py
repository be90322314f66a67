"""Does the ledger end as the bank's, whatever the ids are worth and whoever tells of an account, in any order?"""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bursar.domain.evidence import IdTrust, Span
from bursar.domain.transactions import ProviderTransactionData
from bursar.testing import MemoryLedger

START = date(2026, 3, 2)
AMOUNTS = [Decimal("-3.50"), Decimal("-3.50"), Decimal("-12.00"), Decimal("100.00")]
TEXTS = ["COFFEE", "RENT"]

Row = tuple[date, Decimal, str]


@dataclass(frozen=True)
class Event:
    """Something that happened on the account, as it stands at the bank."""

    number: int
    on: date
    amount: Decimal
    text: str
    status: str = "settled"
    posts: int = 0
    """How often it has got a new id: by posting."""


@dataclass
class Bank:
    """One account's life; `moments` keeps what the bank listed after each step."""

    dice: Random
    day: int = 0
    live: dict[int, Event] = field(default_factory=dict[int, Event])
    moments: list[list[Event]] = field(default_factory=lambda: [[]])
    count: int = 0

    def step(self) -> None:
        for _ in range(self.dice.randint(0, 2)):
            self._happen()
        if self.dice.random() < 0.5:
            self.day += self.dice.randint(1, 3)
        self.moments.append(sorted(self.live.values(), key=lambda event: event.number))

    def _happen(self) -> None:
        kind = self.dice.choice(["add", "add", "announce", "announce", "post", "post", "drop", "remove"])
        pending = [event for event in self.live.values() if event.status == "pending"]
        settled = [event for event in self.live.values() if event.status == "settled"]
        today = START + timedelta(days=self.day)
        if kind in {"add", "announce"}:
            status = "pending" if kind == "announce" else "settled"
            on = today - timedelta(days=self.dice.choice([0, 0, 0, 4]) if kind == "add" else 0)
            self.live[self.count] = Event(self.count, on, self.dice.choice(AMOUNTS), self.dice.choice(TEXTS), status)
            self.count += 1
        elif kind == "post" and pending:
            event = self.dice.choice(pending)
            tip = Decimal("-0.70") if self.dice.random() < 0.2 else Decimal(0)
            self.live[event.number] = replace(
                event, status="settled", on=max(today, event.on), amount=event.amount + tip, posts=1
            )
        elif kind == "drop" and pending:
            del self.live[self.dice.choice(pending).number]
        elif kind == "remove" and settled:
            del self.live[self.dice.choice(settled).number]

    def truth(self) -> Counter[Row]:
        return Counter((event.on, event.amount, event.status) for event in self.moments[-1])


@dataclass(frozen=True)
class Source:
    """Somebody who tells of the account: what its ids are worth, and how it words things."""

    name: str
    ids: str
    """stable, relinked (posted rows name the pending one), positional, reused, random, or blank."""
    is_file: bool = False
    rewords: bool = False

    @property
    def trust(self) -> IdTrust:
        if self.ids in {"stable", "relinked"}:
            return IdTrust.STABLE
        return IdTrust.NONE if self.ids in {"random", "blank"} else IdTrust.CONTENT

    def rows(self, events: list[Event], dice: Random) -> list[ProviderTransactionData]:
        running: Counter[date] = Counter()
        told: list[ProviderTransactionData] = []
        for event in events:
            if self.is_file and event.status == "pending":
                continue
            running[event.on] += 1
            names = {
                "stable": f"{self.name}-{event.number}-{event.posts}",
                "relinked": f"{self.name}-{event.number}-{event.posts}",
                "positional": f"{event.on}-{running[event.on]}",
                "reused": f"R{event.number % 2}-{event.posts}",
                "random": f"{dice.random()}",
                "blank": None,
            }
            # Rows of one reading that are equal in everything, the id included, are one row: a text tells them apart.
            mark = f" {event.number}" if self.ids == "reused" else ""
            prefix = f"{dice.randint(1, 12)}/21 " if self.rewords else ""
            told.append(
                ProviderTransactionData(
                    provider_account_id="account",
                    provider_transaction_id=names[self.ids],
                    transaction_type="payment",
                    subtype="purchase",
                    amount=event.amount,
                    currency="USD",
                    transaction_date=event.on,
                    description=f"{prefix}{event.text} {self.name if self.is_file else ''}{mark}",
                    status=event.status,
                    pending_transaction_id=(
                        f"{self.name}-{event.number}-0" if self.ids == "relinked" and event.posts else None
                    ),
                )
            )
        return told

    def tell(self, ledger: MemoryLedger, events: list[Event], dice: Random, as_of: datetime | None = None) -> None:
        listing = None if self.is_file else Span(since=date.min)
        ledger.take(
            self.rows(events, dice),
            source=self.name,
            trust=self.trust,
            is_file=self.is_file,
            listing=listing,
            as_of=as_of,
        )


def told(ledger: MemoryLedger) -> Counter[Row]:
    return Counter((row.content.transaction_date, row.content.amount, row.content.status) for row in ledger.live())


KINDS = ["stable", "relinked", "positional", "reused", "random", "blank"]
seeds = st.integers(0, 10**9)


@pytest.mark.parametrize("ids", KINDS)
@pytest.mark.parametrize("rewords", [False, True])
@settings(max_examples=80, deadline=None)
@given(seed=seeds)
def test_listings_of_one_source_end_in_what_the_bank_lists(ids, rewords, seed) -> None:
    dice = Random(seed)
    bank, ledger = Bank(dice), MemoryLedger(IdTrust.CONTENT)
    source = Source("api", ids, rewords=rewords)
    for _ in range(dice.randint(1, 12)):
        bank.step()
        if dice.random() < 0.7:
            # Now and then a replica answers that is some steps behind.
            behind = dice.choice([0, 0, 0, 1, 2])
            source.tell(ledger, bank.moments[-1 - min(behind, len(bank.moments) - 1)], dice)
        assert_one_word_a_source(ledger)
    source.tell(ledger, bank.moments[-1], dice)
    assert told(ledger) == bank.truth()


@pytest.mark.parametrize("ids", KINDS)
@settings(max_examples=25, deadline=None)
@given(seed=seeds)
def test_unchanged_listing_writes_nothing(ids, seed) -> None:
    dice = Random(seed)
    bank, ledger, source = Bank(dice), MemoryLedger(IdTrust.CONTENT), Source("api", ids)
    for _ in range(dice.randint(1, 8)):
        bank.step()
        source.tell(ledger, bank.moments[-1], dice)
    before = ledger.writes
    source.tell(ledger, bank.moments[-1], dice)
    assert ledger.writes == before


@pytest.mark.parametrize("second", KINDS)
@pytest.mark.parametrize("first", KINDS)
def test_two_logins_and_files_end_in_what_the_bank_lists(first, second) -> None:
    for seed in range(30):
        live_with_two_logins_and_files(first, second, seed)


def live_with_two_logins_and_files(first: str, second: str, seed: int) -> None:
    dice = Random(seed)
    bank, ledger = Bank(dice), MemoryLedger(IdTrust.CONTENT)
    one, other = Source("one", first), Source("two", second)
    file = Source("file", dice.choice(["stable", "reused", "blank"]), is_file=True)
    made: list[datetime] = [ledger.now]
    for _ in range(dice.randint(2, 10)):
        bank.step()
        made.append(ledger.now)
        one.tell(ledger, bank.moments[-1], dice)
        if dice.random() < 0.5:
            at = dice.randrange(len(bank.moments))
            file.tell(ledger, bank.moments[at], dice, as_of=made[at])
        if dice.random() < 0.5:
            other.tell(ledger, bank.moments[-1 - min(dice.choice([0, 0, 1, 2]), len(bank.moments) - 1)], dice)
        assert_one_word_a_source(ledger)
    for _ in range(2):
        one.tell(ledger, bank.moments[-1], dice)
        other.tell(ledger, bank.moments[-1], dice)
    assert told(ledger) == bank.truth()
    before = ledger.writes
    for source in (one, other):
        source.tell(ledger, bank.moments[-1], dice)
    assert ledger.writes == before


@pytest.mark.parametrize("ids", KINDS)
@pytest.mark.parametrize("is_first", [True, False])
@settings(max_examples=25, deadline=None)
@given(seed=seeds)
def test_file_before_or_after_the_first_reading_adds_nothing_twice(ids, is_first, seed) -> None:
    dice = Random(seed)
    bank, ledger = Bank(dice), MemoryLedger(IdTrust.CONTENT)
    for _ in range(6):
        bank.step()
    file, source = Source("file", "reused", is_file=True), Source("api", ids)
    for teller in (file, source) if is_first else (source, file):
        teller.tell(ledger, bank.moments[-1], dice)
    assert told(ledger) == bank.truth()


def assert_one_word_a_source(ledger: MemoryLedger) -> None:
    words = Counter(
        (word.source, word.transaction_id) for word in ledger.words() if word.is_living and word.fingerprint is not None
    )
    assert all(count == 1 for count in words.values())
