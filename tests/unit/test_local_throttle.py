"""The token bucket of the front door."""

from __future__ import annotations

from local.throttle import TokenBucket


def test_a_burst_is_let_through_and_regained_at_the_rate() -> None:
    now = [100.0]
    bucket = TokenBucket(rate=2, burst=3, monotonic=lambda: now[0])
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
    now[0] += 0.5
    assert [bucket.take() for _ in range(2)] == [True, False]
    now[0] += 1000
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
