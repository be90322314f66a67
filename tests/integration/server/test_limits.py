"""How often a tenant may call."""

import httpx2

from bursar.server.app import create_app
from bursar.server.limits import RateLimiter


class Hand:
    """A clock that a test moves."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_bucket_fills_again_at_its_rate() -> None:
    hand = Hand()
    limiter = RateLimiter(3, 60, monotonic=hand)
    assert [limiter.take("a").remaining for _ in range(3)] == [2, 1, 0]
    refused = limiter.take("a")
    assert (refused.wait_s, refused.full_in_s) == (20, 60)
    assert limiter.take("b").wait_s == 0
    hand.now += 20
    assert limiter.take("a").wait_s == 0
    assert limiter.take("a").wait_s == 20
    hand.now += 1000
    assert limiter.take("a").remaining == 2


async def test_tenant_over_its_limit_waits_and_others_do_not(platform, new_user) -> None:
    app = create_app(platform, limiter=RateLimiter(3, 60, monotonic=Hand()))
    transport = httpx2.ASGITransport(app=app)  # pyright: ignore[reportArgumentType]
    async with httpx2.AsyncClient(transport=transport, base_url="http://t") as http:
        busy, calm = await new_user(), await new_user()
        busy.http = calm.http = http
        answers = [await busy.get("/accounts", headers={"X-Request-ID": "request-1"}) for _ in range(4)]
        assert [each.status_code for each in answers] == [200, 200, 200, 429]
        assert [each.headers["x-ratelimit-remaining"] for each in answers] == ["2", "1", "0", "0"]
        assert answers[0].headers["ratelimit-policy"] == '"default";q=3;w=60'
        assert answers[0].headers["ratelimit"] == '"default";r=2;t=20'
        refused = answers[-1]
        assert refused.headers["retry-after"] == "20"
        assert refused.headers["x-request-id"] == "request-1"
        assert refused.json()["error"]["code"] == "rate_limited"
        assert refused.json()["error"]["retryable"] is True
        assert (await calm.get("/accounts")).status_code == 200
        live = [(await http.get("/api/v1/health/live")).status_code for _ in range(4)]
        assert live == [200, 200, 200, 429]
