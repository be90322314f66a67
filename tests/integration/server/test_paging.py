"""Pages, by number and by cursor."""

import pytest

WRONG = [
    "page=0",
    "page=-1",
    "page=abc",
    "page=1_0",
    "page=1.0",
    "page=1000000000000000000000",
    "per_page=0",
    "per_page=101",
    "per_page=1000000000",
    "limit=0",
    "cursor=nonsense",
    "page=1&page=2",
    "page=1&cursor=",
    "surprise=1",
    "start_date=2026-02-30",
    "start_date=1700000000",
    "min_amount=1e400",
    "min_amount=NaN",
    "min_amount=1000000000000000",
    "updated_since=2026-01-01T00:00:00",
    "direction=up",
    "status=lost",
    "sort=amount",
    "currency=usd",
    "account_id=1",
    "q=" + "x" * 201,
    "q=%00",
]


async def test_wrong_parameter_is_refused_by_name(stocked) -> None:
    for query in WRONG:
        answer = await stocked.get(f"/transactions?{query}")
        assert answer.status_code == 400, (query, answer.text)
        error = answer.json()["error"]
        assert error["code"] == "validation_error"
        assert query.partition("=")[0] in {each["field"].partition(".")[0] for each in error["details"]}, query


@pytest.mark.parametrize("query", ["start_date=2026-02-01&end_date=2026-01-01", "min_amount=2&max_amount=1"])
async def test_bounds_that_exclude_each_other_make_no_sense(stocked, query) -> None:
    answer = await stocked.get(f"/transactions?{query}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "unprocessable_entity")


async def test_all_errors_are_told_at_once(stocked) -> None:
    answer = await stocked.get("/transactions?page=0&per_page=101&direction=up&surprise=1")
    fields = {each["field"] for each in answer.json()["error"]["details"]}
    assert fields == {"page", "per_page", "direction", "surprise"}


async def test_every_collection_refuses_an_unknown_parameter(stocked) -> None:
    for path in "accounts connections imports balance_snapshots changes rejected_records providers".split():
        assert (await stocked.get(f"/{path}?surprise=1")).status_code == 400, path
        assert (await stocked.get(f"/{path}")).status_code == 200, path


async def test_pages_by_number_cover_everything_once(stocked) -> None:
    seen = []
    for page in (1, 2, 3):
        answer = await stocked.get(f"/transactions?page={page}&per_page=2")
        seen += [row["id"] for row in answer.json()["data"]]
        assert ('rel="next"' in answer.headers.get("link", "")) == (page == 1)
        assert answer.json()["meta"]["total_pages"] == 2
    assert len(seen) == len(set(seen)) == 4
    far = await stocked.get("/transactions?page=1000000000&per_page=100")
    assert (far.status_code, far.json()["data"], far.json()["meta"]["total"]) == (200, [], 4)


async def test_cursor_neither_repeats_nor_skips_while_rows_come_in(alice, statement) -> None:
    rows = [(f"{1 + index % 5:02}", f"-{index}.00", f"ROW {index}") for index in range(1, 41)]
    await alice.upload(statement(rows))
    expected = [row["id"] for row in await alice.list("/transactions?per_page=100")]
    seen: list[str] = []
    path, turn = "/transactions?cursor=&limit=7", 0
    while path:
        answer = await alice.get(path)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert body["meta"]["total"] is None and body["meta"]["page"] is None
        seen += [row["id"] for row in body["data"]]
        turn += 1
        # Newer, equal and older dates than where the reader is.
        await alice.upload(
            statement([("01", "1.00", "OLD"), ("03", "1.00", "SAME"), ("28", "1.00", "NEW")], account=f"9{turn}")
        )
        following = body["meta"]["next_cursor"]
        assert body["meta"]["has_more"] == (following is not None)
        path = f"/transactions?limit=7&cursor={following}" if following else ""
    assert len(seen) == len(set(seen))
    assert [row_id for row_id in seen if row_id in set(expected)] == expected


async def test_next_link_leads_on(stocked) -> None:
    answer = await stocked.get("/transactions?limit=3&direction=debit&fields=id")
    assert "link" not in answer.headers
    answer = await stocked.get("/transactions?limit=2&direction=debit&fields=id")
    link = answer.headers["link"].partition(">")[0].removeprefix("</api/v1")
    following = await stocked.get(link)
    assert len(following.json()["data"]) == 1
    assert following.json()["meta"]["next_cursor"] is None


async def test_cursor_is_good_for_the_same_tenant_and_filters_only(stocked, bob) -> None:
    cursor = (await stocked.get("/transactions?limit=1")).json()["meta"]["next_cursor"]
    assert (await stocked.get(f"/transactions?cursor={cursor}")).status_code == 200
    for answer in (
        await stocked.get(f"/transactions?cursor={cursor}&direction=debit"),
        await stocked.get(f"/transactions?cursor={cursor[:-2]}AA"),
        await bob.get(f"/transactions?cursor={cursor}"),
        await stocked.get(f"/changes?cursor={cursor}"),
    ):
        assert answer.status_code == 400
        assert answer.json()["error"]["details"][0]["field"] == "cursor"
