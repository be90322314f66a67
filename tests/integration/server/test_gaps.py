"""Does a reader learn what is missing, and when it is not any more?"""

from bursar.server.schemas.base import ItemOf, PageOf
from bursar.server.schemas.proofs import BalanceGapOut

JANUARY = [("05", "-3.50", "COFFEE"), ("20", "-800.00", "RENT")]


def february(statement, rows: list[tuple[str, str]], balance: str) -> bytes:
    """A statement of February for the account of January's, with rows (day, amount)."""
    text = statement([(day, amount, "FEBRUARY") for day, amount in rows], balance=balance).decode()
    text = text.replace("<DTPOSTED>202601", "<DTPOSTED>202602").replace("<DTSTART>20260101", "<DTSTART>20260201")
    return text.replace("20260131", "20260228").replace("000123456789-", "february-").encode()


async def test_gap_of_an_import_is_listed_until_a_fuller_file_explains_it(alice, bob, statement) -> None:
    assert (await alice.upload(statement(JANUARY, balance="1000.00"))).status_code == 201
    assert await alice.list("/balance_gaps") == []
    assert (await alice.upload(february(statement, [("10", "-50.00")], "900.00"), "february.qfx")).status_code == 201

    page = PageOf[BalanceGapOut].model_validate((await alice.get("/balance_gaps?is_open=true")).json())
    (gap,) = page.data
    assert page.meta.total == 1
    assert (gap.amount, gap.opening_balance, gap.closing_balance) == ("-50.00", "1000.00", "900.00")
    assert (str(gap.start_on), str(gap.end_on), gap.is_open) == ("2026-01-31", "2026-02-28", True)
    assert (str(gap.suggested_fetch_start), str(gap.suggested_fetch_end)) == ("2026-01-26", "2026-03-05")
    assert await alice.list("/balance_gaps?is_open=false") == []
    assert len(await alice.list(f"/balance_gaps?account_id={gap.account_id}")) == 1
    assert await alice.list(f"/balance_gaps?account_id={gap.id}") == []
    assert await bob.list("/balance_gaps") == []
    assert (await bob.get(f"/balance_gaps/{gap.id}")).status_code == 404

    fuller = february(statement, [("10", "-50.00"), ("11", "-50.00")], "900.00")
    assert (await alice.upload(fuller, "fuller.qfx")).status_code == 201

    assert await alice.list("/balance_gaps?is_open=true") == []
    shown = ItemOf[BalanceGapOut].model_validate((await alice.get(f"/balance_gaps/{gap.id}")).json()).data
    assert (shown.is_open, shown.closed_by, shown.closed_at is None) == (False, "explained", False)
    assert {change["type"] for change in await alice.list("/changes")} == {"transaction.created"}


async def test_gaps_are_asked_for_in_the_form_of_every_collection(alice) -> None:
    assert (await alice.get("/balance_gaps?is_open=perhaps")).status_code == 400
    assert (await alice.get("/balance_gaps?cursor=")).status_code == 400
    assert (await alice.get("/balance_gaps/nonsense")).status_code == 404
