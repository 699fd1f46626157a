"""When a model is left alone: a circuit breaker whose state all instances share.

A model that failed several times in a row rests for a while; one whose provider names a
``Retry-After`` rests for just that long. When the rest is over the next call tries again: its
success forgets the failures, its failure starts another rest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

from shared.domain.errors import (
    GatewayError,
    UpstreamFailed,
    UpstreamRateLimited,
    UpstreamTimedOut,
)

FAILURES_TO_REST: Final = 3
REST_SECONDS: Final = 30
LIMITED_SECONDS: Final = 5
"""How long a rate limit without a Retry-After is respected."""
LONGEST_REST_SECONDS: Final = 300
"""A provider that asks for hours is tried again in minutes: limits are often lifted sooner."""

Cause = Literal["failing", "limited"]


@dataclass(frozen=True)
class Health:
    """What is known of one model; a model that nothing is known of is healthy."""

    failures: int = 0
    resting_until: float = 0
    cause: Cause = "failing"

    def is_resting(self, now: float) -> bool:
        """Whether calls should go elsewhere."""
        return now < self.resting_until

    def refusal(self, provider: str, now: float) -> GatewayError:
        """Return the error for a caller who can be sent nowhere else."""
        seconds = str(max(1, math.ceil(self.resting_until - now)))
        if self.cause == "limited":
            return UpstreamRateLimited(provider, seconds)
        error = UpstreamFailed(
            f"{provider} has failed repeatedly and is left alone for {seconds} s.", may_bill=False
        )
        error.headers["retry-after"] = seconds
        return error


@dataclass(frozen=True)
class Rest:
    """A rest to be taken: until when, and why."""

    until: float
    cause: Cause


def is_blamed_on_the_model(error: GatewayError) -> bool:
    """Whether an error speaks against the model rather than the request."""
    return isinstance(error, UpstreamFailed | UpstreamRateLimited | UpstreamTimedOut)


def rest_after(error: GatewayError, failures: int, now: float) -> Rest | None:
    """Return the rest that an error calls for, ``failures`` counting it."""
    if isinstance(error, UpstreamRateLimited):
        asked = _seconds(error.headers.get("retry-after"))
        return Rest(now + min(asked, LONGEST_REST_SECONDS), "limited")
    if failures >= FAILURES_TO_REST:
        return Rest(now + REST_SECONDS, "failing")
    return None


def _seconds(retry_after: str | None) -> float:
    try:
        seconds = float(retry_after or LIMITED_SECONDS)
    except ValueError:
        return LIMITED_SECONDS
    return seconds if math.isfinite(seconds) and seconds > 0 else LIMITED_SECONDS
