"""Is a listing read to its end, once, and never for ever?"""

import pytest

from bursar.providers.flanks import FlanksArgumentError, FlanksResponseError, PagedResponse

PATH = "/aggregation/v2/list-transactions"


def page(*ids: str, token: object = None) -> dict[str, object]:
    return {"items": [{"transaction_id": one} for one in ids], "next_page_token": token}


async def read(listing) -> list[str]:
    return [one.transaction_id async for one in listing]


async def _noting(listing, found):
    async for one in listing:
        found.append(one)
        yield one


@pytest.mark.parametrize("end", [None, ""])
async def test_pages_are_followed_to_the_last(client, wire, end) -> None:
    wire.say(PATH, page("a", token="t1"), page(token="t2"), page("b", token=end))
    assert await read(client.aggregation_v2.list_transactions()) == ["a", "b"]
    assert [one.body for one in wire.asked if one.path == PATH] == [
        {"query": {}, "page_token": None},
        {"query": {}, "page_token": "t1"},
        {"query": {}, "page_token": "t2"},
    ]


async def test_absent_token_ends_the_listing(client, wire) -> None:
    wire.say(PATH, {"items": [{"transaction_id": "a"}]})
    assert await read(client.aggregation_v2.list_transactions()) == ["a"]


@pytest.mark.parametrize("tokens", [("t1", "t1"), ("t1", "t2", "t1")])
async def test_token_that_comes_back_is_an_error(client, wire, tokens) -> None:
    wire.say(PATH, *(page("a", token=token) for token in tokens))
    found = []
    with pytest.raises(FlanksResponseError, match="already used"):
        await read(_noting(client.aggregation_v2.list_transactions(), found))
    assert len(found) == len(tokens)


async def test_pages_are_asked_for_as_they_are_taken(client, wire) -> None:
    wire.say(PATH, page("a", "b", token="t1"), page("c"))
    listing = client.aggregation_v2.list_transactions()
    assert (await anext(listing)).transaction_id == "a"
    assert wire.count(PATH) == 1
    await listing.aclose()


@pytest.mark.parametrize(("count", "calls"), [(0, 0), (1, 1), (2, 1), (3, 2), (9, 2)])
async def test_no_more_than_max_items_come(client, wire, count, calls) -> None:
    wire.say(PATH, page("a", "b", token="t1"), page("c"))
    assert await read(client.aggregation_v2.list_transactions(max_items=count)) == ["a", "b", "c"][:count]
    assert wire.count(PATH) == calls


async def test_one_page_with_its_token(client, wire) -> None:
    wire.say(PATH, page("a", token="t2"))
    found = await client.aggregation_v2.list_transactions_page(page_token="t1")
    assert (found.next_page_token, found.has_next(), len(found.items)) == ("t2", True, 1)
    assert wire.last(PATH).body["page_token"] == "t1"
    wire.say(PATH, page("a", token=""))
    last = await client.aggregation_v2.list_transactions_page()
    assert (last.next_page_token, last.has_next()) == (None, False)


def test_page_without_a_next_one_says_so() -> None:
    assert not PagedResponse([], "").has_next()
    assert not PagedResponse([], None).has_next()
    assert PagedResponse([1], "t").has_next()


async def test_broken_item_is_named_and_those_before_it_are_not_lost(client, wire) -> None:
    broken = page("a", "b", "c")
    broken["items"][1]["amount"] = "1,234.50"
    wire.say(PATH, broken)
    found = []
    with pytest.raises(FlanksResponseError) as caught:
        await read(_noting(client.aggregation_v2.list_transactions(), found))
    assert [one.transaction_id for one in found] == ["a"]
    assert caught.value.fields == ("items.1.amount",)
    assert "1,234.50" not in f"{caught.value!r} {caught.value.response_body}"


async def test_broken_items_can_be_collected_instead(client, wire) -> None:
    wire.say(PATH, {"items": [{"transaction_id": "a"}, {"transaction_id": None}, 7, {"transaction_id": "b"}]})
    invalid = []
    listing = client.with_options(on_invalid_item=invalid.append).aggregation_v2.list_transactions()
    assert await read(listing) == ["a", "b"]
    assert [(one.index, one.path) for one in invalid] == [(1, PATH), (2, PATH)]
    assert invalid[0].fields == ("items.1.transaction_id",)


async def test_credentials_are_listed_by_number_and_told_once(client, wire) -> None:
    def numbered(asked):
        rows = {1: ["a", "b"], 2: ["b", "c"], 3: ["d"]}[asked.body["page"]]
        return {"items": [{"credentials_token": one} for one in rows], "page": asked.body["page"], "pages": 3}

    wire.say("/v0/bank/credentials/list", numbered)
    assert [one.credentials_token for one in await client.credentials.list_all()] == ["a", "b", "c", "d"]
    first = [one.credentials_token async for one in client.credentials.iter_all(max_items=3)]
    assert first == ["a", "b", "c"]
    page = await client.credentials.list(2)
    assert (page.page, page.pages, len(page.items)) == (2, 3, 2)


@pytest.mark.parametrize("pages", [0, 5])
async def test_empty_page_ends_the_credentials(client, wire, pages) -> None:
    wire.say("/v0/bank/credentials/list", {"items": [], "page": 1, "pages": pages})
    assert await client.credentials.list_all() == []
    assert wire.count("/v0/bank/credentials/list") == 1


@pytest.mark.parametrize("bad", [-1, 1.5, "3", True])
async def test_wrong_max_items_is_refused(client, wire, bad) -> None:
    with pytest.raises(FlanksArgumentError, match="max_items"):
        await read(client.aggregation_v2.list_transactions(max_items=bad))
    assert wire.asked == []
