"""What the gateway remembers: keys, stored answers, and one usage entry per request.

An entry is opened before a provider is called and settled after it has answered. One that
stays open tells that a process died in between; the money it may have cost is then unknown,
never silently zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from shared.domain.freshness import Freshness, TierName
from shared.domain.prices import TokenCounts

CacheResult = Literal["hit", "miss", "bypass"]
Outcome = Literal["answered", "refused", "failed"]
UsageSource = Literal["provider", "stored", "bound", "none"]
"""``bound``: the provider's figures never arrived, so an upper bound was charged (in doubt)."""


@dataclass(frozen=True)
class KeyRow:
    """A gateway key as stored. The key itself is nowhere; ``digest`` is its SHA-256."""

    key_id: str
    environment: str
    team: str
    digest: str
    name: str
    created_at: int
    revoked_at: int | None = None


@dataclass(frozen=True)
class StoredAnswer:
    """A cached completion. It repeats its tenant and digest, which the reader checks."""

    team: str
    digest: str
    body: bytes
    model: str
    tier: str | None
    tokens: TokenCounts
    stored_at: int
    expires_at: int
    freshness: TierName
    repeats: int = 0
    """How often it was asked for again, remembered for a while after it has expired."""

    def is_fresh(self, now: float) -> bool:
        """Whether it may still be served; DynamoDB deletes expired rows days late."""
        return now < self.expires_at


@dataclass(frozen=True)
class Entry:
    """One request's usage entry as opened. Times are epoch seconds; no prompt, no answer."""

    request_id: str
    opened_at: float
    team: str
    key_id: str
    door: Literal["chat"]
    requested_model: str
    model: str
    provider: str
    tier: str | None
    price_version: str
    stream: bool
    cache: CacheResult
    route_reason: str = ""
    feature: str | None = None
    task: str | None = None


@dataclass(frozen=True)
class Settlement:
    """How a request ended and what it cost, in nano-dollars."""

    outcome: Outcome
    tokens: TokenCounts
    usage_source: UsageSource
    cost_nano: int
    baseline_nano: int
    finish_reason: str | None = None

    @property
    def saved_nano(self) -> int:
        """Baseline minus cost; negative when the baseline would have been cheaper."""
        return self.baseline_nano - self.cost_nano


@dataclass(frozen=True)
class Repeat:
    """A hit's effect on the stored answer: counted, and perhaps kept longer."""

    answer: StoredAnswer
    promote_to: Freshness | None = None
