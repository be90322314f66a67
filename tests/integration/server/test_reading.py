"""What a client sees of the ledger."""

from decimal import Decimal

from bursar.server.schemas.accounts import AccountOut
from bursar.server.schemas.balances import BalanceOut
from bursar.server.schemas.base import ItemOf, PageOf
from bursar.server.schemas.proofs import ProofOut
from bursar.server.schemas.providers import ProviderOut
from bursar.server.schemas.runs import ImportOut
from bursar.server.schemas.transactions import ChangeOut, TransactionOut

MEMBERS = set(
    "id transaction_id bank_id bank_name account_id account_name amount currency description reference "
    "transaction_date created_at direction status booking_date value_date counterparty connection_id updated_at "
    "version".split()
)


async def test_rows_come_newest_first_with_every_member_and_exact_money(stocked) -> None:
    answer = await stocked.get("/transactions")
    assert answer.status_code == 200
    body = answer.json()
    assert [(row["booking_date"], row["amount"]) for row in body["data"]] == [
        ("2026-01-31", "2500.00"),
        ("2026-01-20", "-800.00"),
        ("2026-01-05", "-3.50"),
        ("2026-01-05", "-3.50"),
    ]
    first = body["data"][0]
    assert set(first) >= MEMBERS
    assert first["transaction_date"].startswith("2026-01-31T")
    assert first["transaction_date"].endswith("Z") and first["created_at"].endswith("Z")
    assert (first["direction"], first["status"], first["currency"]) == ("credit", "settled", "USD")
    assert first["transaction_id"] == "000123456789-3"
    assert first["bank_id"]
    meta = {name: body["meta"][name] for name in ("total", "page", "per_page", "total_pages")}
    assert meta == {"total": 4, "page": 1, "per_page": 20, "total_pages": 1}
    PageOf[TransactionOut].model_validate(body)


async def test_money_has_the_currencys_decimals_and_sums_exactly(alice, statement) -> None:
    await alice.upload(statement([("05", "0.10", "A"), ("06", "0.20", "B")]))
    await alice.upload(statement([("05", "500", "C")], account="777", currency="JPY", balance="500"))
    rows = await alice.list("/transactions?sort=-transaction_date")
    assert sorted(row["amount"] for row in rows) == ["0.10", "0.20", "500"]
    assert str(sum(Decimal(row["amount"]) for row in rows if row["currency"] == "USD")) == "0.30"
    accounts = {each["currency"]: each["balance"] for each in await alice.list("/accounts")}
    assert accounts == {"USD": "3000.10", "JPY": "500"}


FILTERS = {
    "start_date=2026-01-05&end_date=2026-01-05": 2,
    "start_date=2026-01-06": 2,
    "min_amount=-3.50": 3,
    "max_amount=-800.00": 1,
    "direction=debit": 3,
    "status=booked": 4,
    "status=pending,cancelled": 0,
    "status=pending&status=settled": 4,
    "currency=EUR": 0,
    "q=coff": 2,
    "q=100%25": 0,
    "updated_since=2999-01-01T00:00:00%2B02:00": 0,
    "bank_id=nobody": 0,
    "account_id=00000000-0000-7000-8000-000000000000": 0,
}


async def test_each_filter_narrows_the_rows(stocked) -> None:
    counts = {}
    for query in FILTERS:
        answer = await stocked.get(f"/transactions?{query}")
        assert answer.status_code == 200, answer.text
        assert len(answer.json()["data"]) == answer.json()["meta"]["total"]
        counts[query] = answer.json()["meta"]["total"]
    assert counts == FILTERS


async def test_rows_are_found_by_bank_account_and_connection(stocked) -> None:
    row = (await stocked.list("/transactions"))[0]
    for path in (
        f"/transactions?bank_id={row['bank_id']}",
        f"/transactions?account_id={row['account_id']}&connection_id={row['connection_id']}",
        f"/accounts/{row['account_id']}/transactions",
        f"/connections/{row['connection_id']}/transactions",
        f"/bank_connections/{row['connection_id']}/transactions",
        f"/bank_accounts/{row['account_id']}/transactions",
    ):
        assert len(await stocked.list(path)) == 4, path


