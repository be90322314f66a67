"""Each fault of data and identity is in the simulated bank's files, and the reader still tells what they mean."""

import re
from collections import Counter
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from xml.sax.saxutils import escape

import pytest

from bursar.importers.ofx.sandbox import STATEMENTS, trace_row
from bursar.sandbox.people import AccountKind
from bursar.sandbox.turmoil import build_turmoil
from bursar.sandbox.view import View
from bursar.sandbox.world import World

START = date(2026, 3, 2)
FAULTS = ("A13", "A15", "A16", "B3", "B5", "B6")


def build(seed: int, shares: Mapping[str, float], **options: Any) -> World:
    world = build_turmoil(seed, tenants=2, start=START, days=30, view=View(seed, shares), **options)
    world.advance(timedelta(days=20))
    return world


def files(world: World, dialect: str) -> list[tuple[str, bytes]]:
    end = world.now.date() + timedelta(days=1)
    return [
        (account.account_id, STATEMENTS[dialect](world, account.account_id, date(2026, 1, 1), end))
        for account in world.accounts.values()
        if account.kind is not AccountKind.BROKERAGE
    ]


def fitids(raw: bytes) -> list[str]:
    return re.findall(r"<FITID>([^<\r\n]*)", raw.decode("cp1252"))


@pytest.mark.parametrize("dialect", sorted(STATEMENTS))
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("seed", range(1, 5))
def test_rows_are_read_as_they_are_whatever_the_fault(bank, seed: int, fault: str, dialect: str) -> None:
    world = build(seed, {fault: 0.5, "A12": 0.3})
    for account_id, raw in files(world, dialect):
        file = bank.read(raw, today=world.now.date())
        told = Counter(
            (row.amount, row.currency, row.transaction_date)
            for row in file.batch.transactions
            if row.status != "pending"
        )
        truth = world.truth(account_id)
        assert told == Counter((row.amount, row.currency, row.booked_on) for row in truth.settled)
        assert not file.batch.rejected
        pending = [row.amount for row in file.batch.transactions if row.status == "pending"]
        if b"BANKTRANLISTP" in raw:
            assert Counter(pending) == Counter(row.amount for row in truth.pending)
        else:
            assert not pending
        assert all(str(abs(amount)) == f"{abs(amount):f}" for amount, _, _ in told if amount and amount.adjusted() > -6)


def test_no_fault_gives_each_row_one_fitid_that_can_be_traced() -> None:
    world = build(1, {})
    for account_id, raw in files(world, "ofx"):
        traced = [trace_row(world, account_id, fitid) for fitid in fitids(raw)]
        assert traced == [row.world_id for row in world.truth(account_id).settled]
        assert b"BANKTRANLISTP" not in raw
    assert not [place for _, place in world.view.hits if place == "ofx"]
    assert trace_row(world, account_id, "1") is None


def test_b3_gives_new_fitids_in_each_file_that_mean_nothing() -> None:
    world = build(1, {"B3": 1.0})
    before = files(world, "qfx")
    world.clock.advance(timedelta(seconds=1))
    for (account_id, first), (_, second) in zip(before, files(world, "qfx"), strict=True):
        assert not set(fitids(first)) & set(fitids(second))
        assert {trace_row(world, account_id, fitid) for fitid in fitids(first)} <= {None}


def test_b5_gives_several_rows_one_fitid_and_b6_none() -> None:
    world = build(1, {"B5": 1.0})
    for account_id, raw in files(world, "qfx"):
        assert len(set(fitids(raw))) <= 3
        assert len(fitids(raw)) == len(world.truth(account_id).settled)
    shown: set[str] = set()
    missing = 0
    world = build(1, {"B6": 1.0})
    for account_id, raw in files(world, "qfx"):
        shown |= set(fitids(raw))
        missing += len(world.truth(account_id).settled) - len(fitids(raw))
    assert shown == {"", "0"}
    assert missing


def test_a13_writes_other_words_on_other_days() -> None:
    world = build(1, {"A13": 1.0})
    before = [re.findall(rb"<NAME>([^<\r]*)", raw) for _, raw in files(world, "qfx")]
    world.advance(timedelta(days=1))
    after = [re.findall(rb"<NAME>([^<\r]*)", raw) for _, raw in files(world, "qfx")]
    assert before != [new[: len(old)] for old, new in zip(before, after, strict=True)]
    world.view.stop()
    for account_id, raw in files(world, "qfx"):
        texts = [escape(row.description[:32].strip()) for row in world.truth(account_id).settled]
        assert re.findall(r"<NAME>([^<\r]*)", raw.decode("cp1252")) == texts


def test_a16_states_old_balances_with_their_day_or_none(bank) -> None:
    kinds: Counter[str] = Counter()
    for seed in range(1, 8):
        world = build(seed, {"A16": 1.0})
        for account_id, raw in files(world, "ofx"):
            [account] = bank.read(raw, today=world.now.date()).batch.accounts
            if not account.balance_known:
                kinds["none"] += 1
                continue
            assert account.balance_as_of is not None
            assert account.balance_as_of < world.now
            assert account.balance == world.truth(account_id, account.balance_as_of).balance
            kinds["old"] += 1
    assert set(kinds) == {"none", "old"}


def test_a15_has_types_and_elements_of_which_the_standard_knows_nothing() -> None:
    raw = b"".join(raw for seed in range(1, 4) for _, raw in files(build(seed, {"A15": 1.0}), "ofx"))
    assert b"<TRNTYPE>BARTER" in raw
    assert b"<BANK.HOPS>3" in raw


def test_amounts_have_the_decimals_of_their_currency() -> None:
    for currency, places in (("KWD", 3), ("XAU", 8), ("JPY", 0)):
        for _, raw in files(build(2, {}, currencies=(currency,)), "qfx"):
            amounts = re.findall(r"<TRNAMT>([^<\r]*)", raw.decode())
            assert {-int(Decimal(text).as_tuple().exponent) for text in amounts} <= {places}
            assert not [text for text in amounts if "E" in text]
