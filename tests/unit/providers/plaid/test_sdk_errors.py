from datetime import timedelta

import httpx2
import pytest

from bursar.providers.plaid.sdk import errors


@pytest.mark.parametrize(
    ("error_type", "code", "error_class"),
    [(error_type, code, error_class) for (error_type, code), error_class in errors.ERROR_TABLE.items()],
)
async def test_pair_of_type_and_code_decides_the_class(client, wire, shapes, error_type, code, error_class) -> None:
    wire.answers["/item/get"] = shapes.refusal(error_type, code)
    with pytest.raises(errors.PlaidError) as caught:
        await client.get_item("access-1")
    error = caught.value
    assert type(error) is error_class
    assert (error.error_type, error.error_code, error.status) == (error_type, code, 400)
    assert error.request_id == "c3Mv9QaT6yHs1Bn"
    assert len(wire.calls) == 1


@pytest.mark.parametrize("error_type", sorted(errors.GROUP_TABLE))
async def test_code_that_plaid_adds_later_falls_into_its_group(client, wire, shapes, error_type) -> None:
    wire.answers["/item/get"] = shapes.refusal(error_type, "BRAND_NEW")
    with pytest.raises(errors.GROUP_TABLE[error_type]) as caught:
        await client.get_item("access-1")
    assert type(caught.value) is errors.GROUP_TABLE[error_type]


async def test_unknown_group_is_still_a_plaid_error(client, wire, shapes) -> None:
    wire.answers["/item/get"] = shapes.refusal("NEW_GROUP", "NEW_CODE")
    with pytest.raises(errors.PlaidError) as caught:
        await client.get_item("access-1")
    assert type(caught.value) is errors.PlaidError


@pytest.mark.parametrize(
    ("status", "content", "error_class"),
    [
        (400, b"<html>bad gateway</html>", errors.PlaidResponseError),
        (404, b"", errors.PlaidResponseError),
        (429, b"", errors.PlaidRateLimitError),
        (403, b"<html>firewall</html>", errors.PlaidServerError),
        (502, b"<html>bad gateway</html>", errors.PlaidServerError),
        (302, b"", errors.PlaidResponseError),
        (200, b"<html>maintenance</html>", errors.PlaidResponseError),
        (200, b"", errors.PlaidResponseError),
        (200, b"[]", errors.PlaidResponseError),
        (200, b'{"item": {', errors.PlaidResponseError),
        (200, b'{"request_id": "r"}', errors.PlaidResponseError),
        (200, b'{"item": null, "request_id": "r"}', errors.PlaidResponseError),
    ],
)
async def test_answer_that_is_not_plaids_error_object_is_classed_by_status(
    client, wire, status, content, error_class
) -> None:
    wire.answers["/item/get"] = lambda _: httpx2.Response(status, content=content)
    with pytest.raises(errors.PlaidError) as caught:
        await client.get_item("access-1")
    assert type(caught.value) is error_class
    assert caught.value.error_type is None


async def test_rate_limit_without_a_wait_means_the_next_minute(client, wire, shapes, still) -> None:
    wire.answers["/item/get"] = shapes.refusal("RATE_LIMIT_EXCEEDED", "ITEM_GET_LIMIT", 429)
    with pytest.raises(errors.PlaidRateLimitError) as caught:
        await client.get_item("access-1")
    assert caught.value.retry_at == shapes.now + timedelta(seconds=60)
    assert still.slept == []


async def test_refused_connection_is_a_connection_error(client, wire) -> None:
    def refuse(_: object) -> httpx2.Response:
        raise httpx2.ConnectError("refused")

    wire.answers["/item/get"] = refuse
    with pytest.raises(errors.PlaidConnectionError) as caught:
        await client.get_item("access-1")
    assert caught.value.attempts == 3


async def test_tokens_echoed_in_an_error_are_not_kept(client, wire, shapes) -> None:
    wire.answers["/item/get"] = shapes.refusal(
        "INVALID_INPUT",
        "INVALID_ACCESS_TOKEN",
        error_message="token opaque-canary-1 of secret-canary is unknown",
        display_message="opaque-canary-1",
    )
    with pytest.raises(errors.PlaidInvalidAccessTokenError) as caught:
        await client.get_item("opaque-canary-1")
    assert "canary" not in f"{caught.value!r} {caught.value} {vars(caught.value)}"
    assert "INVALID_ACCESS_TOKEN" in caught.value.body_excerpt