async def test_fields_choose_members_and_unknown_ones_are_refused(stocked) -> None:
    rows = await stocked.list("/transactions?fields=id,amount&per_page=1")
    assert set(rows[0]) == {"id", "amount"}
    assert (await stocked.get("/transactions?fields=id,secret")).status_code == 400


async def test_everything_about_an_account(stocked) -> None:
    (account,) = (await stocked.get("/accounts")).json()["data"]
    path = f"/accounts/{account['id']}"
    item = (await stocked.get(path)).json()
    assert ItemOf[AccountOut].model_validate(item).data.balance == "3000.10"
    assert item["data"] == account
    assert "000123456789" not in str(account)
    balances = (await stocked.get(f"{path}/balances")).json()
    assert [each.balance for each in PageOf[BalanceOut].model_validate(balances).data] == ["3000.10"]
    snapshots = (await stocked.get(f"/balance_snapshots?account_id={account['id']}&start_date=2026-01-31")).json()
    assert snapshots["data"] == balances["data"]
    assert await stocked.list("/balance_snapshots?end_date=2025-12-31") == []
    proof = ItemOf[ProofOut].model_validate((await stocked.get(f"{path}/proof")).json()).data
    assert proof.implied_opening == "1307.10"
    assert await stocked.list(f"{path}/holdings") == []
    (connection,) = await stocked.list("/connections")
    assert connection["status"] == "active"
    assert await stocked.list(f"/connections/{connection['id']}/accounts") == [account]
    assert [run["trigger"] for run in await stocked.list(f"/connections/{connection['id']}/syncs")] == ["import"]
    assert await stocked.list("/rejected_records") == []


async def test_item_that_a_reader_has_already_is_not_sent_again(stocked) -> None:
    row = (await stocked.list("/transactions"))[0]
    first = await stocked.get(f"/transactions/{row['id']}")
    tag = first.headers["etag"]
    again = await stocked.get(f"/transactions/{row['id']}", headers={"If-None-Match": f'"other", {tag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert (await stocked.get(f"/transactions/{row['id']}", headers={"If-None-Match": '"x"'})).status_code == 200


async def test_changes_are_read_from_where_a_reader_stopped(stocked, statement) -> None:
    first = (await stocked.get("/changes?limit=3")).json()
    assert [change["type"] for change in PageOf[ChangeOut].model_validate(first).model_dump()["data"]] == [
        "transaction.created"
    ] * 3
    assert first["meta"]["has_more"] is True
    rest = (await stocked.get(f"/changes?cursor={first['meta']['next_cursor']}")).json()
    assert (len(rest["data"]), rest["meta"]["has_more"]) == (1, False)
    assert await stocked.list(f"/changes?since_id={rest['data'][-1]['id']}") == []
    await stocked.upload(statement([("09", "-1.00", "NEW")], account="555"))
    later = (await stocked.get(f"/changes?cursor={rest['meta']['next_cursor']}")).json()
    assert len(later["data"]) == 1


async def test_imports_are_listed_and_shown(stocked) -> None:
    listed = (await stocked.get("/imports")).json()
    (batch,) = PageOf[ImportOut].model_validate(listed).data
    assert (batch.file_name, batch.transactions_imported, batch.replayed) == ("january.qfx", 4, False)
    assert (await stocked.get(f"/imports/{batch.id}")).json()["data"] == listed["data"][0]


async def test_providers_are_listed_and_an_unknown_one_names_the_known(alice) -> None:
    listed = (await alice.get("/providers")).json()
    slugs = [each.slug for each in PageOf[ProviderOut].model_validate(listed).data]
    assert "plaid" in slugs and "ofx_file" in slugs
    assert (await alice.get("/providers/plaid")).json()["data"]["auth_type"] == "link_token"
    refused = await alice.get("/providers/nobody")
    assert (refused.status_code, refused.json()["error"]["code"]) == (404, "unknown_provider")
    assert "ofx_file" in refused.json()["detail"]
