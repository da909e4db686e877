"""Token buckets."""

import pytest

from api import rate_limiter
from api.rate_limiter import RateLimiter


def test_a_burst_then_as_many_as_come_back() -> None:
    limiter = RateLimiter(per_s=2, burst=3)
    assert [limiter.take_permit("a", 0) for _ in range(4)] == [0, 0, 0, 1]
    assert limiter.take_permit("b", 0) == 0
    assert [limiter.take_permit("a", 1) for _ in range(3)] == [0, 0, 1]


def test_what_was_used_may_be_more_than_was_left() -> None:
    limiter = RateLimiter(per_s=1, burst=10)
    assert limiter.wait_s("a", 0) == 0
    limiter.charge("a", 25, 0)
    assert limiter.wait_s("a", 0) == 16
    assert limiter.wait_s("a", 16) == 0


def test_no_flood_of_names_grows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limiter, "MOST_REMEMBERED", 10)
    limiter = RateLimiter(per_s=1, burst=1)
    assert [limiter.take_permit(str(n), 0) for n in range(100)] == [0] * 100
    assert limiter.take_permit("99", 0) == 1
    assert limiter.take_permit("0", 0) == 0
