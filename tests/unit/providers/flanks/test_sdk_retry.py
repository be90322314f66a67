"""What is sent again, how often, after which wait, and what never is?"""

from datetime import timedelta
from email.utils import format_datetime

import pytest

from bursar.providers.flanks import FlanksNetworkError, FlanksRateLimitError, FlanksServerError

READS = {
    "entities.list": ("/v0/bank/available", ()),
    "credentials.get_status": ("/v0/bank/credentials/status", ("t",)),
    "aggregation_v1.get_accounts": ("/v0/bank/credentials/account", ("t",)),
    "aggregation_v2.list_products_page": ("/aggregation/v2/list-products", ()),
    "links.list": ("/v0/links/list-links", ()),
    "report.get_content_url": ("/report/v1/get-report-content", (1,)),
}
WRITES = {
    "connect.create_session": ("/connect/v2/sessions/create-session", ({"connector_id": "x"},)),
    "credentials.force_sca": ("/v0/bank/credentials/status", ("t",)),
    "credentials.delete": ("/v0/bank/credentials", ("t",)),
    "links.create": ("/v0/links/create-link", ("https://a",)),
    "links.exchange_code": ("/v0/platform/link", ("code",)),
    "report.build_report": ("/report/v1/build-report", (1, {}, {})),
    "aggregation_v2.set_product_labels": ("/aggregation/v2/set-product-labels", ("p", {})),
}


async def call(client, name, arguments):
    group, method = name.split(".")
    return await getattr(getattr(client, group), method)(*arguments)


@pytest.mark.parametrize("name", READS)
@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_reading_is_repeated_after_an_outage(make_client, wire, said, still, name, status) -> None:
    path, arguments = READS[name]
    wire.say(path, said(status, b"<html>"))
    with pytest.raises(FlanksServerError):
        await call(make_client(retries=2, retry_backoff=1.0), name, arguments)
    assert wire.count(path) == 3
    assert still.slept == [1.0, 2.0]


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_writing_is_sent_once(make_client, wire, said, name, status) -> None:
    path, arguments = WRITES[name]
    wire.say(path, said(status))
    with pytest.raises(FlanksServerError):
        await call(make_client(retries=3), name, arguments)
    assert wire.count(path) == 1


@pytest.mark.parametrize("name", WRITES)
async def test_writing_that_broke_off_is_not_sent_again(make_client, wire, said, name) -> None:
    path, arguments = WRITES[name]
    wire.say(path, said(cut=True))
    with pytest.raises(FlanksNetworkError):
        await call(make_client(retries=3), name, arguments)
    assert wire.count(path) == 1


async def test_writing_is_repeated_when_flanks_says_that_it_did_nothing(make_client, wire, said) -> None:
    wire.say("/v0/platform/link", said(429, {}, {"retry-after": "2"}), {"credentials_token": "cred"})
    result = await make_client().links.exchange_code("code")
    assert result.credentials_token == "cred"
    assert wire.count("/v0/platform/link") == 2


async def test_reading_that_broke_off_is_repeated(make_client, wire, said) -> None:
    wire.say("/v0/bank/available", said(cut=True), [])
    assert await make_client().entities.list() == []


async def test_refused_connection_is_repeated_for_all(make_client, still) -> None:
    with pytest.raises(FlanksNetworkError) as caught:
        await make_client(base_url="http://127.0.0.1:1", retries=2).links.exchange_code("code")
    assert caught.value.attempts == 3


@pytest.mark.parametrize("status", [400, 403, 404, 408, 409, 425, 501, 505])
async def test_what_another_attempt_would_not_change_is_sent_once(make_client, wire, said, status) -> None:
    wire.say("/v0/bank/available", said(status, {}))
    with pytest.raises(Exception, match=str(status)):
        await make_client(retries=3).entities.list()
    assert wire.count("/v0/bank/available") == 1


async def test_raw_call_is_repeated_unless_it_says_otherwise(make_client, wire, said) -> None:
    wire.say("/custom", said(503), {"ok": True})
    assert await make_client().transport.api_call("/custom", {"data": "value"}) == {"ok": True}
    wire.say("/custom", said(503), {"ok": True})
    with pytest.raises(FlanksServerError):
        await make_client().transport.api_call("/custom", {"data": "value"}, retry=False)


async def test_stated_wait_is_kept_as_seconds_and_as_a_date(make_client, wire, said, still) -> None:
    date = format_datetime(still.now() + timedelta(seconds=30), usegmt=True)
    for wait in ("7", date):
        wire.say("/v0/bank/available", said(429, {}, {"retry-after": wait}), [])
        await make_client().entities.list()
    assert still.slept[0] == 7.0
    assert 22.0 <= still.slept[1] <= 30.0


async def test_wait_that_is_too_long_is_told_instead(make_client, wire, said, still) -> None:
    wire.say("/v0/bank/available", said(429, {}, {"retry-after": "3600"}))
    with pytest.raises(FlanksRateLimitError) as caught:
        await make_client(retries=5).entities.list()
    assert caught.value.retry_after == 3600
    assert still.slept == []


async def test_backoff_without_jitter_is_the_plain_power(make_client, wire, said, still) -> None:
    wire.say("/v0/bank/available", said(500))
    with pytest.raises(FlanksServerError):
        await make_client(retries=4, retry_backoff=0.5, jitter=False).entities.list()
    assert still.slept == [0.5, 1.0, 2.0, 4.0]
