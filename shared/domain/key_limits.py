"""What one gateway key may do in a minute, and at once."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class KeyLimits:
    """What one key may do: calls and tokens a minute, and calls at once. None is no limit.

    Answers from the cache are not counted: they cost nothing.
    """

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    in_flight: int | None = None
