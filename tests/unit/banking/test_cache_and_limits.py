"""A bank is not asked twice for the same; no token lies around; a flood is stopped."""

import asyncio
import logging
import pickle

import pytest

from bursar.banking.exceptions import InvalidCredentialsError
from bursar.banking.http import cache as caching
from bursar.banking.http.cache import AnswerCache
from bursar.banking.http.guard import ACCESS_LOGS, AddressFilter, mask_access_logs, mask_address
from bursar.banking.http.limits import RateLimit, RateLimiter
from bursar.banking.tokens import to_credentials, to_token
from bursar.ports.provider import Credentials


class Still:
    """Time that passes when it is told to, and a bank that counts questions."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.asked = 0

    def __call__(self) -> float:
        return self.now

    async def read(self) -> int:
        self.asked += 1
        await asyncio.sleep(0)
        return self.asked


@pytest.fixture
def still() -> Still:
    return Still()


@pytest.fixture
def cache(still) -> AnswerCache:
    return AnswerCache(monotonic=still)


@pytest.mark.parametrize(("operation", "ttl_s"), [("accounts", 60), ("balances", 60), ("transactions", 300)])
async def test_answer_is_kept_for_its_time(cache, still, operation, ttl_s) -> None:
    assert await cache.get("t", operation, {}, still.read) == 1
    still.now += ttl_s - 1
    assert await cache.get("t", operation, {}, still.read) == 1
    still.now += 2
    assert await cache.get("t", operation, {}, still.read) == 2


async def test_tokens_operations_and_parameters_are_apart(cache, still) -> None:
    for token, operation, parameters in [
        ("t", "accounts", {}),
        ("u", "accounts", {}),
        ("t", "balances", {}),
        ("t", "accounts", {"start": "a"}),
        ("t", "accounts", {"start": "b"}),
    ]:
        await cache.get(token, operation, parameters, still.read)
    assert still.asked == 5


async def test_refresh_forgets_what_the_operation_has_of_this_token_only(cache, still) -> None:
    await cache.get("t", "transactions", {"start": "a"}, still.read)
    await cache.get("t", "transactions", {"start": "b"}, still.read)
    await cache.get("u", "transactions", {"start": "a"}, still.read)
    assert await cache.get("t", "transactions", {"start": "a"}, still.read, refresh=True) == 4
    assert await cache.get("t", "transactions", {"start": "b"}, still.read) == 5
    assert await cache.get("u", "transactions", {"start": "a"}, still.read) == 3


async def test_callers_at_once_share_one_reading_and_one_who_leaves_takes_nothing(cache, still) -> None:
    calls = [asyncio.create_task(cache.get("t", "accounts", {}, still.read)) for _ in range(5)]
    await asyncio.sleep(0)
    calls[0].cancel()
    done = await asyncio.gather(*calls, return_exceptions=True)
    assert done[1:] == [1, 1, 1, 1]
    assert still.asked == 1


async def test_failure_is_not_kept(cache, still) -> None:
    async def fail() -> int:
        raise LookupError

    with pytest.raises(LookupError):
        await cache.get("t", "accounts", {}, fail)
    assert await cache.get("t", "accounts", {}, still.read) == 1


async def test_reading_that_was_overtaken_by_a_refresh_is_not_kept(cache, still) -> None:
    gate = asyncio.Event()

    async def slow() -> str:
        await gate.wait()
        return "old"

    overtaken = asyncio.create_task(cache.get("t", "accounts", {}, slow))
    await asyncio.sleep(0)
    assert await cache.get("t", "accounts", {}, still.read, refresh=True) == 1
    gate.set()
    assert await overtaken == "old"
    assert await cache.get("t", "accounts", {}, still.read) == 1


async def test_cache_is_bounded_and_holds_no_token(cache, still, monkeypatch) -> None:
    monkeypatch.setattr(caching, "MAX_ENTRIES", 3)
    for number in range(10):
        await cache.get(f"token-canary-{number}", "accounts", {}, still.read)
    assert len(cache._kept) == 3
    held = pickle.dumps([list(cache._kept), list(cache._readings)])
    assert b"canary" not in held


def test_limit_lets_a_hundred_through_and_says_when_to_come_back(still) -> None:
    limiter = RateLimiter(RateLimit(100, 60), monotonic=still)
    assert [limiter.take("a") for _ in range(100)] == [0] * 100
    assert limiter.take("a") == 1
    assert limiter.take("b") == 0
    still.now += 0.6
    assert limiter.take("a") == 0
    assert limiter.take("a") == 1
    still.now += 61
    assert [limiter.take("a") for _ in range(101)].count(0) == 100


def test_slow_limit_says_the_whole_wait_and_a_limit_of_nothing_is_refused(still) -> None:
    limiter = RateLimiter(RateLimit(1, 3600), monotonic=still)
    assert (limiter.take("a"), limiter.take("a")) == (0, 3600)
    with pytest.raises(ValueError, match="at least one"):
        RateLimit(0, 60)


def test_flood_of_addresses_does_not_fill_the_memory(still, monkeypatch) -> None:
    monkeypatch.setattr("bursar.banking.http.limits.MAX_ADDRESSES", 10)
    limiter = RateLimiter(RateLimit(100, 60), monotonic=still)
    for number in range(1000):
        limiter.take(str(number))
    assert len(limiter._buckets) <= 10


@pytest.mark.parametrize(
    ("address", "masked"),
    [
        ("/banking/accounts?access_token=canary", "/banking/accounts?access_token=***"),
        ("/x?page=2&access_token=canary&a=1", "/x?page=2&access_token=***&a=1"),
        ("/x?Public-Token=canary HTTP/1.1", "/x?Public-Token=*** HTTP/1.1"),
        ("/x?client_secret=canary&page=1", "/x?client_secret=***&page=1"),
        ("/x?page=1", "/x?page=1"),
    ],
)
def test_secrets_in_addresses_are_masked(address, masked) -> None:
    assert mask_address(address) == masked


def test_access_logs_of_servers_mask_addresses(caplog) -> None:
    mask_access_logs()
    mask_access_logs()
    for name in ACCESS_LOGS:
        logger = logging.getLogger(name)
        assert sum(isinstance(one, AddressFilter) for one in logger.filters) == 1
        with caplog.at_level(logging.INFO, name):
            logger.info('%s - "%s %s HTTP/%s" %d', "127.0.0.1:1", "GET", "/a?access_token=canary", "1.1", 400)
            logger.info("%(r)s", {"r": "GET /a?access_token=canary HTTP/1.1"})
            logger.info("GET /a?access_token=canary")
    assert "access_token=***" in caplog.text
    assert "canary" not in caplog.text


def test_login_of_several_values_travels_as_one_text() -> None:
    many = Credentials({"user": "u-canary", "member": "m-canary"})
    token = to_token(many)
    assert "canary" not in token
    assert dict(to_credentials(token)) == dict(many)
    assert to_token(Credentials({"access_token": "access-1", "item_id": "it"})) == "access-1"
    assert dict(to_credentials("access-1")) == {"access_token": "access-1"}


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak", "ünïcode", "bursar-login.e30x", "bursar-login.%%%"])
def test_what_is_no_token_is_refused_before_anything_is_sent(token) -> None:
    with pytest.raises(InvalidCredentialsError, match=r"hand over|link the bank again"):
        to_credentials(token)
