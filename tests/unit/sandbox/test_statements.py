"""Statement files of the world, read by a public parser that is strict about the standard."""

import io
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from ofxtools.models.base import PrivateTagWarning
from ofxtools.Parser import OFXTree

from bursar.importers.ofx.sandbox import STATEMENTS, fitid_of
from bursar.sandbox.world import World

pytestmark = pytest.mark.filterwarnings(f"ignore::{PrivateTagWarning.__module__}.{PrivateTagWarning.__name__}")

START = date(2026, 3, 2)
SINCE = date(2025, 12, 1)
CHECKING = "hudson-first-river-checking"
BROKERAGE = "hudson-first-river-brokerage"


def read(raw: bytes) -> Any:
    tree = OFXTree()
    tree.parse(io.BytesIO(raw))
    return tree.convert()


@pytest.fixture
def world() -> Iterator[World]:
    return World(8, start=START, history_days=120)


@pytest.mark.parametrize("dialect", sorted(STATEMENTS))
def test_statement_of_every_account_holds_the_rows_and_the_balance_of_the_truth(world: World, dialect: str) -> None:
    for account_id, account in world.accounts.items():
        [statement] = read(STATEMENTS[dialect](world, account_id, SINCE, START)).statements
        truth = world.truth(account_id)
        expected = [row for row in truth.settled if SINCE <= row.booked_on <= START]
        assert statement.curdef == account.currency
        assert len(statement.transactions) == len(expected)
        if account_id == BROKERAGE:
            continue
        told = [(row.trnamt, row.dtposted.date(), row.fitid) for row in statement.transactions]
        assert told == [(row.amount, row.booked_on, fitid_of(world, row)) for row in expected]
        assert statement.ledgerbal.balamt == truth.balance
        assert statement.ledgerbal.dtasof == world.now


@pytest.mark.parametrize("dialect", sorted(STATEMENTS))
def test_brokerage_statement_lists_positions_trades_and_securities(world: World, dialect: str) -> None:
    file = read(STATEMENTS[dialect](world, BROKERAGE, SINCE, START))
    [statement] = file.statements
    positions = world.positions(BROKERAGE)
    told = {(one.uniqueid, one.units, one.mktval) for one in statement.positions}
    cusips = {security.ticker: security.uniqueid for security in file.securities}
    assert told == {(cusips[one.symbol], one.quantity, one.value) for one in positions}
    assert statement.balances.availcash == world.balance(BROKERAGE)
    bought = [row for row in statement.transactions if type(row).__name__.startswith("BUY")]
    assert bought
    assert all(row.units > 0 > row.total for row in bought)


def test_fitid_survives_edits_and_files_and_hides_the_world_id(world: World) -> None:
    world_id = world.script.add_settled(CHECKING, Decimal("-3.00"), "TEXT & MORE <THAN> THIRTY-TWO CHARACTERS LONG")

    def fitids(start: date) -> dict[str, Any]:
        raw = STATEMENTS["qfx"](world, CHECKING, start, START + timedelta(days=9))
        assert world_id.encode() not in raw
        return {row.fitid: row for row in read(raw).statements[0].transactions}

    wide, narrow = fitids(SINCE), fitids(START)
    assert set(narrow) <= set(wide)
    own = fitid_of(world, world.script.get_row(world_id))
    assert wide[own].memo == "TEXT & MORE <THAN> THIRTY-TWO CHARACTERS LONG"
    world.script.modify(world_id, description="EDITED")
    assert fitids(START)[own].name == "EDITED"
    assert len(wide) == len(world.truth(CHECKING).settled) - sum(
        row.booked_on < SINCE for row in world.truth(CHECKING).settled
    )


def test_pending_and_unlisted_rows_are_not_in_the_file_but_in_the_balances(world: World) -> None:
    before = read(STATEMENTS["ofx"](world, CHECKING, SINCE, START)).statements[0]
    world.script.add_pending(CHECKING, Decimal("-10.00"), "PENDING")
    world.script.add_late(CHECKING, Decimal("-1.00"), "LATE")
    after = read(STATEMENTS["ofx"](world, CHECKING, SINCE, START)).statements[0]
    assert len(after.transactions) == len(before.transactions)
    assert after.ledgerbal.balamt == before.ledgerbal.balamt - 1
    assert after.availbal.balamt == before.availbal.balamt - 11


def test_dialects_differ_in_container_and_dates(world: World) -> None:
    qfx, ofx = (STATEMENTS[name](world, CHECKING, SINCE, START) for name in ("qfx", "ofx"))
    assert qfx.startswith(b"OFXHEADER:100\r\n")
    assert b"<INTU.BID>90001\r\n" in qfx
    assert b"120000[0:GMT]" in qfx
    assert ofx.startswith(b"<?xml")
    assert b"</TRNAMT>" in ofx
    assert b"[-5:EST]" in ofx
